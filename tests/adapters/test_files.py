"""Dropped files: what is read and when, what goes to quarantine, what an answer says."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from adapters.errors import InvalidManifest
from adapters.files.drops import Changed, DropFolder
from adapters.files.index import LOOKUP
from adapters.files.terms import FilesConnect
from adapters.model import Outcome
from adapters.ports import Surroundings
from adapters.registry import check
from adapters.values import FromEnvironment
from hub.keep import VaultSealer
from hub.vault import MemoryDataKeys, Vault
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
    TODAY,
    XLSX,
    XML,
    asked,
    county_of,
    csv_of,
    drop,
    errors_of,
    fixed_of,
    reason_of,
    xlsx_of,
    xml_of,
)
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, call, now, write

pytestmark = pytest.mark.anyio

FORMATS: dict[str, tuple[str, str, str | bytes]] = {
    "csv": (MANIFEST, TODAY, csv_of(*ROWS)),
    "csv with quotes and a line break": (
        MANIFEST, TODAY, csv_of(ROW).replace(NAME, f'"{NAME}"').replace("J1", '"J1"')
        + f'"J\r\n2",{",".join(ROWS[1][1:])}\r\n',
    ),
    "csv in another order, with more columns": (
        MANIFEST, TODAY, csv_of(*((*row[::-1], "x") for row in ROWS), head=(*HEAD[::-1], "备注")),
    ),
    "csv by position": (
        PLACES, TODAY, csv_of(*((r[1], r[0], *r[2:]) for r in ROWS[1:]), head=(NAME, "J1", *ROW[2:])),
    ),
    "utf-8 with a mark": (
        MANIFEST.replace("gb18030", "utf-8"), TODAY, csv_of(*ROWS).encode("utf-8-sig"),
    ),
    "fixed width": (FIXED, TODAY, fixed_of(*ROWS)),
    "xlsx": (XLSX, "jzz_20261124.xlsx", xlsx_of(*ROWS)),
    "xml": (XML, "jzz_20261124.xml", xml_of(*ROWS)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_gives_the_same_record(tmp_path: Path, name: str) -> None:
    """Head names or positions, marks, quotes, widths in bytes: the record is the same, codes, dates
    and rare characters included, and it says of what day it is.
    """
    manifest, file, body = FORMATS[name]
    drop(tmp_path / "drop", body, file, rows=2)
    reply = await asked(tmp_path, manifest)
    assert reply.outcome is Outcome.ANSWERED, (reply.why, reason_of(tmp_path, file))
    assert [dict(record.values) for record in reply.records] == [
        {"permit_no": "J1", "name": NAME, "id_number": ID_NUMBER, "gender": "1",
         "birth_date": "1990-01-01"}
    ]  # fmt: skip
    assert str(reply.as_of) == "2026-11-23 16:00:00+00:00"
    assert reply.record_hash is not None
    other = await asked(tmp_path, manifest, id_number=OTHER, name="")
    assert other.records[0].values["name"] == "钱𠮷·买买提"
    assert errors_of(tmp_path, file) == []


NOT_FOUND = {
    "another number": {"id_number": "990101199001010027"},
    "another name": {"name": "钱另"},
    "no number at all": {"id_number": "abc"},
}


@pytest.mark.parametrize("name", NOT_FOUND)
async def test_nobody_there_is_nobody_there(tmp_path: Path, name: str) -> None:
    """No such row is `NO_RECORD`, and still says of what day that is true."""
    drop(tmp_path / "drop", csv_of(*ROWS))
    reply = await asked(tmp_path, **NOT_FOUND[name])
    assert (reply.outcome, reply.why) == (Outcome.NO_RECORD, None)
    assert reply.as_of is not None


async def test_fifteen_digits_are_the_same_person(tmp_path: Path) -> None:
    """`as: id18` brings file and question into one form."""
    drop(tmp_path / "drop", csv_of(("J1", NAME, "990101900101001", "男", "19900101")))
    reply = await asked(tmp_path, id_number="990101190001010011".replace("1900", "1990")[:17] + "8")
    again = await asked(tmp_path, id_number="990101900101001")
    assert reply.outcome is Outcome.NO_RECORD
    assert again.outcome is Outcome.ANSWERED


# --- when a file is read ----------------------------------------------------------------------


def _nothing(folder: Path) -> None:
    folder.mkdir()


def _no_flag(folder: Path) -> None:
    drop(folder, csv_of(*ROWS), flag=False)


def _no_control(folder: Path) -> None:
    drop(folder, csv_of(*ROWS)).with_suffix(".ctl").unlink()


def _linked(folder: Path) -> None:
    """The data file is a link to a file elsewhere."""
    path = drop(folder, csv_of(*ROWS))
    path.rename(folder.parent / "elsewhere.csv")
    path.symlink_to(folder.parent / "elsewhere.csv")


def _linked_control(folder: Path) -> None:
    control = drop(folder, csv_of(*ROWS)).with_suffix(".ctl")
    control.rename(folder.parent / "elsewhere.ctl")
    control.symlink_to(folder.parent / "elsewhere.ctl")


def _pipe(folder: Path) -> None:
    path = drop(folder, csv_of(*ROWS))
    path.unlink()
    os.mkfifo(path)


def _folder(folder: Path) -> None:
    path = drop(folder, csv_of(*ROWS))
    path.unlink()
    path.mkdir()


def _other_name(folder: Path) -> None:
    drop(folder, csv_of(*ROWS), "wage_20261124.csv")


NOT_READ = {
    "nothing there": _nothing,
    "no flag": _no_flag,
    "no control file": _no_control,
    "a link": _linked,
    "a linked control file": _linked_control,
    "a pipe": _pipe,
    "a folder": _folder,
    "another name": _other_name,
}


@pytest.mark.parametrize("name", NOT_READ)
async def test_what_is_no_whole_drop_is_not_read(tmp_path: Path, name: str) -> None:
    """Without flag or control file, or where it is no plain file in the folder, nothing is read,
    nothing is moved, and the answer is an error and not an empty.
    """
    NOT_READ[name](tmp_path / "drop")
    reply = await asked(tmp_path)
    assert (reply.outcome, reply.why) == (Outcome.UNREACHABLE, "files.no-data")
    assert not (tmp_path / "drop" / "quarantine").exists()


async def test_no_folder_is_told_as_such(tmp_path: Path) -> None:
    """A share that is not mounted is not an empty folder."""
    reply = await asked(tmp_path)
    assert (reply.outcome, reply.why) == (Outcome.UNREACHABLE, "files.no-folder")


BAD = ("J3", "孙三", "12", "男", "19900101")
REFUSED: dict[str, tuple[dict[str, object], str | bytes, str]] = {
    "another digest": ({"digest": "0" * 64}, csv_of(*ROWS), "digest"),
    "another count": ({"rows": 3}, csv_of(*ROWS), "count"),
    "no count": ({"rows": -1}, csv_of(*ROWS), "control"),
    "half of it bad": ({}, csv_of(ROW, BAD), "too-many-bad-rows"),
    "another charset": ({"charset": "utf-8"}, csv_of(*ROWS), "column-missing"),
    "a mark of another charset": ({}, csv_of(*ROWS).encode("utf-8-sig"), "encoding"),
    "UTF-16": ({"rows": 2}, csv_of(*ROWS).encode("utf-16"), "encoding"),
    "a column less": ({}, csv_of(*(r[:4] for r in ROWS), head=HEAD[:4]), "column-missing"),
    "a column twice": ({}, csv_of(head=(*HEAD, HEAD[0])), "column-twice"),
    "no head": ({"rows": 0}, b"", "no-head"),
    "a head without end": ({"rows": 0}, b"x" * 200_000, "line-too-long"),
    "a million columns": ({"rows": 0}, b"," * 60_000 + b"\n", "too-many-columns"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_wrong_file_goes_to_quarantine_as_a_whole(tmp_path: Path, name: str) -> None:
    """With flag, control file and a reason; the index that stood before goes on answering."""
    terms, body, rule = REFUSED[name]
    drop(tmp_path / "drop", csv_of(*ROWS), "jzz_20261123.csv")
    before = await asked(tmp_path)
    drop(tmp_path / "drop", body, **terms)  # type: ignore[arg-type]  # a table of keywords
    county = county_of(tmp_path)
    await county.sources[SOURCE].answer(call(RESOURCE), within=5)
    await county.aclose()
    async with asyncio.timeout(10):
        while reason_of(tmp_path) is None:
            await asked(tmp_path)
    reply = await asked(tmp_path)
    assert reason_of(tmp_path) == rule
    moved = {path.name for path in (tmp_path / "drop" / "quarantine").iterdir()}
    assert {TODAY, f"{TODAY}.ok", "jzz_20261124.ctl"} <= moved
    assert not (tmp_path / "drop" / TODAY).exists()
    assert (reply.outcome, reply.as_of) == (Outcome.ANSWERED, before.as_of)
    said = (tmp_path / "drop" / "quarantine" / f"{TODAY}.reason.txt").read_text(encoding="utf-8")
    assert ID_NUMBER not in said
    assert NAME not in said


async def test_a_bad_row_does_not_lose_the_others(tmp_path: Path) -> None:
    """It stands in a file beside, with line, column and rule and without its value; what stood in
    it is nowhere.
    """
    good = [("J1", NAME, ID_NUMBER, "男", "19900101")] * 8
    body = csv_of(*good, BAD, ("J4", "李四", "", "男", "x"), ("J5", "a", "b"))
    drop(tmp_path / "drop", body)
    reply = await asked(tmp_path)
    assert len(reply.records) == 8
    assert errors_of(tmp_path) == ["10,身份证号,id18", "11,身份证号,key-empty", "12,,width"]
    raw = (tmp_path / "drop" / f"{TODAY}.errors.csv").read_text(encoding="utf-8-sig")
    assert not any(value in raw for value in (NAME, "孙三", "李四"))


async def test_the_error_file_runs_no_formula(tmp_path: Path) -> None:
    """A column that is named like a formula is a text in the file that goes back."""
    formula = "=HYPERLINK(1)"
    manifest = MANIFEST.replace("身份证号", formula).replace(f"{{ {formula}:", f'{{ "{formula}":')
    manifest = manifest.replace(f"姓名, {formula}", f'姓名, "{formula}"')
    head = tuple(formula if name == "身份证号" else name for name in HEAD)
    drop(tmp_path / "drop", csv_of(*ROWS, ROW, BAD, head=head))
    reply = await asked(tmp_path, manifest)
    assert reply.outcome is Outcome.ANSWERED, reply
    assert errors_of(tmp_path) == [f"5,'{formula},id18"]


async def test_a_quarantine_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write into the drop folder cannot have files moved elsewhere; the file is left
    alone and not read again.
    """
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    drop(tmp_path / "drop", csv_of(*ROWS), rows=9)
    (tmp_path / "drop" / "quarantine").symlink_to(elsewhere)
    reply = await asked(tmp_path)
    assert (reply.outcome, reply.why) == (Outcome.UNREACHABLE, "files.no-data")
    assert list(elsewhere.iterdir()) == []
    assert (tmp_path / "drop" / TODAY).exists()


