"""The page beside a printed certificate, and the codes that are read back from pictures of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from certificates.drawing.agreement import items_shown
from certificates.drawing.content import Content
from certificates.drawing.errors import Overflow, PictureRefused
from certificates.drawing.marks import Drawing, Modules
from certificates.drawing.pdf import pdf
from certificates.drawing.preview import png
from certificates.drawing.qr import QUIET
from certificates.drawing.scanning import MAX_BYTES, codes
from certificates.model import FaceEntry, ItemType
from certificates.paper.page import MODULE, PageText, page
from certificates.paper.printing import printout
from certificates.paper.telling import entries, left_out
from seals.ofd import document as graphs
from seals.ofd import preflight
from seals.ofd.package import OFDPackage
from seals.pdf.preflight import reasons
from tests.world.certificates import TODAY, catalog, definitions
from tests.world.drawings import MADE, picture
from tests.world.paper import SIGNER, code_of, issued_data

SITE = "zz.example.gov.cn"


def text(type_id: str) -> PageText:
    """What the page of the sample of a type says."""
    definition, facts = definitions()[type_id], code_of(type_id).facts
    return PageText(
        name=definition.type.name,
        identifier=str(facts.identifier),
        entries=entries(facts, definition, catalog().code_tables, TODAY),
        left_out=left_out(facts, definition),
        authority=facts.authority,
        site=SITE,
        printed_on=TODAY,
    )


@cache
def drawn(type_id: str) -> Drawing:
    """The page of a type."""
    return page(text(type_id), code_of(type_id).text)


CONTENT = Content(title="核验页", type="page", labels={}, data=b"{}", created_at=MADE)


@cache
def scanned(type_id: str, dpi: float = 200) -> bytes:
    """The page as a scanner sees it."""
    return png(pdf(drawn(type_id), CONTENT), dpi)


def modules(drawing: Drawing) -> Modules:
    """The code on a page."""
    (found,) = [mark for mark in drawing.sheets[0].marks if isinstance(mark, Modules)]
    return found


@pytest.mark.parametrize("type_id", sorted(definitions()))
def test_every_type_has_its_page(type_id: str) -> None:
    """Every item that is told, every label that is not, the site and the identifier are painted; the
    modules are large enough for an office printer, and paper is clear around them.
    """
    drawing, told = drawn(type_id), text(type_id)
    painted = "".join(mark.text for mark in drawing.texts)
    for each in told.entries:
        assert each.label in painted
        assert each.text.replace("\n", "") in painted
    for label in (*told.left_out, SITE, told.identifier, told.authority):
        assert label in painted
    code = modules(drawing)
    side = len(code.rows)
    assert code.module == MODULE >= 0.33
    assert side <= 77  # version 15
    left = code.x - QUIET * MODULE
    beside = [mark for mark in drawing.sheets[0].marks if mark is not code and hasattr(mark, "y")]
    assert left >= 12
    for mark in beside:
        apart = mark.x > code.x + (side + QUIET) * MODULE or mark.y < code.y - QUIET * MODULE  # type: ignore[union-attr]  # it has both
        assert apart or mark.y > code.y + (side + QUIET) * MODULE  # type: ignore[union-attr]  # as above


@pytest.mark.parametrize("type_id", ["veteran-card", "realestate-certificate", "birth-certificate"])
def test_the_code_is_read_from_a_scan(type_id: str) -> None:
    """At 200 dpi, alone on its page, with error correction M."""
    (found,) = codes(scanned(type_id))
    assert found.text == code_of(type_id).text
    assert found.level == "M"


def test_the_code_is_read_from_a_poor_copy() -> None:
    """Turned a little, blurred, noisy, grey and packed as a poor JPEG."""
    image = Image.open(io.BytesIO(scanned("veteran-card"))).convert("L")
    image = image.rotate(3, fillcolor=255).filter(ImageFilter.GaussianBlur(1.2))
    image = image.point(lambda value: 60 + value * 0.6)
    for at in range(3000):
        image.putpixel((at * 7919 % image.width, at * 104_729 % image.height), 20)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=40)
    (found,) = codes(out.getvalue())
    assert found.text == code_of("veteran-card").text


def test_several_codes_are_read_in_order() -> None:
    """Two pages below one another; a page without one has none."""
    both = [Image.open(io.BytesIO(scanned(each, 150))) for each in ("passport", "veteran-card")]
    whole = Image.new("RGB", (both[0].width, sum(each.height for each in both)), "white")
    whole.paste(both[0], (0, 0))
    whole.paste(both[1], (0, both[0].height))
    out = io.BytesIO()
    whole.save(out, "PNG")
    assert [each.text for each in codes(out.getvalue())] == [
        code_of("passport").text,
        code_of("veteran-card").text,
    ]
    assert codes(picture(size=(300, 300))) == ()


def test_a_transparent_picture_lies_on_paper() -> None:
    """Dark modules on nothing are read as on white."""
    grey = Image.open(io.BytesIO(scanned("passport", 150))).convert("L")
    clear = Image.merge("LA", (Image.new("L", grey.size, 0), grey.point(lambda value: 255 - value)))
    out = io.BytesIO()
    clear.save(out, "PNG")
    assert [each.text for each in codes(out.getvalue())] == [code_of("passport").text]


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 100,000 pixels wide and high."""
    plain = bytearray(picture(size=(8, 8)))
    plain[16:24] = (100_000).to_bytes(4) * 2
    return bytes(plain)


