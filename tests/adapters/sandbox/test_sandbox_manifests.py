"""The manifests of both counties, through the adapters, over the sockets, against the truth."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters import Connected, Outcome, Reason, SourceCall, SourceReply, check, connect
from adapters.cli import app
from adapters.invented import CONTROL
from adapters.ports import Surroundings
from adapters.sandbox import (
    Sandbox,
    Subject,
    credit,
    mortgages,
    sandbox,
    traffic,
    truth,
    write_environment,
)
from adapters.sandbox.clerk import CLERK, Clerk
from adapters.sandbox.hukou import WSDL
from adapters.sandbox.truth import Records
from catalog import loading
from catalog.model import Catalog

COUNTIES = ("xinxiang", "shenqiu")
KEY = {"person": "id_number", "organisation": "uscc"}
OWN_KEY = {"birth.certificate": "mother_id_number"}
"""Resources that are asked about a person by another key."""
ABOVE = "credit.compliance"
"""Asked of the city's hub, which the sandbox does not run; see `tests.journeys.test_city`."""
_IDS = count(1)
UNMAPPED = {
    "hukou.person": {"photo"},
    "immunization.record": {"missing_doses"},
}
"""Fields no manifest maps: a picture nobody asks for, and a second repeated part."""


def now() -> datetime:
    """Signatures are made with the real clock: departments look at it."""
    return datetime.now(UTC)


@asynccontextmanager
async def connected(county: str, catalog: Catalog, running: Sandbox) -> AsyncIterator[Connected]:
    """The sources of a county, connected to a sandbox."""
    found = connect(
        loading.COUNTIES / county, county=county, catalog=catalog,
        environment=running.environment, now=now,
        surroundings=Surroundings(desk=Clerk(running.population, now)),
    )  # fmt: skip
    try:
        yield found
    finally:
        await found.aclose()


def call(resource: str, **keys: str) -> SourceCall:
    """A call with a reason."""
    reason = Reason(consumer="县教体局", item="i", item_name="新生入学信息采集", case="C-1")
    # A kept answer would hide what the department does now.
    return SourceCall(
        resource=resource,
        keys=keys,
        fields=(),
        reason=reason,
        call_id=str(next(_IDS)),
        max_age=timedelta(0),
    )


async def asked(sources: Connected, resource: str, subject: Subject) -> SourceReply:
    """What the county's source for that resource answers about `subject`."""
    key = OWN_KEY.get(resource, KEY[subject.kind])
    binding = next(b for b in sources.bindings if b.resource == resource and key in b.keys)
    question = call(resource, **{key: subject.number, "name": subject.name})
    return await sources.sources[binding.source].answer(question, within=20)


def connected_truth(running: Sandbox, subject: Subject) -> dict[str, Records]:
    """What the departments should answer that the county asks itself; see `hub.city` for others."""
    told = truth(running.population, subject)
    return {resource: records for resource, records in told.items() if resource != ABOVE}


def same(reply: SourceReply, records: Records) -> None:
    """Assert that the reply is the truth, whole and without reservations."""
    assert reply.outcome is (Outcome.ANSWERED if records else Outcome.NO_RECORD), reply.why
    assert reply.records == records


@pytest.mark.anyio
@pytest.mark.parametrize("county", COUNTIES)
async def test_every_case_is_answered_as_the_truth_has_it(
    running: Sandbox, catalog: Catalog, county: str
) -> None:
    """Each persona, each subject, each resource: outcome, values, lines, codes, in order."""
    count = 0
    async with connected(county, catalog, running) as sources:
        for persona in running.population.personas.values():
            for subject in persona.subjects.values():
                for resource, records in connected_truth(running, subject).items():
                    same(await asked(sources, resource, subject), records)
                    count += 1
    assert count > 800


