"""The pages of a PDF, and what they have from the nodes above them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from seals.errors import MalformedDocument
from seals.pdf.reading import entry

MAX_PAGES = 5_000
Page = tuple[Any, Mapping[str, Any]]
"""A page, and its attributes with those of the nodes on the way to it."""
_INHERITED = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")  # ISO 32000-2 §7.7.3.4


def pages(reader: PdfFileReader) -> Iterator[Page]:
    """Every page with what it inherits.

    Raises:
        MalformedDocument: `objects`: too many of them, or a node that comes twice.
    """
    waiting: list[tuple[Any, Mapping[str, Any]]] = [(reader.root["/Pages"], {})]
    seen: set[int] = set()
    while waiting:
        node, above = waiting.pop()
        if id(node) in seen or len(seen) > MAX_PAGES:
            raise MalformedDocument("objects", "/Pages")
        seen.add(id(node))
        own = {key: node[key] for key in _INHERITED if key in node}
        if "/Kids" in node:
            kids = [each.get_object() for each in node["/Kids"]]
            waiting += [(kid, {**above, **own}) for kid in reversed(kids)]
        else:
            yield node, {**above, **own}


def content(page: Any) -> tuple[bytes, ...]:
    """The streams that hold the operators of a page; white space is between them (ISO 32000-2
    §7.8.2).
    """
    held = entry(page, "/Contents", ())
    if isinstance(held, generic.StreamObject):
        return (bytes(held.data),)
    return tuple(bytes(each.get_object().data) for each in held)


def inherited(page: Any, key: str) -> Any:
    """A page's attribute, or that of a node which it says is above it."""
    node = page
    for _ in range(64):
        if node is None:
            return None
        if key in node:
            return node[key]
        node = entry(node, "/Parent", None)
    return None


def edges(page: Any) -> tuple[float, float, float, float]:
    """Left, lower, right and upper edge of what is seen of a page, in points."""
    told = inherited(page, "/CropBox") or inherited(page, "/MediaBox")
    x1, y1, x2, y2 = (float(edge) for edge in told or ())
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
