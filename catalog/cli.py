"""`mianti catalog …`: check, show, figures, import. Chinese first; complaints go to stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog import figures as desk
from catalog import lookup
from catalog.errors import Complaint, InvalidCatalog, InvalidList, UnknownEntry
from catalog.figures import Figures, Goals, Overview, Reached
from catalog.importing import read_list, write_county
from catalog.live import LiveFigures, reached, read_live
from catalog.loading import COUNTIES, load
from catalog.model import (
    Bundle,
    Catalog,
    County,
    FormField,
    ItemKind,
    LeftCode,
    Material,
    ServiceItem,
)
from catalog.tables import plain_table

app = typer.Typer(
    name="catalog",
    help="目录：检查、查看、桌面测算、导入 / check, show, figures and import of the catalog",
    no_args_is_help=True,
    add_completion=False,
)

Folder = Annotated[
    Path, typer.Option("--counties", help="县目录所在文件夹 / folder of the counties")
]

_KINDS = {ItemKind.QUERY: "查询", ItemKind.VERIFY: "核验", ItemKind.HANDLE: "办理"}
_LEFT = {
    LeftCode.OWN_WORK: "申请人自备",
    LeftCode.SIGNATURE: "须签名",
    LeftCode.THIRD_PARTY_ISSUER: "第三方出具",
    LeftCode.NO_SOURCE: "暂无数据来源",
    LeftCode.ORIGINAL_TO_RETURN: "原件须交回",
    LeftCode.PHOTO: "照片",
    LeftCode.WITHHELD_BY_LAW: "依法不予共享",
}
_REACHED = {Reached.YES: "[green]达到[/]", Reached.CONDITIONAL: "[yellow]视条件[/]"}
_REACHED[Reached.NO] = "[red]未达到[/]"


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="各县文件夹，或一个县 / counties, or one county")
    ] = COUNTIES,
) -> None:
    """检查目录是否完好 / Load everything and list every complaint."""
    one_county = (folder / "catalog").is_dir()
    where = folder.resolve()
    catalog = _loaded(where.parent, {where.name}) if one_county else _loaded(folder)
    console = Console(highlight=False)
    console.print("[green]目录完好[/] [dim]the catalog is in order[/]")
    table = plain_table("县", "批次", "一件事", "事项", "已梳理", "尚未梳理")
    overviews = desk.by_county(catalog)
    for county in catalog.counties.values():
        total = overviews[county.id].total
        counts = (total.bundles, total.items, total.analysed, total.not_analysed)
        table.add_row(f"{county.name} {county.id}", str(county.year), *map(str, counts))
    console.print(table)
    console.print(
        f"数据资源 {len(catalog.resources)} · 证照类型 {len(catalog.certificate_types)}"
        f" · 代码表 {len(catalog.code_tables)} · 部门 {len(catalog.authorities)}"
    )


@app.command()
def show(
    bundle: Annotated[str, typer.Argument(help="编号或名称，如 xinxiang-10 / id or name")],
    counties: Folder = COUNTIES,
) -> None:
    """查看一件事：事项、材料、一张表 / Show a bundle: items, materials, form."""
    catalog = _loaded(counties)
    found = _bundle(catalog, bundle)
    console = Console(highlight=False)
    console.print(f"\n[bold]{escape(found.name)}[/]  [dim]{found.id}[/]")
    county = catalog.counties[found.county]
    console.print(f"{county.name} · 牵头：{escape('、'.join(found.lead_departments))}")
    if found.deadline:
        console.print(f"时限：{escape(found.deadline)}")
    console.print(_items_table(catalog, found))
    if found.analysis is None:
        console.print(
            "[yellow]尚未梳理[/]：材料与表单还没有清单，不计入任何成效 [dim]not yet analysed[/]"
        )
        return
    console.print(_materials_table(catalog, found))
    console.print(_form_table(catalog, found))
    _print_figures_of(console, desk.of_bundle(found))
    console.print(f"[dim]依据 basis: {escape(found.analysis.basis)}[/]")
    for note in found.analysis.notes:
        console.print(f"[dim]注：{escape(note)}[/]")


@app.command()
def figures(
    county: Annotated[str | None, typer.Option(help="只算一个县 / one county only")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
    live: Annotated[
        Path | None,
        typer.Option(
            help="实时数字的文件，如演示的 report.json / a file of live figures, shown apart",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    counties: Folder = COUNTIES,
) -> None:
    """桌面测算：数据全部接通时可以做到的 / What the data would allow, against the goals."""
    catalog = _loaded(counties, None if county is None else {county})
    goals = Goals()
    overviews = desk.by_county(catalog)
    answered: Mapping[str, Mapping[str, LiveFigures]] = (
        {} if live is None else _live_or_complaint(live)
    )
    if as_json:
        document = {**_as_json(catalog, overviews, goals)}
        if live is not None:
            document["live"] = _live_json(answered)
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    for county_id, overview in overviews.items():
        console.print(_figures_table(catalog, county_id, overview, goals))
        _print_summary(console, overview, goals)
        if county_id in answered:
            _print_live(console, catalog, county_id, answered[county_id], goals)
    if len(overviews) > 1:
        console.print("\n[bold]合计[/] [dim]all counties[/]")
        _print_summary(console, desk.overview(catalog.bundles.values()), goals)


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="清单：.xlsx .xls .ods .csv")],
    *,
    county: Annotated[str, typer.Option(help="县文件夹名，如 xinxiang / folder name")],
    name: Annotated[str, typer.Option(help="县名，如 新乡县")],
    division: Annotated[str, typer.Option(help="行政区划代码六位 / six digits, GB/T 2260")],
    document: Annotated[str, typer.Option(help="文号与标题 / document that published the list")],
    year: Annotated[int, typer.Option(help="清单年度 / year of the list")],
    out: Annotated[Path, typer.Option(help="写到哪里 / where to write")] = COUNTIES,
) -> None:
    """把公布的清单变成一个县的目录 / Turn a published list into a county's folder."""
    place = County(id=county, name=name, division_code=division, document=document, year=year)
    try:
        published = read_list(file)
        folder = write_county(published, place, out)
    except InvalidList as error:
        _stop("清单不能导入，什么也没有写", "nothing was written", error.complaints)
    console = Console(highlight=False)
    items = sum(len(bundle.items) for bundle in published.bundles)
    console.print(f"[green]已导入[/] 一件事 {len(published.bundles)} · 事项 {items}")
    console.print(f"写入 {escape(str(folder))}", soft_wrap=True)
    for note in published.notes:
        console.print(f"[yellow]注意[/] {escape(note)}")
    console.print("[dim]请核对各事项的 kind，再补 materials.yaml[/]")


