"""SOAP: the envelope that leaves, the answers that come."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from adapters.errors import InvalidManifest
from adapters.model import Outcome
from tests.adapters.dialects import ROW, SOAP, WSDL, household, prepare
from tests.adapters.servers import http, says, serve
from tests.adapters.small import ID_NUMBER, NAME, call, connected

pytestmark = pytest.mark.anyio

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
NEWER = "http://www.w3.org/2003/05/soap-envelope"


def fault(code: str) -> str:
    """A SOAP 1.1 Fault whose text repeats what was asked, as services do."""
    return (
        f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><s:Fault><faultcode>{code}</faultcode>'
        f"<faultstring>{ID_NUMBER}</faultstring></s:Fault></s:Body></s:Envelope>"
    )


def newer_fault(code: str) -> str:
    """A SOAP 1.2 Fault."""
    return (
        f'<s:Envelope xmlns:s="{NEWER}"><s:Body><s:Fault><s:Code><s:Value>s:{code}</s:Value></s:Code>'
        "</s:Fault></s:Body></s:Envelope>"
    )


async def test_the_envelope_is_what_the_wsdl_says(tmp_path: Path) -> None:
    """Keys and reason stand in the elements of the WSDL, in its order; the action is its own; the
    address in the WSDL is not used.
    """
    async with serve(says(http(household(ROW), type_="text/xml"))) as server:
        county = connected(prepare(tmp_path), {"URL": server.url}, hukou=SOAP)
        await county.sources["hukou"].answer(call("hukou.household", name=""), within=3)
        await county.aclose()
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/services/hukou")
    assert request.headers["soapaction"] == '"urn:hukou#Query"'
    assert request.headers["content-type"].startswith("text/xml")
    query = etree.fromstring(request.body).find(f"{{{ENVELOPE}}}Body")[0]
    assert [etree.QName(each).localname for each in query] == ["EndUser", "GMSFHM", "Item", "Item"]
    assert [each.text for each in query.iter() if each.text] == [
        "新生入学信息采集", "CASE-1", ID_NUMBER, "HH", "CYXM",
    ]  # fmt: skip


async def test_head_and_lines_come_from_the_elements(tmp_path: Path) -> None:
    """Lines are read relative to their element; zeros for a date are no value, an unknown code is
    kept and marked; comments do not cut a name in two.
    """
    async with serve(says(http(household(ROW), type_="text/xml"))) as server:
        county = connected(prepare(tmp_path), {"URL": server.url}, hukou=SOAP)
        reply = await county.sources["hukou"].answer(call("hukou.household"), within=3)
        await county.aclose()
    record = reply.records[0]
    assert dict(record.values) == {"household_no": "1", "address": None, "issue_date": "2018-06-20"}
    assert [dict(line) for line in record.lines] == [
        {"member_name": NAME, "member_gender": "1", "member_birth_date": None},
        {"member_name": "𠮷·买买提", "member_gender": "8", "member_birth_date": None},
    ]
    assert (record.odd, dict(record.bad)) == (("member_gender",), {})
    assert reply.as_of is not None
    assert reply.as_of.isoformat() == "2026-11-24T00:00:00+00:00"


OUTCOMES: dict[str, tuple[bytes, Outcome, str | None]] = {
    "no row": (http(household()), Outcome.NO_RECORD, None),
    "error in 200": (http(household(code="999")), Outcome.FAILED, "soap.not-ok-999"),
    "refusal in 200": (http(household(code="503")), Outcome.REFUSED, "soap.refused-503"),
    "GB18030, declared": (
        http(household(ROW).encode("gb18030"), type_="text/xml; charset=GBK"), Outcome.ANSWERED, None,
    ),
    "GB18030 in the declaration": (
        http(('<?xml version="1.0" encoding="GB2312"?>' + household(ROW)).encode("gb18030")),
        Outcome.ANSWERED, None,
    ),
    "SOAP 1.2": (http(household(ROW, namespace=NEWER)), Outcome.ANSWERED, None),
    "Fault of the server in 500": (
        http(fault("s:Server.Busy"), status="500 Error"), Outcome.FAILED, "soap.fault-server",
    ),
    "Fault in 200": (http(fault("Server")), Outcome.FAILED, "soap.fault-server"),
    "Fault that blames us": (
        http(fault("s:Client.Auth"), status="500 Error"), Outcome.REFUSED, "soap.fault-client",
    ),
    "Fault of 1.2": (http(newer_fault("Sender")), Outcome.REFUSED, "soap.fault-client"),
    "500 with a page": (http("<html>", status="500 Error"), Outcome.FAILED, "soap.status-500"),
    "500 with an answer": (
        http(household(ROW), status="500 Error"), Outcome.FAILED, "soap.status-500",
    ),
    "another document": (http("<a/>"), Outcome.FAILED, "soap.not-an-envelope"),
    "no Body": (
        http(f'<s:Envelope xmlns:s="{ENVELOPE}"/>'), Outcome.FAILED, "soap.no-body",
    ),
    "document type": (
        http(f"<!DOCTYPE a>{household(ROW)}"), Outcome.FAILED, "soap.xml-doctype",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTCOMES)
async def test_answers_faults_and_empties_stay_apart(tmp_path: Path, name: str) -> None:
    """An error inside HTTP 200, a Fault and “no such person” are three things."""
    response, outcome, why = OUTCOMES[name]
    async with serve(says(response)) as server:
        county = connected(prepare(tmp_path), {"URL": server.url}, hukou=SOAP)
        reply = await county.sources["hukou"].answer(call("hukou.household"), within=3)
        await county.aclose()
    assert (reply.outcome, reply.why) == (outcome, why)


async def test_a_name_xml_cannot_hold_is_not_asked(tmp_path: Path) -> None:
    """A control character in a key stops the call before it leaves."""
    async with serve(says(http(household(ROW)))) as server:
        county = connected(prepare(tmp_path), {"URL": server.url}, hukou=SOAP)
        reply = await county.sources["hukou"].answer(
            call("hukou.household", name="赵\x00明"), within=3
        )
        await county.aclose()
    assert (reply.outcome, reply.why) == (Outcome.NOT_ASKED, "soap.unaskable")
    assert server.requests == []


_IMPORT = '<import namespace="urn:x" location="{}"/><types>'
_SCHEMA = '<x:include schemaLocation="{}"/><x:element name="Query">'
_ENTITY = '<!DOCTYPE definitions [<!ENTITY e SYSTEM "file:///etc/hosts">]>'
WSDLS: dict[str, tuple[str | None, str]] = {
    "missing": (None, "wsdl"),
    "not a WSDL": ("<a/>", "wsdl"),
    "not XML": ("{}", "wsdl"),
    "imports from the network": (
        WSDL.replace("<types>", _IMPORT.format("http://127.0.0.1:9/x.wsdl")), "wsdl",
    ),
    "imports from elsewhere": (
        WSDL.replace("<types>", _IMPORT.format("/etc/hosts")), "wsdl",
    ),
    "includes a schema from the network": (
        WSDL.replace('<x:element name="Query">', _SCHEMA.format("http://127.0.0.1:9/x.xsd"), 1),
        "wsdl",
    ),
    "includes a schema from above": (
        WSDL.replace('<x:element name="Query">', _SCHEMA.format("../../x.xsd"), 1), "wsdl",
    ),
    "includes a schema from a file address": (
        WSDL.replace('<x:element name="Query">', _SCHEMA.format("file:///etc/hosts"), 1), "wsdl",
    ),
    "an external entity": (
        WSDL.replace("?>", f"?>{_ENTITY}", 1).replace("<types>", "<types>&e;"), "wsdl",
    ),
    "an external document type": (
        WSDL.replace("?>", '?><!DOCTYPE definitions SYSTEM "http://127.0.0.1:9/x.dtd">', 1), "wsdl",
    ),
    "has a document type": (WSDL.replace("?>", "?><!DOCTYPE definitions>", 1), "wsdl"),
    "another operation": (WSDL.replace('<operation name="Query"', '<operation name="Ask"'), "operation"),
    "another body": (WSDL.replace('"GMSFHM"', '"SFZH"'), "body"),
}  # fmt: skip


@pytest.mark.parametrize("name", WSDLS)
def test_a_wsdl_that_does_not_fit_is_a_complaint(tmp_path: Path, name: str) -> None:
    """What the WSDL lacks is said when the manifest is loaded, with the line that asks for it."""
    text, rule = WSDLS[name]
    path = prepare(tmp_path) / "sources" / "hukou.wsdl"
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidManifest) as caught:
        connected(tmp_path, {"URL": "http://127.0.0.1:9"}, hukou=SOAP)
    assert [complaint.rule for complaint in caught.value.complaints] == [rule]
    assert caught.value.complaints[0].line > 1


async def test_a_schema_beside_the_wsdl_is_read(tmp_path: Path) -> None:
    """Services split their schema off; it is found where the WSDL is."""
    head, rest = WSDL.split("<types>")
    schema, tail = rest.split("</types>")
    sources = prepare(tmp_path) / "sources"
    namespaces = 'xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:h="urn:hukou" '
    (sources / "types.xsd").write_text(schema.replace("<x:schema ", f"<x:schema {namespaces}", 1))
    imported = '<x:schema><x:import namespace="urn:hukou" schemaLocation="types.xsd"/></x:schema>'
    (sources / "hukou.wsdl").write_text(f"{head}<types>{imported}</types>{tail}", encoding="utf-8")
    async with serve(says(http(household(ROW)))) as server:
        county = connected(tmp_path, {"URL": server.url}, hukou=SOAP)
        reply = await county.sources["hukou"].answer(call("hukou.household"), within=3)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED
