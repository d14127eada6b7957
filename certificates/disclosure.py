"""Selective disclosure: a salted SM3 commitment for each item, all under the seal of the
certificate; whoever gets the opening of some items can check these and learns nothing of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from certificates.canonical import one_form, parsed
from certificates.digests import sm3
from certificates.embedding import CertificateData
from certificates.errors import IllegalAct, MalformedData
from certificates.model import FaceEntry, ItemType

SALT_BYTES = 16
MAX_BYTES = 1024 * 1024
METADATA_LABELS = {
    "ZZBS": "电子证照标识",
    "ZZMC": "证照名称",
    "ZZLXDM": "证照类型代码",
    "ZZBH": "证照编号",
    "ZZBFJG": "证照颁发机构",
    "ZZBFJGDM": "证照颁发机构代码",
    "ZZBFRQ": "证照颁发日期",
    "CZZT": "持证主体",
    "CZZTDM": "持证主体代码",
    "CZZTDMLX": "持证主体代码类型",
    "CZZTDMLXDM": "持证主体代码类型代码",
    "ZZYXQQSRQ": "证照有效期起始日期",
    "ZZYXQJZRQ": "证照有效期截止日期",
}
"""Metadata that can be shown alone, beside the face items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One item with the salt that opens its commitment. It belongs to the holder."""

    salt: str = field(repr=False)
    """32 hexadecimal digits; as long as it is unknown, the commitment tells nothing."""
    entry: FaceEntry

    @property
    def commitment(self) -> str:
        """What stands in the sealed data for it."""
        return sm3(_written(self))


def openings(data: CertificateData, salts: Callable[[int], bytes]) -> tuple[Opening, ...]:
    """An opening for every item of the face and of the metadata, empty ones included: whether an
    item is empty is nobody's business either.

    Args:
        data: Of the certificate.
        salts: Gives so many unpredictable bytes, e.g. `secrets.token_bytes`.
    """
    metadata = (
        FaceEntry(
            id=name,
            label=label,
            type=ItemType.STRING,
            values=(data.metadata.get(name, ""),),
            texts=(data.metadata.get(name, ""),),
        )
        for name, label in METADATA_LABELS.items()
    )
    return tuple(
        Opening(salt=salts(SALT_BYTES).hex(), entry=entry)
        for entry in (*data.face.items, *metadata)
    )


def commitments(every: Iterable[Opening]) -> tuple[str, ...]:
    """Sorted, so that their order tells nothing."""
    return committed(every)[0]


def committed(every: Iterable[Opening]) -> tuple[tuple[str, ...], bytes]:
    """`commitments` and `written` in one go: an issue needs both of every item."""
    rows = [_written(opening) for opening in every]
    return tuple(sorted(sm3(row) for row in rows)), b"[" + b",".join(rows) + b"]"


def shown(every: Sequence[Opening], items: Collection[str]) -> tuple[Opening, ...]:
    """The openings of these items alone.

    Raises:
        IllegalAct: `unknown-item`, `nothing`.
    """
    if not items:
        raise IllegalAct("nothing")
    if set(items) - {opening.entry.id for opening in every}:
        raise IllegalAct("unknown-item")
    return tuple(opening for opening in every if opening.entry.id in items)


def faults(sealed: Collection[str], disclosed: Iterable[Opening]) -> tuple[str, ...]:
    """Why the openings are not what was sealed; empty where they are.

    Args:
        sealed: The commitments of data whose seal was verified.
        disclosed: What somebody shows.

    Returns:
        Stable keys: `nothing`, `not-committed`, `item-twice`, `salt`.
    """
    every = tuple(disclosed)
    found = []
    if not every:
        found.append("nothing")
    if any(opening.commitment not in sealed for opening in every):
        found.append("not-committed")
    if len({opening.entry.id for opening in every}) != len(every):
        found.append("item-twice")
    if any(len(opening.salt) != 2 * SALT_BYTES for opening in every):
        found.append("salt")
    return tuple(found)


def written(every: Iterable[Opening]) -> bytes:
    """Openings as they are kept and handed over."""
    return committed(every)[1]


def _written(opening: Opening) -> bytes:
    entry = opening.entry
    row = [
        opening.salt,
        entry.id,
        entry.label,
        entry.type,
        entry.repeated,
        entry.values,
        entry.texts,
    ]
    return one_form(row)


def read_openings(content: bytes) -> tuple[Opening, ...]:
    """Openings that somebody shows.

    Raises:
        MalformedData: `too-large`, `not-json`, `shape`, `not-canonical`.
    """
    rows = parsed(content, MAX_BYTES)
    if not isinstance(rows, list):
        raise MalformedData("shape")
    try:
        every = tuple(_opening(row) for row in rows)
        again = written(every)
    except (TypeError, ValueError, KeyError):
        raise MalformedData("shape") from None
    if again != content:
        raise MalformedData("not-canonical")
    return every


def _opening(row: object) -> Opening:
    if not isinstance(row, list):
        raise TypeError
    salt, item, label, type_, repeated, values, texts = row
    plain = (salt, item, label, type_, *values, *texts)
    if type(repeated) is not bool or not all(isinstance(part, str) for part in plain):
        raise TypeError
    entry = FaceEntry(
        id=item,
        label=label,
        type=ItemType(type_),
        values=tuple(values),
        texts=tuple(texts),
        repeated=repeated,
    )
    return Opening(salt=salt, entry=entry)
