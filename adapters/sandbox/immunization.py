"""The immunization registry: a FHIR R4 server with four searches.

Searches are by the child's identifier. A child nobody filed is HTTP 404 with an OperationOutcome; a
child without doses is a Bundle with total 0: the two mean different things. Bundles come in pages
of ten. Vaccines carry the national code and the province's older one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.sandbox.doses import PROVINCE_CODES, Dose, File, Missing
from adapters.sandbox.faults import Misbehaviour
from adapters.sandbox.names import MALE
from adapters.sandbox.population import Population

PAGE = 10
MOST = 50
"""Largest page a caller may ask for."""

CITIZEN_ID = "urn:sandbox:citizen-id"
MOTHER_ID = "urn:sandbox:mother-id"
"""Mother's number, a hyphen and the count of her births: how newborns are filed."""
CERTIFICATE = "urn:sandbox:vaccination-certificate"
VACCINE = "urn:sandbox:nip-vaccine"
PROVINCE_VACCINE = "urn:sandbox:province-vaccine"
ENTRY_CHECK = "urn:sandbox:entry-check"

Resource = dict[str, Any]
_MEDIA_TYPE = "application/fhir+json; charset=utf-8"


def _outcome(code: str, text: str) -> Resource:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _json(resource: Resource) -> bytes:
    return json.dumps(resource, ensure_ascii=False).encode()


MISBEHAVIOUR = Misbehaviour(
    media_type=_MEDIA_TYPE,
    charset="utf-8",
    wrong_schema=_json({"resourceType": "Basic", "id": "1", "code": {"text": "您好"}}),
    error=_json(_outcome("exception", "后台服务不可用")),
)


def app(population: Population, token: str) -> ASGIApp:
    """The registry.

    Args:
        population: Whose children.
        token: The bearer token that is let in.
    """
    files = _index(population)

    def search(kind: str, make: Callable[[File, Mapping[str, str]], list[Resource]]) -> Route:
        async def found(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return _response(401, _outcome("login", "访问令牌无效"))
            query = request.query_params
            key = query.get("identifier") or query.get("patient.identifier") or ""
            if not key:
                return _response(400, _outcome("required", "缺少查询条件 identifier"))
            file = files.get(key)
            if file is None:
                return _response(404, _outcome("not-found", "无此受种者"))
            return _page(request, kind, make(file, query))

        return Route(f"/{kind}", found)

    return Starlette(
        routes=[
            search("Patient", lambda file, _: [_patient(file)]),
            search("Immunization", _immunizations),
            search("ImmunizationRecommendation", lambda file, _: _recommendations(file)),
            search("ImmunizationEvaluation", lambda file, _: _evaluations(file)),
        ]
    )


def _index(population: Population) -> Mapping[str, File]:
    """Token (`system|value`, or the value alone) → file."""
    found: dict[str, File] = {}
    for file in population.files.values():
        for each in _identifiers(file):
            found[f"{each['system']}|{each['value']}"] = found[each["value"]] = file
    return found


def _response(status: int, resource: Resource) -> Response:
    return Response(_json(resource), status_code=status, media_type=_MEDIA_TYPE)


def _page(request: Request, kind: str, resources: Sequence[Resource]) -> Response:
    """One page of a searchset, with a link to the next."""
    query = dict(request.query_params)
    size = min(_whole(query.get("_count"), PAGE) or PAGE, MOST)
    start = _whole(query.get("_offset"), 0)
    base = f"{request.url.scheme}://{request.url.netloc}/{kind}"
    links = [{"relation": "self", "url": f"{base}?{urlencode(query)}"}]
    if start + size < len(resources):
        following = {**query, "_offset": str(start + size)}
        links.append({"relation": "next", "url": f"{base}?{urlencode(following)}"})
    entries = [
        {"fullUrl": f"{base}/{each['id']}", "resource": each, "search": {"mode": "match"}}
        for each in resources[start : start + size]
    ]
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(resources),
                        "link": links}  # fmt: skip
    if entries:
        bundle["entry"] = entries
    return _response(200, bundle)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 6 else default


