"""A deferred answer becomes whole when the clerk has answered or the time is over; the caller finds
it, and is told. On both databases.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert, select, update

from hub.app import now
from hub.client import HubClient
from hub.database import migrate, open_database
from hub.onboarding import apply_grants
from hub.store import DeferredBook, StoredDataKeys
from hub.store.deferred import callback_table, deferred_table, outbox_table
from hub.store.rows import moment_text
from hub.store.tasks import TaskBook, TaskState, Typed
from hub.vault import Vault
from hub.webhooks import Postman, may_be_called, new_secret
from tests.hub.conftest import server_database
from tests.journeys.test_batch import finished, outcomes
from tests.journeys.test_desk import GRANTED, NUMBERS, question, refusal
from tests.world.department import Department, listening
from tests.world.desk import admitted, ledger
from tests.world.hub import CLIENT, RunningHub, county_with, grant, running_hub

PERMIT = "residence-permit.status.permit_no"
UNGRANTED = "hukou.person.name"


@dataclass(slots=True)
class Receiver:
    """A caller's endpoint for callbacks, which fails as often as it is told to."""

    url: str
    fail: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer."""
        self.got.append((headers, body))
        if len(self.got) <= self.fail:
            return 503
        return 204


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An endpoint on loopback."""
    state = Receiver("")

    class Handler(Department):
        def answer(self) -> None:
            length = int(self.headers["Content-Length"])
            headers = {k.lower(): v for k, v in self.headers.items()}
            self.say(b"", state.take(headers, self.rfile.read(length)))

    with listening(Handler) as url:
        state.url = f"{url}/mianti"
        yield state


@dataclass(frozen=True, slots=True)
class Place:
    """A hub with a paper ledger, its clerks, and the folder it lives in."""

    hub: RunningHub
    clerk: HubClient
    secret: str

    def deferred(self, case: str, number: str = NUMBERS[0], **more: Any) -> dict[str, Any]:
        """A query that waits for a clerk."""
        return self.hub.client.post(
            "/v1/queries", question(number, case, [PERMIT, UNGRANTED], **more)
        )

    def answer(self, case: str, permit: str) -> None:
        """A clerk answers."""
        (task,) = [t for t in self.clerk.get("/v1/tasks")["tasks"] if t["case"] == case]
        body = {"by": "A01", "found": True, "values": {"permit_no": permit}}
        self.clerk.post(f"/v1/tasks/{task['id']}:answer", body)


