"""The market regulator's business registry: REST behind OAuth 2.0, whose tokens count in minutes.

Capital is in ten thousands with six decimals, days come with a midnight, and what has no end is an
empty string.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.model import Record
from adapters.sandbox.faults import Misbehaviour, json_misbehaviour
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling, answer
from adapters.sandbox.standing import registration

TOKEN_PATH = "/rest/oauth2/token"  # noqa: S105 -- a path
MISBEHAVIOUR: Misbehaviour = json_misbehaviour(
    {"code": "500", "msg": "数据中心异常", "data": None},
    {"code": "503", "msg": "数据中心维护中", "data": None},
)

_SPELLING = Spelling(
    day="%Y-%m-%d 00:00:00",
    names={
        "uscc": "UNISCID", "name": "ENTNAME", "enterprise_type": "ENTTYPE",
        "legal_rep_name": "LEREP", "legal_rep_id_number": "CERNO",
        "registered_capital": "REGCAP", "established_on": "ESTDATE", "term_from": "OPFROM",
        "term_to": "OPTO", "address": "DOM", "scope": "OPSCOPE", "industry": "INDUSTRYPHY",
        "registrar": "REGORG", "approved_on": "APPRDATE", "contact_name": "LIANAME",
        "contact_mobile": "LIAMOBTEL", "state": "REGSTATE",
        "investor_name": "INV", "investor_share": "SUBCONPROP",
    },
)  # fmt: skip


def app(population: Population) -> ASGIApp:
    """The registry behind the token desk."""

    async def registered(request: Request) -> Response:
        uscc = request.query_params.get("uniscid", "")
        if len(uscc) != 18:
            return answer({"code": "400", "msg": "统一社会信用代码有误", "data": None})
        enterprise = population.enterprise_of(uscc)
        found = registration(population, enterprise) if enterprise else ()
        return answer({"code": "200", "msg": "成功", "data": [_row(each) for each in found]})

    return Starlette(routes=[Route("/rest/scjg/djxx", registered)])


def _row(record: Record) -> dict[str, Any]:
    return {
        **_SPELLING.row(record.values),
        "TZR": [_SPELLING.row(line) for line in record.lines],
    }