REFUSED: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "nothing": (lambda: b"", {"no-picture"}),
    "no picture": (lambda: b"%PDF-1.7", {"no-picture"}),
    "a GIF": (lambda: picture("GIF", "P"), {"no-picture"}),
    "cut off": (lambda: scanned("passport")[:4000], {"damaged", "no-picture"}),
    "too many bytes": (lambda: bytes(MAX_BYTES + 1), {"too-large"}),
    "wider than any scan": (lambda: picture(size=(10_001, 2)), {"too-many-pixels"}),
    "a bomb": (bomb, {"too-many-pixels", "damaged", "no-picture"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused(name: str) -> None:
    """By a stable key, and without being unpacked."""
    made, why = REFUSED[name]
    with pytest.raises(PictureRefused) as refused:
        codes(made())
    assert refused.value.why in why


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_damaged_picture_is_refused_or_read(data: st.DataObject) -> None:
    """Whatever bytes it holds, nothing else happens."""
    content = bytearray(picture(data.draw(st.sampled_from(["PNG", "JPEG"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = codes(bytes(content))
    except PictureRefused:
        return
    assert found == ()


def test_a_printout_is_a_page_in_both_formats() -> None:
    """OFD and PDF/A as any other document of ours; the code on the PDF is the one that was made."""
    definition = definitions()["business-licence"]
    made = printout(
        definition, issued_data(definition.id), SIGNER, catalog().code_tables, site=SITE, printed_on=TODAY
    )  # fmt: skip
    package = OFDPackage.open(made.documents["ofd"])
    found = graphs.graph(package)

    assert preflight.reasons(package, found, graphs.pages(found)) == ()
    assert reasons(made.documents["pdf"]) == ()
    assert [each.text for each in codes(png(made.documents["pdf"], 150))] == [made.code.text]
    told = items_shown(made.documents["ofd"])
    name = issued_data(definition.id).face.get("name").text
    assert told["name"] == name


def test_items_that_do_not_fit_are_no_page() -> None:
    """Rather than letters that nobody can read."""
    entry = FaceEntry(
        id="a", label="甲", type=ItemType.STRING, values=("字" * 6000,), texts=("字" * 6000,)
    )
    told = text("passport")
    crowded = PageText(
        name=told.name,
        identifier=told.identifier,
        entries=(entry,),
        left_out=(),
        authority="",
        site=SITE,
        printed_on=TODAY,
    )
    with pytest.raises(Overflow):
        page(crowded, "MT1:0")
