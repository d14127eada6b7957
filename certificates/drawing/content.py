"""What a document holds beside what it paints: the face as data, and the metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from certificates.drawing.errors import Unwritable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_OWN = frozenset({"face", "type"})
"""Names that the writers use beside those of the metadata."""
_UNWRITABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold or nobody can see; a line's end is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceItem:
    """One item of the face with its value."""

    id: str
    label: str
    value: str
    """As data: a code, a date after ISO 8601, the text; for a picture the SM3 of its bytes."""
    shown: str = ""
    """As it is painted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The data of one certificate."""

    title: str
    type: str
    """Id of the certificate type."""
    items: tuple[FaceItem, ...]
    created_at: datetime
    """Aware."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Short names of GB/T 36903 (`ZZMC`, `ZZBS`, …, `KZ_`) → values."""

    def __post_init__(self) -> None:
        """Raises:
        Unwritable: Something in it cannot be written.
        """
        for name, value in self.metadata.items():
            if not _NAME.fullmatch(name) or name in _OWN or _UNWRITABLE.search(value):
                raise Unwritable(name)
        for each in self.items:
            if any(_UNWRITABLE.search(told) for told in (each.id, each.label, each.value)):
                raise Unwritable(each.id)
        if _UNWRITABLE.search(self.title):
            raise Unwritable("title")

    @property
    def face(self) -> bytes:
        """The face as JSON, the same bytes for the same face."""
        items = [
            {"id": each.id, "label": each.label, "value": each.value, "shown": each.shown}
            for each in self.items
        ]
        told = {"type": self.type, "title": self.title, "items": items}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
