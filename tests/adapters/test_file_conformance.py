"""A files source is recorded, replayed, checked, tried and put through the kit like any other; and the
kit finds what is wrong with one that is careless.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from rich.console import Console

from adapters import conformance, recording, rehearsal, samples, showing, trying
from adapters.conformance.cases import Case, Expect
from adapters.conformance.judging import Left, judged
from adapters.conformance.running import Result
from adapters.errors import InvalidManifest, SourceUnavailable
from adapters.files import FilesTransport
from adapters.files.terms import FilesAsk, FilesConnect
from adapters.files.writing import Scribe, Unwritable
from adapters.invented import Candidate
from adapters.kinds import Opening
from adapters.model import Outcome, RawReply, SourceCall
from adapters.registry import Agreed, read
from adapters.values import FromEnvironment
from catalog.loading import load
from tests.adapters.drops import (
    CHANGES,
    FIXED,
    HEAD,
    MANIFEST,
    OTHER,
    PLACES,
    RESOURCE,
    ROW,
    ROWS,
    SOURCE,
    XLSX,
    XML,
    county_of,
    csv_of,
    drop,
)
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, call, now, write
from tests.adapters.test_readme import FILE as EXAMPLE
from tests.adapters.test_readme import block

pytestmark = pytest.mark.anyio

LEAST = 60
KEYS = {"id_number": ID_NUMBER, "name": NAME}
NO_CONTROL = '  control: { name: "{stem}.ctl", count: rows, digest: digest, algorithm: sm3 }\n'
BY_NAME = 'as_of: { where: name, form: "%Y%m%d" }'
FORMATS: Mapping[str, str] = {
    "csv": MANIFEST,
    "csv by position": PLACES,
    "csv in UTF-8, with a flag only and lines above": MANIFEST.replace(
        "charset: gb18030", "charset: utf-8\n  skip: 2"
    ).replace(NO_CONTROL, ""),
    "csv with bars and without quotes": MANIFEST.replace(
        "charset: gb18030", """charset: gb18030\n  delimiter: "|"\n  quote: ''"""
    ),
    "csv by position, whose file names do not change": PLACES.replace("jzz_*.csv", "jzz.csv").replace(
        BY_NAME, "settle: 1s"
    ),
    "as of a column, refused when old": MANIFEST.replace(
        BY_NAME, 'as_of: { where: column, at: 出生日期, form: "%Y%m%d" }\n  max_age: 2d\n'
        "  too_old: refuse\n  settle: 1s",
    ),
    "as of a control file in JSON": MANIFEST.replace(
        "count: rows, digest: digest, algorithm: sm3 }",
        "format: json, file: a.file, count: 'a.b[1]', digest: a.d, algorithm: sha256 }",
    ).replace(BY_NAME, 'as_of: { where: control, at: a.t, form: ["%Y-%m-%d", epoch-s] }'),
    "a control file of one line": MANIFEST.replace(
        "count: rows, digest: digest, algorithm: sm3 }",
        "format: line, file: 'values[0]', count: 'values[2]', digest: 'values[1]', algorithm: md5 }",
    ).replace(BY_NAME, BY_NAME + "\n  max_age: 3d"),
    "no row may be bad": MANIFEST.replace("bad_rows: 30%", "bad_rows: 0%"),
    "one row in a thousand may be bad": MANIFEST.replace("bad_rows: 30%", "bad_rows: 0.1%"),
    "changes": CHANGES,
    "fixed width": FIXED,
    "xlsx": XLSX,
    "xml": XML,
}  # fmt: skip


def agreed(folder: Path, manifest: str = MANIFEST) -> Agreed:
    """The source, its drop folder at `folder`/drop."""
    (found,) = read(
        write(folder, permit=manifest), county=COUNTY, catalog=CATALOG, now=now,
        environment={"DROP_FOLDER": str(folder / "drop")},
    )  # fmt: skip
    return found


def sampled(folder: Path, manifest: str) -> Agreed:
    """The source with a sample as somebody would write it by hand."""
    found = agreed(folder, manifest)
    kept = [name.lstrip("@") for name in found.manifest.resources[RESOURCE].ask.names_of_columns]  # type: ignore[attr-defined]  # of this kind
    cells = dict(zip(HEAD, ROW, strict=True))
    at = found.manifest.resources[RESOURCE].answer
    moment = (
        "1989-12-31T16:00:00+00:00" if "where: column" in manifest else "2026-11-23T16:00:00+00:00"
    )
    dated = {"rows_as_of": moment, "as_of": moment} if "as_of" in manifest else {}
    row = {("@" if "@证号" in manifest and name == "证号" else "") + name: cells[name]
           for name in kept if name in cells}  # fmt: skip
    values = {"permit_no": "J1", "name": NAME, "id_number": ID_NUMBER, "gender": "1",
              "birth_date": "1990-01-01"}  # fmt: skip
    assert set(values) == set(at.fields)
    samples.write(
        folder / "sources" / "samples" / SOURCE / "one.yaml",
        {"resource": RESOURCE, "keys": KEYS, "rows": [row], "outcome": "answered", **dated,
         "records": [{"values": values}]},
        "written by hand",
    )  # fmt: skip
    return found


def replayed(folder: Path) -> int:
    """Replay all samples."""
    return rehearsal.check(folder, county=COUNTY, catalog=CATALOG, now=now)


def wrong(result: Result) -> list[tuple[str, tuple[str, ...]]]:
    """The cases that did not pass, and why."""
    return [(each.case, each.wrong) for each in result.failures]


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_stands_every_case(tmp_path: Path, name: str) -> None:
    """Recorded from a folder, replayed through the kind's own readers, and then hundreds of drops."""
    found = sampled(tmp_path, FORMATS[name])
    assert await asyncio.to_thread(replayed, tmp_path) == 1
    result = await conformance.run(found, now=now)
    assert wrong(result) == []
    cases = [each.case for each in result.verdicts]
    assert len(cases) == len(set(cases))
    groups = Counter(each.split("/")[1] for each in cases)
    assert groups["drop"] + groups["file"] + groups["row"] + groups["control"] >= 30
    real = sum(
        count for group, count in groups.items() if group not in {"envelope", "field", "reply"}
    )
    assert real >= LEAST, groups


