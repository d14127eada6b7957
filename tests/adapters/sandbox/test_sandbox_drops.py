"""The departments that drop files at night: what lies there, what goes wrong, and what is made of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from adapters import Connected, Outcome, SourceReply, connect
from adapters.ports import Surroundings
from adapters.sandbox import (
    DROPPING,
    Fault,
    FaultNotThere,
    Sandbox,
    Subject,
    can_have,
    employment_service,
    truth,
)
from catalog import loading
from catalog.model import Catalog
from tests.adapters.sandbox.test_sandbox_manifests import call, now, same

ASKED = {
    "employment": ("employment.registration", "graduate"),
    "education": ("education.qualification", "graduate"),
    "relief": ("subsistence.minimum-living", "disabled"),
    "veterans": ("veteran.record", "veteran"),
}
"""Department → resource, and the persona whose applicant is asked about."""
SPOILT = {
    Fault.HALF_BODY: {"digest", "count"},
    Fault.GARBAGE: {"encoding", "no-head", "column-missing", "not-a-workbook", "count", "xml"},
    Fault.WRONG_SCHEMA: {"column-missing", "too-many-bad-rows"},
    Fault.ERROR_200: {"digest", "count"},
    Fault.WRONG_ENCODING: {"encoding", "xml"},
    Fault.XML_BOMB: {"xml-doctype"},
    Fault.HUGE: {"too-large"},
}
"""Fault → the rules by which such a drop may go to quarantine."""
MEANT = {*SPOILT, Fault.SLOW, Fault.HANG, Fault.MAINTENANCE}
EVERY = "every: 50ms"
"""The folder is looked at as soon as somebody asks, not once a minute."""


@asynccontextmanager
async def looking(
    department: str, catalog: Catalog, running: Sandbox, folder: Path, *, at: str = "one"
) -> AsyncIterator[Connected]:
    """The county's source of that department, with indexes of its own in `at`."""
    county = folder / at / "xinxiang"
    place = county / "sources" / f"{department}.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    text = (loading.COUNTIES / "xinxiang" / "sources" / place.name).read_text(encoding="utf-8")
    place.write_text(text.replace("connect:\n", f"connect:\n  {EVERY}\n"), encoding="utf-8")
    found = connect(county, county="xinxiang", catalog=catalog, now=now,
                    environment=running.environment,
                    surroundings=Surroundings(data_dir=folder / at / "data"))  # fmt: skip
    try:
        yield found
    finally:
        await found.aclose()


def applicant(running: Sandbox, department: str) -> Subject:
    """Whom that department is asked about."""
    return running.population.personas[ASKED[department][1]].subjects["applicant"]


async def reply_of(sources: Connected, department: str, subject: Subject) -> SourceReply:
    """What the source says."""
    question = call(ASKED[department][0], id_number=subject.number, name=subject.name)
    return await sources.sources[department].answer(question, within=10)


async def newer(
    sources: Connected, department: str, subject: Subject, than: SourceReply
) -> SourceReply:
    """The first reply whose data is of a later time."""
    assert than.as_of is not None
    for _ in range(200):
        reply = await reply_of(sources, department, subject)
        if reply.as_of is not None and reply.as_of > than.as_of:
            return reply
        await asyncio.sleep(0.05)
    pytest.fail("nothing newer was ever taken in")


def lies(running: Sandbox, department: str) -> Path:
    """Where it drops."""
    return Path(running.environment[f"{department.upper()}_FOLDER"])


def names(folder: Path) -> set[str]:
    """The files of the drops that are there now."""
    return {each.name for each in folder.iterdir() if each.is_file()}


def reasons(folder: Path) -> set[str]:
    """The rules by which drops went to quarantine."""
    found = folder.glob("quarantine/*.reason.txt")
    return {each.read_text(encoding="utf-8").splitlines()[0] for each in found}


def test_every_department_is_asked_about() -> None:
    """A new one cannot be added without saying about whom."""
    assert set(ASKED) == set(DROPPING)


@pytest.mark.parametrize("department", DROPPING)
def test_what_means_nothing_to_a_folder_is_refused(working: Sandbox, department: str) -> None:
    """No connection, no clock, no token; the rest is what the table says."""
    for fault in set(Fault) - MEANT:
        assert not can_have(department, fault)
        before = names(lies(working, department))
        with pytest.raises(FaultNotThere):
            working.fault(department, fault)
        assert names(lies(working, department)) == before
    assert can_have(department, Fault.XML_BOMB) is (department == "veterans")
    assert can_have(department, Fault.WRONG_ENCODING) is (department != "education")


