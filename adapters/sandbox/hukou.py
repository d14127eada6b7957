"""The population service of the police: SOAP in GB18030, pinyin names, errors inside HTTP 200.

A call that does not say who asks and why is answered with Code 503. Nobody found is Code 000 and an
empty Result. What comes from the other county has sexes and peoples in words instead of codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.documents import parse_xml
from adapters.errors import SourceAnswerInvalid
from adapters.sandbox.faults import Misbehaviour
from adapters.sandbox.names import ETHNIC_WORDS, MALE
from adapters.sandbox.people import Household, Person
from adapters.sandbox.population import Population
from adapters.sandbox.shapes import Origin
from adapters.sandbox.soap import SOAP, envelope, response

WSDL = Path(__file__).with_name("hukou.wsdl")
PATH = "/services/rkxxgx"
_NAMESPACE = "urn:sandbox:rkxxgx"
_MEDIA_TYPE = "text/xml; charset=GB18030"


_envelope = partial(envelope, charset="GB18030")


def _reply(method: str, code: str, message: str, rows: str = "") -> bytes:
    return _envelope(response(_NAMESPACE, method, code, message, rows))


MISBEHAVIOUR = Misbehaviour(
    media_type=_MEDIA_TYPE,
    charset="gb18030",
    wrong_schema=_envelope("<Greeting><Text>您好</Text></Greeting>"),
    error=_reply("QueryPerson", "999", "后台数据库连接失败"),
)


def app(population: Population) -> ASGIApp:
    """The service, with its WSDL at `?wsdl`."""
    wsdl = WSDL.read_bytes()

    async def query(request: Request) -> Response:
        try:
            question = _Question.read(await request.body())
        except SourceAnswerInvalid:
            return Response(_FAULT, status_code=500, media_type=_MEDIA_TYPE)
        return Response(_answered(population, question), media_type=_MEDIA_TYPE)

    async def description(_: Request) -> Response:
        return Response(wsdl, media_type="text/xml; charset=utf-8")

    return Starlette(
        routes=[Route(PATH, query, methods=["POST"]), Route(PATH, description, methods=["GET"])]
    )


_FAULT = _envelope(
    "<soapenv:Fault><faultcode>soapenv:Client</faultcode>"
    "<faultstring>请求报文格式错误</faultstring></soapenv:Fault>"
)


class _Question:
    """What was asked."""

    def __init__(self, request: etree._Element) -> None:
        def text(path: str) -> str:
            return (request.findtext(path) or "").strip()

        self.method, self.name = text("Method"), text("Parameters/XM")
        self.number = text("Parameters/GMSFHM")
        self.accounted = bool(text("EndUser/UserDept") and text("EndUser/CallReason"))

    @classmethod
    def read(cls, body: bytes) -> _Question:
        """The question in an envelope.

        Raises:
            SourceAnswerInvalid: There is none.
        """
        found = parse_xml(body).find(f"{{{SOAP}}}Body/{{{_NAMESPACE}}}QueryRequest")
        if found is None:
            raise SourceAnswerInvalid("no-question")
        return cls(found)


def _answered(population: Population, question: _Question) -> bytes:
    if not question.accounted:
        return _reply(question.method, "503", "缺少最终用户（EndUser）或调用事由（CallReason）")
    person = population.by_number.get(question.number)
    match question.method:
        case "QueryPerson" if not question.name:
            return _reply(question.method, "502", "缺少姓名（XM）")
        case "QueryPerson":
            known = person and person.listed and person.name == question.name
            rows = _person(population, person) if person and known else ""
        case "QueryHousehold":
            rows = _household(population.households[person.household]) if person else ""
        case _:
            return _reply(question.method, "501", "未知的方法")
    return _reply(question.method, "000", "成功", rows)


def _elements(values: Mapping[str, str | None]) -> str:
    return "".join(f"<{name}>{escape(value or '')}</{name}>" for name, value in values.items())


def _day(day: date | None) -> str:
    """What has no date is eight zeros."""
    return f"{day:%Y%m%d}" if day else "00000000"


def _sex(at: Household, person: Person) -> str:
    if at.shape.origin is Origin.HERE:
        return person.gender
    return "男" if person.gender == MALE else "女"


def _people(at: Household, person: Person) -> str:
    here = at.shape.origin is Origin.HERE
    return person.ethnic_group if here else ETHNIC_WORDS[person.ethnic_group]


def _person(population: Population, person: Person) -> str:
    at, card = population.households[person.household], person.card
    values = {
        "GMSFHM": person.id_number,
        # The name of the field in the first version of the interface; kept beside the other.
        "SFZH": person.id_number,
        "XM": person.name,
        "CYM": person.former_name,
        "XB": _sex(at, person),
        "MZ": _people(at, person),
        "CSRQ": _day(person.birth_date),
        "CSDXZ": person.birth_place,
        "JGSSX": person.native_place,
        "HJDXZ": at.address.full,
        "HH": at.number,
        "HB": at.type,
        "HYZK": person.marital_status,
        "WHCD": person.education,
        "PCSMC": at.address.police_station,
        "QFJG": card.issuer if card else None,
        "YXQXQSRQ": _day(card.valid_from) if card else None,
        "YXQXJZRQ": card.valid_to if card else None,
        "RYZT": person.state,
        "ZTBDRQ": _day(person.state_date) if person.state_date else None,
    }
    return f"<Row>{_elements(values)}</Row>"


def _household(at: Household) -> str:
    values = {
        "HH": at.number,
        "HB": at.type,
        "HZXM": at.head.name,
        "HZGMSFHM": at.head.id_number,
        "HJDXZ": at.address.full,
        "PCSMC": at.address.police_station,
        "QFRQ": _day(at.issue_date),
        "QRRQ": _day(at.move_in_date),
        "QCDXZ": at.moved_from,
    }
    members = "".join(f"<CY>{_elements(_member(at, each))}</CY>" for each in at.members.values())
    return f"<Row>{_elements(values)}{members}</Row>"


def _member(at: Household, person: Person) -> dict[str, str | None]:
    return {
        "CYXM": person.name,
        "CYGMSFHM": person.id_number,
        "YHZGX": person.relation,
        "CYXB": _sex(at, person),
        "CYCSRQ": _day(person.birth_date),
        "CYRYZT": person.state,
    }
