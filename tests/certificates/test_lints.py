"""Particulars, metadata and the rulebooks: what a certificate says twice, it says alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from catalog import new_certificate_id
from certificates.errors import FaceRefused
from certificates.face import Given, compose
from certificates.findings import Level
from certificates.lints import RULES, Case, failed, lint
from certificates.metadata import MANDATORY, metadata
from certificates.model import FOREVER, Holder, HolderKind, Office
from certificates.particulars import Particulars, Stated, particulars
from tests.world.certificates import (
    FIRM,
    OFFICE,
    PERSON,
    TODAY,
    catalog,
    definitions,
    stated,
    type_codes,
    values,
)


def case(
    type_id: str, given: Mapping[str, Given] | None = None, said: Stated | None = None
) -> Case:
    """A composed certificate of the sample."""
    definition = definitions()[type_id]
    shown = values(type_id) if given is None else given
    face = compose(definition, shown, catalog().code_tables, today=TODAY)
    of = particulars(definition, face, said or stated(type_id, shown), today=TODAY)
    identifier = new_certificate_id(
        type_code=type_codes()[type_id], issuer=OFFICE.code, serial="2026000001"
    )
    return Case(
        definition=definition,
        type_code=type_codes()[type_id],
        identifier=identifier,
        face=face,
        particulars=of,
        metadata=metadata(definition, identifier, of, face),
        today=TODAY,
    )


@pytest.mark.parametrize("type_id", definitions())
def test_the_sample_of_every_type_passes_the_rulebooks(type_id: str) -> None:
    """No finding that stops; the metadata begin with the mandatory ones in order."""
    of = case(type_id)

    assert failed(lint(of)) == ()
    assert tuple(of.metadata)[: len(MANDATORY)] == MANDATORY
    assert all(name.startswith("KZ_") for name in tuple(of.metadata)[len(MANDATORY) :])


BASE = case("business-licence")
CARD = case("resident-id-card")
ROW = {
    "mandatory item empty": (replace(BASE, metadata={**BASE.metadata, "CZZT": " "}), "CZZT", "mandatory"),
    "mandatory item missing": (replace(BASE, metadata={k: v for k, v in BASE.metadata.items() if k != "ZZBS"}), "ZZBS", "mandatory"),
    "name of another type": (replace(BASE, metadata={**BASE.metadata, "ZZMC": "营业执照副本"}), "ZZMC", "type-name"),
    "day written otherwise": (replace(BASE, metadata={**BASE.metadata, "ZZBFRQ": "20250601"}), "ZZBFRQ", "day"),
    "extended item differs": (replace(BASE, metadata={**BASE.metadata, "KZ_MC": "别的公司"}), "name", "extended"),
    "type code of another": (replace(BASE, type_code="11990000000000107Q999"), "ZZLXDM", "type-code"),
    "issuer of another": (replace(BASE, particulars=replace(BASE.particulars, authority=replace(OFFICE, code="12990100000000406Q"))), "ZZBFJGDM", "issuer"),
    "check character": (replace(BASE, identifier=replace(BASE.identifier, check="0" if BASE.identifier.check != "0" else "1")), "ZZBS", "check-character"),
    "version nought": (replace(BASE, identifier=replace(BASE.identifier, version=0)), "ZZBS", "version"),
    "birth date not the number's": (replace(CARD, particulars=replace(CARD.particulars, holders=(replace(PERSON, code="990101201806010032"),))), "birth_date", "born-as-numbered"),
    "longer than the type allows": (replace(case("food-business-licence"), particulars=replace(case("food-business-licence").particulars, valid_to=date(2035, 1, 1))), "ZZYXQJZRQ", "term"),
    "long term where years are set": (replace(case("food-business-licence"), particulars=replace(case("food-business-licence").particulars, valid_to=FOREVER)), "ZZYXQJZRQ", "term"),
    "card of a young person for long": (replace(CARD, particulars=replace(CARD.particulars, valid_from=date(2005, 6, 1))), "ZZYXQJZRQ", "term"),
    "dot of another kind": (case("resident-id-card", values("resident-id-card", name="阿依•买买提")), "name", "middle-dot"),
    "born after the issue": (replace(CARD, particulars=replace(CARD.particulars, issued_on=date(1980, 1, 1), holders=(replace(PERSON, kind=HolderKind.PASSPORT),))), "birth_date", "born-before-issue"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROW)
def test_a_rule_that_is_broken_is_named_with_its_clause(name: str) -> None:
    """By item and rule, with the book it stands in, and it stops the issue."""
    of, item, rule = ROW[name]
    found = [f for f in failed(lint(of)) if (f.item, f.rule) == (item, rule)]

    assert found, lint(of)
    assert found[0].clause.startswith(("GB/T 3690", "本系统规则 H-0"))


def test_warnings_do_not_stop() -> None:
    """A firm's home, and a sex that is not the number's."""
    home = case("realestate-certificate")
    of = replace(home, particulars=replace(home.particulars, holders=(FIRM,)))
    woman = case("resident-id-card", values("resident-id-card", gender="2"))

    for warned, rule in ((of, "holder-kind"), (woman, "sex-as-numbered")):
        assert [f.rule for f in lint(warned)] == [rule]
        assert lint(warned)[0].level is Level.WARN
        assert failed(lint(warned)) == ()


def test_every_rule_can_fail() -> None:
    """No rule of the books is without a case here."""
    broken = {f.rule for of, _, _ in ROW.values() for f in lint(of)}
    broken |= {"holder-kind", "sex-as-numbered"}

    assert len(broken) == len(RULES)


CARD_OF_SEVEN_AGES = {
    "child": ("2015-06-01", date(2026, 6, 2), date(2031, 6, 2), True),
    "child for a day too long": ("2015-06-01", date(2026, 6, 2), date(2031, 6, 3), False),
    "child for ten years": ("2015-06-01", date(2026, 6, 2), date(2036, 6, 2), False),
    "sixteen": ("2010-06-01", date(2026, 6, 1), date(2036, 6, 1), True),
    "twenty-six": ("1990-01-01", date(2016, 1, 1), date(2036, 1, 1), True),
    "day before twenty-six": ("1990-01-02", date(2016, 1, 1), date(2036, 1, 1), False),
    "forty-six": ("1970-01-01", date(2016, 1, 1), FOREVER, True),
    "leap day": ("1990-01-01", date(2016, 2, 29), date(2036, 2, 29), True),
}


@pytest.mark.parametrize("name", CARD_OF_SEVEN_AGES)
def test_the_term_of_an_identity_card_goes_by_age(name: str) -> None:
    """5, 10, 20 years or 长期 (居民身份证法第五条)."""
    born, begins, ends, right = CARD_OF_SEVEN_AGES[name]
    given = values("resident-id-card", birth_date=born)
    of = case("resident-id-card")
    holder = stated("resident-id-card", {k: v for k, v in given.items() if k != "id_number"})
    aged = replace(of.particulars, holders=holder.holders, valid_from=begins, valid_to=ends)

    found = {f.rule for f in lint(replace(of, particulars=aged))}
    assert ("term" in found) is not right


SAID = stated("business-licence")
WRONG: dict[str, tuple[str, Stated, tuple[str, str]]] = {
    "no holder": ("business-licence", replace(SAID, holders=()), ("CZZT", "missing")),
    "holder of another name": ("business-licence", replace(SAID, holders=(replace(SAID.holders[0], name="别的公司"),)), ("CZZT", "differs")),
    "holder of another number": ("business-licence", replace(SAID, holders=(replace(SAID.holders[0], code="91990101MA000004XR"),)), ("CZZTDM", "differs")),
    "number with a wrong check": ("business-licence", replace(SAID, holders=(replace(SAID.holders[0], code="91990101MA0000015D"),)), ("CZZTDM", "check-digit")),
    "number not in its true form": ("realestate-certificate", replace(stated("realestate-certificate"), holders=(Holder(name="赵明示", code="99010119491231001x", kind=HolderKind.CITIZEN_ID),)), ("CZZTDM", "form")),
    "empty number of another kind": ("realestate-certificate", replace(stated("realestate-certificate"), holders=(Holder(name="赵明示", code="", kind=HolderKind.OTHER_PERSON),)), ("CZZTDM", "form")),
    "name with a hidden character": ("business-licence", replace(SAID, holders=(replace(SAID.holders[0], name="示范\u200b公司"),)), ("CZZT", "name")),
    "one of two holders": ("marriage-certificate", replace(stated("marriage-certificate"), holders=stated("marriage-certificate").holders[:1] * 3), ("CZZT", "holders")),
    "authority of another name": ("business-licence", replace(SAID, authority=replace(SAID.authority, name="别的局")), ("ZZBFJG", "differs")),
    "authority without name": ("seal-filing-proof", replace(stated("seal-filing-proof"), authority=Office(name="", code=OFFICE.code)), ("ZZBFJG", "name")),
    "authority of a division": ("business-licence", replace(SAID, authority=replace(SAID.authority, code="990101")), ("ZZBFJGDM", "code")),
    "another number": ("business-licence", replace(SAID, number="1"), ("ZZBH", "differs")),
    "another day of issue": ("business-licence", replace(SAID, issued_on=date(2020, 1, 1)), ("ZZBFRQ", "differs")),
    "no day of issue": ("nurse-practising", replace(stated("nurse-practising"), issued_on=None), ("ZZBFRQ", "missing")),
    "day of issue ahead": ("nurse-practising", replace(stated("nurse-practising"), issued_on=date(2027, 1, 1)), ("ZZBFRQ", "in-future")),
    "no last day": ("business-licence", replace(SAID, valid_to=None), ("ZZYXQJZRQ", "missing")),
    "last day first": ("business-licence", replace(SAID, valid_to=date(1999, 1, 1)), ("ZZYXQJZRQ", "reversed")),
    "last day of a permanent one": ("degree-certificate", replace(stated("degree-certificate"), valid_to=date(2030, 1, 1)), ("ZZYXQJZRQ", "differs")),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_said_beside_the_face_agrees_with_it(name: str) -> None:
    """Else it is refused, with the short name of the metadata."""
    type_id, said, expected = WRONG[name]
    definition = definitions()[type_id]
    face = compose(definition, values(type_id), catalog().code_tables, today=TODAY)

    with pytest.raises(FaceRefused) as refused:
        particulars(definition, face, said, today=TODAY)
    assert expected in {(f.item, f.rule) for f in refused.value.findings}
    assert all("GB/T 36903" in f.clause for f in refused.value.findings)


def test_several_holders_share_one_place() -> None:
    """Co-owners: joined on the face, apart in the metadata."""
    owners = (PERSON, Holder(name="钱安例", code="990101199001010027", kind=HolderKind.CITIZEN_ID))
    given = values("realestate-certificate", owner="赵明示、钱安例")
    said = replace(stated("realestate-certificate"), holders=owners)

    of = case("realestate-certificate", given, said)
    assert of.metadata["CZZT"] == "赵明示^钱安例"
    assert of.metadata["CZZTDMLXDM"] == "111^111"
    assert failed(lint(of)) == ()


def test_couples_are_two_holders() -> None:
    """A marriage certificate has a place for each."""
    of: Particulars = case("marriage-certificate").particulars

    assert [holder.name for holder in of.holders] == ["赵明示", "钱安例"]
    assert of.valid_to == FOREVER
