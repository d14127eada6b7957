"""Values + type → `Face`, with every complaint at once; and what is asked of a face afterwards.

Pure. What is shown is made here and nowhere else: the painted text, the embedded value and the
masked view come from one `FaceEntry`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import catalog
from catalog import CodeTable, InvalidCode
from certificates.characters import flaws, tidy
from certificates.checks import checked
from certificates.errors import FaceRefused
from certificates.findings import Finding, Level
from certificates.model import (
    LONG_TERM,
    PICTURE_FORM,
    Definition,
    End,
    Face,
    FaceEntry,
    ItemType,
    Mask,
)

Given = str | Sequence[str]
"""What somebody gives for an item: text, or one text for each line of a repeated item."""

MAX_LINES = 200
MAX_TEXT = 10_000
"""Characters looked at; whatever is longer is not read at all."""
DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
MONTH = re.compile("[0-9]{4}-[0-9]{2}")
EARLIEST = date(1800, 1, 1)

_FACE = "GB/T 36905-2018 照面信息"
_ITEMS = "GB/T 36902-2018 目录信息项"
_SEVERAL = re.compile("[,，;；、]")
_BOOLEANS = {"true": "是", "false": "否"}
_SAMPLE_PICTURE = f"sm3:{'0' * 64}"


class _Refused(Exception):
    """One value is not what its item takes: (rule, what would be right, clause), perhaps several."""

    def __init__(self, *why: tuple[str, str, str]) -> None:
        super().__init__()
        self.why = why


def _no(rule: str, expected: str, clause: str = _FACE) -> _Refused:
    return _Refused((rule, expected, clause))


PRINTED: Mapping[str, Callable[[str, str], str]] = {
    "gender": lambda _, label: label.removesuffix("性"),
    "ethnic-group": lambda _, label: label.removesuffix("族"),
    "driver-class": lambda code, _: code,
}
"""Code table → what certificates print for (code, label), where that is not the label: 男, 汉, C1."""


def compose(
    definition: Definition,
    values: Mapping[str, Given],
    tables: Mapping[str, CodeTable],
    *,
    today: date,
    dotted: Collection[str] = frozenset(),
) -> Face:
    """The face of a certificate of this type.

    Args:
        definition: How the type is issued.
        values: Item → what is given; empty text and a missing item are the same.
        tables: Code tables by id.
        today: Birth dates inside identity numbers must not lie after it.
        dotted: Items whose days the template tells as 2025.03.12, not as 2025年3月12日.

    Raises:
        FaceRefused: With a finding for everything that is wrong.
    """
    findings = [
        _finding(str(item)[:40], "unknown-item", "照面目录中的项 / an item of the type", _ITEMS)
        for item in values
        if item not in definition.type.items
    ]
    entries = []
    for item in definition.type.items.values():
        try:
            entries.append(_entry(definition, item, values.get(item.id, ""), tables, today))
        except _Refused as refused:
            findings += [_finding(item.id, *why) for why in refused.why]
    findings += _uneven(entries)
    if findings:
        raise FaceRefused(findings)
    return Face(
        type_id=definition.id,
        items=tuple(_dotted(entry) if entry.id in dotted else entry for entry in entries),
    )


def _dotted(entry: FaceEntry) -> FaceEntry:
    """A day in the short form; what is no day stays as it is."""
    texts = tuple(
        value.replace("-", ".")
        if text != value and (DAY.fullmatch(value) or MONTH.fullmatch(value))
        else text
        for value, text in zip(entry.values, entry.texts, strict=True)
    )
    return dataclasses.replace(entry, texts=texts)


def _finding(item: str, rule: str, expected: str, clause: str) -> Finding:
    return Finding(item=item, rule=rule, clause=clause, level=Level.FAIL, expected=expected)


def _uneven(entries: Sequence[FaceEntry]) -> Iterator[Finding]:
    """Repeated items are columns of one table: as many lines in each that is filled."""
    counts = {entry.id: len(entry.values) for entry in entries if entry.repeated and entry.values}
    longest = max(counts.values(), default=0)
    for item, count in counts.items():
        if count != longest:
            yield _finding(item, "lines-differ", f"{longest} 行 / {longest} lines", _ITEMS)


def _entry(
    definition: Definition,
    item: catalog.FaceItem,
    given: Given,
    tables: Mapping[str, CodeTable],
    today: date,
) -> FaceEntry:
    type_ = ItemType.PICTURE if item.max_length == 0 else ItemType(item.type)
    lines = _lines(item, given)
    pairs = [_line(definition, item, type_, line, tables, today) for line in lines]
    return FaceEntry(
        id=item.id,
        label=item.label,
        type=type_,
        values=tuple(value for value, _ in pairs),
        texts=tuple(text for _, text in pairs),
        repeated=item.repeated,
    )


def _lines(item: catalog.FaceItem, given: Given) -> list[str]:
    """The lines of what was given; a lone empty text is none."""
    if not isinstance(given, str) and not item.repeated:
        raise _no("not-repeated", "一个值 / one value")
    parts = [given] if isinstance(given, str) else list(given)
    if len(parts) > MAX_LINES:
        raise _no("too-many-lines", f"至多 {MAX_LINES} 行 / at most {MAX_LINES} lines")
    if not all(isinstance(part, str) for part in parts):
        raise _no("not-text", "文字 / text")
    if any(len(part) > MAX_TEXT for part in parts):
        raise _no("too-long", _at_most(item))
    lines = [tidy(part) for part in parts]
    if not any(lines):
        if item.required:
            raise _no("missing", "必填 / a value", _ITEMS)
        return []
    if item.required and not all(lines):
        raise _no("missing", "每一行都必填 / a value in every line", _ITEMS)
    return lines


def _at_most(item: catalog.FaceItem) -> str:
    return f"至多 {item.max_length} 字 / at most {item.max_length} characters"


def _line(
    definition: Definition,
    item: catalog.FaceItem,
    type_: ItemType,
    line: str,
    tables: Mapping[str, CodeTable],
    today: date,
) -> tuple[str, str]:
    """The value of one line and the text that is painted for it."""
    if not line:
        return "", ""
    if wrong := tuple(flaws(line)):
        raise _Refused(*((rule, expected, _FACE) for rule, expected in wrong))
    if type_ is ItemType.PICTURE:
        return _picture(line), ""
    if len(line) > item.max_length:
        raise _no("too-long", _at_most(item), _ITEMS)
    match type_:
        case ItemType.DATE:
            return _day(line)
        case ItemType.INTEGER:
            return _number(line, r"-?(0|[1-9][0-9]{0,17})", "整数 / a whole number")
        case ItemType.DECIMAL:
            pattern = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?"
            return _number(line, pattern, "数 / a number such as 120.50")
        case ItemType.BOOLEAN:
            return _flag(line)
        case ItemType.CODE:
            return _coded(item, line, tables)
        case _:
            return _text(definition, item, line, today)


def _picture(line: str) -> str:
    if not PICTURE_FORM.fullmatch(line):
        raise _no("picture", "图片的 SM3 摘要 / sm3: and 64 digits of the picture's digest")
    return line


def _day(line: str) -> tuple[str, str]:
    expected = "存在的日期，如 2025-03-12 / a day that exists, such as 2025-03-12"
    if not DAY.fullmatch(line):
        raise _no("not-a-date", expected)
    try:
        day = date.fromisoformat(line)
    except ValueError:
        raise _no("not-a-date", expected) from None
    if day < EARLIEST:
        raise _no("not-a-date", f"{EARLIEST.year} 年以后 / from {EARLIEST.year} on")
    return line, f"{day.year}年{day.month}月{day.day}日"


def _month(line: str) -> tuple[str, str]:
    """An item whose example is a month takes months."""
    expected = "存在的月份，如 2025-03 / a month that exists, such as 2025-03"
    if not MONTH.fullmatch(line):
        raise _no("not-a-month", expected)
    try:
        day = date.fromisoformat(f"{line}-01")
    except ValueError:
        raise _no("not-a-month", expected) from None
    if day < EARLIEST:
        raise _no("not-a-month", f"{EARLIEST.year} 年以后 / from {EARLIEST.year} on")
    return line, f"{day.year}年{day.month}月"


def _number(line: str, pattern: str, expected: str) -> tuple[str, str]:
    if not re.fullmatch(pattern, line):
        raise _no("not-a-number", expected)
    return line, line


def _flag(line: str) -> tuple[str, str]:
    if line not in _BOOLEANS:
        raise _no("not-a-flag", "true 或 false / true or false")
    return line, _BOOLEANS[line]


def _coded(item: catalog.FaceItem, line: str, tables: Mapping[str, CodeTable]) -> tuple[str, str]:
    """One code, or several where the item is longer than any code; they are kept with commas,
    however they were given. A code without a label cannot be painted, whatever the standing of its
    table.
    """
    table = tables[item.code_table or ""]
    longest = max(len(code) for code in table.codes)
    codes = _SEVERAL.split(line) if item.max_length > longest else [line]
    labels = [table.label(code) for code in codes]
    if None in labels:
        expected = f"代码表 {table.id} 中的代码 / a code of {table.id}"
        raise _no("unknown-code", expected, table.source)
    if len(set(codes)) != len(codes):
        raise _no("code-twice", "每个代码一次 / each code once", table.source)
    printed = PRINTED.get(table.id, _label)
    pairs = zip(codes, labels, strict=True)
    return ",".join(codes), "、".join(
        printed(code, label) for code, label in pairs if label is not None
    )


def _label(_: str, label: str) -> str:
    return label


def _text(
    definition: Definition, item: catalog.FaceItem, line: str, today: date
) -> tuple[str, str]:
    kind = definition.checks.get(item.id)
    if kind is not None:
        try:
            number = checked(kind, line, today=today)
        except InvalidCode as wrong:
            raise _no(wrong.rule, wrong.expected, wrong.kind) from None
        return number, number
    if MONTH.fullmatch(item.example):
        return _month(line)
    validity = definition.validity
    if validity.end is End.ITEM and item.id == validity.item and line != LONG_TERM:
        return _day(line)
    return line, line


def sample(definition: Definition) -> dict[str, Given]:
    """The invented values of the catalog: what a preview and a rehearsal show."""
    return {
        item.id: (
            _SAMPLE_PICTURE
            if item.max_length == 0
            else [item.example]
            if item.repeated
            else item.example
        )
        for item in definition.type.items.values()
        if item.example
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The face beside what the intake recorded (核对办理结果与受理信息)."""

    compared: tuple[str, ...]
    """Items that both have."""
    differing: tuple[str, ...]
    """Those of them that differ; their labels are in the type."""
    unknown: tuple[str, ...]
    """Recorded items that the type does not have: the comparison was set up wrongly."""

    @property
    def agrees(self) -> bool:
        """Nothing differs, and something was compared at all."""
        return bool(self.compared) and not self.differing and not self.unknown


