"""The city's credit platform: REST with a user and a password, asked by the hub of the city only.

`code` is 1 for success, nothing is `total` 0, and days have strokes.
"""

from __future__ import annotations

import base64
import hmac
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.model import Record
from adapters.sandbox import standing
from adapters.sandbox.faults import Misbehaviour, json_misbehaviour
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling, answer

PATH = "/credit/xybg"
MANIFEST = Path(__file__).with_name("credit.yaml")
"""How the city's hub asks it."""
MISBEHAVIOUR: Misbehaviour = json_misbehaviour(
    {"code": "0", "message": "系统异常", "result": None},
    {"code": "9", "message": "平台升级中", "result": None},
)

_SPELLING = Spelling(
    day="%Y/%m/%d",
    names={
        "report_no": "reportNo", "training_done": "xf_px", "penalty_decision_no": "cf_wsh",
        "penalty_kind": "cf_cflb", "penalty_reason": "cf_wfss", "penalty_organ": "cf_cfjg",
        "penalty_date": "cf_jdrq", "penalty_amount": "cf_nrfk", "penalty_fulfilled": "cf_lxzt",
        "publish_until": "cf_gsjzq", "dishonesty_list": "sxmd_lb", "listed_on": "sxmd_lrrq",
        "list_reason": "sxmd_lrsy", "domain_violation_free": "ly_jl",
    },
)  # fmt: skip


def app(population: Population, user: str, password: str) -> ASGIApp:
    """The platform; whoever does not say the password is told 401."""
    wanted = b"Basic " + base64.b64encode(f"{user}:{password}".encode())

    async def report(request: Request) -> Response:
        said = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(said, wanted):
            return answer({"code": "401", "message": "未授权", "result": None}, status=401)
        enterprise = population.enterprise_of(request.query_params.get("tyshxydm", ""))
        found = standing.credit(population, enterprise) if enterprise else ()
        result = {"total": len(found), "list": [_row(each) for each in found]}
        return answer({"code": "1", "message": "成功", "result": result})

    return Starlette(routes=[Route(PATH, report)])


def _row(record: Record) -> dict[str, Any]:
    return {
        **_SPELLING.row(record.values),
        "xzcf": [_SPELLING.row(line) for line in record.lines],
    }
