"""Fonts that show one thing and say another, as far as that can be told from the file.

Whoever copies or searches text gets what ToUnicode or the encoding says; who looks gets the glyph.
The embedded face often still knows which character a glyph is for: then the two are compared. A
subset without such a table of its own can lie without our seeing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fontTools.agl import toUnicode

from seals.faces import MAX_FACE, read_face
from seals.pdf.reading import entry

MAX_LINES = 70_000
_BLOCK = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_CHAR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]*)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f]*)>|\[([^\]]*)\])")


def lies(font: Any) -> Iterator[str]:
    """Keys: `font-not-embedded`, `font-drawn`, `font-without-text`, `font-lies`, `font-too-large`."""
    if font["/Subtype"] == "/Type3":
        yield "font-drawn"
        return
    composite = font["/Subtype"] == "/Type0"
    inner = font["/DescendantFonts"][0] if composite else font
    file = _file(inner)
    if file is None:
        yield "font-not-embedded"
        return
    if composite and "/ToUnicode" not in font:
        yield "font-without-text"
        return
    said = told(font["/ToUnicode"].data) if "/ToUnicode" in font else {}
    if len(file.data) > MAX_FACE:
        yield "font-too-large"
    elif composite:
        if _lying_glyphs(said, inner, file.data):
            yield "font-lies"
    elif _lying_names(said, font):
        yield "font-lies"


def told(table: bytes) -> Mapping[int, str]:
    """Code → characters, of a ToUnicode table."""
    found: dict[int, str] = {}
    for kind, body in _BLOCK.findall(table):
        if kind == b"bfchar":
            for code, text in _CHAR.findall(body):
                found[int(code, 16)] = _text(text)
            continue
        for first, last, text, listed in _RANGE.findall(body):
            low, high = int(first, 16), int(last, 16)
            if high - low > MAX_LINES:
                raise ValueError("a range that is too wide")
            texts = re.findall(rb"<([0-9A-Fa-f]*)>", listed)
            for at, code in enumerate(range(low, high + 1)):
                if texts:
                    found[code] = _text(texts[at]) if at < len(texts) else ""
                else:
                    start = _text(text)
                    found[code] = start[:-1] + chr(ord(start[-1]) + at) if start else ""
        if len(found) > MAX_LINES:
            raise ValueError("a table that is too long")
    return found


def _text(digits: bytes) -> str:
    return bytes.fromhex(digits.decode()).decode("utf-16-be")


def _file(font: Any) -> Any:
    descriptor = entry(font, "/FontDescriptor", {})
    for key in ("/FontFile2", "/FontFile3", "/FontFile"):
        if key in descriptor:
            return descriptor[key]
    return None


def _lying_glyphs(said: Mapping[int, str], inner: Any, face: bytes) -> bool:
    """Does the face say of a glyph that it is for another character?"""
    if inner["/Subtype"] != "/CIDFontType2":
        return False
    glyphs = entry(inner, "/CIDToGIDMap", "/Identity")
    table = None if isinstance(glyphs, str) else glyphs.data
    opened = read_face(face)
    for code, text in said.items():
        glyph = code if table is None else int.from_bytes(table[2 * code : 2 * code + 2])
        if len(text) == 1 and opened.denies(glyph, text):
            return True
    return False


def _lying_names(said: Mapping[int, str], font: Any) -> bool:
    """Do the names of the glyphs in the encoding say otherwise?"""
    encoding = entry(font, "/Encoding", None)
    if encoding is None or isinstance(encoding, str) or "/Differences" not in encoding:
        return False
    code = 0
    for each in encoding["/Differences"]:
        if not isinstance(each, str):
            code = int(each)
            continue
        named = toUnicode(each[1:])
        if named and code in said and said[code] != named:
            return True
        code += 1
    return False


def advances(font: Any) -> Callable[[bytes], Sequence[float]]:
    """How far each code of a string goes, in thousandths; about right is enough to find what lies
    over it.
    """
    if font["/Subtype"] == "/Type0":
        inner = font["/DescendantFonts"][0]
        usual = float(inner["/DW"]) if "/DW" in inner else 1000.0
        known: Mapping[int, float] = _widths(inner)
    elif "/Widths" in font:
        first, usual = int(font["/FirstChar"]), 0.0
        known = {first + at: float(each) for at, each in enumerate(font["/Widths"])}
    else:
        known, usual = {}, 500.0
    return lambda text: [known.get(code, usual) for code in _codes(font, text)]


def spelled(font: Any) -> Callable[[bytes], Sequence[str]]:
    """What each code of a string stands for; nothing where the font does not say."""
    said = told(font["/ToUnicode"].data) if "/ToUnicode" in font else {}
    named = {} if font["/Subtype"] == "/Type0" else _named(font)
    return lambda text: [said.get(code) or named.get(code, "") for code in _codes(font, text)]


def _codes(font: Any, text: bytes) -> Iterable[int]:
    if font["/Subtype"] != "/Type0":
        return text
    return (int.from_bytes(text[at : at + 2]) for at in range(0, len(text), 2))


def _named(font: Any) -> Mapping[int, str]:
    """Of a simple font: what its encoding says, Windows' own where it says nothing."""
    found = {code: bytes((code,)).decode("cp1252", "ignore") for code in range(256)}
    encoding, code = entry(font, "/Encoding", None), 0
    if encoding is None or isinstance(encoding, str) or "/Differences" not in encoding:
        return found
    for each in encoding["/Differences"]:
        if isinstance(each, str):
            found[code] = toUnicode(each[1:])
            code += 1
        else:
            code = int(each)
    return found


def _widths(inner: Any) -> Mapping[int, float]:
    """The /W of a CID font (ISO 32000-2 §9.7.4.3)."""
    found: dict[int, float] = {}
    listed = list(inner["/W"]) if "/W" in inner else []
    while len(listed) >= 2:
        first, second = int(listed[0]), listed[1]
        second = second.get_object() if hasattr(second, "get_object") else second
        if isinstance(second, list):
            found |= {first + at: float(each) for at, each in enumerate(second)}
            listed = listed[2:]
        else:
            if int(second) - first > MAX_LINES or len(listed) < 3:
                raise ValueError("widths")
            found |= dict.fromkeys(range(first, int(second) + 1), float(listed[2]))
            listed = listed[3:]
    return found
