"""One table: every way of being wrong of every kind of source, put through a whole hub over HTTP.

Of each answer the same is demanded: it is there while the fault is; each path stands in it once,
with the state it should have; a receipt proves it, and the log holds the question and the answer
and is whole; and no number, name or key is in a line of a hub's log or in what is said of the
failure. Afterwards, when the source is well, the answer is as it was.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters.sandbox import Fault, can_have
from hub.client import HubClient
from hub.receipts import Verdict, verify_receipt
from tests.adapters import drops
from tests.adapters.test_file_tables import BOOKS, XML
from tests.journeys import test_faults as city
from tests.journeys.conftest import County
from tests.journeys.test_desk import refusal
from tests.world.department import Department
from tests.world.desk import admitted
from tests.world.hub import RunningHub, county_with, grant, running_hub
from tests.world.peers import (
    Act,
    Between,
    admitted_below,
    between,
    granted_below,
    lower_hub,
    manifest,
    pinned_key,
)

KINDS = ("rest", "soap", "sql", "fhir", "files", "manual", "hub")
USUAL, QUICK = 10_000, 700
"""Deadlines in milliseconds: the usual one, and that of a question whose source never answers."""
LATE = 10
"""Seconds beyond the deadline after which an answer counts as never; what hangs here hangs for ever."""


class Stand(Protocol):
    """A hub that asks one source of some kind, and what can be done to that source."""

    well: str
    """The state of each field while nothing is wrong."""

    @property
    def hub(self) -> RunningHub: ...

    @property
    def want(self) -> Sequence[str]: ...

    def question(self) -> dict[str, Any]:
        """What is asked of somebody whom the source knows."""

    def hidden(self) -> set[str]:
        """What must never be seen."""

    def lines(self) -> str:
        """What all hubs that take part have logged."""

    def mend(self) -> None:
        """Everything is well again."""


NOTHING_KEPT = {"freshness": {"max_age": "PT0.000001S"}}
"""A kept answer would hide what is wrong."""

States = str | Mapping[str, str]
"""One for all fields, or by the field's name."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way of being wrong, and what has to come of it."""

    wrong: Callable[[Any], object]
    """What is done to the stand before it is asked."""
    states: States
    deadline_ms: int = USUAL


def person(number: str, name: str) -> dict[str, str]:
    """A subject."""
    return {"kind": "person", "id_type": "citizen-id", "id": number, "name": name}


# --- departments of the sandbox: rest, soap, sql, fhir --------------------------------------------

