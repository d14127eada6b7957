"""The facts of a signed PDF: what its signatures are over, and what came after. No judgement.

pyHanko reads the structure and compares revisions; what it is lenient about is looked at here over
the bytes themselves: what stands before the header and behind the end, fields that share a
signature, fields that were added later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields

from seals.errors import MalformedDocument
from seals.pdf.reading import opened, reading
from seals.pdf.signatures import Kind, SignatureFacts, stated

__all__ = ["Facts", "Kind", "SignatureFacts", "inspect"]

HEADER = re.compile(rb"%PDF-(?:1\.[0-7]|2\.0)[\r\n ]")
MAX_SIGNATURES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A document."""

    problems: tuple[tuple[str, str], ...]
    """Reason and place, of the whole document."""
    signatures: tuple[SignatureFacts, ...]
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    lists: tuple[bytes, ...] = field(default=(), repr=False)
    """What the document security store brings along."""


def inspect(document: bytes) -> Facts:
    """State the facts.

    Raises:
        MalformedDocument: It cannot be opened at all: `no-header`, `bytes-before`,
            `unreadable`, `too-large`, `encrypted`, `two-tables`.
    """
    if not HEADER.match(document):
        # Readers look for the header in the first kilobyte; what stands before it may be a program.
        raise MalformedDocument("bytes-before" if b"%PDF-" in document[:1024] else "no-header")
    reader = opened(document)
    with reading():
        fields = _fields(reader)
        problems = [*_ends(document), *_shared(fields), *_permissions(reader, fields)]
        filled = [each for each in fields if each[1] is not None]
        if len(filled) > MAX_SIGNATURES:
            raise MalformedDocument("too-large")
        if len(set(_RANGES.findall(document))) > len(filled):
            # An update that forgets the form makes a sealed document look like one without seals.
            problems.append(("signature-forgotten", ""))
        problems += _added(reader, fields)
        certificates, lists = _store(reader)
    signatures = [stated(document, reader, name, ref) for name, _, ref in filled]
    return Facts(
        problems=tuple(problems),
        signatures=tuple(sorted(signatures, key=lambda each: sum(each.byte_range[2:4]))),
        certificates=certificates,
        lists=lists,
    )


_Field = tuple[str, Any, Any]


def _fields(reader: PdfFileReader) -> list[_Field]:
    return [(str(name), value, ref) for name, value, ref in enumerate_sig_fields(reader)]


def _ends(document: bytes) -> Iterator[tuple[str, str]]:
    if not _END.search(document, max(0, len(document) - 64)):
        yield "bytes-behind", ""


def _shared(fields: list[_Field]) -> Iterator[tuple[str, str]]:
    """Fields with one signature between them, by reference or by value."""
    seen: set[object] = set()
    for name, value, ref in fields:
        if value is None:
            continue
        raw = ref.get_object().raw_get("/V")
        held = value.get_object()
        marks = {bytes(held["/Contents"].original_bytes)}
        keys: set[object] = {raw.reference} if isinstance(raw, generic.IndirectObject) else set()
        if (keys | marks) & seen:
            yield "two-fields-one-signature", name
        seen |= keys | marks


def _permissions(reader: PdfFileReader, fields: list[_Field]) -> Iterator[tuple[str, str]]:
    """A certification that is no field's signature certifies nothing."""
    if "/Perms" not in reader.root:
        return
    certified = reader.root["/Perms"].raw_get("/DocMDP")
    values = [ref.get_object().raw_get("/V") for _, value, ref in fields if value is not None]
    known = {each.reference for each in values if isinstance(each, generic.IndirectObject)}
    if getattr(certified, "reference", None) not in known:
        yield "permissions-lead-nowhere", ""


def _added(reader: PdfFileReader, fields: list[_Field]) -> Iterator[tuple[str, str]]:
    """Empty fields that came after the first signature: they may show anything."""
    signed = [
        reader.xrefs.get_last_change(ref.get_object().raw_get("/V").reference)
        for _, value, ref in fields
        if value is not None
    ]
    for name, value, ref in fields:
        if value is None and signed:
            reference = getattr(ref, "reference", None)
            since = reader.xrefs.get_introducing_revision(reference) if reference else None
            if since is None or since > min(signed):
                yield "field-added", name


def _store(reader: PdfFileReader) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    if "/DSS" not in reader.root:
        return (), ()
    held = reader.root["/DSS"]

    def streams(key: str) -> tuple[bytes, ...]:
        return tuple(each.get_object().data for each in held[key]) if key in held else ()

    return streams("/Certs"), streams("/CRLs")


_END = re.compile(rb"startxref\s+\d+\s+%%EOF[\r\n]*\Z")
_RANGES = re.compile(rb"/ByteRange\s*\[\s*0\s+\d+\s+\d+\s+\d+")
