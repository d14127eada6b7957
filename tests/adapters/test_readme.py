"""The door sign is true: its example runs, and its table names what there is."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from lxml import etree

import adapters
from adapters.converters import As
from adapters.model import Outcome
from adapters.registry import check, connect
from catalog.loading import load
from tests.adapters.servers import http, says, serve
from tests.adapters.small import ID_NUMBER, NAME, call, now, write

README = (Path(adapters.__file__).parent / "README.md").read_text(encoding="utf-8")
REST, SOAP, FILE = "接入第六个 REST 源", "接入一个 SOAP 源", "接入一个文件源"


def block(language: str, which: int = 0, *, example: str = REST) -> str:
    """A code block of an example."""
    text = README.split(f"## {example}")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[which]


@pytest.mark.anyio
async def test_the_sixth_source_is_one_file(tmp_path: Path) -> None:
    """The file as printed, the real catalog, a system that answers as printed: the record as
    printed.
    """
    catalog = load()
    write(tmp_path, housing_fund=block("yaml"))
    assert len(check(tmp_path, county="xinxiang", catalog=catalog, now=now)) == 1
    async with serve(says(http(block("json")))) as server:
        environment = {"HOUSING_FUND_URL": server.url, "HOUSING_FUND_TOKEN": "t-1"}
        county = connect(
            tmp_path, county="xinxiang", catalog=catalog, environment=environment, now=now
        )
        reply = await county.sources["housing-fund"].answer(call("housing-fund.account"), within=3)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED, reply
    assert dict(reply.records[0].values) == json.loads(block("json", 1))
    assert reply.as_of is not None
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/share/grzhxx")
    assert request.headers["authorization"] == "Bearer t-1"
    assert json.loads(request.body) == {
        "zjhm": ID_NUMBER, "xingming": NAME, "sy": "新生入学信息采集", "bjbh": "CASE-1",
    }  # fmt: skip


@pytest.mark.anyio
async def test_nobody_there_is_nobody_there(tmp_path: Path) -> None:
    """The fund says “no such person” with code 0 and an empty object."""
    write(tmp_path, housing_fund=block("yaml"))
    async with serve(says(http('{"code":0,"msg":"查无此人","data":{}}'))) as server:
        environment = {"HOUSING_FUND_URL": server.url, "HOUSING_FUND_TOKEN": "t-1"}
        county = connect(
            tmp_path, county="xinxiang", catalog=load(), environment=environment, now=now
        )
        reply = await county.sources["housing-fund"].answer(call("housing-fund.account"), within=3)
        await county.aclose()
    assert reply.outcome is Outcome.NO_RECORD


@pytest.mark.anyio
async def test_a_soap_source_is_one_file_and_its_wsdl(tmp_path: Path) -> None:
    """The files as printed, the real catalog, a service that answers as printed, in GB18030: the
    record as printed; what is asked stands where the WSDL has it.
    """
    write(tmp_path, population=block("yaml", example=SOAP))
    (tmp_path / "sources" / "population.wsdl").write_text(block("xml", example=SOAP))
    answer = block("xml", 1, example=SOAP).encode("gb18030")
    async with serve(says(http(answer, type_="text/xml"))) as server:
        county = connect(
            tmp_path, county="xinxiang", catalog=load(), now=now,
            environment={"POPULATION_URL": server.url},
        )  # fmt: skip
        reply = await county.sources["population"].answer(call("hukou.person"), within=3)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED, reply
    assert dict(reply.records[0].values) == json.loads(block("json", example=SOAP))
    sent = etree.fromstring(server.requests[0].body)
    assert [each.text for each in sent.iter() if (each.text or "").strip()] == [
        "新生入学信息采集", "CASE-1", ID_NUMBER, NAME,
    ]  # fmt: skip


@pytest.mark.anyio
async def test_a_file_source_is_one_file_and_a_folder(tmp_path: Path) -> None:
    """The manifest as printed, the real catalog, files dropped as printed: the record as printed,
    and for another person there is none.
    """
    folder, body = tmp_path / "drop", block("csv", example=FILE).encode("gb18030")
    folder.mkdir()
    write(tmp_path, labour_contract=block("yaml", example=FILE))
    (folder / "ldht_20261123.csv").write_bytes(body)
    control = block("ini", example=FILE).replace("f34c…", hashlib.new("sm3", body).hexdigest())
    (folder / "ldht_20261123.ctl").write_text(control)
    (folder / "ldht_20261123.csv.ok").touch()
    assert control.splitlines()[1].startswith("sm3=f34c")
    county = connect(
        tmp_path, county="xinxiang", catalog=load(), now=now,
        environment={"LABOUR_CONTRACT_FOLDER": str(folder)},
    )  # fmt: skip
    source = county.sources["labour-contract"]
    reply = await source.answer(call("labour-contract.filing"), within=3)
    nobody = await source.answer(
        call("labour-contract.filing", uscc="91990101MA00000237"), within=3
    )
    await county.aclose()
    assert reply.outcome is Outcome.ANSWERED, reply
    assert [dict(each.values) for each in reply.records] == [
        json.loads(block("json", example=FILE))
    ]
    assert str(reply.as_of) == "2026-11-22 16:00:00+00:00"
    assert nobody.outcome is Outcome.NO_RECORD


def test_the_door_sign_names_what_there_is() -> None:
    """Every converter and every public name is mentioned."""
    assert all(kind in README for kind in As)
    told = set(re.findall(r"`(\w+)", README))
    family = {
        "SourceRefused",
        "SourceTimedOut",
        "SourceUnavailable",
        "SourceAnswerInvalid",
        "Scalar",
    }
    assert set(adapters.__all__) - family <= told
