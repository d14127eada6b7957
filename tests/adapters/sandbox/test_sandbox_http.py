"""The four departments that speak HTTP, asked directly and with bad manners."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome

from adapters.platforms import opened_secret
from adapters.sandbox import Sandbox, Subject, sandbox
from adapters.sandbox.gateway import PREFIX, REFRESH, signed
from tests.adapters.sandbox import asking
from tests.adapters.sandbox.conftest import TODAY


def subject(running: Sandbox, persona: str, name: str = "applicant") -> Subject:
    """A subject of a persona."""
    return running.population.personas[persona].subjects[name]


# --- population service -----------------------------------------------------------------------


def test_hukou_answers_in_pinyin_and_gb18030(running: Sandbox) -> None:
    """Names are pinyin, dates compact, and a rare character survives its four bytes."""
    person = subject(running, "rare-character")
    code, result = asking.hukou(running, "QueryPerson", person.number, name=person.name)
    assert code == "000"
    assert result.findtext("Row/XM") == person.name
    assert result.findtext("Row/GMSFHM") == result.findtext("Row/SFZH") == person.number
    assert result.findtext("Row/CSRQ") == person.number[6:14]
    assert result.findtext("Row/XB") == "1"


def test_hukou_writes_words_for_those_of_the_other_county(running: Sandbox) -> None:
    """Sex and people are words there, as some places send them."""
    person = subject(running, "from-elsewhere")
    _, result = asking.hukou(running, "QueryPerson", person.number, name=person.name)
    assert (result.findtext("Row/XB"), result.findtext("Row/MZ")) == ("男", "汉")


@pytest.mark.parametrize(
    "user",
    ["", "<EndUser/>", "<EndUser><UserDept>县教体局</UserDept></EndUser>",
     "<EndUser><CallReason>入学</CallReason></EndUser>",
     "<EndUser><UserDept>县教体局</UserDept><CallReason>  </CallReason></EndUser>"],
)  # fmt: skip
def test_hukou_tells_nothing_to_whoever_does_not_say_why(running: Sandbox, user: str) -> None:
    """HTTP 200, Code 503, no rows."""
    person = subject(running, "complete")
    code, result = asking.hukou(running, "QueryPerson", person.number, name=person.name, user=user)
    assert (code, len(result)) == ("503", 0)


def test_hukou_knows_nobody_under_another_name(running: Sandbox) -> None:
    """Number and name have to agree; otherwise there is no such record."""
    person = subject(running, "complete")
    assert asking.hukou(running, "QueryPerson", person.number, name="王某")[0] == "000"
    assert len(asking.hukou(running, "QueryPerson", person.number, name="王某")[1]) == 0
    assert asking.hukou(running, "QueryPerson", person.number)[0] == "502"
    assert asking.hukou(running, "QueryNobody", person.number)[0] == "501"


@pytest.mark.parametrize(
    "body", [b"", b"<", b"<a/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff\xfe"]
)
def test_hukou_faults_on_what_is_no_question(running: Sandbox, body: bytes) -> None:
    """A SOAP Fault that blames the client, never an error of ours."""
    with asking.client() as http:
        response = http.post(running.environment["HUKOU_URL"], content=body)
    assert response.status_code == 500
    assert "soapenv:Client" in response.content.decode("gb18030")


def test_hukou_serves_its_description(running: Sandbox) -> None:
    """`?wsdl` is the file that the counties committed."""
    with asking.client() as http:
        response = http.get(running.environment["HUKOU_URL"], params={"wsdl": ""})
    assert b"RKXXGXService" in response.content


# --- gateway and real estate ------------------------------------------------------------------


def gateway_headers(running: Sandbox, secret: str, *, late_ms: int = 0) -> dict[str, str]:
    """Signed headers for the gateway."""
    known, moment = running.environment, str(int(time.time() * 1000) - late_ms)
    rid, sid = known["REALESTATE_RID"], known["REALESTATE_SID"]
    sign = signed(secret, rid, sid, moment)
    return {f"{PREFIX}{k}": v for k, v in
            {"rid": rid, "sid": sid, "rtime": moment, "sign": sign}.items()}  # fmt: skip


def refreshed(running: Sandbox, key: str | None = None, *, late_ms: int = 0) -> dict[str, object]:
    """The gateway's answer to a refresh signed with `key`."""
    known = running.environment
    headers = gateway_headers(running, key or known["REALESTATE_APP_KEY"], late_ms=late_ms)
    question = {name.removeprefix(PREFIX): value for name, value in headers.items()}
    with asking.client() as http:
        document: dict[str, object] = http.post(
            known["REALESTATE_URL"] + REFRESH, json=question
        ).json()
    return document


def secret(running: Sandbox) -> str:
    """A request secret."""
    data = refreshed(running)["data"]
    assert isinstance(data, dict)
    return opened_secret(running.environment["REALESTATE_APP_KEY"], data["secret"])


