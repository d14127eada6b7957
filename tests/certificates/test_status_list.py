"""Status lists: two bits each, places that tell nothing, and hostile lists of others."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certificates.errors import IllegalAct, ListNotTrusted, NumbersExhausted
from certificates.lifecycle import Status
from certificates.register import MemoryNumbers
from certificates.statuslist import (
    Places,
    SignedList,
    StatusList,
    Told,
    read,
    sign,
    told,
)
from seals.keys import verifying_key
from tests.world.certificates import NOW
from tests.world.seals import MAKER_KEY, SIGNER_KEY

KEY = verifying_key(SIGNER_KEY.spki)


@dataclass(frozen=True)
class Signer:
    """A real SM2 key."""

    name: str = "演示市"

    def sign(self, message: bytes) -> bytes:
        """See the port."""
        return SIGNER_KEY.sign(message)


def verify(name: str, message: bytes, signature: bytes) -> bool:
    """Knows one issuer."""
    return name == "演示市" and KEY.verify(SIGNER_KEY.algorithm, message, signature)


EMPTY = StatusList.empty("list-1", 4096)
SOME = EMPTY.with_({0: Told.ENDED, 1: Told.SUSPENDED, 2: Told.REPLACED, 4095: Told.ENDED})
SIGNED = sign(SOME, Signer(), issued=NOW, lasts=timedelta(days=1))


def test_a_signed_list_tells_what_was_put_in() -> None:
    """Within its time, and of places it has; else it cannot tell."""
    found = read(SIGNED, verify, list_id="list-1")

    assert [found.status(place, NOW) for place in (0, 1, 2, 3, 4095)] == [
        Told.ENDED,
        Told.SUSPENDED,
        Told.REPLACED,
        Told.IN_FORCE,
        Told.ENDED,
    ]
    assert found.status(0, NOW - timedelta(seconds=1)) is None
    assert found.status(0, NOW + timedelta(days=1)) is None
    assert found.status(4096, NOW) is None
    assert found.status(-1, NOW) is None


@given(st.dictionaries(st.integers(0, 63), st.sampled_from(Told)), st.integers(0, 63))
def test_each_place_is_its_own(changes: dict[int, Told], other: int) -> None:
    """Changing one leaves all others; the last word counts."""
    statuses = StatusList.empty("a", 64).with_(changes)

    assert [statuses[place] for place in range(64)] == [
        changes.get(place, Told.IN_FORCE) for place in range(64)
    ]
    cleared = statuses.with_({other: Told.IN_FORCE})
    assert cleared[other] is Told.IN_FORCE
    assert all(cleared[p] == statuses[p] for p in range(64) if p != other)


def test_what_a_list_tells_of_a_status() -> None:
    """Begun and expired are told by the certificate's own days; why it ended is nobody's business."""
    assert {status: told(status).name for status in Status} == {
        Status.NOT_YET: "IN_FORCE",
        Status.IN_FORCE: "IN_FORCE",
        Status.EXPIRED: "IN_FORCE",
        Status.SUSPENDED: "SUSPENDED",
        Status.REPLACED: "REPLACED",
        Status.CANCELLED: "ENDED",
        Status.REVOKED: "ENDED",
        Status.WITHDRAWN: "ENDED",
    }


def test_a_million_certificates_fit_into_a_small_file() -> None:
    """One in a hundred ended: at most 150 kB."""
    size = 1 << 20
    statuses = StatusList.empty("big", size).with_(dict.fromkeys(range(0, size, 100), Told.ENDED))
    signed = sign(statuses, Signer(), issued=NOW, lasts=timedelta(days=1))

    assert len(signed.message) < 150_000
    assert read(signed, verify, list_id="big").statuses == statuses


def forged(change: Callable[[dict[str, Any]], object], *, by: Any = SIGNER_KEY) -> SignedList:
    """The list with a change, and a right signature of somebody."""
    tree = json.loads(SIGNED.message)
    change(tree)
    message = json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()
    return SignedList(message=message, signature=by.sign(message))


def packed(content: bytes, level: int = 9) -> str:
    """As `statuses` are written."""
    return base64.urlsafe_b64encode(zlib.compress(content, level)).rstrip(b"=").decode()


HOSTILE: dict[str, tuple[SignedList, str]] = {
    "signed by another": (forged(lambda _: None, by=MAKER_KEY), "signature"),
    "signature of another list": (replace(forged(lambda t: t.update(expires="2030-01-01T00:00:00Z")), signature=SIGNED.signature), "signature"),
    "unknown issuer": (forged(lambda t: t.update(issuer="别的市")), "signature"),
    "no signature": (replace(SIGNED, signature=b""), "signature"),
    "another list": (forged(lambda t: t.update(list="list-2")), "other-list"),
    "a bomb": (forged(lambda t: t.update(statuses=packed(bytes(200_000_000)))), "size"),
    "more than it says": (forged(lambda t: t.update(statuses=packed(bytes(1025)))), "size"),
    "less than it says": (forged(lambda t: t.update(statuses=packed(bytes(1023)))), "size"),
    "something behind": (forged(lambda t: t.update(statuses=base64.urlsafe_b64encode(zlib.compress(bytes(1024)) + b"xyz").rstrip(b"=").decode())), "size"),
    "cut off": (forged(lambda t: t.update(statuses=base64.urlsafe_b64encode(zlib.compress(bytes(1024))[:-3]).rstrip(b"=").decode())), "size"),
    "not packed": (forged(lambda t: t.update(statuses="AAAA")), "not-zlib"),
    "no base64": (forged(lambda t: t.update(statuses="!!!!")), "not-zlib"),
    "letters beyond": (forged(lambda t: t.update(statuses="中")), "not-zlib"),
    "a different number of bits": (forged(lambda t: t.update(bits=1)), "shape"),
    "bits that are true": (forged(lambda t: t.update(bits=True)), "shape"),
    "no count": (forged(lambda t: t.pop("count")), "shape"),
    "count as text": (forged(lambda t: t.update(count="4096")), "shape"),
    "count true": (forged(lambda t: t.update(count=True)), "shape"),
    "count beyond measure": (forged(lambda t: t.update(count=1 << 60)), "shape"),
    "count below nought": (forged(lambda t: t.update(count=-4)), "shape"),
    "further key": (forged(lambda t: t.update(more=1)), "shape"),
    "time that is none": (forged(lambda t: t.update(issued="gestern")), "time"),
    "time in another zone": (forged(lambda t: t.update(issued="2026-11-24T06:00:00+08:00")), "time"),
    "ends before it begins": (forged(lambda t: t.update(expires="2020-01-01T00:00:00Z")), "time"),
    "blanks": (replace(SIGNED, message=SIGNED.message.replace(b":", b": ")), "not-canonical"),
    "a key twice": (replace(SIGNED, message=SIGNED.message[:-1] + b',"list":"list-1"}'), "not-canonical"),
    "a list of lists": (replace(SIGNED, message=b"[]"), "shape"),
    "deep": (replace(SIGNED, message=b"[" * 100_000), "not-json"),
    "nothing": (replace(SIGNED, message=b""), "not-json"),
    "nine megabytes": (replace(SIGNED, message=b" " * 9_000_000), "too-large"),
    "a signature of nine megabytes": (replace(SIGNED, signature=b" " * 9_000_000), "too-large"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_list_is_not_trusted(name: str) -> None:
    """Whoever signed it; the reason is a stable key, and nothing large is unpacked."""
    signed, why = HOSTILE[name]
    with pytest.raises(ListNotTrusted) as refused:
        read(signed, verify, list_id="list-1")
    assert refused.value.why == why


@given(st.binary(max_size=200), st.binary(max_size=70))
@example(b"{}", b"")
@example(b'{"bits":2,"count":4,"expires":1,"issued":1,"issuer":"","list":1,"statuses":""}', b"")
def test_what_is_no_list_is_not_trusted(message: bytes, signature: bytes) -> None:
    """Never another exception, even where the signature is taken for right."""
    with pytest.raises(ListNotTrusted):
        read(SignedList(message=message, signature=signature), lambda *_: True, list_id="a")


@given(st.data())
def test_a_changed_byte_is_not_trusted(data: st.DataObject) -> None:
    """Of list or signature."""
    part = data.draw(st.sampled_from(["message", "signature"]))
    content = bytearray(getattr(SIGNED, part))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ListNotTrusted):
        read(replace(SIGNED, **{part: bytes(content)}), verify, list_id="list-1")


@settings(max_examples=25)
@given(st.integers(1, 3000), st.binary(min_size=16, max_size=32))
def test_places_are_dealt_out_each_once(count: int, key: bytes) -> None:
    """All of them, in any list, under any key."""
    assert sorted(Places(list_id="a", count=count, key=key)) == list(range(count))


def test_neighbours_in_time_are_no_neighbours_in_the_list() -> None:
    """And another key deals otherwise."""
    one, two = (Places(list_id="a", count=4096, key=bytes([n]) * 16) for n in (1, 2))
    order = [one.nth(n) for n in range(200)]

    assert sum(abs(a - b) == 1 for a, b in pairwise(order)) < 5
    assert order != [two.nth(n) for n in range(200)]
    assert max(order) > 3000
    assert min(order) < 1000


def test_a_full_list_says_so() -> None:
    """Each place once, then no more."""
    places, numbers = Places(list_id="a", count=12, key=b"k" * 16), MemoryNumbers()

    assert sorted(places.take(numbers) for _ in range(12)) == list(range(12))
    with pytest.raises(NumbersExhausted):
        places.take(numbers)


@pytest.mark.parametrize("count", [0, 3, 5, 1 << 30, -4])
def test_a_list_of_an_odd_size_is_refused(count: int) -> None:
    """A multiple of four up to sixteen million."""
    with pytest.raises(IllegalAct):
        StatusList.empty("a", count)


def test_other_lists_that_cannot_be() -> None:
    """No name, a short key, no time to last, a place that is none."""
    for act in (
        lambda: StatusList.empty("../a", 4),
        lambda: StatusList.empty("", 4),
        lambda: Places(list_id="a", count=4, key=b"short"),
        lambda: Places(list_id="a", count=0, key=b"k" * 16),
        lambda: sign(EMPTY, Signer(), issued=NOW, lasts=timedelta()),
        lambda: sign(EMPTY, Signer(), issued=NOW.replace(tzinfo=None), lasts=timedelta(1)),
    ):
        with pytest.raises(IllegalAct):
            act()
    for place in (-1, 4096):
        with pytest.raises(IndexError):
            EMPTY[place]
        with pytest.raises(IndexError):
            EMPTY.with_({place: Told.ENDED})
