"""The civil-affairs office's marriages: REST behind a Guangdong front, `code` 1 for success.

Nothing registered is `biz_data.result` 0. The middle dot in names has another code point than ours.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.sandbox.faults import Misbehaviour, json_misbehaviour
from adapters.sandbox.marriages import marriage
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling, answer

MISBEHAVIOUR: Misbehaviour = json_misbehaviour(
    {"code": "0", "message": "服务异常", "biz_data": None},
    {"code": "9", "message": "系统升级维护中", "biz_data": None},
)

_SPELLING = Spelling(
    names={
        "event": "op_type", "marital_state": "marriage_status", "certificate_no": "cert_no",
        "register_date": "op_date", "registry": "dept_name", "man_name": "name_man",
        "man_id_number": "cert_num_man", "woman_name": "name_woman",
        "woman_id_number": "cert_num_woman", "spouse_name": "spouse_name",
        "spouse_id_number": "spouse_cert_num",
    },
)  # fmt: skip


def app(population: Population) -> ASGIApp:
    """The service behind the front."""

    async def marriages(request: Request) -> Response:
        try:
            question: Any = json.loads(await request.body())
            number, name = str(question["cert_num"]), str(question["name"])
        except (ValueError, KeyError, TypeError):
            return answer({"code": "2", "message": "姓名和证件号码均不能为空", "biz_data": None})
        person = population.person(number)
        known = person is not None and person.name == name
        rows = _SPELLING.rows(marriage(population, person)) if person and known else []
        data = {"result": "1" if rows else "0", "list": rows}
        return answer({"code": "1", "message": "成功", "biz_data": data})

    return Starlette(routes=[Route("/ebus/mzt/hydjxx", marriages, methods=["POST"])])