Start = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting for the database of a case."""
    return {"database_url": server_database(request)} if request.param == "postgresql" else {}


def place(hub: RunningHub, folder: Path, url: str) -> Place:
    """Clerks and a registered callback for a running hub."""
    book = DeferredBook(database=hub.context.database, vault=hub.context.vault)
    secret = new_secret()
    book.register_callback(CLIENT, url, secret)
    return Place(hub, admitted(hub, folder, "police", "县公安局"), secret)


def until(holds: Callable[[], bool]) -> bool:
    """Wait for something that another thread brings about."""
    for _ in range(400):
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_the_answer_becomes_whole_and_the_caller_is_told(
    tmp_path: Path, database: dict[str, str], receiver: Receiver
) -> None:
    """Found under its address by its caller alone, with a new receipt; the callback is signed,
    holds no personal data, is tried again after a failure, and comes under one id.
    """
    receiver.fail = 1
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger()})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants, **database) as hub:
        here = place(hub, tmp_path, receiver.url)
        first = here.deferred("CASE-B", callback={"url": receiver.url})
        where = first["status_url"].removeprefix(hub.url)
        before = hub.client.get(where)
        with pytest.raises(httpx2.HTTPStatusError) as stranger:
            here.clerk.get(where)
        here.answer("CASE-B", "J-20261124-88")
        after = hub.client.get(where)
        again = hub.client.get(where)
        told = until(lambda: len(receiver.got) == 2)
        leaf = json.loads(hub.client.get(f"/v1/receipts/{after['receipt']}")["leaf"])
        with hub.context.database.reading() as connection:
            stored = repr(connection.exec_driver_sql("SELECT * FROM hub_deferred").all())
        lines = hub.lines()
        here.clerk.close()

    assert (first["outcome"], before) == ("deferred", first)
    assert first["fields"][UNGRANTED]["state"] == "not_granted"
    assert stranger.value.response.json()["code"] == "hub.unknown-query"
    assert (after["id"], after["outcome"], again) == (first["id"], "partial", after)
    assert after["fields"][PERMIT]["state"] == "manual"
    assert after["fields"][PERMIT]["value"] == "J-20261124-88"
    assert after["fields"][UNGRANTED] == first["fields"][UNGRANTED]
    assert after["receipts"] == [first["receipt"], after["receipt"]]
    assert (leaf["kind"], list(leaf["body"]["fields"])) == ("answered", [PERMIT])
    assert told
    (headers, body), (second, same) = receiver.got
    assert (headers["webhook-id"], body) == (second["webhook-id"], same)
    key = base64.b64decode(here.secret.removeprefix("whsec_"))
    signed = f"{second['webhook-id']}.{second['webhook-timestamp']}.".encode() + same
    mac = hmac.new(key, signed, hashlib.sha256).digest()
    assert second["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert json.loads(same)["data"] == {
        "id": first["id"], "outcome": "partial", "status_url": first["status_url"],
    }  # fmt: skip
    for secret in (NUMBERS[0], "J-20261124-88", "赵明示"):
        assert secret not in same.decode() + lines + stored


def test_a_row_of_a_batch_and_a_plan_become_whole_too(
    tmp_path: Path, database: dict[str, str], receiver: Receiver
) -> None:
    """A row says where the rest of it will be; the plan of a case is whole when it is made again."""
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger()})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants, **database) as hub:
        here = place(hub, tmp_path, receiver.url)
        row, second = (question(n, "CASE-OF-MANY", [PERMIT]) for n in NUMBERS[:2])
        head = {key: row[key] for key in ("basis", "want")}
        rows = [
            {"subject": q["subject"], "case": f"CASE-{at}"} for at, q in enumerate((row, second))
        ]
        job = hub.client.post("/v1/queries:batch", {"head": head, "rows": rows})["id"]
        ended = finished(hub.client.get, job)
        found = outcomes(hub.url, hub.client.token(), job)
        here.answer("CASE-1", "J-20261124-89")
        waiting, whole = (
            hub.client.get(each["status_url"].removeprefix(hub.url)) for each in found
        )

        subjects = {"applicant": row["subject"], "child": second["subject"]}
        plan = {"subjects": subjects, "basis": {**row["basis"], "case": "CASE-PLAN"}}
        before = hub.client.post("/v1/bundles/xinxiang-10:plan", plan)
        here.answer("CASE-PLAN", "J-20261124-90")
        after = hub.client.post("/v1/bundles/xinxiang-10:plan", plan)
        here.clerk.close()

    assert ended["outcomes"] == {"deferred": 2}
    assert [each["fields"][PERMIT]["state"] for each in found] == ["deferred", "deferred"]
    assert (waiting["outcome"], waiting["fields"]) == ("deferred", found[0]["fields"])
    assert (whole["id"], whole["outcome"]) == (found[1]["id"], "complete")
    assert whole["fields"][PERMIT]["value"] == "J-20261124-89"
    permit, number = (
        [{each["id"]: each for each in plan[part]}[name] for plan in (before, after)]
        for part, name in (("materials", "residence-permit"), ("form", "residence_permit_no"))
    )
    assert [(each["state"], each["reason"]) for each in permit] == [
        ("asked", "waiting"), ("exempted", None),
    ]  # fmt: skip
    assert [(each["asked_because"], each["value"]) for each in number] == [
        ("waiting", None), (None, "J-20261124-90"),
    ]  # fmt: skip
    assert number[1]["provenance"]["entered_by"] == "A01"


def test_a_task_that_lapses_ends_the_waiting(
    tmp_path: Path, database: dict[str, str], receiver: Receiver
) -> None:
    """By itself: the field says that nobody answered in time, with a receipt, and the caller is told."""
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger(due="1s")})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants, **database) as hub:
        here = place(hub, tmp_path, receiver.url)
        first = here.deferred("CASE-L", callback={"url": receiver.url})
        told = until(lambda: bool(receiver.got))
        after = hub.client.get(f"/v1/queries/{first['id']}")
        leaf = json.loads(hub.client.get(f"/v1/receipts/{after['receipt']}")["leaf"])
        here.clerk.close()

    assert told
    assert (after["fields"][PERMIT]["state"], after["fields"][PERMIT]["why"]) == (
        "timed_out", "manual.lapsed",
    )  # fmt: skip
    assert leaf["body"]["fields"] == {PERMIT: {"state": "timed_out", "why": "manual.lapsed"}}


def test_a_right_that_was_withdrawn_meanwhile_gives_nothing(
    tmp_path: Path, database: dict[str, str], receiver: Receiver
) -> None:
    """The late field is decided on the day it comes, not on the day it was asked."""
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger()})
    held = grant("residence-permit.status", fields=GRANTED)
    with running_hub(tmp_path, counties, grants=[held], **database) as hub:
        here = place(hub, tmp_path, receiver.url)
        first = here.deferred("CASE-W")
        gone = grant("residence-permit.status", fields=GRANTED, active=False)
        apply_grants(hub.context.database, hub.context.evidence, [gone], now)
        here.answer("CASE-W", "J-20261124-99")
        after = hub.client.get(f"/v1/queries/{first['id']}")
        here.clerk.close()

    assert after["outcome"] == "refused"
    assert after["fields"][PERMIT]["why"] == "access.grant-active"
    assert "J-20261124-99" not in json.dumps(after)


def test_a_restart_loses_neither_answer_nor_callback(
    tmp_path: Path, database: dict[str, str], receiver: Receiver
) -> None:
    """The callback that could not be sent before the hub ended is sent by the next one."""
    receiver.fail = 1
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger()})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants, **database) as hub:
        here = place(hub, tmp_path, receiver.url)
        first = here.deferred("CASE-R", callback={"url": receiver.url})
        here.answer("CASE-R", "J-20261124-77")
        tried = until(lambda: len(receiver.got) == 1)
        here.clerk.close()
    with running_hub(tmp_path, counties, grants=grants, **database) as hub:
        told = until(lambda: len(receiver.got) == 2)
        after = hub.client.get(f"/v1/queries/{first['id']}")

    assert (tried, told) == (True, True)
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
    assert after["fields"][PERMIT]["value"] == "J-20261124-77"


def test_only_registered_addresses_are_called(tmp_path: Path, receiver: Receiver) -> None:
    """An address nobody registered, or another caller's, is refused before anything is asked."""
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger()})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants) as hub:
        here = place(hub, tmp_path, receiver.url)
        size = hub.context.evidence.checkpoint().split("\n")[1]
        other = question(NUMBERS[0], "CASE-S", [PERMIT], callback={"url": receiver.url + "/x"})
        unregistered = refusal(hub.client, "/v1/queries", other)
        mine = question(NUMBERS[0], "CASE-S", [PERMIT], callback={"url": receiver.url})
        foreign = refusal(here.clerk, "/v1/queries", mine)
        waiting = here.clerk.get("/v1/tasks")["tasks"]
        here.clerk.close()

    assert unregistered[:2] == foreign[:2] == (422, "hub.callback-not-registered")
    assert waiting == []
    assert int(size) > 0
    assert receiver.got == []


