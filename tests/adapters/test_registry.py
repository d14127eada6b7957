"""Joining the parts: kinds of third parties, event loops, counties' own resources."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from pathlib import Path

import pytest

from adapters.errors import InvalidManifest
from adapters.model import Outcome, SourceReply
from adapters.registry import connect
from tests.adapters.small import CATALOG, COUNTY, call, connected, field, now, resource, write
from tests.adapters.test_rest import MANIFEST
from tests.adapters.test_sql import MANIFEST as SQL

KIND = """
from collections.abc import Iterable

from adapters import asking, manifest
from adapters.kinds import Opening
from adapters.manifest import Finding, Leaf
from adapters.model import RawReply, SourceCall


class EchoConnect(manifest.Connect):
    greeting: str


class EchoAsk(manifest.Ask):
    say: dict[str, Leaf]


class EchoTransport:
    Connect = EchoConnect
    Ask = EchoAsk
    expires_at = None

    def __init__(self, opening: Opening) -> None:
        self._greeting = opening.connect.greeting
        self._say = {name: asking.row(ask.say) for name, ask in opening.asks.items()}

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        if opening.connect.greeting == "rude":
            yield Finding(at=("connect", "greeting"), rule="rude", found="rude", expected="polite")

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        return RawReply(rows=[{"t": self._greeting + self._say[call.resource](call)["who"]}])

    async def aclose(self) -> None:
        pass


class Half:
    pass
"""

ECHO = """
source: echo
name: 回声
authority: 县局
kind: echo
connect: { greeting: "hello " }
resources:
  sample.everything:
    ask: { say: { who: keys.name } }
    answer: { records: rows, fields: { text: { at: t } } }
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution of a third party with a kind of its own, and one that is broken."""
    site = tmp_path / "site"
    info = site / "echo-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "echo_kind.py").write_text(KIND, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mianti.adapters]\necho = echo_kind:EchoTransport\nhalf = echo_kind:Half\n"
        "gone = nowhere_at_all:X\nmissing = echo_kind:Missing\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "echo_kind", raising=False)


@pytest.mark.anyio
@pytest.mark.usefixtures("installed")
async def test_a_third_partys_kind_is_a_kind(tmp_path: Path) -> None:
    """Its sections are its own; mapping and guard are ours."""
    county = connected(tmp_path, {}, echo=ECHO)
    reply = await county.sources["echo"].answer(call("sample.everything", name="x"), within=1)
    assert reply.records[0].values["text"] == "hello x"


FOREIGN = {
    "its own finding": (("hello ", "rude"), ("rude", 6)),
    "its own grammar": (("greeting", "greetings"), ("unknown-key", 6)),
    "half a kind": (("kind: echo", "kind: half"), ("unknown-kind", 5)),
    "a module that is gone": (("kind: echo", "kind: gone"), ("unknown-kind", 5)),
    "a class that is gone": (("kind: echo", "kind: missing"), ("unknown-kind", 5)),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.usefixtures("installed")
def test_what_is_wrong_with_a_third_partys_kind(tmp_path: Path, name: str) -> None:
    """Its complaints have file and line like ours; a broken one does not bring us down."""
    (old, new), expected = FOREIGN[name]
    with pytest.raises(InvalidManifest) as caught:
        connected(tmp_path, {}, echo=ECHO.replace(old, new))
    assert expected in [(c.rule, c.line) for c in caught.value.complaints]


def test_sources_are_connected_before_there_is_an_event_loop(
    tmp_path: Path, postgres_url: str
) -> None:
    """The hub joins its parts first and serves then; sources know no loop until they are asked."""

    async def answered() -> list[SourceReply]:
        resources = {"permit": "residence-permit.status"}
        resources["social-insurance"] = "social-insurance.payment-history"
        replies = [
            await county.sources[source].answer(call(resource), within=2)
            for source, resource in resources.items()
        ]
        await county.aclose()
        return replies

    auth = "auth: { scheme: gateway, rid: r, sid: s, app_key: '${KEY}' }"
    county = connected(
        tmp_path, {"PERMIT_URL": "http://127.0.0.1:9", "KEY": "k", "DSN": postgres_url},
        permit=MANIFEST.replace("timeout: 2s", auth), social_insurance=SQL,
    )  # fmt: skip
    outcomes = [(reply.outcome, reply.why) for reply in asyncio.run(answered())]
    assert outcomes == [(Outcome.UNREACHABLE, "rest.connect"), (Outcome.FAILED, "sql.state-42P01")]


def test_a_countys_own_resource_comes_before_the_nations(tmp_path: Path) -> None:
    """A county may describe a resource otherwise; its manifests are judged by that."""
    own = resource("residence-permit.status", field("local_no"))
    catalog = dataclasses.replace(CATALOG, county_resources={(COUNTY, own.id): own})
    write(tmp_path, permit=MANIFEST)
    environment = {"PERMIT_URL": "http://127.0.0.1:9"}
    with pytest.raises(InvalidManifest) as caught:
        connect(tmp_path, county=COUNTY, catalog=catalog, environment=environment, now=now)
    assert {c.rule for c in caught.value.complaints} == {"unknown-field"}
    assert connect(tmp_path, county="other", catalog=catalog, environment=environment, now=now)