def owned(running: Sandbox, headers: dict[str, str], question: object) -> dict[str, object]:
    """The register's answer."""
    url = running.environment["REALESTATE_URL"] + "/gateway/httpproxy/bdc/qlxx"
    with asking.client() as http:
        response = http.post(url, json=question, headers=headers)
    assert response.status_code == 200
    document: dict[str, object] = response.json()
    return document


def test_gateway_lets_a_signed_question_through(running: Sandbox) -> None:
    """With a fresh secret the register answers, in its own words."""
    question = {"qlrzjh": subject(running, "complete").number}
    answer = owned(running, gateway_headers(running, secret(running)), question)
    assert (answer["code"], answer["total"]) == ("0000", 1)
    rows = answer["list"]
    assert isinstance(rows, list)
    assert rows[0]["JZMJ"].endswith("㎡")
    assert "/" in rows[0]["DBSJ"]


def test_gateway_refuses_what_is_not_signed_well(running: Sandbox) -> None:
    """Wrong key, wrong caller, a clock that is off, nothing at all: 200 with a code."""
    good = secret(running)
    question = {"qlrzjh": subject(running, "complete").number}
    cases: dict[str, tuple[dict[str, str], str]] = {
        "no headers": ({}, "-1"),
        "another caller": ({**gateway_headers(running, good), f"{PREFIX}rid": "x"}, "-1"),
        "ten minutes late": (gateway_headers(running, good, late_ms=600_000), "-1"),
        "ten minutes early": (gateway_headers(running, good, late_ms=-600_000), "-1"),
        "invented secret": (gateway_headers(running, "0" * 32), "E-106"),
        "long-term key": (
            gateway_headers(running, running.environment["REALESTATE_APP_KEY"]), "E-106"
        ),
        "no digits": ({**gateway_headers(running, good), f"{PREFIX}rtime": "now"}, "-1"),
    }  # fmt: skip
    for name, (headers, code) in cases.items():
        answer = owned(running, headers, question)
        assert (answer["code"], answer["data"]) == (code, None), name


def test_gateway_gives_secrets_to_the_holder_of_the_app_key_only(running: Sandbox) -> None:
    """A refresh signed with anything else gets E-106, a late one and a broken one -1."""
    assert refreshed(running, "0" * 32)["code"] == "E-106"
    assert refreshed(running, late_ms=600_000)["code"] == "-1"
    with asking.client() as http:
        for body in (b"", b"[]", b'{"rid": 1}', b"null"):
            response = http.post(running.environment["REALESTATE_URL"] + REFRESH, content=body)
            assert response.json()["code"] == "-1"


def test_gateway_secrets_end() -> None:
    """After its time a secret is refused with E-106, and a new one works."""
    with sandbox(today=TODAY, people=1, secret_seconds=0.2) as brief:
        question = {"qlrzjh": subject(brief, "complete").number}
        old = secret(brief)
        until = time.monotonic() + 5
        while owned(brief, gateway_headers(brief, old), question)["code"] == "0000":
            assert time.monotonic() < until, "the secret never ends"
            time.sleep(0.02)
        assert owned(brief, gateway_headers(brief, old), question)["code"] == "E-106"
        assert owned(brief, gateway_headers(brief, secret(brief)), question)["code"] == "0000"


@pytest.mark.parametrize("question", [{}, [], {"qlrzjh": ""}, None, {"qlrzjh": None}])
def test_the_register_wants_somebody_to_be_asked_about(running: Sandbox, question: object) -> None:
    """Without a number it says so."""
    answer = owned(running, gateway_headers(running, secret(running)), question)
    assert answer["code"] == "1001"


def test_old_certificates_have_the_numbers_of_their_time(running: Sandbox) -> None:
    """An owner registered long ago has 15 digits and no unit number."""
    known = running.population
    old = next(each for each in known.properties
               if each.old and each.owners[0].code[6:8] == "19")  # fmt: skip
    code = old.owners[0].code
    answer = owned(running, gateway_headers(running, secret(running)), {"qlrzjh": code})
    rows = answer["list"]
    assert isinstance(rows, list)
    row = next(each for each in rows if each["BDCQZH"] == old.certificate_no)
    assert row["QLRZJH"] == code[:6] + code[8:17]
    assert row["BDCDYH"] == ""


# --- immunization -----------------------------------------------------------------------------

SEARCHES = ("Patient", "Immunization", "ImmunizationRecommendation", "ImmunizationEvaluation")


@pytest.mark.parametrize("search", SEARCHES)
def test_every_bundle_is_valid_fhir(running: Sandbox, search: str) -> None:
    """Another implementation of R4B reads what is answered about a third of all children."""
    key = "identifier" if search == "Patient" else "patient_identifier"
    files = [each for each in running.population.files.values() if each.own_number_known]
    seen = 0
    for file in files[::3]:
        response = asking.fhir(
            running,
            f"/{search}",
            _count="50",
            **{key: f"urn:sandbox:citizen-id|{file.child.id_number}"},
        )
        bundle = Bundle.model_validate(response.json())
        assert bundle.type == "searchset"
        assert bundle.total == len(bundle.entry or [])
        for entry in bundle.entry or []:
            assert entry.resource.get_resource_type() == search
            seen += 1
    assert seen > 3


