"""The police's residence permits: REST, signed headers, `code/message/data`, dates with a midnight.

Everything is answered with HTTP 200; the code tells. Somebody without a permit is an empty list.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import date

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.sandbox.faults import Misbehaviour, Switch, json_misbehaviour
from adapters.sandbox.permits import Permit
from adapters.sandbox.population import Population

CLOCK_MS = 5 * 60 * 1000
"""How far a caller's clock may be off."""

MISBEHAVIOUR: Misbehaviour = json_misbehaviour({"code": "500", "message": "系统繁忙", "data": None})


def app(population: Population, key_id: str, key: str, switch: Switch) -> ASGIApp:
    """The service.

    Args:
        population: Whose permits.
        key_id: The one caller that is known.
        key: That caller's signing key.
        switch: Has the clock.
    """
    holders = {
        number: (permits[0].holder.name, _envelope("0", "成功", [_row(each) for each in permits]))
        for number, permits in population.permits.items()
    }
    none = _envelope("0", "成功", [])

    async def permits(request: Request) -> Response:
        if complaint := _complaint(request, key_id, key.encode(), switch.now()):
            return _response(complaint)
        query = request.query_params
        number, name = query.get("gmsfhm", ""), query.get("xm")
        if len(number) != 18:
            return _response(_envelope("400", "公民身份号码有误", None))
        known, body = holders.get(number, (None, none))
        return _response(body if name in {known, None} else none)

    return Starlette(routes=[Route("/api/v2/jzz", permits)])


def _envelope(code: str, message: str, data: list[dict[str, str]] | None) -> bytes:
    return json.dumps({"code": code, "message": message, "data": data}, ensure_ascii=False).encode()


def _response(body: bytes) -> Response:
    return Response(body, media_type="application/json; charset=utf-8")


def _complaint(request: Request, key_id: str, key: bytes, now: float) -> bytes | None:
    """Why the caller is not admitted; None when he is."""
    headers: Mapping[str, str] = request.headers
    moment, sign = headers.get("x-timestamp", ""), headers.get("x-sign", "")
    if headers.get("x-key-id") != key_id:
        return _envelope("401", "未知的调用方", None)
    if not moment.isdecimal() or abs(now * 1000 - int(moment)) > CLOCK_MS:
        return _envelope("401", "时间戳超出允许范围", None)
    text = f"{key_id}{moment}{request.method}{request.url.path}"
    if not hmac.compare_digest(hmac.digest(key, text.encode(), hashlib.sha256).hex(), sign):
        return _envelope("401", "签名错误", None)
    return None


def _midnight(day: date) -> str:
    return f"{day.isoformat()} 00:00:00"


def _row(permit: Permit) -> dict[str, str]:
    holder = permit.holder
    return {
        "jzzh": permit.number,
        "xm": holder.name,
        "gmsfhm": holder.id_number,
        "xb": holder.gender,
        "mz": holder.ethnic_group,
        "csrq": _midnight(holder.birth_date),
        "hjdz": permit.hukou_address,
        "jzdz": permit.residence_address,
        "jzsy": permit.reason,
        "djrq": _midnight(permit.registered_since),
        "qfrq": _midnight(permit.issue_date),
        "qzyxq": _midnight(permit.endorsed_until),
        "qfjg": permit.issuer,
        "zt": permit.state,
    }
