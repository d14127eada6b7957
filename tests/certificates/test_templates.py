"""Templates of every certificate type: they bear the longest, the rare and the empty, or complain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from certificates.drawing import agreement
from certificates.drawing.lines import Box
from certificates.drawing.marks import Colour, Modules, Picture, Text
from certificates.drawing.ofd import ofd
from certificates.drawing.pdf import pdf
from certificates.drawing.watermark import watermarked
from certificates.templates.composing import composed
from certificates.templates.errors import FaceRejected, TemplateInvalid
from certificates.templates.grammar import Choice, extended, shipped
from certificates.templates.keeping import kept, read
from certificates.templates.lint import contrast, lint
from certificates.templates.model import Template
from certificates.templates.planning import template
from certificates.templates.samples import IDENTIFIER, LINES, Sample, portrait
from seals.ofd import document as graphs
from seals.ofd import preflight
from seals.ofd.package import OFDPackage
from seals.ofd.placing import AtPlace
from seals.pdf.preflight import reasons
from tests.world.drawings import (
    catalog,
    definition,
    documents,
    drawn,
    faced,
    kind,
    picture,
    planned,
    told,
    with_texts,
)
from tests.world.ofd import sealed

TYPES = sorted(catalog().certificate_types)
TABLES = catalog().code_tables


def rules(made: Template) -> set[tuple[str, str]]:
    """Place and rule of each complaint about a template."""
    return {(each.where, each.rule) for each in lint(made, definition(made.type), TABLES)}


def rejected(
    type_id: str, identifier: str = IDENTIFIER, **texts: str | tuple[str, ...]
) -> set[tuple[str, str]]:
    """Place and rule of each complaint about the usual face with changes."""
    made = with_texts(faced(type_id), **texts)
    with pytest.raises(FaceRejected) as raised:
        composed(planned(type_id), made.face, made.pictures, identifier)
    return {(each.where, each.rule) for each in raised.value.complaints}


def test_every_type_of_the_catalog_has_a_template_and_no_template_is_of_no_type() -> None:
    """68 types; the file of choices and the catalog agree."""
    assert len(TYPES) == 68
    assert sorted(shipped().choices) == TYPES
    assert {each.family for each in shipped().choices.values()} == set(shipped().families)


@pytest.mark.parametrize("type_id", TYPES)
def test_a_template_may_be_published(type_id: str) -> None:
    """All four samples fit, are equal in OFD and PDF, and say what the face says."""
    assert lint(planned(type_id), definition(type_id), TABLES) == ()


@pytest.mark.parametrize("type_id", TYPES)
def test_what_is_made_may_be_sealed_at_its_place(type_id: str) -> None:
    """Preflight finds nothing in either file, and the seal's middle is on the sheet."""
    of_ofd, of_pdf = documents(type_id, Sample.LONGEST)
    found = graphs.graph(package := OFDPackage.open(of_ofd))

    assert preflight.reasons(package, found, graphs.pages(found)) == ()
    assert reasons(of_pdf) == ()
    places = [
        (number, each)
        for number, page in enumerate(planned(type_id).pages, 1)
        for each in page.seals
    ]
    assert len(places) == 1
    ((number, place),) = places
    page = planned(type_id).pages[number - 1]
    for middle, whole in ((place.x, page.width), (place.y, page.height)):
        assert place.diameter / 2 <= middle <= whole - place.diameter / 2


@pytest.mark.parametrize(
    "type_id", ["business-licence", "household-register", "construction-permit"]
)
def test_a_seal_goes_where_the_template_says(type_id: str) -> None:
    """And the document verifies, which `sealed` itself asks for."""
    ((number, place),) = [
        (number, each)
        for number, page in enumerate(planned(type_id).pages, 1)
        for each in page.seals
    ]
    of_ofd, _ = documents(type_id)
    assert sealed(of_ofd, (AtPlace(page=number, x=place.x, y=place.y),))


@pytest.mark.parametrize("type_id", TYPES)
def test_items_stand_in_the_order_of_the_catalog(type_id: str) -> None:
    """Read page by page, row by row, as far as the type does not say otherwise."""
    order = list(kind(type_id).items)
    plans = shipped().families[shipped().choices[type_id].family].pages
    for plan, page in zip(plans, planned(type_id).pages, strict=True):
        rows = list(page.fields[1 if plan.number else 0 :])
        if plan.foot and len(rows) > 1:
            one, other = rows.pop(-2), rows.pop()
            rows += [one] if one.box.x != other.box.x else []  # only one item stands at the foot
        placed = [
            each.item for each in sorted(rows, key=lambda each: (round(each.box.y), each.box.x))
        ]
        if shipped().choices[type_id].rows is None:
            assert placed == sorted(placed, key=order.index)


