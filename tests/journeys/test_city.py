"""The counties ask the city's hub for credit, as they do in the demo: a process above, the sandbox's
platform behind it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters import Outcome, Reason, SourceCall, SourceReply, connect
from adapters.ports import Surroundings
from adapters.sandbox import Fault, Sandbox, Subject, sandbox, truth
from adapters.sandbox.enterprises import COUNT
from catalog.loading import load
from hub.app import now
from hub.city import CLIENT_SUFFIX, RESOURCE, city_hub
from hub.processes import free_address
from hub.receipts import Verdict, proven, verify_receipt
from tests.world.hub import COUNTIES, RunningHub, grant, running_hub

ITEM = "xinxiang-05"


@dataclass(frozen=True, slots=True)
class City:
    """The city's hub, and the departments behind it."""

    departments: Sandbox
    variables: Mapping[str, str]
    folder: Path

    @property
    def origin(self) -> str:
        """What its hub is called."""
        return self.variables["CITY_HUB_URL"].partition("://")[2]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A sandbox and the hub of its city."""
    folder = tmp_path_factory.mktemp("city")
    with (
        sandbox(people=1) as departments,
        city_hub(folder, COUNTIES, departments.environment) as above,
    ):
        above.ready()
        yield City(departments, above.variables, folder)


@pytest.fixture(autouse=True)
def repaired(city: City) -> Iterator[None]:
    """The platform works again afterwards."""
    yield
    city.departments.clear()


@pytest.fixture(scope="module")
def county(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """The county's hub with all its real sources."""
    right = grant(RESOURCE, items=frozenset({ITEM}), provider="县发改委")
    with running_hub(
        tmp_path_factory.mktemp("county"), COUNTIES, environment=city.variables, grants=[right]
    ) as hub:
        yield hub


def asked(hub: RunningHub, subject: Subject, *fields: str) -> dict[str, Any]:
    """The answer of a hub about an enterprise."""
    want = [f"{RESOURCE}[].{each}" for each in fields]
    body = {
        "subject": {"kind": "organisation", "id_type": "uscc", "id": subject.number, "name": subject.name},
        "basis": {"item": ITEM, "case": "C-1", "kind": "statutory"},
        "want": want,
        "deadline_ms": 8_000,
    }  # fmt: skip
    return dict(hub.client.post("/v1/queries", body))


async def replies(
    county: str, variables: Mapping[str, str], subjects: list[Subject]
) -> list[SourceReply]:
    """What a county's own manifest makes of the city's answers."""
    catalog = load(COUNTIES)
    item = next(each.id for each in catalog.bundles.values() if each.county == county)
    reason = Reason(consumer="县市场监管局", item=item, item_name="信用修复", case="C-1",
                    legal_basis="公共信用信息目录")  # fmt: skip
    found = connect(COUNTIES / county, county=county, catalog=catalog, environment=variables,
                    now=now, surroundings=Surroundings(receipts=proven))  # fmt: skip
    try:
        return [
            await found.sources["credit"].answer(
                SourceCall(resource=RESOURCE, keys={"uscc": each.number, "name": each.name},
                           fields=tuple(catalog.resources[RESOURCE].fields), reason=reason, call_id=str(at)),
                within=10,
            )
            for at, each in enumerate(subjects)
        ]  # fmt: skip
    finally:
        await found.aclose()


@pytest.mark.parametrize("county_id", ["xinxiang", "shenqiu"])
def test_every_enterprise_is_answered_as_the_truth_has_it(city: City, county_id: str) -> None:
    """Values, lines and codes of all forty, through two adapters and the hub between them."""
    population = city.departments.population
    enterprises = population.enterprises[:COUNT]
    subjects = [Subject(kind="organisation", number=e.uscc, name=e.name) for e in enterprises]
    found = asyncio.run(replies(county_id, city.variables, subjects))
    wanted = [truth(population, each)[RESOURCE] for each in subjects]
    assert [each.records for each in found] == wanted, [each.why for each in found]
    assert {each.outcome for each in found} == {Outcome.ANSWERED, Outcome.NO_RECORD}
    told = next(each for each in found if each.records)
    assert told.relayed is not None
    assert (told.relayed.via, told.relayed.proven) == ((city.origin,), True)


