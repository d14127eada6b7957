"""The register of seals: one order of acts, counted uses, a freeze that holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.database import Database, migrate, open_database
from seals.errors import RegisterConflict, RegisterDamaged, SealRefused, UnknownSeal
from seals.lifecycle import Lifecycle, collect
from seals.ports import SealRegister
from seals.register import MemoryRegister
from seals.registered import Actor, Limits, RegisteredSeal, SealKind, State
from seals.store import SQLRegister
from seals.using import BEIJING, Freeze, Use
from tests.hub.conftest import server_database
from tests.world.seals import NOW

CLERK = Actor(account="clerk", organisation="office")
HEAD = Actor(account="head", organisation="office")
MAKER = Actor(account="maker", organisation="bureau")
LIFE = Lifecycle(bureau="bureau")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def register(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SealRegister]:
    """In this process, in a file, on a real PostgreSQL."""
    if request.param == "memory":
        yield MemoryRegister()
        return
    server = request.param == "postgresql"
    opened = open_database(
        server_database(request) if server else f"sqlite:///{tmp_path / 'hub.sqlite3'}"
    )
    migrate(opened)
    yield SQLRegister(opened)
    opened.close()


def steps(seal_id: str = "one") -> list[RegisteredSeal]:
    """A seal from its impression to its use, three times a day at most; its number is its id."""
    seal = collect(
        seal_id=seal_id,
        organisation="office",
        kind=SealKind.BUSINESS,
        name=f"业务专用章{seal_id}",
        picture_digest="sm3:00",
        by=CLERK,
        at=NOW,
    )
    found = [seal, LIFE.apply(seal, CLERK, NOW, ())]
    found.append(LIFE.approve(found[-1], HEAD, NOW))
    end = NOW + timedelta(days=365)
    found.append(
        LIFE.make(found[-1], MAKER, NOW, number=seal_id, seal_digest="sm3:11", valid_until=end)
    )
    found.append(LIFE.file(found[-1], MAKER, NOW, "备"))
    found.append(LIFE.grant(found[-1], HEAD, NOW, "officer"))
    found.append(LIFE.limit(found[-1], HEAD, NOW, Limits(per_day=3), "限量"))
    return found


def kept(register: SealRegister, seal_id: str = "one") -> RegisteredSeal:
    """A seal in use, in the register."""
    for step in steps(seal_id):
        register.put(step)
    return register.get(seal_id)


USE = Use(seal_id="one", account="officer", at=NOW, digest="sm3:22", reason="case")


def test_what_is_put_is_got(register: SealRegister) -> None:
    """By identifier, by organisation, and all in order."""
    two, one = kept(register, "two"), kept(register)

    assert register.get("one") == one
    assert list(register.every()) == [one, two]
    assert list(register.of("office")) == [one, two]
    assert list(register.of("elsewhere")) == []
    with pytest.raises(UnknownSeal):
        register.get("three")


def test_of_two_who_act_at_once_one_reads_again(register: SealRegister) -> None:
    """The same state put twice, a step left out, and another's history are conflicts."""
    seal = kept(register)
    suspended = LIFE.suspend(seal, HEAD, NOW, "停用")
    register.put(suspended)

    for other in (
        suspended,
        LIFE.revoke(seal, HEAD, NOW, "注销"),
        LIFE.revoke(LIFE.resume(suspended, CLERK, NOW, "恢复"), HEAD, NOW, "注销"),
        steps("three")[1],
    ):
        with pytest.raises(RegisterConflict):
            register.put(other)
    assert register.get("one") == suspended


def test_a_number_is_nobody_elses(register: SealRegister) -> None:
    """`esID` is given once, whoever asks at the same time; seals without one do not clash."""
    kept(register)
    two = steps("two")
    for step in two[:3]:
        register.put(step)
    with pytest.raises(RegisterConflict):
        register.put(replace(two[3], number="one"))
    register.put(two[3])