async def test_a_newer_file_takes_over_and_an_older_one_does_not(tmp_path: Path) -> None:
    """While the source runs: the next drop is seen, what comes late is not."""
    drop(tmp_path / "drop", csv_of(ROW))
    county = county_of(tmp_path)
    source = county.sources[SOURCE]
    assert (await source.answer(call(RESOURCE), within=5)).records[0].values["permit_no"] == "J1"
    drop(tmp_path / "drop", csv_of(("J9", *ROW[1:])), "jzz_20261125.csv")
    drop(tmp_path / "drop", csv_of(("J0", *ROW[1:])), "jzz_20261101.csv")
    async with asyncio.timeout(10):
        while True:
            reply = await source.answer(call(RESOURCE), within=5)
            if reply.records[0].values["permit_no"] != "J1":
                break
            await asyncio.sleep(0.05)
    await county.aclose()
    assert reply.records[0].values["permit_no"] == "J9"
    assert str(reply.as_of) == "2026-11-24 16:00:00+00:00"


async def test_the_index_outlives_the_process(tmp_path: Path) -> None:
    """After a restart the answer is there although the file is gone; by a changed manifest it is
    not used.
    """
    drop(tmp_path / "drop", csv_of(*ROWS))
    await asked(tmp_path)
    (tmp_path / "drop" / TODAY).unlink()
    assert (await asked(tmp_path)).outcome is Outcome.ANSWERED
    other = MANIFEST.replace(
        "[证号, 姓名, 身份证号, 性别, 出生日期]", "[姓名, 证号, 身份证号, 性别, 出生日期]"
    )
    assert (await asked(tmp_path, other)).why == "files.no-data"