def test_an_answer_says_whose_it_is_and_by_which_way_it_came(
    city: City, county: RunningHub
) -> None:
    """The platform answers for it, the city's hub is named, and both receipts can be checked."""
    subject = city.departments.population.personas["bankrupt"].subjects["debtor"]
    (record,) = truth(city.departments.population, subject)[RESOURCE]
    answer = asked(county, subject, "report_no", "penalty_reason")
    fields = answer["fields"]
    number = fields[f"{RESOURCE}[].report_no"]
    assert (number["state"], number["value"]) == ("ok", [record.values["report_no"]])
    assert fields[f"{RESOURCE}[].penalty_reason"]["value"] == ["未按规定公示年度报告"]
    assert number["provenance"]["authority"] == "xinxiang/市公共信用信息平台"
    assert number["provenance"]["via"] == [city.origin]
    document = county.client.get(f"/v1/receipts/{answer['receipt']}")
    key = county.context.vault.public_key
    assert verify_receipt(json.dumps(document).encode(), trusted_key=key).verdict is Verdict.PASSED


def test_no_penalty_is_no_record(city: City, county: RunningHub) -> None:
    """Said by the platform, passed by two hubs, and still not an empty value."""
    subject = city.departments.population.personas["to-deregister"].subjects["enterprise"]
    assert truth(city.departments.population, subject)[RESOURCE] == ()
    answer = asked(county, subject, "report_no")
    assert answer["fields"][f"{RESOURCE}[].report_no"]["state"] == "not_found"


@pytest.mark.parametrize("fault", [Fault.MAINTENANCE, Fault.RESET, Fault.WRONG_SCHEMA])
def test_what_is_wrong_behind_the_city_is_told_as_such(
    city: City, county: RunningHub, fault: Fault
) -> None:
    """An error of the platform is an error here, never “no record”, and over when it is over."""
    subject = city.departments.population.personas["bankrupt"].subjects["debtor"]
    city.departments.fault("credit", fault)
    field = asked(county, subject, "report_no")["fields"][f"{RESOURCE}[].report_no"]
    assert (field["state"], field.get("value")) == ("source_error", None)
    assert field["why"].startswith("hub.")
    city.departments.clear()
    field = asked(county, subject, "report_no")["fields"][f"{RESOURCE}[].report_no"]
    assert field["state"] == "ok"


def test_without_a_city_the_sandbox_still_serves_the_county(city: City, tmp_path: Path) -> None:
    """Its own variables let everything connect; credit alone is not to be had."""
    subject = city.departments.population.personas["bankrupt"].subjects["debtor"]
    (reply,) = asyncio.run(replies("xinxiang", city.departments.environment, [subject]))
    assert (reply.outcome, reply.records) == (Outcome.UNREACHABLE, ())
    assert not list(tmp_path.iterdir())


def test_another_citys_key_proves_nothing(city: City) -> None:
    """The pinned key is what an answer is believed by."""
    other = json.loads(city.variables["CITY_HUB_EVIDENCE_KEY"]) | {"key": "A" * 43 + "="}
    variables = {**city.variables, "CITY_HUB_EVIDENCE_KEY": json.dumps(other)}
    subject = city.departments.population.personas["bankrupt"].subjects["debtor"]
    (reply,) = asyncio.run(replies("xinxiang", variables, [subject]))
    assert (reply.outcome, reply.records) == (Outcome.FAILED, ())
    assert str(reply.why).endswith("receipt-invalid")


def test_the_city_knows_the_counties_and_its_one_source(city: City) -> None:
    """One caller a county, all with the same right; its log names no enterprise's penalties."""
    assert {each.name for each in (city.folder / "counties").iterdir()} == set(
        load(COUNTIES).counties
    )
    for county in (city.folder / "counties").iterdir():
        assert [each.name for each in (county / "sources").iterdir()] == ["credit.yaml"]
    written = (city.folder / "hub.log").read_text(encoding="utf-8")
    assert "request" in written
    assert "未按规定公示年度报告" not in written
    assert CLIENT_SUFFIX == "-hub"


def _ended(pid: int) -> bool:
    """Is that process gone, or dead and only not yet buried?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_serves_with_a_sandbox_leaves_nobody_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    """`mianti serve --sandbox`: the sandbox and the city's hub start with it and end with it."""
    url = free_address()
    environment = {
        **os.environ, "MIANTI_DATA_DIR": str(tmp_path / "hub"), "MIANTI_PUBLIC_URL": url,
        "MIANTI_PORT": url.rpartition(":")[2], "MIANTI_COUNTIES_DIR": str(COUNTIES),
    }  # fmt: skip
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "serve", "--sandbox"],
            env=environment, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz", trust_env=False).status_code == httpx2.codes.OK:
                break
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    pids = [int(each) for each in children.split()]
    assert len(pids) == 2
    assert (tmp_path / "hub" / "city" / "hub.log").exists()
    process.send_signal(number)
    process.wait(30)
    while not all(map(_ended, pids)):
        assert time.monotonic() < until, "somebody is still there"
        time.sleep(0.05)
