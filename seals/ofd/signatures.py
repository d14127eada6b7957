"""The signature parts of an OFD as values: `Signatures.xml` and `Signature.xml`, read and written.

Read leniently in order, case of attributes and forms of paths; nothing is judged. Written in the
order of the schema (GB/T 33190 §18), with absolute paths and digests of SM3.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from lxml import etree

from seals.errors import MalformedDocument
from seals.ofd.markup import (
    NAMESPACE,
    Element,
    box,
    local,
    named,
    only,
    parsed,
    text,
    written,
)
from seals.ofd.names import folder_of, resolved, shown
from seals.seal import SM2_SM3, SM3

MAX_REFERENCES = 20_000
MAX_STAMPS = 20_000
SEAL_TYPE, SIGN_TYPE = "Seal", "Sign"

DIGESTS = {
    SM3: "sm3",
    "SM3": "sm3",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "SHA256": "sha256",
    "SHA-256": "sha256",
    "SHA1": "sha1",
    "SHA-1": "sha1",
    "MD5": "md5",
}
"""By which name `CheckMethod` may call its algorithm; what is none of these cannot be computed."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of `Signatures.xml`."""

    id: str
    type: str
    """`Seal`, or `Sign` for a signature without a picture."""
    part: str
    """Path of its `Signature.xml`; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The software that signed."""

    name: str
    version: str
    company: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One protected part."""

    part: str
    expected: bytes
    """Empty where the written value is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where the seal's picture, or a piece of it, stands (`StampAnnot`)."""

    page_id: str
    boundary: Box | None
    """The whole picture on the page, in millimetres; None where it cannot be read."""
    clip: Box | None
    """The piece that is shown, within the boundary; None for the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What `Signature.xml` says."""

    provider: Provider
    method: str
    claimed_at: str
    """As written; software writes it in many forms, some of them local."""
    check_method: str
    references: tuple[Reference, ...]
    stamps: tuple[Stamp, ...]
    seal: str
    """Path of `Seal.esl`; empty where none is named."""
    value: str
    """Path of `SignedValue.dat`."""

    @property
    def digest(self) -> str | None:
        """The algorithm of `CheckValue` as hashlib calls it; None where we do not know it."""
        return DIGESTS.get(self.check_method.upper())


# --- reading ----------------------------------------------------------------------------------


def read_list(root: Element, where: str) -> tuple[Listed, ...]:
    """The signatures of a document, in order.

    Raises:
        MalformedDocument: It is no `Signatures.xml`.
    """
    if local(root) != "Signatures":
        raise MalformedDocument("root", where)
    return tuple(
        Listed(
            id=shown(each.get("ID") or ""),
            type=shown(each.get("Type") or SEAL_TYPE),
            part=_path(each.get("BaseLoc") or "", where),
        )
        for each in named(root, "Signature")
    )


def read_description(root: Element, where: str, parts: Iterable[str]) -> Description:
    """What one `Signature.xml` says.

    Args:
        root: Its root element.
        where: Its path; relative references begin in its folder.
        parts: What the container holds: a relative path that does not lead to one of them there
            is taken from the root, as some software writes it.

    Raises:
        MalformedDocument: `root`, `doubled`, `incomplete`, `too-many`, and the keys of XML.
    """
    if local(root) != "Signature":
        raise MalformedDocument("root", where)
    info, value = only(root, "SignedInfo", where), only(root, "SignedValue", where)
    references = None if info is None else only(info, "References", where)
    if info is None or references is None or value is None:
        raise MalformedDocument("incomplete", where)
    listed, stamps = list(named(references, "Reference")), list(named(info, "StampAnnot"))
    if len(listed) > MAX_REFERENCES or len(stamps) > MAX_STAMPS:
        raise MalformedDocument("too-many", where)
    known = frozenset(parts)
    seal = only(info, "Seal", where)
    return Description(
        provider=_provider(only(info, "Provider", where)),
        method=shown(text(only(info, "SignatureMethod", where))),
        claimed_at=shown(text(only(info, "SignatureDateTime", where))),
        check_method=shown(references.get("CheckMethod") or "MD5"),  # the schema's default
        references=tuple(_reference(each, where, known) for each in listed),
        stamps=tuple(map(_stamp, stamps)),
        seal="" if seal is None else _path(text(only(seal, "BaseLoc", where)), where, known),
        value=_path(text(value), where, known),
    )


def _path(loc: str, where: str, known: frozenset[str] = frozenset()) -> str:
    if loc in known:  # an absolute path, written as we write it
        return loc
    try:
        beside = resolved(loc, folder_of(where))
        from_root = beside if beside in known else resolved(loc, "/")
    except MalformedDocument:
        return ""
    return from_root if from_root in known else beside


def _provider(element: Element | None) -> Provider:
    """Attributes after the schema; some software writes elements."""

    def told(name: str) -> str:
        if element is None:
            return ""
        return shown(element.get(name) or text(next(named(element, name), None)))

    return Provider(name=told("ProviderName"), version=told("Version"), company=told("Company"))