def _loaded(folder: Path, only: set[str] | None = None) -> Catalog:
    try:
        return load(folder, only=only)
    except InvalidCatalog as error:
        _stop("目录有误，什么也没有载入", "nothing was loaded", error.complaints)
    except UnknownEntry as error:
        _unknown(error)


def _stop(said: str, english: str, complaints: Iterable[Complaint]) -> NoReturn:
    every = list(complaints)
    stderr = Console(stderr=True, highlight=False)
    stderr.print(f"[red]{said}[/] [dim]{english}[/]：{len(every)} 处")
    for complaint in every:
        place = f"{complaint.file}:{complaint.line}" if complaint.line else complaint.file
        stderr.print(f"{place}: [{complaint.rule}]", markup=False, soft_wrap=True)
        told = f"    {complaint.found} — {complaint.expected}"
        stderr.print(told, markup=False, soft_wrap=True)
    raise typer.Exit(1)


def _unknown(error: UnknownEntry) -> NoReturn:
    stderr = Console(stderr=True, highlight=False)
    stderr.print(f"没有 {error.kind}：{error.wanted[:80]}", markup=False, style="red")
    if error.near:
        stderr.print(f"是否指 {'、'.join(error.near)}", markup=False)
    raise typer.Exit(1)


def _bundle(catalog: Catalog, wanted: str) -> Bundle:
    named = [bundle for bundle in catalog.bundles.values() if wanted in bundle.name]
    if wanted not in catalog.bundles and len(named) == 1:
        return named[0]
    try:
        return lookup.bundle(catalog, wanted)
    except UnknownEntry as error:
        near = [f"{bundle.id} {bundle.name}" for bundle in named[:5]] or error.near
        _unknown(UnknownEntry("一件事", wanted, near))


def _items_table(catalog: Catalog, bundle: Bundle) -> Table:
    table = plain_table("序", "事项", "部门", "类", title="事项 items")
    table.columns[0].justify = "right"
    for item in bundle.items:
        told = [escape(item.name), *_told_of_item(catalog, bundle, item)]
        offices = escape("、".join(item.departments)) or "[dim]未列[/]"
        table.add_row(str(item.seq), "\n".join(told), offices, _KINDS[item.kind])
    return table