def test_what_cannot_be_read_keeps_nobody_else_waiting(
    tmp_path: Path, database: dict[str, str], receiver: Receiver
) -> None:
    """An answer and a callback's secret that were damaged in the database, both first in line: the
    answers of others become whole, and their callers are told.
    """
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger(due="2s")})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants, **database) as hub:
        here, book = (
            place(hub, tmp_path, receiver.url),
            DeferredBook(database=hub.context.database, vault=hub.context.vault),
        )
        book.register_callback(CLIENT, f"{receiver.url}/damaged", new_secret())
        for url in (f"{receiver.url}/damaged", receiver.url):
            here.deferred(f"CASE-{len(url)}", callback={"url": url})
        lost = here.deferred("CASE-LOST")
        moment = moment_text(now() - timedelta(days=1))
        with hub.context.database.writing() as connection:
            connection.execute(
                update(deferred_table)
                .where(deferred_table.c.id == lost["id"])
                .values(sealed=b"damaged", check_at=moment)
            )
            connection.execute(
                update(callback_table)
                .where(callback_table.c.url == f"{receiver.url}/damaged")
                .values(secret=b"damaged")
            )
        told = until(lambda: len(receiver.got) == 1)
        lines = hub.lines()
        here.clerk.close()

    assert told
    assert "deferred_waits" in lines
    assert "callback_waits" in lines


