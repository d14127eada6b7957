"""XML as an OFD uses it: bounded, without DTD, entities, network; names compared without namespace.

Producers write the namespace in several ways, leave attributes out and change the order of
children: what is read is asked for by its local name.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import lru_cache

from lxml import etree

from seals.errors import MalformedDocument
from seals.ofd.package import SMALL, OFDPackage

Element = etree._Element  # noqa: SLF001 - lxml has no public name for its elements

NAMESPACE = "http://www.ofdspec.org/2016"
MAX_SIZE = 32 << 20
"""Bytes of one XML part."""
KEPT = 1 << 20
"""Bytes of XML parts that are kept as trees, which are some ten times larger."""
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_ENCODINGS = {b"utf-8", b"us-ascii", b"ascii", b"gb2312", b"gbk", b"gb18030"}
_BEYOND = 1e9
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")


def parsed(data: bytes, where: str) -> Element:
    """The root element of an XML part.

    Raises:
        MalformedDocument: `too-large`, `encoding`, `doctype`, `xml`.
    """
    if len(data) > MAX_SIZE:
        raise MalformedDocument("too-large", where)
    told = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if b"\x00" in data or (told is not None and told[1].lower() not in _ENCODINGS):
        raise MalformedDocument("encoding", where)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise MalformedDocument("doctype", where)
    try:
        root = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError):
        raise MalformedDocument("xml", where) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedDocument("doctype", where)
    return root


def _parser() -> etree.XMLParser:
    """One for each thread: a parser that is shared makes them wait for each other."""
    known: etree.XMLParser | None = getattr(_THREAD, "parser", None)
    if known is None:
        known = _THREAD.parser = etree.XMLParser(
            resolve_entities=False,
            load_dtd=False,
            dtd_validation=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            strip_cdata=True,
        )
    return known


_THREAD = threading.local()


class XMLParts:
    """The XML parts of a container. Small ones are parsed once and must not be changed."""

    def __init__(self, package: OFDPackage) -> None:
        self.package = package
        self._kept: dict[bytes, Element] = {}
        self._room = KEPT

    def over(self, package: OFDPackage) -> XMLParts:
        """Those of another container; a part of the very same bytes has its tree already."""
        other = XMLParts(package)
        other._kept, other._room = self._kept, self._room
        return other

    def root(self, part: str) -> Element:
        """The root element of a part.

        Raises:
            MalformedDocument: As for `parsed`, and for reading the part.
        """
        data = self.package.read(part)
        root = self._kept.get(data) if len(data) <= SMALL else None
        if root is None:
            root = parsed(data, part)
            if len(data) <= min(self._room, SMALL):
                self._room -= len(data)
                self._kept[data] = root
        return root


def written(root: Element) -> bytes:
    """The part as bytes."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def local(element: Element) -> str:
    """The name without its namespace."""
    tag = str(element.tag)
    return tag[tag.rfind("}") + 1 :]


def named(parent: Element, name: str) -> Iterator[Element]:
    """The children of this name."""
    return parent.iterchildren(f"{{*}}{name}")


def only(parent: Element, name: str, where: str) -> Element | None:
    """The one child of this name, or None.

    Raises:
        MalformedDocument: `doubled`: two, and nobody could say which counts.
    """
    found = list(named(parent, name))
    if len(found) > 1:
        raise MalformedDocument("doubled", where)
    return found[0] if found else None


def text(element: Element | None) -> str:
    """What an element says, without the white space around it."""
    if element is None:
        return ""
    told = "".join(map(str, element.itertext())) if len(element) else str(element.text or "")
    return told.strip()


def numbers(told: str | None) -> tuple[float, ...]:
    """The numbers of an `ST_Array`; none at all where one of them is none, or beyond reason."""
    if not told:
        return ()
    return _few_numbers(told) if len(told) <= 64 else _numbers(told)


def _numbers(told: str) -> tuple[float, ...]:
    words = told.split()
    if len(words) > 4096 or not all(map(_NUMBER.fullmatch, words)):
        return ()
    found = tuple(map(float, words))
    return found if all(abs(each) < _BEYOND for each in found) else ()


_few_numbers = lru_cache(maxsize=2048)(_numbers)
"""A page says the same sizes and advances over and over."""


def box(told: str | None) -> tuple[float, float, float, float] | None:
    """An `ST_Box`: x, y, width and height in millimetres; None where it is none."""
    match numbers(told):
        case (x, y, width, height) if width > 0 and height > 0:
            return x, y, width, height
    return None
