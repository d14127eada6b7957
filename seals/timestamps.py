"""Timestamps (RFC 3161, GB/T 20520): what is asked, what is answered, and what a token says.

Read leniently from the original bytes, written in DER. Nothing is judged here: that a token is of
certain bytes, and from somebody who may say so, is for `timestamp_judging.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from seals import ber, der
from seals.ber import Value
from seals.errors import Malformed
from seals.signed_data import SignedData, digest_identifier, digest_named, read_signed_data

TST_INFO = "1.2.840.113549.1.9.16.1.4"
MAX_TOKEN = 256 * 1024
MAX_REQUEST = 16 * 1024
MAX_NONCE = 64
"""Bytes of a nonce: more is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """The digest that a timestamp is over (`MessageImprint`)."""

    digest: str
    """Name for `hashlib`; empty where it is unknown."""
    value: bytes
    identifier: bytes = field(default=b"", compare=False, repr=False)
    """The AlgorithmIdentifier as it stood there."""

    @property
    def der(self) -> bytes:
        """As we write it."""
        return der.sequence(digest_identifier(self.digest), der.octets(self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampRequest:
    """`TimeStampReq`."""

    imprint: Imprint
    nonce: int | None = None
    policy: str = ""
    """OID of the policy that is wanted; empty for any."""
    certificates_wanted: bool = True
    version: int = 1
    extensions: bool = False
    """Has it any? We know none."""

    @property
    def der(self) -> bytes:
        """As we write it."""
        return der.sequence(
            der.integer(self.version),
            self.imprint.der,
            der.oid(self.policy) if self.policy else b"",
            b"" if self.nonce is None else der.integer(self.nonce),
            der.true() if self.certificates_wanted else b"",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampInfo:
    """`TSTInfo`: what a timestamp authority vouches for."""

    version: int
    policy: str
    imprint: Imprint
    serial: int
    at: datetime
    """`genTime`, fractions of a second dropped."""
    accuracy: timedelta | None
    """None where it is not stated."""
    ordering: bool
    nonce: int | None
    critical: tuple[str, ...] = ()
    """Critical extensions; we know none."""

    @property
    def der(self) -> bytes:
        """As we write it; extensions are never written."""
        return der.sequence(
            der.integer(self.version),
            der.oid(self.policy),
            self.imprint.der,
            der.integer(self.serial),
            der.generalized_time(self.at),
            b"" if self.accuracy is None else _written_accuracy(self.accuracy),
            der.true() if self.ordering else b"",
            b"" if self.nonce is None else der.integer(self.nonce),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampToken:
    """A token: what it says, and the signature around it."""

    info: TimestampInfo
    signed: SignedData
    der: bytes = field(repr=False)


class Status(IntEnum):
    """`PKIStatus`."""

    GRANTED = 0
    GRANTED_WITH_CHANGES = 1
    REJECTION = 2
    WAITING = 3
    REVOCATION_WARNING = 4
    REVOCATION_NOTIFICATION = 5


class Failure(IntEnum):
    """`PKIFailureInfo`: why nothing was stamped; the number is that of its bit."""

    BAD_ALGORITHM = 0
    BAD_REQUEST = 2
    BAD_DATA_FORMAT = 5
    TIME_NOT_AVAILABLE = 14
    UNACCEPTED_POLICY = 15
    UNACCEPTED_EXTENSION = 16
    ADDITIONAL_INFORMATION_NOT_AVAILABLE = 17
    SYSTEM_FAILURE = 25

    @property
    def key(self) -> str:
        """Stable name."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampResponse:
    """`TimeStampResp`."""

    status: int
    failures: frozenset[int] = frozenset()
    """Numbers of bits, those of `Failure` among them."""
    token: bytes = field(default=b"", repr=False)
    """A ContentInfo; empty where nothing was stamped."""

    @property
    def granted(self) -> bool:
        """Was something stamped?"""
        return self.status in {Status.GRANTED, Status.GRANTED_WITH_CHANGES}

    @property
    def der(self) -> bytes:
        """As we write it."""
        failures = der.named_bits(*self.failures) if self.failures else b""
        return der.sequence(der.sequence(der.integer(self.status), failures), self.token)


def read_request(data: bytes) -> TimestampRequest:
    """A `TimeStampReq`.

    Raises:
        Malformed: It is none, or larger than any.
    """
    if len(data) > MAX_REQUEST:
        raise Malformed("too-large")
    version, imprint, *rest = ber.sequence(ber.whole(data), 2, 6)
    left = _Left(rest)
    policy, nonce, certificates = (left.take(t) for t in (der.OID, der.INTEGER, der.BOOLEAN))
    extensions = left.take(0xA0)
    left.done()
    return TimestampRequest(
        version=ber.number(version),
        imprint=_imprint(imprint),
        policy="" if policy is None else ber.oid(policy),
        nonce=None if nonce is None else ber.number(nonce, most=MAX_NONCE),
        certificates_wanted=certificates is not None and ber.boolean(certificates),
        extensions=extensions is not None,
    )


def read_response(data: bytes) -> TimestampResponse:
    """A `TimeStampResp`; its token is not opened.

    Raises:
        Malformed: It is none, or larger than any.
    """
    if len(data) > MAX_TOKEN:
        raise Malformed("too-large")
    told, *token = ber.sequence(ber.whole(data), 1, 2)
    status, *more = ber.sequence(told, 1, 3)
    failures = next((each for each in more if each.tag == der.BITS), None)
    return TimestampResponse(
        status=ber.number(status),
        failures=frozenset() if failures is None else ber.named_bits(failures),
        token=token[0].whole if token else b"",
    )


def read_token(data: bytes) -> TimestampToken:
    """A token: SignedData around a `TSTInfo`.

    Raises:
        Malformed: It is none, or larger than any.
    """
    if len(data) > MAX_TOKEN:
        raise Malformed("too-large")
    signed = read_signed_data(data)
    if signed.content_type != TST_INFO:
        raise Malformed("not-a-timestamp")
    return TimestampToken(info=read_info(signed.inner), signed=signed, der=data)


def read_info(data: bytes) -> TimestampInfo:
    """A `TSTInfo`.

    Raises:
        Malformed: It is none.
    """
    version, policy, imprint, serial, at, *rest = ber.sequence(ber.whole(data), 5, 10)
    left = _Left(rest)
    accuracy, ordering, nonce = (left.take(t) for t in (der.SEQUENCE, der.BOOLEAN, der.INTEGER))
    left.take(0xA0)  # the authority's own name for itself, which its certificate says better
    extensions = left.take(0xA1)
    left.done()
    return TimestampInfo(
        version=ber.number(version),
        policy=ber.oid(policy),
        imprint=_imprint(imprint),
        serial=ber.number(serial),
        at=ber.moment(ber.expect(at, der.TIME)),
        accuracy=None if accuracy is None else _accuracy(accuracy),
        ordering=ordering is not None and ber.boolean(ordering),
        nonce=None if nonce is None else ber.number(nonce, most=MAX_NONCE),
        critical=() if extensions is None else tuple(_critical(extensions)),
    )


class _Left:
    """Optional values in a fixed order."""

    def __init__(self, values: list[Value]) -> None:
        self._values = values

    def take(self, tag: int) -> Value | None:
        return self._values.pop(0) if self._values and self._values[0].tag == tag else None

    def done(self) -> None:
        if self._values:
            raise Malformed("other-tag")


def _imprint(value: Value) -> Imprint:
    identifier, digest = ber.sequence(value, 2, 2)
    return Imprint(
        digest=digest_named(identifier),
        value=ber.expect(digest, der.OCTETS).content,
        identifier=identifier.whole,
    )


_MILLIS, _MICROS = 0x80, 0x81


def _accuracy(value: Value) -> timedelta:
    """Seconds, milli- and microseconds; a missing one is nought."""
    found = {der.INTEGER: 0, _MILLIS: 0, _MICROS: 0}
    for each in ber.sequence(value, 0, 3):
        if each.tag not in found or not 1 <= len(each.content) <= 5:
            raise Malformed("accuracy")
        found[each.tag] = int.from_bytes(each.content, signed=True)
    if min(found.values()) < 0:
        raise Malformed("accuracy")
    return timedelta(
        seconds=found[der.INTEGER], milliseconds=found[_MILLIS], microseconds=found[_MICROS]
    )


def _written_accuracy(accuracy: timedelta) -> bytes:
    seconds = accuracy.days * 86400 + accuracy.seconds
    millis, micros = divmod(accuracy.microseconds, 1000)
    parts = [der.integer(seconds)] if seconds else []
    for number, value in ((0, millis), (1, micros)):
        if value:
            parts.append(der.implicit(number, der.integer(value)[2:]))
    return der.sequence(*parts)


def _critical(extensions: Value) -> list[str]:
    found = []
    for each in ber.parts(extensions, 64):
        name, *middle = ber.sequence(each, 2, 3)
        if len(middle) == 2 and ber.boolean(middle[0]):
            found.append(ber.oid(name))
    return found
