"""What a page paints, in order: where each text stands, and what is laid over it.

Only as much of the imaging model is followed as is needed to tell whether something can be seen:
matrices, the colour that fills, how text is rendered, constant opacity, rectangles and pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seals.errors import MalformedDocument
from seals.pdf.operators import Operand, painting
from seals.pdf.reading import entry

Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]
IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
MAX_FORMS = 12
MAX_PAINTED = 100_000
NEARLY_WHITE = 0.95
NEARLY_CLEAR = 0.1
MIN_POINTS = 1.0
"""Text that is smaller is not there to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """One thing that was painted."""

    box: Box
    text: bool
    opaque: bool = False
    """It covers what is below it."""
    white: bool = False
    flaw: str = ""
    """Why it cannot be seen as it is."""


@dataclass(frozen=True, slots=True)
class _State:
    matrix: Matrix = IDENTITY
    white: bool = False
    clear: bool = False
    mode: int = 0
    size: float = 0
    font: str = ""
    leading: float = 0
    spacing: float = 0
    words: float = 0
    scale: float = 1
    rise: float = 0


Advances = Callable[[Any], Callable[[bytes], Sequence[float]]]
"""A font → how far each code of a string of it advances, in thousandths."""
Spelling = Callable[[Any], Callable[[bytes], Sequence[str]]]
"""A font → what each code of a string of it stands for."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What can be seen and read of one code, in points from the page's origin."""

    characters: str
    box: Box


@dataclass(slots=True)
class Painter:
    """Follows the content of a page."""

    advances: Advances
    spelling: Spelling | None = None
    """Where it is given, `letters` are told."""
    letters: list[Letter] = field(default_factory=list)
    painted: list[Painted] = field(default_factory=list)
    fonts: dict[int, Any] = field(default_factory=dict)
    """Those that show text."""
    told: set[str] = field(default_factory=set)
    """What else was met: `actual-text`, `optional-content`."""
    _measured: dict[int, Callable[[bytes], Sequence[float]]] = field(default_factory=dict)
    _spelled: dict[int, Callable[[bytes], Sequence[str]]] = field(default_factory=dict)

    def paint(
        self,
        content: Sequence[bytes],
        resources: Mapping[str, Any],
        matrix: Matrix = IDENTITY,
        depth: int = 0,
    ) -> None:
        """Follow the streams of a page, or the one of a form.

        Raises:
            MalformedDocument: `content-unreadable`, or `content-too-much`.
        """
        if depth > MAX_FORMS:
            raise MalformedDocument("content-too-much")
        run = _Run(self, resources, _State(matrix=matrix), depth)
        for name, operands in painting(content):
            run.do(name, operands)

    def measured(self, font: Any, text: bytes) -> Sequence[float]:
        """How far each code of a string advances, in thousandths."""
        if id(font) not in self._measured:
            self.fonts[id(font)] = font
            self._measured[id(font)] = self.advances(font)
        return self._measured[id(font)](text)

    def spelled(self, font: Any, text: bytes) -> Sequence[str]:
        """What each code of a string stands for; nothing at all where nobody asked."""
        if self.spelling is None:
            return ()
        if id(font) not in self._spelled:
            self._spelled[id(font)] = self.spelling(font)
        return self._spelled[id(font)](text)

    def add(self, painted: Painted) -> None:
        """One thing more.

        Raises:
            MalformedDocument: `content-too-much`.
        """
        if len(self.painted) >= MAX_PAINTED:
            raise MalformedDocument("content-too-much")
        self.painted.append(painted)


