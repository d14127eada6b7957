"""Pure questions to a catalog."""

from __future__ import annotations

import dataclasses

import pytest

from catalog import (
    FieldPath,
    InvalidPath,
    Op,
    Predicate,
    Sharing,
    SourceBinding,
    UnknownEntry,
    bundle_of_item,
    county_of_item,
    exempting,
    needs,
    parse_path,
    sources_for,
    terms_of,
)
from catalog import lookup as ask
from tests.world.catalogs import small_catalog

PATHS = {
    "hukou.person.name": FieldPath(resource="hukou.person", field="name", many=False),
    "realestate.ownership[].certificate_no": FieldPath(
        resource="realestate.ownership", field="certificate_no", many=True
    ),
    "immunization.record[]": FieldPath(resource="immunization.record", field=None, many=True),
    "crime.background-check.checked_on": FieldPath(
        resource="crime.background-check", field="checked_on", many=False
    ),
}


@pytest.mark.parametrize("text", PATHS)
def test_paths_are_parsed_and_written(text: str) -> None:
    """The three forms are understood, and written again as they were."""
    assert parse_path(text) == PATHS[text]
    assert str(parse_path(text)) == text


WRONG_PATHS = {
    "hukou.person": "whole-record",
    "hukou": "path-form",
    "": "path-form",
    "hukou.person.name.first": "path-form",
    "hukou.person[0].name": "path-form",
    "hukou.person[].": "path-form",
    "hukou.person.[]": "path-form",
    "hukou.person.name[]": "path-form",
    ".hukou.person": "path-form",
    "Hukou.person.name": "path-form",
    "hukou.person.name\n": "path-form",
    "hukou.person.姓名": "path-form",
    "hukou.person.*": "path-form",
    "social-insurance.payment-history.total_months>=24": "predicate-form",
    "hukou.person.name == '赵明示'": "predicate-form",
    "person.age  >= 18": "predicate-form",
    "person.age => 18": "predicate-form",
    "person.age >= 18 and person.age < 19": "predicate-form",
    "person.age >= 1e9": "predicate-form",
    "person.age >= 1234567890123": "predicate-form",
    "age >= 18": "predicate-form",
    "hukou.person[].birth_date >= 2000-01-01": "predicate-form",
    "person.age >= 18\n": "predicate-form",
}


@pytest.mark.parametrize("text", WRONG_PATHS)
def test_other_texts_are_no_paths(text: str) -> None:
    """The rule says what is wrong; the text is not repeated, it may hold a value."""
    with pytest.raises(InvalidPath) as caught:
        parse_path(text)
    assert caught.value.rule == WRONG_PATHS[text]
    assert "赵明示" not in str(caught.value)


PREDICATES = {
    "person.age >= 18": (Op.GE, "18", False, ">= 18"),
    "person.age < 18": (Op.LT, "18", False, ">= 18"),
    "person.age <= 18": (Op.LE, "18", False, "> 18"),
    "realestate.count == 0": (Op.EQ, "0", False, "== 0"),
    "hukou.person.birth_date > 2000-01-01": (Op.GT, "2000-01-01", False, "> 2000-01-01"),
    "hukou.person.gender != '1'": (Op.NE, "1", True, "== 1"),
}


@pytest.mark.parametrize("text", PREDICATES)
def test_predicates_are_read_and_written_again(text: str) -> None:
    """Both sides of one cut tell the same."""
    found = parse_path(text)

    assert isinstance(found, Predicate)
    assert (found.op, found.literal, found.quoted, found.cut) == PREDICATES[text]
    assert str(found) == text


def test_a_very_long_path_is_refused() -> None:
    """Length alone does no harm."""
    with pytest.raises(InvalidPath):
        parse_path("a" * 1_000_000 + ".b.c!")


def test_entries_are_found_and_near_misses_offered() -> None:
    """Unknown ids raise, with the nearest ones that exist."""
    catalog = small_catalog()
    assert ask.bundle(catalog, "yanshi-01").name == "教育入学“一件事”"
    assert ask.item(catalog, "yanshi-01-03").departments == ("县自然资源局",)
    assert ask.field(catalog, "yanshi", "hukou.person", "gender").code_table == "gender"
    with pytest.raises(UnknownEntry) as caught:
        ask.bundle(catalog, "yanshi-03")
    assert caught.value.near
    with pytest.raises(UnknownEntry) as caught:
        ask.field(catalog, "yanshi", "hukou.person", "gendre")
    assert caught.value.near == ("gender",)
    with pytest.raises(UnknownEntry) as caught:
        ask.resource(catalog, "yanshi", "hukou.persons")
    assert "hukou.person" in caught.value.near
    with pytest.raises(UnknownEntry) as caught:
        ask.resource(catalog, "yansi", "hukou.person")
    assert caught.value.near == ("yanshi",)