def _reference(element: Element, where: str, known: frozenset[str]) -> Reference:
    try:
        told = "".join(text(only(element, "CheckValue", where)).split())
        expected = base64.b64decode(told, validate=True)
    except (binascii.Error, ValueError, MalformedDocument):
        expected = b""
    return Reference(part=_path(element.get("FileRef") or "", where, known), expected=expected)


def _stamp(element: Element) -> Stamp:
    return Stamp(
        page_id=shown(element.get("PageRef") or ""),
        boundary=box(element.get("Boundary")),
        clip=box(element.get("Clip")),
    )


# --- writing ----------------------------------------------------------------------------------


def write_description(
    *,
    provider: Provider,
    at: datetime,
    references: Iterable[tuple[str, bytes]],
    stamps: Iterable[Stamp],
    seal: str,
    value: str,
) -> bytes:
    """A `Signature.xml`: every protected part with its SM3, and where the seal stands.

    Raises:
        ValueError: A name holds what no XML can hold.
    """
    listed = "".join(
        f'<ofd:Reference FileRef="{_told(part)}">'
        f"<ofd:CheckValue>{base64.b64encode(digest).decode()}</ofd:CheckValue></ofd:Reference>"
        for part, digest in references
    )
    stamped = "".join(_stamped(number, stamp) for number, stamp in enumerate(stamps, 1))
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<ofd:Signature xmlns:ofd="{NAMESPACE}"><ofd:SignedInfo>'
        f'<ofd:Provider ProviderName="{_told(provider.name)}" Version="{_told(provider.version)}"'
        f' Company="{_told(provider.company)}"/>'
        f"<ofd:SignatureMethod>{SM2_SM3}</ofd:SignatureMethod>"
        f"<ofd:SignatureDateTime>{at.astimezone(UTC):%Y%m%d%H%M%SZ}</ofd:SignatureDateTime>"
        f'<ofd:References CheckMethod="{SM3}">{listed}</ofd:References>{stamped}'
        f"<ofd:Seal><ofd:BaseLoc>{_told(seal)}</ofd:BaseLoc></ofd:Seal></ofd:SignedInfo>"
        f"<ofd:SignedValue>{_told(value)}</ofd:SignedValue></ofd:Signature>"
    ).encode()


def _stamped(number: int, stamp: Stamp) -> str:
    if stamp.boundary is None:
        raise AssertionError("a stamp without a place")
    clip = "" if stamp.clip is None else f' Clip="{_numbers(stamp.clip)}"'
    return (
        f'<ofd:StampAnnot ID="{number}" PageRef="{_told(stamp.page_id)}"'
        f' Boundary="{_numbers(stamp.boundary)}"{clip}/>'
    )


def _told(said: str) -> str:
    """A text as XML has it, within an element or an attribute."""
    if said.isprintable():
        return escape(said)
    if _NO_TEXT.search(said):
        raise ValueError("a character that is no text")
    return escape(said).translate(_SPACES)


_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPACES = {ord(each): f"&#{ord(each)};" for each in "\t\n\r"}
"""Else readers take them all for one space."""


def write_list(old: bytes | None, where: str, part: str) -> tuple[bytes, str]:
    """`Signatures.xml` with one more seal in it, and the id that it got.

    Args:
        old: As it stands; None where there is none yet.
        where: Its path.
        part: The new `Signature.xml`.

    Raises:
        MalformedDocument: As for `read_list`, or `doubled`.
    """
    if old is None:
        root = etree.Element(_name("Signatures"), nsmap={"ofd": NAMESPACE})
    else:
        root = parsed(old, where)
    highest = only(root, "MaxSignId", where)
    if highest is None:
        highest = etree.Element(_name("MaxSignId"))
        root.insert(0, highest)
    told = (text(highest), *(each.get("ID") or "" for each in named(root, "Signature")))
    number = 1 + max(map(_counted, told))
    highest.text = str(number)
    signature_id = f"s{number:03}"
    _child(root, "Signature", ID=signature_id, Type=SEAL_TYPE, BaseLoc=part)
    return written(root), signature_id


def link_list(ofd: bytes, where: str, part: str) -> bytes:
    """`OFD.xml` with a link to `Signatures.xml` at the end of its document.

    Raises:
        MalformedDocument: `document`: not exactly one body, or it has such a link.
    """
    root = parsed(ofd, where)
    bodies = list(named(root, "DocBody"))
    if len(bodies) != 1 or any(named(bodies[0], "Signatures")):
        raise MalformedDocument("document", where)
    _child(bodies[0], "Signatures").text = part
    return written(root)


def _counted(told: str) -> int:
    digits = told.removeprefix("s")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _child(parent: Element, name: str, **attributes: str) -> Element:
    """A child in the namespace of its parent, so that all producers' variants stay of one kind."""
    space = str(parent.tag).rpartition("}")[0]
    return etree.SubElement(parent, f"{space}}}{name}" if space else name, attributes)


def _numbers(told: Box) -> str:
    return " ".join(f"{each:.4f}".rstrip("0").rstrip(".") for each in told)