def test_of_two_that_are_alike_one_is_applied_for(register: SealRegister) -> None:
    """Both were collected, and neither saw the other applied for: the second is a conflict; once the
    first has ended it is none.
    """
    first, second = (
        [replace(step, name="业务专用章") for step in steps(each)[:3]] for each in ("one", "two")
    )
    for step in (first[0], second[0], first[1]):
        register.put(step)
    with pytest.raises(RegisterConflict):
        register.put(second[1])
    register.put(LIFE.destroy(first[1], CLERK, NOW, "重复"))
    register.put(second[1])


def test_uses_are_counted_by_the_day_and_logged_with_what_was_refused(
    register: SealRegister,
) -> None:
    """Three a day, from midnight in Beijing; the refused one is logged and not counted."""
    kept(register)
    late = USE.at.replace(hour=15, minute=59)
    early = late + timedelta(minutes=1)

    assert [register.use(replace(USE, at=late)) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(SealRefused) as refused:
        register.use(replace(USE, at=late))
    assert refused.value.why == "per-day"
    assert register.use(replace(USE, at=early)) == 1
    assert [against for _, against in register.uses("one")] == [(), (), (), ("per-day",), ()]
    assert list(register.uses("two")) == []


def test_the_limit_holds_under_many_hands(register: SealRegister) -> None:
    """Twenty at once, three come through."""
    kept(register)

    def attempt(_: int) -> bool:
        try:
            register.use(USE)
        except SealRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(20))) == 3
    assert len(list(register.uses("one"))) == 20


def test_the_freeze_holds_until_somebody_else_lifts_it(register: SealRegister) -> None:
    """Whoever froze does not thaw, and nobody without a reason."""
    kept(register)
    register.freeze(Freeze(organisations=frozenset(), by="duty", at=NOW, reason="演练"))

    with pytest.raises(SealRefused, match="frozen"):
        register.use(USE)
    for by, reason in (("duty", "完毕"), ("other", " ")):
        with pytest.raises(SealRefused):
            register.thaw(by, NOW, reason)
    with pytest.raises(SealRefused, match="frozen"):
        register.use(USE)
    register.thaw("other", NOW, "完毕")
    assert register.use(USE) == 1


def test_the_freezes_in_force_can_be_seen(register: SealRegister) -> None:
    """Those of some organisations stop these alone; what was lifted is no longer listed."""
    kept(register)
    elsewhere = Freeze(organisations=frozenset({"elsewhere"}), by="duty", at=NOW, reason="演练")
    register.freeze(elsewhere)

    assert list(register.freezes()) == [elsewhere]
    assert register.use(USE) == 1
    register.thaw("other", NOW, "完毕")
    assert list(register.freezes()) == []


def test_everything_about_a_seal_comes_back(register: SealRegister) -> None:
    """Serial, successor, limits to the microsecond, users, times in whatever zone they were given."""
    one, two = kept(register), steps("two")
    limits = Limits(
        opens=time(8, 30),
        closes=time(17, 59, 59, 999999),
        certificate_types=frozenset({"营业执照"}),
    )
    local = (NOW + timedelta(microseconds=7)).astimezone(BEIJING)
    changed = LIFE.limit(one, HEAD, local, limits, "工作时间 “限时”")
    register.put(changed)
    successor = replace(two[0], succeeds="one", kind=SealKind.STATION, serial="（3）")
    register.put(successor)
    followed = [successor]
    for step in two[1:5]:
        followed.append(replace(step, succeeds="one", kind=SealKind.STATION, serial="（3）"))
        register.put(followed[-1])

    assert register.get("one") == changed
    assert register.get("two") == followed[-1]
    assert register.get("one").history[-1].at == local


def test_bytes_are_kept_under_their_digest(register: SealRegister) -> None:
    """Once, however often they are handed in; what was never kept is unknown."""
    for data in (b"", bytes(range(256)) * 1000):
        digest = register.keep(data)
        assert register.keep(data) == digest
        assert digest.startswith("sm3:")
        assert register.kept(digest) == data
    with pytest.raises(UnknownSeal):
        register.kept("sm3:00")


def test_an_unknown_seal_is_not_used(register: SealRegister) -> None:
    """And said to be unknown."""
    with pytest.raises(UnknownSeal):
        register.use(USE)


