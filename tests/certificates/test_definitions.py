"""How the 68 types are issued: loaded as a whole, or refused as a whole with lines."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog import SubjectKind
from certificates.errors import InvalidDefinitions
from certificates.loading import DATA, load
from certificates.model import CheckKind, End, Mask, Tier
from tests.world.certificates import catalog, definitions

TEXT = DATA.read_text(encoding="utf-8")
CARD = TEXT.index("- id: resident-id-card")


def test_every_type_of_the_catalog_is_defined() -> None:
    """68, each with initials for every item, none twice within a type."""
    assert definitions().keys() == catalog().certificate_types.keys()
    assert len(definitions()) == 68
    for definition in definitions().values():
        assert definition.initials.keys() == definition.type.items.keys()
        assert len(set(definition.initials.values())) == len(definition.initials)


def test_what_is_known_of_some_types() -> None:
    """Codes that were seen, levels, checks and terms."""
    home = definitions()["realestate-certificate"]
    assert home.code == "11100000MB03271699001"
    assert home.initials["unit_no"] == "BDCDYH"
    assert home.checks["unit_no"] is CheckKind.REAL_ESTATE_UNIT
    assert home.validity.end is End.GIVEN
    card = definitions()["resident-id-card"]
    assert card.validity.ages == ((16, 5), (26, 10), (46, 20))
    assert card.masks["id_number"] is Mask.NUMBER
    assert definitions()["passport"].issuer_tier is Tier.NATIONAL
    above = {d.id for d in definitions().values() if d.issued_above}
    assert {"passport", "physician-qualification", "production-licence"} < above
    assert "business-licence" not in above


def test_a_persons_items_are_masked() -> None:
    """No type of persons shows a number of a person, a portrait or a health item in a masked view."""
    for definition in definitions().values():
        if definition.type.holder_kind is not SubjectKind.PERSON:
            continue
        for item in definition.type.items.values():
            if definition.checks.get(item.id) is CheckKind.CITIZEN_ID or item.max_length == 0:
                assert item.id in definition.masks, (definition.id, item.id)


@dataclass(frozen=True)
class Change:
    """`old` becomes `new` once, after `start`; the complaint has this rule and line."""

    old: str
    new: str
    rule: str
    says: str = ""
    others: int = 0


BROKEN = {
    "unknown key": Change("  category: document", "  kategory: document", "unknown-key", "kategory", 1),
    "unknown category": Change("category: document", "category: documnet", "unknown-word", "document"),
    "unknown level": Change("issuer_level: county", "issuer_level: village", "unknown-word"),
    "unknown type": Change("id: resident-id-card", "id: resident-id-crad", "unknown-certificate-type", "did you mean 'resident-id-card'", 1),
    "unknown number": Change("number: id_number", "number: id_nmber", "unknown-face-item", "did you mean 'id_number'"),
    "number that is a date": Change("number: id_number", "number: birth_date", "unfit-item", "which is date"),
    "number that is a picture": Change("number: id_number", "number: portrait", "unfit-item", "no picture"),
    "no holder": Change("holders: [{name: name, code: id_number}]", "holders: []", "empty"),
    "unknown holder": Change("{name: name, code", "{name: nobody, code", "unknown-face-item"),
    "day of issue that is text": Change("issued_on: valid_from", "issued_on: issuer", "unfit-item"),
    "end that is a code": Change("until: valid_to", "until: gender", "unfit-item"),
    "end without item": Change("until: valid_to, ", "", "missing-key", "no until"),
    "ages out of order": Change("[16, 5], [26, 10]", "[26, 10], [16, 5]", "ages-disorder"),
    "ages that are none": Change("[16, 5]", "[16]", "ill-formed"),
    "unknown validity": Change("  validity: permanent", "  validity: eternal", "unknown-word"),
    "unknown check": Change("id_number: citizen-id", "id_number: citizen", "unknown-word"),
    "check of a date": Change("{id_number: citizen-id}", "{birth_date: citizen-id}", "unfit-item"),
    "unknown mask": Change("name: name, ethnic_group: hidden", "name: name, ethnic_group: gone", "unknown-word"),
    "mask of nothing": Change("ethnic_group: hidden", "ethnic_gruop: hidden", "unknown-face-item"),
    "initials twice": Change("gender: XB", "gender: XM", "initials-twice", "XM"),
    "initials missing": Change("gender: XB, ", "", "initials-missing", "gender"),
    "initials in small": Change("gender: XB", "gender: xb", "ill-formed"),
    "code of no body": Change("11100000MB03271699001", "11100000MB03271690001", "definer-code"),
    "code twice": Change("11100000MB03271699022", "11100000MB03271699001", "duplicate-id"),
    "code without quotes": Change("'11100000MB03271699001'", "111000000003271699001", "not-text"),
    "entry twice": Change("id: household-register", "id: resident-id-card", "duplicate-id", "", 12),
    "example that breaks its check": Change("{unit_no: real-estate-unit}", "{location: real-estate-unit}", "example-face", "location"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    """The complaint names file, line, rule, and what would be right."""
    change = BROKEN[name]
    at = TEXT.index(change.old)
    broken = TEXT[:at] + change.new + TEXT[at + len(change.old) :]
    path = tmp_path / "definitions.yaml"
    path.write_text(broken, encoding="utf-8")

    with pytest.raises(InvalidDefinitions) as refused:
        load(catalog(), path)

    line = TEXT.count("\n", 0, at) + 1
    mine = [c for c in refused.value.complaints if c.rule == change.rule]
    assert mine, refused.value.complaints
    assert any(abs(c.line - line) <= 12 and change.says in str(c) for c in mine), mine
    assert all(c.file == "definitions.yaml" and c.line for c in mine)


def test_all_complaints_come_at_once(tmp_path: Path) -> None:
    """A broken row and a type that is left out are both named."""
    broken = TEXT.replace("gender: XB", "gender: xb", 1)
    broken = broken[: broken.index("- id: customs-filing")]
    path = tmp_path / "definitions.yaml"
    path.write_text(broken, encoding="utf-8")

    with pytest.raises(InvalidDefinitions) as refused:
        load(catalog(), path)
    assert {c.rule for c in refused.value.complaints} == {"type-undefined", "ill-formed"}
    assert "customs-filing" in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\0", b"definitions:", b"[1, 2]", b"&a [*a]", b"- " * 10_000, b"{" * 90],
)
def test_what_is_no_file_of_definitions_is_refused(content: bytes, tmp_path: Path) -> None:
    """Never another exception."""
    path = tmp_path / "definitions.yaml"
    path.write_bytes(content)

    with pytest.raises(InvalidDefinitions):
        load(catalog(), path)
    with pytest.raises(InvalidDefinitions):
        load(catalog(), tmp_path / "nothing.yaml")


def test_lines_lost_anywhere_are_refused_or_still_whole(tmp_path: Path) -> None:
    """Fifty random lines taken out, one at a time: a complaint, or 68 types all the same (a line of
    masks or checks is not missed).
    """
    chance = random.Random(20261124)  # noqa: S311  the same lines in each run
    lines = TEXT.splitlines(keepends=True)
    path = tmp_path / "definitions.yaml"
    for _ in range(50):
        lost = chance.randrange(len(lines))
        path.write_text("".join(lines[:lost] + lines[lost + 1 :]), encoding="utf-8")
        try:
            assert len(load(catalog(), path)) == 68
        except InvalidDefinitions as refused:
            assert refused.complaints  # noqa: PT017  either outcome is right
