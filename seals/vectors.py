"""SVG of plain shapes, and nothing else: what an uploaded drawing of a seal may consist of."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator

from lxml import etree
from PIL import Image

from seals.errors import PictureRefused

MAX_BYTES = 512 * 1024
MAX_ELEMENTS = 2000
MAX_DEPTH = 16
MAX_NUMBERS = 100_000
MAX_NUMBER = 100_000
PAINT_SECONDS = 5
"""Of processor time. A seal takes a fifth of one; a few kilobytes of crossing lines take minutes."""
PAINT_MEMORY = 1536 * 1024 * 1024
_UNACCEPTABLE = 3
_PAINTER = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({PAINT_SECONDS}, {PAINT_SECONDS}))
resource.setrlimit(resource.RLIMIT_AS, ({PAINT_MEMORY}, {PAINT_MEMORY}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import resvg_py
source = sys.stdin.buffer.read().decode()
try:
    data = resvg_py.svg_to_bytes(svg_string=source, dpi=96, skip_system_fonts=True)
except ValueError:
    sys.exit({_UNACCEPTABLE})
sys.stdout.buffer.write(bytes(data))
"""
"""Others' drawings are painted in a process of their own, which the system stops when it takes too
much: no rule over shapes foresees what a renderer does with them."""

_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES: dict[str, set[str]] = {
    "svg": {"viewBox", "width", "height", "version"},
    "g": set(),
    "path": {"d"},
    "circle": {"cx", "cy", "r"},
    "ellipse": {"cx", "cy", "rx", "ry"},
    "rect": {"x", "y", "width", "height", "rx", "ry"},
    "line": {"x1", "y1", "x2", "y2"},
    "polygon": {"points"},
    "polyline": {"points"},
}
_PAINT = {
    "fill",
    "stroke",
    "stroke-width",
    "stroke-linejoin",
    "stroke-linecap",
    "fill-rule",
    "opacity",
    "fill-opacity",
    "stroke-opacity",
    "transform",
}
_VALUE = re.compile(r"[\w\s#.,()+%-]*", re.ASCII)
_URL = re.compile(r"url", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def plain_svg(data: bytes, wide: int, high: int) -> bytes:
    """The shapes of an SVG, written anew for `wide` by `high` pixels.

    Raises:
        PictureRefused: `svg-too-large`, `svg-doctype`, `svg-damaged`, `svg-element` for anything
            that is no plain shape (scripts, text, pictures, references, styles, filters),
            `svg-attribute`, `svg-value`, `svg-too-many`, `svg-number`, `svg-no-view-box`.
    """
    if len(data) > MAX_BYTES:
        raise PictureRefused("svg-too-large")
    if b"<!" in data.replace(b"<!--", b"") or b"\x00" in data:
        raise PictureRefused("svg-doctype")
    # Told to read UTF-8 whatever the file declares: no other encoding hides a declaration.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise PictureRefused("svg-damaged") from None
    if root.tag != _SVG + "svg":
        raise PictureRefused("svg-element")
    numbers = 0
    for count, (element, depth) in enumerate(_walk(root)):
        if count >= MAX_ELEMENTS or depth > MAX_DEPTH:
            raise PictureRefused("svg-too-many")
        numbers += _checked(element, depth)
        if numbers > MAX_NUMBERS:
            raise PictureRefused("svg-too-many")
    if "viewBox" not in root.attrib:
        raise PictureRefused("svg-no-view-box")
    root.set("width", str(wide))
    root.set("height", str(high))
    return etree.tostring(root, encoding="utf-8")


def painted(source: bytes) -> Image.Image:
    """What `plain_svg` gave, painted in RGBA.

    Raises:
        PictureRefused: `svg-damaged`: the renderer does not accept it; `svg-too-costly`: it takes
            more time or memory than any seal does.
    """
    command = [sys.executable, "-I", "-c", _PAINTER]
    try:
        done = subprocess.run(  # noqa: S603  our own program over checked shapes, on its input
            command,
            input=source,
            capture_output=True,
            check=False,
            timeout=6 * PAINT_SECONDS,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise PictureRefused("svg-too-costly") from None
    if done.returncode:
        refused = done.returncode == _UNACCEPTABLE
        raise PictureRefused("svg-damaged" if refused else "svg-too-costly")
    with Image.open(io.BytesIO(done.stdout), formats=["PNG"]) as picture:
        return picture.convert("RGBA")


def _walk(root: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """All elements with their depth."""
    waiting = [(root, 0)]
    while waiting:
        element, depth = waiting.pop()
        yield element, depth
        waiting += [(child, depth + 1) for child in element]


def _checked(element: etree._Element, depth: int) -> int:
    """How many numbers the element holds, once all of it is found to be harmless."""
    tag = element.tag if isinstance(element.tag, str) else ""
    name = tag.removeprefix(_SVG)
    if not tag.startswith(_SVG) or name not in _SHAPES or (name == "svg") is not (depth == 0):
        raise PictureRefused("svg-element")
    if (element.text or "").strip() or (element.tail or "").strip():
        raise PictureRefused("svg-element")
    count = 0
    for key, value in element.attrib.items():
        told, text = str(key), str(value)
        if told not in _SHAPES[name] and told not in _PAINT:
            raise PictureRefused("svg-attribute")
        if not _VALUE.fullmatch(text) or _URL.search(text):
            raise PictureRefused("svg-value")
        count += _numbers(text)
    return count


def _numbers(text: str) -> int:
    """How many numbers are in it; none is so large that painting could run away with it."""
    if text.startswith("#"):
        return 1
    found = _NUMBER.findall(text)
    if any(len(number) > 32 or abs(float(number)) > MAX_NUMBER for number in found):
        raise PictureRefused("svg-number")
    return len(found)