# --- in a database ----------------------------------------------------------------------------

RACER = """
import sys
from datetime import datetime
from hub.database import open_database
from seals.errors import SealRefused
from seals.store import SQLRegister
from seals.using import Use
database = open_database(sys.argv[1])
register = SQLRegister(database)
register.get("one")
print("ready", flush=True)
sys.stdin.readline()
use = Use(seal_id="one", account="officer", at=datetime.fromisoformat(sys.argv[2]),
          digest="sm3:22", reason="case")
done = 0
for _ in range(5):
    try:
        register.use(use)
        done += 1
    except SealRefused:
        pass
print(done, flush=True)
database.close()
"""


def address(database: Database) -> str:
    """Where it is, for another process."""
    return database.writer.url.render_as_string(hide_password=False)


def test_processes_do_not_get_past_the_limit_together(database: Database) -> None:
    """Three processes want the last uses of the day at once; between them they get as many as there
    are, and the log holds every wish.
    """
    register = SQLRegister(database)
    kept(register)
    register.use(USE)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, address(database), NOW.isoformat()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    counts = [int(racer.communicate(timeout=60)[0]) for racer in racers]

    assert sum(counts) == 2
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    log = list(register.uses("one"))
    assert len(log) == 16
    assert sum(1 for _, against in log if not against) == 3


def test_of_many_who_put_at_once_one_gets_through(database: Database) -> None:
    """Each has read the same state; the history holds one act of it, and all its numbers."""
    register = SQLRegister(database)
    seal = kept(register)

    def suspend(number: int) -> bool:
        by = Actor(account=f"head-{number}", organisation="office")
        try:
            register.put(LIFE.suspend(seal, by, NOW, "停用"))
        except RegisterConflict:
            return False
        return True

    def begin(number: int) -> bool:
        by = Actor(account=f"clerk-{number}", organisation="office")
        new = collect(
            seal_id="new", organisation="office", kind=SealKind.BUSINESS, name="新章",
            picture_digest="sm3:00", by=by, at=NOW,
        )  # fmt: skip
        try:
            register.put(new)
        except RegisterConflict:
            return False
        return True

    alike = []
    for number in range(6):
        each = collect(
            seal_id=f"alike-{number}", organisation="office", kind=SealKind.ORGANISATION,
            name="名称章", picture_digest="sm3:00", by=CLERK, at=NOW,
        )  # fmt: skip
        register.put(each)
        alike.append(LIFE.apply(each, CLERK, NOW, ()))

    def apply(number: int) -> bool:
        try:
            register.put(alike[number])
        except RegisterConflict:
            return False
        return True

    for attempt in (suspend, begin, apply):
        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(attempt, range(6))) == 1
    assert len(register.get("one").history) == len(seal.history) + 1
    assert len(register.get("new").history) == 1


def test_a_use_and_an_act_at_once_have_an_order(database: Database) -> None:
    """Whoever uses a seal while it is suspended did so before, or is refused; the log agrees."""
    register = SQLRegister(database)
    seal = kept(register)
    wide = LIFE.limit(seal, HEAD, NOW, Limits(), "不限量")
    register.put(wide)

    def attempt(number: int) -> bool:
        if number == 10:
            register.put(LIFE.suspend(wide, HEAD, NOW, "停用"))
            return False
        try:
            register.use(USE)
        except SealRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(attempt, range(30)))
    log = [against for _, against in register.uses("one")]
    assert log.count(()) == allowed
    assert log == [()] * allowed + [("suspended",)] * (29 - allowed)


