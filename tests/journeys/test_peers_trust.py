"""What a lower hub does not believe, and what becomes of it when the upper one fails."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.onboarding import new_client_key
from tests.world.department import Department, listening
from tests.world.hub import RunningHub, county_with, grant, running_hub
from tests.world.peers import (
    SOURCE,
    Between,
    Change,
    admitted_below,
    between,
    granted_below,
    lower_hub,
    manifest,
    pinned_key,
)

KNOWN, UNKNOWN = "990101199001010019", "990101199001010027"
RESOURCE = "residence-permit.status"
PERMIT = f"{RESOURCE}.permit_no"
PERMITS = """
source: residence-permit
name: 流动人口服务管理系统
authority: 县公安局
kind: rest
connect: {base_url: "${PERMIT_URL}", timeout: 4s}
resources:
  residence-permit.status:
    ask: {method: GET, path: /permits, query: {id: keys.id_number}}
    answer:
      empty_when: {data: []}
      records: data
      as_of: {at: at}
      fields: {permit_no: {at: no}, name: {at: name}, endorsed_until: {at: until}}
"""


class Permits(Department):
    """Everybody has a permit but one."""

    asked: ClassVar[list[str]] = []
    broken: ClassVar[bool] = False

    def answer(self) -> None:
        """Answer by number."""
        Permits.asked.append(self.path)
        if Permits.broken:
            self.say(b"", 500)
            return
        rows = [{"no": "J1", "name": "赵明示", "until": "20991231"}]
        self.say({"at": "20261120080000", "data": [] if UNKNOWN in self.path else rows})


def question(number: str = KNOWN, **more: Any) -> dict[str, Any]:
    """A question about a permit."""
    return {
        "subject": {"kind": "person", "id_type": "citizen-id", "id": number},
        "basis": {"item": "xinxiang-10-03", "case": "C-1", "kind": "statutory"},
        "want": [PERMIT],
        "deadline_ms": 6_000,
        **more,
    }


@dataclass(frozen=True, slots=True)
class Pair:
    """A lower hub, whoever stands in the middle, and the upper hub."""

    lower: RunningHub
    middle: Between
    upper: RunningHub

    def ask(self, number: str = KNOWN, **more: Any) -> dict[str, Any]:
        """What the lower hub says of the permit."""
        return dict(
            self.lower.client.post("/v1/queries", question(number, **more))["fields"][PERMIT]
        )

    def recorded(self, number: str = KNOWN) -> dict[str, Any]:
        """What its log says of the last one."""
        last = self.lower.log.find_by_subject("citizen-id", number)[-1]
        return dict(json.loads(self.lower.log.receipt(last).leaf)["body"]["fields"][PERMIT])


@pytest.fixture(scope="module")
def upper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningHub, Path]]:
    """A hub with one department, and the key of a lower hub that it admits."""
    folder = tmp_path_factory.mktemp("upper")
    with (
        listening(Permits) as url,
        running_hub(
            folder,
            county_with(folder / "counties", {"residence-permit": PERMITS}),
            environment={"PERMIT_URL": url},
            grants=[grant(RESOURCE)],
        ) as running,
    ):
        yield running, admitted_below(running, folder, [granted_below(RESOURCE)])


def pair_of(
    upper: tuple[RunningHub, Path], folder: Path, **changes: Any
) -> tuple[Any, dict[str, Any]]:
    """What a lower hub is started with."""
    running, key = upper
    pinned = changes.pop("pinned", pinned_key(running))
    text = manifest(
        running.url, [RESOURCE], more="breaker: { failures: 1000, reset: 1s }", **changes
    )
    return text, {
        "key_file": key,
        "pinned": pinned,
        "grants": [grant(RESOURCE)],
    }


@pytest.fixture(scope="module")
def pair(
    upper: tuple[RunningHub, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Receipts are required."""
    folder = tmp_path_factory.mktemp("lower")
    text, terms = pair_of(upper, folder, timeout="3s")
    with (
        between(upper[0].url) as middle,
        lower_hub(folder, text, upper_url=middle.url, **terms) as lower,
    ):
        yield Pair(lower, middle, upper[0])


