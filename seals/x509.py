"""X.509 certificates, ours and others' (RFC 5280, GB/T 20518), read leniently and told honestly.

Reading refuses only what cannot be understood. What is odd but seen in the field is an `Oddity`,
tolerated and told; what lets one thing be taken for another is a `Flaw`, and the judge of chains
(`chains.py`) fails it. Nothing is judged here, no signature is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import TypeVar

from seals import ber, der
from seals.ber import Value
from seals.encoding import all_pem
from seals.errors import InvalidKey, Malformed
from seals.names import Name, read_name

MAX_X509 = 64 * 1024
MAX_EXTENSIONS = 64
MAX_BUNDLE = 16 * 1024 * 1024

BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
SUBJECT_KEY_ID, AUTHORITY_KEY_ID = "2.5.29.14", "2.5.29.35"
TIME_STAMPING, ANY_USAGE = "1.3.6.1.5.5.7.3.8", "2.5.29.37.0"


class KeyUsage(IntEnum):
    """Bits of the extension (RFC 5280 §4.2.1.3)."""

    DIGITAL_SIGNATURE = 0
    NON_REPUDIATION = 1
    KEY_ENCIPHERMENT = 2
    DATA_ENCIPHERMENT = 3
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5
    CRL_SIGN = 6
    ENCIPHER_ONLY = 7
    DECIPHER_ONLY = 8


class Oddity(StrEnum):
    """Not as DER or RFC 5280 want it, seen in the field, and harmless."""

    LENGTHS = "long-lengths"
    PADDED_SERIAL = "padded-serial"
    SERIAL_NOT_POSITIVE = "serial-not-positive"
    LONG_SERIAL = "long-serial"
    STRINGS = "odd-strings"
    TIMES = "odd-times"
    BOOLEANS = "odd-booleans"
    NO_EXTENSIONS = "no-extensions"


class Flaw(StrEnum):
    """Readable, but it could be taken for something else: it is failed where it is judged."""

    ALGORITHMS_DIFFER = "algorithms-differ"
    EXTENSION_TWICE = "extension-twice"
    EXTENSION_UNREADABLE = "extension-unreadable"
    EXTENSIONS_TOO_EARLY = "extensions-in-version-1"
    VERSION = "unknown-version"
    NO_ISSUER = "no-issuer"


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension; `value` is the DER inside."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class BasicConstraints:
    """May its holder issue, and how many issuers may stand below."""

    ca: bool
    path_length: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Certificate:
    """An X.509 certificate. Equal where the bytes are."""

    der: bytes
    tbs: bytes = field(compare=False, repr=False)
    """The bytes that were signed, as they stand there."""
    algorithm: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    serial: int = field(compare=False)
    issuer: Name = field(compare=False, repr=False)
    subject: Name = field(compare=False, repr=False)
    not_before: datetime = field(compare=False)
    not_after: datetime = field(compare=False)
    spki: bytes = field(compare=False, repr=False)
    extensions: tuple[Extension, ...] = field(compare=False, repr=False)
    basic_constraints: BasicConstraints | None = field(compare=False)
    key_usage: frozenset[int] | None = field(compare=False)
    """Bits that are set; None where the extension is missing."""
    extended_key_usage: frozenset[str] | None = field(compare=False)
    subject_key_id: bytes | None = field(compare=False, repr=False)
    authority_key_id: bytes | None = field(compare=False, repr=False)
    oddities: frozenset[Oddity] = field(compare=False)
    flaws: frozenset[Flaw] = field(compare=False)

    @property
    def self_issued(self) -> bool:
        """Are subject and issuer the same name?"""
        return self.subject.same(self.issuer)

    @property
    def critical(self) -> frozenset[str]:
        """Kinds of extensions that must be understood."""
        return frozenset(each.oid for each in self.extensions if each.critical)

    def extension(self, oid: str) -> Extension | None:
        """The extension of that kind."""
        return next((each for each in self.extensions if each.oid == oid), None)


def read_x509(data: bytes) -> X509Certificate:
    """A certificate in DER, or in what is taken for it.

    Raises:
        Malformed: It is none, or larger than any.
    """
    if len(data) > MAX_X509:
        raise Malformed("too-large")
    return _read_x509(data)


def read_bundle(data: bytes) -> list[X509Certificate]:
    """All certificates of a file: PEM blocks one after the other, or one in DER.

    Raises:
        Malformed: There is none, or one of them cannot be read.
    """
    if len(data) > MAX_BUNDLE:
        raise Malformed("too-large")
    if b"-----BEGIN" not in data:
        return [read_x509(data)]
    try:
        blocks = all_pem(data.decode("ascii", "replace"), "CERTIFICATE")
    except InvalidKey:
        raise Malformed("pem") from None
    if not blocks:
        raise Malformed("pem")
    return [read_x509(block) for block in blocks]


@lru_cache(maxsize=512)
def _read_x509(data: bytes) -> X509Certificate:
    outer = ber.whole(data)
    tbs, algorithm, signature = three(outer)
    left = iter(ber.sequence(tbs))
    odd: set[Oddity] = set()
    flaws: set[Flaw] = set()
    try:
        first = next(left)
        version = 0
        if first.tag == 0xA0:
            (stated,) = ber.parts(first)
            version, first = ber.number(stated), next(left)
        serial, inner, issuer, validity, subject, spki = first, *(next(left) for _ in range(5))
        begin, end = ber.sequence(validity)
    except (StopIteration, RuntimeError, TypeError, ValueError):
        raise Malformed("not-x509") from None
    rest = list(left)
    extensions = read_extensions(_tagged(rest, 0xA3), flaws, odd)
    names = read_name(issuer), read_name(subject)
    not_before, not_after = ber.moment(begin), ber.moment(end)
    places = (outer, tbs, algorithm, signature, serial, inner, issuer, subject, spki)
    _note_oddities(odd, places, serial, names)
    if not all(_usual_time(each) for each in (begin, end)):
        odd.add(Oddity.TIMES)
    if not extensions:
        odd.add(Oddity.NO_EXTENSIONS)
    _note_flaws(flaws, version, extensions, (inner, algorithm), names[0])
    usage = _inside(extensions, KEY_USAGE, ber.named_bits, flaws)
    return X509Certificate(
        der=data,
        tbs=tbs.whole,
        algorithm=algorithm.whole,
        signature=ber.bits(signature),
        serial=ber.number(serial),
        issuer=names[0],
        subject=names[1],
        not_before=not_before,
        not_after=not_after,
        spki=spki.whole,
        extensions=extensions,
        basic_constraints=_inside(extensions, BASIC_CONSTRAINTS, _constraints, flaws),
        key_usage=usage,
        extended_key_usage=_inside(extensions, EXTENDED_KEY_USAGE, _usages, flaws),
        subject_key_id=_inside(extensions, SUBJECT_KEY_ID, _octets, flaws),
        authority_key_id=_inside(extensions, AUTHORITY_KEY_ID, _authority, flaws),
        oddities=frozenset(odd),
        flaws=frozenset(flaws),
    )


def three(outer: Value) -> tuple[Value, Value, Value]:
    """What is signed, the algorithm and the signature: the frame of certificates and lists.

    Raises:
        Malformed: There is something else.
    """
    tbs, algorithm, signature = ber.sequence(outer, 3, 3)
    return tbs, ber.expect(algorithm, der.SEQUENCE), signature


def read_extensions(
    value: Value | None, flaws: set[Flaw], odd: set[Oddity]
) -> tuple[Extension, ...]:
    """The extensions under their explicit tag, in order.

    Raises:
        Malformed: They are none.
    """
    if value is None:
        return ()
    inside = ber.parts(value, 1)
    if not inside:
        raise Malformed("extensions")
    found: dict[str, Extension] = {}
    for each in ber.parts(ber.expect(inside[0], der.SEQUENCE), MAX_EXTENSIONS):
        extension = read_extension(each, odd)
        if extension.oid in found:
            flaws.add(Flaw.EXTENSION_TWICE)
        else:
            found[extension.oid] = extension
    return tuple(found.values())


def read_extension(value: Value, odd: set[Oddity]) -> Extension:
    """One extension.

    Raises:
        Malformed: It is none.
    """
    name, *middle = ber.sequence(value, 2, 3)
    content = ber.expect(middle.pop(), der.OCTETS).content
    critical = bool(middle) and ber.boolean(middle[0])
    if middle and middle[0].content != b"\xff":
        odd.add(Oddity.BOOLEANS)
    return Extension(ber.oid(name), critical, content)


_T = TypeVar("_T")


def _inside(
    extensions: Sequence[Extension], oid: str, read: Callable[[Value], _T], flaws: set[Flaw]
) -> _T | None:
    for extension in extensions:
        if extension.oid == oid:
            try:
                return read(ber.whole(extension.value))
            except Malformed:
                flaws.add(Flaw.EXTENSION_UNREADABLE)
    return None


def _constraints(value: Value) -> BasicConstraints:
    left = ber.sequence(value)
    ca = bool(left) and left[0].tag == der.BOOLEAN and ber.boolean(left.pop(0))
    length = ber.number(left.pop(0)) if left else None
    if left or (length is not None and length < 0):
        raise Malformed("basic-constraints")
    return BasicConstraints(ca, length)


def _usages(value: Value) -> frozenset[str]:
    return frozenset(ber.oid(each) for each in ber.sequence(value))


def _octets(value: Value) -> bytes:
    return ber.expect(value, der.OCTETS).content


def _authority(value: Value) -> bytes | None:
    return next((each.content for each in ber.sequence(value) if each.tag == 0x80), None)


def _tagged(values: Sequence[Value], tag: int) -> Value | None:
    """The value with that tag; before it only unique ids may stand, behind it nothing."""
    allowed = (0x81, 0x82, 0xA1, 0xA2)
    for at, value in enumerate(values):
        if value.tag == tag and at == len(values) - 1:
            return value
        if value.tag not in allowed:
            raise Malformed("not-x509")
    return None


def _note_oddities(
    odd: set[Oddity], places: Sequence[Value], serial: Value, names: Sequence[Name]
) -> None:
    if not all(place.canonical for place in places):
        odd.add(Oddity.LENGTHS)
    number = ber.number(serial)
    if number <= 0:
        odd.add(Oddity.SERIAL_NOT_POSITIVE)
    if ber.padded(serial):
        odd.add(Oddity.PADDED_SERIAL)
    if len(serial.content) > 20:
        odd.add(Oddity.LONG_SERIAL)
    if not all(name.proper for name in names):
        odd.add(Oddity.STRINGS)


def _note_flaws(
    flaws: set[Flaw],
    version: int,
    extensions: Sequence[Extension],
    algorithms: tuple[Value, Value],
    issuer: Name,
) -> None:
    if algorithms[0].whole != algorithms[1].whole:
        flaws.add(Flaw.ALGORITHMS_DIFFER)
    if not 0 <= version <= 2:
        flaws.add(Flaw.VERSION)
    elif extensions and version < 2:
        flaws.add(Flaw.EXTENSIONS_TOO_EARLY)
    if not issuer.attributes:
        flaws.add(Flaw.NO_ISSUER)


def _usual_time(value: Value) -> bool:
    """UTCTime of 13 letters or GeneralizedTime of 15, ending in Z."""
    size = {der.UTC_TIME: 13, der.TIME: 15}[value.tag]
    return len(value.content) == size and value.content.endswith(b"Z")
