"""Objects into a PDF file (ISO 32000-2 §7.5): one revision, one plain table, always the same bytes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence

Entries = Mapping[str, str]
"""Key without its slash → value as PDF writes it."""


class PDFFile:
    """A file under way. Objects are numbered in the order they are asked for."""

    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def reserve(self) -> int:
        """A number for an object that comes later."""
        self._objects.append(b"")
        return len(self._objects)

    def put(self, value: str | Entries, number: int | None = None) -> int:
        """An object that is no stream."""
        written = value if isinstance(value, str) else dictionary(value)
        return self._kept(written.encode("latin-1"), number)

    def stream(self, data: bytes, entries: Entries, number: int | None = None) -> int:
        """A stream of bytes as they are."""
        head = dictionary({**entries, "Length": str(len(data))}).encode("latin-1")
        return self._kept(head + b"\nstream\n" + data + b"\nendstream", number)

    def deflated(self, data: bytes, entries: Entries, number: int | None = None) -> int:
        """A stream, packed."""
        return self.stream(zlib.compress(data, 6), {**entries, "Filter": "/FlateDecode"}, number)

    def closed(self, root: int, info: int) -> bytes:
        """The whole file."""
        pieces = [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"]
        at, places = len(pieces[0]), []
        for number, body in enumerate(self._objects, 1):
            piece = b"%d 0 obj\n%s\nendobj\n" % (number, body)
            places.append(at)
            pieces.append(piece)
            at += len(piece)
        digest = hashlib.sha256(b"".join(pieces)).hexdigest()[:32].upper()
        rows = b"".join(b"%010d 00000 n \n" % place for place in places)
        count = len(places) + 1
        trailer = dictionary({
            "Size": str(count), "Root": ref(root), "Info": ref(info),
            "ID": f"[<{digest}> <{digest}>]",
        })  # fmt: skip
        pieces.append(
            b"xref\n0 %d\n0000000000 65535 f \n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n"
            % (count, rows, trailer.encode(), at)
        )
        return b"".join(pieces)

    def _kept(self, body: bytes, number: int | None) -> int:
        if number is None:
            number = self.reserve()
        self._objects[number - 1] = body
        return number


def ref(number: int) -> str:
    """A reference to an object."""
    return f"{number} 0 R"


def dictionary(entries: Entries) -> str:
    """A dictionary."""
    return "<< " + " ".join(f"/{key} {value}" for key, value in entries.items()) + " >>"


def array(values: Sequence[str]) -> str:
    """An array."""
    return f"[{' '.join(values)}]"


def text(told: str) -> str:
    """A text string, in UTF-16."""
    return f"<FEFF{told.encode('utf-16-be').hex().upper()}>"
