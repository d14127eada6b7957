"""A report for people at a terminal: a band with the verdict, then each question and its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seals.report import Finding, Report, Role, SealReport
from seals.terminal import plain
from seals.verdicts import Step, Verdict

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
_INDENT = 6
"""Columns before a question."""
_SIGN = {Verdict.PASSED: "✔", Verdict.FAILED: "✘", Verdict.INDETERMINATE: "?"}
_COLOUR = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.INDETERMINATE: "yellow"}
_BAND = {
    Verdict.PASSED: ("通过", "PASSED", "white on green4"),
    Verdict.FAILED: ("不通过", "FAILED", "white on red3"),
    Verdict.INDETERMINATE: ("无法判定", "INDETERMINATE", "black on yellow3"),
}
_ROLES = {"", *Role}
"""Whose chain it is the question says already."""
_COVERAGE = {
    "whole": "整个文件 whole",
    "all-effective": "全部内容，可继续签章 all, more may sign",
    "gaps": "有缺口 gaps",
    "unclear": "不明 unclear",
}


def printed(console: Console, name: str, report: Report) -> None:
    """Print the judgement of one document."""
    console.print(_band(report, name))
    console.print(_head(report))
    console.print(_steps("文档 document", report.findings))
    for at, seal in enumerate(report.seals, start=1):
        console.print(_seal_head(at, seal))
        console.print(_steps("", seal.findings))


def _band(report: Report, name: str) -> RenderableType:
    zh, en, style = _BAND[report.verdict]
    told = Text()
    told.append(f" {_SIGN[report.verdict]} {zh} {en}", style="bold")
    told.append(f"  {plain(name)}")
    table = Table.grid(expand=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_row(told, Text(f"{_counted(report.complaints)} "))
    return Padding(table, (0, 0), style=style, expand=True)


def _counted(complaints: Iterable[Finding]) -> str:
    """How many complaints there are, of each kind."""
    found = [each.verdict for each in complaints]
    return "  ".join(
        f"{found.count(verdict)} {_SIGN[verdict]}"
        for verdict in (Verdict.FAILED, Verdict.INDETERMINATE)
        if verdict in found
    )


def _head(report: Report) -> RenderableType:
    seals = len(report.seals)
    told = Text(f" {report.format.value}，{seals} 个签章", style="dim")
    told.append(f" / {seals} seal{'' if seals == 1 else 's'}", style="dim")
    told.append(f"   核验时间 as of {_time(report.at)}\n", style="dim")
    return told


def _seal_head(at: int, seal: SealReport) -> RenderableType:
    zh, en, _ = _BAND[seal.verdict]
    colour = _COLOUR[seal.verdict]
    told = Text("\n")
    told.append(f"签章 seal {at}  ", style="bold")
    told.append(f"{_SIGN[seal.verdict]} {zh} {en.lower()}", style=f"bold {colour}")
    told.append(f"  {plain(seal.seal_name or seal.name)}", style="bold")
    facts = (
        ("编号 number  ", plain(seal.seal_number)),
        ("自称 claimed ", "" if seal.claimed_at is None else _time(seal.claimed_at)),
        ("判于 judged  ", _time(seal.judged_at)),
        ("覆盖 coverage", _COVERAGE.get(seal.coverage, seal.coverage)),
    )
    for head, fact in facts:
        if fact:
            told.append(f"\n  {head}  {fact}", style="dim")
    return told


def _steps(title: str, findings: Iterable[Finding]) -> RenderableType:
    shown: list[RenderableType] = [Text(title, style="bold")] if title else []
    for each in findings:
        shown.append(_row(each))
        shown += _because(each.because)
    return Group(*shown)


def _row(finding: Finding) -> RenderableType:
    step = finding.step
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", width=3, style="dim")
    table.add_column(width=1)
    table.add_column(ratio=5, overflow="fold")
    table.add_column(ratio=6, overflow="fold")
    sign = Text(_SIGN[step.verdict], style=_COLOUR[step.verdict])
    table.add_row(str(step.number), sign, _twice(step.zh, step.en, ""), _answer(finding))
    return table


def _answer(finding: Finding) -> RenderableType:
    step = finding.step
    colour = "" if step.verdict is Verdict.PASSED else _COLOUR[step.verdict]
    told = _twice(step.why_zh, step.why_en, colour)
    if finding.where not in _ROLES and step.verdict is not Verdict.PASSED:
        told.append(f"\n{plain(finding.where)}", style=f"{colour} bold")
    return told


def _because(steps: tuple[Step, ...]) -> Iterator[RenderableType]:
    """What did not pass of a chain or a timestamp; how many steps did."""
    for each in steps:
        if each.verdict is Verdict.PASSED:
            continue
        place = f"（第 {each.at + 1} 级 level {each.at + 1}）" if each.at else ""
        zh = f"└ {_SIGN[each.verdict]} {each.zh}{place}：{each.why_zh}"
        en = f"{each.en}: {each.why_en} [{each.key}:{each.reason}]"
        yield Padding(Text(zh, style=_COLOUR[each.verdict]), (0, 0, 0, _INDENT))
        yield Padding(Text(en, style="dim"), (0, 0, 0, _INDENT + 4))
    passed = sum(each.verdict is Verdict.PASSED for each in steps)
    if passed:
        told = Text(f"└ ✔ {passed} 步通过 / {passed} steps passed", style="dim")
        yield Padding(told, (0, 0, 0, _INDENT))


def _twice(zh: str, en: str, style: str) -> Text:
    told = Text(zh, style=style)
    told.append(f"\n{en}", style=f"{style} dim".strip())
    return told


def _time(at: datetime) -> str:
    """Local, with its zone: the page is for people here. A time without a zone says so."""
    if at.tzinfo is None:
        return f"{at:%Y-%m-%d %H:%M:%S}（未写时区 no zone）"
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S} +08:00"
