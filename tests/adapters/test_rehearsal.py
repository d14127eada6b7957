"""Recorded answers are replayed, and anything that comes out differently is a complaint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import rehearsal, samples
from adapters.errors import InvalidManifest
from catalog import loading
from catalog.model import Catalog
from tests.adapters.small import now

COUNTIES = loading.COUNTIES
SAMPLE = "residence-permit/status-from-elsewhere.yaml"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Everything the product knows."""
    return loading.load()


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """A county with one source and its samples."""
    sources = COUNTIES / "xinxiang" / "sources"
    folder = tmp_path / "xinxiang"
    (folder / "sources").mkdir(parents=True)
    shutil.copy(sources / "residence-permit.yaml", folder / "sources")
    shutil.copytree(
        sources / "samples" / "residence-permit", folder / "sources/samples/residence-permit"
    )
    return folder


def complaints(folder: Path, catalog: Catalog) -> list[tuple[str, str]]:
    """(rule, found) of every complaint."""
    with pytest.raises(InvalidManifest) as caught:
        rehearsal.check(folder, county="xinxiang", catalog=catalog, now=now)
    return [(each.rule, each.found) for each in caught.value.complaints]


@pytest.mark.parametrize("name", ["xinxiang", "shenqiu"])
def test_every_sample_of_a_county_reads_as_it_did(name: str, catalog: Catalog) -> None:
    """SOAP in GB18030, pages of FHIR, a result set: through the transport's own reading."""
    folder = COUNTIES / name
    count = rehearsal.check(folder, county=name, catalog=catalog, now=now)
    assert count == len(list((folder / "sources" / "samples").rglob("*.yaml")))
    assert count >= 2 * len(list((folder / "sources").glob("*.yaml")))


Change = Callable[[str], str]
WRONG: dict[str, tuple[Change, str, str]] = {
    "a value": (
        lambda t: t.replace("birth_date: '1", "birth_date: '2"), "sample-differs",
        "records[0].values.birth_date",
    ),
    "an outcome": (
        lambda t: t.replace("outcome: answered", "outcome: failed"), "sample-differs",
        "outcome answered (None) for failed",
    ),
    "a field too many": (
        lambda t: t.replace("    permit_no:", "    permit_nr: x\n    permit_no:"),
        "sample-differs", "records[0].values.permit_nr: only in the sample",
    ),
    "the answer": (
        lambda t: t.replace('"code": "0"', '"code": "9"').replace('"code":"0"', '"code":"9"'),
        "sample-differs", "outcome failed (rest.not-ok-9) for answered",
    ),
    "another path": (
        lambda t: t.replace("to: GET /", "to: GET /other/"), "sample-differs",
        "outcome unreachable (rest.not-recorded) for answered",
    ),
    "another resource": (
        lambda t: t.replace("residence-permit.status", "hukou.person"), "sample-resource",
        "hukou.person",
    ),
    "an unknown key": (lambda t: t + "secret: x\n", "sample", "secret"),
    "no answer": (lambda t: t[: t.index("exchanges:")] + t[t.index("outcome:") :], "sample", ""),
    "broken Base64": (
        lambda t: t.replace("  charset: utf-8\n", "").replace("  text: ", "  base64: "), "sample", "",
    ),
    "a charset that cannot hold it": (
        lambda t: t.replace("  charset: utf-8", "  charset: klingon"), "sample", "exchanges.0",
    ),
    "an anchor": (lambda t: t.replace("keys:", "keys: &k"), "anchor", "an anchor or alias"),
    "no YAML": (lambda t: t + "\t: [", "yaml", ""),
    # assembled here, so that no number of a division that exists stands in this file
    "somebody real": (
        lambda t: t + "# " + "11" + "0101" + "19900101" + "0010\n", "real-number",
        "a citizen number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_as_recorded_is_a_complaint(name: str, county: Path, catalog: Catalog) -> None:
    """Each with the place, and never with a value."""
    change, rule, place = WRONG[name]
    path = county / "sources" / "samples" / SAMPLE
    before = path.read_text(encoding="utf-8")
    path.write_text(change(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before
    found = complaints(county, catalog)
    assert any(each[0] == rule and each[1].startswith(place) for each in found), found
    assert "990" not in str(found)


def test_a_resource_without_an_answered_sample_is_a_complaint(
    county: Path, catalog: Catalog
) -> None:
    """“No such person” alone shows nothing of the mapping."""
    (county / "sources" / "samples" / SAMPLE).unlink()
    assert complaints(county, catalog) == [
        ("no-sample", "no answered sample of residence-permit.status")
    ]


def test_a_sample_is_not_written_about_somebody_real(tmp_path: Path) -> None:
    """A number of a division that exists stops the writing, wherever it stands."""
    number = "11" + "0101" + "19900101" + "0010"
    with pytest.raises(ValueError, match="division"):
        samples.write(tmp_path / "a.yaml", {"exchanges": [{"text": f"<a>{number}</a>"}]}, "note")
    assert not (tmp_path / "a.yaml").exists()


TEXTS = ["01", "null", "a: b", " x ", "多行\n文字", "\t", "2024-01-01", "𠮷", "1.50", "'\"", "# no"]


def test_texts_come_back_as_they_were(tmp_path: Path) -> None:
    """What YAML would take for a number, a date or nothing stays text."""
    document = {
        "resource": "hukou.person", "keys": {"id_number": "1"}, "outcome": "no_record",
        "rows": [{str(at): text for at, text in enumerate(TEXTS)}],
    }  # fmt: skip
    samples.write(tmp_path / "sources/samples/x/a.yaml", document, "note")
    found, wrong = samples.load(tmp_path / "sources", "x", county="sample")
    assert wrong == []
    assert found[0].sample.given().rows == [{str(at): text for at, text in enumerate(TEXTS)}]
