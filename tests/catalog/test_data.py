"""The catalog we ship: two counties and the national data."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from catalog import COUNTIES, NATIONAL, Catalog, ExemptWhen, UnknownEntry, load, needs
from catalog.lookup import exempting


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Both counties, loaded once."""
    return load()


def test_everything_is_there(catalog: Catalog) -> None:
    """The counts of the published lists and of the national data."""
    bundles = list(catalog.bundles.values())
    listed = {
        c: sum(len(b.listed_items) for b in bundles if b.county == c) for c in catalog.counties
    }
    assert {c: sum(b.county == c for b in bundles) for c in catalog.counties} == {
        "xinxiang": 21,
        "shenqiu": 60,
    }
    assert listed == {"xinxiang": 143, "shenqiu": 410}
    assert len(catalog.resources) == 74
    assert sum(len(r.fields) for r in catalog.resources.values()) == 776
    assert len(catalog.certificate_types) == 68
    assert sum(len(t.items) for t in catalog.certificate_types.values()) == 694
    assert len(catalog.code_tables) == 72


def test_counties_have_their_heads(catalog: Catalog) -> None:
    """Name, division, document and year of each list."""
    county = catalog.counties["xinxiang"]
    assert (county.name, county.division_code, county.year) == ("新乡县", "410721", 2024)
    assert county.document.startswith("新政文〔2024〕62号")


def test_proofs_of_absence_are_answered_by_the_register(catalog: Catalog) -> None:
    """无房证明 and its kin are replaced by the answer itself, none included."""
    answered = {
        (bundle.id, material.name)
        for bundle in catalog.bundles.values()
        if bundle.analysis
        for material in bundle.analysis.materials
        if material.exempt_when is ExemptWhen.ANSWER
    }
    assert answered == {
        ("shenqiu-11", "住房情况证明"),
        ("shenqiu-11", "车辆情况证明"),
        ("shenqiu-15", "无房证明（祖辈房产入学）"),
        ("shenqiu-48", "未重复享受补贴证明"),
        ("shenqiu-49", "家庭住房证明"),
        ("shenqiu-52", "家庭住房查询证明"),
        ("xinxiang-08", "海关备案与未结业务情况"),
        ("xinxiang-10", "无房证明"),
        ("xinxiang-12", "未重复享受补贴证明"),
        ("xinxiang-14", "未列入经营异常名录等情况"),
        ("xinxiang-18", "家庭住房查询证明"),
        ("xinxiang-19", "家庭无房（住房）证明"),
        ("xinxiang-19", "车辆情况证明"),
        ("xinxiang-19", "未享受住房保障证明"),
    }


def test_registers_with_many_persons_have_a_line_key(catalog: Catalog) -> None:
    """Where person numbers repeat, the line about the subject can be found."""
    keyed = {r.id: r.line_key for r in catalog.resources.values() if r.line_key}
    repeated = {
        r.id
        for r in catalog.resources.values()
        for f in r.fields.values()
        if f.repeated and f.id.endswith("id_number")
    }
    assert keyed == dict.fromkeys(repeated, "member_id_number")


def test_every_analysed_bundle_can_be_asked(catalog: Catalog) -> None:
    """Everything a plan would ask exists, and every exemption resolves."""
    for bundle in catalog.bundles.values():
        for (subject, resource), fields in needs(catalog, bundle).items():
            assert bundle.analysis is not None
            assert subject in bundle.analysis.subjects
            assert fields
            assert fields <= catalog.resources[resource].fields.keys()
        for material in bundle.analysis.materials if bundle.analysis else ():
            found = exempting(catalog, bundle.county, material)
            assert len(found.certificate_types) + len(found.resources) == len(material.exempt_by)


def test_one_county_alone(catalog: Catalog) -> None:
    """`only` leaves the others out; a county that is not there is an error with near misses."""
    alone = load(only={"xinxiang"})
    assert set(alone.counties) == {"xinxiang"}
    assert alone.bundles["xinxiang-10"] == catalog.bundles["xinxiang-10"]
    with pytest.raises(UnknownEntry) as caught:
        load(only={"xinxian"})
    assert "xinxiang" in caught.value.near


def test_the_catalog_is_small_in_memory() -> None:
    """A loaded catalog stays far below the hub's budget of 200 MB."""
    gc.collect()
    tracemalloc.start()
    catalog = load()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert catalog.bundles
    assert held < 25_000_000
    assert peak < 60_000_000


def test_the_files_say_how_to_read_them() -> None:
    """Every data file begins with its reading guide and holds no name of a file that is gone."""
    shipped = [*NATIONAL.glob("*.yaml"), *COUNTIES.glob("*/catalog/*.yaml")]
    assert len(shipped) >= 7
    for path in shipped:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("#")
        assert "licences.yaml" not in text
        assert "xinxiang-2024.yaml" not in text


def test_a_spouse_is_found_in_the_record_of_the_other_one(catalog: Catalog) -> None:
    """Asked of the second guardian, the marriage register would name the first."""
    asked_of_themselves = [
        (bundle.id, field.id)
        for bundle in catalog.bundles.values()
        for field in (bundle.analysis.form if bundle.analysis else ())
        if (field.fill_from or "").startswith("marriage.status.spouse_")
        and field.id.startswith(f"{field.subject}_")
    ]
    assert asked_of_themselves == []
