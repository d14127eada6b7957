"""One drawing as OFD and as PDF: read back by others, sealed by us, and equal to its face."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import ofdkit
import pikepdf
import pypdfium2
import pytest
import zxingcpp
from lxml import etree
from PIL import Image

from certificates.drawing import agreement
from certificates.drawing.content import Content
from certificates.drawing.errors import GlyphMissing, PictureRefused, Unwritable
from certificates.drawing.marks import Drawing, Picture, Text
from certificates.drawing.ofd import FACE_PART, TAGS_PART, ofd
from certificates.drawing.pdf import pdf
from certificates.drawing.pictures import MAX_SIDE, looked
from certificates.drawing.preview import pages, png
from certificates.templates.samples import IDENTIFIER
from seals.ofd import document as graphs
from seals.ofd import preflight
from seals.ofd.package import OFDPackage, packed
from seals.ofd.placing import AtPlace
from seals.ofd.verification import verify
from seals.pdf.preflight import reasons
from seals.verdicts import Verdict
from tests.world import seals as ofd_seals
from tests.world.drawings import METADATA, NAME, content, documents, drawing, picture
from tests.world.ofd import sealed
from tests.world.poppler import Poppler
from tests.world.sealed import judged, seal

OFDS = "{http://www.ofdspec.org/2016}"


@pytest.fixture(scope="module")
def of_ofd() -> bytes:
    """The demo sheet as OFD."""
    return ofd(drawing(), content())


@pytest.fixture(scope="module")
def of_pdf() -> bytes:
    """The demo sheet as PDF."""
    return pdf(drawing(), content())


@pytest.mark.parametrize("writer", [ofd, pdf])
def test_the_same_input_gives_the_same_bytes(writer: Callable[[Drawing, Content], bytes]) -> None:
    """Made twice of equal values; another name gives other bytes."""
    first = writer(drawing(), content())

    assert writer(drawing(), content()) == first
    assert writer(drawing("赵明示"), content("赵明示")) != first


def test_both_may_be_sealed(of_ofd: bytes, of_pdf: bytes) -> None:
    """Nothing is hidden, covered, unreferenced or active in them."""
    package = OFDPackage.open(of_ofd)
    found = graphs.graph(package)

    assert preflight.reasons(package, found, graphs.pages(found)) == ()
    assert reasons(of_pdf) == ()


def test_a_sealed_ofd_verifies() -> None:
    """Under the seal of the invented country, every part covered."""
    whole = sealed(ofd(drawing(), content()), (AtPlace(page=1, x=150, y=220),))
    report = verify(whole, ofd_seals.NOW)
    failed = [each for each in report.complaints if each.verdict is Verdict.FAILED]

    assert not failed
    assert len(report.seals) == 1


def test_a_changed_character_breaks_the_sealed_ofd() -> None:
    """What was painted cannot be exchanged afterwards."""
    whole = sealed(ofd(drawing("赵明示"), content("赵明示")), (AtPlace(page=1, x=150, y=220),))
    part = "/Doc_0/Pages/Page_0/Content.xml"
    package = OFDPackage.open(whole)
    changed = package.read(part).replace("赵明示".encode(), "赵明亦".encode())
    report = verify(package.rewritten({part: changed}), ofd_seals.NOW)

    assert any(each.verdict is Verdict.FAILED for each in report.complaints)


def test_a_sealed_pdf_verifies(of_pdf: bytes) -> None:
    """By a signer of the invented country."""
    report = judged(seal(of_pdf))

    assert report.verdict is Verdict.PASSED, report.complaints


def test_ofd_and_pdf_show_the_same(of_ofd: bytes, of_pdf: bytes) -> None:
    """Every character at its place, turned ones and rare ones, too."""
    assert agreement.differences(of_ofd, of_pdf) == ()
    shown = {each.character for each in agreement.in_ofd(of_ofd)}
    assert set(NAME) - {" "} <= shown


def test_a_difference_is_found() -> None:
    """Another character, and a character that stands elsewhere."""
    one = ofd(drawing("赵明示"), content())
    other = pdf(drawing("赵明亦"), content())
    found = agreement.differences(one, other)
    assert {(each.only, each.standing.character) for each in found} == {
        ("ofd", "示"),
        ("pdf", "亦"),
    }

    sheet = drawing("赵明示").sheets[0]
    moved = tuple(
        replace(each, x=each.x + 0.3) if isinstance(each, Text) and each.item == "name" else each
        for each in sheet.marks
    )
    found = agreement.differences(
        one, pdf(Drawing(sheets=(replace(sheet, marks=moved),)), content())
    )
    assert len(found) == 6


def test_a_glyph_that_is_not_of_its_text_is_found() -> None:
    """Who changes the text and leaves the glyphs shows one thing and says another."""
    whole = ofd(drawing("赵明示"), content())
    package = OFDPackage.open(whole)
    parts = {name: package.read(name) for name in package.parts}
    part = "/Doc_0/Pages/Page_0/Content.xml"
    parts[part] = parts[part].replace("赵明示".encode(), "赵明明".encode())
    found = agreement.differences(packed(parts), pdf(drawing("赵明示"), content()))

    assert {(each.only, each.standing.character) for each in found} == {("ofd", "明")}


def test_an_independent_reader_reads_the_ofd(of_ofd: bytes, tmp_path: Path) -> None:
    """Ofdkit finds the labels of the template page and the face's values, without a warning."""
    file = tmp_path / "demo.ofd"
    file.write_bytes(of_ofd)
    with ofdkit.open(str(file)) as opened:
        told = opened.text()
        warnings = list(opened.warnings)

    squeezed = re.sub(r"\s", "", told)
    assert "演示证" in squeezed
    assert re.sub(r"\s", "", NAME) in squeezed
    assert not warnings


