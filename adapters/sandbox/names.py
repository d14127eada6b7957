"""Names as registers hold them: common, rare, of four characters, with a middle dot.

The tables are small on purpose: 500 people then include homonyms, as any county does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.sandbox.draws import Draws

HAN, HUI, UYGHUR, MANCHU, MONGOL = "01", "03", "05", "11", "02"
"""Codes of GB/T 3304 that live here."""

ETHNIC_GROUPS: Mapping[str, int] = {HAN: 90, HUI: 4, UYGHUR: 2, MANCHU: 2, MONGOL: 2}
"""Code → how many of a hundred households."""

ETHNIC_WORDS: Mapping[str, str] = {
    HAN: "汉", HUI: "回", UYGHUR: "维吾尔", MANCHU: "满", MONGOL: "蒙古",
}  # fmt: skip
"""What registers write that send words where the standard has codes."""

SURNAMES: Mapping[str, int] = {
    "王": 30, "李": 30, "张": 28, "刘": 22, "陈": 18, "杨": 14, "赵": 12, "黄": 10, "周": 9,
    "吴": 9, "徐": 8, "孙": 8, "胡": 7, "朱": 7, "高": 6, "林": 6, "何": 6, "郭": 6, "马": 6,
    "罗": 5, "欧阳": 2, "司马": 1, "上官": 1, "诸葛": 1, "亓": 1, "仝": 1, "𠅤": 1,
}  # fmt: skip

_MALE = ("伟", "强", "磊", "军", "洋", "勇", "杰", "涛", "超", "明", "刚", "平", "辉", "鹏", "建国",
         "志强", "浩然", "子轩", "宇航", "俊杰", "建华", "文博", "梓豪", "一鸣")  # fmt: skip
_FEMALE = ("芳", "娜", "敏", "静", "丽", "艳", "娟", "霞", "秀英", "桂英", "婷婷", "雪梅", "欣怡",
           "梓涵", "诗涵", "雨桐", "佳怡", "玉兰", "海燕", "晓燕", "思琪", "可馨")  # fmt: skip
_RARE = ("𬱟", "𫘜", "𩽾", "䶮", "㛃", "喆", "垚")
"""The first three lie beyond the BMP: four bytes in GB18030, a surrogate pair in UTF-16."""

_UYGHUR_MALE = ("买买提", "阿卜杜拉", "艾力", "吐尔逊", "玉素甫", "伊敏")
_UYGHUR_FEMALE = ("阿依古丽", "热依汗", "帕提曼", "古丽娜尔", "迪丽拜尔", "阿孜古丽")

MALE = "1"
"""GB/T 2261.1."""
FEMALE = "2"


def surname(draws: Draws, name: str, ethnic_group: str) -> str:
    """A family's name; where a father's name takes its place, that of a grandfather."""
    if ethnic_group == UYGHUR:
        return draws.one_of(name, _UYGHUR_MALE)
    if ethnic_group == HUI:
        return draws.weighted(name, {"马": 6, "丁": 2, "白": 2, "海": 1, "买": 1})
    return draws.weighted(name, SURNAMES)


def given(draws: Draws, name: str, gender: str, ethnic_group: str) -> str:
    """A given name; one in forty has a rare character."""
    if ethnic_group == UYGHUR:
        return draws.one_of(name, _UYGHUR_MALE if gender == MALE else _UYGHUR_FEMALE)
    usual: Sequence[str] = _MALE if gender == MALE else _FEMALE
    if draws.number(f"{name}-rare", 1, 40) == 1:
        return draws.one_of(name, _RARE)
    return draws.one_of(name, usual)


def whole(family: str, own: str, ethnic_group: str) -> str:
    """Family and given name as they are written: `赵伟`, `阿依古丽·买买提`."""
    return f"{own}·{family}" if ethnic_group == UYGHUR else f"{family}{own}"