class _Run:
    """One stream under way."""

    def __init__(
        self, painter: Painter, resources: Mapping[str, Any], state: _State, depth: int
    ) -> None:
        self._painter, self._resources, self._depth = painter, resources, depth
        self._state, self._kept = state, list[_State]()
        self._text = self._line = IDENTITY
        self._boxes: list[Box] = []
        self._points: list[tuple[float, float]] = []
        self._space = "/DeviceGray"

    def do(  # noqa: C901, PLR0912 - a table of operators
        self, name: str, operands: list[Operand]
    ) -> None:
        numbers = [each for each in operands if isinstance(each, float)]
        state = self._state
        match name, numbers:
            case "q", _:
                if len(self._kept) > 1000:
                    raise MalformedDocument("content-too-much")
                self._kept.append(state)
            case "Q", _:
                self._state = self._kept.pop() if self._kept else state
            case "cm", [a, b, c, d, e, f]:
                self._state = replace(state, matrix=_times((a, b, c, d, e, f), state.matrix))
            case "gs", _:
                self._graphics(operands)
            case "g", [grey]:
                self._fill(grey)
            case "rg", [r, g, b]:
                self._fill(min(r, g, b))
            case "k", [c, m, y, k]:
                self._fill(1 - max(c, m, y, k))
            case "cs", _:
                self._space = str(operands[-1]) if operands else ""
                self._fill(0)
            case (("sc" | "scn"), _):
                self._coloured(numbers)
            case (("BDC" | "DP"), _):
                self._marked(operands)
            case "Do", _:
                self._object(str(operands[-1]) if operands else "")
            case "BI", _:
                self._cover(_unit(state.matrix))
            case ("re", [x, y, w, h]):
                self._boxes.append(_around(state.matrix, (x, y, x + w, y + h)))
            case (("m" | "l"), [x, y]):
                self._points.append(_at(state.matrix, x, y))
            case (("c" | "v" | "y"), _):
                self._points += [(float("nan"), 0)]
            case (("f" | "F" | "f*" | "B" | "B*" | "b" | "b*"), _):
                self._filled()
            case (("n" | "S" | "s"), _):
                self._boxes, self._points = [], []
            case _:
                self._texts(name, operands, numbers)

    def _graphics(self, operands: list[Operand]) -> None:
        named = _entry(self._resources, "/ExtGState", str(operands[-1]) if operands else "")
        if named is not None and "/ca" in named:
            self._state = replace(self._state, clear=float(named["/ca"]) < NEARLY_CLEAR)
        if named is not None and "/Font" in named:
            self._state = replace(self._state, size=float(named["/Font"][1]))

    def _fill(self, lightest: float) -> None:
        self._state = replace(self._state, white=lightest >= NEARLY_WHITE)

    def _coloured(self, numbers: list[float]) -> None:
        space = _entry(self._resources, "/ColorSpace", self._space)
        many = len(numbers)
        subtractive = many == 4 or (space is not None and "Separation" in str(space[0]))
        if numbers:
            self._fill(1 - max(numbers) if subtractive else min(numbers))

    def _marked(self, operands: list[Operand]) -> None:
        tag = operands[0] if operands else ""
        properties: Any = operands[-1] if len(operands) > 1 else ""
        if isinstance(properties, str):
            properties = _entry(self._resources, "/Properties", properties) or ()
        if tag == "/OC":
            self._painter.told.add("optional-content")
        if "/ActualText" in properties:
            self._painter.told.add("actual-text")

    def _object(self, name: str) -> None:
        found = _entry(self._resources, "/XObject", name)
        if found is None:
            raise MalformedDocument("content-unreadable")
        if found["/Subtype"] == "/Image":
            if "/SMask" in found or "/Mask" in found or "/ImageMask" in found:
                box = _unit(self._state.matrix)
                self._painter.add(Painted(box=box, text=False, flaw=self._flaw()))
            else:
                self._cover(_unit(self._state.matrix))
            return
        inner = entry(found, "/Matrix", IDENTITY)
        a, b, c, d, e, f = (float(each) for each in inner)
        resources = entry(found, "/Resources", self._resources)
        matrix = _times((a, b, c, d, e, f), self._state.matrix)
        self._painter.paint((found.data,), resources, matrix, self._depth + 1)

    def _filled(self) -> None:
        points = [each for each in self._points if each[0] == each[0]]
        # A path of straight lines with four corners is as good as a rectangle; others cover less.
        if len(points) == len(self._points) and 4 <= len(points) <= 5:
            xs, ys = [each[0] for each in points], [each[1] for each in points]
            self._boxes.append((min(xs), min(ys), max(xs), max(ys)))
        for box in self._boxes:
            self._cover(box)
        self._boxes, self._points = [], []

    def _cover(self, box: Box) -> None:
        self._painter.add(
            Painted(box=box, text=False, opaque=not self._state.clear, white=self._state.white)
        )

    def _texts(  # noqa: C901, PLR0912 - a table of operators
        self, name: str, operands: list[Operand], numbers: list[float]
    ) -> None:
        state = self._state
        match name, numbers:
            case "BT", _:
                self._text = self._line = IDENTITY
            case "Tf", [size]:
                self._state = replace(state, font=str(operands[0]), size=size)
            case "Tr", [mode]:
                self._state = replace(state, mode=int(mode))
            case "TL", [leading]:
                self._state = replace(state, leading=leading)
            case "Tc", [spacing]:
                self._state = replace(state, spacing=spacing)
            case "Tw", [words]:
                self._state = replace(state, words=words)
            case "Tz", [scale]:
                self._state = replace(state, scale=scale / 100)
            case "Ts", [rise]:
                self._state = replace(state, rise=rise)
            case "Td", [x, y]:
                self._moved(x, y)
            case "TD", [x, y]:
                self._state = replace(state, leading=-y)
                self._moved(x, y)
            case "Tm", [a, b, c, d, e, f]:
                self._text = self._line = (a, b, c, d, e, f)
            case "T*", _:
                self._moved(0, -state.leading)
            case "Tj", _:
                self._shown(operands)
            case "TJ", _:
                self._shown(operands[0] if operands and isinstance(operands[0], list) else [])
            case (("'" | '"'), _):
                self._moved(0, -state.leading)
                self._shown(operands[-1:])

    def _moved(self, x: float, y: float) -> None:
        self._text = self._line = _times((1, 0, 0, 1, x, y), self._line)

    def _shown(self, parts: list[Operand]) -> None:
        state = self._state
        font = _entry(self._resources, "/Font", state.font)
        if font is None:
            raise MalformedDocument("content-unreadable")
        for part in parts:
            if isinstance(part, float):
                self._text = _times((1, 0, 0, 1, -part / 1000 * state.size * state.scale, 0), self._text)  # fmt: skip
            elif isinstance(part, bytes) and part:
                self._string(font, part)

    def _string(self, font: Any, text: bytes) -> None:
        state = self._state
        advances = self._painter.measured(font, text)
        steps = [(each / 1000 * state.size + state.spacing) * state.scale for each in advances]
        low, high = state.rise - 0.2 * state.size, state.rise + 0.8 * state.size
        matrix = _times(self._text, state.matrix)
        box = _around(matrix, (0, low, sum(steps), high))
        flaw = self._flaw(box)
        self._painter.add(Painted(box=box, text=True, white=state.white, flaw=flaw))
        begin = 0.0
        for step, characters in zip(steps, self._painter.spelled(font, text), strict=False):
            end = begin + step
            if characters and not flaw:
                self._painter.letters.append(
                    Letter(characters, _around(matrix, (begin, low, end, high)))
                )
            begin = end
        self._text = _times((1, 0, 0, 1, sum(steps), 0), self._text)

    def _flaw(self, box: Box | None = None) -> str:
        if self._state.clear:
            return "transparent"
        if box is None:
            return ""
        if self._state.mode in {3, 7}:
            return "hidden-text"
        return "tiny-text" if min(box[3] - box[1], box[2] - box[0]) < MIN_POINTS else ""