def _told_of_item(catalog: Catalog, bundle: Bundle, item: ServiceItem) -> list[str]:
    told = [] if item.listed else ["[dim]清单外：牵头部门受理[/]"]
    if item.issues:
        names = "、".join(lookup.certificate_type(catalog, name).name for name in item.issues)
        told.append(f"[cyan]核发：{escape(names)}[/]")
    if item.answered_by:
        names = "、".join(
            lookup.resource(catalog, bundle.county, name).name for name in item.answered_by
        )
        told.append(f"[green]数据答复：{escape(names)}[/]")
    return told


def _materials_table(catalog: Catalog, bundle: Bundle) -> Table:
    table = plain_table("材料", "份", "处理", "凭什么 / 为什么", title="材料 materials")
    table.columns[1].justify = "right"
    table.columns[2].no_wrap = True
    for material in bundle.analysis.materials if bundle.analysis else ():
        handling, by = _handling(catalog, bundle.county, material)
        table.add_row(escape(material.name), str(material.copies), handling, by)
    return table


def _handling(catalog: Catalog, county: str, material: Material) -> tuple[str, str]:
    if material.merged_into:
        return "[blue]并入一张表[/]", ""
    if material.left_code:
        reason = f"：{material.reason}" if material.reason else ""
        return "[red]仍需提交[/]", escape(f"{_LEFT[material.left_code]}{reason}")
    found = lookup.exempting(catalog, county, material)
    names = [f"{t.name}（证照）" for t in found.certificate_types]
    names += [r.name for r in found.resources]
    by = ("，且" if material.exempt_all else "，或").join(names)
    if material.condition is None:
        return "[green]免提交[/]", escape(by)
    return "[yellow]有条件免提交[/]", f"{escape(by)}\n[dim]条件：{escape(material.condition)}[/]"


def _form_table(catalog: Catalog, bundle: Bundle) -> Table:
    table = plain_table("字段", "主体", "必填", "来源", title="一张表 one form")
    table.columns[2].no_wrap = True
    subjects = bundle.analysis.subjects if bundle.analysis else {}
    for row in bundle.analysis.form if bundle.analysis else ():
        source = _source(catalog, bundle.county, row)
        required = "是" if row.required else ""
        table.add_row(escape(row.label), escape(subjects[row.subject].label), required, source)
    return table


def _source(catalog: Catalog, county: str, row: FormField) -> str:
    if row.fill_from is None:
        return "[dim]申请人填写[/]"
    holder, _, name = row.fill_from.rpartition(".")
    if "." in holder:
        resource = lookup.resource(catalog, county, holder)
        return f"[green]{escape(resource.name)}[/]·{escape(resource.fields[name].label)}"
    kind = lookup.certificate_type(catalog, holder)
    return f"[green]{escape(kind.name)}[/]（证照）·{escape(kind.items[name].label)}"


def _percent(share: Fraction) -> str:
    """Rounded down, so that a goal is never shown as reached when it is not."""
    return f"{share * 1000 // 1 / 10:.1f}%"


def _cut(row: Figures) -> str:
    if row.cut_at_least == row.cut_at_most:
        return _percent(row.cut_at_most)
    return f"{_percent(row.cut_at_least)}–{_percent(row.cut_at_most)}"


def _figures_table(catalog: Catalog, county_id: str, overview: Overview, goals: Goals) -> Table:
    county = catalog.counties[county_id]
    title = f"{county.name} {county.year} 桌面测算 [dim]desk figures[/]"
    heads = ("号", "一件事", "份数", "剩余", "材料压减", "达标", "自动填", "达标")
    table = plain_table(*heads, title=title)
    for column in (table.columns[0], *table.columns[2:]):
        column.no_wrap = True
        column.justify = "right"
    for bundle_id, row in overview.bundles.items():
        bundle = catalog.bundles[bundle_id]
        named = (str(bundle.number), escape(bundle.name))
        if not row.analysed:
            table.add_row(*named, "", "", "[dim]尚未梳理[/]")
            continue
        table.add_row(
            *named,
            str(row.copies),
            str(row.left_total),
            _cut(row),
            _REACHED[row.materials_goal(goals)],
            _percent(row.filled_share),
            _REACHED[row.fields_goal(goals)],
        )
    return table


def _live_or_complaint(file: Path) -> Mapping[str, Mapping[str, LiveFigures]]:
    try:
        return read_live(file)
    except ValueError as wrong:
        hint = "不是实时数字的文件 / not a file of live figures"
        raise typer.BadParameter(hint, param_hint="--live") from wrong