@pytest.fixture(autouse=True)
def honest(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whoever stands in the middle is honest again afterwards."""
    yield
    if "pair" in request.fixturenames:
        middle = request.getfixturevalue("pair").middle
        middle.change = None


def on(what: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    """Change what is said at addresses that hold `what`."""

    def changed(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if what not in path:
            return status, body
        said = json.loads(body)
        whole = change(said)
        return status, json.dumps(said if whole is None else whole).encode()

    return changed


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Put a value somewhere inside."""

    def changed(said: dict[str, Any]) -> None:
        here: Any = said
        for part in path[:-1]:
            here = here[part]
        here[path[-1]] = value

    return changed


WHOLE, FIELD = f"{RESOURCE}[]", f"{RESOURCE}[].permit_no"


def values(value: str) -> Callable[[dict[str, Any]], None]:
    """Another permit, wherever it stands."""

    def changed(said: dict[str, Any]) -> None:
        said["fields"][FIELD]["value"] = [value]
        said["fields"][WHOLE]["value"][0]["permit_no"] = value

    return changed


def denied(said: dict[str, Any]) -> None:
    """As if nobody had a record."""
    for path in (WHOLE, FIELD):
        said["fields"][path] = {"state": "not_found"}


def half_denied(said: dict[str, Any]) -> None:
    """As if the source had failed, and yet known that there is nothing."""
    said["fields"][WHOLE] = {"state": "timed_out"}
    said["fields"][FIELD] = {"state": "not_found"}


def other_leaf(said: dict[str, Any]) -> None:
    """The record of the receipt, with another state."""
    said["leaf"] = said["leaf"].replace('"outcome":"complete"', '"outcome":"partial"')


def other_signature(said: dict[str, Any]) -> None:
    """The last byte of the tree head's signature."""
    head, _, blob = said["checkpoint"].rstrip("\n").rpartition(" ")
    raw = bytearray(base64.b64decode(blob))
    raw[-1] ^= 1
    said["checkpoint"] = f"{head} {base64.b64encode(bytes(raw)).decode()}\n"


QUERIES, RECEIPTS = "/v1/queries", "/v1/receipts/"
DISBELIEVED = {
    "another value": on(QUERIES, values("J2")),
    "no record instead of one": on(QUERIES, denied),
    "no record of one field": on(QUERIES, half_denied),
    "an older record": on(
        QUERIES, put("fields", FIELD, "provenance", "as_of", value="2020-01-01T00:00:00+00:00")
    ),
    "typed by somebody": on(QUERIES, put("fields", WHOLE, "provenance", "entered_by", value="A1")),
    "another query": on(QUERIES, put("id", value="qry_0000000000000000")),
    "a receipt with another record": on(RECEIPTS, other_leaf),
    "a receipt with another signature": on(RECEIPTS, other_signature),
    "a receipt of another place": on(RECEIPTS, put("index", value=0)),
    "a receipt without its proof": on(RECEIPTS, put("proof", value=[])),
    "a receipt that is none": on(RECEIPTS, lambda _: {"v": 1}),
    "a receipt that is a list": on(RECEIPTS, lambda _: []),
    "a receipt without salts": on(RECEIPTS, put("salts", value={})),
    "a receipt with strange salts": on(RECEIPTS, put("salts", value=[1])),
    "no receipt": lambda path, status, body: (404, b"{}") if RECEIPTS in path else (status, body),
    "a huge receipt": lambda path, status, body: (
        (status, body + b" " * 400_000) if RECEIPTS in path else (status, body)
    ),
    "half a receipt": lambda path, status, body: (
        (status, body[: len(body) // 2]) if RECEIPTS in path else (status, body)
    ),
}


MISSING = {"no receipt", "a huge receipt"}


@pytest.mark.parametrize("name", DISBELIEVED)
def test_what_its_receipt_does_not_prove_is_not_given(pair: Pair, name: str) -> None:
    """Whatever was changed, in the answer or in the receipt: no value, *source error*, and the log
    says that nothing was proven.
    """
    change = DISBELIEVED[name]
    why = "hub.receipt-missing" if name in MISSING else "hub.receipt-invalid"
    assert pair.ask()["state"] == "ok"
    pair.middle.change = change
    field = pair.ask()

    assert (field["state"], field["why"]) == ("source_error", why)
    assert "value" not in field
    upper = pair.recorded()["upper"]
    assert upper["receipt"].startswith("rcp_")
    assert (upper["proven"], upper["hash"]) == (False, None)
    pair.middle.change = None
    assert pair.ask()["value"] == "J1"


def test_the_receipt_of_another_answer_proves_nothing(pair: Pair) -> None:
    """A true receipt of the upper hub, for another question of the same caller."""
    first = pair.ask()["provenance"]["upper_receipt"]
    seen: list[bytes] = []

    def replayed(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if RECEIPTS in path:
            seen.append(body)
            return status, seen[0]
        return status, body

    pair.middle.change = replayed
    assert pair.ask()["state"] == "ok"
    second = pair.ask()

    assert json.loads(seen[0])["receipt"] != first
    assert (second["state"], second["why"]) == ("source_error", "hub.receipt-invalid")


def test_no_record_has_to_be_proven_as_well(pair: Pair) -> None:
    """*No such record* is told only where the receipt says so."""
    assert pair.ask(UNKNOWN)["state"] == "not_found"
    pair.middle.change = DISBELIEVED["no receipt"]

    assert pair.ask(UNKNOWN)["state"] == "source_error"


BROKEN = {
    "garbage": (lambda _p, s, _b: (s, b"\x00\xff garbage"), "source_error"),
    "an empty body": (lambda _p, s, _b: (s, b""), "source_error"),
    "huge": (lambda _p, s, _b: (s, b'{"a": "' + b"x" * 400_000 + b'"}'), "source_error"),
    "deep": (lambda _p, s, _b: (s, b"[" * 5_000 + b"]" * 5_000), "source_error"),
    "a key twice": (lambda _p, s, _b: (s, b'{"id": 1, "id": 2}'), "source_error"),
    "a list": (lambda _p, s, _b: (s, b"[]"), "source_error"),
    "null": (lambda _p, s, _b: (s, b"null"), "source_error"),
    "no fields": (lambda _p, s, _b: (s, b'{"id": "qry_1", "receipt": "rcp_1"}'), "source_error"),
    "status 500": (lambda _p, _s, b: (500, b), "source_error"),
    "status 503": (lambda _p, _s, b: (503, b), "source_error"),
    "a redirect": (lambda _p, _s, b: (307, b), "source_error"),
    "a refusal of the caller": (lambda _p, _s, b: (403, b), "refused_by_source"),
    "too many requests": (lambda _p, _s, b: (429, b), "refused_by_source"),
    "a problem nobody can read": (lambda _p, _s, _b: (409, b"[1]"), "source_error"),
    "an unknown state": (on(QUERIES, put("fields", WHOLE, "state", value="maybe")), "source_error"),
    "a state with a value, and none": (
        on(QUERIES, lambda said: said["fields"][FIELD].pop("value") and None),
        "source_error",
    ),
    "a path more": (on(QUERIES, put("fields", "x", value={"state": "ok"})), "source_error"),
    "a path less": (on(QUERIES, lambda said: said["fields"].pop(FIELD) and None), "source_error"),
    "a record that is none": (
        on(QUERIES, put("fields", WHOLE, "value", value=[1])),
        "source_error",
    ),
    "a receipt's id that is a path": (
        on(QUERIES, put("receipt", value="rcp_../../x")),
        "source_error",
    ),
    "a time without its zone": (
        on(QUERIES, put("fields", WHOLE, "provenance", "as_of", value="2026-01-01T00:00:00")),
        "source_error",
    ),
}


@pytest.mark.parametrize(("change", "state"), BROKEN.values(), ids=BROKEN.keys())
def test_an_upper_hub_that_talks_nonsense(pair: Pair, change: Change, state: str) -> None:
    """Each answer that is none: a clear state with a key of its own, no value, and a whole log."""
    pair.middle.change = change
    field = pair.ask()

    assert field["state"] == state
    assert field["why"].startswith("hub.")
    assert "value" not in field
    assert KNOWN not in field["why"]
    pair.middle.change = None
    assert pair.ask()["state"] == "ok"


def test_a_number_in_a_key_does_not_pass(pair: Pair) -> None:
    """A `why` of the upper hub that holds a citizen number is not repeated."""

    def personal(said: dict[str, Any]) -> None:
        for path in (WHOLE, FIELD):
            said["fields"][path] = {"state": "source_error", "why": f"rest.{KNOWN}"}

    pair.middle.change = on(QUERIES, personal)
    field = pair.ask()

    assert (field["state"], field["why"]) == ("source_error", "hub.failed")
    assert KNOWN not in pair.lower.lines()


def test_a_slow_upper_hub_costs_the_deadline_and_no_more(pair: Pair) -> None:
    """Nothing comes: *timed out* before the caller's deadline, with the receipt of our own."""
    pair.middle.wait = threading.Event()
    try:
        answer = pair.lower.client.post("/v1/queries", question(deadline_ms=700))
    finally:
        pair.middle.wait.set()
        pair.middle.wait = None

    assert answer["fields"][PERMIT]["state"] == "timed_out"
    assert pair.lower.client.get(f"/v1/receipts/{answer['receipt']}")["receipt"]


def test_a_slow_receipt_is_a_missing_one(pair: Pair) -> None:
    """The answer is there and its receipt is not, when the time for it is over."""
    pair.middle.wait, pair.middle.held = threading.Event(), RECEIPTS
    try:
        field = pair.ask(deadline_ms=1_500)
    finally:
        pair.middle.wait.set()
        pair.middle.wait, pair.middle.held = None, "/v1/"

    assert (field["state"], field["why"]) == ("source_error", "hub.receipt-missing")
    assert "value" not in field


def test_an_upper_hub_that_is_not_there(upper: tuple[RunningHub, Path], tmp_path: Path) -> None:
    """Nobody listens: *source error*, and after a few times the breaker spares both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    text, terms = pair_of(upper, tmp_path)
    text = text.replace("failures: 1000", "failures: 2")
    with lower_hub(tmp_path / "lower", text, upper_url=url, **terms) as lower:
        states = [
            lower.client.post("/v1/queries", question())["fields"][PERMIT]["state"]
            for _ in range(4)
        ]
    assert states == ["source_error", "source_error", "breaker_open", "breaker_open"]


def test_recorded_gives_what_is_not_proven_and_says_so(
    upper: tuple[RunningHub, Path], tmp_path: Path
) -> None:
    """With `check: recorded` the value is given; the log says whether it was proven."""
    text, terms = pair_of(upper, tmp_path, check="recorded")
    with (
        between(upper[0].url) as middle,
        lower_hub(tmp_path / "lower", text, upper_url=middle.url, **terms) as lower,
    ):
        pair = Pair(lower, middle, upper[0])
        assert pair.ask()["value"] == "J1"
        assert pair.recorded()["upper"]["proven"] is True
        middle.change = DISBELIEVED["no receipt"]
        assert pair.ask()["value"] == "J1"
        assert pair.recorded()["upper"]["proven"] is False


def test_another_key_proves_nothing(upper: tuple[RunningHub, Path], tmp_path: Path) -> None:
    """The upper hub signs with a key that is not the pinned one."""
    pinned = {"origin": upper[0].log.origin, "key": base64.b64encode(bytes(32)).decode()}
    text, terms = pair_of(upper, tmp_path, pinned=pinned)
    with lower_hub(tmp_path / "lower", text, upper_url=upper[0].url, **terms) as lower:
        field = lower.client.post("/v1/queries", question())["fields"][PERMIT]

    assert (field["state"], field["why"]) == ("source_error", "hub.receipt-invalid")


def test_a_lower_hub_that_is_not_admitted(upper: tuple[RunningHub, Path], tmp_path: Path) -> None:
    """A key the upper hub does not know: refused, and never *no such record*."""
    text, terms = pair_of(upper, tmp_path)
    new_client_key(tmp_path / "nobody.jwk")
    terms = {**terms, "key_file": tmp_path / "nobody.jwk"}
    with lower_hub(tmp_path / "lower", text, upper_url=upper[0].url, **terms) as lower:
        field = lower.client.post("/v1/queries", question())["fields"][PERMIT]

    assert field["state"] == "refused_by_source"
    assert field["provenance"]["source"] == SOURCE