def test_the_drawing_of_a_face_tells_each_item() -> None:
    """Codes by their labels, dates in words, a long scope over several lines."""
    made = drawn("business-licence", Sample.LONGEST)
    painted: dict[str, str] = {}
    for each in made.texts:
        if each.item:
            painted[each.item] = painted.get(each.item, "") + each.text
    face = faced("business-licence", Sample.LONGEST).face

    assert len(painted["scope"]) == 2000
    assert painted["established_on"] == "2026年12月31日"
    assert face.get("established_on").value == "2026-12-31"
    assert painted["enterprise_type"] == TABLES["enterprise-type"].label(
        face.get("enterprise_type").value
    )
    assert len([each for each in made.texts if each.item == "scope"]) > 10


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "赵𠮷示"}, {("name", "glyph")}),
        ({"name": "赵\x00示"}, {("name", "glyph")}),
        ({"name": "赵\u202e示"}, {("name", "glyph")}),
        ({"name": "赵\u200b示"}, {("name", "glyph")}),
        ({"address": "示" * 400}, {("address", "overflow")}),
        ({"address": "示" * 100_000}, {("address", "overflow")}),
        ({"address": "示" * 400, "issuer": "𠮷"}, {("address", "overflow"), ("issuer", "glyph")}),
    ],
    ids=["no-glyph", "nul", "right-to-left", "zero-width", "long", "huge", "all-at-once"],
)
def test_a_face_that_cannot_be_painted_is_rejected(
    changes: Mapping[str, str], expected: set[tuple[str, str]]
) -> None:
    """With item and rule, all complaints at once."""
    assert rejected("resident-id-card", **changes) == expected


@pytest.mark.parametrize("data", [b"<svg/>", b"no bytes", b""], ids=["svg", "text", "lost"])
def test_a_picture_that_is_none_is_rejected(data: bytes) -> None:
    """Whatever stands under its digest."""
    made = faced("resident-id-card")
    pictures = dict.fromkeys(made.pictures, data)
    with pytest.raises(FaceRejected) as raised:
        composed(planned("resident-id-card"), made.face, pictures, IDENTIFIER)
    assert [(each.where, each.rule) for each in raised.value.complaints] == [
        ("portrait", "picture")
    ]


def test_a_value_that_has_no_place_is_rejected() -> None:
    """It would be left out, and nobody would know."""
    made = faced("resident-id-card")
    page, *others = planned("resident-id-card").pages
    fewer = replace(page, fields=tuple(each for each in page.fields if each.item != "name"))
    template = replace(planned("resident-id-card"), pages=(fewer, *others))
    with pytest.raises(FaceRejected) as raised:
        composed(template, made.face, made.pictures, IDENTIFIER)
    assert [(each.where, each.rule) for each in raised.value.complaints] == [("name", "no-place")]


def test_a_missing_glyph_is_named_and_the_rest_of_the_name_is_not() -> None:
    """Who mends it needs the character; nobody needs the person."""
    made = with_texts(faced("resident-id-card"), name="欧阳𠮷明")
    with pytest.raises(FaceRejected) as raised:
        composed(planned("resident-id-card"), made.face, made.pictures, IDENTIFIER)
    (complaint,) = raised.value.complaints

    assert "𠮷" in complaint.found
    assert "U+20BB7" in complaint.found
    assert "欧阳" not in complaint.found + str(raised.value)


def test_more_lines_than_a_table_has_room_for_are_rejected() -> None:
    """Nothing is left out silently; as many as fit are painted."""
    item = "immunization-certificate"
    rows = planned(item).pages[1].tables[0].rows
    assert rows >= LINES
    assert rejected(item, dose_number=("1",) * (rows + 1)) == {("dose_number", "rows")}
    made = with_texts(faced(item), dose_number=("7",) * rows)
    drawing = composed(planned(item), made.face, made.pictures, IDENTIFIER)
    assert [each.text for each in drawing.texts if each.item == "dose_number"] == ["7"] * rows