async def test_a_flag_that_comes_before_the_data_is_waited_out(tmp_path: Path) -> None:
    """With `settle`, a file that was written to a moment ago is left alone."""
    manifest = MANIFEST.replace("every: 50ms", "every: 50ms\n  settle: 10s")
    path = drop(tmp_path / "drop", csv_of(*ROWS))
    os.utime(path, (now().timestamp() - 5, now().timestamp() - 5))
    assert (await asked(tmp_path, manifest)).why == "files.no-data"
    os.utime(path, (now().timestamp() - 15, now().timestamp() - 15))
    assert (await asked(tmp_path, manifest)).outcome is Outcome.ANSWERED


AGES = {
    "young enough": ("max_age: 24h\n  too_old: refuse", Outcome.ANSWERED, None),
    "too old": ("max_age: 15h\n  too_old: refuse", Outcome.FAILED, "files.too-old"),
    "too old and only labelled": ("max_age: 15h", Outcome.ANSWERED, None),
}


@pytest.mark.parametrize("name", AGES)
async def test_old_data_is_labelled_or_refused(tmp_path: Path, name: str) -> None:
    """As the manifest says; the files of these tests are 16 hours old."""
    terms, outcome, why = AGES[name]
    drop(tmp_path / "drop", csv_of(*ROWS))
    reply = await asked(tmp_path, MANIFEST.replace("every: 50ms", f"every: 50ms\n  {terms}"))
    assert (reply.outcome, reply.why) == (outcome, why)


