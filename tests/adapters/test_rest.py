"""REST sources over real sockets: what is sent, and what is made of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.model import Outcome
from tests.adapters.servers import http, says, serve
from tests.adapters.small import ID_NUMBER, NAME, call, connected

pytestmark = pytest.mark.anyio

MANIFEST = """
source: permit
name: 流动人口服务管理系统
authority: 县公安局
kind: rest
connect:
  base_url: ${PERMIT_URL}
  timeout: 2s
resources:
  residence-permit.status:
    ask:
      method: GET
      path: /api/v2/jzz
      query: { gmsfhm: keys.id_number, xm: optional.name, ywlx: {const: "01"}, sy: reason.item_name, bjbh: reason.case, xh: call.id }
      headers: { X-Reason: reason.item_name }
    answer:
      ok_when: { code: "0" }
      refused_when: { code: ["401", "403"] }
      empty_when: { data: [] }
      records: data
      as_of: { at: meta.tbsj, form: "%Y-%m-%d %H:%M:%S" }
      fields:
        permit_no: { at: jzzh }
        name: { at: xm }
        birth_date: { at: csrq, form: "%Y-%m-%d %H:%M:%S" }
        gender: { at: xb }
        ethnic_group: { at: mz, codes: {table: ethnic-group, map: {汉: "01"}} }
        issuer: { const: 示范县公安局 }
"""

PERMIT = {
    "jzzh": ID_NUMBER, "xm": f" {NAME} ", "csrq": "1990-01-01 00:00:00", "xb": "1", "mz": "汉",
}  # fmt: skip


def envelope(*records: Any, code: Any = "0", **more: Any) -> bytes:
    """The residence-permit system's envelope."""
    return http(json.dumps({"code": code, "data": list(records), **more}, ensure_ascii=False))


async def test_a_record_comes_back_in_canonical_form(tmp_path: Path) -> None:
    """Values are trimmed, dates ISO, words of the source our codes, constants as written."""
    reply_bytes = envelope(PERMIT, meta={"tbsj": "2026-11-24 08:00:00"})
    async with serve(says(reply_bytes)) as server:
        county = connected(tmp_path, {"PERMIT_URL": server.url}, permit=MANIFEST)
        reply = await county.sources["permit"].answer(call("residence-permit.status"), within=3)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED
    assert dict(reply.records[0].values) == {
        "permit_no": ID_NUMBER, "name": NAME, "birth_date": "1990-01-01", "gender": "1",
        "ethnic_group": "01", "issuer": "示范县公安局",
    }  # fmt: skip
    assert reply.as_of is not None
    assert reply.as_of.isoformat() == "2026-11-24T00:00:00+00:00"
    assert reply.record_hash is not None
    assert reply.record_hash.startswith(("sm3:", "sha256:"))
    assert reply.why is None


async def test_what_we_know_is_sent_under_the_sources_names(tmp_path: Path) -> None:
    """Keys, reason, constants and the call's number stand where the manifest puts them; header
    text that is not ASCII is percent-encoded.
    """
    async with serve(says(envelope(PERMIT))) as server:
        county = connected(tmp_path, {"PERMIT_URL": server.url}, permit=MANIFEST)
        await county.sources["permit"].answer(call("residence-permit.status", name=""), within=3)
        await county.aclose()
    target = urlsplit(server.requests[0].target)
    assert target.path == "/api/v2/jzz"
    assert parse_qs(target.query) == {
        "gmsfhm": [ID_NUMBER], "ywlx": ["01"], "sy": ["新生入学信息采集"], "bjbh": ["CASE-1"],
        "xh": ["call-1"],
    }  # fmt: skip
    assert server.requests[0].headers["x-reason"].startswith("%E6%96%B0")


OUTCOMES: dict[str, tuple[bytes, Outcome, str | None]] = {
    "empty list": (envelope(), Outcome.NO_RECORD, None),
    "error envelope with an empty list": (envelope(code="500"), Outcome.FAILED, "rest.not-ok-500"),
    "error envelope in 200": (envelope(PERMIT, code=9), Outcome.FAILED, "rest.not-ok-9"),
    "refusal in 200": (envelope(code=403), Outcome.REFUSED, "rest.refused-403"),
    "number for text": (envelope(PERMIT, code=0), Outcome.ANSWERED, None),
    "no list at all": (http('{"code":"0"}'), Outcome.FAILED, "rest.no-records"),
    "null for the list": (http('{"code":"0","data":null}'), Outcome.FAILED, "rest.no-records"),
    "records that are no objects": (envelope("x"), Outcome.FAILED, "rest.record-shape"),
    "nothing the manifest knows": (envelope({"a": 1}), Outcome.FAILED, "rest.nothing-mapped"),
    "unauthorised": (http("{}", status="401 Unauthorized"), Outcome.REFUSED, "rest.status-401"),
    "busy": (http("{}", status="429 Too Many"), Outcome.REFUSED, "rest.status-429"),
    "server error": (http("{}", status="500 Error"), Outcome.FAILED, "rest.status-500"),
}


