"""A subset of a typeface as a font of a PDF: two-byte codes that are glyph numbers, and their text."""

from __future__ import annotations

import zlib
from functools import lru_cache

from certificates.drawing.marks import Lettering
from certificates.drawing.pdf_file import PDFFile, array, ref
from certificates.drawing.subsets import Subset, subset
from certificates.drawing.typefaces import typeface


def font(file: PDFFile, made: Subset) -> int:
    """The number of its object."""
    face = typeface(made.lettering)
    met = face.metrics
    name = f"{made.tag}+{met.postscript}"
    program = file.stream(
        _packed(made.lettering, made.characters),
        {"Length1": str(len(made.data)), "Filter": "/FlateDecode"},
    )
    described = file.put(
        {
            "Type": "/FontDescriptor",
            "FontName": f"/{name}",
            "Flags": "6" if face.serif else "4",
            "FontBBox": f"[-1000 {met.descent - 200} 3000 {met.ascent + 300}]",
            "ItalicAngle": "0",
            "Ascent": str(met.ascent),
            "Descent": str(met.descent),
            "CapHeight": str(met.capital),
            "StemV": "80",
            "FontFile2": ref(program),
        }
    )
    widths = " ".join(str(face.glyph(each).advance) for each in made.characters)
    inner = file.put(
        {
            "Type": "/Font",
            "Subtype": "/CIDFontType2",
            "BaseFont": f"/{name}",
            "CIDSystemInfo": "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>",
            "FontDescriptor": ref(described),
            "DW": "1000",
            "W": f"[1 [{widths}]]",
            "CIDToGIDMap": "/Identity",
        }
    )
    return file.put(
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": f"/{name}",
            "Encoding": "/Identity-H",
            "DescendantFonts": array([ref(inner)]),
            "ToUnicode": ref(file.deflated(_told(made), {})),
        }
    )


@lru_cache(maxsize=256)
def _packed(lettering: Lettering, characters: str) -> bytes:
    """The file of a subset, packed."""
    return zlib.compress(subset(lettering, characters).data, 6)


def _told(made: Subset) -> bytes:
    """The table from glyphs to characters."""
    rows = [
        f"<{glyph:04X}> <{character.encode('utf-16-be').hex().upper()}>"
        for character, glyph in made.glyphs.items()
    ]
    blocks = [rows[at : at + 100] for at in range(0, len(rows), 100)]
    body = "\n".join(
        f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks
    )
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()