async def test_the_source_of_the_door_sign_stands_every_case(tmp_path: Path) -> None:
    """Two key columns, one of them optional, three rows of one person; against the real catalog."""
    write(tmp_path, labour_contract=block("yaml", example=EXAMPLE))
    (found,) = read(
        tmp_path, county="xinxiang", catalog=load(), now=now, environment=None,
    )  # fmt: skip
    head, first, *_ = block("csv", example=EXAMPLE).splitlines()
    cells = dict(zip(head.split(","), next(csv.reader([first])), strict=True))
    del cells["序号"]
    at, record = "2026-11-22T16:00:00+00:00", json.loads(block("json", example=EXAMPLE))
    samples.write(
        tmp_path / "sources" / "samples" / "labour-contract" / "one.yaml",
        {"resource": "labour-contract.filing", "rows": [cells] * 3, "rows_as_of": at, "as_of": at,
         "keys": {"id_number": ID_NUMBER, "uscc": record["uscc"]}, "outcome": "answered",
         "records": [{"values": record}] * 3},
        "written by hand",
    )  # fmt: skip
    result = await conformance.run(found, now=now)
    assert wrong(result) == []
    assert len(result.verdicts) >= 2 * LEAST


# --- the kit sees what is careless --------------------------------------------------------------


class _Careless(FilesTransport):
    """A transport that does not keep to its manifest."""

    ignores: ClassVar[Mapping[str, object]] = {}

    def __init__(self, opening: Opening) -> None:
        connect = opening.connect.model_copy(update=dict(self.ignores))
        super().__init__(replace(opening, connect=connect))


class _NeverLooksAtControl(_Careless):
    ignores: ClassVar[Mapping[str, object]] = {"control": None}


class _TakesBadRows(_Careless):
    ignores: ClassVar[Mapping[str, object]] = {"bad_rows": 1.0}


class _NeverTooOld(_Careless):
    ignores: ClassVar[Mapping[str, object]] = {"too_old": "label"}


class _ReadsTooMuch(_Careless):
    ignores: ClassVar[Mapping[str, object]] = {"max_bytes": 1 << 60}


class _NothingIsNobody(_Careless):
    """Takes having no data for there being no record."""

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        try:
            return await super().fetch(call, within=within)
        except SourceUnavailable:
            return RawReply(rows=[])


