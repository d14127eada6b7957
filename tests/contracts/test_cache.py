"""The cache port: the same behaviour in this process and over the Redis protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.cache import Cache, MemoryCache, RedisCache
from hub.errors import CacheUnavailable
from hub.ids import new_id


@pytest.fixture(params=["memory", "valkey"])
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    """Both implementations; the second on a real Valkey."""
    if request.param == "memory":
        yield MemoryCache()
        return
    remote = RedisCache(request.getfixturevalue("valkey_url"), prefix=f"{new_id('test')}:")
    yield remote
    remote.close()


def test_a_key_is_new_once(cache: Cache) -> None:
    """The second time within the time it is not new; another key is."""
    assert cache.add("a", 60)
    assert not cache.add("a", 60)
    assert cache.add("b", 60)


def test_a_key_comes_free_again(cache: Cache) -> None:
    """After its time a key is new again."""
    assert cache.add("a", 0.05)
    time.sleep(0.1)

    assert cache.add("a", 60)


def test_of_many_at_once_one_wins(cache: Cache) -> None:
    """A replayed token cannot slip through between two threads."""
    with ThreadPoolExecutor(16) as pool:
        wins = list(pool.map(lambda _: cache.add("a", 60), range(64)))

    assert sum(wins) == 1


def test_memory_forgets_what_is_over() -> None:
    """The embedded cache does not grow for ever."""
    moment = 0.0
    cache = MemoryCache(clock=lambda: moment)
    for number in range(5000):
        moment = float(number)
        cache.add(str(number), 10)

    assert len(cache._until) < 2048


def test_a_dead_server_refuses() -> None:
    """When the shared cache is away nothing is waved through."""
    cache = RedisCache("redis://127.0.0.1:1/0")
    with pytest.raises(CacheUnavailable):
        cache.add("a", 60)
    cache.close()
