"""One short-lived secret among tasks, clients and processes: one fetches, nobody is locked out."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.errors import SourceAnswerInvalid, SourceRefused, SourceUnavailable
from adapters.model import Outcome
from adapters.ports import MemoryKeep
from adapters.refreshing import PAUSE_SECONDS, Refreshing, Secret, ending
from tests.adapters.servers import serve
from tests.adapters.test_platforms import ZHEJIANG, ZhejiangPlatform, ask, sources

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def secret(text: str, seconds: float = 900) -> Secret:
    """A secret that lives so long."""
    return Secret(text=text, until=NOW + timedelta(seconds=seconds))


class Source:
    """Gives secret after secret, after a while."""

    def __init__(self, *, seconds: float = 0.0, fails: Exception | None = None) -> None:
        self.given, self.asked, self.seconds, self.fails = 0, 0, seconds, fails

    async def __call__(self, _last: Secret | None) -> Secret:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.fails is not None:
            raise self.fails
        self.given += 1
        return secret(f"s{self.given}")


def refreshing(
    fetch: Callable[[Secret | None], Awaitable[Secret]],
    keep: MemoryKeep | None = None,
    clock: Callable[[], float] = lambda: 0.0,
) -> Refreshing:
    """One worker's view of the account `a`."""
    return Refreshing("a", keep or MemoryKeep(), lambda: NOW, fetch, clock)


async def test_a_storm_is_one_fetch() -> None:
    """Fifty calls at once, one fetch, one secret."""
    source = Source(seconds=0.02)
    shared = refreshing(source)
    found = await asyncio.gather(*(shared.current() for _ in range(50)))
    assert set(found) == {"s1"}
    assert source.asked == 1


async def test_a_storm_of_failures_is_one_fetch_and_fifty_errors() -> None:
    """Each who waited gets an error of its own; the next ones try anew."""
    source = Source(seconds=0.02, fails=SourceUnavailable("cut-off"))
    shared = refreshing(source)
    found = await asyncio.gather(*(shared.current() for _ in range(50)), return_exceptions=True)
    assert {(type(e), getattr(e, "why", None)) for e in found} == {(SourceUnavailable, "cut-off")}
    assert len({id(each) for each in found}) == 50
    assert source.asked == 1
    source.fails = None
    assert await shared.current() == "s1"


async def test_callers_in_a_hurry_do_not_keep_the_secret_from_coming() -> None:
    """Each leaves before the slow source answers; still it is asked once, and its secret is there."""
    source = Source(seconds=0.15)
    shared = refreshing(source)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await shared.current()
    await asyncio.sleep(0.15)
    assert await shared.current() == "s1"
    assert source.asked == 1


async def test_after_a_refusal_nobody_asks_for_a_while() -> None:
    """A wrong key is not tried again by every call; after the pause it is."""
    moment = [0.0]
    source = Source(fails=SourceRefused("secret-refused"))
    shared = refreshing(source, clock=lambda: moment[0])
    for _ in range(20):
        with pytest.raises(SourceRefused, match="secret-refused"):
            await shared.current()
    assert source.asked == 1
    moment[0] = PAUSE_SECONDS
    source.fails = None
    assert await shared.current() == "s1"


async def test_whose_secret_was_replaced_takes_the_new_one_from_the_keep() -> None:
    """Two workers cannot invalidate each other's secrets in turns."""
    keep, source = MemoryKeep(), Source()
    one, two = refreshing(source, keep), refreshing(source, keep)
    assert (await one.current(), await two.current()) == ("s1", "s1")
    one.forget("s1")
    assert await one.current() == "s2"
    two.forget("s1")
    assert await two.current() == "s2"
    assert source.asked == 2


@pytest.mark.parametrize("kept", [b"", b"null", b"{}", b"[1]", b"\xff", b'{"text": 1}', b'"x"'])
async def test_what_another_version_has_kept_is_passed_over(kept: bytes) -> None:
    """It is no secret of ours, and no error."""
    keep, source = MemoryKeep(), Source()
    await keep.put("secret:a", kept, 60)
    assert await refreshing(source, keep).current() == "s1"


@pytest.mark.parametrize("text", ["", "a b", "a\r\nX-Evil: 1", "密钥", "x" * 20_000])
async def test_what_cannot_stand_in_a_header_is_no_secret(text: str) -> None:
    """Neither empty nor huge nor with a line of its own."""

    async def fetch(_last: Secret | None) -> Secret:
        return secret(text)

    keep = MemoryKeep()
    with pytest.raises(SourceAnswerInvalid, match="secret-unreadable"):
        await refreshing(fetch, keep).current()
    assert await keep.get("secret:a") is None


