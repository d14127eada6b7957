"""Verbs of the hub that stand among those of a room."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.settings import read_configuration


def drift(
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for machines")] = False,
    forget: Annotated[
        str | None,
        typer.Option(help="县/数据源：改好清单后重新学习 / county/source: learn its shape anew"),
    ] = None,
) -> None:
    """数源答复的形状变了什么、影响谁 / how sources changed their answers, and whom it breaks."""
    from hub import drift_report  # noqa: PLC0415  (imports the store)

    raise typer.Exit(drift_report.run(as_json=as_json, forget=forget))


def rotate() -> None:
    """更换主密钥，数据密钥重新封装 / renew the master key and wrap every data key anew."""
    from hub.app import opened_vault  # noqa: PLC0415  (imports the whole hub)

    with opened_vault(read_configuration().settings) as (_, vault):
        vault.rotate_master()
    typer.echo("✔ 主密钥已更换 / the master key was renewed")