@pytest.mark.parametrize("name", OUTCOMES)
async def test_three_kinds_of_empty_and_the_rest_stay_apart(tmp_path: Path, name: str) -> None:
    """Each way of having no value has its own outcome and its own key."""
    response, outcome, why = OUTCOMES[name]
    async with serve(says(response)) as server:
        county = connected(tmp_path, {"PERMIT_URL": server.url}, permit=MANIFEST)
        reply = await county.sources["permit"].answer(call("residence-permit.status"), within=3)
        await county.aclose()
    assert (reply.outcome, reply.why) == (outcome, why)
    assert bool(reply.records) is (outcome is Outcome.ANSWERED)


async def test_a_needed_key_that_is_missing_stops_the_call(tmp_path: Path) -> None:
    """Without the number nothing is asked, and it is not the source's fault."""
    async with serve(says(envelope(PERMIT))) as server:
        county = connected(tmp_path, {"PERMIT_URL": server.url}, permit=MANIFEST)
        permit = county.sources["permit"]
        for _ in range(7):
            reply = await permit.answer(call("residence-permit.status", id_number=""), within=3)
        await county.aclose()
    assert (reply.outcome, reply.why) == (Outcome.NOT_ASKED, "rest.key-missing")
    assert server.requests == []


BODIES: dict[str, tuple[str, str, bytes]] = {
    "json": (
        "json: { cond: [{ id: keys.id_number }], who: { case: reason.case, on: {const: true} }, x: optional.name }",
        "application/json",
        f'{{"cond":[{{"id":"{ID_NUMBER}"}}],"who":{{"case":"CASE-1","on":true}}}}'.encode(),
    ),
    "form": (
        "form: { id: keys.id_number, fixed: {const: 1} }",
        "application/x-www-form-urlencoded",
        f"id={ID_NUMBER}&fixed=1".encode(),
    ),
}


@pytest.mark.parametrize("name", BODIES)
async def test_post_bodies(tmp_path: Path, name: str) -> None:
    """JSON bodies nest, forms are flat; what is not known is left out."""
    body, media_type, expected = BODIES[name]
    manifest = MANIFEST.replace("method: GET", "method: POST").replace(
        "      headers:", f"      {body}\n      headers:"
    )
    async with serve(says(envelope(PERMIT))) as server:
        county = connected(tmp_path, {"PERMIT_URL": server.url}, permit=manifest)
        await county.sources["permit"].answer(call("residence-permit.status", name=""), within=3)
        await county.aclose()
    assert server.requests[0].headers["content-type"] == media_type
    assert server.requests[0].body == expected


async def test_xml_over_rest(tmp_path: Path) -> None:
    """A REST source may answer in XML, in GB2312 that is really GB18030, with a namespace."""
    manifest = (
        MANIFEST.replace("timeout: 2s", "format: xml\n  namespaces: { h: 'urn:h' }")
        .replace("records: data", "records: h:data/h:row").replace("{ data: [] }", "{ records: none }")
        .replace("{ code:", "{ h:code:").replace("meta.tbsj", "'@at'")
    )  # fmt: skip
    for old in ("jzzh", "xm }", "csrq", "xb", "mz"):
        manifest = manifest.replace(f"at: {old}", f"at: h:{old}")
    text = (
        '<?xml version="1.0" encoding="gb2312"?><r xmlns="urn:h" at="2026-11-24 08:00:00"><code>0</code><data>'
        f"<row><jzzh>1</jzzh><xm>𠮷·{NAME}</xm><csrq>1990-01-01 00:00:00</csrq><xb>3</xb></row></data></r>"
    )
    async with serve(says(http(text.encode("gb18030"), type_="text/xml"))) as server:
        county = connected(tmp_path, {"PERMIT_URL": server.url}, permit=manifest)
        reply = await county.sources["permit"].answer(call("residence-permit.status"), within=3)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED, reply
    assert reply.records[0].values["name"] == f"𠮷·{NAME}"
    assert reply.records[0].values["ethnic_group"] is None
    assert reply.records[0].odd == ("gender",)