def test_a_moment_without_the_log_costs_a_moment(
    tmp_path: Path, database: dict[str, str], receiver: Receiver
) -> None:
    """The clerk has answered while nobody could look: the caller is told all the same, and not only
    when the task would have lapsed, three days later.
    """
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger()})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants, **database) as hub:
        here = place(hub, tmp_path, receiver.url)
        here.deferred("CASE-M", callback={"url": receiver.url})
        book = TaskBook(database=hub.context.database, vault=hub.context.vault)
        (task,) = here.clerk.get("/v1/tasks")["tasks"]
        found = book.find(task["id"], now())
        assert found is not None
        # As a process writes it that ends before it has looked who waits.
        values = Typed(found=True, values={"permit_no": "J-20261124-66"})
        assert book.typed(found, values, by="A01", state=TaskState.ANSWERED, now=now())
        told = until(lambda: len(receiver.got) == 1)
        here.clerk.close()

    assert told


@dataclass(slots=True)
class Dripping:
    """An endpoint that begins to answer and never comes to an end."""

    url: str = ""
    got: int = 0


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    """A byte of the head now and then: each one in time, the whole never."""
    state, over = Dripping(), threading.Event()

    class Handler(Department):
        def answer(self) -> None:
            state.got += 1
            self.wfile.write(b"HTTP/1.1 204 No Content\r\nX-Slow: ")
            while not over.wait(0.2):
                self.wfile.write(b"a")

    with listening(Handler) as url:
        state.url = url
        yield state
        over.set()


UNSENDABLE = {
    "a label that is too long": f"https://{'a' * 64}.example/hook",
    "an empty label": "https://intake..example/hook",
    "nobody listens": "http://127.0.0.1:9/hook",
}


@pytest.mark.anyio
async def test_one_endpoint_keeps_no_callback_of_others(
    tmp_path: Path, receiver: Receiver, dripping: Dripping
) -> None:
    """Of addresses nothing can be sent to, one that never ends its answer, and a good one: the round
    ends, the good one has its callback, and of the others each is tried again later.
    """
    database = open_database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    migrate(database)
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    book, moment = DeferredBook(database=database, vault=vault), now()
    urls = [*UNSENDABLE.values(), dripping.url, receiver.url]
    for at, url in enumerate(urls):
        book.register_callback(CLIENT, url, new_secret())
        row = {
            "id": f"msg_{at}", "client_id": CLIENT, "url": url, "body": "{}", "attempts": 0,
            "next_at": moment_text(moment),
        }  # fmt: skip
        with database.writing() as connection:
            connection.execute(insert(outbox_table).values(row))
    async with asyncio.timeout(30):
        await Postman(book=book, now=lambda: moment, seconds=1.0).round()
    with database.reading() as connection:
        left = {
            row.url: row.attempts
            for row in connection.execute(select(outbox_table.c.url, outbox_table.c.attempts))
        }
    database.close()

    assert (len(receiver.got), dripping.got) == (1, 1)
    assert left == dict.fromkeys(urls[:-1], 1)


URLS = {
    "https://intake.example/hook": True,
    "http://127.0.0.1:9000/hook": True,
    "http://[::1]/hook": True,
    "http://intake.example/hook": False,
    "http://169.254.169.254/latest": False,
    "https://user:pass@intake.example/": False,
    "https://intake.example/#x": False,
    "https:///nobody": False,
    "https://intake.example:99999/": False,
    "file:///etc/passwd": False,
    "ftp://intake.example/": False,
    "https://intake.example/a b": False,
    "https://例子.example/": False,
    "": False,
    "https://intake.example/" + "x" * 500: False,
}


@pytest.mark.parametrize("url", URLS)
def test_addresses_that_may_be_registered(url: str) -> None:
    """https, or http to this very machine."""
    assert may_be_called(url) is URLS[url]
