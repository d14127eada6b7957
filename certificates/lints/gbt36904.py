"""GB/T 36904-2018 电子证照 标识规范: the identifier is built of this certificate's own codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from certificates.findings import Finding, Level
from certificates.lints.case import Case

_BOOK = "GB/T 36904-2018"


def _wrong(item: str, rule: str, about: str, expected: str) -> Finding:
    clause = f"{_BOOK} {about}"
    return Finding(item=item, rule=rule, clause=clause, level=Level.FAIL, expected=expected)


def type_code(case: Case) -> Iterator[Finding]:
    """证照类型代码: the one the place has claimed, in the identifier and beside it."""
    if {case.identifier.type_code, case.metadata.get("ZZLXDM")} != {case.type_code}:
        expected = "登记的证照类型代码 / the type code on the place's list"
        yield _wrong("ZZLXDM", "type-code", "证照类型代码", expected)


def issuer(case: Case) -> Iterator[Finding]:
    """证照颁发机构代码: the issuing body's own, never a division."""
    codes = {case.identifier.issuer, case.metadata.get("ZZBFJGDM")}
    if codes != {case.particulars.authority.code}:
        expected = "颁发机构的统一社会信用代码 / the issuing body's unified code"
        yield _wrong("ZZBFJGDM", "issuer", "证照颁发机构代码", expected)


def check_character(case: Case) -> Iterator[Finding]:
    """校验位: ISO 7064 MOD 37,36 over all parts without the root."""
    if not case.identifier.check_ok:
        expected = "ISO 7064 MOD 37,36 校验位 / the check character"
        yield _wrong("ZZBS", "check-character", "校验位", expected)


def version(case: Case) -> Iterator[Finding]:
    """版本号: from 001."""
    if case.identifier.version < 1:
        yield _wrong("ZZBS", "version", "版本号", "从 001 起 / from 001")


RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    type_code,
    issuer,
    check_character,
    version,
)