def test_an_identifier_that_no_code_can_hold_is_rejected() -> None:
    """As a complaint, not as an error of the library."""
    assert rejected("business-licence", "示" * 4000) == {("qr", "code")}


def test_what_has_no_identifier_has_no_code() -> None:
    """A draft leads nowhere."""
    made = faced("business-licence")
    drawing = composed(planned("business-licence"), made.face, made.pictures, "")
    assert not [m for sheet in drawing.sheets for m in sheet.marks if isinstance(m, Modules)]


def test_a_template_tells_which_days_it_writes_short() -> None:
    """And the face is composed so."""
    dotted = planned("immunization-certificate").dotted
    texts = faced("immunization-certificate").face.get("occurrence_date").texts

    assert "occurrence_date" in dotted
    assert all(re.fullmatch(r"\d{4}\.\d\d\.\d\d", text) for text in texts)


@pytest.mark.parametrize("type_id", TYPES)
def test_a_template_is_kept_and_read_back(type_id: str) -> None:
    """Byte for byte the same when it is kept again."""
    content = kept(planned(type_id))
    assert kept(read(content)) == content


def test_a_kept_template_makes_the_same_documents(tmp_path: Path) -> None:
    """Pictures of its background included."""
    (tmp_path / "ground.png").write_bytes(picture(size=(170, 110)))
    (tmp_path / "types.yaml").write_text("passport: {family: passport, background: ground.png}\n")
    made = template(kind("passport"), extended(shipped(), tmp_path), TABLES)
    of = faced("passport")
    one, other = (
        ofd(composed(each, of.face, of.pictures, IDENTIFIER), told("passport"))
        for each in (made, read(kept(made)))
    )
    assert one == other


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", kept(planned("passport"))[:-1], kept(planned("passport")) + b" "],
    ids=["empty", "nothing", "list", "no-text", "cut", "more"],
)
def test_what_is_no_kept_template_is_refused(content: bytes) -> None:
    """And what would not be written so."""
    with pytest.raises(TemplateInvalid):
        read(content)


def moved(made: Template, name: str, box: Box) -> Template:
    """The template with one field elsewhere."""
    page, *others = made.pages
    fields = tuple(replace(each, box=box) if each.item == name else each for each in page.fields)
    return replace(made, pages=(replace(page, fields=fields), *others))


def test_lint_finds_what_is_wrong_with_a_template() -> None:
    """Overlap, beyond the sheet, no place, too small a place, too pale a paper: each by its rule."""
    made = planned("resident-id-card")
    page, *others = made.pages
    other = next(each.box for each in page.fields if each.item == "birth_date")

    assert ("name, birth_date", "overlap") in rules(moved(made, "name", other))
    assert ("name", "off-page") in rules(moved(made, "name", Box(80, 10, 20, 5)))
    assert ("name", "overflow") in rules(moved(made, "name", Box(1, 50, 8, 2)))
    fewer = replace(page, fields=tuple(each for each in page.fields if each.item != "name"))
    assert ("name", "no-place") in rules(replace(made, pages=(fewer, *others)))
    dark = replace(page, paper=Colour(90, 120, 150))
    assert ("page 1", "contrast") in rules(replace(made, pages=(dark, *others)))
    unsealed = tuple(replace(each, seals=()) for each in made.pages)
    assert ("seal", "no-place") in rules(replace(made, pages=unsealed))


