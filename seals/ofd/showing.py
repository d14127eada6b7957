"""A picture of a simple OFD page with the seals that stand on it, to look at.

No reader of OFD: text in this room's own face instead of embedded ones, plain filled paths, and the
pictures of seal signatures. Templates, images, annotations, clips and transformations are left out.
Nothing is judged: what is shown may be forged.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import resvg_py
from PIL import Image, UnidentifiedImageError

from seals.drawing import Path, Placing, Step, path_data
from seals.errors import MalformedDocument
from seals.glyphs import Face
from seals.ofd.document import Page
from seals.ofd.inspection import Facts, inspect
from seals.ofd.markup import Element, box, local, named, numbers, only, text
from seals.ofd.signatures import Stamp
from seals.seal import Picture

MAX_OBJECTS = 20_000
MAX_PIXELS = 20_000_000
_DOWN = "Q"
"""A step that is passed over: the only curve that is painted is the cubic one."""


def shown(document: bytes, face: Face, page: int = 1, dpi: int = 150) -> bytes:
    """The page as PNG.

    Args:
        document: An OFD.
        face: For its text; what the face lacks is left out.
        page: From 1.
        dpi: How large.

    Raises:
        MalformedDocument: It cannot be read; `no-such-page`, `too-large`, `objects`.
    """
    facts = inspect(document)
    if not 1 <= page <= len(facts.pages):
        raise MalformedDocument("no-such-page", str(page))
    which = facts.pages[page - 1]
    wide, high = (round(each / 25.4 * dpi) for each in (which.width, which.height))
    if not 0 < wide * high <= MAX_PIXELS:
        raise MalformedDocument("too-large", which.part)
    source = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}"'
        f' viewBox="0 0 {which.width} {which.height}"><rect width="100%" height="100%"'
        f' fill="#fff"/>{"".join(_objects(facts, which, face))}</svg>'
    )
    painted = resvg_py.svg_to_bytes(svg_string=source, dpi=96, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(painted)), formats=["PNG"]) as opened:
        paper = opened.convert("RGBA")
    for stamp, picture in _stamps(facts, which):
        _stamped(paper, stamp, picture, dpi / 25.4)
    out = io.BytesIO()
    paper.convert("RGB").save(out, "PNG", dpi=(dpi, dpi))
    return out.getvalue()


def _objects(facts: Facts, page: Page, face: Face) -> Iterator[str]:
    root = facts.graph.xml.root(page.part)
    content = only(root, "Content", page.part)
    layers = [] if content is None else list(named(content, "Layer"))
    count = 0
    for layer in layers:
        for each in layer:
            count += 1 + len(text(each))
            if count > MAX_OBJECTS:
                raise MalformedDocument("objects", page.part)
            place = box(each.get("Boundary"))
            match local(each):
                case "TextObject" if place is not None:
                    paths = _letters(each, place[:2], face)
                case "PathObject" if place is not None:
                    told = text(next(named(each, "AbbreviatedData"), None))
                    paths = [Placing(1, 0, 0, 1, place[0], place[1])(_path(told))]
                case _:
                    continue
            yield f'<path fill="{_colour(each)}" d="{"".join(map(path_data, paths))}"/>'


def _letters(each: Element, origin: Sequence[float], face: Face) -> list[Path]:
    """Outlines of the characters, each where it stands."""
    size = (numbers(each.get("Size")) or (0.0,))[0]
    found: list[Path] = []
    for code in named(each, "TextCode"):
        x = (numbers(code.get("X")) or (0.0,))[0]
        y = (numbers(code.get("Y")) or (0.0,))[0]
        told = str(code.text or "")
        steps = numbers(code.get("DeltaX"))
        for at, letter in enumerate(told):
            if face.knows(letter):
                put = Placing(size, 0, 0, -size, origin[0] + x, origin[1] + y)
                found.append(put(face.glyph(letter).path))
            x += steps[at] if at < len(steps) else size
    return found


_STEPS = {"M": ("M", 1), "S": ("M", 1), "L": ("L", 1), "B": ("C", 3), "C": ("Z", 0)}


def _path(told: str) -> Path:
    """What an abbreviated path draws (GB/T 33190 §9.1); empty where a step is another."""
    words = iter(told.split()[: 4 * MAX_OBJECTS])
    found: list[Step] = []
    for word in words:
        op, count = _STEPS.get(word, (_DOWN, 0))
        points = [numbers(f"{next(words, '')} {next(words, '')}") for _ in range(count)]
        if op == _DOWN or any(len(each) != 2 for each in points):
            return ()
        found.append(Step(op, tuple((each[0], each[1]) for each in points)))
    return tuple(found)


def _colour(each: Element) -> str:
    """Of the fill, in RGB; black where it is none."""
    fill = next(named(each, "FillColor"), None)
    value = () if fill is None else numbers(fill.get("Value"))
    parts = value if len(value) == 3 else (0.0, 0.0, 0.0)
    return "#" + "".join(f"{min(max(int(part), 0), 255):02x}" for part in parts)


def _stamps(facts: Facts, page: Page) -> Iterator[tuple[Stamp, Picture]]:
    for each in facts.signatures:
        if each.description is not None and each.seal_signature is not None:
            for stamp in each.description.stamps:
                if stamp.page_id == page.id:
                    yield stamp, each.seal_signature.seal.info.picture


def _stamped(paper: Image.Image, stamp: Stamp, picture: Picture, scale: float) -> None:
    """The picture, or the slice of it that is shown."""
    if stamp.boundary is None:
        return
    x, y, width, height = stamp.boundary
    left, top, wide, high = stamp.clip or (0.0, 0.0, width, height)
    size = round(width * scale), round(height * scale)
    if not 0 < size[0] * size[1] <= MAX_PIXELS:
        return
    try:
        with Image.open(io.BytesIO(picture.data), formats=["PNG"]) as opened:
            whole = opened.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return
    slice_ = whole.crop(
        (round(left * scale), round(top * scale), round((left + wide) * scale),
         round((top + high) * scale))
    )  # fmt: skip
    layer = Image.new("RGBA", paper.size, (0, 0, 0, 0))
    layer.paste(slice_, (round((x + left) * scale), round((y + top) * scale)))
    paper.alpha_composite(layer)
