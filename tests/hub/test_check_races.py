"""Two people act on one check at the same moment: what is kept is what was told and logged. On both
databases.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from catalog import load
from hub.checks import Checks
from hub.checks.model import Check, CheckState, Finding, Part, PartState, Period
from hub.checks.store import CheckBook
from hub.database import Database
from hub.errors import CheckIncomplete, CheckOver, NotYourPart
from hub.evidence import EvidenceRecord
from hub.exchange import Exchange
from hub.model import Basis, BasisKind, Consumer, IdType, Subject
from hub.store import StoredDataKeys
from hub.vault import Vault
from tests.world.hub import COUNTIES

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
POLICE, CUSTOMS, LEAD = "xinxiang/县公安局", "xinxiang/新乡海关", "xinxiang/县行政审批局"


@dataclass(slots=True)
class Log:
    """A log in which somebody else acts while a record is written, once."""

    meanwhile: Callable[[], Awaitable[object]] | None = None
    kinds: list[str] = field(default_factory=list)
    last: EvidenceRecord | None = None

    async def append(self, records: Sequence[EvidenceRecord]) -> object:
        """Write."""
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            await act()
        self.kinds += [str(record.kind) for record in records]
        self.last = records[-1]
        return len(records)


@dataclass(frozen=True, slots=True)
class Office:
    """Checks over a real database, with one that waits for two departments."""

    checks: Checks
    log: Log

    async def answer(self, seq: int, by: str, who: str = POLICE) -> Check:
        """A clerk answers a part."""
        return await self.checks.answer(
            "chk_1", seq, caller(who), finding=Finding.NO_RECORD, records=(), by=by
        )

    async def deliver(self, *without: int) -> Check:
        """The lead delivers."""
        return await self.checks.deliver("chk_1", caller(LEAD), frozenset(without))

    async def kept(self) -> Check:
        """The check as it stands."""
        return await self.checks.show("chk_1", caller(LEAD))


def caller(authority: str) -> Consumer:
    """A caller of that department."""
    return Consumer(
        client_id=authority, name=authority, authority=authority, county="xinxiang", jwks={}
    )


@pytest.fixture
def office(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Part 2 is the police's, part 10 the customs'."""
    vault = Vault.at(tmp_path_factory.mktemp("keys"), StoredDataKeys(database))
    catalog, log = load(COUNTIES, only=("xinxiang",)), Log()

    async def admits(*_: object) -> bool:
        return True

    exchange = Exchange(
        catalog=catalog, sources={}, evidence=log, now=lambda: NOW, salt=vault.salt, admits=admits
    )
    book = CheckBook(database=database, vault=vault)
    checks = Checks(
        catalog=catalog, exchange=exchange, evidence=log, book=book, now=lambda: NOW,
        salt=vault.salt,
    )  # fmt: skip
    due = NOW + timedelta(days=5)
    parts = tuple(
        Part(
            seq=seq, item=f"xinxiang-07-{seq:02}", name="核查", authorities=(who,), resources=(),
            state=PartState.ASSIGNED, due_at=due,
        )
        for seq, who in ((2, POLICE), (10, CUSTOMS))
    )  # fmt: skip
    check = Check(
        id="chk_1", consumer="intake", bundle="xinxiang-07", lead=(LEAD,),
        subject=Subject(kind="organisation", id_type=IdType.USCC, number="91990101MA0000015C"),
        basis=Basis(item="xinxiang-07", case="CHECK-1", kind=BasisKind.STATUTORY),
        period=Period(first=date(2023, 1, 1), last=date(2025, 12, 31)),
        state=CheckState.GATHERING, received_at=NOW, due_at=due, parts=parts,
    )  # fmt: skip
    book.add(check, "ver_1")
    return Office(checks, log)


async def test_of_two_answers_the_first_counts_and_the_second_is_told(office: Office) -> None:
    """Two clerks of one department at once: nobody is told that an answer was taken which was not."""
    office.log.meanwhile = lambda: office.answer(2, "A01")
    with pytest.raises(NotYourPart) as refused:
        await office.answer(2, "A02")
    part = (await office.kept()).parts[0]

    assert refused.value.why == "answered"
    assert [statement.by for statement in part.statements] == ["A01"]


async def test_an_answer_that_comes_during_the_delivery_is_part_of_it(office: Office) -> None:
    """The receipt is over what is delivered, not over how it stood a moment before."""
    office.log.meanwhile = lambda: office.answer(2, "A01")
    delivered = await office.deliver(2, 10)
    assert office.log.last is not None
    said = {part["part"]: part["finding"] for part in office.log.last.body["parts"]}

    assert said == {2: "no_record", 10: "missing"}
    assert said == {part.seq: str(part.finding or "missing") for part in delivered.parts}
    assert delivered.receipt == office.log.last.id
    assert await office.kept() == delivered


async def test_nothing_is_delivered_twice_or_after_it_was_withdrawn(office: Office) -> None:
    """The second is told that it is over, and what was delivered first stands."""
    first: list[Check] = []

    async def deliver() -> None:
        first.append(await office.deliver(2, 10))

    office.log.meanwhile = deliver
    with pytest.raises(CheckOver):
        await office.deliver(2, 10)
    assert await office.kept() == first[0]
    with pytest.raises(CheckOver):
        await office.answer(10, "H01", CUSTOMS)
    with pytest.raises(CheckOver):
        await office.checks.withdraw("chk_1", caller(LEAD))


async def test_what_is_left_out_has_to_be_named(office: Office) -> None:
    """Also when another part was answered meanwhile."""
    office.log.meanwhile = lambda: office.answer(2, "A01")
    with pytest.raises(CheckIncomplete):
        await office.deliver(2)
    assert (await office.kept()).state is CheckState.GATHERING


@pytest.mark.parametrize(
    ("day", "inside"),
    [
        ("2023-01-01", True), ("2022-12-31", False), ("2025-12-31", True), ("2026-01-01", False),
        ("2023-01", True), ("2022-12", False), ("2025-12", True), ("2023", True), ("2022", False),
        ("2023-01-01T00:00:00+08:00", True), ("2025-12-31T23:59:59+08:00", True),
        ("2026-01-01T00:00:00+08:00", False),
    ],
)  # fmt: skip
def test_a_month_lies_in_a_period_that_touches_it(day: str, inside: bool) -> None:
    """A register that knows only the month or the year is not read as having nothing on record."""
    assert (day in Period(first=date(2023, 1, 1), last=date(2025, 12, 31))) is inside
    assert ("2023-05" in Period(first=date(2023, 5, 20), last=date(2023, 5, 21))) is True