@pytest.mark.anyio
@pytest.mark.parametrize("fault", SPOILT)
@pytest.mark.parametrize("department", DROPPING)
async def test_a_spoilt_drop_is_put_aside_and_never_read(
    working: Sandbox, catalog: Catalog, tmp_path: Path, department: str, fault: Fault
) -> None:
    """Who has read an earlier one goes on with that; who has not says that there is none, never
    “no record”; and the next good one is taken.
    """
    if not can_have(department, fault):
        with pytest.raises(FaultNotThere):
            working.fault(department, fault)
        return
    subject = applicant(working, department)
    records = truth(working.population, subject)[ASKED[department][0]]
    assert records
    folder = lies(working, department)
    async with looking(department, catalog, working, tmp_path) as known:
        first = await reply_of(known, department, subject)
        same(first, records)
        await asyncio.to_thread(working.fault, department, fault)
        async with looking(department, catalog, working, tmp_path, at="two") as fresh:
            none = await reply_of(fresh, department, subject)
            assert (none.outcome, none.records) == (Outcome.UNREACHABLE, ())
            old = await reply_of(known, department, subject)
            same(old, records)
            assert old.as_of == first.as_of
            assert reasons(folder)
            assert reasons(folder) <= SPOILT[fault]
            await asyncio.to_thread(working.clear)
            for each in (known, fresh):
                same(await newer(each, department, subject, first), records)
    for each in folder.glob("quarantine/*"):
        each.unlink()


@pytest.mark.anyio
@pytest.mark.parametrize("department", DROPPING)
async def test_a_night_without_a_drop(
    working: Sandbox, catalog: Catalog, tmp_path: Path, department: str
) -> None:
    """`hang`: nothing comes, and what lay there was tidied away."""
    subject = applicant(working, department)
    records = truth(working.population, subject)[ASKED[department][0]]
    async with looking(department, catalog, working, tmp_path) as known:
        first = await reply_of(known, department, subject)
        await asyncio.to_thread(working.fault, department, Fault.HANG)
        assert names(lies(working, department)) == set()
        async with looking(department, catalog, working, tmp_path, at="two") as fresh:
            assert (await reply_of(fresh, department, subject)).outcome is Outcome.UNREACHABLE
            same(await reply_of(known, department, subject), records)
            await asyncio.to_thread(working.clear)
            same(await newer(known, department, subject, first), records)
            same(await newer(fresh, department, subject, first), records)


@pytest.mark.anyio
@pytest.mark.parametrize("department", DROPPING)
async def test_an_old_drop_is_too_old_or_says_so(
    working: Sandbox, catalog: Catalog, tmp_path: Path, department: str
) -> None:
    """`maintenance`: the data is ten days old. What changes daily is refused then; what does not
    change is given with its time.
    """
    subject = applicant(working, department)
    records = truth(working.population, subject)[ASKED[department][0]]
    await asyncio.to_thread(working.fault, department, Fault.MAINTENANCE)
    async with looking(department, catalog, working, tmp_path) as fresh:
        reply = await reply_of(fresh, department, subject)
    if department == "veterans":
        same(reply, records)
        assert reply.as_of is not None
        assert now() - reply.as_of > timedelta(days=9)
    else:
        assert (reply.outcome, reply.why) == (Outcome.FAILED, "files.too-old")


@pytest.mark.anyio
@pytest.mark.parametrize("department", DROPPING)
async def test_a_drop_counts_when_its_last_file_is_there(
    working: Sandbox, catalog: Catalog, tmp_path: Path, department: str
) -> None:
    """`slow`: until then the one before it answers, and lies there; then it goes."""
    subject = applicant(working, department)
    records = truth(working.population, subject)[ASKED[department][0]]
    folder = lies(working, department)
    before = names(folder)
    async with looking(department, catalog, working, tmp_path) as known:
        first = await reply_of(known, department, subject)
        await asyncio.to_thread(working.fault, department, Fault.SLOW, 600_000)
        assert before < names(folder)
        await asyncio.sleep(0.1)
        late = await reply_of(known, department, subject)
        same(late, records)
        assert late.as_of == first.as_of
        await asyncio.to_thread(working.fault, department, Fault.SLOW, 1)
        same(await newer(known, department, subject, first), records)
    assert not before & names(folder)


@pytest.mark.anyio
async def test_changes_lie_upon_everything(
    running: Sandbox, catalog: Catalog, tmp_path: Path
) -> None:
    """Whoever registered, changed or left since the full file is answered as it is now."""
    everything, changes = employment_service.EXPORT.first(running.population)
    by_operation = {row[0]: row for row in changes.rows}
    assert by_operation.keys() == {"I", "U", "D"}
    whole = {row[0]: row for row in everything.rows}
    assert by_operation["I"][1] not in whole
    assert whole[by_operation["U"][1]] != by_operation["U"][1:]
    serials = {int(row[1][:8]) for row in changes.rows}
    people = [each for each in running.population.people if each.serial in serials]
    assert len(people) == len(changes.rows)
    async with looking("employment", catalog, running, tmp_path) as sources:
        for person in people:
            subject = Subject(kind="person", number=person.id_number, name=person.name)
            records = truth(running.population, subject)["employment.registration"]
            same(await reply_of(sources, "employment", subject), records)


def test_what_works_is_not_written_anew(working: Sandbox) -> None:
    """Clearing a fault that is not there is no night."""
    before = {department: names(lies(working, department)) for department in DROPPING}
    working.clear()
    assert {department: names(lies(working, department)) for department in DROPPING} == before
