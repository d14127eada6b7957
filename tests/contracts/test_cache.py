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


def test_counts_are_of_a_key_and_a_window(cache: Cache) -> None:
    """Each call counts once; another key, and the next window, start again."""
    assert [cache.count("a", 60) for _ in range(3)] == [1, 2, 3]
    assert cache.count("b", 60) == 1
    assert cache.count("short", 0.05) == 1
    time.sleep(0.1)
    assert cache.count("short", 60) == 1


def test_a_count_is_no_spent_key(cache: Cache) -> None:
    """Counting and spending do not meet, even under the same name."""
    cache.count("a", 60)

    assert cache.add("a", 60)
    assert cache.count("a", 60) == 2


def test_no_call_is_lost_in_the_count(cache: Cache) -> None:
    """Of many calls at once each gets its own number."""
    with ThreadPoolExecutor(16) as pool:
        counts = list(pool.map(lambda _: cache.count("a", 60), range(64)))

    assert sorted(counts) == list(range(1, 65))


def test_a_full_memory_refuses() -> None:
    """Rather than forget a spent token, the embedded cache refuses new ones until some expire."""
    moment = 0.0
    cache = MemoryCache(clock=lambda: moment, most=10)
    for number in range(10):
        assert cache.add(str(number), 5)
    with pytest.raises(CacheUnavailable):
        cache.add("one more", 5)
    assert not cache.add("3", 5)
    moment = 6.0

    assert cache.add("one more", 5)


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
    with pytest.raises(CacheUnavailable):
        cache.count("a", 60)
    cache.close()


def test_an_address_that_is_none_is_refused() -> None:
    """A wrong setting is our error, not a library's."""
    with pytest.raises(CacheUnavailable):
        RedisCache("http://example")
