"""Names in X.509 (RFC 5280 §4.1.2.4): read as they come, compared as §7.1 says, written in UTF-8."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from seals import ber, der
from seals.ber import Value
from seals.errors import Malformed

COUNTRY, ORGANISATION, UNIT, COMMON_NAME = "2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.3"
PROVINCE, LOCALITY, SERIAL_NUMBER, ORGANISATION_ID = "2.5.4.8", "2.5.4.7", "2.5.4.5", "2.5.4.97"
EMAIL = "1.2.840.113549.1.9.1"
_SHORT: Mapping[str, str] = {
    COUNTRY: "C", PROVINCE: "ST", LOCALITY: "L", ORGANISATION: "O", UNIT: "OU", COMMON_NAME: "CN",
    SERIAL_NUMBER: "serialNumber", ORGANISATION_ID: "organizationIdentifier", EMAIL: "emailAddress",
}  # fmt: skip
_PRINTABLE = {COUNTRY, SERIAL_NUMBER}
MAX_ATTRIBUTES = 64
REMEMBERED = 1024
"""Bytes of a name that is remembered."""


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name."""

    der: bytes
    attributes: tuple[tuple[str, str], ...]
    """Type and text of each, in the order in which they stand."""
    normal: tuple[frozenset[tuple[str, str]], ...]
    """For comparing: without case, without doubled blanks, without the kind of string."""
    proper: bool = True
    """Does every string keep to the letters of its kind?"""

    def same(self, other: Name) -> bool:
        """Is it the same name, though it may be written otherwise?"""
        return self.der == other.der or (bool(self.normal) and self.normal == other.normal)

    def first(self, kind: str) -> str:
        """The first attribute of that type; empty where there is none."""
        return next((text for name, text in self.attributes if name == kind), "")

    def __str__(self) -> str:
        """For people, the last first; nothing that a terminal would obey."""
        shown = (f"{_SHORT.get(name, name)}={_plain(text)}" for name, text in self.attributes)
        return ", ".join(reversed(tuple(shown)))


def read_name(value: Value) -> Name:
    """A name as others wrote it; it may be empty.

    Raises:
        Malformed: It is no name.
    """
    whole = value.whole
    return _known_name(whole) if len(whole) <= REMEMBERED else _read_name(value)


def _read_name(value: Value) -> Name:
    attributes: list[tuple[str, str]] = []
    normal: list[frozenset[tuple[str, str]]] = []
    proper = True
    for relative in ber.parts(ber.expect(value, der.SEQUENCE), MAX_ATTRIBUTES):
        together: list[tuple[str, str]] = []
        for pair in ber.parts(ber.expect(relative, der.SET), MAX_ATTRIBUTES):
            kind, content = ber.sequence(pair, 2, 2)
            text = _text_of(content)
            proper &= text.proper
            together.append((ber.oid(kind), text.value))
        if not together:
            raise Malformed("name")
        attributes += together
        normal.append(frozenset((kind, _folded(text)) for kind, text in together))
    return Name(value.whole, tuple(attributes), tuple(normal), proper)


@lru_cache(maxsize=1024)
def _known_name(der: bytes) -> Name:
    """An issuer has a name that thousands of certificates repeat."""
    return _read_name(ber.whole(der))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A name that we write: what is empty is left out."""

    common_name: str
    organisation: str = ""
    unit: str = ""
    country: str = "CN"
    organisation_id: str = ""
    """The unified social credit identifier, where the holder is an organisation."""
    more: tuple[tuple[str, str], ...] = field(default=())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Type and text of each attribute, from the country down."""
        known = (
            (COUNTRY, self.country),
            (ORGANISATION, self.organisation),
            (UNIT, self.unit),
            (ORGANISATION_ID, self.organisation_id),
            (COMMON_NAME, self.common_name),
            *self.more,
        )
        return ((kind, text) for kind, text in known if text)

    @property
    def der(self) -> bytes:
        """RDNSequence, one attribute each."""
        return der.sequence(*(_relative(kind, text) for kind, text in self))


def _relative(kind: str, text: str) -> bytes:
    string = der.printable(text) if kind in _PRINTABLE else der.utf8(text)
    return der.set_of(der.sequence(der.oid(kind), string))


def _text_of(value: Value) -> ber.Text:
    """The text; a type that is no string is kept in hexadecimal, for it may be compared."""
    try:
        return ber.text(value)
    except Malformed:
        if len(value.content) > 1024:
            raise
        return ber.Text("#" + value.whole.hex(), proper=False)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
