"""Sample faces that a template has to bear before it is published: usual, longest, rare, empty."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from PIL import Image, ImageDraw

from catalog import CodeTable, FaceItem
from catalog.model import FieldType
from certificates.digests import sm3
from certificates.face import MONTH, Given, compose
from certificates.model import Definition, Face
from certificates.templates.composing import Pictures
from certificates.templates.model import Template

IDENTIFIER = "1.2.156.3005.2.11990000000000107Q001.11990000000000107Q.2025000000000001.001.S"
"""A certificate identifier of a unit that does not exist."""
TODAY = date(2026, 1, 1)
"""When samples are made."""
LINES = 10
"""How many lines a record of the longest sample has."""
MAX_DIGITS = 18
_LONG = (
    "演示省示范市示范县示例街道样例路一百二十八号综合楼（东区）十二层；销售、维修、安装及技术服务，"
    "货物进出口（依法须经批准的项目，经相关部门批准后方可开展经营活动）。"
)
_RARE_NAMES = ("买买提·阿卜杜热合曼", "欧阳𬭎𬤇", "司马㛃䶮", "古丽娜尔·吐尔逊𫖯")
_RARE_TEXT = "演示省示范县𬇙水镇𫭟塘村𬒈石坪组（原㙍口）7号"


class Sample(StrEnum):
    """Which row."""

    USUAL = "usual"
    LONGEST = "longest"
    RARE = "rare"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFace:
    """A face of a type with its pictures, all invented."""

    face: Face
    pictures: Pictures


def sample(
    definition: Definition, which: Sample, template: Template, tables: Mapping[str, CodeTable]
) -> SampleFace:
    """A face of the type as the template would show it.

    It is composed as any other, but for the numbers that prove themselves: a sample is as long as
    may be, and of nobody.
    """
    unproven = dataclasses.replace(definition, checks={})
    pictures = {sm3(each): each for each in (portrait(), portrait(wide=True))}
    face = compose(
        unproven,
        dict(_values(definition, which, tables)),
        tables,
        today=TODAY,
        dotted=template.dotted,
    )
    return SampleFace(face=face, pictures=pictures)


def _values(
    definition: Definition, which: Sample, tables: Mapping[str, CodeTable]
) -> Iterator[tuple[str, Given]]:
    for at, item in enumerate(definition.type.items.values()):
        if which is Sample.EMPTY and not item.required:
            continue
        if item.max_length == 0:
            yield item.id, sm3(portrait(wide=item.label == "双人合影"))
            continue
        dated = item.id == definition.validity.item or MONTH.fullmatch(item.example or "")
        value = item.example if dated else _value(item, which, at, tables)
        if item.repeated:
            yield item.id, (value,) * (LINES if which is Sample.LONGEST else 3)
        elif value:
            yield item.id, value


def _value(item: FaceItem, which: Sample, at: int, tables: Mapping[str, CodeTable]) -> str:
    if which is Sample.LONGEST:
        return _longest(item, tables)
    plain = item.type is FieldType.STRING and not item.example.isascii()
    if which is Sample.RARE and plain:
        if "name" in item.id or item.max_length <= 50:
            return _RARE_NAMES[at % len(_RARE_NAMES)][: item.max_length]
        return _RARE_TEXT[: item.max_length]
    return item.example


def _longest(item: FaceItem, tables: Mapping[str, CodeTable]) -> str:
    match item.type:
        case FieldType.CODE:
            table = tables[item.code_table or ""]
            return max(table.codes.values(), key=lambda code: (len(code.label), code.code)).code
        case FieldType.DATE:
            return "2026-12-31"
        case FieldType.BOOLEAN:
            return "true"
        case FieldType.DECIMAL if item.max_length > 3:
            return f"{'9' * min(item.max_length - 3, MAX_DIGITS)}.99"
        case FieldType.INTEGER | FieldType.DECIMAL:
            return "9" * min(item.max_length, MAX_DIGITS)
    if item.example and item.example.isascii():
        return (item.example * item.max_length)[: item.max_length]
    if item.max_length <= 50:
        return ("示范" * item.max_length)[: item.max_length]
    return (_LONG * (item.max_length // len(_LONG) + 1))[: item.max_length]


@cache
def portrait(*, wide: bool = False) -> bytes:
    """A picture of nobody: a shape where a person would be, two where two would."""
    size = (450, 320) if wide else (308, 390)
    image = Image.new("RGB", size, (226, 234, 240))
    pen = ImageDraw.Draw(image)
    middles = (0.3, 0.7) if wide else (0.5,)
    unit = size[1] if wide else size[0]
    for share in middles:
        x, colour = size[0] * share, (150, 168, 182)
        head, shoulders = unit * 0.16, unit * 0.30
        top = size[1] * 0.42
        pen.ellipse((x - head, top - 1.25 * head, x + head, top + 1.25 * head), fill=colour)
        pen.ellipse(
            (x - shoulders, size[1] * 0.72, x + shoulders, size[1] * 0.72 + 2 * shoulders),
            fill=colour,
        )
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
