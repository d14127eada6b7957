"""What the demo prints: tables for people, on a terminal of any width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rich.console import Console
from rich.table import Table

from catalog.figures import Figures, Goals
from catalog.live import reached
from hub.demo.counter import Shown
from hub.demo.live import LiveRow

_STATE = {
    "exempted": "[green]免提交[/]",
    "fetched": "[green]已调取[/]",
    "asked": "[yellow]需提交[/]",
    "filled": "[green]已填[/]",
    "given": "已给",
}
Names = Mapping[str, str]
"""Resource id → its name."""


def print_case(shown: Shown, names: Names, console: Console) -> None:
    """One told case: materials with proof or reason, the form with source and time."""
    console.rule(f"[bold]{shown.case.title}[/]", align="left")
    console.print(_materials(shown.plan["materials"], names))
    console.print(_form(shown.plan["form"]))
    m, f = shown.plan["figures"]["materials"], shown.plan["figures"]["fields"]
    console.print(
        f"材料 {m['before']} 份 → {m['left']} 份（压减 {float(m['cut']):.0%}）；"
        f"字段 {f['total']} 项，自动填 {f['filled']} 项（{float(f['share']):.0%}），"
        f"登录已给 {f['given']} 项；用时 {shown.elapsed_ms:.0f} ms\n"
    )
    for path, answer in shown.extra.get("fields", {}).items():
        console.print(f"  {path}: {answer['state']} {answer.get('value', answer.get('fix', ''))}")


def _materials(rows: Sequence[Mapping[str, Any]], names: Names) -> Table:
    table = Table("材料 material", "份", "结论", "凭什么 / 为什么")
    table.columns[2].no_wrap = True
    for row in rows:
        basis = basis_of(row, names)
        table.add_row(row["name"], str(row["copies"]), _STATE[row["state"]], basis)
    return table


def _form(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("一张表 form", "结论", "来源 source", "时间 as of / retrieved")
    table.columns[1].no_wrap = True
    for row in rows:
        if row["state"] == "asked" and row["asked_because"] == "statement_required":
            continue
        p = row["provenance"] or {}
        moment = p.get("as_of") or p.get("retrieved_at") or ""
        filled = row["state"] == "filled"
        source = p["authority"].rpartition("/")[2] if filled else row["note"].split(" / ")[0]
        mark = "[yellow]需填写[/]" if row["state"] == "asked" else _STATE[row["state"]]
        table.add_row(row["label"], mark, source, moment[:19] if filled else "")
    return table


def basis_of(row: Mapping[str, Any], names: Names) -> str:
    """What a material is exempted by, or why it is asked, in one line for people."""
    if row["state"] == "asked":
        return str(row["note"]).split(" / ")[0]
    by = row["by"][0]
    if "form" in by:
        return "并入一张表"
    if "item" in by:
        return "由本“一件事”内的事项产生"
    finding = "有记录" if by["finding"] == "record" else "答复：无登记"
    authority = by["provenance"]["authority"].rpartition("/")[2]
    return f"{authority} · {names[by['resource']]} · {finding}"


def print_live(county: str, rows: Sequence[LiveRow], goals: Goals, console: Console) -> None:
    """What answered, bundle by bundle."""
    table = Table(
        "号", "一件事", "份数", "剩余", "压减", "字段", "已填", "占比",
        title=f"实时数字 live figures · {county}", title_justify="left",
    )  # fmt: skip
    table.columns[1].overflow = "fold"
    for column in (table.columns[0], *table.columns[2:]):
        column.justify, column.no_wrap = "right", True
    for row in rows:
        f = row.figures
        enough, filled = f.reaches(goals)
        table.add_row(
            row.bundle.rpartition("-")[2],
            row.name,
            str(f.before),
            str(f.left),
            _goal(f.cut, enough),
            str(f.fields),
            str(f.filled),
            _goal(f.share, filled),
        )
    console.print(table)
    materials, form = reached((row.figures for row in rows), goals)
    console.print(
        f"{len(rows)} 件中，按实时答复：材料压减达到 {float(goals.material_cut):.0%} 的 {materials} 件，"
        f"自动填表达到 {float(goals.filled_share):.0%} 的 {form} 件\n"
    )


def _goal(share: Fraction, enough: bool) -> str:
    return f"[{'green' if enough else 'yellow'}]{float(share):.0%}[/]"


def print_desk(county: str, figures: Mapping[str, Figures], names: Names, console: Console) -> None:
    """What the data would allow, were every source connected."""
    table = Table(
        "号", "一件事", "份数", "可免", "有条件", "并表", "剩余", "字段", "可填",
        title=f"桌面测算 desk figures · {county}", title_justify="left",
    )  # fmt: skip
    table.columns[1].overflow = "fold"
    for column in (table.columns[0], *table.columns[2:]):
        column.justify, column.no_wrap = "right", True
    for bundle, f in figures.items():
        head = (bundle.rpartition("-")[2], names[bundle])
        if not f.analysed:
            table.add_row(*head, "[dim]尚未梳理[/]")
            continue
        cells = (
            f.copies,
            f.exempted,
            f.conditional,
            f.merged,
            f.left + 1,
            f.fields_total,
            f.fillable,
        )
        table.add_row(*head, *map(str, cells))
    console.print(table)
