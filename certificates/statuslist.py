"""A status list: two bits for each certificate, for those who verify off-line.

The list says nothing of whose certificate has which place: places are dealt out in an order that
only the key of the list tells, so neighbours in the list are not neighbours in time. What a
certificate ended by is not told, either; ended is ended.

```text
list   = JSON, canonical: bits, count, expires, issued, issuer, list, statuses   + signature
statuses = base64url(zlib(four certificates a byte, the first in the lowest bits))
```
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from certificates.errors import IllegalAct, ListNotTrusted, NumbersExhausted
from certificates.lifecycle import ENDED, Status
from certificates.ports import ListSigner, Numbers, Verify

BITS = 2
PER_BYTE = 8 // BITS
MAX_COUNT = 1 << 24
"""Places of one list: 4 MiB before compression."""
MAX_BYTES = 8 * 1024 * 1024
"""Of a list as it travels."""
LEVEL = 9
ROUNDS = 6


class Told(IntEnum):
    """What a list tells of a certificate; 0 to 2 as in the IETF's token status list."""

    IN_FORCE = 0
    """Also of places that nobody has: the list does not tell how many certificates there are."""
    ENDED = 1
    SUSPENDED = 2
    REPLACED = 3
    """Ended, and there is a newer one."""


def told(status: Status) -> Told:
    """What a list tells of a status. Whether a certificate has begun or expired, its own days say."""
    if status is Status.REPLACED:
        return Told.REPLACED
    if status in ENDED:
        return Told.ENDED
    return Told.SUSPENDED if status is Status.SUSPENDED else Told.IN_FORCE


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """The statuses of one list, as packed bits."""

    list_id: str
    count: int
    """How many places it has, taken or not."""
    packed: bytes

    @classmethod
    def empty(cls, list_id: str, count: int) -> StatusList:
        """A list on which nobody is anything but in force.

        Raises:
            IllegalAct: `count`: no multiple of four, or too many; `list`: no name.
        """
        if not 0 < count <= MAX_COUNT or count % PER_BYTE:
            raise IllegalAct("count")
        if not re.fullmatch("[a-z0-9][a-z0-9-]{0,63}", list_id):
            raise IllegalAct("list")
        return cls(list_id=list_id, count=count, packed=bytes(count // PER_BYTE))

    def __getitem__(self, place: int) -> Told:
        """Raises:
        IndexError: The list has no such place.
        """
        if not 0 <= place < self.count:
            raise IndexError(place)
        return Told(self.packed[place // PER_BYTE] >> (place % PER_BYTE * BITS) & 3)

    def with_(self, changes: Mapping[int, Told]) -> StatusList:
        """The list with other statuses at some places.

        Raises:
            IndexError: The list has no such place.
        """
        packed = bytearray(self.packed)
        for place, value in changes.items():
            if not 0 <= place < self.count:
                raise IndexError(place)
            shift = place % PER_BYTE * BITS
            byte = packed[place // PER_BYTE] & ~(3 << shift)
            packed[place // PER_BYTE] = byte | value << shift
        return StatusList(list_id=self.list_id, count=self.count, packed=bytes(packed))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """A status list as it travels."""

    message: bytes
    signature: bytes


def sign(
    statuses: StatusList, signer: ListSigner, *, issued: datetime, lasts: timedelta
) -> SignedList:
    """The list, to be believed from `issued` on for as long as it lasts.

    Raises:
        IllegalAct: `time`: without zone, or it would not last at all.
    """
    if issued.tzinfo is None or lasts <= timedelta():
        raise IllegalAct("time")
    packed = base64.urlsafe_b64encode(zlib.compress(statuses.packed, LEVEL))
    message = _written(
        {
            "bits": BITS,
            "count": statuses.count,
            "expires": _second(issued + lasts),
            "issued": _second(issued),
            "issuer": signer.name,
            "list": statuses.list_id,
            "statuses": packed.rstrip(b"=").decode(),
        }
    )
    return SignedList(message=message, signature=signer.sign(message))


def _second(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _written(tree: object) -> bytes:
    text = json.dumps(tree, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return text.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadList:
    """A list whose signature holds, and how long it may be relied on."""

    statuses: StatusList
    issuer: str
    issued: datetime
    expires: datetime

    def status(self, place: int, at: datetime) -> Told | None:
        """What it tells of a place; None where it cannot tell: too early, too old, no such place."""
        if not self.issued <= at < self.expires or not 0 <= place < self.statuses.count:
            return None
        return self.statuses[place]


def read(signed: SignedList, verify: Verify, *, list_id: str) -> ReadList:
    """A list that came from somewhere. The signature is looked at before anything is unpacked.

    Args:
        signed: As it came.
        verify: Knows the issuers.
        list_id: The list that the certificate names; another one is no answer.

    Raises:
        ListNotTrusted: `too-large`, `not-json`, `shape`, `not-canonical`, `signature`,
            `other-list`, `time`, `not-zlib`, `size`: not as many statuses as it says.
    """
    if len(signed.message) > MAX_BYTES or len(signed.signature) > MAX_BYTES:
        raise ListNotTrusted("too-large")
    tree = _tree(signed.message)
    issuer, statuses, count = tree.get("issuer"), tree.get("statuses"), tree.get("count")
    if not isinstance(issuer, str) or not isinstance(statuses, str) or type(count) is not int:
        raise ListNotTrusted("shape")
    if set(tree) != _KEYS or tree["bits"] != BITS or type(tree["bits"]) is not int:
        raise ListNotTrusted("shape")
    if not 0 < count <= MAX_COUNT or count % PER_BYTE:
        raise ListNotTrusted("shape")
    if not verify(issuer, signed.message, signed.signature):
        raise ListNotTrusted("signature")
    if tree["list"] != list_id:
        raise ListNotTrusted("other-list")
    issued, expires = _time(tree["issued"]), _time(tree["expires"])
    if expires <= issued:
        raise ListNotTrusted("time")
    packed = _unpacked(statuses, count // PER_BYTE)
    return ReadList(
        statuses=StatusList(list_id=list_id, count=count, packed=packed),
        issuer=issuer,
        issued=issued,
        expires=expires,
    )


_KEYS = {"bits", "count", "expires", "issued", "issuer", "list", "statuses"}


def _tree(message: bytes) -> dict[str, object]:
    try:
        tree = json.loads(message.decode("ascii"))
    except (ValueError, RecursionError):
        raise ListNotTrusted("not-json") from None
    if not isinstance(tree, dict):
        raise ListNotTrusted("shape")
    if _written(tree) != message:
        raise ListNotTrusted("not-canonical")
    return tree


def _time(value: object) -> datetime:
    try:
        return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise ListNotTrusted("time") from None


def _unpacked(statuses: str, size: int) -> bytes:
    """Exactly so many bytes, and not one more is ever unpacked than is needed to see that."""
    try:
        packed = base64.b64decode(statuses + "=" * (-len(statuses) % 4), b"-_", validate=True)
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(packed, size + 1)
    except (binascii.Error, ValueError, zlib.error):
        raise ListNotTrusted("not-zlib") from None
    if len(content) != size or not unpacking.eof or unpacking.unused_data:
        raise ListNotTrusted("size")
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Deals out the places of one list, each once, in an order that only its key tells."""

    list_id: str
    count: int
    key: bytes
    """Secret of whoever issues; 16 bytes or more."""

    def __post_init__(self) -> None:
        """Raises:
        IllegalAct: `count`, `key`.
        """
        if not 0 < self.count <= MAX_COUNT:
            raise IllegalAct("count")
        if len(self.key) < 16:
            raise IllegalAct("key")

    def take(self, numbers: Numbers) -> int:
        """The next place; nobody else gets it.

        Raises:
            NumbersExhausted: The list is full: begin another.
        """
        number = numbers.take(f"status-list:{self.list_id}")
        if number > self.count:
            raise NumbersExhausted(self.list_id)
        return self.nth(number - 1)

    def nth(self, index: int) -> int:
        """The place dealt out as the n-th, from nought: a permutation of all places (a Feistel
        network over enough bits, walked on until it falls into the list).
        """
        half = max(1, ((self.count - 1).bit_length() + 1) // 2)
        place = index
        while True:
            place = self._mixed(place, half)
            if place < self.count:
                return place

    def _mixed(self, place: int, half: int) -> int:
        mask = (1 << half) - 1
        left, right = place >> half, place & mask
        for number in range(ROUNDS):
            message = b"%d.%d" % (number, right)
            turn = int.from_bytes(hmac.digest(self.key, message, "sha256")[:8]) & mask
            left, right = right, left ^ turn
        return left << half | right

    def __iter__(self) -> Iterator[int]:
        """All places in the order they are dealt out."""
        return (self.nth(index) for index in range(self.count))