DEPARTMENT_OF = {
    "rest": "realestate", "soap": "hukou", "sql": "social-insurance", "fhir": "immunization",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InTheCity:
    """One department of the sandbox."""

    county: County
    department: str
    well: str = "ok"

    @property
    def hub(self) -> RunningHub:
        return self.county.hub

    @property
    def want(self) -> Sequence[str]:
        resource = city.RESOURCE_OF[self.department]
        return [f"{resource}[].{name}" for name in city.FIELDS[self.department]]

    def question(self) -> dict[str, Any]:
        persona, role = city.ABOUT[self.department]
        found = self.county.departments.population.personas[persona].subjects[role]
        return {"subject": person(found.number, found.name or ""), **NOTHING_KEPT}

    def hidden(self) -> set[str]:
        return self.county.secrets()

    def lines(self) -> str:
        return self.hub.lines()

    def mend(self) -> None:
        self.county.departments.clear()

    def turn(self, fault: Fault) -> None:
        """Something is wrong with the department."""
        self.county.departments.fault(self.department, fault, 50)


def in_the_city(kind: str) -> dict[str, Way]:
    """All faults that its department can have."""
    return {
        str(fault): Way(
            partial(_turn, fault),
            city.STATE_OF[fault],
            QUICK if fault is Fault.HANG else USUAL,
        )
        for fault in Fault
        if can_have(DEPARTMENT_OF[kind], fault)
    }


def _turn(fault: Fault, stand: InTheCity) -> None:
    stand.turn(fault)


# --- files ----------------------------------------------------------------------------------------

PERMIT = "residence-permit.status"
EARLIER, TODAY = "jzz_20261123", "jzz_20261124"


@dataclass(slots=True)
class Dropped:
    """A department that drops files, and a hub that is started when it is first asked."""

    folder: Path
    stack: ExitStack
    manifest: str = drops.MANIFEST
    well: str = "ok"
    running: RunningHub | None = None
    want: Sequence[str] = (f"{PERMIT}.permit_no", f"{PERMIT}.birth_date")

    @property
    def hub(self) -> RunningHub:
        if self.running is None:
            counties = county_with(self.folder / "counties", {"permit": self.manifest})
            self.running = self.stack.enter_context(
                running_hub(
                    self.folder, counties, grants=[grant(PERMIT)],
                    environment={"DROP_FOLDER": str(self.drops)},
                )
            )  # fmt: skip
        return self.running

    @property
    def drops(self) -> Path:
        """The drop folder."""
        return self.folder / "drop"

    def question(self) -> dict[str, Any]:
        return {"subject": person(drops.ID_NUMBER, drops.NAME)}

    def hidden(self) -> set[str]:
        return {drops.ID_NUMBER, drops.NAME, "钱𠮷", drops.OTHER, str(self.drops)}

    def lines(self) -> str:
        return self.hub.lines()

    def mend(self) -> None:
        """The next night's file is a good one; whoever held the index lets go."""
        with suppress(FileNotFoundError):
            if not (self.drops).is_dir():
                self.drops.unlink()
        suffix = self.manifest.partition("format: ")[2].split()[0]
        body: str | bytes = drops.csv_of(*drops.ROWS)
        if suffix == "xlsx":
            body = drops.xlsx_of(*drops.ROWS)
        elif suffix == "xml":
            body = drops.xml_of(*drops.ROWS)
        drops.drop(self.drops, body, f"jzz_20261126.{suffix}", rows=2)


def dropped(body: str | bytes, suffix: str = "csv", **terms: Any) -> Callable[[Dropped], None]:
    """A file as it was found."""

    def wrong(stand: Dropped) -> None:
        if suffix != "csv":
            stand.manifest = {"xlsx": drops.XLSX, "xml": drops.XML}[suffix]
        drops.drop(stand.drops, body, f"{TODAY}.{suffix}", **{"rows": 2, **terms})

    return wrong


def no_folder(stand: Dropped) -> None:
    """The share is not mounted."""
    assert not stand.drops.exists()


def nothing_yet(stand: Dropped) -> None:
    """An empty folder."""
    stand.drops.mkdir()


def a_pipe(stand: Dropped) -> None:
    """Whoever opened it would wait for ever."""
    path = drops.drop(stand.drops, drops.csv_of(*drops.ROWS))
    path.unlink()
    os.mkfifo(path)


def a_link(stand: Dropped) -> None:
    """To a file elsewhere."""
    path = drops.drop(stand.drops, drops.csv_of(*drops.ROWS))
    path.rename(stand.folder / "elsewhere.csv")
    path.symlink_to(stand.folder / "elsewhere.csv")


def too_old(stand: Dropped) -> None:
    """Nothing has come for weeks, and the provider says what then."""
    stand.manifest = drops.MANIFEST.replace(
        "every: 50ms", "every: 50ms\n  max_age: 300d\n  too_old: refuse"
    )
    drops.drop(stand.drops, drops.csv_of(*drops.ROWS), "jzz_20010101.csv")


def bad_after_good(stand: Dropped) -> None:
    """The night before all was well: that is what is answered."""
    drops.drop(stand.drops, drops.csv_of(*drops.ROWS), f"{EARLIER}.csv")
    assert stand.hub.client.post("/v1/queries", whole_question(stand, USUAL))
    drops.drop(stand.drops, drops.csv_of(*drops.ROWS), digest="0" * 64)


def held(stand: Dropped) -> None:
    """Somebody keeps the index for themselves."""
    drops.drop(stand.drops, drops.csv_of(*drops.ROWS), f"{EARLIER}.csv")
    answer = stand.hub.client.post("/v1/queries", whole_question(stand, USUAL))
    assert answer["outcome"] == "complete"
    (index,) = (stand.folder / "hub").rglob(f"{PERMIT}.sqlite3")
    holder = sqlite3.connect(index, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    stand.stack.callback(holder.close)


ROW = drops.ROW
NO_DATA = "source_error"
FILES: dict[str, Way] = {
    "no folder": Way(no_folder, NO_DATA),
    "nothing yet": Way(nothing_yet, NO_DATA),
    "a pipe": Way(a_pipe, NO_DATA),
    "a link": Way(a_link, NO_DATA),
    "no flag": Way(dropped(drops.csv_of(*drops.ROWS), flag=False), NO_DATA),
    "another digest": Way(dropped(drops.csv_of(*drops.ROWS), digest="0" * 64), NO_DATA),
    "half of it": Way(dropped(drops.csv_of(*drops.ROWS), rows=4), NO_DATA),
    "too many bad rows": Way(dropped(drops.csv_of(ROW, ("J3", "孙三", "1", "男", ""))), NO_DATA),
    "another charset": Way(dropped(drops.csv_of(*drops.ROWS), charset="utf-16"), NO_DATA),
    "another schema": Way(dropped(drops.csv_of(("1", "2"), ("3", "4"), head=("a", "b"))), NO_DATA),
    "a line without end": Way(dropped(b"x" * 200_000), NO_DATA),
    "too old": Way(too_old, NO_DATA),
    "a bad one after a good one": Way(bad_after_good, "ok"),
    "the index is held": Way(held, "ok", QUICK),
    "a formula": Way(
        dropped(drops.csv_of(("=HYPERLINK(1)", *ROW[1:]), drops.ROWS[1])), "ok",
    ),
    "a value that is none": Way(
        dropped(drops.csv_of((*ROW[:4], "soon"), drops.ROWS[1])),
        {"permit_no": "ok", "birth_date": "source_error"},
    ),
    "a value that is missing": Way(
        dropped(drops.csv_of((*ROW[:4], ""), drops.ROWS[1])),
        {"permit_no": "ok", "birth_date": "not_found"},
    ),
    "two that differ": Way(
        dropped(drops.csv_of(ROW, ("J9", *ROW[1:]))),
        {"permit_no": "ambiguous", "birth_date": "ok"},
    ),
    "somebody else": Way(dropped(drops.csv_of(drops.ROWS[1], drops.ROWS[1])), "not_found"),
    **{
        f"xlsx: {name}": Way(dropped(BOOKS[name][0], "xlsx"), NO_DATA)
        for name in ("half", "no zip", "a zip bomb", "a zip bomb that lies", "thousands of parts",
                     "a document type", "a formula that was never computed")
    },
    **{
        f"xml: {name}": Way(dropped(XML[name][0], "xml"), NO_DATA)
        for name in ("billion laughs", "an external entity", "deep", "half", "no XML",
                     "a document type far down")
    },
}  # fmt: skip


# --- manual ---------------------------------------------------------------------------------------

LEDGER = """
source: ledger
name: 户籍纸质底册
authority: 县公安局
kind: manual
connect: { timeout: 20s, wait: 15s }
resources:
  hukou.person:
    ask: { keys: [keys.id_number, optional.name], due: 3d, second_pair: true }
    answer:
      records: rows
      empty_when: { records: none }
      fields: { name: {at: name}, birth_date: {at: birth_date} }
"""
TYPED = {"name": "欧阳样例", "birth_date": "1990-01-01"}
CASES = itertools.count(1)


@dataclass(slots=True)
class Typed:
    """A paper ledger with two clerks; each question is a case of its own."""

    hub: RunningHub
    clerk: HubClient
    well: str = "manual"
    want: Sequence[str] = ("hukou.person.name", "hukou.person.birth_date")
    case: str = ""

    def question(self) -> dict[str, Any]:
        basis = {"item": "xinxiang-10", "case": self.case, "kind": "statutory"}
        return {"subject": person(drops.ID_NUMBER, drops.NAME), "basis": basis}

    def hidden(self) -> set[str]:
        return {drops.ID_NUMBER, drops.NAME, TYPED["name"]}

    def lines(self) -> str:
        return self.hub.lines()

    def begin(self) -> str:
        """Ask once, so that there is a task; gives its path."""
        self.case = f"LEDGER-{next(CASES)}"
        self.hub.client.post("/v1/queries", whole_question(self, QUICK))
        (task,) = [t for t in self.clerk.get("/v1/tasks")["tasks"] if t["case"] == self.case]
        return f"/v1/tasks/{task['id']}"

    def mend(self) -> None:
        """Another case, in which the clerks do their work."""
        type_in(TYPED)(self)


def nobody(stand: Typed) -> None:
    """No clerk is there, and the source would wait longer than the caller."""
    stand.begin()


def typed(stand: Typed, values: Mapping[str, str]) -> str:
    """A clerk types that, or that there is nothing; gives the task's path."""
    path = stand.begin()
    body = {"by": "A01", "found": bool(values), **({"values": values} if values else {})}
    stand.clerk.post(f"{path}:answer", body)
    return path


def by_one(stand: Typed) -> None:
    """The second clerk has not looked yet."""
    typed(stand, TYPED)


def type_in(values: Mapping[str, str]) -> Callable[[Typed], None]:
    """One clerk types, and another one agrees."""

    def by_two(stand: Typed) -> None:
        stand.clerk.post(f"{typed(stand, values)}:confirm", {"by": "A02"})

    return by_two


def rejected(stand: Typed) -> None:
    """The second clerk does not agree."""
    stand.clerk.post(f"{typed(stand, TYPED)}:reject", {"by": "A02"})


def refused(body: Mapping[str, Any]) -> Callable[[Typed], None]:
    """A clerk types what is no answer."""

    def tried(stand: Typed) -> None:
        path = stand.begin()
        assert refusal(stand.clerk, f"{path}:answer", {"by": "A01", **body})[0] == 422

    return tried


MANUAL: dict[str, Way] = {
    "nobody there": Way(nobody, "deferred", QUICK),
    "only one of two": Way(by_one, "deferred", QUICK),
    "the two do not agree": Way(rejected, "deferred", QUICK),
    "no such day": Way(
        refused({"found": True, "values": {"birth_date": "2026-02-30"}}), "deferred", QUICK
    ),
    "fields nobody asked": Way(refused({"found": True, "values": {"x": "1"}}), "deferred", QUICK),
    "another schema": Way(refused({"found": True, "values": [1]}), "deferred", QUICK),
    "a novel": Way(refused({"found": True, "values": {"name": "字" * 100_000}}), "deferred", QUICK),
    "nothing typed": Way(refused({"found": True, "values": {}}), "deferred", QUICK),
    "looked, and there is none": Way(type_in({}), "not_found"),
    "half of it": Way(
        type_in({"name": TYPED["name"]}), {"name": "manual", "birth_date": "not_found"}
    ),
    "a formula": Way(type_in({**TYPED, "name": "=HYPERLINK(1)"}), "manual"),
}


# --- hub ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Above:
    """A hub above ours, and somebody between the two."""

    hub: RunningHub
    upper: County
    middle: Between
    secret: str
    well: str = "ok"
    want: Sequence[str] = (
        "realestate.ownership[].certificate_no",
        "realestate.ownership[].location",
    )
    gate: threading.Event = field(default_factory=threading.Event)

    def question(self) -> dict[str, Any]:
        found = self.upper.departments.population.personas["complete"].subjects["applicant"]
        return {"subject": person(found.number, found.name or ""), **NOTHING_KEPT}

    def hidden(self) -> set[str]:
        return {*self.upper.secrets(), self.secret}

    def lines(self) -> str:
        return self.hub.lines() + self.upper.hub.lines()

    def mend(self) -> None:
        self.gate.set()
        self.middle.act = None
        self.upper.departments.clear()


def acted(act: Act, path: str = "/v1/queries") -> Callable[[Above], None]:
    """Something is done at the connection in place of an answer to a question."""

    def wrong(stand: Above) -> None:
        def at_path(door: Department, asked: str, status: int, said: bytes) -> bool:
            return asked.startswith(path) and act(door, asked, status, said)

        stand.middle.act = at_path

    return wrong


def says(body: bytes, status: int = 200) -> Act:
    """Something else is said."""

    def act(door: Department, _path: str, _status: int, _said: bytes) -> bool:
        door.say(body, status)
        return True

    return act


def changed(change: Callable[[bytes], bytes]) -> Act:
    """What is said is changed."""

    def act(door: Department, _path: str, status: int, said: bytes) -> bool:
        door.say(change(said), status)
        return True

    return act


def cut(share: float) -> Act:
    """The connection ends after that share of the answer."""

    def act(door: Department, _path: str, _status: int, said: bytes) -> bool:
        door.send_response(200)
        door.send_header("Content-Type", "application/json")
        door.send_header("Content-Length", str(len(said)))
        door.end_headers()
        door.wfile.write(said[: int(len(said) * share)])
        door.wfile.flush()
        door.close_connection = True
        door.connection.shutdown(2)
        return True

    return act


def redirected(door: Department, _path: str, _status: int, _said: bytes) -> bool:
    """Go and ask somewhere else."""
    door.send_response(307)
    door.send_header("Location", "http://127.0.0.1:9/v1/queries")
    door.send_header("Content-Length", "0")
    door.end_headers()
    return True


def hanging(stand: Above, path: str = "/v1/queries") -> None:
    """Nothing is said before it is mended."""
    stand.gate.clear()

    def act(_door: Department, _path: str, _status: int, _said: bytes) -> bool:
        stand.gate.wait(60)
        return False

    acted(act, path)(stand)


def slow(door: Department, _path: str, _status: int, _said: bytes) -> bool:
    """A little late."""
    del door
    time.sleep(0.05)
    return False


def above(fault: Fault) -> Callable[[Above], None]:
    """The department above has it."""

    def wrong(stand: Above) -> None:
        stand.upper.departments.fault("realestate", fault, 50)

    return wrong


ERROR = json.dumps({"code": "hub.internal-error", "origin": "hub", "why": []}).encode()
HUB: dict[str, Way] = {
    "slow": Way(acted(slow), "ok"),
    "hang": Way(hanging, "timed_out", QUICK),
    "the receipt hangs": Way(partial(hanging, path="/v1/receipts"), "source_error", 2_000),
    "reset": Way(acted(cut(0)), "source_error"),
    "half-body": Way(acted(cut(0.5)), "source_error"),
    "garbage": Way(acted(says(bytes(range(256)))), "source_error"),
    "wrong-schema": Way(acted(says(b'{"greeting": "hello"}')), "source_error"),
    "200-with-error": Way(acted(says(ERROR)), "source_error"),
    "wrong-encoding": Way(
        acted(changed(lambda said: said.decode().encode("gb18030"))), "source_error"
    ),
    "xml-bomb": Way(acted(says(XML["billion laughs"][0].encode())), "source_error"),
    "redirect": Way(acted(redirected), "source_error"),
    "huge": Way(acted(says(b" " * 8_000_000)), "source_error"),
    "deep": Way(acted(says(b"[" * 100_000)), "source_error"),
    "status-500": Way(acted(says(b"<h1>500</h1>", 500)), "source_error"),
    "maintenance": Way(acted(says(ERROR, 503)), "source_error"),
    "token-race": Way(acted(says(ERROR, 401)), "refused_by_source"),
    "no receipt": Way(acted(says(ERROR, 404), "/v1/receipts"), "source_error"),
    "another's receipt": Way(
        acted(changed(lambda said: said.replace(b"rcp_", b"rcq_")), "/v1/receipts"),
        "source_error",
    ),
    "a department above hangs": Way(above(Fault.HANG), "timed_out", 2_000),
    "a department above fails": Way(above(Fault.WRONG_SCHEMA), "source_error"),
    "a department above refuses": Way(above(Fault.CLOCK_SKEW), "refused_by_source"),
}


# --- the table ------------------------------------------------------------------------------------

WAYS: dict[str, dict[str, Way]] = {
    **{kind: in_the_city(kind) for kind in DEPARTMENT_OF},
    "files": FILES,
    "manual": MANUAL,
    "hub": HUB,
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typed]:
    """A hub with a paper ledger."""
    folder = tmp_path_factory.mktemp("ledger")
    counties = county_with(folder / "counties", {"ledger": LEDGER})
    with running_hub(folder, counties, grants=[grant("hukou.person")]) as hub:
        clerk = admitted(hub, folder, "police", "县公安局")
        yield Typed(hub, clerk)
        clerk.close()


@pytest.fixture(scope="module")
def pair(county: County, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Above]:
    """A hub below the county's; whatever is wrong there, it goes on asking."""
    folder = tmp_path_factory.mktemp("below")
    key = admitted_below(county.hub, folder, [granted_below("realestate.ownership")])
    with (
        between(county.hub.url) as middle,
        lower_hub(
            folder,
            manifest(county.hub.url, ["realestate.ownership"], more="breaker: { failures: 1000 }"),
            upper_url=middle.url,
            key_file=key,
            pinned=pinned_key(county.hub),
            grants=[grant("realestate.ownership")],
        ) as lower,
    ):
        yield Above(lower, county, middle, json.loads(key.read_text())["d"])


@pytest.fixture
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """The stand of the kind that a case names."""
    kind = str(request.node.callspec.params["kind"])
    if kind == "files":
        with ExitStack() as stack:
            yield Dropped(tmp_path, stack)
        return
    if kind == "manual":
        yield request.getfixturevalue("ledger")
        return
    found: Stand
    if kind == "hub":
        found = request.getfixturevalue("pair")
    else:
        found = InTheCity(request.getfixturevalue("county"), DEPARTMENT_OF[kind])
    yield found
    found.mend()


def whole_question(stand: Stand, deadline_ms: int) -> dict[str, Any]:
    """The stand's question for the usual purpose, unless it names another."""
    return {
        "basis": {"item": "xinxiang-10", "case": "C-1", "kind": "statutory"},
        **stand.question(),
        "want": list(stand.want),
        "deadline_ms": deadline_ms,
    }


def states_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """Field → state."""
    return {path.rpartition(".")[2]: said["state"] for path, said in answer["fields"].items()}


def test_no_kind_and_no_fault_is_left_out() -> None:
    """All seven kinds; every fault script of the sandbox against each kind that can have it."""
    assert set(WAYS) == set(KINDS)
    for kind, department in DEPARTMENT_OF.items():
        assert set(WAYS[kind]) == {str(f) for f in Fault if can_have(department, f)}
    assert {"slow", "hang", "reset", "half-body", "wrong-schema", "200-with-error"} <= set(HUB)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, ways in WAYS.items() for name in ways]
)
def test_whatever_is_wrong_the_answer_is_whole_and_proven(
    stand: Stand, kind: str, name: str
) -> None:
    """In time, each field once with the right state, a whole log, nothing personal said; and well
    again when the source is.
    """
    way = WAYS[kind][name]
    way.wrong(stand)
    began = time.monotonic()
    answer = stand.hub.client.post("/v1/queries", whole_question(stand, way.deadline_ms))
    assert time.monotonic() - began < way.deadline_ms / 1000 + LATE

    assert list(answer["fields"]) == list(stand.want)
    expected = way.states
    if isinstance(expected, str):
        expected = {path.rpartition(".")[2]: expected for path in stand.want}
    assert states_of(answer) == expected, answer["fields"]
    for said in answer["fields"].values():
        assert ("value" in said) == (said["state"] in {"ok", "manual"})
        assert (said.get("why") is None) == (said["state"] in {"ok", "manual"})
        assert said["state"] in {"ok", "manual", "not_found"} or said["fix"]
    is_logged_and_proven(stand, answer)

    stand.mend()
    for _ in range(200):
        after = stand.hub.client.post("/v1/queries", whole_question(stand, USUAL))
        if set(states_of(after).values()) == {stand.well}:
            break
        time.sleep(0.05)
    assert set(states_of(after).values()) == {stand.well}, after["fields"]