def test_poppler_reads_the_pdf(of_pdf: bytes, poppler: Poppler, tmp_path: Path) -> None:
    """The text can be copied, rare characters, too, and every font is an embedded subset."""
    file = tmp_path / "demo.pdf"
    file.write_bytes(of_pdf)

    told = re.sub(r"\s", "", poppler("pdftotext", file, "-"))
    assert re.sub(r"\s", "", NAME) in told
    rows = poppler("pdffonts", file).splitlines()[2:]
    assert len(rows) == 3  # one for the form's labels, two for what is filled in
    assert all(re.search(r"CID TrueType\s+Identity-H\s+yes yes yes", row) for row in rows)


def test_qpdf_has_no_complaint(of_pdf: bytes) -> None:
    """The table, the streams and the trailer are as the standard wants them."""
    with pikepdf.open(io.BytesIO(of_pdf)) as opened:
        assert opened.check_pdf_syntax() == []


def test_the_pdf_is_what_pdf_a_asks_for(of_pdf: bytes) -> None:
    """The points of ISO 19005-2 that can be told from the file; no claim of a validator is made."""
    with pikepdf.open(io.BytesIO(of_pdf)) as opened:
        root = opened.Root
        packet = root.Metadata
        assert "/Filter" not in packet
        told = etree.fromstring(
            packet.read_bytes()[packet.read_bytes().index(b"<x:") :].split(b"<?")[0]
        )
        texts = {etree.QName(each).localname: each.text for each in told.iter() if each.text}
        assert (texts["part"], texts["conformance"]) == ("2", "U")
        intent = root.OutputIntents[0]
        assert (intent.S, intent.DestOutputProfile.N) == ("/GTS_PDFA1", 3)
        assert root.MarkInfo.Marked
        assert "/AcroForm" not in root
        assert "/Names" not in root
        assert str(opened.docinfo.Title) == "演示证"
        for page in opened.pages:
            for font in page.Resources.Font.values():
                inner = font.DescendantFonts[0]
                assert font.Encoding == "/Identity-H"
                assert inner.CIDToGIDMap == "/Identity"
                assert "/FontFile2" in inner.FontDescriptor
                assert "/ToUnicode" in font
        declared = {each.text for each in told.iter("{*}name")}
        assert {"face", "type", *METADATA} == declared
        face = next(each for each in told.iter("{https://mianti.invalid/ns/face/1.0/}face"))
        assert (face.text or "").encode() == content().data


def test_the_structure_of_the_pdf_names_each_face_item(of_pdf: bytes) -> None:
    """Every text is marked, and what shows the name says so; a picture says what it is of."""
    with pikepdf.open(io.BytesIO(of_pdf)) as opened:
        whole = opened.Root.StructTreeRoot.K
        named = [str(each.T) for each in whole.K if "/T" in each]
        figures = [each for each in whole.K if each.S == "/Figure"]

    assert {"name", "number", "portrait"} == set(named)
    assert len(figures) == 1


def test_the_ofd_carries_face_metadata_and_tags(of_ofd: bytes) -> None:
    """As attachment, as CustomDatas under the names of GB/T 36903, and tied to the painted text."""
    package = OFDPackage.open(of_ofd)
    root = etree.fromstring(package.read("/OFD.xml"))
    data = {each.get("Name"): each.text for each in root.iter(f"{OFDS}CustomData")}

    assert data == METADATA
    assert package.read(FACE_PART) == content().data
    assert agreement.items_shown(of_ofd)["name"] == NAME
    tagged = etree.fromstring(package.read(TAGS_PART))
    assert {each.get("id") for each in tagged} == {"name", "number", "portrait"}


def test_ids_of_the_ofd_are_unique_and_counted(of_ofd: bytes) -> None:
    """No object has another's number, and none is beyond MaxUnitID."""
    package = OFDPackage.open(of_ofd)
    ids: list[int] = []
    for name in package.parts:
        if name.endswith(".xml"):
            found = etree.fromstring(package.read(name)).iter()
            ids += [int(value) for each in found if (value := each.get("ID") or "").isdigit()]
    most = etree.fromstring(package.read("/Doc_0/Document.xml")).find(f".//{OFDS}MaxUnitID")

    assert most is not None
    # The page objects and the template pages are told once in Document.xml.
    assert len(ids) == len(set(ids))
    assert max(ids) == int(most.text or "0")