DAMAGED: dict[str, str] = {
    "a kind that is none": "UPDATE seals_seal SET kind = 'round'",
    "a time that is none": "UPDATE seals_act SET at = 'yesterday' WHERE number = 2",
    "a time without a zone": "UPDATE seals_act SET at = '2026-11-24T06:00:00' WHERE number = 1",
    "an act that is none": "UPDATE seals_act SET act = 'lose' WHERE number = 3",
    "an act that is missing": "DELETE FROM seals_act WHERE number = 2",
    "the last act missing": "DELETE FROM seals_act WHERE number = 7",
    "users that are none": "UPDATE seals_seal SET users = '{}'",
    "users that cannot be read": "UPDATE seals_seal SET users = '[\"x'",
    "limits that are none": "UPDATE seals_seal SET opens = 'dawn'",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_row_that_cannot_be_read_is_an_error(database: Database, name: str) -> None:
    """Never skipped: neither in a list, nor when the seal is used; nothing of it is repeated."""
    register = SQLRegister(database)
    kept(register)
    with database.writing() as connection:
        connection.execute(text(DAMAGED[name]))

    for ask in (
        lambda: register.get("one"),
        lambda: list(register.every()),
        lambda: list(register.of("office")),
        lambda: register.use(USE),
    ):
        with pytest.raises(RegisterDamaged, match=r"^one$"):
            ask()
    assert list(register.uses("one")) == []


DAMAGED_LOGS: dict[str, str] = {
    "a time that is none": "UPDATE seals_use SET at = 'noon'",
    "reasons that are none": "UPDATE seals_use SET against = '7'",
    "counted and refused": "UPDATE seals_use SET against = '[\"hours\"]'",
    "neither counted nor refused": "UPDATE seals_use SET count = NULL",
}


@pytest.mark.parametrize("name", DAMAGED_LOGS)
def test_a_line_of_the_log_that_cannot_be_read_is_an_error(database: Database, name: str) -> None:
    """The log is evidence: a line less is worse than none."""
    register = SQLRegister(database)
    kept(register)
    register.use(USE)
    with database.writing() as connection:
        connection.execute(text(DAMAGED_LOGS[name]))

    with pytest.raises(RegisterDamaged):
        list(register.uses("one"))


def test_a_freeze_that_cannot_be_read_stops_all(database: Database) -> None:
    """Nobody seals because a freeze was misread."""
    register = SQLRegister(database)
    kept(register)
    register.freeze(Freeze(organisations=frozenset(), by="duty", at=NOW, reason="演练"))
    with database.writing() as connection:
        connection.execute(text("UPDATE seals_freeze SET organisations = 'all'"))

    with pytest.raises(RegisterDamaged):
        register.use(USE)


def test_changed_bytes_are_not_handed_out(database: Database) -> None:
    """A seal's bytes are what they were, or an error."""
    register = SQLRegister(database)
    digest = register.keep(b"a seal")
    with database.writing() as connection:
        connection.execute(text("UPDATE seals_content SET data = :data"), {"data": b"another"})

    with pytest.raises(RegisterDamaged):
        register.kept(digest)


def test_a_thaw_is_on_record(database: Database) -> None:
    """Who lifted it, when and why stays, though it is no longer in force."""
    register = SQLRegister(database)
    register.freeze(Freeze(organisations=frozenset(), by="duty", at=NOW, reason="演练"))
    register.thaw("other", NOW + timedelta(hours=1), "完毕")
    with database.reading() as connection:
        (row,) = connection.execute(text("SELECT * FROM seals_freeze")).all()

    assert (row.account, row.thawed_by, row.thawed_because) == ("duty", "other", "完毕")
    assert datetime.fromisoformat(row.thawed_at) == NOW + timedelta(hours=1)


def test_a_database_of_the_revision_before_is_brought_up(request: pytest.FixtureRequest) -> None:
    """What it held stays, and the register works in it."""
    for address in (
        f"sqlite:///{request.getfixturevalue('tmp_path') / 'old.sqlite3'}",
        server_database(request),
    ):
        database = open_database(address)
        migrate(database, "0006")
        with database.writing() as connection:
            connection.execute(
                text("INSERT INTO hub_data_key (id, wrapped) VALUES (:id, :wrapped)"),
                {"id": b"12345678", "wrapped": b"kept"},
            )
        migrate(database)
        with database.reading() as connection:
            row = connection.execute(text("SELECT wrapped FROM hub_data_key")).one()
        assert bytes(row.wrapped) == b"kept"
        assert kept(SQLRegister(database)).state is State.IN_USE
        database.close()
