"""Backgrounds drawn as SVG: a small, plain part of it becomes shapes, and all else is refused.

Groups and basic shapes with plain fills and strokes are understood. Scripts, styles, text, pictures,
references, animation, filters, opacity: each would show something that our writers do not, so the
whole file is refused with the name of what was found.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fontTools.pens.basePen import BasePen
from fontTools.svgLib.path import parse_path

from certificates.drawing.errors import PictureRefused
from certificates.drawing.marks import BLACK, Colour, Shape
from seals.drawing import Path, Placing, Step, ellipse, polygon
from seals.errors import MalformedDocument
from seals.ofd.markup import Element, local, parsed

MAX_BYTES = 1 << 20
MAX_ELEMENTS = 5_000
MAX_STEPS = 60_000
MAX_DEPTH = 24
_BEYOND = 1e5
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?"
_LENGTH = re.compile(rf"({_NUMBER})(?:px|mm)?")
_LIST = re.compile(rf"\s*(?:{_NUMBER}(?:\s*,\s*|\s+|$))*")
_TRANSFORM = re.compile(r"\s*(matrix|translate|scale|rotate)\s*\(([^()]*)\)\s*,?")
_PATH = re.compile(r"[MmZzLlHhVvCcSsQqTtAa0-9eE+\-.,\s]*")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}")
_PAINT = {"fill", "stroke", "stroke-width"}
_PLAIN = {"id", "transform", *_PAINT, "stroke-linejoin", "stroke-miterlimit"}
_GEOMETRY = {
    "g": set[str](),
    "path": {"d"},
    "rect": {"x", "y", "width", "height"},
    "circle": {"cx", "cy", "r"},
    "ellipse": {"cx", "cy", "rx", "ry"},
    "line": {"x1", "y1", "x2", "y2"},
    "polyline": {"points"},
    "polygon": {"points"},
}
_IGNORED = {"title", "desc", "metadata"}
_ROOT = {"version", "width", "height", "viewBox", *_PLAIN} - {"transform"}


@dataclass(frozen=True, slots=True)
class _State:
    """What an element inherits."""

    place: Placing
    fill: Colour | None = BLACK
    stroke: Colour | None = None
    width: float = 1.0


def shapes(data: bytes, width: float, height: float) -> tuple[Shape, ...]:
    """The drawing, stretched over a sheet.

    Args:
        data: The file.
        width: Of the sheet, in millimetres.
        height: Of the sheet.

    Raises:
        PictureRefused: `too-large`, `xml` and what else keeps XML from being read, `no-svg`,
            `view-box`, `too-deep`, `too-many`, `element NAME`, `attribute NAME`, `value NAME`.
    """
    if len(data) > MAX_BYTES:
        raise PictureRefused("too-large")
    try:
        root = parsed(data, "svg")
    except MalformedDocument as wrong:
        raise PictureRefused(wrong.why) from None
    if local(root) != "svg":
        raise PictureRefused("no-svg")
    _allowed(root, _ROOT)
    box = _numbers(root.get("viewBox") or "", "viewBox")
    if len(box) != 4 or box[2] <= 0 or box[3] <= 0:
        raise PictureRefused("view-box")
    across, down = width / box[2], height / box[3]
    place = Placing(across, 0, 0, down, -box[0] * across, -box[1] * down)
    reader = _Reader()
    reader.read(root, _painted(root, _State(place)), 0)
    return tuple(reader.shapes)


class _Reader:
    """One file under way."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self._elements = self._steps = 0

    def read(self, parent: Element, state: _State, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise PictureRefused("too-deep")
        for each in parent:
            self._elements += 1
            if self._elements > MAX_ELEMENTS:
                raise PictureRefused("too-many")
            name = local(each)
            if name in _IGNORED:
                continue
            if name not in _GEOMETRY:
                raise PictureRefused(f"element {name[:40]}")
            _allowed(each, _GEOMETRY[name] | _PLAIN)
            inner = _painted(each, state)
            if name == "g":
                self.read(each, inner, depth + 1)
            elif len(each):
                raise PictureRefused(f"element {local(each[0])[:40]}")
            else:
                self._shape(_outline(each, name), inner)

    def _shape(self, path: Path, state: _State) -> None:
        self._steps += len(path)
        if self._steps > MAX_STEPS:
            raise PictureRefused("too-many")
        if not path or (state.fill is None and state.stroke is None):
            return
        place = state.place
        scale = math.sqrt(abs(place.a * place.d - place.b * place.c))
        self.shapes.append(
            Shape(path=place(path), fill=state.fill, stroke=state.stroke,
                  width=state.width * scale if state.stroke else 0.0)
        )  # fmt: skip


def _allowed(each: Element, names: set[str]) -> None:
    for name in each.attrib:
        if str(name) not in names:
            raise PictureRefused(f"attribute {str(name)[:40]}")


def _painted(each: Element, state: _State) -> _State:
    """The state with what an element says of itself."""
    if (told := each.get("transform")) is not None:
        state = replace(state, place=_within(state.place, told))
    if (told := each.get("fill")) is not None:
        state = replace(state, fill=_colour(told, "fill"))
    if (told := each.get("stroke")) is not None:
        state = replace(state, stroke=_colour(told, "stroke"))
    if (told := each.get("stroke-width")) is not None:
        state = replace(state, width=_length(told, "stroke-width"))
    return state


def _outline(each: Element, name: str) -> Path:
    def at(attribute: str) -> float:
        return _length(each.get(attribute) or "0", attribute)

    match name:
        case "path":
            return _path(each.get("d") or "")
        case "rect":
            x, y, right, bottom = at("x"), at("y"), at("x") + at("width"), at("y") + at("height")
            return polygon((x, y), (right, y), (right, bottom), (x, bottom))
        case "circle":
            return ellipse(at("cx"), at("cy"), at("r"), at("r"))
        case "ellipse":
            return ellipse(at("cx"), at("cy"), at("rx"), at("ry"))
        case "line":
            return Step("M", ((at("x1"), at("y1")),)), Step("L", ((at("x2"), at("y2")),))
    values = _numbers(each.get("points") or "", "points")
    if len(values) % 2 or len(values) < 4:
        raise PictureRefused("value points")
    corners = list(zip(values[::2], values[1::2], strict=True))
    closed = polygon(*corners)
    return closed if name == "polygon" else closed[:-1]


def _path(told: str) -> Path:
    if not _PATH.fullmatch(told):
        raise PictureRefused("value d")
    pen = _Steps()
    try:
        parse_path(told, pen)
    except (ValueError, IndexError, AssertionError, TypeError, ZeroDivisionError, OverflowError):
        raise PictureRefused("value d") from None
    if any(
        not abs(value) < _BEYOND for step in pen.steps for point in step.points for value in point
    ):
        raise PictureRefused("value d")
    return tuple(pen.steps)


class _Steps(BasePen):  # type: ignore[misc]  # fontTools has no types
    """Takes what a path draws; quadratic curves and arcs become cubic ones."""

    def __init__(self) -> None:
        super().__init__(None)
        self.steps: list[Step] = []

    def _moveTo(self, pt: tuple[float, float]) -> None:  # noqa: N802  (the library's name)
        self.steps.append(Step("M", (pt,)))

    def _lineTo(self, pt: tuple[float, float]) -> None:  # noqa: N802  (as above)
        self.steps.append(Step("L", (pt,)))

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802  (as above)
        self.steps.append(Step("C", points))

    def _closePath(self) -> None:  # noqa: N802  (as above)
        self.steps.append(Step("Z", ()))

    def _endPath(self) -> None:  # noqa: N802  (as above)
        """An open path simply ends."""


def _within(place: Placing, told: str) -> Placing:
    end = 0
    while found := _TRANSFORM.match(told, end):
        end = found.end()
        place = _times(place, _transform(found[1], _numbers(found[2], "transform")))
    if told[end:].strip():
        raise PictureRefused("value transform")
    return place


def _transform(kind: str, values: tuple[float, ...]) -> Placing:
    match kind, values:
        case "matrix", (a, b, c, d, e, f):
            return Placing(a, b, c, d, e, f)
        case "translate", (x, *rest) if len(rest) < 2:
            return Placing(1, 0, 0, 1, x, rest[0] if rest else 0.0)
        case "scale", (x, *rest) if len(rest) < 2:
            return Placing(x, 0, 0, rest[0] if rest else x, 0, 0)
        case "rotate", (degrees, *rest) if len(rest) in {0, 2}:
            cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            x, y = rest or (0.0, 0.0)
            return Placing(cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y)
    raise PictureRefused("value transform")


def _times(outer: Placing, inner: Placing) -> Placing:
    a, b, c, d, e, f = inner
    columns: Iterator[float] = (
        value
        for x, y, one in ((a, b, 0), (c, d, 0), (e, f, 1))
        for value in (
            outer.a * x + outer.c * y + outer.e * one,
            outer.b * x + outer.d * y + outer.f * one,
        )
    )
    made = Placing(*columns)
    if any(not abs(value) < _BEYOND for value in made):
        raise PictureRefused("value transform")
    return made


def _colour(told: str, name: str) -> Colour | None:
    told = told.strip()
    if told == "none":
        return None
    if not _HEX.fullmatch(told):
        raise PictureRefused(f"value {name}")
    digits = told[1:] if len(told) == 7 else "".join(2 * each for each in told[1:])
    return Colour(*bytes.fromhex(digits))


def _length(told: str, name: str) -> float:
    found = _LENGTH.fullmatch(told.strip())
    value = float(found[1]) if found else math.nan
    if not abs(value) < _BEYOND:
        raise PictureRefused(f"value {name}")
    return value


def _numbers(told: str, name: str) -> tuple[float, ...]:
    if not _LIST.fullmatch(told + " "):
        raise PictureRefused(f"value {name}")
    values = tuple(float(each) for each in re.findall(_NUMBER, told))
    if any(not abs(value) < _BEYOND for value in values):
        raise PictureRefused(f"value {name}")
    return values
