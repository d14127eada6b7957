"""What keeps a PDF from being sealed, each case with its key."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.pdf.preflight import REFUSALS, reasons
from tests.world.pages import TEXT, Draft, shown, stream, to_unicode, updated
from tests.world.sealed import seal

IMAGE = stream(bytes(12), "/Type /XObject /Subtype /Image /Width 2 /Height 2 /BitsPerComponent 8 "
               "/ColorSpace /DeviceRGB")  # fmt: skip
FORM = "/Type /XObject /Subtype /Form /BBox [0 0 600 900]"
ANNOTATION = b"<< /Type /Annot /Subtype /FreeText /Rect [0 0 9 9] >>"
FIELD = b"<< /FT /Tx /T (name) /V (x) >>"
CHARACTER = shown(TEXT[0])

CASES: dict[str, tuple[str, Draft]] = {
    "open action": ("action", Draft(root="/OpenAction << /S /JavaScript /JS (app.alert) >>")),
    "launch": ("action", Draft(root="/OpenAction << /S /Launch /F (x) >>")),
    "additional actions": ("action", Draft(page="/AA << /O << /S /Named /N /Print >> >>")),
    "link to the web": (
        "action",
        Draft(page="/Annots [10 0 R]", more={10: b"<< /Subtype /Link /Rect [0 0 9 9] "
              b"/A << /S /URI /URI (http://x.invalid) >> >>"}),
    ),
    "scripts by name": ("action", Draft(root="/Names << /JavaScript << /Names [] >> >>")),
    "text field": ("form", Draft(root="/AcroForm << /Fields [10 0 R] >>", more={10: FIELD})),
    "empty seal field": (
        "form",
        Draft(root="/AcroForm << /Fields [10 0 R] >>", more={10: b"<< /FT /Sig /T (a) >>"}),
    ),
    "XFA": ("form", Draft(root="/AcroForm << /Fields [] /XFA 10 0 R >>", more={10: stream(b"")})),
    "layers": ("optional-content", Draft(root="/OCProperties << /OCGs [] >>")),
    "layered content": (
        "optional-content",
        Draft(content="/OC /L BDC EMC", resources="/Properties << /L << /Type /OCG >> >>"),
    ),
    "layered picture": (
        "optional-content",
        Draft(resources="/XObject << /X 10 0 R >>",
              more={10: stream(b"", FORM + " /OC << /Type /OCG >>")}),
    ),
    "note": ("annotation", Draft(page="/Annots [10 0 R]", more={10: ANNOTATION})),
    "painted stamp": (
        "annotation",
        Draft(page="/Annots [10 0 R]", more={10: b"<< /Subtype /Stamp /Rect [0 0 9 9] >>"}),
    ),
    "attachment": ("attachment", Draft(root="/Names << /EmbeddedFiles << /Names [] >> >>")),
    "portfolio": ("attachment", Draft(root="/Collection << >>")),
    "stream elsewhere": (
        "external",
        Draft(resources="/XObject << /X 10 0 R >>", more={10: stream(b"", FORM + " /F (x)")}),
    ),
    "alternate picture": (
        "alternate",
        Draft(resources="/XObject << /X 10 0 R >>",
              more={10: IMAGE.replace(b"/Width", b"/Alternates [] /Width")}),
    ),
    "PostScript": (
        "alternate",
        Draft(resources="/XObject << /X 10 0 R >>",
              more={10: stream(b"", "/Type /XObject /Subtype /PS")}),
    ),
    "unused object": ("unreferenced", Draft(more={10: b"<< /Lies (dormant) >>"})),
    "invisible text": ("hidden-text", Draft(content=f"BT /F1 9 Tf 3 Tr 9 9 Td {CHARACTER} Tj ET")),
    "clipped text": ("hidden-text", Draft(content=f"BT /F1 9 Tf 7 Tr 9 9 Td {CHARACTER} Tj ET")),
    "white text": ("white-text", Draft(content=f"1 g BT /F1 9 Tf 9 9 Td {CHARACTER} Tj ET")),
    "white text in colours": (
        "white-text", Draft(content=f"0 0 0 0 k BT /F1 9 Tf 9 9 Td {CHARACTER} Tj ET"),
    ),
    "white on white": (
        "white-text",
        Draft(content=f"1 1 1 rg 0 0 99 99 re f BT /F1 9 Tf 9 9 Td {CHARACTER} Tj ET"),
    ),
    "tiny text": ("tiny-text", Draft(content=f"BT /F1 0.2 Tf 9 9 Td {CHARACTER} Tj ET")),
    "text beside the page": (
        "off-page", Draft(content=f"BT /F1 9 Tf 900 9 Td {CHARACTER} Tj ET"),
    ),
    "clear text": (
        "transparent",
        Draft(content=f"/G gs BT /F1 9 Tf 9 9 Td {CHARACTER} Tj ET",
              resources="/ExtGState << /G << /ca 0.01 >> >>"),
    ),
    "box over text": ("covered", Draft(content="1 g 60 690 400 40 re f")),
    "drawn box over text": (
        "covered", Draft(content="0 g 60 690 m 460 690 l 460 730 l 60 730 l h f"),
    ),
    "picture over text": (
        "covered",
        Draft(content="q 400 0 0 40 60 690 cm /X Do Q", resources="/XObject << /X 10 0 R >>",
              more={10: IMAGE}),
    ),
    "box over text in a form": (
        "covered",
        Draft(content="q 2 0 0 2 0 0 cm /X Do Q", resources="/XObject << /X 10 0 R >>",
              more={10: stream(b"30 345 200 20 re f", FORM)}),
    ),
    "inline picture over text": (
        "covered",
        Draft(content="q 400 0 0 40 60 690 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"),
    ),
    "form in itself": (
        "content-too-much",
        Draft(content="/X Do", resources="/XObject << /X 10 0 R >>",
              more={10: stream(b"/X Do", FORM)}),
    ),
    "broken content": ("content-unreadable", Draft(content="(never ends")),
    "missing font": ("content-unreadable", Draft(content="BT /F9 9 Tf <01> Tj ET")),
    "other reading": ("actual-text", Draft(content="/Span << /ActualText (999) >> BDC EMC")),
    "lying letters": ("font-lies", Draft(lies={"0": "9"})),
    "letters without text": (
        "font-without-text",
        Draft(more={5: b"<< /Type /Font /Subtype /Type0 /BaseFont /Bars /Encoding /Identity-H "
                    b"/DescendantFonts [6 0 R] >>"}),
    ),
    "foreign face": (
        "font-not-embedded",
        Draft(more={5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}),
    ),
    "drawn face": (
        "font-drawn",
        Draft(more={5: b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] >>"}),
    ),
    "broken face": ("font-unreadable", Draft(more={8: stream(b"no face")})),
    "endless table": (
        "font-unreadable",
        Draft(more={9: stream(b"beginbfrange <0> <FFFFFFFF> <0041> endbfrange")}),
    ),
    "no pages": ("no-pages", Draft(more={2: b"<< /Type /Pages /Kids [] /Count 0 >>"})),
    "pages in a ring": (
        "objects", Draft(more={2: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_of_these_is_refused_with_its_key(case: str) -> None:
    """Whatever else is said of it, too."""
    key, draft = CASES[case]

    assert key in {why for why, _ in reasons(draft.pdf())}


def test_a_sound_page_and_a_sealed_one_pass() -> None:
    """Ours, with one seal and with two; text on dark ground; a link within; a seal over text."""
    assert reasons(Draft().pdf()) == ()
    assert reasons(seal()) == ()
    assert reasons(seal(seal())) == ()
    dark = Draft(content=f"0 g 0 0 99 99 re f 1 g BT /F1 9 Tf 9 9 Td {CHARACTER} Tj ET")
    assert reasons(dark.pdf()) == ()
    inner = b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /Dest [3 0 R /Fit] >>"
    assert reasons(Draft(page="/Annots [10 0 R]", more={10: inner}).pdf()) == ()


FILES = {
    "bytes-before": lambda: b"MZ\x00" + Draft().pdf(),
    "bytes-behind": lambda: Draft().pdf() + b"PK\x03\x04",
    "stray-bytes": lambda: _stray(b"\n% nothing\n<< /Smuggled true >>\n"),
    "earlier-revisions": lambda: updated(Draft().pdf(), {4: stream(b"")}),
    "changed-after-sealing": lambda: updated(seal(), {4: stream(b"")}),
    "encrypted": lambda: Draft(info="/Encrypt << /Filter /Standard /V 1 /R 2 /O (x) /U (x) "
                                    "/P -1 >> /ID [<00> <00>]").pdf(),
    "no-header": lambda: b"hello",
    "unreadable": lambda: Draft().pdf()[:900],
    "seal-broken": lambda: seal().replace(b"/Type /Page ", b"/Type /Page\n", 1),
}  # fmt: skip


def _stray(more: bytes) -> bytes:
    """Bytes behind the second object; the table told of what follows."""
    pdf = Draft().pdf()
    at = pdf.index(b"3 0 obj")
    moved = pdf[:at] + more + pdf[at:]
    head, table = moved.rsplit(b"xref\n0", 1)[0], b""
    size = 10
    table = f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    head = moved[: moved.rindex(b"xref\n0")]
    for number in range(1, size):
        place = re.search(rf"(?:^|\n){number} 0 obj".encode(), head)
        assert place is not None
        offset = place.start() + (0 if head[place.start() : place.start() + 1].isdigit() else 1)
        table += f"{offset:010d} 00000 n \n".encode()
    end = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(head)}\n%%EOF\n".encode()
    return head + table + end


@pytest.mark.parametrize("key", FILES)
def test_the_file_itself_holds_nothing_but_its_objects(key: str) -> None:
    """Before, between, behind, below."""
    assert key in {why for why, _ in reasons(FILES[key]())}


def test_every_key_that_can_be_said_has_words() -> None:
    """In Chinese and in English."""
    said = {key for key, _ in CASES.values()} | set(FILES)

    assert said <= set(REFUSALS)
    assert all(re.search("[一-鿿]", zh) and en for zh, en in REFUSALS.values())


def test_a_table_of_text_may_tell_ranges() -> None:
    """The lie is found in whatever form it is told."""
    lying = to_unicode().replace(b"beginbfchar", b"x").replace(b"endbfchar", b"y")
    lying += b" 1 beginbfrange <0003> <0004> <0058> endbfrange"

    assert "font-lies" in {why for why, _ in reasons(Draft(more={9: stream(lying)}).pdf())}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_content_is_looked_through_without_falling(content: bytes) -> None:
    """Random operators give reasons or none, never an error of a library."""
    found = reasons(Draft(more={4: stream(content)}).pdf())

    assert {why for why, _ in found} <= set(REFUSALS)
