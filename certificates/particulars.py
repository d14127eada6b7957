"""What the metadata of GB/T 36903 say of one certificate: number, holders, authority, days.

Most of it stands on the face already; the rest is given. Whatever is said twice must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from catalog import InvalidCode, citizen_id, uscc
from certificates.characters import flaws, tidy
from certificates.errors import FaceRefused
from certificates.findings import Finding, Level
from certificates.model import (
    FOREVER,
    LONG_TERM,
    Definition,
    End,
    Face,
    Holder,
    HolderKind,
    Office,
)

MAX_NAME = 200
MAX_HOLDERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the one who issues says beside the face; None: the face says it."""

    holders: tuple[Holder, ...]
    authority: Office
    number: str | None = field(default=None, repr=False)
    issued_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    """`FOREVER` for 长期."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """Everything that GB/T 36903 asks of a certificate beside its identifier and type."""

    number: str = field(repr=False)
    holders: tuple[Holder, ...]
    authority: Office
    issued_on: date
    valid_from: date
    valid_to: date


def particulars(definition: Definition, face: Face, stated: Stated, *, today: date) -> Particulars:
    """Bring face and statement together.

    Raises:
        FaceRefused: With everything that is missing, wrong or contradictory.
    """
    days = _Days(definition, face, stated)
    findings = [
        *_about_number(definition, face, stated),
        *_about_holders(definition, face, stated.holders, today),
        *_about_authority(definition, face, stated.authority),
        *days.findings(today),
    ]
    if findings or days.issued_on is None or days.valid_to is None:
        raise FaceRefused(findings)
    return Particulars(
        number=face.get(definition.number).value,
        holders=stated.holders,
        authority=stated.authority,
        issued_on=days.issued_on,
        valid_from=days.valid_from or days.issued_on,
        valid_to=days.valid_to,
    )


def _wrong(item: str, rule: str, about: str, expected: str) -> Finding:
    clause = f"GB/T 36903-2018 {about}"
    return Finding(item=item, rule=rule, clause=clause, level=Level.FAIL, expected=expected)


def _about_number(definition: Definition, face: Face, stated: Stated) -> Iterator[Finding]:
    number = face.get(definition.number).value
    if not number:
        yield _wrong("ZZBH", "missing", "证照编号", "证照编号 / the certificate's number")
    if stated.number is not None and stated.number != number:
        yield _wrong("ZZBH", "differs", "证照编号", "与照面相同 / what the face says")


def _about_holders(
    definition: Definition, face: Face, holders: Sequence[Holder], today: date
) -> Iterator[Finding]:
    """Each place for a holder names one; a single place may name several, joined with 、."""
    if not 1 <= len(holders) <= MAX_HOLDERS:
        expected = f"1 至 {MAX_HOLDERS} 个持证主体 / 1 to {MAX_HOLDERS} holders"
        yield _wrong("CZZT", "missing", "持证主体", expected)
        return
    for holder in holders:
        yield from _about_holder(holder, today)
    places = definition.holders
    if len(places) == 1:
        names, codes = "、".join(h.name for h in holders), [h.code for h in holders]
        pairs = [(places[0], names, codes[0] if len(codes) == 1 else "、".join(codes))]
    elif len(places) == len(holders):
        pairs = [(p, h.name, h.code) for p, h in zip(places, holders, strict=True)]
    else:
        expected = f"{len(places)} 个持证主体 / {len(places)} holders"
        yield _wrong("CZZT", "holders", "持证主体", expected)
        return
    for place, name, code in pairs:
        if face.get(place.name).value != name:
            yield _wrong("CZZT", "differs", "持证主体", "与照面相同 / what the face says")
        shown = face.get(place.code).value if place.code else ""
        if shown and shown != code:
            yield _wrong("CZZTDM", "differs", "持证主体代码", "与照面相同 / what the face says")


def _about_holder(holder: Holder, today: date) -> Iterator[Finding]:
    named = tidy(holder.name) == holder.name and 0 < len(holder.name) <= MAX_NAME
    if not named or any(True for _ in flaws(holder.name)):
        yield _wrong("CZZT", "name", "持证主体", "名称，无多余字符 / a name and nothing else")
    try:
        right = {
            HolderKind.CITIZEN_ID: lambda code: citizen_id(code, today=today),
            HolderKind.USCC: uscc,
        }.get(holder.kind, tidy)(holder.code)
    except InvalidCode as wrong:
        yield _wrong("CZZTDM", wrong.rule, "持证主体代码", wrong.expected)
        return
    if right != holder.code or not right or len(right) > MAX_NAME or any(flaws(right)):
        expected = "规范写法的代码 / the number in its one true form"
        yield _wrong("CZZTDM", "form", "持证主体代码", expected)


def _about_authority(definition: Definition, face: Face, authority: Office) -> Iterator[Finding]:
    if not authority.name or tidy(authority.name) != authority.name or any(flaws(authority.name)):
        yield _wrong("ZZBFJG", "name", "证照颁发机构", "机构名称 / the body's legal name")
    shown = face.get(definition.authority).value if definition.authority else ""
    if shown and shown != authority.name:
        yield _wrong("ZZBFJG", "differs", "证照颁发机构", "与照面相同 / what the face says")
    try:
        wrong = uscc(authority.code) != authority.code
    except InvalidCode:
        wrong = True
    if wrong:
        expected = "统一社会信用代码 / a unified social credit identifier"
        yield _wrong("ZZBFJGDM", "code", "证照颁发机构代码", expected)


class _Days:
    """The three days, from the face where it has them."""

    def __init__(self, definition: Definition, face: Face, stated: Stated) -> None:
        self._contradicted: list[tuple[str, str]] = []
        rule = definition.validity
        end = None if rule.end is not End.PERMANENT else FOREVER
        if rule.item:
            end = _last_day(face.get(rule.item).value)
        self.issued_on = self._one(
            "ZZBFRQ", "证照颁发日期", _on(face, definition.issued_on), stated.issued_on
        )
        self.valid_from = self._one(
            "ZZYXQQSRQ", "证照有效期起始日期", _on(face, definition.valid_from), stated.valid_from
        )
        self.valid_to = self._one("ZZYXQJZRQ", "证照有效期截止日期", end, stated.valid_to)

    def _one(self, name: str, about: str, shown: date | None, said: date | None) -> date | None:
        if shown is not None and said is not None and shown != said:
            self._contradicted.append((name, about))
        return said if shown is None else shown

    def findings(self, today: date) -> Iterator[Finding]:
        """What is missing, contradictory or out of order."""
        for name, about in self._contradicted:
            yield _wrong(name, "differs", about, "与照面相同 / what the face says")
        if self.issued_on is None:
            yield _wrong("ZZBFRQ", "missing", "证照颁发日期", "颁发日期 / the day of issue")
        elif self.issued_on > today:
            yield _wrong("ZZBFRQ", "in-future", "证照颁发日期", "不晚于今天 / no later than today")
        if self.valid_to is None:
            expected = "截止日期或长期 / a last day, or 长期"
            yield _wrong("ZZYXQJZRQ", "missing", "证照有效期截止日期", expected)
        begins = self.valid_from or self.issued_on
        if begins and self.valid_to and self.valid_to < begins:
            expected = "不早于起始日期 / no earlier than the first day"
            yield _wrong("ZZYXQJZRQ", "reversed", "证照有效期截止日期", expected)


def _on(face: Face, item: str | None) -> date | None:
    value = face.get(item).value if item else ""
    return date.fromisoformat(value) if value else None


def _last_day(value: str) -> date | None:
    if not value:
        return None
    return FOREVER if value == LONG_TERM else date.fromisoformat(value)
