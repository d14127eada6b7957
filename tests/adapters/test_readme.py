"""The door sign is true: its example runs, and its table names what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import adapters
from adapters.converters import As
from adapters.model import Outcome
from adapters.registry import check, connect
from catalog.loading import load
from tests.adapters.servers import http, says, serve
from tests.adapters.small import ID_NUMBER, NAME, call, now, write

README = (Path(adapters.__file__).parent / "README.md").read_text(encoding="utf-8")
EXAMPLE = README.split("## 接入第六个 REST 源")[1].split("\n## ")[0]


def block(language: str, which: int = 0) -> str:
    """A code block of the example."""
    return re.findall(rf"```{language}\n(.*?)```", EXAMPLE, re.DOTALL)[which]


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
