"""`mianti seals apply|approve|…`: the acts of a seal's life, by the people of departments and bureau.

The hub does not know who sits at this terminal: `--by` is believed, so whoever may run these
commands is whoever may log in to this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Annotated

import typer

from hub.seals.desk import By, Organisation, Reason, SealArgument, at_desk, found_seal
from seals.errors import IllegalAct
from seals.lifecycle import Lifecycle
from seals.ports import SealRegister
from seals.registered import Actor, Limits, RegisteredSeal
from seals.terminal import now
from seals.using import Freeze

app = typer.Typer()

User = Annotated[str, typer.Argument(help="用章人账号 the account that uses the seal")]
Moved = Callable[[Lifecycle, RegisteredSeal, SealRegister], RegisteredSeal]
"""Bureau's rules, a seal and the register it is in → its next state."""


@app.command("apply")
def apply(seal: SealArgument, by: By, organisation: Organisation) -> None:
    """申请制作 ask for the seal to be made."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, kept: life.apply(it, who, now(), kept.of(it.organisation)))


@app.command("approve")
def approve(seal: SealArgument, by: By, organisation: Organisation) -> None:
    """审批，须另一人 agree, as a second person."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.approve(it, who, now()))


@app.command("reject")
def reject(seal: SealArgument, by: By, organisation: Organisation, reason: Reason = "") -> None:
    """退回，须另一人 send it back, as a second person."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.reject(it, who, now(), reason))


@app.command("file")
def file(
    seal: SealArgument,
    by: By,
    organisation: Organisation,
    filing: Annotated[str, typer.Option(help="备案号 the number of the filing")],
) -> None:
    """备案，只有主管局 put it on file; the bureau only."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.file(it, who, now(), filing))


@app.command("grant")
def grant(seal: SealArgument, user: User, by: By, organisation: Organisation) -> None:
    """授权他人用章 let another account use it."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.grant(it, who, now(), user))


@app.command("withdraw")
def withdraw(seal: SealArgument, user: User, by: By, organisation: Organisation) -> None:
    """收回授权 take that back."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.withdraw(it, who, now(), user))


@app.command("limit")
def limit(
    seal: SealArgument,
    by: By,
    organisation: Organisation,
    reason: Reason = "",
    opens: Annotated[
        str, typer.Option(help="每天几点起，北京时间 from when on each day, Beijing time")
    ] = "00:00",
    closes: Annotated[str, typer.Option(help="每天几点止 until when")] = "23:59:59.999999",
    per_day: Annotated[int, typer.Option(help="每天几次，0 不限 how often a day; 0: no limit")] = 0,
    certificate_type: Annotated[
        list[str] | None, typer.Option(help="只用于这些证照类型 only for these types")
    ] = None,
) -> None:
    """限定用章：时段、次数、证照类型；没写的不限。The limits from now on; what is not said is no limit."""
    who = Actor(account=by, organisation=organisation)

    def limited(life: Lifecycle, it: RegisteredSeal, _: SealRegister) -> RegisteredSeal:
        limits = Limits(
            opens=_time(opens),
            closes=_time(closes),
            per_day=per_day,
            certificate_types=frozenset(certificate_type or ()),
        )
        return life.limit(it, who, now(), limits, reason)

    _act(seal, limited)


@app.command("suspend")
def suspend(seal: SealArgument, by: By, organisation: Organisation, reason: Reason = "") -> None:
    """停用 stop its use."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.suspend(it, who, now(), reason))


@app.command("resume")
def resume(seal: SealArgument, by: By, organisation: Organisation, reason: Reason = "") -> None:
    """恢复，须另一人 let it be used again, as a second person."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.resume(it, who, now(), reason))


@app.command("replace")
def replace(
    seal: SealArgument,
    successor: Annotated[
        str, typer.Option(help="接替的印章，已备案 the one that follows, on file")
    ],
    by: By,
    organisation: Organisation,
    reason: Reason = "",
) -> None:
    """换发：由已备案的新章接替 put another, made to succeed it and on file, in its place."""
    who = Actor(account=by, organisation=organisation)
    _act(
        seal,
        lambda life, it, kept: life.replace(it, who, now(), reason, found_seal(kept, successor)),
    )


@app.command("revoke")
def revoke(seal: SealArgument, by: By, organisation: Organisation, reason: Reason = "") -> None:
    """注销 end it; what it sealed before stays sealed."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.revoke(it, who, now(), reason))


@app.command("destroy")
def destroy(seal: SealArgument, by: By, organisation: Organisation, reason: Reason = "") -> None:
    """销毁登记 put on record that key and impression are gone."""
    who = Actor(account=by, organisation=organisation)
    _act(seal, lambda life, it, _: life.destroy(it, who, now(), reason))


@app.command("freeze")
def freeze(
    by: By,
    reason: Reason = "",
    only: Annotated[
        list[str] | None, typer.Option(help="只冻结这些单位 only for these organisations")
    ] = None,
) -> None:
    """冻结用章：全部，或几个单位 stop sealing, everywhere or for some."""
    with at_desk() as (_, register):
        if not reason.strip():
            raise IllegalAct("reason")
        register.freeze(Freeze(organisations=frozenset(only or ()), by=by, at=now(), reason=reason))
        typer.echo("✔ 用章已冻结 / sealing is frozen")


@app.command("thaw")
def thaw(by: By, reason: Reason = "") -> None:
    """解冻，须另一人 lift all freezes, as somebody else."""
    with at_desk() as (_, register):
        register.thaw(by, now(), reason)
        typer.echo("✔ 已解冻 / sealing goes on")


def _act(told: str, moved: Moved) -> None:
    """One step of a seal's life."""
    with at_desk() as (settings, register):
        seal = found_seal(register, told)
        after = moved(Lifecycle(bureau=settings.seals_bureau), seal, register)
        register.put(after)
        typer.echo(f"✔ {after.id} {after.name}：{after.state}")


def _time(told: str) -> time:
    try:
        found = time.fromisoformat(told)
    except ValueError:
        raise IllegalAct("limits") from None
    if found.tzinfo is not None:
        raise IllegalAct("limits")
    return found