def compare(face: Face, recorded: Mapping[str, Given]) -> Comparison:
    """Compare values, not looks: composed characters alike, blanks around dropped, nothing else
    forgiven. An item that was recorded as empty must be empty on the face.
    """
    known = {entry.id: entry for entry in face.items}
    compared = tuple(item for item in known if item in recorded)
    return Comparison(
        compared=compared,
        differing=tuple(i for i in compared if known[i].values != _recorded(recorded[i])),
        unknown=tuple(str(item)[:40] for item in recorded if item not in known),
    )


def _recorded(given: Given) -> tuple[str, ...]:
    lines = tuple(tidy(part) for part in ([given] if isinstance(given, str) else given))
    return lines if any(lines) else ()


def masked(face: Face, masks: Mapping[str, Mask]) -> Face:
    """The face with what `masks` name made unreadable, value and text alike."""
    return Face(
        type_id=face.type_id,
        items=tuple(
            _masked(entry, masks[entry.id]) if entry.id in masks else entry for entry in face.items
        ),
    )


def _masked(entry: FaceEntry, mask: Mask) -> FaceEntry:
    texts = tuple(_covered(text, mask) for text in entry.texts)
    return FaceEntry(
        id=entry.id,
        label=entry.label,
        type=ItemType.STRING,
        values=texts,
        texts=texts,
        repeated=entry.repeated,
    )


def masked_text(text: str, mask: Mask, several: str) -> str:
    """A text of one or several parts, each of them masked."""
    parts = (_covered(part, mask) for line in text.split("\n") for part in line.split(several))
    return several.join(parts) if text else ""


def _covered(text: str, mask: Mask) -> str:
    """Stars in place of what is hidden; their number tells nothing of an address or a code."""
    match mask:
        case Mask.NAME:
            return f"{text[:1]}**" if len(text) > 1 else "**"
        case Mask.NUMBER if len(text) >= 15:
            return f"{text[:6]}{'*' * (len(text) - 10)}{text[-4:]}"
        case Mask.NUMBER:
            return f"{'*' * 6}{text[-2:]}" if len(text) > 4 else "*" * 6
        case Mask.ADDRESS:
            return f"{text[:6]}****" if len(text) > 6 else "****"
        case _:
            return "****"


def picture_digests(face: Face) -> tuple[str, ...]:
    """The pictures that the face refers to."""
    pictures = (entry for entry in face.items if entry.type is ItemType.PICTURE)
    return tuple(value for entry in pictures for value in entry.values)