ENDS: dict[str, tuple[object, int]] = {
    "in ten minutes": (int((NOW + timedelta(minutes=10)).timestamp() * 1000), 600),
    "as text": (str(int((NOW + timedelta(minutes=10)).timestamp() * 1000)), 600),
    "now": (int(NOW.timestamp() * 1000), 900),
    "over: their clock is behind": (int((NOW - timedelta(hours=1)).timestamp() * 1000), 900),
    "too far: their clock is ahead": (int((NOW + timedelta(days=3)).timestamp() * 1000), 900),
    "in seconds": (int((NOW + timedelta(minutes=10)).timestamp()), 900),
    "not said": (None, 900),
    "a word": ("soon", 900),
    "negative": (-1, 900),
    "beyond all years": (10**30, 900),
    "true": (True, 900),
    "a list": ([], 900),
}


@pytest.mark.parametrize("name", ENDS)
async def test_when_a_secret_ends(name: str) -> None:
    """As its platform says, if that can be; otherwise after the time that is usual."""
    reported, seconds = ENDS[name]
    assert ending(reported, now=NOW, life=900) == NOW + timedelta(seconds=seconds)


async def test_clocks_that_differ_cost_no_refresh_for_each_call(tmp_path: Path) -> None:
    """A new secret that seems to be over is used for its usual life."""
    platform = ZhejiangPlatform(lives=-3600)
    async with serve(platform) as server:
        connected = sources(tmp_path, server.url, ZHEJIANG, SECRET="s3cret")
        replies = [await ask(connected) for _ in range(5)]
        await connected.aclose()
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert sum("refresh" in path for path in platform.asked) == 1


async def test_no_secret_is_shown_logged_or_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the long-term nor the short-lived ones, by whatever is printed of a source."""
    caplog.set_level(logging.DEBUG)
    platform, keep = ZhejiangPlatform(), MemoryKeep()
    async with serve(platform) as server:
        connected = sources(tmp_path, server.url, ZHEJIANG, keep=keep, SECRET="s3cret")
        reply = await ask(connected)
        source = connected.sources["permit"]
        shown = [repr(reply), repr(connected), repr(vars(source)), repr(source.status())]
        transport = vars(vars(source)["_attempts"])["_transport"]
        while "_transport" in vars(transport):  # a trace and an eye on shapes stand before it
            transport = vars(transport)["_transport"]
            shown.append(repr(vars(transport)))
        client = vars(transport)["_client"]
        shown += [
            repr(vars(client)),
            repr(vars(client)["_auth"]),
            repr(vars(vars(client)["_auth"])),
        ]
        shown += [repr(vars(each)) for each in vars(vars(client)["_auth"]).values()
                  if isinstance(each, Refreshing)]  # fmt: skip
        await connected.aclose()
    text = "\n".join([*shown, caplog.text])
    assert reply.outcome is Outcome.ANSWERED
    assert "s3cret" not in text
    assert platform.current not in text
    assert platform.renewal not in text


WORKER = """
import asyncio, json, sys
from pathlib import Path
from adapters.ports import Surroundings
from adapters.registry import connect
from hub.keep import RedisKeep
from tests.adapters.small import CATALOG, COUNTY, call
from tests.adapters.test_platforms import utc

async def main(folder, url, valkey):
    keep = RedisKeep(valkey, prefix="two:")
    county = connect(Path(folder), county=COUNTY, catalog=CATALOG, now=utc,
                     environment={"PERMIT_URL": url, "SECRET": "s3cret"},
                     surroundings=Surroundings(keep=keep))
    permit = county.sources["permit"]
    replies = await asyncio.gather(*(
        permit.answer(call("residence-permit.status"), within=20) for _ in range(25)))
    print(json.dumps([reply.outcome for reply in replies]))
    await county.aclose()
    await keep.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_refresh_once(tmp_path: Path, valkey_url: str) -> None:
    """Twenty-five calls in each of two processes that share a real Valkey: one refresh for all."""
    platform = ZhejiangPlatform()
    async with serve(platform) as server:
        connected = sources(tmp_path, server.url, ZHEJIANG, SECRET="s3cret")
        await connected.aclose()
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", WORKER, str(tmp_path), server.url, valkey_url,
                cwd=ROOT, stdout=subprocess.PIPE,
            )
            for _ in range(2)
        ]  # fmt: skip
        outputs = [(await worker.communicate())[0] for worker in workers]
    outcomes = [outcome for output in outputs for outcome in json.loads(output)]
    assert outcomes == ["answered"] * 50
    assert sum("refresh" in path for path in platform.asked) == 1