def is_logged_and_proven(stand: Stand, answer: Mapping[str, Any]) -> None:
    """The log has the question before the answer, and of the answer what the answer says."""
    log = stand.hub.log
    document = stand.hub.client.get(f"/v1/receipts/{answer['receipt']}")
    key = base64.b64decode(stand.hub.client.get("/v1/evidence/key")["key"])
    assert verify_receipt(json.dumps(document).encode(), trusted_key=key).verdict is Verdict.PASSED
    leaf = json.loads(document["leaf"])
    said = {p: (f["state"], f.get("why")) for p, f in answer["fields"].items()}
    logged = {p: (f["state"], f.get("why")) for p, f in leaf["body"]["fields"].items()}
    assert (logged, leaf["body"]["outcome"]) == (said, answer["outcome"])

    question = whole_question(stand, USUAL)
    number = question["subject"]["id"]
    leaves = [json.loads(log.receipt(i).leaf) for i in log.find_by_subject("citizen-id", number)]
    mine = [each for each in leaves if each["body"].get("query") == answer["id"]]
    assert [each["kind"] for each in mine] == ["asked", "answered"]
    (call,) = mine[0]["body"]["calls"]
    assert call["fields"] == [path.rpartition(".")[2] for path in stand.want]
    for each in mine:
        body = each["body"]
        assert (body["consumer"], body["item"], body["case"]) == (
            "xinxiang-intake", question["basis"]["item"], question["basis"]["case"],
        )  # fmt: skip
        assert body["basis"]["kind"] == "statutory"
    assert log.audit() == []

    reasons = [
        {k: v for k, v in said.items() if k != "value"} for said in answer["fields"].values()
    ]
    seen = stand.lines() + json.dumps([leaves, reasons], ensure_ascii=False)
    assert [secret for secret in stand.hidden() if secret in seen] == []
