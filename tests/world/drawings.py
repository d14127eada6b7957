"""Drawings and documents of the invented country's certificates."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from PIL import Image

from catalog import Catalog, CertificateType
from catalog.loading import load
from certificates import rendering
from certificates.drawing.content import Content
from certificates.drawing.lines import Align, Box, Style, laid
from certificates.drawing.marks import (
    Backdrop,
    Colour,
    Drawing,
    Lettering,
    Mark,
    Picture,
    Shape,
    Sheet,
)
from certificates.drawing.ofd import ofd
from certificates.drawing.ornament import ground
from certificates.drawing.pdf import pdf
from certificates.drawing.pictures import looked
from certificates.drawing.qr import qr
from certificates.embedding import CertificateData
from certificates.loading import load as definitions
from certificates.model import Definition
from certificates.templates.composing import composed
from certificates.templates.grammar import shipped
from certificates.templates.model import Template
from certificates.templates.planning import template
from certificates.templates.samples import IDENTIFIER, Sample, SampleFace, sample

MADE = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
NAME = "买买提·阿卜杜热合曼𫖯，代码 91990101MA0000015C；Beijing Demo Co., Ltd."
"""Chinese, Latin, a middle dot, and a character of Extension C."""
METADATA = {"ZZMC": "演示证", "ZZBS": IDENTIFIER, "KZ_BZ": "<甲> & “乙”"}


def picture(form: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (30, 40)) -> bytes:
    """A plain picture."""
    out = io.BytesIO()
    Image.new(mode, size).save(out, form)
    return out.getvalue()


def drawing(name: str = NAME, data: bytes | None = None) -> Drawing:
    """A sheet with everything a drawing can hold; the text turned at its foot is a label."""
    data = picture() if data is None else data
    style = Style(size=5, floor=2)
    backdrop = Backdrop(
        marks=(
            ground(210, 297, Colour(250, 248, 240)),
            *laid("演示证", Box(20, 20, 170, 20), Style(size=12, floor=8, spacing=0.5, weight=0.02, align=Align.CENTRE)),
        )
    )  # fmt: skip
    (turned,) = laid("样本", Box(90, 200, 60, 12), Style(size=9, floor=9, colour=Colour(210, 210, 210)))  # fmt: skip
    marks: tuple[Mark, ...] = (
        *laid(name, Box(20, 60, 100, 40), style, item="name"),
        *laid("No. 0001", Box(20, 110, 60, 8), Style(size=4, floor=2, lettering=Lettering.HEI), item="number"),
        Picture(data=data, format=looked(data).format, x=150, y=60, width=30, height=40, item="portrait"),
        qr(IDENTIFIER, Box(20, 240, 30, 30)),
        Shape(path=ground(1, 1, Colour(0, 0, 0)).path, stroke=Colour(9, 9, 9), width=0.2),
        replace(turned, angle=-30.0),
    )  # fmt: skip
    return Drawing(sheets=(Sheet(width=210, height=297, backdrop=backdrop, marks=marks),))


def content(name: str = NAME) -> Content:
    """The face that goes with the drawing."""
    return Content(
        title="演示证",
        type="demo",
        labels={"name": "姓名", "number": "编号", "portrait": "相片"},
        data=json.dumps({"name": name, "number": "No. 0001"}, ensure_ascii=False).encode(),
        created_at=MADE,
        metadata=METADATA,
    )


@cache
def catalog() -> Catalog:
    """The national certificate types and code tables."""
    return load()


def kind(type_id: str) -> CertificateType:
    """A certificate type."""
    return catalog().certificate_types[type_id]


@cache
def planned(type_id: str) -> Template:
    """Its template."""
    return template(kind(type_id), shipped(), catalog().code_tables)


@cache
def definition(type_id: str) -> Definition:
    """How it is issued."""
    return definitions(catalog())[type_id]


def faced(type_id: str, which: Sample = Sample.USUAL) -> SampleFace:
    """A sample of a type."""
    return sample(definition(type_id), which, planned(type_id), catalog().code_tables)


def with_texts(made: SampleFace, **texts: str | tuple[str, ...]) -> SampleFace:
    """The sample with other values, whether the type would take them or not."""
    given = {item: (text,) if isinstance(text, str) else text for item, text in texts.items()}
    items = tuple(
        replace(entry, values=given[entry.id], texts=given[entry.id])
        if entry.id in given
        else entry
        for entry in made.face.items
    )
    return replace(made, face=replace(made.face, items=items))


def drawn(type_id: str, which: Sample = Sample.USUAL) -> Drawing:
    """A sample of a type, drawn."""
    made = faced(type_id, which)
    return composed(planned(type_id), made.face, made.pictures, IDENTIFIER)


def told(type_id: str, which: Sample = Sample.USUAL) -> Content:
    """What goes with it into the documents."""
    data = CertificateData(
        type_id=type_id, edition=1, metadata=METADATA, face=faced(type_id, which).face
    )
    return rendering.content(planned(type_id), data)


def documents(type_id: str, which: Sample = Sample.USUAL) -> tuple[bytes, bytes]:
    """The same as OFD and as PDF."""
    drawing, beside = drawn(type_id, which), told(type_id, which)
    return ofd(drawing, beside), pdf(drawing, beside)
