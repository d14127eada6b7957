"""Small PDFs written by hand: a sound page, and whatever is to be wrong with it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

TEXT = "演示证照 0123 Seal"
"""What the page says."""
A4 = "[0 0 595 842]"


def face(text: str = TEXT) -> bytes:
    """A TrueType face with a glyph of its own for each character: bars in a box, as a number."""
    letters = sorted(set(text))
    names = [".notdef", *(f"g{at}" for at in range(1, len(letters) + 1))]
    glyphs = {name: _bars(at) for at, name in enumerate(names)}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): names[at + 1] for at, letter in enumerate(letters)})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Bars", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800)
    builder.setupPost()
    out = io.BytesIO()
    font: TTFont = builder.font
    font.recalcTimestamp = False
    font.save(out)
    return out.getvalue()


def _bars(number: int) -> object:
    pen = TTGlyphPen(None)
    for bit in range(8):
        if (number + 128) >> bit & 1:
            low = bit * 90
            for at, point in enumerate(((80, low), (80, low + 60), (900, low + 60), (900, low))):
                (pen.lineTo if at else pen.moveTo)(point)
            pen.closePath()
    return pen.glyph()


def shown(text: str, *, of: str = TEXT) -> str:
    """Glyph numbers of `text` as a PDF string."""
    letters = sorted(set(of))
    return "<" + "".join(f"{letters.index(letter) + 1:04X}" for letter in text) + ">"


def to_unicode(lies: Mapping[str, str] | None = None, text: str = TEXT) -> bytes:
    """A ToUnicode map that tells the truth but for `lies`."""
    lines = [
        f"<{at + 1:04X}> <{(lies or {}).get(letter, letter).encode('utf-16-be').hex().upper()}>"
        for at, letter in enumerate(sorted(set(text)))
    ]
    return "\n".join([
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
        f"{len(lines)} beginbfchar", *lines, "endbfchar endcmap end end",
    ]).encode()  # fmt: skip


def stream(content: bytes, extra: str = "", *, packed: bool = True) -> bytes:
    """A stream object's body."""
    data = zlib.compress(content) if packed else content
    how = "/Filter /FlateDecode" if packed else ""
    return f"<< /Length {len(data)} {how} {extra} >>\nstream\n".encode() + data + b"\nendstream"


@dataclass(kw_only=True)
class Draft:
    """Numbered objects to be written as a PDF; object 1 is the root, 3 the page, 4 its content."""

    content: str = ""
    """Drawn after the text."""
    before: str = ""
    """Drawn before it."""
    root: str = ""
    page: str = ""
    resources: str = ""
    lies: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[int, bytes] = field(default_factory=dict)
    """More objects, from 10, or others in place of ours."""
    info: str = ""

    def objects(self) -> dict[int, bytes]:
        """All of them."""
        text = f"{self.before}\nBT /F1 24 Tf 72 700 Td {shown(TEXT)} Tj ET\n{self.content}"
        return {
            1: f"<< /Type /Catalog /Pages 2 0 R {self.root} >>".encode(),
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: f"<< /Type /Page /Parent 2 0 R /MediaBox {A4} /Contents 4 0 R /Resources << /Font "
            f"<< /F1 5 0 R >> {self.resources} >> {self.page} >>".encode(),
            4: stream(text.encode("latin-1")),
            5: b"<< /Type /Font /Subtype /Type0 /BaseFont /Bars /Encoding /Identity-H "
            b"/DescendantFonts [6 0 R] /ToUnicode 9 0 R >>",
            6: b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Bars /CIDToGIDMap /Identity "
            b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            b"/FontDescriptor 7 0 R /DW 1000 >>",
            7: b"<< /Type /FontDescriptor /FontName /Bars /Flags 4 /FontBBox [0 -200 1000 800] "
            b"/ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 /FontFile2 8 0 R >>",
            8: stream(face()),
            9: stream(to_unicode(self.lies)),
            **self.more,
        }

    def pdf(self, *, header: bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n") -> bytes:
        """The whole file, with a table of references."""
        out, offsets = bytearray(header), {}
        objects = self.objects()
        for number, body in objects.items():
            offsets[number] = len(out)
            out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
        start, size = len(out), max(objects) + 1
        out += f"xref\n0 {size}\n0000000000 65535 f \n".encode()
        for number in range(1, size):
            row = f"{offsets[number]:010d} 00000 n" if number in offsets else "0000000000 00001 f"
            out += f"{row} \n".encode()
        out += f"trailer\n<< /Size {size} /Root 1 0 R {self.info} >>\n".encode()
        return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())


def booklet(count: int) -> Draft:
    """The sound page so many times, the second and on as objects from 10."""
    numbers = [3, *range(10, 9 + count)]
    page = Draft().objects()[3]
    kids = " ".join(f"{number} 0 R" for number in numbers)
    pages = f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode()
    return Draft(more={2: pages, **dict.fromkeys(numbers[1:], page)})


def updated(pdf: bytes, objects: Mapping[int, bytes], *, root: int = 1, info: str = "") -> bytes:
    """An incremental update by hand: these objects anew."""
    previous = int(pdf.rsplit(b"startxref", 1)[1].split()[0])
    out, rows = bytearray(pdf), []
    for number, body in objects.items():
        rows.append(f"{number} 1\n{len(out):010d} 00000 n \n")
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    size = max((*objects, 200)) + 1
    out += ("xref\n" + "".join(rows)).encode()
    out += f"trailer\n<< /Size {size} /Root {root} 0 R /Prev {previous} {info} >>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())
