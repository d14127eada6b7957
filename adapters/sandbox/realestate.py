"""The real-estate register behind the gateway: JSON with `code` 0000 and a `list`.

It answers what it has in words of its own: areas with ㎡, dates as 2019/6/5, yes and no as 是 and 否,
and an owner of an old certificate by a 15-digit number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.sandbox.faults import Misbehaviour, json_misbehaviour
from adapters.sandbox.homes import Mortgage, Property
from adapters.sandbox.population import Population

MISBEHAVIOUR: Misbehaviour = json_misbehaviour({"code": "9999", "msg": "系统异常", "list": None})


def app(population: Population) -> ASGIApp:
    """The register."""
    owned = population.owned
    mortgaged: dict[str, list[Property]] = {}
    for each in population.properties:
        if each.mortgage:
            mortgaged.setdefault(each.certificate_no, []).append(each)
            mortgaged.setdefault(each.unit_no or "", []).append(each)

    async def ownership(request: Request) -> Response:
        code = await _asked(request, "qlrzjh")
        if code is None:
            return _answer("1001", "权利人证件号码不能为空", [])
        found = owned.get(code, ())
        homes = sum(each.is_home for each in found)
        return _answer("0000", "查询成功", [_right(each, code, homes) for each in found])

    async def mortgages(request: Request) -> Response:
        wanted = await _asked(request, "bdcqzh", "bdcdyh")
        if wanted is None:
            return _answer("1001", "不动产权证号或不动产单元号不能为空", [])
        found = mortgaged.get(wanted, ())
        rows = [_charge(each, each.mortgage) for each in found if each.mortgage]
        return _answer("0000", "查询成功", rows)

    return Starlette(
        routes=[
            Route("/gateway/httpproxy/bdc/qlxx", ownership, methods=["POST"]),
            Route("/gateway/httpproxy/bdc/dyxx", mortgages, methods=["POST"]),
        ]
    )


async def _asked(request: Request, *names: str) -> str | None:
    """The first of `names` that the question has; None where it has none."""
    try:
        question: Any = json.loads(await request.body())
    except ValueError:
        return None
    rows: Mapping[str, Any] = question if isinstance(question, dict) else {}
    return next((str(rows[name]) for name in names if rows.get(name)), None)


def _answer(code: str, message: str, rows: Sequence[Mapping[str, Any]]) -> Response:
    document = {"code": code, "msg": message, "total": len(rows), "list": rows}
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, media_type="application/json; charset=utf-8")


def _slashed(day: date | None) -> str:
    return f"{day.year}/{day.month}/{day.day}" if day else ""


def _number_then(property_: Property, code: str) -> str:
    """The owner's number as it was when the certificate was made out: 15 digits on old ones."""
    short = property_.old and len(code) == 18 and code[6:8] == "19" and code[:2] == "99"
    return code[:6] + code[8:17] if short else code


def _right(property_: Property, code: str, homes: int) -> dict[str, Any]:
    owner = next(each for each in property_.owners if each.code == code)
    others = [each for each in property_.owners if each.code != code]
    return {
        "BDCQZH": property_.certificate_no,
        "BDCDYH": property_.unit_no or "",
        "QLR": owner.name,
        "QLRZJH": _number_then(property_, code),
        "GYQK": property_.co_ownership,
        "GYQLR": [{"XM": each.name, "QLBL": each.share} for each in others],
        "QLBL": owner.share,
        "ZL": property_.location,
        "QLLX": property_.right_kind,
        "QLXZ": property_.right_nature,
        "GHYT": property_.use,
        "JZMJ": f"{float(property_.area):,.2f}㎡",
        "TDSYQXZ": _slashed(property_.land_use_to),
        "JGNF": str(property_.built_year),
        "ZCS": property_.total_floors,
        "SZC": property_.floor,
        "DBSJ": _slashed(property_.register_date),
        "SFDY": "是" if property_.mortgage else "否",
        "SFCF": "是" if property_.sealed else "否",
        "FWTS": homes,
        "QSZT": "现势",
    }


def _charge(property_: Property, mortgage: Mortgage) -> dict[str, Any]:
    return {
        "BDCDJZMH": mortgage.proof_no,
        "BDCDYH": property_.unit_no or "",
        "DYQR": mortgage.mortgagee,
        "DYR": property_.owners[0].name,
        "BDBZZQSE": mortgage.amount,
        "ZGZQSE": 0,
        "JEDW": "元",
        "ZWLXQSSJ": _slashed(mortgage.debt_from),
        "ZWLXJSSJ": _slashed(mortgage.debt_to),
        "DJSJ": _slashed(mortgage.register_date),
        "QSZT": "现势",
    }
