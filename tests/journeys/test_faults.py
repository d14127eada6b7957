"""Every fault of every department, through the whole hub: what it costs, and what it must not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from adapters.sandbox import NAMES, Fault
from hub.receipts import Verdict, verify_receipt
from tests.journeys.conftest import County

RESOURCE_OF = {
    "hukou": "hukou.person",
    "realestate": "realestate.ownership",
    "social-insurance": "social-insurance.payment-history",
    "immunization": "immunization.record",
    "residence-permit": "residence-permit.status",
}
FIELDS = {
    "hukou": ("name", "hukou_address"),
    "realestate": ("certificate_no", "location"),
    "social-insurance": ("total_months", "last_paid_period"),
    "immunization": ("child_name", "birth_date"),
    "residence-permit": ("permit_no", "residence_address"),
}
ABOUT = {
    "hukou": ("from-elsewhere", "applicant"),
    "realestate": ("complete", "applicant"),
    "social-insurance": ("from-elsewhere", "applicant"),
    "immunization": ("from-elsewhere", "child"),
    "residence-permit": ("from-elsewhere", "applicant"),
}
"""Department → whom to ask it about, so that it has something to say."""

STATE_OF = {
    Fault.SLOW: "ok",
    Fault.HANG: "timed_out",
    **dict.fromkeys(
        (
            Fault.RESET, Fault.HALF_BODY, Fault.GARBAGE, Fault.WRONG_SCHEMA, Fault.ERROR_200,
            Fault.WRONG_ENCODING, Fault.XML_BOMB, Fault.REDIRECT, Fault.HUGE, Fault.STATUS_500,
            Fault.REFUSE,
        ),
        "source_error",
    ),
}  # fmt: skip
WANT = [f"{RESOURCE_OF[name]}[].{field}" for name in NAMES for field in FIELDS[name]]


def ask(county: County, department: str, deadline_ms: int = 10_000) -> dict[str, Any]:
    """Ask all five about the one of whom `department` knows something."""
    persona, role = ABOUT[department]
    subject = county.departments.population.personas[persona].subjects[role]
    body = {
        "subject": {
            "kind": "person", "id_type": "citizen-id", "id": subject.number, "name": subject.name,
        },
        "basis": {"item": "xinxiang-10", "case": "C-1", "kind": "statutory"},
        "want": WANT,
        # A kept answer would hide the fault, as it should.
        "freshness": {"max_age": "PT0.000001S"},
        "deadline_ms": deadline_ms,
    }  # fmt: skip
    return county.hub.client.post("/v1/queries", body)


def said(field: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a field says, without the moment."""
    return field["state"], field.get("value"), field.get("why"), field.get("odd")


def fields_of(answer: Mapping[str, Any], department: str) -> dict[str, tuple[Any, ...]]:
    """Path → what is said, of one department."""
    mine = f"{RESOURCE_OF[department]}["
    return {path: said(each) for path, each in answer["fields"].items() if path.startswith(mine)}


@pytest.fixture(autouse=True)
def repaired(county: County) -> Iterator[None]:
    """Every department works again afterwards."""
    yield
    county.departments.clear()


def test_every_fault_has_an_expectation() -> None:
    """A new fault or department cannot be added without saying what it should look like."""
    assert set(STATE_OF) == set(Fault)
    assert set(RESOURCE_OF) == set(ABOUT) == set(NAMES)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("department", NAMES)
def test_a_fault_costs_only_its_own_fields(county: County, department: str, fault: Fault) -> None:
    """An answer while the department still fails; each path once; the others as ever; a receipt;
    a whole log without a number, a name or a key; and all is well once the department is.
    """
    before = ask(county, department)
    assert {state for state, *_ in fields_of(before, department).values()} == {"ok"}
    county.departments.fault(department, fault, 50)
    answer = ask(county, department, 600 if fault is Fault.HANG else 10_000)

    assert list(answer["fields"]) == WANT
    mine = fields_of(answer, department)
    assert {state for state, *_ in mine.values()} == {STATE_OF[fault]}
    for path, (state, value, why, _) in mine.items():
        assert (value is None) == (state != "ok"), path
        assert (why is None) == (state == "ok"), path
    for other in set(NAMES) - {department}:
        assert fields_of(answer, other) == fields_of(before, other)
    assert answer["outcome"] == ("complete" if fault is Fault.SLOW else "partial")
    _is_proven(county, answer)
    county.departments.clear()
    again = ask(county, department)
    assert {path: said(each) for path, each in again["fields"].items()} == {
        path: said(each) for path, each in before["fields"].items()
    }


def _is_proven(county: County, answer: Mapping[str, Any]) -> None:
    document = county.hub.client.get(f"/v1/receipts/{answer['receipt']}")
    key = base64.b64decode(county.hub.client.get("/v1/evidence/key")["key"])
    leaf = json.loads(document["leaf"])

    assert verify_receipt(json.dumps(document).encode(), trusted_key=key).verdict is Verdict.PASSED
    assert set(leaf["body"]["fields"]) == set(WANT)
    assert county.hub.log.audit() == []
    seen = county.hub.lines() + document["leaf"]
    assert [secret for secret in county.secrets() if secret in seen] == []


def test_all_departments_down_is_an_answer_too(county: County) -> None:
    """Nothing is known, each path says why, and the log says that it was asked."""
    for department, fault in zip(NAMES, (Fault.HANG, Fault.REFUSE, Fault.RESET), strict=False):
        county.departments.fault(department, fault)
    for department in NAMES[3:]:
        county.departments.fault(department, Fault.GARBAGE)
    answer = ask(county, "hukou", 600)

    assert list(answer["fields"]) == WANT
    assert {each["state"] for each in answer["fields"].values()} == {"timed_out", "source_error"}
    _is_proven(county, answer)
