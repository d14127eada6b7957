"""Every fault in every department ends as the outcome it should, in time, and passes again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters import Connected, Outcome, connect
from adapters.refreshing import PAUSE_SECONDS
from adapters.sandbox import ON_SOCKETS, Fault, FaultNotThere, Sandbox, can_have, credit, truth
from catalog.model import Catalog
from tests.adapters.sandbox.test_sandbox_manifests import KEY, asked, call, connected, now, same

ASKED = {
    "hukou": ("hukou.person", "from-elsewhere", "applicant"),
    "realestate": ("realestate.ownership", "complete", "applicant"),
    "social-insurance": ("social-insurance.payment-history", "from-elsewhere", "applicant"),
    "immunization": ("immunization.record", "from-elsewhere", "child"),
    "residence-permit": ("residence-permit.status", "from-elsewhere", "applicant"),
    "vital-records": ("death.record", "deceased", "applicant"),
    "marriage": ("marriage.status", "complete", "applicant"),
    "business-registry": ("business.registration", "enterprise", "enterprise"),
    "tax": ("tax.registration", "enterprise", "enterprise"),
    "medical-insurance": ("medical-insurance.enrolment", "complete", "applicant"),
    "housing-fund": ("housing-fund.account", "complete", "applicant"),
    "vehicles": ("vehicle.registration", "driver", "applicant"),
    "credit": ("credit.compliance", "bankrupt", "debtor"),
}
"""Department → resource, persona and subject to ask about."""

EXPECTED = {
    Fault.SLOW: Outcome.ANSWERED,
    Fault.HANG: Outcome.TIMED_OUT,
    Fault.RESET: Outcome.UNREACHABLE,
    Fault.HALF_BODY: Outcome.UNREACHABLE,
    Fault.GARBAGE: Outcome.FAILED,
    Fault.WRONG_SCHEMA: Outcome.FAILED,
    Fault.ERROR_200: Outcome.FAILED,
    Fault.WRONG_ENCODING: Outcome.FAILED,
    Fault.XML_BOMB: Outcome.FAILED,
    Fault.REDIRECT: Outcome.FAILED,
    Fault.HUGE: Outcome.FAILED,
    Fault.STATUS_500: Outcome.FAILED,
    Fault.REFUSE: Outcome.UNREACHABLE,
    Fault.MAINTENANCE: Outcome.FAILED,
    Fault.CLOCK_SKEW: Outcome.REFUSED,
    Fault.TOKEN_RACE: Outcome.ANSWERED,
    Fault.EXPIRED_CERTIFICATE: Outcome.UNREACHABLE,
}
ELSEWHERE = {
    # A row that claims a gigabyte and a server that says good-bye both end the connection.
    ("social-insurance", Fault.XML_BOMB): Outcome.UNREACHABLE,
    ("social-insurance", Fault.REDIRECT): Outcome.UNREACHABLE,
    ("social-insurance", Fault.MAINTENANCE): Outcome.UNREACHABLE,
    # Its refusal is signed with its own time, and a message of another time might be a played one.
    ("medical-insurance", Fault.CLOCK_SKEW): Outcome.FAILED,
}
"""Where it means something else."""


def test_every_fault_has_an_expectation() -> None:
    """A new fault cannot be added without saying what it should look like."""
    assert set(EXPECTED) == set(Fault)
    assert set(ASKED) == set(ON_SOCKETS)


@asynccontextmanager
async def reaching(
    department: str, county: str, catalog: Catalog, running: Sandbox, folder: Path
) -> AsyncIterator[Connected]:
    """The sources of a county; of the credit platform, which only the city's hub asks, that hub's."""
    if department != "credit":
        async with connected(county, catalog, running) as sources:
            yield sources
        return
    place = folder / county / "sources" / "credit.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(credit.MANIFEST.read_bytes())
    found = connect(folder / county, county=county, catalog=catalog, now=now,
                    environment=running.environment)  # fmt: skip
    try:
        yield found
    finally:
        await found.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("department", ON_SOCKETS)
async def test_a_fault_is_what_the_adapter_makes_of_it(
    working: Sandbox, catalog: Catalog, department: str, fault: Fault, tmp_path: Path, *, warm: bool
) -> None:
    """On a fresh and on a kept connection; and once it is cleared the truth is answered again."""
    if not can_have(department, fault):
        with pytest.raises(FaultNotThere):
            working.fault(department, fault)
        return
    resource, persona, name = ASKED[department]
    subject = working.population.personas[persona].subjects[name]
    records = truth(working.population, subject)[resource]
    assert records
    expected = ELSEWHERE.get((department, fault), EXPECTED[fault])
    async with reaching(department, "xinxiang", catalog, working, tmp_path) as sources:
        if warm:
            same(await asked(sources, resource, subject), records)
        await asyncio.to_thread(working.fault, department, fault, 50)
        question = call(resource, **{KEY[subject.kind]: subject.number, "name": subject.name})
        within = 0.3 if fault is Fault.HANG else 10
        reply = await sources.sources[department].answer(question, within=within)
        assert reply.outcome is expected, reply.why
        assert reply.records == (records if reply.outcome is Outcome.ANSWERED else ())
        await asyncio.to_thread(working.clear)
        if fault is Fault.CLOCK_SKEW:
            # Whom a department refused a secret does not ask on at once; then nothing is left of it.
            await asyncio.sleep(PAUSE_SECONDS)
        same(await asked(sources, resource, subject), records)


@pytest.mark.anyio
@pytest.mark.parametrize("department", ON_SOCKETS)
async def test_slow_beyond_the_deadline_is_timed_out(
    working: Sandbox, catalog: Catalog, department: str, tmp_path: Path
) -> None:
    """The caller's deadline holds, whatever the department needs."""
    resource, persona, name = ASKED[department]
    subject = working.population.personas[persona].subjects[name]
    async with reaching(department, "xinxiang", catalog, working, tmp_path) as sources:
        await asyncio.to_thread(working.fault, department, Fault.SLOW, 60_000)
        question = call(resource, **{KEY[subject.kind]: subject.number, "name": subject.name})
        reply = await sources.sources[department].answer(question, within=0.2)
        await asyncio.to_thread(working.clear)
    assert reply.outcome is Outcome.TIMED_OUT


@pytest.mark.anyio
async def test_a_fault_stays_in_its_department(
    working: Sandbox, catalog: Catalog, tmp_path: Path
) -> None:
    """While one refuses, all others answer the truth."""
    await asyncio.to_thread(working.fault, "realestate", Fault.REFUSE)
    async with (
        connected("shenqiu", catalog, working) as county,
        reaching("credit", "shenqiu", catalog, working, tmp_path) as city,
    ):
        for department, (resource, persona, name) in ASKED.items():
            subject = working.population.personas[persona].subjects[name]
            sources = city if department == "credit" else county
            reply = await asked(sources, resource, subject)
            down = department == "realestate"
            assert reply.outcome is (Outcome.UNREACHABLE if down else Outcome.ANSWERED)
