"""The tax office: REST that answers in XML, behind a token desk that knows its clients by key.

Success is always 0000; that a taxpayer does not exist, only the message says. Yes and no are Y and N.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.model import Record
from adapters.sandbox import standing
from adapters.sandbox.county import County
from adapters.sandbox.enterprises import Enterprise
from adapters.sandbox.faults import Misbehaviour
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling

Facts = Callable[[County, Enterprise], tuple[Record, ...]]
TOKEN_PATH = "/oauth2/token"  # noqa: S105 -- a path
_NAMES_OF_REGISTRATION = {
    "taxpayer_no": "NSRSBH", "taxpayer_name": "NSRMC", "authority": "ZGSWJMC",
    "state": "NSRZTDM", "general_taxpayer": "YBNSRBZ", "registered_address": "ZCDZ",
    "business_address": "SCJYDZ", "finance_contact": "CWFZRXM",
    "finance_contact_id": "CWFZRZJHM", "finance_contact_mobile": "CWFZRYDDH",
    "tax_agent": "BSRXM", "accounting_system": "KJZDZZ", "bank_name": "KHYH",
    "bank_account": "YHZH", "control_device": "SKSBLX", "invoice_quota": "FPED",
    "unused_invoices": "JCFS",
}  # fmt: skip
_NAMES_OF_COMPLIANCE = {
    "has_arrears": "SFQS", "arrears_amount": "QSYE", "paid_amount": "YJSE",
    "credit_grade": "XYJB", "has_violation": "WFBZ", "unfiled_periods": "WSBQS",
    "clearance_no": "QSWSH", "clearance_date": "QSRQ", "cleared": "JQBZ",
}  # fmt: skip
_REGISTRATION = Spelling(day="%Y%m%d", yes="Y", no="N", names=_NAMES_OF_REGISTRATION)
_COMPLIANCE = Spelling(day="%Y%m%d", yes="Y", no="N", names=_NAMES_OF_COMPLIANCE)
_MEDIA_TYPE = "application/xml; charset=utf-8"


def _document(code: str, message: str, rows: Mapping[str, Any] | None = None) -> bytes:
    inner = ""
    if rows is not None:
        fields = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in rows.items())
        inner = f"<row>{fields}</row>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><response>'
        f"<returnCode>{code}</returnCode><returnMessage>{message}</returnMessage>"
        f"<data>{inner}</data></response>"
    ).encode()


MISBEHAVIOUR = Misbehaviour(
    media_type=_MEDIA_TYPE,
    charset="utf-8",
    wrong_schema="<response><greeting>您好</greeting></response>".encode(),
    error=_document("9999", "系统异常"),
    maintenance=_document("8888", "征期结束维护中"),
)


def app(population: Population) -> ASGIApp:
    """The service behind the token desk."""

    def told(facts: Facts, spelling: Spelling) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            enterprise = population.enterprise_of(request.query_params.get("nsrsbh", ""))
            if enterprise is None:
                return _told(None)
            (record,) = facts(population, enterprise)
            return _told(spelling.row(record.values))

        return answer

    registered = told(standing.taxpayer, _REGISTRATION)
    complied = told(standing.compliance, _COMPLIANCE)
    return Starlette(routes=[Route("/swzj/djxx", registered), Route("/swzj/nsqk", complied)])


def _told(row: Mapping[str, Any] | None) -> Response:
    message = "成功" if row is not None else "纳税人不存在"
    return Response(_document("0000", message, row), media_type=_MEDIA_TYPE)