# --- resources --------------------------------------------------------------------------------


def _id(file: File) -> str:
    return f"p{file.child.serial}"


def _reference(file: File) -> Resource:
    return {"reference": f"Patient/{_id(file)}"}


def _identifiers(file: File) -> list[Resource]:
    """The child's own number, its certificate, and what it was first filed under."""
    rows = [{"system": CERTIFICATE, "value": file.certificate_no}]
    if file.own_number_known:
        rows.insert(0, {"system": CITIZEN_ID, "value": file.child.id_number})
    if file.mother:
        birth = file.child.role - 1
        rows.append({"system": MOTHER_ID, "value": f"{file.mother.id_number}-{birth}"})
    return rows


def _patient(file: File) -> Resource:
    child = file.child
    patient: Resource = {
        "resourceType": "Patient",
        "id": _id(file),
        "identifier": _identifiers(file),
        "active": True,
        "name": [{"use": "official", "text": child.name}],
        "gender": "male" if child.gender == MALE else "female",
        "birthDate": child.birth_date.isoformat(),
    }
    if file.guardian:
        patient["contact"] = [{"name": {"text": file.guardian.name}}]
    return patient


def _concept(vaccine: str) -> Resource:
    return {
        "coding": [
            {"system": PROVINCE_VACCINE, "code": PROVINCE_CODES[vaccine]},
            {"system": VACCINE, "code": vaccine},
        ]
    }


def _immunizations(file: File, query: Mapping[str, str]) -> list[Resource]:
    wanted = query.get("status")
    made = [_immunization(file, at, each) for at, each in enumerate(file.doses)]
    return [each for each in made if wanted in {None, each["status"]}]


def _immunization(file: File, at: int, dose: Dose) -> Resource:
    resource: Resource = {
        "resourceType": "Immunization",
        "id": f"{_id(file)}-{at}",
        "status": "not-done" if dose.refused else "completed",
        "vaccineCode": _concept(dose.vaccine),
        "patient": _reference(file),
        "occurrenceDateTime": dose.on,
        "location": {"display": dose.site},
        "protocolApplied": [{"doseNumberPositiveInt": dose.number}],
    }
    if dose.refused:
        resource["statusReason"] = {"text": "家长拒绝"}
    else:
        resource["lotNumber"] = dose.lot
    return resource


def _recommendations(file: File) -> list[Resource]:
    """One resource with all that is missing; none when nothing is."""
    if not file.missing:
        return []
    return [
        {
            "resourceType": "ImmunizationRecommendation",
            "id": f"{_id(file)}-r",
            "patient": _reference(file),
            "date": file.checked_on.isoformat(),
            "recommendation": [_recommendation(each) for each in file.missing],
        }
    ]


def _recommendation(missing: Missing) -> Resource:
    return {
        "vaccineCode": [_concept(missing.vaccine)],
        "forecastStatus": {"coding": [{"code": "overdue"}], "text": "逾期未种"},
        "dateCriterion": [{"code": {"text": "应种日期"}, "value": missing.due.isoformat()}],
        "doseNumberPositiveInt": missing.number,
    }


def _evaluations(file: File) -> list[Resource]:
    """The check at school entry (入学查验): its result has a code of the province's own."""
    complete = file.complete_for_entry
    standard = "http://terminology.hl7.org/CodeSystem/immunization-evaluation-dose-status"
    return [
        {
            "resourceType": "ImmunizationEvaluation",
            "id": f"{_id(file)}-e",
            "status": "completed",
            "patient": _reference(file),
            "date": file.checked_on.isoformat(),
            "targetDisease": {"text": "国家免疫规划疫苗可预防疾病"},
            "immunizationEvent": {"display": "入学预防接种查验"},
            "doseStatus": {
                "coding": [
                    {"system": standard, "code": "valid" if complete else "notvalid"},
                    {"system": ENTRY_CHECK, "code": "1" if complete else "0"},
                ],
                "text": "齐全" if complete else "不齐全",
            },
        }
    ]
