"""`mianti`: one command for the bureau that runs the hub. Chinese first, English beside it."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from catalog.errors import InvalidCatalog
from catalog.tables import plain_table
from hub.errors import HubError, InvalidSettings
from hub.settings import read_configuration
from hub.verbs import Verbs

if TYPE_CHECKING:
    from hub.evidence import EvidenceLog

CHINA = ZoneInfo("Asia/Shanghai")

app = typer.Typer(
    help="免提：数据共享与电子证照枢纽 / hub for data sharing and electronic certificates",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    cls=Verbs,
)
receipts_app = typer.Typer(help="回执 / receipts", no_args_is_help=True)
app.add_typer(receipts_app, name="receipts")
grants_app = typer.Typer(help="授权 / grants", no_args_is_help=True)
app.add_typer(grants_app, name="grants")
evidence_app = typer.Typer(help="留痕 / the evidence log", no_args_is_help=True)
app.add_typer(evidence_app, name="evidence")


@app.callback()
def _begin(context: typer.Context) -> None:
    """What verbs of the rooms need of the hub."""
    context.obj = _judged


def _judged(document: bytes, *, key: bytes, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    from hub.receipts import proven  # noqa: PLC0415  (imports the exchange)

    return proven(document, key=key, values=values)


callbacks_app = typer.Typer(help="回调地址 / callbacks", no_args_is_help=True)
app.add_typer(callbacks_app, name="callbacks")


@callbacks_app.command("add")
def add_callback(
    client: Annotated[str, typer.Argument(help="调用方编号 / the caller's id")],
    url: Annotated[str, typer.Argument(help="https 地址，或本机 http / https, or http to here")],
) -> None:
    """登记回调地址，显示一次签名密钥 / register an address; its secret is shown this once."""
    from hub.app import opened_vault  # noqa: PLC0415  (imports the whole hub)
    from hub.settings import read_configuration  # noqa: PLC0415
    from hub.store import DeferredBook  # noqa: PLC0415
    from hub.webhooks import may_be_called, new_secret  # noqa: PLC0415

    if not may_be_called(url):
        raise typer.BadParameter("须为 https，或本机的 http / https, or http to this machine")
    with opened_vault(read_configuration().settings) as (database, vault):
        secret = new_secret()
        DeferredBook(database=database, vault=vault).register_callback(client, url, secret)
    typer.echo(secret)


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
        title = f"回执核验 / receipt: {_MARK[report.verdict]}"
        table = plain_table("", "检查 / check", "结论 / verdict", title=title)
        for step in report.steps:
            table.add_row(str(step.number), f"{step.zh}\n[dim]{step.en}[/]", _MARK[step.verdict])
        Console().print(table)
    raise typer.Exit(_EXIT[report.verdict])


@grants_app.command("propose")
def propose(
    county: Annotated[str, typer.Option(help="县区编号 / the county's id")],
    consumer: Annotated[str, typer.Option(help="调用方编号 / who is to ask")],
    legal_basis: Annotated[str, typer.Option(help="依据文件 / the document relied on")],
    years: Annotated[int, typer.Option(min=1, max=5, help="有效几年 / for how many years")] = 1,
    everything: Annotated[
        bool,
        typer.Option("--all", help="包括尚未接入的数据资源 / also what is not connected yet"),
    ] = False,
) -> None:
    """授权建议：各“一件事”所需的最小信息项 / the least that the county's bundles need, as YAML."""
    from hub.app import connected_catalog  # noqa: PLC0415  (imports the whole hub)
    from hub.proposing import connected_needs, needed, proposed_grants  # noqa: PLC0415  (as above)

    today = datetime.now(CHINA).date()
    catalog = connected_catalog(read_configuration().settings.counties_dir, county)
    typer.echo(
        proposed_grants(
            catalog,
            county,
            (needed if everything else connected_needs)(catalog, county),
            consumer=consumer,
            legal_basis=legal_basis,
            valid_from=today,
            valid_to=today + timedelta(days=365 * years),
        ),
        nl=False,
    )


@evidence_app.command("audit")
def audit() -> None:
    """重算全部留痕 / recompute the whole evidence log; exit code 1 where anything does not fit."""
    with _opened_log() as log:
        findings = log.audit()
    for finding in findings:
        typer.echo(finding)
    typer.echo("✘ 日志不完整 / the log is damaged" if findings else "✔ 日志完整 / the log is whole")
    raise typer.Exit(1 if findings else 0)


@evidence_app.command("head")
def head() -> None:
    """签名的日志头，可交外部留存 / the signed tree head, for a witness to keep."""
    with _opened_log() as log:
        typer.echo(log.checkpoint(), nl=False)


@contextmanager
def _opened_log() -> Iterator[EvidenceLog]:
    from hub.app import log_of, opened_vault  # noqa: PLC0415  (imports the whole hub)

    settings = read_configuration().settings
    with opened_vault(settings) as (database, vault):
        log = log_of(settings, database, vault)
        try:
            yield log
        finally:
            log.close()


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
    with_parent: Annotated[
        bool,
        typer.Option(
            "--with-parent", hidden=True, help="启动者退出时随之退出 / end with whoever started it"
        ),
    ] = False,
) -> None:
    """启动枢纽 / run the hub until Ctrl-C.

    县区取自 MIANTI_COUNTIES_DIR；未设时取当前文件夹的 deploy/counties，没有则取与程序同在的。
    Counties: MIANTI_COUNTIES_DIR, else deploy/counties where you stand, else those beside the program.
    """
    from hub.running import run  # noqa: PLC0415  (imports the whole hub)

    run(with_sandbox=sandbox, with_intake=sandbox or admit_intake, with_parent=with_parent)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="结果放在哪里 / where the results go")] = Path(
        "var/demo"
    ),
) -> None:
    """演示 / run the told cases and every bundle with a source against the sandbox, check what is shown.

    县区取自 MIANTI_COUNTIES_DIR；未设时取当前文件夹的 deploy/counties，没有则取与程序同在的。
    Counties: MIANTI_COUNTIES_DIR, else deploy/counties where you stand, else those beside the program.
    """
    from hub import demo as the_demo  # noqa: PLC0415  (imports the whole hub)

    raise typer.Exit(the_demo.run(folder))


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
    except Exception as wrong:
        from adapters.errors import InvalidManifest  # noqa: PLC0415  (imports the whole room)

        match wrong:
            case InvalidCatalog() | InvalidManifest() | InvalidSettings():
                lines: tuple[object, ...] = tuple(wrong.complaints)
            case HubError():
                lines = (f"{wrong.code}: {wrong.why}",)
            case _:
                raise
        for line in lines:
            print(line, file=sys.stderr)
        sys.exit(1)
