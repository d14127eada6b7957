"""From received bytes to a document, believing nothing.

Charsets: the manifest overrules, then a byte order mark, then what the source declares. GB18030 is
used for everything that calls itself GBK or GB2312, because systems that say GB2312 send names that
only GB18030 has. JSON with `NaN`, duplicate keys or deep nesting and XML with any document type are
no answers.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from lxml import etree

from adapters.errors import SourceAnswerInvalid

MAX_DEPTH = 64

CHARSETS: Mapping[str, str] = {
    "utf-8": "utf-8", "utf8": "utf-8",
    "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "gb_2312-80": "gb18030",
    "cp936": "gb18030", "x-gbk": "gb18030",
    "big5": "big5hkscs", "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    # Containers declare Latin-1 when nobody told them; it never fails and never holds a Chinese
    # name, so it is read as what it then nearly always is.
    "iso-8859-1": "utf-8", "latin1": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
}  # fmt: skip
"""Charset names a source may declare → Python codec."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_XML_DECLARATION = re.compile(
    rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._\-]{1,40})[\"']"
)
_XML_HEAD = re.compile(r"\s*<\?xml[^>]{0,200}\?>")


def decode(body: bytes, *, declared: str | None, overruled: str | None) -> str:
    """The text of `body`.

    Args:
        body: As received.
        declared: The charset the source declares, or None.
        overruled: The charset the manifest gives, or None.

    Raises:
        SourceAnswerInvalid: `encoding`: the bytes are not in that charset, or nobody knows it.
    """
    mark, marked = next(((m, c) for m, c in _MARKS if body.startswith(m)), (b"", None))
    name = overruled or marked or declared or "utf-8"
    codec = CHARSETS.get(name.strip().strip("\"'").lower(), name if name == marked else None)
    try:
        return body[len(mark) :].decode(codec or "no-such-codec")
    except (UnicodeDecodeError, LookupError):
        raise SourceAnswerInvalid("encoding") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    rows = dict(pairs)
    if len(rows) != len(pairs):
        raise SourceAnswerInvalid("json-duplicate-key")
    return rows


def _constant(_: str) -> NoReturn:
    raise SourceAnswerInvalid("json-nan")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=Decimal
)


def parse_json(text: str) -> Any:
    """The value in `text`: no float is rounded (`Decimal`), big integers stay whole.

    Raises:
        SourceAnswerInvalid: `json`, `json-nan`, `json-duplicate-key` or `json-depth`.
    """
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError, ArithmeticError):
        raise SourceAnswerInvalid("json") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise SourceAnswerInvalid("json-depth")
    return value


def _deeper(value: Any, levels: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def parse_xml(
    body: bytes, *, declared: str | None = None, overruled: str | None = None
) -> etree._Element:
    """The root element of `body`.

    No document type (so no entities and no external anything), no network, at most 256 levels
    (libxml2's own limit without `huge_tree`).

    Raises:
        SourceAnswerInvalid: `encoding`, `xml-doctype` or `xml`.
    """
    if declared is None and (found := _XML_DECLARATION.match(body)):
        declared = found[1].decode("ascii")
    text = decode(body, declared=declared, overruled=overruled)
    if "<!DOCTYPE" in text:
        raise SourceAnswerInvalid("xml-doctype")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True, encoding="utf-8",
    )  # fmt: skip
    try:
        root: etree._Element = etree.fromstring(_headless(text).encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise SourceAnswerInvalid("xml") from None
    return root


def _headless(text: str) -> str:
    head = _XML_HEAD.match(text)
    return text[head.end() :] if head else text
