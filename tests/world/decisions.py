"""An official document of one page, the same in OFD and PDF, waiting for its seal.

`python -m tests.world.decisions` writes both to `hub/demo/documents`; a test sees that they are
what this makes. All names are invented.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pylopdf_fonts_zh_cn
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from seals.ofd.package import packed
from tests.world.ofd import xml
from tests.world.pages import stream

FOLDER = Path(__file__).parents[2] / "hub" / "demo" / "documents"
OFFICE, DAY = "示范县政务服务和大数据管理局", "2026年11月24日"
MM = 72 / 25.4
BODY, LINE = 5.64, 10.2
"""三号, and the distance of lines, in mm."""
LEFT, RIGHT = 28, 184
RED, BLACK = (230, 0, 18), (0, 0, 0)
PARAGRAPHS = (
    "各乡镇人民政府、街道办事处，县直各单位：",
    (
        "　　为方便群众就近办事，减少跑动和提交材料，经研究，决定自本文印发之日起，在全县各乡镇、"
        "街道启用审批服务专用章，同时启用电子印章。现将有关事项通知如下："
    ),
    "　　一、审批服务专用章用于本级承接的政务服务事项，与本级人民政府印章具有同等效力。",
    "　　二、电子印章由本局统一制作、备案，专人保管，一事一签，全程留痕。未经备案的，不得使用。",
    "　　三、有关单位应当认可加盖电子印章的文件，不得要求另行提交加盖实物印章的纸质材料。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One line of text."""

    text: str
    x: float
    y: float
    """The baseline, millimetres from the top."""
    size: float
    colour: tuple[int, int, int] = BLACK

    @property
    def advances(self) -> list[float]:
        """Of each character, in mm."""
        return [_widths()[each] * self.size / 1000 for each in self.text]

    @property
    def width(self) -> float:
        """Of all of them."""
        return sum(self.advances)


def lines() -> list[Words]:
    """The whole page."""
    found = [
        _centred(f"{OFFICE}文件", 50, 9.2, RED),
        _centred("示政数〔2026〕7号", 66, BODY),
        _centred("关于启用乡镇审批服务专用章的通知", 92, 7.76),
    ]
    y = 110.0
    for paragraph in PARAGRAPHS:
        for text in _broken(paragraph):
            found.append(Words(text=text, x=LEFT, y=y, size=BODY))
            y += LINE
    for text, end in ((OFFICE, RIGHT - 2 * BODY), (DAY, RIGHT - 4 * BODY)):
        y += LINE
        width = Words(text=text, x=0, y=0, size=BODY).width
        found.append(Words(text=text, x=end - width, y=y, size=BODY))
    return found


def ofd() -> bytes:
    """As OFD 1.2, its face embedded."""
    objects = "".join(_object(20 + at, words) for at, words in enumerate(lines()))
    rule = (
        '<ofd:PathObject ID="19" Boundary="25 71 160 0.9" Stroke="false" Fill="true">'
        f'<ofd:FillColor Value="{_spaced(RED)}"/>'
        "<ofd:AbbreviatedData>M 0 0 L 160 0 L 160 0.9 L 0 0.9 C</ofd:AbbreviatedData>"
        "</ofd:PathObject>"
    )
    content = f'<ofd:Content><ofd:Layer ID="10">{rule}{objects}</ofd:Layer></ofd:Content>'
    common = (
        "<ofd:MaxUnitID>99</ofd:MaxUnitID>"
        "<ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
        "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
    )
    body = (
        "<ofd:DocBody><ofd:DocInfo><ofd:DocID>6d69616e74690000000000000000d3b0</ofd:DocID>"
        "<ofd:Title>关于启用乡镇审批服务专用章的通知</ofd:Title></ofd:DocInfo>"
        "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody>"
    )
    page = '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages>'
    font = (
        '<ofd:Fonts><ofd:Font ID="3" FontName="Noto Serif SC"><ofd:FontFile>song.ttf'
        "</ofd:FontFile></ofd:Font></ofd:Fonts>"
    )
    return packed(
        {
            "/OFD.xml": xml("OFD", body, 'Version="1.2" DocType="OFD"'),
            "/Doc_0/Document.xml": xml(
                "Document", f"<ofd:CommonData>{common}</ofd:CommonData>{page}"
            ),
            "/Doc_0/PublicRes.xml": xml("Res", font, 'BaseLoc="Res"'),
            "/Doc_0/Res/song.ttf": face(),
            "/Doc_0/Pages/Page_0/Content.xml": xml("Page", content),
        }
    )


