"""GB/T 36903-2018 电子证照 元数据规范: the metadata are all there and say what the face says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from catalog import SubjectKind
from certificates.findings import Finding, Level
from certificates.lints.case import Case
from certificates.metadata import MANDATORY
from certificates.model import HolderKind

_BOOK = "GB/T 36903-2018"
_DAYS = ("ZZBFRQ", "ZZYXQQSRQ", "ZZYXQJZRQ")
_ORGANISATIONS = frozenset({HolderKind.USCC, HolderKind.OTHER_ORGANISATION})


def mandatory(case: Case) -> Iterator[Finding]:
    """Every mandatory item has a value."""
    for name in MANDATORY:
        if not case.metadata.get(name, "").strip():
            yield Finding(
                item=name,
                rule="mandatory",
                clause=f"{_BOOK} 约束条件",
                level=Level.FAIL,
                expected="必选项有值 / a value for a mandatory item",
            )


def type_name(case: Case) -> Iterator[Finding]:
    """The name is the type's, and no other."""
    if case.metadata.get("ZZMC") != case.definition.type.name:
        yield Finding(
            item="ZZMC",
            rule="type-name",
            clause=f"{_BOOK} 证照名称",
            level=Level.FAIL,
            expected="证照类型名称 / the name of the type",
        )


def days(case: Case) -> Iterator[Finding]:
    """Days are written as days."""
    for name in _DAYS:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", case.metadata.get(name, "")):
            yield Finding(
                item=name,
                rule="day",
                clause=f"{_BOOK} 日期",
                level=Level.FAIL,
                expected="YYYY-MM-DD",
            )


def holder_kind(case: Case) -> Iterator[Finding]:
    """A person's certificate names a person's document; a warning, since firms own homes, too."""
    wanted = case.definition.type.holder_kind
    for holder in case.particulars.holders:
        organisation = holder.kind in _ORGANISATIONS
        if wanted is not SubjectKind.OBJECT and organisation != (
            wanted is SubjectKind.ORGANISATION
        ):
            yield Finding(
                item="CZZTDMLXDM",
                rule="holder-kind",
                clause=f"{_BOOK} 持证主体代码类型代码",
                level=Level.WARN,
                expected=f"{wanted} 的证件类型 / a kind for a {wanted}",
            )


def extended(case: Case) -> Iterator[Finding]:
    """Every filled item of the face is in the metadata under its initials, with the same value."""
    for entry in case.face.items:
        name = f"KZ_{case.definition.initials[entry.id]}"
        if case.metadata.get(name, "") != "\n".join(entry.values):
            yield Finding(
                item=entry.id,
                rule="extended",
                clause=f"{_BOOK} 扩展元数据 KZ_",
                level=Level.FAIL,
                expected=f"{name} 与照面相同 / {name} as on the face",
            )


RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    mandatory,
    type_name,
    days,
    holder_kind,
    extended,
)
