"""`mianti verify FILE…`: judge sealed documents, OFD and PDF, for people or machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seals.errors import Malformed, SealError
from seals.judging import NOBODY, Judges
from seals.terminal import EXIT, complaint_lines, now, plain, read_file, told
from seals.trust_folder import gathered, self_vouched
from seals.verdicts import Verdict
from seals.x509 import MAX_BUNDLE, read_bundle

if TYPE_CHECKING:
    from seals.policies import Policies
    from seals.report import Report

MAX_DOCUMENT = 1 << 30
NOT_READ = 3
"""Exit code: a file, the trust or the policy could not be read."""


def verify(
    files: Annotated[list[Path], typer.Argument(help="OFD 或 PDF 文件 documents")],
    at: Annotated[
        str,
        typer.Option(help="按何时核验，如 2026-11-24T14:00:00+08:00 as of when; now if not said"),
    ] = "",
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            help="根证书、吊销列表、信任名单， 或其目录，可多次 certificates, revocation lists, "
            "a trust list, or folders of them"
        ),
    ] = None,
    operator: Annotated[
        Path | None,
        typer.Option(help="信任名单发布者的数字证书 who must have signed the trust list"),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="核验策略（YAML） what is asked beyond that it is right")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="机器可读，每个文件一行 for machines, a line a file")
    ] = False,
) -> None:
    """核验签章：逐项问答，列出全部不合之处 judge sealed documents, every failure told.

    退出码 exit code：0 通过 passed，1 不通过 failed，2 无法判定 indeterminate，3 读不了 not read.
    """
    with told(NOT_READ):
        asked = _time(at)
        policies = _policies(policy)
        judges = _judges(trust or (), operator, policies)
    codes: list[int] = []
    for file in files:
        if codes and not as_json:
            typer.echo()
        codes.append(_judged(file, asked, policies, judges, as_json))
    if judges is NOBODY and not as_json:
        typer.echo(
            "没有给出 --trust：证书链和时间戳无法判断 / without --trust neither chains nor timestamps can"
            " be judged",
            err=True,
        )
    raise typer.Exit(_worst(codes))


def _worst(codes: Sequence[int]) -> int:
    """A failure before what could not be read, and that before what cannot be judged."""
    order = (EXIT[Verdict.FAILED], NOT_READ, EXIT[Verdict.INDETERMINATE])
    return next((each for each in order if each in codes), EXIT[Verdict.PASSED])


def _judged(file: Path, at: datetime, policies: Policies, judges: Judges, as_json: bool) -> int:
    from seals.verifying import verify as judge  # noqa: PLC0415  (imports pyHanko)

    name = plain(str(file))
    try:
        document = read_file(file, MAX_DOCUMENT)
        report = judge(document, at, policies, judges)
    except SealError as wrong:
        _told(name, wrong.code, list(complaint_lines(wrong)), as_json)
        return NOT_READ
    except Exception as wrong:  # noqa: BLE001  (a fault of ours, told without a stack; never a verdict)
        _told(name, "seals.internal", [f"seals.internal: {type(wrong).__name__}"], as_json)
        return NOT_READ
    (_print_json if as_json else _print)(name, report)
    return EXIT[report.verdict]


def _told(name: str, code: str, lines: Sequence[str], as_json: bool) -> None:
    if as_json:
        _line({"file": name, "error": code, "why": list(lines)})
    for line in lines:
        typer.echo(f"✘ {name}：{plain(line)}", err=True)


def _print(name: str, report: Report) -> None:
    from rich.console import Console  # noqa: PLC0415  (keeps `mianti --help` quick)

    from seals.report_text import printed  # noqa: PLC0415  (as above)

    printed(Console(highlight=False, emoji=False), name, report)


def _print_json(name: str, report: Report) -> None:
    from seals.report_json import as_json  # noqa: PLC0415  (as above)

    _line({"file": name, **as_json(report)})


def _line(told_: dict[str, object]) -> None:
    """Chinese as it is, all that a terminal would obey escaped."""
    text = json.dumps(told_, ensure_ascii=False)
    typer.echo("".join(_escaped(text)))


def _escaped(text: str) -> Iterator[str]:
    for each in text:
        if each.isprintable():
            yield each
        else:
            yield json.dumps(each)[1:-1]


def _time(at: str) -> datetime:
    if not at:
        return now()
    try:
        found = datetime.fromisoformat(at)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("--at: not-a-time") from None
    raise Malformed("--at: time-without-zone")


def _policies(file: Path | None) -> Policies:
    from seals.policies import MAX_FILE, USUAL, read_policies  # noqa: PLC0415  (imports pyHanko)

    return USUAL if file is None else read_policies(read_file(file, MAX_FILE + 1))


def _judges(trust: Sequence[Path], operator: Path | None, policies: Policies) -> Judges:
    if not trust:
        return NOBODY
    operators = [] if operator is None else read_bundle(read_file(operator, MAX_BUNDLE))
    store = gathered(trust, now(), operators)
    for each in () if operators else self_vouched(trust):
        typer.echo(
            f"？ {plain(str(each))}：信任名单只核对了自带的签名证书，用 --operator 指明发布者 / the list is"
            " checked by its own certificate only; name its operator by --operator",
            err=True,
        )
    return store.judges(policies.timestamps)