def pdf() -> bytes:
    """As PDF 1.7, its face embedded."""
    red = " ".join(f"{each / 255:.3f}" for each in RED)
    drawn = [f"{red} rg {25 * MM:.2f} {(297 - 71.9) * MM:.2f} {160 * MM:.2f} {0.9 * MM:.2f} re f"]
    drawn += [_shown(words) for words in lines()]
    widths = " ".join(f"{code} [{_widths()[letter]}]" for code, letter in enumerate(_letters(), 1))
    table = "\n".join(
        f"<{code:04X}> <{letter.encode('utf-16-be').hex().upper()}>"
        for code, letter in enumerate(_letters(), 1)
    )
    mapped = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        + _in_hundreds(table.splitlines())
        + "endcmap end end"
    )
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.28 841.89] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        stream("\n".join(drawn).encode()),
        (
            b"<< /Type /Font /Subtype /Type0 /BaseFont /DEMOAA+NotoSerifSC /Encoding /Identity-H "
            b"/DescendantFonts [6 0 R] /ToUnicode 9 0 R >>"
        ),
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /DEMOAA+NotoSerifSC "
        b"/CIDToGIDMap /Identity /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) "
        b"/Supplement 0 >> /FontDescriptor 7 0 R /DW 1000 /W [" + widths.encode() + b"] >>",
        (
            b"<< /Type /FontDescriptor /FontName /DEMOAA+NotoSerifSC /Flags 4 "
            b"/FontBBox [-50 -200 1050 900] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 730 "
            b"/StemV 80 /FontFile2 8 0 R >>"
        ),
        stream(face(), f"/Length1 {len(face())}"),
        stream(mapped.encode()),
    )
    out, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, held in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + held + b"\nendobj\n"
    start, size = len(out), len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{each:010d} 00000 n \n".encode() for each in offsets)
    out += f"trailer\n<< /Size {size} /Root 1 0 R >>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())


@cache
def face() -> bytes:
    """The characters of the page out of Noto Serif SC (SIL Open Font License 1.1), as TrueType."""
    font = _song()
    names, outlines = font.getBestCmap(), font.getGlyphSet()
    order = [".notdef", *(f"g{at}" for at in range(1, len(_letters()) + 1))]
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for name, letter in zip(order[1:], _letters(), strict=True):
        pen = TTGlyphPen(None)
        outlines[names[ord(letter)]].draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
        glyphs[name] = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(
        {ord(letter): name for name, letter in zip(order[1:], _letters(), strict=True)}
    )
    builder.setupGlyf(glyphs)
    widths = {".notdef": 1000} | {
        name: _widths()[letter] for name, letter in zip(order[1:], _letters(), strict=True)
    }
    builder.setupHorizontalMetrics(
        {name: (wide, getattr(glyphs[name], "xMin", 0)) for name, wide in widths.items()}
    )
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "Noto Serif SC", "styleName": "Demo subset"})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120)
    builder.setupPost()
    builder.font.recalcTimestamp = False
    builder.font["head"].created = builder.font["head"].modified = 0  # the same bytes each time
    out = io.BytesIO()
    builder.font.save(out)
    return out.getvalue()


@cache
def _song() -> TTFont:
    return TTFont(io.BytesIO(pylopdf_fonts_zh_cn.serif_path().read_bytes()), lazy=True)


@cache
def _letters() -> tuple[str, ...]:
    whole = "".join(
        (*PARAGRAPHS, OFFICE, DAY, "文件示政数〔2026〕7号关于启用乡镇审批服务专用章的通知")
    )
    return tuple(sorted(set(whole)))


@cache
def _widths() -> dict[str, int]:
    font = _song()
    names, metrics = font.getBestCmap(), font["hmtx"]
    return {letter: metrics[names[ord(letter)]][0] for letter in _letters()}


def _centred(text: str, y: float, size: float, colour: tuple[int, int, int] = BLACK) -> Words:
    width = Words(text=text, x=0, y=y, size=size).width
    return Words(text=text, x=(210 - width) / 2, y=y, size=size, colour=colour)


def _broken(paragraph: str) -> Iterator[str]:
    """Into lines that fit; no line begins with a mark."""
    line = ""
    for letter in paragraph:
        width = Words(text=line + letter, x=0, y=0, size=BODY).width
        if width > RIGHT - LEFT and letter not in "，。、：；":
            yield line
            line = ""
        line += letter
    yield line


def _object(number: int, words: Words) -> str:
    steps = " ".join(f"{each:.3f}" for each in words.advances[:-1])
    height = words.size * 1.2
    box = f"{words.x:.3f} {words.y - words.size * 0.88:.3f} {words.width:.3f} {height:.3f}"
    return (
        f'<ofd:TextObject ID="{number}" Boundary="{box}" Font="3" Size="{words.size}">'
        f'<ofd:FillColor Value="{_spaced(words.colour)}"/>'
        f'<ofd:TextCode X="0" Y="{words.size * 0.88:.3f}" DeltaX="{steps}">{words.text}'
        "</ofd:TextCode></ofd:TextObject>"
    )


def _shown(words: Words) -> str:
    codes = "".join(f"{_letters().index(each) + 1:04X}" for each in words.text)
    colour = " ".join(f"{each / 255:.3f}" for each in words.colour)
    size, x, y = words.size * MM, words.x * MM, (297 - words.y) * MM
    return f"{colour} rg BT /F1 {size:.3f} Tf {x:.3f} {y:.3f} Td <{codes}> Tj ET"


def _spaced(colour: tuple[int, int, int]) -> str:
    return " ".join(map(str, colour))


def _in_hundreds(rows: list[str]) -> str:
    """A table of characters may have a hundred rows at most (ISO 32000-2 §9.10.3)."""
    blocks = (rows[at : at + 100] for at in range(0, len(rows), 100))
    return "".join(
        f"{len(each)} beginbfchar\n" + "\n".join(each) + "\nendbfchar\n" for each in blocks
    )


if __name__ == "__main__":
    (FOLDER / "decision.ofd").write_bytes(ofd())
    (FOLDER / "decision.pdf").write_bytes(pdf())
