"""What a document holds beside what it paints: the face as data, and the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


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

    @property
    def face(self) -> bytes:
        """The face as JSON, the same bytes for the same face."""
        items = [
            {"id": each.id, "label": each.label, "value": each.value, "shown": each.shown}
            for each in self.items
        ]
        told = {"type": self.type, "title": self.title, "items": items}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