TIMES = {
    "the control file": (
        '{ where: control, at: sj, form: "%Y%m%d%H%M%S" }', "2026-11-23 22:00:00+00:00",
    ),
    "a column, the latest": (
        "{ where: column, at: 出生日期, form: '%Y%m%d' }", "1992-03-02 16:00:00+00:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
async def test_the_time_of_the_data_may_stand_elsewhere(tmp_path: Path, name: str) -> None:
    """In the control file or in a column."""
    terms, expected = TIMES[name]
    control = drop(tmp_path / "drop", csv_of(*ROWS)).with_suffix(".ctl")
    control.write_text(control.read_text() + "sj=20261124060000\n")
    reply = await asked(tmp_path, MANIFEST.replace('{ where: name, form: "%Y%m%d" }', terms))
    assert str(reply.as_of) == expected


CONTROLS = {
    "JSON": ('format: json, count: a.n, digest: "d[0]"', '{{"a":{{"n":{n}}},"d":["{d}"]}}'),
    "a line": (
        'format: line, delimiter: "|", file: "values[0]", count: "values[1]", digest: "values[2]"',
        "jzz_20261124.csv|{n}|{d}\n",
    ),
    "sha256": ("count: n, digest: d, algorithm: sha256", "n={n}\nd={d}\n"),
    "md5, capitals": ("count: n, digest: d, algorithm: md5", "n={n}\nd={D}\n"),
}


@pytest.mark.parametrize("name", CONTROLS)
async def test_control_files_of_every_shape(tmp_path: Path, name: str) -> None:
    """Properties, JSON or one line; three digests; upper or lower case."""
    import hashlib  # noqa: PLC0415 -- of this test only

    terms, text = CONTROLS[name]
    path = drop(tmp_path / "drop", csv_of(*ROWS))
    algorithm = next((a for a in ("sha256", "md5") if a in terms), "sm3")
    digest = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    control = text.format(n=2, d=digest, D=digest.upper())
    path.with_suffix(".ctl").write_text(control)
    manifest = MANIFEST.replace("count: rows, digest: digest, algorithm: sm3", terms)
    assert (await asked(tmp_path, manifest)).outcome is Outcome.ANSWERED, reason_of(tmp_path)


WRONG_CONTROLS = {
    "not JSON": ("format: json, count: n", "n=2", "control"),
    "deep JSON": ("format: json, count: n", "[" * 60_000, "control"),
    "too large": ("count: n", "n=2\n" * 20_000, "control"),
    "another file": ("count: n, file: f", "n=2\nf=other.csv", "control-file"),
    "no UTF-8": ("count: n", "n=2\nx=\udcff", "control"),
}


@pytest.mark.parametrize("name", WRONG_CONTROLS)
async def test_control_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """Their drop goes to quarantine."""
    terms, text, rule = WRONG_CONTROLS[name]
    path = drop(tmp_path / "drop", csv_of(*ROWS))
    path.with_suffix(".ctl").write_text(text, errors="surrogateescape")
    manifest = MANIFEST.replace("count: rows, digest: digest, algorithm: sm3", terms)
    reply = await asked(tmp_path, manifest)
    assert reply.why == "files.no-data"
    assert reason_of(tmp_path) == rule


# --- changes ----------------------------------------------------------------------------------


def inc(folder: Path, day: str, *rows: tuple[str, ...]) -> Path:
    """Drop a file of changes; each row ends with its operation."""
    return drop(folder / "drop", csv_of(*rows, head=(*HEAD, "操作")), f"inc_202611{day}.csv")


async def settled(folder: Path) -> dict[str, str]:
    """Number of the permit → name, of our two people, after everything was taken in."""
    county = county_of(folder, CHANGES)
    source = county.sources[SOURCE]
    await source.answer(call(RESOURCE, name=""), within=5)
    await asyncio.sleep(0.1)  # the next question is late enough to look again
    await source.answer(call(RESOURCE, name=""), within=5)
    await county.aclose()
    county = county_of(folder, CHANGES)
    source = county.sources[SOURCE]
    found = {}
    for number in (ID_NUMBER, OTHER):
        reply = await source.answer(call(RESOURCE, id_number=number, name=""), within=5)
        found |= {str(r.values["permit_no"]): str(r.values["name"]) for r in reply.records}
    await county.aclose()
    return found


async def test_changes_are_applied_in_order(tmp_path: Path) -> None:
    """Insert, update and delete by identity, over two files; a full file begins anew."""
    drop(tmp_path / "drop", csv_of(*ROWS), "jzz_20261120.csv")
    inc(tmp_path, "22", ("J1", "钱新", ID_NUMBER, "男", "19900101", "D"))
    inc(tmp_path, "21", ("J1", "赵改", ID_NUMBER, "男", "19900101", "U"),
        ("J3", "孙加", OTHER, "女", "19920303", "I"))  # fmt: skip
    inc(tmp_path, "19", ("J2", "太旧", OTHER, "女", "19920303", "U"))
    assert await settled(tmp_path) == {"J2": ROWS[1][1], "J3": "孙加"}
    drop(tmp_path / "drop", csv_of(ROW), "jzz_20261123.csv")
    assert await settled(tmp_path) == {"J1": NAME}


async def test_a_change_that_was_refused_stops_those_after_it(tmp_path: Path) -> None:
    """Until it is sent again: a missed deletion would look like a right answer."""
    drop(tmp_path / "drop", csv_of(*ROWS), "jzz_20261120.csv")
    broken = inc(tmp_path, "21", ("J1", NAME, ID_NUMBER, "男", "19900101", "D"))
    broken.with_suffix(".ctl").write_text("rows=7\ndigest=0\n")
    inc(tmp_path, "22", ("J3", "孙加", OTHER, "女", "19920303", "I"))
    both = {"J1": NAME, "J2": ROWS[1][1]}
    assert await settled(tmp_path) == both
    assert reason_of(tmp_path, "inc_20261121.csv") == "digest"
    assert await settled(tmp_path) == both
    inc(tmp_path, "21", ("J1", NAME, ID_NUMBER, "男", "19900101", "D"))
    assert await settled(tmp_path) == {"J2": ROWS[1][1], "J3": "孙加"}


async def test_a_change_that_comes_late_is_refused(tmp_path: Path) -> None:
    """What is older than changes already applied would undo them."""
    drop(tmp_path / "drop", csv_of(*ROWS), "jzz_20261120.csv")
    inc(tmp_path, "22", ("J1", NAME, ID_NUMBER, "男", "19900101", "D"))
    assert await settled(tmp_path) == {"J2": ROWS[1][1]}
    inc(tmp_path, "21", ("J1", NAME, ID_NUMBER, "男", "19900101", "U"))
    assert await settled(tmp_path) == {"J2": ROWS[1][1]}
    assert reason_of(tmp_path, "inc_20261121.csv") == "out-of-order"


async def test_an_operation_nobody_knows_is_a_bad_row(tmp_path: Path) -> None:
    """It is neither a change nor a deletion."""
    drop(tmp_path / "drop", csv_of(*ROWS), "jzz_20261120.csv")
    gone = ("J1", NAME, ID_NUMBER, "男", "19900101", "X")
    kept = [(f"K{n}", "孙加", OTHER, "女", "19920303", "I") for n in range(4)]
    inc(tmp_path, "21", gone, *kept)
    assert set(await settled(tmp_path)) == {"J1", "J2", "K0", "K1", "K2", "K3"}
    assert errors_of(tmp_path, "inc_20261121.csv") == ["2,操作,operation"]


async def test_one_identity_twice_in_a_whole_file_is_a_bad_row(tmp_path: Path) -> None:
    """The first one counts; rows that merely share the key all stay."""
    rows = [ROW, ("J2", *ROW[1:]), ("J3", *ROW[1:]), ("J1", "他", *ROW[2:])]
    drop(tmp_path / "drop", csv_of(*rows), "jzz_20261120.csv")
    reply = await asked(tmp_path, CHANGES, name="")
    assert [r.values["permit_no"] for r in reply.records] == ["J1", "J2", "J3"]
    assert errors_of(tmp_path, "jzz_20261120.csv") == ["5,证号,duplicate"]


# --- at rest, in time -------------------------------------------------------------------------


async def test_the_index_shows_nothing_to_others(tmp_path: Path) -> None:
    """It is readable by us alone; sealed, it holds neither number nor name; and an index that was
    not sealed is not used where sealing is wanted.
    """
    drop(tmp_path / "drop", csv_of(*ROWS))
    await asked(tmp_path)
    vault = Vault.at(tmp_path / "keys", MemoryDataKeys())
    around = Surroundings(data_dir=tmp_path / "data", sealer=VaultSealer(vault=vault))
    county = county_of(tmp_path, surroundings=around)
    reply = await county.sources[SOURCE].answer(call(RESOURCE), within=5)
    await county.aclose()
    assert reply.records[0].values["permit_no"] == "J1"
    path = tmp_path / "data" / "files" / tmp_path.name / SOURCE / f"{RESOURCE}.sqlite3"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    body = path.read_bytes()
    assert not any(value.encode() in body for value in (ID_NUMBER, NAME, "J1"))


async def test_a_question_touches_only_its_rows(tmp_path: Path) -> None:
    """However many others there are: the database looks up, it does not read through."""
    drop(tmp_path / "drop", csv_of(*ROWS))
    await asked(tmp_path)
    path = next((tmp_path / "data").rglob("*.sqlite3"))
    with closing(sqlite3.connect(path)) as database:
        plan = database.execute("EXPLAIN QUERY PLAN " + LOOKUP, (b"", 1)).fetchall()
    assert [step[3] for step in plan] == ["SEARCH rows USING INDEX by_key (key=?)"]


async def test_a_file_that_grows_while_it_is_read_is_not_taken(tmp_path: Path) -> None:
    """Nor is one that was put in its place; both are looked at again the next time."""
    terms = {"folder": FromEnvironment(tmp_path / "drop"), "format": "csv", "flag": "{file}.ok"}
    path = drop(tmp_path / "drop", csv_of(*ROWS))
    folder = DropFolder(FilesConnect.model_validate(terms), now)
    (found,) = folder.drops("jzz_*.csv")

    def grows() -> None:
        with folder.opened(found) as stream, path.open("ab") as more:
            assert stream.read()
            more.write(b"J3,")

    with pytest.raises(Changed):
        grows()
    with pytest.raises(Changed), folder.opened(found):
        pytest.fail("it was opened")
    path.write_bytes(csv_of(ROW).encode("gb18030"))
    with pytest.raises(Changed), folder.opened(found):
        pytest.fail("it was opened")
    assert reason_of(tmp_path) is None


async def test_a_damaged_index_is_made_again(tmp_path: Path) -> None:
    """It is only ever a copy of the files."""
    drop(tmp_path / "drop", csv_of(*ROWS))
    await asked(tmp_path)
    path = next((tmp_path / "data").rglob("*.sqlite3"))
    path.write_bytes(b"SQLite format 3\x00" + bytes(5000))
    assert (await asked(tmp_path)).outcome is Outcome.ANSWERED


async def test_a_long_load_costs_no_deadline(tmp_path: Path) -> None:
    """The first question of all waits no longer than it may; a later one is answered from what
    stands, while the next file is read.
    """
    many = (
        f"J{n},甲,{ID_NUMBER if n == 7 else 'N' + str(n)},男,19900101\r\n" for n in range(60_000)
    )
    manifest = MANIFEST.replace("{ is: keys.id_number, as: id18 }", "keys.id_number").replace(
        "kind: files", "kind: files\nbreaker: { failures: 1000 }"
    )
    drop(tmp_path / "drop", csv_of() + "".join(many))
    county = county_of(tmp_path, manifest)
    reply = await county.sources[SOURCE].answer(call(RESOURCE, name=""), within=0.05)
    assert (reply.outcome, reply.records) == (Outcome.TIMED_OUT, ())
    async with asyncio.timeout(30):
        while reply.outcome is not Outcome.ANSWERED:
            reply = await county.sources[SOURCE].answer(call(RESOURCE, name=""), within=1)
    await county.aclose()
    assert reply.records[0].values["permit_no"] == "J7"


async def test_a_source_that_is_closed_stops_reading(tmp_path: Path) -> None:
    """What was half read is not left behind, and the files stay where they are."""
    lines = "".join(f"J{n},甲,N{n},男,19900101\r\n" for n in range(200_000))
    manifest = MANIFEST.replace("{ is: keys.id_number, as: id18 }", "keys.id_number")
    drop(tmp_path / "drop", csv_of() + lines)
    county = county_of(tmp_path, manifest)
    await county.sources[SOURCE].answer(call(RESOURCE), within=0.3)
    await county.aclose()
    left = [path.suffix for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()]
    assert left == [".lock"]
    assert (tmp_path / "drop" / TODAY).exists()


async def test_too_many_rows_are_no_answer(tmp_path: Path) -> None:
    """As with SQL."""
    drop(tmp_path / "drop", csv_of(*[ROW] * 9))
    manifest = MANIFEST.replace("    answer:", "      max_rows: 8\n    answer:")
    reply = await asked(tmp_path, manifest)
    assert (reply.outcome, reply.why) == (Outcome.FAILED, "files.too-many-rows")


# --- manifests --------------------------------------------------------------------------------

WRONG: dict[str, tuple[str, str, str]] = {
    "a folder in the file": ("${DROP_FOLDER}", "/var/drop", "value"),
    "no flag and no control": (
        '  flag: "{file}.ok"\n  control: { name: "{stem}.ctl", count: rows, digest: digest, algorithm: sm3 }\n',
        "", "value",
    ),
    "a control without anything": ("count: rows, digest: digest, ", "", "value"),
    "a flag elsewhere": ("{file}.ok", "../{file}.ok", "pattern"),
    "a sign for two things": ("charset: gb18030", """charset: gb18030\n  delimiter: '"'""", "value"),
    "a line end between cells": ("charset: gb18030", 'charset: gb18030\n  delimiter: "\\n"', "value"),
    "NUL for a quote": ("charset: gb18030", 'charset: gb18030\n  quote: "\\0"', "value"),
    "a pattern elsewhere": ("jzz_*.csv", "../jzz_*.csv", "value"),
    "a charset that has no lines": ("gb18030", "utf-16", "value"),
    "an age without a time": (
        'as_of: { where: name, form: "%Y%m%d" }', "max_age: 1h", "value",
    ),
    "a key that is no column": ("key: { 身份证号", "key: { 证件号", "column"),
    "a field that is no column": ("""permit_no: { at: '"证号"' }""", "permit_no: { at: zh }", "column"),
    "widths for names": ("[证号, 姓名, 身份证号, 性别, 出生日期]", "{ 证号: 1, 姓名: 2, 身份证号: 3, 性别: 4, 出生日期: 5 }", "columns"),
    "a record in a csv": ("ask:", "ask:\n      record: a", "record"),
    "a sheet in a csv": ("ask:", "ask:\n      sheet: a", "sheet"),
    "changes without identity": ("ask:", 'ask:\n      changes: "x*"', "changes"),
    "other records": ("records: rows", "records: data", "records"),
    "a path into the control file": ("count: rows", 'count: "a[?b]"', "path"),
    "SFTP without its host key": (
        "format: csv", "format: csv\n  sftp: { host: h, user: u, password: '${P}', folder: /o }",
        "missing-key",
    ),
    "SFTP with a password in the file": (
        "format: csv",
        "format: csv\n  sftp: { host: h, user: u, password: p, folder: /o, host_key: 'ssh-ed25519 AAAA' }",
        "value",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_a_manifest_is_said_offline(tmp_path: Path, name: str) -> None:
    """Without a folder, a file or an environment."""
    old, new, rule = WRONG[name]
    assert old in MANIFEST
    write(tmp_path, permit=MANIFEST.replace(old, new, 1))
    with pytest.raises(InvalidManifest) as caught:
        check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    assert rule in [complaint.rule for complaint in caught.value.complaints], caught.value


WRONG_OTHERWISE: dict[str, tuple[str, str, str, str]] = {
    "lines longer than are read": (FIXED, "姓名: 20", "姓名: 50000, 备注: 50000", "columns"),
    "an operation that is two": (CHANGES, "delete: [D]", "delete: [D, U]", "value"),
    "no operation that adds": (CHANGES, "upsert: [I, U]", "upsert: []", "value"),
    "a record with positions": (XML, '"rows/row', '"rows/row[2]', "path"),
    "names for positions": (PLACES, "header: none", "header: names", "columns"),
}


@pytest.mark.parametrize("name", WRONG_OTHERWISE)
def test_what_is_wrong_in_other_formats_is_said_offline(tmp_path: Path, name: str) -> None:
    """As above."""
    manifest, old, new, rule = WRONG_OTHERWISE[name]
    assert old in manifest
    write(tmp_path, permit=manifest.replace(old, new, 1))
    with pytest.raises(InvalidManifest) as caught:
        check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    assert rule in [complaint.rule for complaint in caught.value.complaints], caught.value


def test_a_source_is_connected_before_any_loop_runs(tmp_path: Path) -> None:
    """As the hub does while it starts."""
    drop(tmp_path / "drop", csv_of(*ROWS))
    county = county_of(tmp_path)

    async def ask() -> Outcome:
        reply = await county.sources[SOURCE].answer(call(RESOURCE), within=20)
        await county.aclose()
        return reply.outcome

    assert asyncio.run(ask()) is Outcome.ANSWERED
