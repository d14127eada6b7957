"""The health commission's births and deaths: REST behind a Zhejiang front, times in one piece.

Nobody found is code 1 with 未查询到, not an empty answer. A mother is answered with her last child.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.sandbox import vital
from adapters.sandbox.faults import Misbehaviour, json_misbehaviour
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling, answer

MISBEHAVIOUR: Misbehaviour = json_misbehaviour(
    {"code": "-1", "msg": "系统内部错误", "data": None},
    {"code": "99", "msg": "系统维护，请稍后再试", "data": None},
)

_BIRTH = Spelling(
    day="%Y%m%d",
    names={
        "certificate_no": "BirthCode", "newborn_name": "BabyName", "gender": "BabySex",
        "birth_date": "BirthDay", "birth_time": "BirthTime", "gestation_weeks": "GestWeek",
        "weight_g": "Weight", "length_cm": "Length", "birth_place": "BirthPlace",
        "birth_place_kind": "PlaceType", "institution": "HosName", "health_state": "Health",
        "mother_name": "MomName", "mother_id_number": "MomIdCode", "mother_nation": "MomNation",
        "mother_ethnic_group": "MomRace", "mother_age": "MomAge", "mother_address": "MomAddr",
        "father_name": "DadName", "father_id_number": "DadIdCode", "father_nation": "DadNation",
        "father_ethnic_group": "DadRace", "father_age": "DadAge", "issuer": "SignOrg",
        "issue_date": "SignDate", "state": "Status",
    },
)  # fmt: skip
_DEATH = Spelling(
    day="%Y%m%d",
    names={
        "certificate_no": "ZMBH", "name": "SZXM", "id_number": "SZSFZH", "gender": "XB",
        "birth_date": "CSRQ", "death_time": "SWSJ", "death_date": "SWRQ", "place_kind": "SWDDLB",
        "residence": "CZDZ", "next_of_kin_name": "JSXM", "next_of_kin_phone": "JSDH",
        "cause_code": "GBSYBM", "issuer": "QFJG", "issue_date": "QFRQ",
        "hukou_cancelled_on": "HKZXRQ",
    },
)  # fmt: skip


def app(population: Population) -> ASGIApp:
    """The service behind the front."""

    async def births(request: Request) -> Response:
        mother = population.person(request.query_params.get("momIdCode", ""))
        found = vital.birth_certificate(population, mother) if mother else ()
        return _told(_BIRTH.rows(found))

    async def deaths(request: Request) -> Response:
        person = population.person(request.query_params.get("szsfzh", ""))
        return _told(_DEATH.rows(vital.death(population, person) if person else ()))

    return Starlette(routes=[Route("/api/csyxzm", births), Route("/api/swyxzm", deaths)])


def _told(rows: list[dict[str, object]]) -> Response:
    if not rows:
        return answer({"code": "1", "msg": "未查询到相关信息", "data": None})
    return answer({"code": "0", "msg": "成功", "data": rows[0]})
