"""Lists of revoked X.509 certificates (CRL v2, RFC 5280 §5), read leniently, and what one says.

Lists are gathered beforehand: nothing here goes to the network. Delta lists, indirect lists and
lists about some reasons only say so in critical extensions, which make a list unusable here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import lru_cache

from seals import ber, der
from seals.ber import Value
from seals.encoding import all_pem
from seals.errors import InvalidKey, Malformed
from seals.names import Name, read_name
from seals.x509 import Extension, Flaw, Oddity, read_extension, read_extensions, three

MAX_LIST = 64 * 1024 * 1024
MAX_REVOKED = 1_000_000

CRL_NUMBER, REASON_CODE, INVALIDITY_DATE = "2.5.29.20", "2.5.29.21", "2.5.29.24"
AUTHORITY_KEY_ID, ISSUING_POINT = "2.5.29.35", "2.5.29.28"
_UNDERSTOOD = frozenset({CRL_NUMBER, AUTHORITY_KEY_ID, ISSUING_POINT})
_UNDERSTOOD_OF_ENTRIES = frozenset({REASON_CODE, INVALIDITY_DATE})


class Reason(IntEnum):
    """Why it was revoked (RFC 5280 §5.3.1); 7 is not used."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """That one certificate is revoked."""

    serial: int
    at: datetime
    reason: Reason = Reason.UNSPECIFIED
    understood: bool = True
    """Nothing critical stands at it that we do not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A list of revoked certificates of one issuer. Equal where the bytes are."""

    der: bytes = field(repr=False)
    tbs: bytes = field(compare=False, repr=False)
    algorithm: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    issuer: Name = field(compare=False, repr=False)
    this_update: datetime = field(compare=False)
    next_update: datetime | None = field(compare=False)
    extensions: tuple[Extension, ...] = field(compare=False, repr=False)
    _entries: Mapping[int, Value] = field(compare=False, repr=False)
    flaws: frozenset[Flaw] = field(compare=False)
    oddities: frozenset[Oddity] = field(compare=False)

    def __len__(self) -> int:
        """How many it names."""
        return len(self._entries)

    @property
    def usable(self) -> bool:
        """Does it speak of all certificates of its issuer, in terms that we understand?"""
        critical = {each.oid for each in self.extensions if each.critical}
        return not self.flaws and critical <= _UNDERSTOOD and not self._partial

    def revocation(self, serial: int) -> Revocation | None:
        """What it says of that certificate.

        Raises:
            Malformed: The entry cannot be read.
        """
        entry = self._entries.get(serial)
        return None if entry is None else _read_entry(entry)

    def revocations(self) -> Iterator[Revocation]:
        """All that it says.

        Raises:
            Malformed: An entry cannot be read.
        """
        return map(_read_entry, self._entries.values())

    @property
    def _partial(self) -> bool:
        """Does its issuing point (RFC 5280 §5.2.5) say more than where the list lies?

        A list of CA certificates only, of end entities only or of some reasons may be silent about
        the one that is asked for.
        """
        point = next((each for each in self.extensions if each.oid == ISSUING_POINT), None)
        if point is None:
            return False
        return any(each.tag != 0xA0 for each in ber.sequence(ber.whole(point.value)))


def read_list(data: bytes) -> RevocationList:
    """A list in DER or PEM.

    Raises:
        Malformed: It is none, or larger than any.
    """
    if len(data) > MAX_LIST:
        raise Malformed("too-large")
    if not data.startswith(b"-----BEGIN"):
        return _read_list(data)
    try:
        blocks = all_pem(data.decode("ascii", "replace"), "X509 CRL")
    except InvalidKey:
        raise Malformed("pem") from None
    if len(blocks) != 1:
        raise Malformed("pem")
    return _read_list(blocks[0])


@lru_cache(maxsize=16)
def _read_list(data: bytes) -> RevocationList:
    tbs, algorithm, signature = three(ber.whole(data))
    left = ber.sequence(tbs, 3)
    flaws: set[Flaw] = set()
    odd: set[Oddity] = set()
    if left[0].tag == der.INTEGER and ber.number(left.pop(0)) != 1:
        flaws.add(Flaw.VERSION)
    left.reverse()
    inner, issuer, this_update = (_taken(left) for _ in range(3))
    next_update = left.pop() if left and left[-1].tag in (der.UTC_TIME, der.TIME) else None
    revoked = left.pop() if left and left[-1].tag == der.SEQUENCE else None
    extensions = left.pop() if left and left[-1].tag == 0xA0 else None
    if left:
        raise Malformed("not-a-list")
    if inner.whole != algorithm.whole:
        flaws.add(Flaw.ALGORITHMS_DIFFER)
    read = read_extensions(extensions, flaws, odd)
    for each in read:
        if each.oid == ISSUING_POINT:
            ber.sequence(ber.whole(each.value))
    return RevocationList(
        der=data,
        tbs=tbs.whole,
        algorithm=algorithm.whole,
        signature=ber.bits(signature),
        issuer=read_name(issuer),
        this_update=ber.moment(this_update),
        next_update=None if next_update is None else ber.moment(next_update),
        extensions=read,
        _entries={} if revoked is None else _indexed(revoked),
        flaws=frozenset(flaws),
        oddities=frozenset(odd),
    )


def _taken(left: list[Value]) -> Value:
    if not left:
        raise Malformed("not-a-list")
    return left.pop()


def _indexed(revoked: Value) -> dict[int, Value]:
    """Entries by serial number; the first of two is the one that counts, for it came first."""
    found: dict[int, Value] = {}
    for entry in ber.parts(revoked, MAX_REVOKED):
        serial = ber.at(entry.data, entry.start, entry.end)
        found.setdefault(ber.number(serial), entry)
    return found


def _read_entry(entry: Value) -> Revocation:
    serial, at, *rest = ber.sequence(entry, 2, 3)
    reason, understood = Reason.UNSPECIFIED, True
    for each in ber.sequence(rest[0]) if rest else ():
        extension = read_extension(each, set())
        if extension.oid == REASON_CODE:
            reason = _reason(extension.value)
        elif extension.critical and extension.oid not in _UNDERSTOOD_OF_ENTRIES:
            understood = False
    return Revocation(
        serial=ber.number(serial), at=ber.moment(at), reason=reason, understood=understood
    )


def _reason(value: bytes) -> Reason:
    """A reason that nobody defined is no reason to think it less revoked."""
    content = ber.expect(ber.whole(value), der.ENUMERATED).content
    try:
        return Reason(int.from_bytes(content))
    except ValueError:
        return Reason.UNSPECIFIED