OLD = MANIFEST.replace("bad_rows: 30%", "bad_rows: 30%\n  max_age: 2d\n  too_old: refuse")
CARELESS: Mapping[str, tuple[type[FilesTransport], str]] = {
    "reads what is not whole": (_NeverLooksAtControl, "drop/without-1-beside"),
    "counts nothing": (_NeverLooksAtControl, "control/a-row-more"),
    "takes a file of bad rows": (_TakesBadRows, "row/most-are-bad"),
    "answers from old data": (_NeverTooOld, "age/just-too-old"),
    "knows no limit": (_ReadsTooMuch, "drop/too-large"),
    "takes nothing for nobody": (_NothingIsNobody, "drop/none"),
}


@pytest.mark.parametrize("name", CARELESS)
async def test_the_kit_finds_a_careless_transport(tmp_path: Path, name: str) -> None:
    """A kit that everything passes would be worth nothing."""
    kind, case = CARELESS[name]
    result = await conformance.run(replace(sampled(tmp_path, OLD), kind=kind), now=now)
    assert any(each.case.endswith(case) for each in result.failures), wrong(result)


async def test_the_kit_finds_what_a_report_gives_away(tmp_path: Path) -> None:
    """What is written back into the folder is judged as well."""
    found = sampled(tmp_path, MANIFEST)
    left = Left(reported=frozenset({"id18"}), texts=f"2,{NAME},id18")
    case = Case(id="x", expect=Expect(outcomes=frozenset({Outcome.FAILED}), reported="id18"))
    (sample,), _ = samples.load(found.folder, SOURCE, county=COUNTY)
    reply = await rehearsal.replay(found, sample.sample, now)
    verdict = judged(case, sample.sample, reply, seconds=0, within=1, astray=[], left=left)
    assert any("personal" in each for each in verdict.wrong)


# --- the commands -------------------------------------------------------------------------------


async def test_a_question_is_shown_recorded_replayed_and_checked(tmp_path: Path) -> None:
    """From a real folder: `try` shows what was looked for, masked; the sample is what was found and
    of when; it replays; the record of the kit is about the files as they stand.
    """
    drop(tmp_path / "drop", csv_of(*ROWS))
    found = agreed(tmp_path)
    trial = await trying.ask(found, RESOURCE, KEYS, now=now, within=5)
    page = shown(trial)
    assert "FIND jzz_*.csv" in page
    assert "身份证号 = " in page
    assert "1 行 rows" in page
    assert ID_NUMBER not in page
    assert str(tmp_path) not in page
    for persona, keys in (("one", KEYS), ("unknown", {"id_number": OTHER, "name": "无此人"})):
        trial = await trying.ask(found, RESOURCE, keys, now=now, within=5)
        somebody = Candidate(persona=persona, subject="a", title="某人", keys=keys, records=0)
        await recording.record(trial, somebody, now=now)
    known, _ = samples.load(found.folder, SOURCE, county=COUNTY)
    assert [each.sample.outcome for each in known] == [Outcome.ANSWERED, Outcome.NO_RECORD]
    assert known[0].sample.rows_as_of == "2026-11-23T16:00:00+00:00"
    assert known[0].sample.rows == (dict(zip(HEAD, ROW, strict=True)),)
    assert await asyncio.to_thread(replayed, tmp_path) == 2
    with pytest.raises(InvalidManifest, match="conformance-missing"):
        conformance.check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    conformance.written(found, await conformance.run(found, now=now))
    conformance.check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)


def shown(trial: trying.Trial) -> str:
    """What the console shows of a trial."""
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(showing.shown(trial, ()))
    return console.export_text()


CHANGED: Mapping[str, tuple[str, str, str]] = {
    "a value that the file did not have": (
        "'19900101'",
        "'19900102'",
        "records[0].values.birth_date",
    ),
    "a key that finds another": (f"id_number: '{ID_NUMBER}'", f"id_number: '{OTHER}'", "outcome"),
    "a cell that no such file can hold": ("证号: J1", "证号: 7", "outcome"),
    "another day": ("rows_as_of: '2026-11-23", "rows_as_of: '2026-11-21", "as_of"),
    "a day that is none": ("rows_as_of: '2026-11-23", "rows_as_of: '2026-11-33", "a cell"),
}


