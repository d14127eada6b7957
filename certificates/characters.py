"""What may stand in a text that will be painted, signed and read by people: nothing that hides,
reorders, or looks like something else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_MARKS = 4
"""Combining marks in a row; no language of names needs more."""

_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("nul", re.compile("\0"), "没有空字符 / no NUL"),
    (
        "control",
        re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]"),
        "没有控制字符、换行和制表符 / no control character, line break or tab",
    ),
    (
        "direction",
        re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"),
        "没有改变书写方向的字符 / no mark of direction",
    ),
    (
        "invisible",
        re.compile(
            "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2065"
            "\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
            "\U000e0000-\U000e0fff]"
        ),
        "没有看不见的字符（含异体字选择符） / no invisible character, variation selectors included",
    ),
    ("surrogate", re.compile("[\ud800-\udfff]"), "成对的编码 / no half of a surrogate pair"),
    (
        "private-use",
        re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]"),
        "用正式编码的字，不用自造字 / the encoded character, none of private use",
    ),
    (
        "look-alike",
        re.compile("[\u2e80-\u2eff\u2f00-\u2fdf\u31c0-\u31ef\ua490-\ua4cf]"),
        "汉字本身，不用形似的部首、笔画 / the ideograph itself, no radical or stroke",
    ),
)

_PLAIN = re.compile("[ -~·《》「」〔〕（），。、：；！？—…㐀-䶿一-鿿]*")
"""What nearly every text consists of, and what no rule is about."""
_OTHER_SCRIPT = re.compile("[\u0370-\u03ff\u0400-\u052f\u13a0-\u13ff\u2c80-\u2cff]")
_LATIN = re.compile(r"[A-Za-z0-9\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_WORD = re.compile(r"[^\W_]+")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\u3007\U00020000-\U0003fffd"
_ODD_DOT = re.compile(
    f"(?<=[{_HAN}])[.\u2022\u2027\u2219\u22c5\u30fb\uff0e\uff65\u16eb\u2e31](?=[{_HAN}])"
)
_MARKS = re.compile(
    rf"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{{{MAX_MARKS + 1},}}"
)


def tidy(text: str) -> str:
    """In the one composed form (NFC), without blanks around."""
    return unicodedata.normalize("NFC", text).strip(" \u3000\u00a0")


def flaws(text: str) -> Iterator[tuple[str, str]]:
    """Why a text may not be painted: a stable key and what would be right, each once."""
    if _PLAIN.fullmatch(text):
        return
    for rule, pattern, expected in _RULES:
        if pattern.search(text):
            yield rule, expected
    if _mixed(text):
        yield "look-alike", "一个词用一种文字 / one script within a word"
    if _MARKS.search(text) or (text and unicodedata.combining(text[0])):
        yield (
            "marks",
            f"连用的附加符号不超过 {MAX_MARKS} 个 / at most {MAX_MARKS} combining marks in a row",
        )
    if any(_unassigned(character) for character in set(text)):
        yield "unassigned", "已编码的字符 / characters that Unicode has assigned"


def odd_dot(name: str) -> bool:
    """Is a dot between ideographs of a name another one than U+00B7 (GB/T 36903: 持证主体)?"""
    return _ODD_DOT.search(name) is not None


def _mixed(text: str) -> bool:
    """Greek or Cyrillic letters within a word that has Latin ones, too: `АBC`, `1О23`."""
    return any(
        _OTHER_SCRIPT.search(word.group()) and _LATIN.search(word.group())
        for word in _WORD.finditer(text)
    )


def _unassigned(character: str) -> bool:
    """Is the code point free? Ideographs younger than Python's table are known by their planes."""
    point = ord(character)
    if point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF:
        return True
    return unicodedata.category(character) == "Cn" and not 0x20000 <= point <= 0x3FFFD
