"""The metadata of GB/T 36903 by their short names, as they stand in an OFD's CustomDatas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone

from catalog import CertificateIdentifier
from certificates.model import Definition, Face
from certificates.particulars import Particulars

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
"""One zone, no summer time; days and times of certificates are told in it."""
SEVERAL = "^"
"""Between several holders, as GB/T 36902 joins several validity ranges."""

MANDATORY = (
    "ZZBS",
    "ZZMC",
    "ZZLXDM",
    "ZZBH",
    "ZZBFJG",
    "ZZBFJGDM",
    "ZZBFRQ",
    "CZZT",
    "CZZTDM",
    "CZZTDMLX",
    "CZZTDMLXDM",
    "ZZYXQQSRQ",
    "ZZYXQJZRQ",
)
"""Short names every certificate has, in the order of the standard."""


def metadata(
    definition: Definition, identifier: CertificateIdentifier, of: Particulars, face: Face
) -> Mapping[str, str]:
    """All metadata of one certificate, in order; what is empty on the face is left out of `KZ_`."""
    holders = of.holders
    return {
        "ZZBS": str(identifier),
        "ZZMC": definition.type.name,
        "ZZLXDM": identifier.type_code,
        "ZZBH": of.number,
        "ZZBFJG": of.authority.name,
        "ZZBFJGDM": of.authority.code,
        "ZZBFRQ": of.issued_on.isoformat(),
        "CZZT": SEVERAL.join(holder.name for holder in holders),
        "CZZTDM": SEVERAL.join(holder.code for holder in holders),
        "CZZTDMLX": SEVERAL.join(holder.kind.label for holder in holders),
        "CZZTDMLXDM": SEVERAL.join(holder.kind for holder in holders),
        "ZZYXQQSRQ": of.valid_from.isoformat(),
        "ZZYXQJZRQ": of.valid_to.isoformat(),
        **dict(_extended(definition, face)),
    }


def _extended(definition: Definition, face: Face) -> Iterator[tuple[str, str]]:
    for entry in face.items:
        if entry.values:
            yield f"KZ_{definition.initials[entry.id]}", "\n".join(entry.values)


def told(at: datetime) -> str:
    """A time as the metadata tell it: Beijing time to the second."""
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