@pytest.mark.parametrize("name", CHANGED)
async def test_a_sample_that_was_changed_is_a_complaint(tmp_path: Path, name: str) -> None:
    """Its rows are written, read and looked up; what comes of it is not what it says."""
    old, new, complaint = CHANGED[name]
    found = sampled(tmp_path, MANIFEST)
    path = samples.folder_of(found.folder, SOURCE) / "one.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidManifest, match=re.escape(complaint)):
        await asyncio.to_thread(replayed, tmp_path)


CHANGES_OF_MANIFEST: Mapping[str, tuple[str, str]] = {
    "another form": ('["%Y%m%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]', "epoch-s"),
    "another code": ('男: "1"', '男: "2"'),
    "another key": ("is: keys.id_number, as: id18", "is: keys.name, as: id18"),
}


@pytest.mark.parametrize("name", CHANGES_OF_MANIFEST)
async def test_a_sample_finds_a_careless_manifest(tmp_path: Path, name: str) -> None:
    """The sample stays as it was; the manifest does not read it any more."""
    old, new = CHANGES_OF_MANIFEST[name]
    sampled(tmp_path, MANIFEST)
    assert old in MANIFEST
    write(tmp_path, permit=MANIFEST.replace(old, new))
    with pytest.raises(InvalidManifest, match="sample-differs"):
        await asyncio.to_thread(replayed, tmp_path)


async def test_a_file_that_changes_its_shape_is_told(tmp_path: Path) -> None:
    """Dates of another form, codes nobody knows: drift is seen across drops."""
    many = [(f"J{n}", NAME, ID_NUMBER, "男", "19900101") for n in range(3)]
    drop(tmp_path / "drop", csv_of(*many), "jzz_20261122.csv")
    county = county_of(tmp_path)
    source = county.sources[SOURCE]
    for _ in range(30):
        await source.answer(call(RESOURCE), within=5)
    assert county.drifts[SOURCE].changes == ()
    other = [(f"J{n}", NAME, ID_NUMBER, "雄", "01.02.1990") for n in range(3)]
    drop(tmp_path / "drop", csv_of(*other), "jzz_20261123.csv")
    reply = await source.answer(call(RESOURCE), within=5)
    async with asyncio.timeout(30):
        while not reply.records[0].odd:
            await asyncio.sleep(0.05)
            reply = await source.answer(call(RESOURCE), within=5)
    for _ in range(200):
        await source.answer(call(RESOURCE), within=5)
    found = {(str(each.kind), each.fields) for each in county.drifts[SOURCE].changes}
    await county.aclose()
    assert {("code", ("gender",)), ("unreadable", ("birth_date",))} <= found


NAMES: Mapping[str, tuple[str, str, str | None]] = {
    "a star": ("jzz_*.csv", "%Y%m%d", "jzz_20261124.csv"),
    "as many marks": ("jzz_????????.csv", "%Y%m%d", "jzz_20261124.csv"),
    "a year that is written": ("jzz_2026*.csv", "%Y%m%d", "jzz_20261124.csv"),
    "a year and marks": ("jzz_2026????_?.csv", "%Y%m%d", "jzz_20261124_x.csv"),
    "two stars": ("*_jzz_*.csv", "%Y-%m-%d", "2026-11-24_jzz_x.csv"),
    "another year": ("jzz_2025????.csv", "%Y%m%d", None),
    "no place for a date": ("jzz.csv", "%Y%m%d", None),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_drop_is_named_as_its_department_names_it(name: str) -> None:
    """By the pattern and the form of its date; where both cannot be, none is made up."""
    pattern, form, expected = NAMES[name]
    connect = FilesConnect.model_validate(
        {"folder": FromEnvironment("/drop"), "format": "csv", "flag": "{file}.ok", "timeout": "1s",
         "as_of": {"where": "name", "form": form}}
    )  # fmt: skip
    scribe = Scribe(
        connect,
        FilesAsk.model_validate({"file": pattern, "columns": ["a"], "key": {"a": "keys.x"}}),
    )
    moment = datetime(2026, 11, 23, 16, tzinfo=UTC)
    if expected is None:
        with pytest.raises(Unwritable):
            scribe.name(moment)
    else:
        assert scribe.name(moment) == expected
