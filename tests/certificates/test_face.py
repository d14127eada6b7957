"""Faces: every way in which a value can be wrong, and what is painted for those that are right."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates.characters import flaws, odd_dot, tidy
from certificates.errors import FaceRefused
from certificates.face import Given, compare, compose, masked, picture_digests
from certificates.model import Face, FaceEntry, ItemType, Mask
from tests.world.certificates import catalog, definitions, values

TODAY = date(2026, 11, 24)


def made(type_id: str, **changes: Given) -> Face:
    """A face of the sample, with changes."""
    return compose(
        definitions()[type_id], values(type_id, **changes), catalog().code_tables, today=TODAY
    )


def why(type_id: str, **changes: Given) -> set[tuple[str, str]]:
    """(item, rule) of everything that is wrong."""
    with pytest.raises(FaceRefused) as refused:
        made(type_id, **changes)
    assert all(f.clause and f.expected for f in refused.value.findings)
    return {(f.item, f.rule) for f in refused.value.findings}


CARD = "resident-id-card"
WRONG: dict[str, tuple[str, str, Given, str]] = {
    "missing": (CARD, "name", "", "missing"),
    "blank": (CARD, "name", " 　 ", "missing"),
    "too long": (CARD, "name", "赵" * 51, "too-long"),
    "ten megabytes": (CARD, "name", "赵" * 10_000_000, "too-long"),
    "NUL": (CARD, "name", "赵\0明", "nul"),
    "line break": (CARD, "address", "演示省\n示例路", "control"),
    "tab": (CARD, "address", "演示省\t示例路", "control"),
    "line separator": (CARD, "address", "演示省\u2028示例路", "control"),
    "escape": (CARD, "address", "演示省\x1b[31m", "control"),
    "right-to-left": (CARD, "name", "赵\u202e示明", "direction"),
    "isolate": (CARD, "name", "赵\u2067明", "direction"),
    "zero width": (CARD, "name", "赵\u200b明示", "invisible"),
    "byte order mark": (CARD, "name", "赵\ufeff明示", "invisible"),
    "soft hyphen": (CARD, "name", "赵\u00ad明示", "invisible"),
    "variation selector": (CARD, "name", "赵\U000e0100明", "invisible"),
    "tag characters": (CARD, "name", "赵\U000e0041明", "invisible"),
    "hangul filler": (CARD, "name", "赵\u3164明", "invisible"),
    "private use": (CARD, "name", "赵\ue863明", "private-use"),
    "private plane": (CARD, "name", "赵\U000f0001明", "private-use"),
    "surrogate": (CARD, "name", "赵\ud840明", "surrogate"),
    "noncharacter": (CARD, "name", "赵\ufdd0明", "unassigned"),
    "unassigned": (CARD, "name", "赵\u0378明", "unassigned"),
    "radical": (CARD, "name", "⾚明示", "look-alike"),
    "Cyrillic in Latin": (CARD, "address", "演示路АBC号", "look-alike"),
    "stacked marks": (CARD, "name", "赵" + "\u0301" * 6, "marks"),
    "mark in front": (CARD, "name", "\u0301赵", "marks"),
    "no date": (CARD, "birth_date", "1990年1月1日", "not-a-date"),
    "day that is none": (CARD, "birth_date", "1990-02-30", "not-a-date"),
    "day in full width": (CARD, "birth_date", "１９９０-01-01", "not-a-date"),
    "day of old": (CARD, "birth_date", "0001-01-01", "not-a-date"),
    "date with time": (CARD, "birth_date", "1990-01-01T00:00", "too-long"),
    "end that is no day": (CARD, "valid_to", "永久", "not-a-date"),
    "unknown code": (CARD, "gender", "7", "unknown-code"),
    "label for code": (CARD, "gender", "男", "unknown-code"),
    "two codes in one": (CARD, "gender", "1,2", "too-long"),
    "check digit": (CARD, "id_number", "990101199001010018", "check-digit"),
    "short number": (CARD, "id_number", "99010119900101001", "length"),
    "birth in number": (CARD, "id_number", "990101197502290013", "birth-date"),
    "picture": (CARD, "portrait", "image/jpeg", "picture"),
    "picture of another digest": (CARD, "portrait", "sha256:" + "0" * 64, "picture"),
    "list for one": (CARD, "name", ["赵明示", "钱安例"], "not-repeated"),
    "whole number": ("birth-certificate", "weight_g", "3300克", "not-a-number"),
    "leading nought": ("birth-certificate", "weight_g", "03300", "not-a-number"),
    "fraction": ("birth-certificate", "weight_g", "3.3", "not-a-number"),
    "full-width digits": ("birth-certificate", "weight_g", "３３００", "not-a-number"),
    "exponent": ("water-abstraction-licence", "volume", "1e9", "not-a-number"),
    "not a number": ("water-abstraction-licence", "volume", "NaN", "not-a-number"),
    "birth certificate number": ("birth-certificate", "certificate_no", "9990000001", "form"),
    "uscc": ("business-licence", "uscc", "91990101MA0000015D", "check-digit"),
    "letter O in uscc": ("business-licence", "uscc", "9199O101MA0000015C", "characters"),
    "food licence check": ("food-business-licence", "licence_no", "JY29901010000017", "check-digit"),
    "food licence form": ("food-business-licence", "licence_no", "SC29901010000018", "form"),
    "unit number": ("realestate-certificate", "unit_no", "99010100100100", "length"),
    "code twice": ("food-business-licence", "items", "11,11", "code-twice"),
    "one unknown of several": ("food-business-licence", "items", "11,x", "unknown-code"),
    "lines": ("immunization-certificate", "dose_number", ["1", "2"], "lines-differ"),
    "empty line": ("immunization-certificate", "lot_number", ["A", ""], "missing"),
    "too many lines": ("immunization-certificate", "dose_number", ["1"] * 201, "too-many-lines"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_named_with_its_rule(name: str) -> None:
    """By item and rule; the value itself is nowhere in the error."""
    type_id, item, value, rule = WRONG[name]
    found = why(type_id, **{item: value})

    assert rule in {broken for _, broken in found}, found
    with pytest.raises(FaceRefused) as refused:
        made(type_id, **{item: value})
    if isinstance(value, str) and len(value.strip()) > 2:
        assert value[:12] not in str(refused.value)


def test_everything_that_is_wrong_comes_at_once() -> None:
    """Three items and an unknown one; several rules of one text."""
    found = why(CARD, name="", gender="7", birth_date="x", shoe_size="43", address="a\0\u202e")

    assert found == {
        ("name", "missing"),
        ("gender", "unknown-code"),
        ("birth_date", "not-a-date"),
        ("shoe_size", "unknown-item"),
        ("address", "nul"),
        ("address", "direction"),
    }


RIGHT: dict[str, tuple[str, str, Given, tuple[str, ...], str]] = {
    "text, blanks dropped": (CARD, "name", " 赵明示\u3000", ("赵明示",), "赵明示"),
    "rare ideographs": (CARD, "name", "𠮷\U000313aa\U0002ebf0", ("𠮷\U000313aa\U0002ebf0",), "𠮷\U000313aa\U0002ebf0"),
    "a dot": (CARD, "name", "阿依古丽·买买提", ("阿依古丽·买买提",), "阿依古丽·买买提"),
    "composed": (CARD, "address", "Cafe\u0301", ("Café",), "Café"),
    "compatibility ideograph": (CARD, "name", "\uf900", ("豈",), "豈"),
    "date": (CARD, "birth_date", "1990-01-09", ("1990-01-09",), "1990年1月9日"),
    "code": (CARD, "gender", "2", ("2",), "女"),
    "long term": (CARD, "valid_to", "长期", ("长期",), "长期"),
    "last day": (CARD, "valid_to", "2036-06-01", ("2036-06-01",), "2036年6月1日"),
    "several codes": ("food-business-licence", "items", "11,21", ("11,21",), "散装食品销售、热食类食品制售"),
    "several codes as lists have them": ("food-business-licence", "items", "11、21", ("11,21",), "散装食品销售、热食类食品制售"),
    "people of few words": (CARD, "ethnic_group", "05", ("05",), "维吾尔"),
    "number in small": (CARD, "id_number", "99010119491231001x", ("99010119491231001X",), "99010119491231001X"),
    "unit in groups": ("realestate-certificate", "unit_no", "990101001001GB00001F00010001", ("990101001001GB00001F00010001",), "990101001001GB00001F00010001"),
    "nothing": ("household-register", "former_name", "", (), ""),
    "decimal": ("water-abstraction-licence", "volume", "12.50", ("12.50",), "12.50"),
    "lines": ("immunization-certificate", "operator", ["钱安例"], ("钱安例",), "钱安例"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_value_is_kept_and_painted(name: str) -> None:
    """As value for machines and as text for people."""
    type_id, item, value, kept, text = RIGHT[name]
    entry = made(type_id, **{item: value}).get(item)

    assert entry.values == kept
    assert entry.text == text


def test_a_face_has_every_item_in_the_types_order() -> None:
    """Filled or not; pictures by digest; an item that is not of the type is no item."""
    face = made("household-register")

    assert [e.id for e in face.items] == list(definitions()["household-register"].type.items)
    assert picture_digests(made(CARD)) == ("sm3:" + "0" * 64,)
    with pytest.raises(KeyError):
        face.get("shoe_size")


def test_repeated_items_have_a_line_each() -> None:
    """Three doses, in columns."""
    face = made(
        "immunization-certificate",
        **{
            item: [value] * 3
            for item, value in {
                "vaccine": "MMR",
                "dose_number": "1",
                "occurrence_date": "2019-02-01",
                "holder_of_marketing": "示例药厂",
                "lot_number": "DEMO",
                "site_unit": "示例接种点",
                "operator": "",
            }.items()
        },
    )

    assert len(face.get("vaccine").values) == 3
    assert face.get("occurrence_date").text.count("\n") == 2
    assert face.get("operator").values == ()


SAME: dict[str, tuple[dict[str, Given], tuple[str, ...], tuple[str, ...]]] = {
    "same": ({"name": "赵明示"}, (), ()),
    "same with blanks": ({"name": " 赵明示 "}, (), ()),
    "another": ({"name": "赵明"}, ("name",), ()),
    "look-alike": ({"name": "赵明⽰"}, ("name",), ()),
    "recorded empty": ({"name": ""}, ("name",), ()),
    "label for code": ({"gender": "男"}, ("gender",), ()),
    "several": ({"name": "x", "gender": "1", "address": "y"}, ("name", "address"), ()),
    "unknown": ({"nmae": "赵明示"}, (), ("nmae",)),
    "nothing": ({}, (), ()),
    "list": ({"name": ["赵明示"]}, (), ()),
}


@pytest.mark.parametrize("name", SAME)
def test_the_face_is_compared_with_what_the_intake_recorded(name: str) -> None:
    """Items that differ are named; nothing compared is no agreement."""
    recorded, differing, unknown = SAME[name]
    beside = compare(made(CARD), recorded)

    assert set(beside.differing) == set(differing)
    assert beside.unknown == unknown
    assert beside.agrees == (bool(recorded) and not differing and not unknown)


def test_a_masked_face_hides_value_and_text_alike() -> None:
    """By kind; what has no mask stays."""
    of = definitions()[CARD]
    face = masked(made(CARD), of.masks)

    assert face.get("name").text == "赵**"
    assert face.get("id_number").text == "990101********0019"
    assert face.get("address").text == "演示省示范市****"
    assert face.get("portrait").values == ("****",)
    assert face.get("gender") == made(CARD).get("gender")
    assert "990101199001010019" not in repr([(e.values, e.texts) for e in face.items])


@given(st.text(max_size=40), st.sampled_from(Mask))
def test_a_mask_never_shows_more_than_it_may(text: str, mask: Mask) -> None:
    """Ten characters at most, and never the whole of a text of two or more."""
    entry = FaceEntry(
        id="x", label="x", type=ItemType.STRING, values=(text,), texts=(text,), repeated=False
    )
    hidden = masked(Face(type_id="t", items=(entry,)), {"x": mask}).get("x").text

    assert hidden != text or "*" in text
    assert len(hidden.replace("*", "")) <= 10


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_what_has_no_flaw_can_be_written_and_seen(text: str) -> None:
    """Whatever passes is NFC, encodes, and has no control, format or surrogate character."""
    kept = tidy(text)
    if tuple(flaws(kept)):
        return
    assert kept.encode("utf-8").decode("utf-8") == kept
    assert tidy(kept) == kept
    assert not any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in kept)


@given(st.dictionaries(st.sampled_from(list(definitions()[CARD].type.items)), st.text(max_size=30)))
def test_any_values_make_a_face_or_a_refusal(changes: dict[str, str]) -> None:
    """Never another exception; a face that is made, is made again of its own values."""
    of = definitions()[CARD]
    try:
        face = made(CARD, **changes)
    except FaceRefused as refused:
        assert {f.item for f in refused.findings} <= set(of.type.items)  # noqa: PT017  both ends are right
        return
    again = {entry.id: entry.value for entry in face.items}
    assert compose(of, again, catalog().code_tables, today=TODAY) == face


DOTS = {
    "阿依·买买提": False,
    "阿依•买买提": True,
    "阿依.买买提": True,
    "阿依・买买提": True,
    "J. Smith": False,
}


@pytest.mark.parametrize("name", DOTS)
def test_the_dot_of_a_name_is_one_character(name: str) -> None:
    """U+00B7 between ideographs."""
    assert odd_dot(name) is DOTS[name]


def test_a_code_without_its_label_is_never_painted() -> None:
    """Even where the table is known to be incomplete: there would be nothing to paint."""
    of = definitions()[CARD]
    tables = dict(catalog().code_tables)
    tables["gender"] = replace(tables["gender"], completeness="partial")

    with pytest.raises(FaceRefused, match="unknown-code"):
        compose(of, values(CARD, gender="5"), tables, today=TODAY)


def test_a_template_may_tell_days_in_the_short_form() -> None:
    """Days alone, and 长期 stays; the values are the same."""
    of = definitions()[CARD]
    face = compose(
        of,
        values(CARD, valid_to="长期", address="2025-01-01"),
        catalog().code_tables,
        today=TODAY,
        dotted={"valid_from", "valid_to", "address"},
    )

    assert face.get("valid_from").text == "2016.06.01"
    assert face.get("valid_from").values == ("2016-06-01",)
    assert face.get("valid_to").text == "长期"
    assert face.get("address").text == "2025-01-01"
    assert face.get("birth_date").text == "1990年1月1日"