def _entry(resources: Mapping[str, Any], kind: str, name: str) -> Any:
    if kind not in resources or name not in resources[kind]:
        return None
    return resources[kind][name]


def _times(one: Matrix, other: Matrix) -> Matrix:
    a, b, c, d, e, f = one
    g, h, i, j, k, m = other
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j,
            e * g + f * i + k, e * h + f * j + m)  # fmt: skip


def _at(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _around(matrix: Matrix, box: Box) -> Box:
    corners = [_at(matrix, x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs, ys = [each[0] for each in corners], [each[1] for each in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _unit(matrix: Matrix) -> Box:
    return _around(matrix, (0, 0, 1, 1))


def flaws(painted: list[Painted], page: Box) -> Iterator[str]:
    """What of all that cannot be seen as it is."""
    covers = [(at, each) for at, each in enumerate(painted) if each.opaque]
    compared = 0
    for at, each in enumerate(painted):
        if each.flaw:
            yield each.flaw
        x, y = (each.box[0] + each.box[2]) / 2, (each.box[1] + each.box[3]) / 2
        if not each.text:
            continue
        if not (page[0] <= x <= page[2] and page[1] <= y <= page[3]):
            yield "off-page"
        compared += len(covers)
        if compared > 5_000_000:
            yield "content-too-much"
            return
        over = [(place, cover) for place, cover in covers if _meets(cover.box, each.box)]
        if any(place > at for place, _ in over):
            yield "covered"
        if each.white and not any(
            place < at and not cover.white and _holds(cover.box, each.box) for place, cover in over
        ):
            yield "white-text"


def _meets(cover: Box, box: Box) -> bool:
    """Does it cover more than a hairline of the text?"""
    wide = min(cover[2], box[2]) - max(cover[0], box[0])
    high = min(cover[3], box[3]) - max(cover[1], box[1])
    return wide > 0 and high > 0.25 * (box[3] - box[1]) and wide > 1


def _holds(cover: Box, box: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return cover[0] <= x <= cover[2] and cover[1] <= y <= cover[3]