def test_the_qr_code_says_the_identifier(of_pdf: bytes) -> None:
    """It is read from the page as PDFium paints it."""
    (page,) = pages(of_pdf, 200)

    assert [each.text for each in zxingcpp.read_barcodes(page)] == [IDENTIFIER]


def test_a_preview_is_a_picture_of_every_page() -> None:
    """As large as the paper, and not empty."""
    image = Image.open(io.BytesIO(png(pdf(drawing(), content()), 72)))

    assert image.size == (596, 842)
    assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 100


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (picture("JPEG"), "DCTDecode"),
        (picture("JPEG", "L"), "DCTDecode"),
        (picture("PNG", "RGBA"), "FlateDecode"),
        (picture("PNG", "P"), "FlateDecode"),
        (picture("PNG", "L"), "FlateDecode"),
    ],
    ids=["jpeg", "grey-jpeg", "clear", "palette", "grey"],
)
def test_pictures_of_all_kinds_may_be_sealed(data: bytes, form: str) -> None:
    """Clear ones are put on paper, so that nothing in the PDF is transparent."""
    made = pdf(drawing(data=data), content())

    assert reasons(made) == ()
    assert form.encode() in made
    assert b"SMask" not in made
    assert agreement.differences(ofd(drawing(data=data), content()), made) == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no-picture"),
        (b"<svg/>", "no-picture"),
        (picture("GIF", "P"), "no-picture"),
        (picture()[:20], "no-picture"),
        (picture(size=(MAX_SIDE + 1, 1)), "too-many-pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(3 << 20), "too-large"),
        (picture("JPEG", "CMYK"), "colours"),
    ],
    ids=["empty", "svg", "gif", "cut", "wide", "large", "inks"],
)
def test_what_is_no_picture_is_refused(data: bytes, why: str) -> None:
    """By its own bytes, before anything of it is unpacked."""
    with pytest.raises(PictureRefused, match=why):
        looked(data)


def test_a_bomb_is_refused_by_its_head() -> None:
    """A small file that would be a huge picture."""
    head = bytearray(picture())
    head[16:24] = (60_000).to_bytes(4) * 2
    with pytest.raises(PictureRefused):
        looked(bytes(head))


def test_a_damaged_picture_is_refused_when_it_is_unpacked() -> None:
    """Its head is sound, its rest is not there."""
    good = picture(size=(300, 400))
    sheet = drawing().sheets[0]
    cut = [each for each in sheet.marks if isinstance(each, Picture)]
    broken = replace(cut[0], data=good[: len(good) // 2])
    with pytest.raises(PictureRefused, match="damaged"):
        pdf(Drawing(sheets=(replace(sheet, marks=(broken,)),)), content())


@pytest.mark.parametrize(
    "made",
    [
        lambda: replace(content(), metadata={"ZZMC": "甲\x00"}),
        lambda: replace(content(), metadata={"Z Z": "甲"}),
        lambda: replace(content(), metadata={"face": "甲"}),
        lambda: replace(content(), metadata={"><x": "甲"}),
        lambda: replace(content(), title="甲\ud800"),
        lambda: replace(content(), labels={"a": "\x1b"}),
        lambda: replace(content(), data=b"\xff"),
        lambda: replace(content(), data=b"{\n}"),
    ],
    ids=["nul", "space", "own-name", "markup", "surrogate", "escape", "not-utf-8", "line-end"],
)
def test_data_that_cannot_be_written_is_refused(made: Callable[[], Content]) -> None:
    """Before any byte is."""
    with pytest.raises(Unwritable):
        made()


def test_markup_in_values_stays_text(of_ofd: bytes) -> None:
    """What looks like an element is none."""
    name = "<ofd:Evil/>&amp;\"'"
    made = ofd(drawing(name), content(name))

    assert agreement.items_shown(made)["name"] == name
    assert pypdfium2.PdfDocument(pdf(drawing(name), content(name)))[0].get_textpage().get_text_bounded().count("<ofd:Evil/>") == 1  # fmt: skip
    assert len(OFDPackage.open(made).parts) == len(OFDPackage.open(of_ofd).parts)


def test_a_missing_glyph_stops_both_writers() -> None:
    """Even where the drawing was made by somebody else's layout."""
    sheet = drawing("赵").sheets[0]
    marks = tuple(
        replace(each, text="𠮷") if isinstance(each, Text) and each.item == "name" else each
        for each in sheet.marks
    )
    odd = Drawing(sheets=(replace(sheet, marks=marks),))
    for writer in (ofd, pdf):
        with pytest.raises(GlyphMissing):
            writer(odd, content())


@pytest.mark.parametrize(
    "type_id", ["business-licence", "birth-certificate", "immunization-certificate"]
)
def test_a_certificate_is_sealed_at_its_place(type_id: str) -> None:
    """Both files of real types verify under a seal, and a day later, too."""
    of_ofd, of_pdf = documents(type_id)
    whole = sealed(of_ofd, (AtPlace(page=1, x=200 if type_id == "business-licence" else 90, y=80),))
    report = verify(whole, ofd_seals.NOW + timedelta(days=1))

    assert not [each for each in report.complaints if each.verdict is Verdict.FAILED]
    assert judged(seal(of_pdf)).verdict is Verdict.PASSED
