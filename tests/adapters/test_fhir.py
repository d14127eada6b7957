"""FHIR: searches, pages, and the document the mapping sees."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapters.model import Outcome, SourceReply
from tests.adapters.dialects import FHIR, PATIENT, bundle
from tests.adapters.servers import Behaviour, Request, http, serve
from tests.adapters.small import ID_NUMBER, call, connected

pytestmark = pytest.mark.anyio

OUTCOME = json.dumps({"resourceType": "OperationOutcome", "issue": [{"diagnostics": ID_NUMBER}]})


def dose(number: int, when: str) -> dict[str, object]:
    """One Immunization, coded twice as such systems do."""
    codes = [{"system": "urn:province", "code": "1402"}, {"system": "urn:gb", "code": "MMR"}]
    return {
        "resourceType": "Immunization", "id": f"i{number}", "vaccineCode": {"coding": codes},
        "protocolApplied": [{"doseNumberPositiveInt": number}], "occurrenceDateTime": when,
    }  # fmt: skip


def answers(**by_path: str | bytes) -> Behaviour:
    """Answer by the last part of the path; `page2` answers whatever has a page in its query."""

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        at = urlsplit(request.target)
        name = "page2" if "page=2" in at.query else at.path.rpartition("/")[2]
        found = by_path.get(name, http(OUTCOME, status="404 Not Found"))
        writer.write(http(found) if isinstance(found, str) else found)

    return behaviour


async def asked(folder: Path, behaviour: Behaviour) -> tuple[SourceReply, list[Request]]:
    """Ask for the child's doses."""
    async with serve(behaviour) as server:
        county = connected(folder, {"URL": server.url, "TOKEN": "t"}, immunization=FHIR)
        reply = await county.sources["immunization"].answer(call("immunization.record"), within=3)
        await county.aclose()
    return reply, server.requests


async def test_pages_and_searches_become_one_record(tmp_path: Path) -> None:
    """Head from the Patient, lines from all pages; the code of the wanted system is taken; a month
    without a day stays a month.
    """
    first = bundle(dose(1, "2018-07"), following="/fhir/Immunization?page=2&_x=a&_x=b")
    reply, requests = await asked(
        tmp_path,
        answers(Patient=bundle(PATIENT), Immunization=first, page2=bundle(dose(2, "2019-12-05"))),
    )
    assert reply.outcome is Outcome.ANSWERED, reply
    assert dict(reply.records[0].values) == {
        "child_name": "赵小样", "birth_date": "2018-06-01", "certificate_no": "9901",
    }  # fmt: skip
    assert [dict(line) for line in reply.records[0].lines] == [
        {"vaccine": "MMR", "dose_number": 1, "occurrence_date": "2018-07"},
        {"vaccine": "MMR", "dose_number": 2, "occurrence_date": "2019-12-05"},
    ]
    asked_for = {urlsplit(r.target).path: parse_qsl(urlsplit(r.target).query) for r in requests[:2]}
    assert asked_for == {
        "/fhir/Patient": [("identifier", f"urn:id|{ID_NUMBER}")],
        "/fhir/Immunization": [("patient.identifier", ID_NUMBER), ("status", "completed")],
    }
    assert parse_qsl(urlsplit(requests[2].target).query) == [
        ("page", "2"),
        ("_x", "a"),
        ("_x", "b"),
    ]
    assert {request.headers["authorization"] for request in requests} == {"Bearer t"}


OUTCOMES: dict[str, tuple[Behaviour, Outcome, str | None]] = {
    "no such Patient": (answers(Immunization=bundle()), Outcome.NO_RECORD, None),
    "a Patient without doses": (
        answers(Patient=bundle(PATIENT), Immunization=bundle()), Outcome.ANSWERED, None,
    ),
    "an empty search the manifest does not call empty": (
        answers(Patient=bundle(), Immunization=bundle()), Outcome.FAILED, "fhir.nothing-mapped",
    ),
    "no Bundle": (
        answers(Patient=json.dumps(PATIENT), Immunization=bundle()), Outcome.FAILED,
        "fhir.not-a-bundle",
    ),
    "OperationOutcome in 200": (
        answers(Patient=OUTCOME, Immunization=bundle()), Outcome.FAILED, "fhir.not-a-bundle",
    ),
    "one search fails": (
        answers(Patient=bundle(PATIENT), Immunization=http(OUTCOME, status="500 Error")),
        Outcome.FAILED, "fhir.status-500",
    ),
    "next page on another host": (
        answers(Patient=bundle(PATIENT, following="http://127.0.0.1:9/fhir/Patient?page=2"),
                Immunization=bundle()),
        Outcome.FAILED, "fhir.next-elsewhere",
    ),
    "next page above the base": (
        answers(Patient=bundle(PATIENT, following="/admin?page=2"), Immunization=bundle()),
        Outcome.FAILED, "fhir.next-elsewhere",
    ),
    "next page climbing out": (
        answers(Patient=bundle(PATIENT, following="/fhir/../admin?page=2"), Immunization=bundle()),
        Outcome.FAILED, "fhir.next-elsewhere",
    ),
    "pages without end": (
        answers(Patient=bundle(PATIENT), Immunization=bundle(following="/fhir/Immunization?page=2"),
                page2=bundle(following="/fhir/Immunization?page=2")),
        Outcome.FAILED, "fhir.too-many-pages",
    ),
    "entries that are none": (
        answers(Patient='{"resourceType":"Bundle","entry":[1]}', Immunization=bundle()),
        Outcome.FAILED, "fhir.not-a-bundle",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTCOMES)
async def test_answers_and_empties_stay_apart(tmp_path: Path, name: str) -> None:
    """404 is “no such child” because the manifest says so; everything odd is a failure."""
    behaviour, outcome, why = OUTCOMES[name]
    reply, _ = await asked(tmp_path, behaviour)
    assert (reply.outcome, reply.why) == (outcome, why)


async def test_what_is_included_on_every_page_counts_once(tmp_path: Path) -> None:
    """A Patient that the server includes with each page is one Patient."""
    manifest = FHIR.split("resources:")[0] + (
        "resources:\n  immunization.record:\n    ask: { search: Immunization, params: { patient: keys.id_number, "
        "_include: {const: 'Immunization:patient'} } }\n    answer:\n      empty_when: { total: 0 }\n"
        "      lines: Immunization\n      fields: { child_name: { at: 'Patient[1].name[0].text' }, "
        "certificate_no: { at: 'Patient[0].id' }, vaccine: { at: id } }\n"
    )
    page = bundle(PATIENT, dose(1, "2018"), following="/fhir/Immunization?page=2")
    async with serve(answers(Immunization=page, page2=bundle(PATIENT, dose(2, "2019")))) as server:
        county = connected(tmp_path, {"URL": server.url, "TOKEN": "t"}, immunization=manifest)
        reply = await county.sources["immunization"].answer(call("immunization.record"), within=3)
        await county.aclose()
    assert dict(reply.records[0].values) == {"child_name": None, "certificate_no": "p1"}
    assert [line["vaccine"] for line in reply.records[0].lines] == ["i1", "i2"]
