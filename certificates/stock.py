"""Stock certificates (存量): row by row, what fits the type and what does not.

Rows are looked at one after the other and none is kept, so a table may be as long as it likes.
A row that does not fit stops no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from catalog import CodeTable
from certificates.errors import FaceRefused
from certificates.face import Given, compose
from certificates.findings import Finding, Level
from certificates.model import Definition, Face

_COLUMNS = "GB/T 36902-2018 目录信息项"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRow:
    """One row and what became of it."""

    number: int
    """From 1, as the spreadsheet counts below its heads."""
    face: Face | None
    """None where it does not fit."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A standardisation report in numbers."""

    rows: int
    fitting: int
    faults: Mapping[tuple[str, str], int]
    """(item, rule) → in how many rows, most frequent first."""

    @property
    def share(self) -> float | None:
        """0 to 1; None for an empty table."""
        return self.fitting / self.rows if self.rows else None


def heads(definition: Definition, columns: Iterable[str]) -> Mapping[str, str]:
    """Column → item: by the item's id, its label, or `KZ_` and its initials.

    Raises:
        FaceRefused: A column that is none of these, two for one item, or none for a required one.
    """
    names = {item.id: item.id for item in definition.type.items.values()}
    names |= {item.label: item.id for item in definition.type.items.values()}
    names |= {f"KZ_{initials}": item for item, initials in definition.initials.items()}
    found = {column: names.get(column.strip()) for column in columns}
    counts = Counter(item for item in found.values() if item is not None)
    findings = [
        *(
            _wrong(c[:40], "unknown-column", "照面项 / a face item")
            for c, i in found.items()
            if i is None
        ),
        *(_wrong(i, "column-twice", "一列 / one column") for i, n in counts.items() if n > 1),
        *(
            _wrong(item.id, "column-missing", "必填项的列 / a column for a required item")
            for item in definition.type.items.values()
            if item.required and item.max_length and item.id not in counts
        ),
    ]
    if findings:
        raise FaceRefused(findings)
    return {column: item for column, item in found.items() if item is not None}


def _wrong(item: str, rule: str, expected: str) -> Finding:
    return Finding(item=item, rule=rule, clause=_COLUMNS, level=Level.FAIL, expected=expected)


def fitted(
    definition: Definition,
    rows: Iterable[Mapping[str, Given]],
    tables: Mapping[str, CodeTable],
    *,
    today: date,
) -> Iterator[StockRow]:
    """Each row with its face or its findings. The certificate's number may stand there once; only
    the numbers are kept from row to row.

    Args:
        definition: How the type is issued.
        rows: Item → value.
        tables: Code tables by id.
        today: See `face.compose`.
    """
    seen: dict[str, int] = {}
    for number, values in enumerate(rows, start=1):
        try:
            face = compose(definition, values, tables, today=today)
        except FaceRefused as refused:
            yield StockRow(number=number, face=None, findings=refused.findings)
            continue
        own = face.get(definition.number).value
        first = seen.setdefault(own, number)
        if first != number:
            expected = f"与第 {first} 行不同的编号 / another number than row {first}"
            twice = _wrong(definition.number, "number-twice", expected)
            yield StockRow(number=number, face=None, findings=(twice,))
            continue
        yield StockRow(number=number, face=face, findings=())


def summary(rows: Iterable[StockRow]) -> Summary:
    """The rows in numbers."""
    every = fitting = 0
    faults: Counter[tuple[str, str]] = Counter()
    for row in rows:
        every += 1
        fitting += row.face is not None
        faults.update({(finding.item, finding.rule) for finding in row.findings})
    return Summary(rows=every, fitting=fitting, faults=dict(faults.most_common()))
