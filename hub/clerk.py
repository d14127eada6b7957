"""`mianti desk …`: a clerk's work from a terminal, over the same API as any other desk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console

from catalog.tables import plain_table
from hub.client import HubClient

app = typer.Typer(help="录入台 / tasks for clerks", no_args_is_help=True)

Client = Annotated[str, typer.Option(help="本部门调用方编号 / the department's caller id")]
Key = Annotated[Path, typer.Option(help="私钥 JWK / its private key", exists=True, dir_okay=False)]
Address = Annotated[str, typer.Option(help="枢纽地址 / the hub's address")]
_HERE = "http://127.0.0.1:8600"


@app.command("list")
def list_tasks(client: Client, key: Key, url: Address = _HERE) -> None:
    """列出待录入任务 / list what waits for the department's clerks."""
    heads = ("任务 / task", "资源 / resource", "对象 / about", "信息项 / fields", "期限 / due")
    table = plain_table(*heads, title="待录入 / waiting")
    for task in _asked(url, client, key, "GET", "/v1/tasks")["tasks"]:
        fields = "\n".join(f"{f['id']}={f['label']}（{f['type']}）" for f in task["fields"])
        about = "\n".join(task["keys"].values())
        state = "待复核" if task["state"] == "to_confirm" else "待录入"
        table.add_row(f"{task['id']}\n{state}", task["name"], about, fields, task["due_at"])
    Console().print(table)


@app.command("answer")
def answer(
    task: Annotated[str, typer.Argument(help="任务编号 / the task's id")],
    by: Annotated[str, typer.Option(help="工号 / your staff number")],
    client: Client,
    key: Key,
    values: Annotated[
        list[str] | None, typer.Argument(help="信息项=值 / field=value, one each")
    ] = None,
    none: Annotated[
        bool, typer.Option("--none", help="查无记录 / looked, and there is no record")
    ] = False,
    url: Address = _HERE,
) -> None:
    """录入一项任务 / type what was found."""
    pairs = [each.partition("=") for each in values or ()]
    if none == bool(pairs) or not all(mark for _, mark, _ in pairs):
        raise typer.BadParameter("信息项=值，或 --none / field=value, or --none")
    body = {"by": by, "found": not none, "values": {name: value for name, _, value in pairs}}
    done = _asked(url, client, key, "POST", f"/v1/tasks/{task}:answer", body)
    typer.echo("待复核 / to be confirmed" if done["state"] == "to_confirm" else "已录入 / done")


def _asked(
    url: str, client: str, key: Path, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    hub = HubClient(url, client, key)
    try:
        return hub.get(path) if method == "GET" else hub.post(path, body or {})
    except httpx2.HTTPStatusError as refused:
        problem = refused.response.json()
        typer.echo(problem.get("title") or problem.get("error_description", ""), err=True)
        for line in (*problem.get("why", ()), *problem.get("fix", ())):
            typer.echo(f"  {line}", err=True)
        raise typer.Exit(1) from refused
    except httpx2.TransportError as problem:
        typer.echo(f"{url}: {type(problem).__name__}", err=True)
        raise typer.Exit(1) from problem
    finally:
        hub.close()