def _print_live(
    console: Console,
    catalog: Catalog,
    county_id: str,
    rows: Mapping[str, LiveFigures],
    goals: Goals,
) -> None:
    """What answered, in a table of its own."""
    title = f"{catalog.counties[county_id].name} 实时数字 [dim]live figures[/]"
    heads = ("号", "一件事", "份数", "免交", "并表", "剩余", "压减", "字段", "已填", "占比")
    table = plain_table(*heads, title=title)
    for column in (table.columns[0], *table.columns[2:]):
        column.no_wrap = True
        column.justify = "right"
    known = {id_: row for id_, row in rows.items() if id_ in catalog.bundles}
    for id_, row in known.items():
        bundle = catalog.bundles[id_]
        table.add_row(
            str(bundle.number), escape(bundle.name),
            str(row.before), str(row.exempted), str(row.merged), str(row.left), _percent(row.cut),
            str(row.fields), str(row.filled), _percent(row.share),
        )  # fmt: skip
    console.print(table)
    materials, form = reached(known.values(), goals)
    console.print(
        f"按实时答复，{len(known)} 件中：材料压减达到 {_percent(goals.material_cut)} 的"
        f" {materials} 件，自动填表达到 {_percent(goals.filled_share)} 的 {form} 件"
    )


def _print_figures_of(console: Console, row: Figures) -> None:
    console.print(
        f"材料 {row.kinds} 种 {row.copies} 份：免提交 {row.exempted} 种"
        f"（其中有条件 {row.conditional}），并入一张表 {row.merged}，仍需提交 {row.left}；"
        f"压减{_cut(row)}"
    )
    console.print(
        f"字段 {row.fields_total} 个：可自动填 {row.fillable}，占 {_percent(row.filled_share)}"
    )


def _print_summary(console: Console, overview: Overview, goals: Goals) -> None:
    total = overview.total
    console.print(
        f"一件事 {total.bundles} 件（{total.items} 个事项），已梳理 {total.analysed}，"
        f"[yellow]尚未梳理 {total.not_analysed}[/]（不计入以下数字）"
    )
    _print_figures_of(console, total)
    materials, form = overview.counted(goals)
    console.print(
        f"材料压减目标 {_percent(goals.material_cut)}：达到 {materials[Reached.YES]} 件，"
        f"视条件 {materials[Reached.CONDITIONAL]}，未达到 {materials[Reached.NO]}；"
        f"自动填表目标 {_percent(goals.filled_share)}：达到 {form[Reached.YES]} 件，"
        f"未达到 {form[Reached.NO]}"
    )


Json = Mapping[str, object]


def _live_json(counties: Mapping[str, Mapping[str, LiveFigures]]) -> Json:
    return {
        county: {
            id_: {**asdict(row), "cut": _rounded(row.cut), "share": _rounded(row.share)}
            for id_, row in rows.items()
        }
        for county, rows in counties.items()
    }


def _as_json(catalog: Catalog, overviews: Mapping[str, Overview], goals: Goals) -> Json:
    everything = desk.overview(catalog.bundles.values())
    return {
        "kind": "desk",
        "goals": {
            "material_cut": _rounded(goals.material_cut),
            "filled_share": _rounded(goals.filled_share),
        },
        "counties": {
            county: {
                "name": catalog.counties[county].name,
                "total": _row_json(overview.total, goals),
                "bundles": {
                    bundle_id: {"name": catalog.bundles[bundle_id].name, **_row_json(row, goals)}
                    for bundle_id, row in overview.bundles.items()
                },
            }
            for county, overview in overviews.items()
        },
        "total": _row_json(everything.total, goals),
    }


def _row_json(row: Figures, goals: Goals) -> Json:
    counted: Json = {
        "items": row.items,
        "bundles": row.bundles,
        "analysed": row.analysed,
        "not_analysed": row.not_analysed,
    }
    if not row.analysed:
        return counted
    return {
        **counted,
        "materials": {
            "kinds": row.kinds,
            "before": row.copies,
            "exempted": row.exempted,
            "conditional": row.conditional,
            "merged": row.merged,
            "left": row.left,
            "left_total": row.left_total,
            "cut_at_least": _rounded(row.cut_at_least),
            "cut_at_most": _rounded(row.cut_at_most),
            "goal": row.materials_goal(goals),
        },
        "fields": {
            "total": row.fields_total,
            "fillable": row.fillable,
            "share": _rounded(row.filled_share),
            "goal": row.fields_goal(goals),
        },
    }


def _rounded(share: Fraction) -> float:
    return share * 10_000 // 1 / 10_000
