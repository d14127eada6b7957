"""The commitments of a certificate as a part of its OFD: covered by the seal on its own, so that what
they open can be proven without showing the rest of the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from certificates.canonical import one_form, parsed_form
from certificates.embedding import MAX_ITEMS, CertificateData
from certificates.errors import MalformedData

FORM = "mianti.commitments/1"
MAX_BYTES = 256 * 1024
_COMMITMENT = re.compile("sm3:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitments:
    """What is sealed of the items of one certificate."""

    type_id: str
    edition: int
    identifier: str
    """电子证照标识: its status can be asked."""
    sealed: tuple[str, ...]
    """In ascending order, none twice."""

    def __bytes__(self) -> bytes:
        """The one form: JSON with sorted keys and no blanks."""
        tree = {
            "commitments": self.sealed,
            "edition": self.edition,
            "form": FORM,
            "identifier": self.identifier,
            "type": self.type_id,
        }
        return one_form(tree)


def part_of(data: CertificateData) -> bytes:
    """The part for the data of a certificate; empty where they have no commitments."""
    if not data.commitments:
        return b""
    return bytes(
        Commitments(
            type_id=data.type_id,
            edition=data.edition,
            identifier=data.identifier,
            sealed=data.commitments,
        )
    )


def read_commitments(content: bytes) -> Commitments:
    """The commitments in a part.

    Raises:
        MalformedData: `too-large`, `not-json`, `form`, `shape`, `not-canonical`.
    """
    tree = parsed_form(content, MAX_BYTES, FORM)
    match tree:
        case {"type": str(kind), "edition": int(edition), "identifier": str(name), "commitments": list(sealed)}:  # fmt: skip
            pass
        case _:
            raise MalformedData("shape")
    proper = all(isinstance(each, str) and _COMMITMENT.fullmatch(each) for each in sealed)
    if not proper or not 0 < len(sealed) <= MAX_ITEMS or sealed != sorted(set(sealed)):
        raise MalformedData("shape")
    if type(edition) is not int or edition < 1:
        raise MalformedData("shape")
    found = Commitments(type_id=kind, edition=edition, identifier=name, sealed=tuple(sealed))
    try:
        again = bytes(found)
    except ValueError:
        raise MalformedData("shape") from None
    if again != content:
        raise MalformedData("not-canonical")
    return found
