"""What the demo prints: tables for people, on a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.figures import Figures, Goals
from catalog.live import reached
from catalog.tables import plain_table
from hub.demo.counter import Shown
from hub.demo.live import LiveRound
from hub.demo.wording import Names, answered, authority, chinese, moment, percent

_STATE = {
    "exempted": "[green]免提交[/]",
    "fetched": "[green]已调取[/]",
    "asked": "[yellow]需提交[/]",
    "filled": "[green]已填[/]",
    "given": "已给",
}


def print_case(shown: Shown, names: Names, console: Console) -> None:
    """One told case: materials with proof or reason, the form with source and time."""
    console.rule(f"[bold]{shown.case.title}[/]", align="left")
    console.print(_materials(shown.plan["materials"], names))
    console.print(_form(shown.plan["form"]))
    if shown.extra:
        console.print(_query(shown.extra["fields"], names))
    m, f = shown.plan["figures"]["materials"], shown.plan["figures"]["fields"]
    console.print(
        f"材料 {m['before']} 份 → {m['left']} 份（压减 {percent(m['cut'])}）\n"
        f"字段 {f['total']} 项，自动填 {f['filled']} 项（{percent(f['share'])}），"
        f"登录已给 {f['given']} 项\n"
        f"用时 {shown.elapsed_ms:.0f} ms\n"
    )


def _materials(rows: Sequence[Mapping[str, Any]], names: Names) -> Table:
    table = plain_table("材料 material", "份", "结论", "凭什么 / 为什么", unbroken=2)
    for row in rows:
        basis = escape(names.basis(row))
        table.add_row(escape(row["name"]), str(row["copies"]), _STATE[row["state"]], basis)
    return table


def _form(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = plain_table("一张表 form", "结论", "来源 source", "时间 as of", unbroken=1)
    table.columns[3].no_wrap = True
    for row in rows:
        if row["asked_because"] == "statement_required":
            continue
        if row["state"] == "filled":
            source = (authority(row["provenance"]), moment(row["provenance"]))
        else:
            source = (chinese(row["note"]), "")
        mark = "[yellow]需填写[/]" if row["state"] == "asked" else _STATE[row["state"]]
        table.add_row(escape(row["label"]), mark, *source)
    return table


def _query(fields: Mapping[str, Mapping[str, Any]], names: Names) -> Table:
    table = plain_table("核查 query", "答复")
    for path, answer in fields.items():
        table.add_row(names.path(path), escape(answered(answer)))
    return table


def print_live(county: str, live: LiveRound, goals: Goals, console: Console) -> None:
    """What answered, bundle by bundle."""
    table = _numbers(
        "号", "一件事", "来源", "份数", "免交", "并表", "剩余", "压减", "字段", "已填", "占比",
        title=f"实时数字 live figures · {county}",
    )  # fmt: skip
    for row in live.rows:
        f = row.figures
        enough, filled = f.reaches(goals)
        table.add_row(
            row.bundle.rpartition("-")[2],
            escape(row.name),
            f"{row.connected}/{row.needed}",
            *map(str, (f.before, f.exempted, f.merged, f.left)),
            _goal(f.cut, enough),
            *map(str, (f.fields, f.filled)),
            _goal(f.share, filled),
        )
    console.print(table)
    materials, form = reached((row.figures for row in live.rows), goals)
    console.print(
        f"{len(live.rows)} 件中，按实时答复：材料压减达到 {percent(goals.material_cut)} 的"
        f" {materials} 件，自动填表达到 {percent(goals.filled_share)} 的 {form} 件\n"
        "来源：已接入 / 所需的数据资源 connected / needed resources\n"
    )
    _print_left_out("尚无一个来源，未运行", live.without_source, console)


def _goal(share: Fraction, enough: bool) -> str:
    return f"[{'green' if enough else 'yellow'}]{percent(share)}[/]"


def _numbers(*heads: str, title: str) -> Table:
    table = plain_table(*heads, title=title)
    for column in (table.columns[0], *table.columns[2:]):
        column.justify, column.no_wrap = "right", True
    return table


def print_desk(county: str, figures: Mapping[str, Figures], names: Names, console: Console) -> None:
    """What the data would allow, were every source connected."""
    table = _numbers(
        "号", "一件事", "份数", "可免", "有条件", "并表", "剩余", "字段", "可填",
        title=f"桌面测算 desk figures · {county}",
    )  # fmt: skip
    for bundle, f in figures.items():
        if f.analysed:
            materials = (f.copies, f.exempted, f.conditional, f.merged, f.left_total)
            form = (f.fields_total, f.fillable)
            number = bundle.rpartition("-")[2]
            table.add_row(number, escape(names.bundle(bundle)), *map(str, materials + form))
    console.print(table)
    waiting = (names.bundle(bundle) for bundle, f in figures.items() if not f.analysed)
    _print_left_out("尚未梳理，不计入", list(waiting), console)


def _print_left_out(why: str, bundles: Iterable[str], console: Console) -> None:
    left_out = list(bundles)
    if left_out:
        console.print(f"[dim]{why}（{len(left_out)} 件）：{escape('、'.join(left_out))}[/]\n")
