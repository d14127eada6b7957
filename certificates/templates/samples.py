"""Sample faces that a template has to bear before it is published: usual, longest, rare, empty."""

from __future__ import annotations

import io
from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from PIL import Image, ImageDraw

from catalog import CertificateType, FaceItem
from catalog.model import FieldType
from certificates.templates.composing import Value, Values
from certificates.templates.planning import Tables

IDENTIFIER = "1.2.156.3005.2.11990000000000107Q001.11990000000000107Q.2025000000000001.001.S"
"""A certificate identifier of a unit that does not exist."""
LINES = 10
"""How many lines a record of the longest sample has."""
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


def sample(kind: CertificateType, which: Sample, tables: Tables) -> Values:
    """A face of the type, all invented."""
    return dict(_face(kind, which, tables))


def _face(kind: CertificateType, which: Sample, tables: Tables) -> Iterator[tuple[str, Value]]:
    for at, item in enumerate(kind.items.values()):
        if which is Sample.EMPTY and not item.required:
            continue
        if item.max_length == 0:
            wide = item.label == "双人合影"
            yield item.id, portrait(wide=wide)
        elif item.repeated:
            count = LINES if which is Sample.LONGEST else 3
            yield item.id, (_value(item, which, at, tables),) * count
        elif value := _value(item, which, at, tables):
            yield item.id, value


def _value(item: FaceItem, which: Sample, at: int, tables: Tables) -> str:
    if which is Sample.LONGEST:
        return _longest(item, tables)
    plain = item.type is FieldType.STRING and not item.example.isascii()
    if which is Sample.RARE and plain:
        if "name" in item.id or item.max_length <= 50:
            return _RARE_NAMES[at % len(_RARE_NAMES)][: item.max_length]
        return _RARE_TEXT[: item.max_length]
    return item.example


def _longest(item: FaceItem, tables: Tables) -> str:
    table = tables.get(item.code_table or "")
    if item.type is FieldType.CODE and table is not None:
        return max(table.codes.values(), key=lambda code: (len(code.label), code.code)).code
    if item.type is FieldType.DATE:
        return "2026-12-31"
    if item.type in {FieldType.INTEGER, FieldType.DECIMAL}:
        return ("9" * max(1, item.max_length - 3) + ".99" if item.type is FieldType.DECIMAL and item.max_length > 3 else "9" * item.max_length)  # fmt: skip
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
