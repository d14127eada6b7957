"""What several workers share, in this process and in a real Valkey, as it is and sealed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from adapters.ports import Keep, MemoryKeep
from hub.database import migrate, open_database
from hub.keep import RedisKeep, SealedKeep
from hub.store import StoredDataKeys
from hub.vault import Vault

pytestmark = pytest.mark.anyio
VALUE = '{"身份": "990101199001010019"}'.encode()


@pytest.fixture(params=["memory", "valkey", "memory, sealed", "valkey, sealed"])
async def keep(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Keep]:
    """Each implementation."""
    inner: Keep = MemoryKeep()
    closing = None
    if "valkey" in request.param:
        url = request.getfixturevalue("valkey_url")
        inner = closing = RedisKeep(url, prefix=f"t{secrets.token_hex(6)}:")
    yield SealedKeep(inner=inner, vault=_vault(tmp_path)) if "sealed" in request.param else inner
    if closing is not None:
        await closing.aclose()


def _vault(folder: Path) -> Vault:
    database = open_database(f"sqlite:///{folder / 'keys.sqlite3'}")
    migrate(database)
    return Vault.at(folder / "keys", StoredDataKeys(database))


async def test_what_was_put_is_there_until_it_expires(keep: Keep) -> None:
    """The newest value counts; what has expired is gone."""
    assert await keep.get("k") is None
    await keep.put("k", VALUE, 60)
    assert await keep.get("k") == VALUE
    await keep.put("k", b"new", 0.05)
    await asyncio.sleep(0.2)
    assert await keep.get("k") is None


async def test_a_lease_is_one_workers_until_released_or_lapsed(keep: Keep) -> None:
    """Nobody is locked out by a worker that died."""
    assert await keep.lease("k", 60)
    assert not await keep.lease("k", 60)
    assert await keep.lease("other", 60)
    await keep.release("k")
    assert await keep.lease("k", 0.05)
    await asyncio.sleep(0.2)
    assert await keep.lease("k", 60)


async def test_a_lease_is_no_value(keep: Keep) -> None:
    """The two do not get in each other's way."""
    await keep.put("k", b"v", 60)
    assert await keep.lease("k", 60)
    assert await keep.get("k") == b"v"


async def test_sealed_values_and_keys_are_unreadable_in_valkey(
    valkey_url: str, tmp_path: Path
) -> None:
    """Neither the value nor what it is about can be read by whoever reads the cache."""
    inner = RedisKeep(valkey_url, prefix=(prefix := f"t{secrets.token_hex(6)}:"))
    await SealedKeep(inner=inner, vault=_vault(tmp_path)).put("hukou/990101199001010019", VALUE, 60)
    await inner.aclose()
    client = redis.Redis.from_url(valkey_url)
    (key,) = list(client.scan_iter(f"{prefix}*"))
    value = client.get(key)
    client.close()

    assert b"990101199001010019" not in key
    assert isinstance(value, bytes)
    assert b"990101199001010019" not in value


async def test_a_cache_that_is_away_costs_no_answer(tmp_path: Path) -> None:
    """Nothing is kept, nothing is found, and every lease is given."""
    inner = RedisKeep(f"unix://{tmp_path / 'nobody.sock'}")
    keep = SealedKeep(inner=inner, vault=_vault(tmp_path))
    await keep.put("k", b"v", 60)
    assert await keep.get("k") is None
    assert await keep.lease("k", 60)
    await keep.release("k")
    await inner.aclose()
