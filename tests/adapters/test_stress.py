"""Sources in trouble, over real sockets, guarded as their manifests say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.errors import InvalidManifest
from adapters.model import Freshness, Outcome, SourceCall
from adapters.ports import Surroundings
from adapters.registry import Connected, check, connect
from hub.database import migrate, open_database
from hub.keep import keep_at
from hub.store import StoredDataKeys
from hub.vault import Vault
from tests.adapters.servers import Behaviour, Request, http, says, serve
from tests.adapters.small import CATALOG, COUNTY, call, connected, now, write

GOOD = http('{"t": "x"}')
MANIFEST = """
source: everything
name: 样例系统
authority: 县公安局
kind: rest
connect: {{base_url: "${{HERE}}", timeout: {timeout}}}
breaker: {{failures: 1000}}
{guards}
resources:
  sample.everything:
    idempotent: true
    ask: {{method: GET, path: /x, query: {{id: keys.id_number}}}}
    answer: {{fields: {{text: {{at: t}}}}}}
"""
HEDGE = 'hedge: {after: 50ms, share: 1, replica: {base_url: "${THERE}"}}'


def manifest(guards: str = "", timeout: str = "2s") -> str:
    """The sample source with those guards."""
    return MANIFEST.format(guards=guards, timeout=timeout)


def asked(**changes: object) -> SourceCall:
    """The usual question."""
    return replace(call("sample.everything"), **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def sources(
    folder: Path, text: str, surroundings: Surroundings | None = None, **environment: str
) -> AsyncIterator[Connected]:
    """The county with that one source."""
    write(folder, everything=text)
    county = connect(
        folder, county=COUNTY, catalog=CATALOG, environment=environment, now=now,
        surroundings=surroundings,
    )  # fmt: skip
    try:
        yield county
    finally:
        await county.aclose()


def first_hangs_up(then: bytes) -> Behaviour:
    """The first connection is dropped without a word."""
    dropped = []

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        if not dropped:
            dropped.append(1)
            writer.transport.abort()
            return
        writer.write(then)

    return behaviour


def slow(seconds: float) -> Behaviour:
    """An answer that takes its time."""

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        writer.write(GOOD)

    return behaviour


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("guards", "outcome", "times"),
    [("retry: {share: 1}", Outcome.ANSWERED, 2), ("", Outcome.UNREACHABLE, 1)],
)
async def test_a_dropped_connection_is_tried_again_where_the_manifest_says_so(
    tmp_path: Path, guards: str, outcome: Outcome, times: int
) -> None:
    """Once more, and only there."""
    async with (
        serve(first_hangs_up(GOOD)) as server,
        sources(tmp_path, manifest(guards), HERE=server.url) as county,
    ):
        reply = await county.sources["everything"].answer(asked(), within=2)
    assert (reply.outcome, len(server.requests)) == (outcome, times)


@pytest.mark.anyio
async def test_a_refusal_is_never_asked_again(tmp_path: Path) -> None:
    """A provider that says no has heard us."""
    async with (
        serve(says(http("{}", status="403 Forbidden"), GOOD)) as server,
        sources(tmp_path, manifest("retry: {share: 1}"), HERE=server.url) as county,
    ):
        reply = await county.sources["everything"].answer(asked(), within=2)
    assert (reply.outcome, len(server.requests)) == (Outcome.REFUSED, 1)


@pytest.mark.anyio
async def test_a_replica_answers_for_a_source_that_is_slow(tmp_path: Path) -> None:
    """The slower of the two is given up, and its connection with it."""
    async with (
        serve(slow(20)) as first,
        serve(says(GOOD)) as second,
        sources(tmp_path, manifest(HEDGE, "15s"), HERE=first.url, THERE=second.url) as county,
    ):
        async with asyncio.timeout(10):
            reply = await county.sources["everything"].answer(asked(), within=15)
        assert county.sources["everything"].status().in_flight == 0
    assert (reply.outcome, len(first.requests), len(second.requests)) == (Outcome.ANSWERED, 1, 1)


@pytest.mark.anyio
async def test_an_old_answer_stands_in_for_a_source_that_hangs(tmp_path: Path) -> None:
    """Until the caller's deadline, which is shorter than the source's own."""
    guards = "cache: {max_age: 1s, stale_if_error: 1d}"
    hangs = asyncio.Event()

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        if hangs.is_set():
            await asyncio.sleep(20)
        writer.write(GOOD)

    async with (
        serve(behaviour) as server,
        sources(tmp_path, manifest(guards, "15s"), HERE=server.url) as county,
    ):
        source = county.sources["everything"]
        await source.answer(asked(), within=5)
        hangs.set()
        wish = asked(max_age=timedelta(microseconds=-1), stale_if_error=timedelta(hours=1))
        async with asyncio.timeout(10):
            reply = await source.answer(wish, within=0.3)
    assert (reply.outcome, reply.freshness) == (Outcome.ANSWERED, Freshness.STALE)
    assert reply.why == "rest.timed-out"


@pytest.mark.anyio
async def test_a_hundred_misses_are_one_question_and_the_next_process_asks_none(
    tmp_path: Path, valkey_url: str
) -> None:
    """Over a real Valkey, sealed: another process of the hub finds what this one kept."""
    database = open_database(f"sqlite:///{tmp_path / 'keys.sqlite3'}")
    migrate(database)
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    text = manifest("cache: {max_age: 1h}\nbulkhead: {calls: 1}")
    freshness = []
    async with serve(slow(0.1)) as server:
        for _ in range(2):
            around = Surroundings(keep=keep_at(valkey_url, vault))
            async with sources(tmp_path, text, around, HERE=server.url) as county:
                source = county.sources["everything"]
                replies = await asyncio.gather(
                    *(source.answer(asked(), within=10) for _ in range(100))
                )
            await around.keep.aclose()
            assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
            freshness.append({reply.freshness for reply in replies})
    database.close()
    assert freshness == [{Freshness.LIVE}, {Freshness.CACHED}]
    assert len(server.requests) == 1


WRONG: dict[str, tuple[str, str]] = {
    "a queue below nothing": ("bulkhead: {queue: -1}", "greater-than-equal"),
    "no room at all": ("bulkhead: {calls: 0}", "greater-than-equal"),
    "an unknown delay": (HEDGE.replace("50ms", "p99"), "value"),
    "a replica at no address": (HEDGE.replace("${THERE}", "there"), "replica"),
    "a replica with an unknown key": (HEDGE.replace("base_url", "baseurl"), "replica"),
    "a replica whose file is not there": (HEDGE.replace("base_url:", "ca_file: none.pem, base_url:"), "ca-file"),
    "a time of day with an offset": (
        'closed: [{daily_from: "23:30+01:00", daily_to: "06:00"}]', "value"
    ),
    "a time of day as a number": ("closed: [{daily_from: 2330, daily_to: 600}]", "value"),
    "no day of the week": (
        'closed: [{daily_from: "23:30", daily_to: "06:00", weekdays: []}]', "value"
    ),
    "an eighth day": (
        'closed: [{daily_from: "23:30", daily_to: "06:00", weekdays: [8]}]', "less-than-equal"
    ),
    "an end before its beginning": (
        "closed: [{from: 2026-12-02T00:00, to: 2026-12-01T00:00}]", "value"
    ),
    "an end of time": ('closed: [{from: 2026-12-02T00:00, to: "9999-12-31T23:59-12:00"}]', "value"),
    "a day that never was": ("closed: [{from: 2026-02-30T00:00, to: 2026-12-01T00:00}]", "value"),
    "both kinds of window": (
        'closed: [{daily_from: "23:30", daily_to: "06:00", from: 2026-12-01T00:00}]', "missing-key"
    ),
    "a rate of nothing": ("rate: {per_second: 0}", "greater-than"),
    "an age in words": ("cache: {max_age: forever}", "value"),
    "a share above all": ("retry: {share: 1.5}", "less-than-equal"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_guard_that_means_nothing_is_refused_with_its_rule(tmp_path: Path, name: str) -> None:
    """When the manifest is read, not on the first call at night."""
    guards, rule = WRONG[name]
    write(tmp_path, everything=manifest(guards))
    with pytest.raises(InvalidManifest) as caught:
        check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    assert rule in {complaint.rule for complaint in caught.value.complaints}


@pytest.mark.anyio
async def test_every_guard_at_once_is_read_and_answers(tmp_path: Path) -> None:
    """All sections of the grammar in one manifest."""
    guards = "\n".join(
        [
            "bulkhead: {calls: 2, queue: 4, wait: 50ms}", "rate: {per_second: 50, burst: 100}",
            "retry: {share: 0.1, jitter: 10ms}", HEDGE.replace("50ms", "p95"),
            "cache: {max_age: 1h, stale_if_error: 1d, no_record: 5m}",
            'closed: [{daily_from: "02:00", daily_to: "03:00", weekdays: [7], reason: 日终}]',
        ]
    )  # fmt: skip
    async with serve(says(GOOD)) as server:
        county = connected(
            tmp_path, {"HERE": server.url, "THERE": server.url}, everything=manifest(guards)
        )
        reply = await county.sources["everything"].answer(asked(), within=5)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED
