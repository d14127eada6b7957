"""The page that goes with a printed certificate (打印件核验页): the items in words, the code, and how it
is checked. One sheet of A4, in black; a module of the code is half a millimetre, which any office
printer prints and any telephone reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from certificates.drawing.lines import Align, Box, Stand, Style, laid
from certificates.drawing.marks import (
    BLACK,
    WHITE,
    Backdrop,
    Drawing,
    Lettering,
    Mark,
    Modules,
    Sheet,
)
from certificates.drawing.ornament import frame, ground, rule
from certificates.drawing.qr import QUIET, qr
from certificates.drawing.rows import GREY, Row, rows
from certificates.model import FaceEntry

MODULE = 0.5
"""Side of a module, in millimetres; less than 0.33 is not for office printers."""
WIDTH, HEIGHT = 210.0, 297.0
_LEFT, _RIGHT = 20.0, 190.0
_TOP, _BOTTOM = 52.0, 190.0
"""Where the items stand."""
_LABEL = 42.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageText:
    """What the page says beside the code."""

    name: str
    """Of the certificate type."""
    identifier: str
    """电子证照标识."""
    entries: tuple[FaceEntry, ...]
    """What is told in the code."""
    left_out: tuple[str, ...]
    """Labels of what is not."""
    authority: str
    """Empty where an entry says it."""
    site: str
    """The hub's own domain, where codes are checked."""
    printed_on: date


def code_mark(text: str, x: float, y: float, module: float = MODULE) -> Modules:
    """The paper code at error correction M, its quiet zone included in where it begins.

    Args:
        text: Of the code.
        x: Left edge of its quiet zone, in millimetres.
        y: Upper edge of it.
        module: Side of a module.

    Raises:
        ValueError: More than a code can hold.
    """
    modules = len(qr(text, Box(0, 0, 1, 1)).rows)
    side = (modules + 2 * QUIET) * module
    return qr(text, Box(x, y, side, side))


def page(text: PageText, code: str) -> Drawing:
    """The page.

    Raises:
        GlyphMissing: A character that the typefaces lack.
        Overflow: The items do not fit.
    """
    marks = (*_named(text), *_items(text), *_checked(text, code))
    return Drawing(sheets=(Sheet(width=WIDTH, height=HEIGHT, backdrop=_BACKDROP, marks=marks),))


def _black(size: float, **more: object) -> Style:
    return Style(lettering=Lettering.HEI, size=size, floor=min(size, 2.2), **more)  # type: ignore[arg-type]  # fields of ours


_BACKDROP = Backdrop(
    marks=(
        ground(WIDTH, HEIGHT, WHITE),
        frame(Box(12, 12, WIDTH - 24, HEIGHT - 24), BLACK, 0.4),
        *laid("电子证照打印件核验页", Box(_LEFT, 17, 170, 12), _black(8, align=Align.CENTRE, weight=0.02)),
        *laid("Verification page of a printed certificate", Box(_LEFT, 28, 170, 6), _black(3.4, align=Align.CENTRE, colour=GREY)),
        rule(_LEFT, 50, _RIGHT, 50, BLACK, 0.4),
    )
)  # fmt: skip


def _named(text: PageText) -> Iterator[Mark]:
    yield from laid(text.name, Box(_LEFT, 35, 170, 8), _black(5.6, align=Align.CENTRE))
    told = f"电子证照标识 {text.identifier}"
    yield from laid(told, Box(_LEFT, 43.5, 170, 5), _black(3.0, align=Align.CENTRE))


def _items(text: PageText) -> Iterator[Mark]:
    told = [Row(each.label, each.text, each.id) for each in text.entries]
    if text.authority:
        told.append(Row("颁发机构", text.authority))
    return rows(told, Box(_LEFT, _TOP, _RIGHT - _LEFT, _BOTTOM - _TOP), _LABEL)


def _checked(text: PageText, code: str) -> Iterator[Mark]:
    """The code at the left, and how it is checked beside it."""
    mark = code_mark(code, _LEFT - QUIET * MODULE, 196)
    yield mark
    left = mark.x + (len(mark.rows) + QUIET) * MODULE + 4
    wide = _RIGHT - left
    yield from laid("核验网址 Verify at", Box(left, 197, wide, 5), _black(3.2, colour=GREY))
    yield from laid(text.site, Box(left, 202, wide, 11), _black(9, weight=0.02))
    yield from laid(_STEPS, Box(left, 216, wide, 40), _black(3.3, stand=Stand.TOP))
    yield from laid(_absent(text.left_out), Box(_LEFT, 262, 170, 10), _black(3.0, stand=Stand.TOP))
    printed = f"打印日期 {text.printed_on.isoformat()}，按实际大小（100%）打印"
    rest = "本页不是证照；不加盖印章 / This page is no certificate and bears no seal"
    yield from laid(printed, Box(_LEFT, 274, 76, 5), _black(3.0))
    yield from laid(rest, Box(_LEFT + 78, 274, 92, 5), _black(2.6, align=Align.RIGHT, colour=GREY))


_STEPS = """1 自行输入上面的网址，不要用他人给的链接。
2 扫描或上传左侧二维码：内容由颁发机构签名，没有网络也能核验真伪。
3 把屏幕上的每一项与打印件、与上表逐字比对，不一致的以屏幕为准。
4 状态以联网核验为准；脱机时看状态表的制作时间。
Enter the address yourself, scan the code, compare every item with the paper."""


def _absent(left_out: Sequence[str]) -> str:
    if not left_out:
        return "证照照面各项均已载入二维码。 Every item is in the code."
    return f"未载入二维码、须联网核验的项目 Not in the code: {'、'.join(left_out)}"