@pytest.mark.anyio
async def test_everybody_is_answered_as_the_truth_has_it(
    running: Sandbox, catalog: Catalog
) -> None:
    """A third of the whole county, with whatever was drawn for them."""
    people = running.population.people[::3]
    subjects = [Subject(kind="person", number=p.id_number, name=p.name) for p in people]
    subjects += [Subject(kind="organisation", number=e.uscc, name=e.name)
                 for e in running.population.enterprises]  # fmt: skip
    async with connected("xinxiang", catalog, running) as sources:
        for subject in subjects:
            wanted = connected_truth(running, subject)
            replies = await asyncio.gather(*(asked(sources, each, subject) for each in wanted))
            for reply, records in zip(replies, wanted.values(), strict=True):
                same(reply, records)


@pytest.mark.anyio
@pytest.mark.parametrize("county", COUNTIES)
async def test_mortgages_are_found_by_certificate(
    running: Sandbox, catalog: Catalog, county: str
) -> None:
    """A mortgaged home tells by whom; another one has no such record."""
    properties = running.population.properties
    charged = next(each for each in properties if each.mortgage)
    free = next(each for each in properties if not each.mortgage)
    async with connected(county, catalog, running) as sources:
        source = sources.sources["realestate"]
        for each in (charged, free):
            question = call("realestate.mortgage", certificate_no=each.certificate_no)
            records = mortgages(running.population, each.certificate_no)
            same(await source.answer(question, within=5), records)
            assert bool(records) == bool(each.mortgage)


@pytest.mark.anyio
async def test_a_clerk_answers_with_a_name_and_a_second_pair_of_eyes(
    running: Sandbox, catalog: Catalog
) -> None:
    """What was typed is the truth, and says who typed it; while the clerk is away, a ticket."""
    subject = running.population.personas["disabled"].subjects["applicant"]
    clerk = Clerk(running.population, now)
    clerk.away = True
    found = connect(loading.COUNTIES / "xinxiang", county="xinxiang", catalog=catalog,
                    environment=running.environment, now=now,
                    surroundings=Surroundings(desk=clerk))  # fmt: skip
    try:
        waiting = await asked(found, "disability.record", subject)
        clerk.away = False
        reply = await asked(found, "disability.record", subject)
    finally:
        await found.aclose()
    assert (waiting.outcome, bool(waiting.ticket)) == (Outcome.DEFERRED, True)
    same(reply, truth(running.population, subject)["disability.record"])
    assert str(reply.entered_by).startswith(f"{CLERK}+")


@pytest.mark.anyio
async def test_the_gateways_secret_is_renewed_behind_the_scenes(catalog: Catalog) -> None:
    """Over several lives of the request secret no answer is lost."""
    with sandbox(people=1, secret_seconds=0.3) as brief:
        subject = brief.population.personas["complete"].subjects["applicant"]
        records = truth(brief.population, subject)["realestate.ownership"]
        async with connected("xinxiang", catalog, brief) as sources:
            for _ in range(10):
                same(await asked(sources, "realestate.ownership", subject), records)
                await asyncio.sleep(0.1)


@pytest.mark.anyio
async def test_wrong_keys_are_refusals_not_failures(running: Sandbox, catalog: Catalog) -> None:
    """Each department refuses a stranger, and the reply says that it was refused."""
    strangers = {"REALESTATE_APP_KEY": "0" * 32, "IMMUNIZATION_TOKEN": "x",
                 "RESIDENCE_PERMIT_KEY": "0" * 32, "VITAL_RECORDS_APP_SECRET": "0" * 32,
                 "MARRIAGE_TOKEN": "0" * 32, "VEHICLES_APP_KEY": "0" * 32,
                 "MEDICAL_INSURANCE_PRIVATE_KEY": "01" * 32}  # fmt: skip
    dsn = running.environment["SOCIAL_INSURANCE_DSN"].replace("mianti_ro", "nobody")
    environment = {**running.environment, **strangers, "SOCIAL_INSURANCE_DSN": dsn}
    found = connect(loading.COUNTIES / "xinxiang", county="xinxiang", catalog=catalog,
                    environment=environment, now=now)  # fmt: skip
    subject = running.population.personas["from-elsewhere"].subjects["child"]
    try:
        for resource in ("realestate.ownership", "immunization.record", "residence-permit.status",
                         "social-insurance.payment-history", "death.record", "marriage.status",
                         "vehicle.registration", "medical-insurance.enrolment"):  # fmt: skip
            assert (await asked(found, resource, subject)).outcome is Outcome.REFUSED, resource
    finally:
        await found.aclose()


