"""The housing fund: REST over mutual TLS, money in cents as text, closed from ten to six at night.

Nobody found is code 0 with 查无 and an empty object. The nightly close is `maintenance` here: HTTP
200 and code 9999.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.model import Record
from adapters.sandbox import cover
from adapters.sandbox.faults import Misbehaviour, json_misbehaviour
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling, answer

MISBEHAVIOUR: Misbehaviour = json_misbehaviour(
    {"code": "500", "msg": "核心系统异常", "data": {}},
    {"code": "9999", "msg": "日终处理中", "data": {}},
)

_ACCOUNT = Spelling(
    day="%Y%m%d",
    names={
        "account_no": "grzh", "name": "xingming", "id_number": "zjhm", "employer_name": "dwmc",
        "employer_account_no": "dwzh", "state": "grzhzt", "balance": "grzhye",
        "deposit_base": "grjcjs", "monthly_deposit": "yjce", "opened_date": "khrq",
        "paid_until": "jzny", "continuous_months": "lxjcys", "loans_used": "dkcs",
        "loan_balance": "dkye", "bank_account": "skzh",
    },
)  # fmt: skip
_EMPLOYER = Spelling(
    names={
        "employer_account_no": "dwzh", "employer_name": "dwmc", "uscc": "tyshxydm",
        "address": "dwdz", "legal_rep_name": "frdb", "contact_name": "zgyxm",
        "contact_mobile": "zgysj", "deposit_rate": "dwjcbl", "headcount": "jcrs",
        "paid_until": "jzny", "arrears": "qjje", "state": "dwzhzt", "has_penalty": "cfbz",
    },
)  # fmt: skip
_MONEY = {"balance", "deposit_base", "monthly_deposit", "loan_balance", "arrears"}


def app(population: Population) -> ASGIApp:
    """The fund."""

    async def account(request: Request) -> Response:
        person = population.person(request.query_params.get("zjhm", ""))
        return _told(_ACCOUNT, cover.fund_account(population, person) if person else ())

    async def employer(request: Request) -> Response:
        found = population.enterprise_of(request.query_params.get("tyshxydm", ""))
        if found is None:
            return _told(_EMPLOYER, ())
        staff = population.headcounts.get(found.employer_no, 0)
        return _told(_EMPLOYER, cover.fund_employer(population, found, staff))

    return Starlette(routes=[Route("/gjj/grzh", account), Route("/gjj/dwzh", employer)])


def _told(spelling: Spelling, records: tuple[Record, ...]) -> Response:
    if not records:
        return answer({"code": "0", "msg": "查无此人", "data": {}})
    return answer({"code": "0", "msg": "成功", "data": _row(spelling, records[0])})


def _row(spelling: Spelling, record: Record) -> Mapping[str, Any]:
    cents = {name: str(value).replace(".", "").lstrip("0") or "0"
             for name, value in record.values.items() if name in _MONEY}  # fmt: skip
    return spelling.row({**record.values, **cents})
