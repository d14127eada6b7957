"""What a rule looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from catalog import CertificateIdentifier
from certificates.model import Definition, Face
from certificates.particulars import Particulars


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A certificate that is composed and not yet made."""

    definition: Definition
    type_code: str
    """As claimed or supplemented in this place."""
    identifier: CertificateIdentifier
    face: Face
    particulars: Particulars
    metadata: Mapping[str, str]
    today: date