def test_contrast_is_that_of_the_guidelines() -> None:
    """Black on white is 21 to 1, a colour on itself 1 to 1."""
    assert contrast(Colour(0, 0, 0), Colour(255, 255, 255)) == pytest.approx(21)
    assert contrast(Colour(9, 99, 199), Colour(9, 99, 199)) == pytest.approx(1)
    assert contrast(Colour(119, 119, 119), Colour(255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    "choice",
    [
        Choice(family="no-such-family"),
        Choice(family="card", rows=((("no-such-item",),),)),
        Choice(family="form", issuer="no-such-item"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(choice: Choice) -> None:
    """A layout that is not there, an item the type does not have."""
    with pytest.raises(TemplateInvalid):
        template(kind("passport"), replace(shipped(), choices={"passport": choice}), TABLES)


SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"><title>x</title>'
    b'<g fill="#eef" transform="translate(1 1) rotate(10)"><rect width="30" height="9"/>'
    b'<path d="M1 1h9v9a4 4 0 0 1 -4 4q1 1 2 2z" stroke="#abcdef" stroke-width=".2"/></g></svg>'
)


@pytest.mark.parametrize(
    ("name", "data"), [("ground.svg", SVG), ("ground.png", picture(size=(170, 110)))]
)
def test_a_folder_of_ones_own_lies_on_top(name: str, data: bytes, tmp_path: Path) -> None:
    """With a background of its own, which lies below everything and passes every check."""
    (tmp_path / name).write_bytes(data)
    (tmp_path / "types.yaml").write_text(
        f"passport: {{family: passport, title: 演示护照, background: {name}, paper: '#e8e8f0'}}\n"
    )
    book = extended(shipped(), tmp_path)
    made = template(kind("passport"), book, TABLES)

    assert made.title == "演示护照"
    assert len(made.pages[0].backdrop.marks) > len(planned("passport").pages[0].backdrop.marks)
    assert lint(made, definition("passport"), TABLES) == ()
    assert book.choices["business-licence"] == shipped().choices["business-licence"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"types.yaml": "passport: {family: passport, colour: red}"}, "colour"),
        ({"types.yaml": "passport: [1, 2]"}, "passport"),
        ({"types.yaml": "{{{"}, "types.yaml"),
        ({"types.yaml": "\x00"}, "types.yaml"),
        ({"families.yaml": "card: {sheet: [1, 2]}"}, "card"),
        ({"families.yaml": "!!python/object/apply:os.system ['true']"}, "families.yaml"),
    ],
    ids=["unknown-key", "wrong-shape", "no-yaml", "nul", "missing", "object"],
)
def test_a_folder_that_does_not_follow_the_grammar_is_refused(
    files: Mapping[str, str], told: str, tmp_path: Path
) -> None:
    """With file and key; nothing is executed."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(TemplateInvalid) as raised:
        extended(shipped(), tmp_path)
    assert told in str([each.where for each in raised.value.complaints])


@pytest.mark.parametrize("name", ["no-such-file.svg", "bad.svg", "bad.png"])
def test_a_background_that_cannot_be_drawn_is_refused(name: str, tmp_path: Path) -> None:
    """A missing file, a script, no picture."""
    (tmp_path / "bad.svg").write_text('<svg viewBox="0 0 1 1"><script/></svg>')
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "types.yaml").write_text(f"passport: {{family: passport, background: {name}}}\n")
    with pytest.raises(TemplateInvalid, match="background"):
        template(kind("passport"), extended(shipped(), tmp_path), TABLES)


def test_a_type_without_a_choice_has_no_template() -> None:
    """It is told, and nothing is made up."""
    with pytest.raises(TemplateInvalid, match="passport"):
        template(kind("passport"), replace(shipped(), choices={}), TABLES)


def test_two_certificates_of_a_type_have_one_backdrop() -> None:
    """What is the same on each is the very same."""
    one, other = (drawn("passport", which) for which in (Sample.USUAL, Sample.LONGEST))

    assert [each.backdrop for each in one.sheets] == [each.backdrop for each in other.sheets]


@pytest.mark.parametrize("type_id", ["business-licence", "resident-id-card", "construction-permit"])
def test_a_watermark_lies_below_and_is_read_from_both_files(type_id: str) -> None:
    """Tiled, on the sheet, equal in both, and no reason to refuse a seal."""
    text = "仅用于演示办理示范事项"
    marked = watermarked(drawn(type_id), text)
    of_ofd, of_pdf = ofd(marked, told(type_id)), pdf(marked, told(type_id))

    for sheet in marked.sheets:
        first = sheet.marks[0]
        assert isinstance(first, Text)
        assert first.text == text
    assert agreement.differences(of_ofd, of_pdf) == ()
    assert reasons(of_pdf) == ()
    found = graphs.graph(package := OFDPackage.open(of_ofd))
    assert preflight.reasons(package, found, graphs.pages(found)) == ()


def test_sample_pictures_are_pictures() -> None:
    """And a picture of another shape keeps its proportions in its place."""
    assert portrait() != portrait(wide=True)
    made = faced("resident-id-card")
    pictures = dict.fromkeys(made.pictures, picture(size=(90, 30)))
    drawing = composed(planned("resident-id-card"), made.face, pictures, IDENTIFIER)
    (placed,) = [each for each in drawing.sheets[0].marks if isinstance(each, Picture)]
    assert placed.width == pytest.approx(3 * placed.height, abs=0.01)