def test_items_know_their_bundle_and_county() -> None:
    """From an item's id to its bundle and county."""
    catalog = small_catalog()
    assert bundle_of_item(catalog, "yanshi-02-01").id == "yanshi-02"
    assert county_of_item(catalog, "yanshi-02-01") == "yanshi"
    with pytest.raises(UnknownEntry):
        county_of_item(catalog, "yanshi-02-09")


def test_a_county_overrides_a_resource() -> None:
    """The county's own description comes before the national one, with its terms."""
    catalog = small_catalog()
    own = ask.resource(catalog, "yanshi", "realestate.ownership")
    assert own.provider == "县不动产登记中心"
    assert terms_of(catalog, "yanshi", "realestate.ownership").kind is Sharing.OPEN
    assert catalog.resources["realestate.ownership"].provider == "县自然资源局"
    assert "location" in own.fields


def test_an_unlisted_item_comes_first() -> None:
    """The lead department's own acceptance is an item, but not a published one."""
    bundle = small_catalog().bundles["yanshi-01"]
    assert [item.seq for item in bundle.items] == [0, 1, 2, 3]
    assert [item.seq for item in bundle.listed_items] == [1, 2, 3]


def test_published_items_are_enriched_by_the_analysis() -> None:
    """Issues, answers and missing departments come from the materials file."""
    items = small_catalog().items
    assert items["yanshi-01-01"].issues == ("resident-id-card",)
    assert items["yanshi-01-03"].answered_by == ("realestate.ownership",)
    assert items["yanshi-02-01"].departments == ("县市场监管局", "县消防救援大队")


def test_authorities_belong_to_a_county() -> None:
    """Leads, handlers, providers of own resources and those of authorities.yaml."""
    authorities = small_catalog().authorities
    assert authorities["yanshi/县教体局"].uscc == "11990000000000107Q"
    assert {"yanshi/县司法局", "yanshi/县不动产登记中心", "yanshi/县消防救援大队"} <= set(
        authorities
    )


def binding(source: str, *fields: str, county: str = "yanshi") -> SourceBinding:
    """A source that answers for hukou.person."""
    return SourceBinding(
        county=county,
        source=source,
        resource="hukou.person",
        authority=f"{county}/县公安局",
        fields=frozenset(fields),
    )


def test_sources_that_cover_most_come_first() -> None:
    """Of the county and the resource, only those that answer something that is wanted."""
    catalog = small_catalog().bound(
        [
            binding("little", "name"),
            binding("much", "name", "gender"),
            binding("other", "photo"),
            binding("also", "gender"),
            binding("elsewhere", "name", "gender", county="zuoyi"),
        ]
    )
    found = sources_for(catalog, "yanshi", "hukou.person", ["name", "gender"])
    assert [b.source for b in found] == ["much", "little", "also"]
    assert sources_for(catalog, "yanshi", "hukou.household", ["name"]) == ()
    assert sources_for(catalog, "yanshi", "hukou.person", []) == ()


def test_what_exempts_a_material() -> None:
    """Certificate types and resources apart, each in the order of the file."""
    catalog = small_catalog()
    analysis = catalog.bundles["yanshi-01"].analysis
    assert analysis is not None
    by_id = {material.id: material for material in analysis.materials}
    found = exempting(catalog, "yanshi", by_id["id-card"])
    assert [t.id for t in found.certificate_types] == ["resident-id-card"]
    assert [r.id for r in found.resources] == ["hukou.person"]
    assert exempting(catalog, "yanshi", by_id["photo"]).resources == ()


def test_what_a_plan_needs() -> None:
    """Fields of the form, and one telling field where only the record matters."""
    catalog = small_catalog()
    assert needs(catalog, catalog.bundles["yanshi-01"]) == {
        ("child", "hukou.household"): {"member_name"},
        ("child", "hukou.person"): {"gender"},
        ("guardian", "hukou.person"): {"name"},
        ("guardian", "realestate.ownership"): {"certificate_no"},
        ("guardian", "crime.background-check"): {"conclusion"},
    }
    assert needs(catalog, catalog.bundles["yanshi-02"]) == {}


def test_the_catalog_cannot_be_changed() -> None:
    """It is one immutable value, its mappings included."""
    catalog = small_catalog()
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog.bundles = {}  # type: ignore[misc]
    with pytest.raises(TypeError):
        catalog.bundles["x"] = catalog.bundles["yanshi-01"]  # type: ignore[index]
    with pytest.raises(TypeError):
        catalog.resources["hukou.person"].fields["x"] = None  # type: ignore[index]
