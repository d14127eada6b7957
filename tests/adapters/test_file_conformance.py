"""A files source is recorded, replayed, checked, tried and put through the kit like any other; and the
kit finds what is wrong with one that is careless.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from adapters import conformance, recording, rehearsal, samples, showing, trying
from adapters.conformance.record import FILE
from adapters.conformance.running import Result
from adapters.drifting import Drift
from adapters.errors import InvalidManifest
from adapters.files import FilesTransport
from adapters.files.drops import Drop, DropFolder
from adapters.files.intake import Intake
from adapters.invented import Candidate
from adapters.kinds import Opening
from adapters.model import Outcome
from adapters.registry import Agreed, read
from tests.adapters.drops import (
    CHANGES,
    FIXED,
    HEAD,
    MANIFEST,
    PLACES,
    RESOURCE,
    ROW,
    ROWS,
    SOURCE,
    TODAY,
    XLSX,
    XML,
    county_of,
    csv_of,
    drop,
    fixed_of,
    xlsx_of,
    xml_of,
)
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, call, now, write

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
    moment = "1989-12-31T16:00:00+00:00" if "where: column" in manifest else "2026-11-23T16:00:00+00:00"
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
    real = sum(count for group, count in groups.items() if group not in {"envelope", "field", "reply"})
    assert real >= LEAST, groups
