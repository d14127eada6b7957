"""`mianti sandbox …`: run the invented city, switch its faults, look up its people and the truth.

All but `up` talk to the control socket of a sandbox that runs; where it is, `up` says.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

import typer

from adapters.sandbox.premises import BUILDS, EXPORTS
from adapters.sandbox.serving import LOOPBACK

app = typer.Typer(no_args_is_help=True, help="沙盒 the sandbox: simulated departments.")

PORTS_FROM = 18100
Control = Annotated[
    str,
    typer.Option(
        envvar="SANDBOX_CONTROL_URL", help="控制口地址 where a running sandbox is controlled"
    ),
]
_CONTROL = f"http://{LOOPBACK}:{PORTS_FROM + len(BUILDS)}"


@app.command()
def up(
    people: Annotated[int, typer.Option(help="人口数 at least so many people")] = 500,
    seed: Annotated[str, typer.Option(help="种子 another seed is another county")] = "mianti",
    ports_from: Annotated[int, typer.Option(help="从此端口起 the first port")] = PORTS_FROM,
    environment_file: Annotated[
        Path, typer.Option(help="就绪后写入连接参数 written when ready")
    ] = Path("sandbox.env"),
) -> None:
    """运行沙盒，直到 Ctrl-C。Run all departments until Ctrl-C, and say where they are."""
    from adapters.sandbox.__main__ import main  # noqa: PLC0415 -- the servers are loaded for this verb only

    for at, name in enumerate((*BUILDS, "控制口 control")):
        typer.echo(f"{LOOPBACK}:{ports_from + at}  {name}")
    for name in EXPORTS:
        typer.echo(f"${name.upper()}_FOLDER  {name}")
    typer.echo(f"连接参数 variables: {environment_file}")
    arguments = ["--people", str(people), "--seed", seed, "--ports-from", str(ports_from),
                 "--environment-file", str(environment_file)]  # fmt: skip
    raise typer.Exit(main(arguments))


@app.command()
def fault(
    department: Annotated[str | None, typer.Argument(help="部门 which department")] = None,
    name: Annotated[str | None, typer.Argument(metavar="FAULT", help="故障 which fault")] = None,
    ms: Annotated[int, typer.Option(help="slow 晚多少毫秒 how late slow is")] = 1000,
    clear: Annotated[
        bool, typer.Option("--clear", help="清除（不写部门则全部）end it, everywhere or there")
    ] = False,
    control: Control = _CONTROL,
) -> None:
    """切换故障，或列出现在的故障。Switch a fault on or off; without arguments, list what is wrong."""
    if clear and department is None:
        state = _asked(control, "DELETE", "/faults")
    elif department is None:
        state = _asked(control, "GET", "/health")
    elif name is None and not clear:
        raise typer.BadParameter("写出故障，或 --clear / name a fault, or --clear")
    else:
        order = {"department": department, "fault": None if clear else name, "ms": ms}
        state = _asked(control, "POST", "/faults", order)
    for each, now in state["departments"].items():
        typer.echo(f"{each}: {now or '正常 works'}")


@app.command()
def persona(
    id_: Annotated[str | None, typer.Argument(metavar="[ID]", help="人物编号 which case")] = None,
    control: Control = _CONTROL,
) -> None:
    """列出人物，或一个人物的号码。List the named cases, or the numbers of one."""
    found = _asked(control, "GET", "/personas")
    if id_ is None:
        for each in found:
            typer.echo(f"{each['id']}: {each['description']}")
        return
    case = next((each for each in found if each["id"] == id_), None)
    if case is None:
        _fail("没有这个人物 no such case")
    typer.echo(case["description"])
    for role, subject in case["subjects"].items():
        typer.echo(f"{role}: {subject['name']} {subject['number']}")


@app.command()
def truth(
    number: Annotated[str, typer.Argument(help="公民身份号码或统一社会信用代码")],
    control: Control = _CONTROL,
) -> None:
    """一个号码在每个资源里应有的答案。What every department should answer about a number."""
    told = _asked(control, "POST", "/truth", {"number": number})
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _asked(control: str, method: str, path: str, order: Any = None) -> Any:
    """What the control socket says."""
    at = urlsplit(control)
    if at.scheme != "http" or not at.hostname or not at.port:
        _fail(f"不是控制口的地址 not a control address: {control}")
    connection = HTTPConnection(at.hostname, at.port, timeout=30)
    try:
        connection.request(method, path, None if order is None else json.dumps(order))
        response = connection.getresponse()
        document = json.loads(response.read())
    except (OSError, HTTPException, ValueError):
        _fail(f"沙盒没有在运行 no sandbox is running at {control}")
    finally:
        connection.close()
    if response.status != 200:
        _fail(str(document["error"]))
    return document


def _fail(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(1)
