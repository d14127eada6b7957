"""`mianti`: one command for the bureau that runs the hub. Chinese first, English beside it."""

from __future__ import annotations

import base64
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from adapters.errors import InvalidManifest
from catalog.errors import InvalidCatalog
from hub.errors import HubError, InvalidSettings

app = typer.Typer(
    help="免提：数据共享与电子证照枢纽 / hub for data sharing and electronic certificates",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
receipts_app = typer.Typer(help="回执 / receipts", no_args_is_help=True)
app.add_typer(receipts_app, name="receipts")
_rooms: dict[str, typer.Typer] = {
    name: import_module(f"{name}.cli").app for name in ("catalog", "adapters")
}
for _name, _app in _rooms.items():
    app.add_typer(_app, name=_name)

_MARK = {
    "passed": "[green]✔ 通过[/]",
    "failed": "[red]✘ 不通过[/]",
    "indeterminate": "[yellow]？ 无法判定[/]",
}
_EXIT = {"passed": 0, "failed": 1, "indeterminate": 2}


@receipts_app.command("verify")
def verify(
    file: Annotated[
        Path, typer.Argument(help="回执文件 / a receipt file", exists=True, dir_okay=False)
    ],
    key: Annotated[
        str | None,
        typer.Option(help="可信公钥，base64 / the trusted key, see GET /v1/evidence/key"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for machines")] = False,
) -> None:
    """离线核验回执，不需要枢纽 / check a receipt without the hub. Exit code 0, 1 or 2."""
    from hub.receipts import verify_receipt  # noqa: PLC0415  (keeps `mianti --help` quick)

    try:
        trusted = base64.b64decode(key, validate=True) if key else None
    except ValueError as wrong:
        raise typer.BadParameter("不是 base64 / not base64", param_hint="--key") from wrong
    report = verify_receipt(file.read_bytes(), trusted_key=trusted)
    if as_json:
        steps = [
            {"number": s.number, "key": s.key, "verdict": str(s.verdict)} for s in report.steps
        ]
        typer.echo(json.dumps({"verdict": str(report.verdict), "steps": steps}, ensure_ascii=False))
    else:
        table = Table(title=f"回执核验 / receipt: {_MARK[report.verdict]}", title_justify="left")
        for heading in ("", "检查 / check", "结论 / verdict"):
            table.add_column(heading)
        for step in report.steps:
            table.add_row(str(step.number), f"{step.zh}\n[dim]{step.en}[/]", _MARK[step.verdict])
        Console().print(table)
    raise typer.Exit(_EXIT[report.verdict])


@app.command()
def serve(
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="同时启动模拟部门 / start the simulated departments too"),
    ] = False,
    admit_intake: Annotated[
        bool,
        typer.Option(
            "--admit-intake", help="登记示例综窗系统及授权 / register the example intake systems"
        ),
    ] = False,
) -> None:
    """启动枢纽 / run the hub until Ctrl-C."""
    from hub.running import run  # noqa: PLC0415  (imports the whole hub)

    run(with_sandbox=sandbox, with_intake=sandbox or admit_intake)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="结果放在哪里 / where the results go")] = Path(
        "var/demo"
    ),
) -> None:
    """演示第一条路 / run the first journey against the sandbox and check everything shown."""
    from hub import demo as the_demo  # noqa: PLC0415  (imports the whole hub)

    raise typer.Exit(the_demo.run(folder))


@_rooms["adapters"].command()
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


@app.command()
def token(
    client: Annotated[str, typer.Option(help="调用方编号 / the caller's id")],
    key: Annotated[
        Path, typer.Option(help="私钥 JWK / its private key", exists=True, dir_okay=False)
    ],
    url: Annotated[
        str, typer.Option(help="枢纽地址 / the hub's address")
    ] = "http://127.0.0.1:8600",
) -> None:
    """获取访问令牌 / get an access token with private_key_jwt, for trying things with curl."""
    from hub.client import HubClient  # noqa: PLC0415  (imports an HTTP client)

    hub = HubClient(url, client, key)
    try:
        typer.echo(hub.token())
    finally:
        hub.close()


def main() -> None:
    """The console script. Complaints go to standard error, one a line; nothing prints a stack."""
    try:
        app()
    except (InvalidCatalog, InvalidManifest, InvalidSettings) as wrong:
        for complaint in wrong.complaints:
            print(complaint, file=sys.stderr)
        sys.exit(1)
    except HubError as wrong:
        print(f"{wrong.code}: {wrong.why}", file=sys.stderr)
        sys.exit(1)
