"""A proof of some items of a certificate: their openings, the commitments, and what shows that these
are under the certificate's seal, without the rest of the document.

```text
openings ──SM3──▶ commitments.json ──SM3──▶ Signature.xml ──SM3──▶ dataHash in SignedValue.dat (SM2)
```

`Signature.xml` tells the digests of all parts of the document; those that depend on hidden items are
mixed with a number that stays in the document (`CertificateData.blind`), so nobody can try out what
they say. A picture is not mixed: whoever has the very same picture can see that it was this one.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from certificates.canonical import one_form, parsed_form
from certificates.commitments import Commitments, read_commitments
from certificates.disclosure import Opening, read_openings, shown, written
from certificates.drawing.ofd import COMMITMENTS_PART
from certificates.errors import IllegalAct, MalformedData
from seals.errors import MalformedDocument
from seals.ofd.inspection import inspect
from seals.ofd.names import resolved
from seals.ofd.package import OFDPackage

FORM = "mianti.proof/1"
MAX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Some items, and that they stand in a sealed certificate."""

    commitments: Commitments
    openings: tuple[Opening, ...]
    """In the order of the face."""
    place: str
    """Path of `Signature.xml` in the document."""
    description: bytes = field(repr=False)
    """`Signature.xml`."""
    value: bytes = field(repr=False)
    """`SignedValue.dat`."""

    def __bytes__(self) -> bytes:
        """The one form: JSON with sorted keys and no blanks."""
        tree = {
            "commitments": json.loads(bytes(self.commitments)),
            "description": base64.b64encode(self.description).decode(),
            "form": FORM,
            "openings": json.loads(written(self.openings)),
            "place": self.place,
            "value": base64.b64encode(self.value).decode(),
        }
        return one_form(tree)


def proof_of(document: bytes, every: Sequence[Opening], items: Collection[str]) -> Proof:
    """The proof of some items.

    Args:
        document: The sealed OFD.
        every: All openings; they belong to the holder.
        items: What is shown: face items, or short names of metadata.

    Raises:
        IllegalAct: `document`: it cannot be read; `no-commitments`: no seal covers any; `nothing`,
            `unknown-item`; `openings`: another certificate's.
    """
    try:
        package = OFDPackage.open(document)
        signatures = inspect(document).signatures
        if COMMITMENTS_PART not in package.parts:
            raise IllegalAct("no-commitments")
        found = read_commitments(package.read(COMMITMENTS_PART))
    except (MalformedDocument, MalformedData):
        raise IllegalAct("document") from None
    openings = shown(every, items)
    if any(each.commitment not in found.sealed for each in openings):
        raise IllegalAct("openings")
    for each in signatures:
        covered = any(one.part == COMMITMENTS_PART for one in each.references)
        if covered and each.seal_signature is not None:
            return Proof(
                commitments=found,
                openings=openings,
                place=each.part,
                description=package.read(each.part),
                value=each.value,
            )
    raise IllegalAct("no-commitments")


def read_proof(content: bytes) -> Proof:
    """A proof that somebody shows; nothing in it is believed yet.

    Raises:
        MalformedData: `too-large`, `not-json`, `form`, `shape`, `not-canonical`, and those of
            `read_commitments` and `read_openings`.
    """
    tree = parsed_form(content, MAX_BYTES, FORM)
    match tree:
        case {
            "commitments": dict(commitments),
            "openings": list(openings),
            "place": str(place),
            "description": str(description),
            "value": str(value),
        }:
            pass
        case _:
            raise MalformedData("shape")
    found = Proof(
        commitments=read_commitments(_encoded(commitments)),
        openings=read_openings(_encoded(openings)),
        place=_place(place),
        description=_decoded(description),
        value=_decoded(value),
    )
    if _written(found) != content:
        raise MalformedData("not-canonical")
    return found


def _place(text: str) -> str:
    """A path from the root of a container, as we write it."""
    try:
        proper = resolved(text, "/") == text
    except MalformedDocument:
        proper = False
    if not proper:
        raise MalformedData("shape")
    return text


def _written(proof: Proof) -> bytes:
    try:
        return bytes(proof)
    except (ValueError, RecursionError):
        raise MalformedData("shape") from None


def _encoded(tree: object) -> bytes:
    try:
        return one_form(tree)
    except (ValueError, RecursionError):
        raise MalformedData("shape") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedData("shape") from None
