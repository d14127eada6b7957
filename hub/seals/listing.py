"""`mianti seals list|show|coverage`: what the register holds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from catalog.loading import load
from catalog.tables import plain_table
from hub.seals.desk import AsJSON, SealArgument, at_desk, found_seal
from hub.seals.making import put_new
from hub.settings import Settings
from seals.ports import SealRegister
from seals.registered import RegisteredSeal, SealKind, State
from seals.terminal import now, read_file
from seals.using import BEIJING, coverage

app = typer.Typer()

MAX_LIST = 4 * 1024 * 1024
STATES = {
    State.COLLECTED: "已采集",
    State.APPLIED: "已申请",
    State.APPROVED: "已审批",
    State.MADE: "已制作",
    State.FILED: "已备案",
    State.IN_USE: "在用",
    State.SUSPENDED: "停用",
    State.REPLACED: "已换发",
    State.REVOKED: "已注销",
    State.DESTROYED: "已销毁",
}
KINDS = {
    SealKind.ORGANISATION: "法定名称章",
    SealKind.INNER: "内设机构章",
    SealKind.BUSINESS: "业务专用章",
    SealKind.CERTIFICATE_TYPE: "证照专用章",
    SealKind.APPROVAL: "审批服务专用章",
    SealKind.STATION: "站点编号章",
    SealKind.PERSONAL: "个人名章",
}


@app.command("list")
def list_seals(
    organisation: Annotated[str, typer.Option(help="只看一个单位 of one organisation only")] = "",
    as_json: AsJSON = False,
) -> None:
    """列出印章 all seals, or those of one organisation."""
    with at_desk() as (_, register):
        seals = list(register.of(organisation) if organisation else register.every())
    if as_json:
        typer.echo(json.dumps([_as_json(each) for each in seals], ensure_ascii=False))
        return
    heads = (
        "编号 id",
        "名称 name",
        "种类 kind",
        "单位 organisation",
        "状态 state",
        "有效期至 until",
    )
    table = plain_table(*heads, title="印章 seals")
    for each in seals:
        until = f"{each.valid_until.astimezone(BEIJING):%Y-%m-%d}" if each.valid_until else ""
        row = (each.id, f"{each.name}{each.serial}", KINDS[each.kind], each.organisation)
        table.add_row(*map(escape, row), STATES[each.state], until)
    Console().print(table)


@app.command("show")
def show(
    seal: SealArgument,
    uses: Annotated[bool, typer.Option("--uses", help="连同用章记录 with the log of uses")] = False,
    picture: Annotated[Path | None, typer.Option(help="另存印模 save the impression")] = None,
    data: Annotated[Path | None, typer.Option(help="另存 Seal.esl save the seal")] = None,
    as_json: AsJSON = False,
) -> None:
    """一枚印章：履历、限制，可连同用章记录 one seal: its history and limits, and its uses."""
    with at_desk() as (_, register):
        found = found_seal(register, seal)
        if picture is not None:
            put_new(picture, register.kept(found.picture_digest))
        if data is not None:
            put_new(data, register.kept(found.seal_digest))
        log = _uses(register, found) if uses else []
    if as_json:
        typer.echo(json.dumps({**_as_json(found), "uses": log}, ensure_ascii=False))
        return
    for head, value in _lines(found):
        typer.echo(f"{head}：{value}")
    for entry in found.history:
        at = f"{entry.at.astimezone(BEIJING):%Y-%m-%d %H:%M}"
        who = f"{entry.by.account}（{entry.by.organisation}）"
        typer.echo(f"  {at} {entry.act} → {STATES[entry.after]} {who} {entry.reason}".rstrip())
    for each in log:
        against = "、".join(each["against"]) or "✔"
        typer.echo(f"  {each['at']} {each['account']} {each['digest']} {against}")


@app.command("coverage")
def show_coverage(
    required: Annotated[
        Path | None,
        typer.Option(
            help="须有印章的单位，一行一个；默认取目录中各县单位 one a line; the catalog's otherwise"
        ),
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """备案覆盖率（G-12）：已备案单位 ÷ 须备案单位 organisations with a seal on file by those that must."""
    with at_desk() as (settings, register):
        tree = _authorities(settings)
        wanted = _wanted(required) if required is not None else tree
        found = coverage(register.every(), wanted, tree | wanted, now())
    if as_json:
        share = None if found.share is None else round(found.share, 4)
        told = {
            "required": found.required,
            "covered": found.covered,
            "share": share,
            "missing": list(found.missing),
            "unmatched": list(found.unmatched),
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    # Rounded down: what is not reached is not shown as reached.
    percent = "–" if found.share is None else f"{found.covered * 1000 // found.required / 10}%"
    typer.echo(f"印章备案部门覆盖率 coverage：{found.covered} / {found.required} = {percent}")
    _print_listed("尚无备案印章 none on file", found.missing)
    _print_listed("单位不在目录，未计入 not in the catalog, not counted", found.unmatched)


def _print_listed(head: str, names: Iterable[str]) -> None:
    for name in names:
        typer.echo(f"  {head}：{name}")


def _authorities(settings: Settings) -> frozenset[str]:
    """All organisations of the counties that are served."""
    catalog = load(settings.counties_dir, only=settings.county_ids)
    return frozenset(catalog.authorities)


def _wanted(file: Path) -> frozenset[str]:
    lines = read_file(file, MAX_LIST).decode("utf-8", "replace").splitlines()
    return frozenset(each for line in lines if (each := line.strip()) and not each.startswith("#"))


def _uses(register: SealRegister, seal: RegisteredSeal) -> list[dict[str, Any]]:
    return [
        {
            "at": use.at.isoformat(),
            "account": use.account,
            "digest": use.digest,
            "reason": use.reason,
            "certificate_type": use.certificate_type,
            "against": list(against),
        }
        for use, against in register.uses(seal.id)
    ]


def _lines(seal: RegisteredSeal) -> Iterable[tuple[str, str]]:
    limits = seal.limits
    yield "编号 id", seal.id
    yield "名称 name", f"{seal.name}{seal.serial}"
    yield "种类 kind", KINDS[seal.kind]
    yield "单位 organisation", seal.organisation
    yield "状态 state", f"{STATES[seal.state]} {seal.state}"
    yield "编码 esID", seal.number or "-"
    yield "备案号 filing", seal.filing or "-"
    yield "用章人 users", "、".join(sorted(seal.users)) or "-"
    yield "时段 hours", f"{limits.opens:%H:%M}–{limits.closes:%H:%M}"
    yield "每天 per day", str(limits.per_day or "-")
    yield "证照类型 types", "、".join(sorted(limits.certificate_types)) or "-"
    yield "接替 succeeds / 后继 successor", f"{seal.succeeds or '-'} / {seal.successor or '-'}"


def _as_json(seal: RegisteredSeal) -> dict[str, Any]:
    limits = seal.limits
    return {
        "id": seal.id,
        "organisation": seal.organisation,
        "kind": seal.kind,
        "name": seal.name,
        "serial": seal.serial,
        "state": seal.state,
        "number": seal.number,
        "filing": seal.filing,
        "valid_until": None if seal.valid_until is None else seal.valid_until.isoformat(),
        "users": sorted(seal.users),
        "limits": {
            "opens": limits.opens.isoformat(),
            "closes": limits.closes.isoformat(),
            "per_day": limits.per_day,
            "certificate_types": sorted(limits.certificate_types),
        },
        "succeeds": seal.succeeds,
        "successor": seal.successor,
        "picture_digest": seal.picture_digest,
        "seal_digest": seal.seal_digest,
        "history": [
            {
                "act": entry.act,
                "account": entry.by.account,
                "organisation": entry.by.organisation,
                "at": entry.at.isoformat(),
                "reason": entry.reason,
                "after": entry.after,
            }
            for entry in seal.history
        ],
    }
