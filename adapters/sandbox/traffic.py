"""The traffic police: vehicles and driving licences, SOAP behind the national gateway.

The number plate comes without the province, which stands in another field; times are fourteen
digits; what an owner of a truck calls tons are kilograms. Success is Code 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.documents import parse_xml
from adapters.errors import SourceAnswerInvalid
from adapters.sandbox import motoring
from adapters.sandbox.faults import Misbehaviour
from adapters.sandbox.population import Population
from adapters.sandbox.soap import SOAP, envelope, response
from adapters.sandbox.spelling import Spelling

WSDL = Path(__file__).with_name("traffic.wsdl")
PATH = "/gateway/httpproxy/clxxgx"
_NAMESPACE = "urn:sandbox:clxxgx"
_MEDIA_TYPE = "text/xml; charset=utf-8"

_VEHICLE = Spelling(
    day="%Y%m%d000000",
    names={
        "plate_no": "HPHM", "plate_kind": "HPZL", "vehicle_type": "CLLX", "brand_model": "CLPP1",
        "owner_name": "SYR", "owner_code": "SFZMHM", "vin": "CLSBDH", "engine_no": "FDJH",
        "use_nature": "SYXZ", "seats": "HDZK", "gross_mass": "ZZL", "curb_mass": "ZBZL",
        "load_mass": "HDZZL", "length_mm": "CWKC", "width_mm": "CWKK", "height_mm": "CWKG",
        "axles": "ZS", "fuel": "RLZL", "wheelbase_mm": "ZJ", "first_registered": "CCDJRQ",
        "inspection_valid_to": "YXQZ", "compulsory_insurance_to": "BXZZRQ",
        "scrap_date": "QZBFQZ", "purchase_price": "GCJK", "mortgaged": "DYBJ", "state": "ZT",
    },
)  # fmt: skip
_LICENCE = Spelling(
    day="%Y-%m-%d 00:00:00.0",
    names={
        "licence_no": "sfzmhm", "file_no": "dabh", "name": "xm", "class": "zjcx",
        "first_issue_date": "cclzrq", "valid_from": "yxqs", "valid_to": "yxqz",
        "issuer": "fzjg", "state": "zt", "penalty_points": "ljjf",
        "full_points_cycles": "mfjl",
    },
)  # fmt: skip


_envelope = partial(envelope, charset="UTF-8")


def _reply(method: str, code: str, message: str, rows: str = "") -> bytes:
    return _envelope(response(_NAMESPACE, method, code, message, rows))


MISBEHAVIOUR = Misbehaviour(
    media_type=_MEDIA_TYPE,
    charset="utf-8",
    wrong_schema=_envelope("<greeting>您好</greeting>"),
    error=_reply("Query", "9", "六合一平台异常"),
    maintenance=_reply("Query", "8", "平台升级维护中"),
)


def app(population: Population) -> ASGIApp:
    """The service behind the gateway."""

    async def query(request: Request) -> Response:
        try:
            question = _question(await request.body())
        except SourceAnswerInvalid:
            return Response(_FAULT, status_code=500, media_type=_MEDIA_TYPE)
        return Response(_answered(population, question), media_type=_MEDIA_TYPE)

    return Starlette(routes=[Route(PATH, query, methods=["POST"])])


_FAULT = _envelope(
    "<soapenv:Fault><faultcode>soapenv:Client</faultcode>"
    "<faultstring>请求报文格式错误</faultstring></soapenv:Fault>"
)


def _question(body: bytes) -> etree._Element:
    found = parse_xml(body).find(f"{{{SOAP}}}Body/{{{_NAMESPACE}}}QueryRequest")
    if found is None:
        raise SourceAnswerInvalid("no-question")
    return found


def _answered(population: Population, question: etree._Element) -> bytes:
    method, code = (question.findtext(name) or "" for name in ("Method", "SFZMHM"))
    person, enterprise = population.person(code), population.enterprise_of(code)
    match method:
        case "QueryVehicle":
            found = motoring.cars(population, person) if person else ()
            found += motoring.lorries(population, enterprise) if enterprise else ()
            rows = "".join(map(_row, map(_split, _VEHICLE.rows(found))))
        case "QueryDriver":
            told = motoring.licence(population, person) if person else ()
            rows = "".join(map(_row, _LICENCE.rows(told)))
        case _:
            return _reply(method, "7", "未知的方法")
    return _reply(method, "1", "成功", rows)


def _split(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plate as the police keep it; the whole stands beside it since the interface's second
    version.
    """
    plate = str(row["HPHM"])
    return {**row, "FZJG": plate[:2], "HPHM": plate[1:], "HPHMQ": plate}


def _row(row: Mapping[str, Any]) -> str:
    fields = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in row.items())
    return f"<Row>{fields}</Row>"