def test_pages_lead_to_everything_once(running: Sandbox) -> None:
    """Ten at a time, following `next`, gives each dose once and in order."""
    child = subject(running, "complete", "child")
    response = asking.fhir(running, "/Immunization", patient_identifier=child.number)
    found: list[str] = []
    pages = 0
    while True:
        bundle = response.json()
        pages += 1
        found += [each["resource"]["id"] for each in bundle["entry"]]
        links = {each["relation"]: each["url"] for each in bundle["link"]}
        assert len(bundle["entry"]) <= 10
        if "next" not in links:
            break
        assert parse_qs(urlsplit(links["next"]).query)["patient.identifier"] == [child.number]
        response = asking.fhir(running, links["next"])
    doses = running.population.files[child.number].doses
    assert pages == 3
    assert len(set(found)) == len(found) == len(doses) == bundle["total"]


def test_no_file_and_no_doses_are_different_answers(running: Sandbox) -> None:
    """A child nobody filed is 404 with an OperationOutcome; one without doses is total 0."""
    nobody = subject(running, "no-record", "child").number
    missing = asking.fhir(running, "/Immunization", patient_identifier=nobody)
    assert missing.status_code == 404
    assert OperationOutcome.model_validate(missing.json()).issue[0].code == "not-found"
    filed = subject(running, "no-doses", "child").number
    empty = asking.fhir(running, "/Immunization", patient_identifier=filed)
    assert (empty.status_code, empty.json()["total"]) == (200, 0)
    assert "entry" not in empty.json()


def test_a_refused_dose_is_not_done(running: Sandbox) -> None:
    """It is listed with its own status, and left out where only given doses are asked for."""
    child = subject(running, "refused-dose", "child").number
    everything = asking.fhir(running, "/Immunization", patient_identifier=child, _count="50").json()
    given = asking.fhir(
        running, "/Immunization", patient_identifier=child, _count="50", status="completed"
    ).json()
    states = [each["resource"]["status"] for each in everything["entry"]]
    assert states.count("not-done") == 1
    assert given["total"] == everything["total"] - 1


def test_a_newborn_is_filed_under_its_mother(running: Sandbox) -> None:
    """Before a child's own number is known, only the mother's identifier finds it."""
    file = next(each for each in running.population.files.values() if not each.own_number_known)
    assert file.mother is not None
    own = asking.fhir(running, "/Patient", identifier=file.child.id_number)
    assert own.status_code == 404
    key = f"urn:sandbox:mother-id|{file.mother.id_number}-1"
    assert asking.fhir(running, "/Patient", identifier=key).json()["total"] == 1


def test_the_registry_lets_in_its_own_token_only(running: Sandbox) -> None:
    """Anything else is 401, and no search without somebody to search for."""
    child = subject(running, "complete", "child").number
    for token in ("x", "é", running.environment["IMMUNIZATION_TOKEN"][:-1]):
        response = asking.fhir(running, "/Patient", token, identifier=child)
        assert response.status_code == 401
        OperationOutcome.model_validate(response.json())
    assert asking.fhir(running, "/Patient").status_code == 400


# --- residence permits ------------------------------------------------------------------------


def test_permits_come_as_a_list_with_midnights(running: Sandbox) -> None:
    """Two permits are two rows, the first of them lapsed."""
    person = subject(running, "two-permits")
    answer = asking.permits(running, asking.permit_headers(running), gmsfhm=person.number)
    assert (answer["code"], len(answer["data"])) == ("0", 2)
    assert all(each["qzyxq"].endswith(" 00:00:00") for each in answer["data"])
    assert answer["data"][0]["qzyxq"] < TODAY.isoformat() < answer["data"][1]["qzyxq"]


def test_whoever_has_no_permit_is_an_empty_list(running: Sandbox) -> None:
    """So is somebody asked about under another name."""
    headers = asking.permit_headers(running)
    local = subject(running, "complete").number
    away = subject(running, "from-elsewhere").number
    assert asking.permits(running, headers, gmsfhm=local)["data"] == []
    assert asking.permits(running, headers, gmsfhm=away, xm="王某")["data"] == []
    assert asking.permits(running, headers, gmsfhm="123")["code"] == "400"


def test_unsigned_questions_are_refused_inside_http_200(running: Sandbox) -> None:
    """No headers, another key, another path, an old timestamp: code 401 and no data."""
    number = subject(running, "from-elsewhere").number
    good = asking.permit_headers(running)
    cases = {
        "nothing": {},
        "another caller": {**good, "X-Key-Id": "other"},
        "another sign": {**good, "X-Sign": "0" * 64},
        "no sign": {k: v for k, v in good.items() if k != "X-Sign"},
        "sign of another path": asking.permit_headers(running, "/other"),
        "ten minutes late": asking.permit_headers(running, late_ms=600_000),
        "no time": {**good, "X-Timestamp": "now"},
    }
    for name, headers in cases.items():
        answer = asking.permits(running, headers, gmsfhm=number)
        assert (answer["code"], answer["data"]) == ("401", None), name
