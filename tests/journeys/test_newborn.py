"""A newborn has no number yet: it is asked about under its mother's, and under nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from adapters.sandbox import truth
from hub.receipts import Verdict, verify_receipt
from tests.journeys.conftest import County

WANT = ["birth.certificate.certificate_no", "birth.certificate.weight_g"]


def ask(county: County, id_type: str, number: str, kind: str = "person") -> dict[str, Any]:
    """Ask for the birth certificate."""
    body = {
        "subject": {"kind": kind, "id_type": id_type, "id": number},
        "basis": {"item": "xinxiang-10", "case": "C-9", "kind": "statutory"},
        "want": WANT,
    }
    return county.hub.client.post("/v1/queries", body)


def test_the_mothers_number_finds_the_certificate(county: County) -> None:
    """Every field is the truth's, and the receipt holds without naming her."""
    persona = county.departments.population.personas["newborn"]
    (certificate,) = truth(county.departments.population, persona.subjects["mother"])[
        "birth.certificate"
    ]
    mother = persona.subjects["mother"].number
    answer = ask(county, "mother-citizen-id", mother)
    assert {path: each["value"] for path, each in answer["fields"].items()} == {
        path: certificate.values[path.rpartition(".")[2]] for path in WANT
    }
    document = county.hub.client.get(f"/v1/receipts/{answer['receipt']}")
    key = base64.b64decode(county.hub.client.get("/v1/evidence/key")["key"])
    assert verify_receipt(json.dumps(document).encode(), trusted_key=key).verdict is Verdict.PASSED
    assert mother not in json.dumps(document)


def test_a_number_of_ones_own_is_no_key_to_it(county: County) -> None:
    """Who asks by the child's number is told by which it can be asked: nobody was asked, so that it
    is not said that there is no record.
    """
    family = county.departments.population.personas["complete"].subjects
    answer = ask(county, "citizen-id", family["child"].number)
    assert {each["state"] for each in answer["fields"].values()} == {"not_applicable"}
    assert {each["why"] for each in answer["fields"].values()} == {"exchange.key-unknown"}


@pytest.mark.parametrize(
    ("number", "kind"), [("990101199001010018", "person"), ("990101199001010019", "organisation")]
)
def test_it_has_to_be_a_persons_number(county: County, number: str, kind: str) -> None:
    """Check digits are looked at as with any citizen number, and an organisation has no mother."""
    with pytest.raises(httpx2.HTTPStatusError) as refused:
        ask(county, "mother-citizen-id", number, kind)
    assert refused.value.response.status_code == 422
    assert number not in refused.value.response.text
