"""What keeps a template from being published: each sample row is drawn, written and read back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from certificates.drawing import agreement
from certificates.drawing.lines import Box
from certificates.drawing.marks import Colour, Text
from certificates.drawing.ofd import ofd
from certificates.drawing.pdf import pdf
from certificates.embedding import CertificateData
from certificates.errors import FaceRefused
from certificates.model import Definition
from certificates.rendering import content
from certificates.templates.composing import composed
from certificates.templates.errors import FaceRejected
from certificates.templates.model import Complaint, Page, Template
from certificates.templates.planning import Tables
from certificates.templates.samples import IDENTIFIER, Sample, sample

LEAST_CONTRAST = 4.5
"""Of text and paper (WCAG 2.2, 1.4.3)."""


def lint(template: Template, definition: Definition, tables: Tables) -> tuple[Complaint, ...]:
    """Every complaint about a template; it may be published when there is none."""
    found = [*_places(template, definition), *_contrast(template), *_boxes(template)]
    for which in Sample:
        found += _sampled(template, definition, tables, which)
    return tuple(found)


def _places(template: Template, definition: Definition) -> Iterator[Complaint]:
    for item in definition.type.items:
        if item not in template.items:
            yield Complaint(where=item, rule="no-place", found="版面没有此项 / it has no place")
    if not any(page.seals for page in template.pages):
        yield Complaint(where="seal", rule="no-place", found="没有签章位置 / no place for a seal")


def _contrast(template: Template) -> Iterator[Complaint]:
    for at, page in enumerate(template.pages, 1):
        colours = {mark.colour for mark in page.backdrop.marks if isinstance(mark, Text)}
        colours |= {field.style.colour for field in page.fields}
        for colour in sorted(colours):
            ratio = contrast(colour, page.paper)
            if ratio < LEAST_CONTRAST:
                yield Complaint(where=f"page {at}", rule="contrast", found=f"{ratio:.1f}")


def contrast(one: Colour, other: Colour) -> float:
    """The ratio of two colours' luminance, one to twenty-one."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _boxes(template: Template) -> Iterator[Complaint]:
    for at, page in enumerate(template.pages, 1):
        boxes = list(_named(page))
        for name, box in boxes:
            inside = box.x >= 0 and box.y >= 0 and box.width > 0 and box.height > 0
            if not (
                inside
                and box.x + box.width <= page.width + 0.01
                and box.y + box.height <= page.height + 0.01
            ):
                yield Complaint(where=name, rule="off-page", found=f"page {at}")
        for (one, first), (other, second) in combinations(boxes, 2):
            if _meet(first, second):
                yield Complaint(where=f"{one}, {other}", rule="overlap", found=f"page {at}")


def _named(page: Page) -> Iterator[tuple[str, Box]]:
    for field in page.fields:
        yield field.item, field.box
    for place in page.pictures:
        yield place.item, place.box
    for code in page.codes:
        yield "qr", code
    for table in page.tables:
        first, last = table.columns[0], table.columns[-1]
        height = table.row * table.rows
        yield "table", Box(first.x, table.y, last.x + last.width - first.x, height)
    for mark in page.backdrop.marks:
        if isinstance(mark, Text):
            yield mark.text, Box(mark.x, mark.y - 0.8 * mark.size, mark.width, 0.9 * mark.size)


def _meet(one: Box, other: Box) -> bool:
    """Do they share more than an edge?"""
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return wide > 0.05 and high > 0.05


def _sampled(
    template: Template, definition: Definition, tables: Tables, which: Sample
) -> Iterator[Complaint]:
    try:
        made = sample(definition, which, template, tables)
        data = CertificateData(type_id=definition.id, edition=1, metadata={}, face=made.face)
        drawing = composed(template, made.face, made.pictures, IDENTIFIER)
    except FaceRefused as refused:
        for finding in refused.findings:
            yield Complaint(
                where=finding.item, rule=finding.rule, found=finding.expected, sample=which
            )
        return
    except FaceRejected as rejected:
        for each in rejected.complaints:
            yield Complaint(where=each.where, rule=each.rule, found=each.found, sample=which)
        return
    told = content(template, data)
    of_ofd, of_pdf = ofd(drawing, told), pdf(drawing, told)
    for difference in agreement.differences(of_ofd, of_pdf):
        place = difference.standing
        yield Complaint(
            where=f"page {place.page + 1} {place.x:.1f} {place.y:.1f}",
            rule="ofd-pdf",
            found=f"{difference.only}: {place.character}",
            sample=which,
        )
    for item in agreement.untold(made.face, of_ofd):
        yield Complaint(
            where=item, rule="face", found="版面与数据不一致 / not what it says", sample=which
        )
