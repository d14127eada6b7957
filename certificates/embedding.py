"""The data that a document carries about itself, in one canonical form; and reading it back.

The form is JSON with sorted keys, no blanks, UTF-8 without escapes that are not needed. One
certificate has exactly one such text, so its SM3 digest names it. Reading accepts nothing that
would not be written again byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from certificates.canonical import one_form, parsed_form
from certificates.digests import sm3
from certificates.errors import MalformedData
from certificates.model import Face, FaceEntry, ItemType

FORM = "mianti.certificate/1"
MAX_BYTES = 4 * 1024 * 1024
MAX_ITEMS = 1000


class Provisional(StrEnum):
    """Why a document is only a draft, made before the decision was."""

    COMMITMENT = "commitment"
    """告知承诺."""
    GAPS = "gaps"
    """容缺受理; simulated approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateData:
    """What a document says about itself."""

    type_id: str
    edition: int
    """Version of the type's template and directory."""
    metadata: Mapping[str, str] = field(repr=False)
    face: Face
    commitments: tuple[str, ...] = ()
    """Of the face items, for selective disclosure; sorted, so that their order tells nothing."""
    blind: str = field(default="", repr=False)
    """A random number in hexadecimal digits. Parts of an OFD that say what the face says are mixed with
    it: whoever is shown their digests, in a proof of some items, cannot try out what the others say.
    Empty where there are no commitments."""
    provisional: Provisional | None = None
    """None: a certificate. Else a draft that is never sealed and never verified."""
    parent: str = ""
    """Identifier of the certificate that this one is an annotated copy of."""

    def __bytes__(self) -> bytes:
        """The canonical form."""
        return one_form(
            {
                "blind": self.blind,
                "commitments": list(self.commitments),
                "edition": self.edition,
                "face": [_item(entry) for entry in self.face.items],
                "form": FORM,
                "metadata": dict(self.metadata),
                "parent": self.parent,
                "provisional": self.provisional,
                "type": self.type_id,
            }
        )

    @property
    def digest(self) -> str:
        """SM3 of the canonical form."""
        return sm3(bytes(self))

    @property
    def identifier(self) -> str:
        """电子证照标识; empty in a draft."""
        return self.metadata.get("ZZBS", "")


def _item(entry: FaceEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "label": entry.label,
        "repeated": entry.repeated,
        "texts": list(entry.texts),
        "type": entry.type,
        "values": list(entry.values),
    }


def read_data(content: bytes) -> CertificateData:
    """The data that a document carries.

    Raises:
        MalformedData: `too-large`, `not-json`, `form`, `shape`, `not-canonical`.
    """
    tree = parsed_form(content, MAX_BYTES, FORM)
    try:
        data = _read(tree)
        again = bytes(data)
    except (KeyError, TypeError, ValueError):
        raise MalformedData("shape") from None
    if again != content:
        raise MalformedData("not-canonical")
    return data


def _read(tree: dict[str, object]) -> CertificateData:
    metadata, edition = tree["metadata"], tree["edition"]
    if not isinstance(metadata, dict) or type(edition) is not int or not 0 < edition < 1_000_000:
        raise TypeError
    provisional = tree["provisional"]
    return CertificateData(
        type_id=_text(tree["type"]),
        edition=edition,
        metadata={_name(name): _text(value) for name, value in metadata.items()},
        face=Face(
            type_id=_text(tree["type"]),
            items=tuple(_entry(row) for row in _list(tree["face"])),
        ),
        commitments=_texts(tree["commitments"]),
        blind=_text(tree["blind"]),
        provisional=None if provisional is None else Provisional(_text(provisional)),
        parent=_text(tree["parent"]),
    )


def _entry(row: object) -> FaceEntry:
    if not isinstance(row, dict) or type(row["repeated"]) is not bool:
        raise TypeError
    values, texts = _texts(row["values"]), _texts(row["texts"])
    if len(values) != len(texts) or (len(values) > 1 and not row["repeated"]):
        raise ValueError
    return FaceEntry(
        id=_text(row["id"]),
        label=_text(row["label"]),
        type=ItemType(_text(row["type"])),
        values=values,
        texts=texts,
        repeated=row["repeated"],
    )


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _name(value: str) -> str:
    if not re.fullmatch("(KZ_)?[A-Z][A-Z0-9]{0,39}", value):
        raise ValueError
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(part) for part in _list(value))