@pytest.mark.anyio
async def test_the_population_service_wants_a_reason(running: Sandbox, catalog: Catalog) -> None:
    """A call without one is refused by the department, and the reply says so."""
    subject = running.population.personas["complete"].subjects["applicant"]
    silent = Reason(consumer="", item="", item_name="", case="")
    question = SourceCall(resource="hukou.household", keys={"id_number": subject.number},
                          fields=(), reason=silent, call_id="1")  # fmt: skip
    async with connected("xinxiang", catalog, running) as sources:
        reply = await sources.sources["hukou"].answer(question, within=5)
    assert (reply.outcome, reply.why) == (Outcome.REFUSED, "soap.refused-503")


@pytest.mark.parametrize("county", COUNTIES)
def test_the_manifests_agree_with_the_catalog(catalog: Catalog, county: str) -> None:
    """They bind without complaint, to bodies the county's own list names."""
    bindings = check(loading.COUNTIES / county, county=county, catalog=catalog, now=now)
    assert {each.resource for each in bindings} == set(_resources())
    for each in bindings:
        assert each.authority in catalog.authorities, each.authority


@pytest.mark.parametrize("county", COUNTIES)
def test_the_manifests_map_whole_resources(catalog: Catalog, county: str) -> None:
    """Every field of a resource is mapped, except those named above."""
    bindings = check(loading.COUNTIES / county, county=county, catalog=catalog, now=now)
    for each in bindings:
        fields = set(catalog.resources[each.resource].fields)
        assert fields - each.fields == UNMAPPED.get(each.resource, set()), each.resource


def test_the_citys_manifest_stands_the_kit(running: Sandbox, tmp_path: Path) -> None:
    """That of the credit platform is in no county; recorded from the sandbox, it passes as theirs do."""
    county = tmp_path / "counties" / "xinxiang"
    shutil.copytree(loading.COUNTIES / "xinxiang" / "catalog", county / "catalog")
    (county / "sources").mkdir()
    shutil.copy(credit.MANIFEST, county / "sources")
    variables = tmp_path / "sandbox.env"
    write_environment(variables, {**running.environment, CONTROL: running.control_url})
    at = ["credit", "--counties", str(county.parent)]
    recorded = CliRunner().invoke(app, ["record", *at, "--environment-file", str(variables)])
    assert "compliance-bankrupt.yaml" in recorded.output
    found = CliRunner().invoke(app, ["conform", *at, "--json"])
    assert found.exit_code == 0, found.output
    (row,) = json.loads(found.output)
    assert (row["passed"], row["failures"]) == (True, [])
    assert row["cases"] > 100


def test_the_committed_descriptions_are_what_the_service_serves() -> None:
    """The WSDLs beside the manifests are the sandbox's own, byte by byte."""
    for county in COUNTIES:
        for name, own in (("hukou.wsdl", WSDL), ("traffic.wsdl", traffic.WSDL)):
            committed = loading.COUNTIES / county / "sources" / name
            assert committed.read_bytes() == own.read_bytes()


def _resources() -> Iterator[str]:
    yield from ("hukou.person", "hukou.household", "immunization.record", "residence-permit.status")
    yield from ("realestate.ownership", "realestate.mortgage", "social-insurance.payment-history")
    yield from ("social-insurance.person-enrolment", "social-insurance.employer")
    yield from ("birth.certificate", "death.record", "marriage.status", "business.registration")
    yield from ("tax.registration", "tax.compliance", "medical-insurance.enrolment")
    yield from ("medical-insurance.employer", "housing-fund.account", "housing-fund.employer")
    yield from ("vehicle.registration", "driver.licence", "disability.record")
    yield from ("employment.registration", "education.student-status", "education.qualification")
    yield from ("subsistence.minimum-living", "veteran.record", ABOVE)
