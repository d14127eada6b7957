"""The house's own rules, where two things on one certificate have to fit each other.

- H-01 出生日期与公民身份号码一致: the birth date is the number's.
- H-02 性别与公民身份号码一致: the sex is the number's.
- H-03 有效期不超过规定年限: no longer than the type allows.
- H-04 少数民族姓名间隔号: the dot in a name is U+00B7.
- H-05 日期先后: a birth is not after the issue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from catalog.codes import birth_date, sex
from certificates.characters import odd_dot
from certificates.findings import Finding, Level
from certificates.lints.case import Case
from certificates.model import FOREVER, FaceEntry, HolderKind, ItemType, Mask


def _found(item: str, rule: str, number: str, level: Level, expected: str) -> Finding:
    return Finding(
        item=item, rule=rule, clause=f"本系统规则 {number}", level=level, expected=expected
    )


def _own_number(case: Case) -> str:
    """The holder's citizen number; empty where there are several holders or another document."""
    holders = case.particulars.holders
    if len(holders) == 1 and holders[0].kind is HolderKind.CITIZEN_ID:
        return holders[0].code
    return ""


def _value(case: Case, item: str) -> str:
    entry = next((entry for entry in case.face.items if entry.id == item), None)
    return entry.value if entry else ""


def born_as_numbered(case: Case) -> Iterator[Finding]:
    """H-01."""
    number, born = _own_number(case), _value(case, "birth_date")
    if number and born and birth_date(number).isoformat() != born:
        expected = "与公民身份号码中的出生日期一致 / the birth date of the citizen number"
        yield _found("birth_date", "born-as-numbered", "H-01", Level.FAIL, expected)


def sex_as_numbered(case: Case) -> Iterator[Finding]:
    """H-02; a warning, since a registered change of sex leaves old numbers about."""
    number, code = _own_number(case), _value(case, "gender")
    if number and code in {"1", "2"} and sex(number) != code:
        expected = "与公民身份号码中的性别一致 / the sex of the citizen number"
        yield _found("gender", "sex-as-numbered", "H-02", Level.WARN, expected)


def term(case: Case) -> Iterator[Finding]:
    """H-03: the last day is at most the anniversary of the first."""
    rule, of = case.definition.validity, case.particulars
    years = rule.years
    number = _own_number(case)
    if rule.ages and number:
        age = _years(birth_date(number), of.valid_from)
        years = next((years for below, years in rule.ages if age < below), None)
        if years is None:
            return
    if years is None:
        return
    if of.valid_to == FOREVER or of.valid_to > _anniversary(of.valid_from, years):
        expected = f"不超过 {years} 年 / at most {years} years"
        yield _found("ZZYXQJZRQ", "term", "H-03", Level.FAIL, expected)


def middle_dot(case: Case) -> Iterator[Finding]:
    """H-04."""
    names = {place.name for place in case.definition.holders}
    names |= {item for item, mask in case.definition.masks.items() if mask is Mask.NAME}
    for entry in case.face.items:
        if entry.id in names and any(odd_dot(text) for text in entry.texts):
            expected = "间隔号用 U+00B7（·） / the dot U+00B7"
            yield _found(entry.id, "middle-dot", "H-04", Level.FAIL, expected)


def born_before_issue(case: Case) -> Iterator[Finding]:
    """H-05."""
    for entry in _births(case):
        if date.fromisoformat(entry.value) > case.particulars.issued_on:
            expected = "不晚于颁发日期 / no later than the day of issue"
            yield _found(entry.id, "born-before-issue", "H-05", Level.FAIL, expected)


def _births(case: Case) -> Iterator[FaceEntry]:
    for entry in case.face.items:
        if entry.id.endswith("birth_date") and entry.type is ItemType.DATE and entry.value:
            yield entry


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _anniversary(day: date, years: int) -> date:
    """29 February has its anniversary on 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    born_as_numbered,
    sex_as_numbered,
    term,
    middle_dot,
    born_before_issue,
)
