"""What a document holds beside what it paints: its data, and the metadata."""

from __future__ import annotations

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
class Content:
    """What the writers put into the document of one certificate."""

    title: str
    type: str
    """Id of the certificate type."""
    labels: Mapping[str, str]
    """Face item → what it is called."""
    data: bytes = field(repr=False)
    """What the document says about itself, in UTF-8; both writers embed these very bytes."""
    created_at: datetime
    """Aware."""
    commitments: bytes = field(default=b"", repr=False)
    """A further attachment of an OFD, so that its seal covers it apart; empty for none. A PDF has
    none."""
    blind: str = field(default="", repr=False)
    """Mixed into every part of an OFD that depends on what is filled in; empty for nothing."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Short names of GB/T 36903 (`ZZMC`, `ZZBS`, …, `KZ_`) → values."""

    def __post_init__(self) -> None:
        """Raises:
        Unwritable: Something in it cannot be written.
        """
        for name, value in self.metadata.items():
            if not _NAME.fullmatch(name) or name in _OWN or _UNWRITABLE.search(value):
                raise Unwritable(name)
        for item, label in self.labels.items():
            if _UNWRITABLE.search(item) or _UNWRITABLE.search(label):
                raise Unwritable(item)
        if _UNWRITABLE.search(self.title):
            raise Unwritable("title")
        try:
            told = self.data.decode()
        except UnicodeDecodeError:
            raise Unwritable("data") from None
        # XML would change the end of a line into another.
        if "\n" in told or _UNWRITABLE.search(told):
            raise Unwritable("data")
