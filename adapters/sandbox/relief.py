"""The civil-affairs office's relief: lines of fixed width in GB18030, a control file that only counts
them, and a flag.

One line for each pair of members of a household, so that a household is found by whichever of its
members is asked about. Amounts are in fen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from adapters.model import Record
from adapters.sandbox.dropping import Export, Row, Table, Told
from adapters.sandbox.population import Population
from adapters.sandbox.welfare import assistance

STEM = "db"
_WIDTHS = {
    "身份证": 18, "户主姓名": 40, "户主身份证": 18, "成员身份证": 18, "类别": 1, "证号": 15,
    "金额": 10, "保障人数": 2, "起始": 6, "月份": 6,
}  # fmt: skip
_STRANGE = 21
"""Width of a column nobody was told of."""


def _tables(population: Population) -> Sequence[Table]:
    rows = [
        row
        for person in population.people
        for record in assistance(population, person)
        for row in _rows(person.id_number, record)
    ]
    return (Table(stem=STEM, head=tuple(_WIDTHS), rows=rows),)


def _rows(number: str, record: Record) -> list[Row]:
    told = record.values
    fen = str(int(Decimal(str(told["monthly_amount"])) * 100))
    behind = (
        str(told["kind"]), str(told["certificate_no"]), fen, str(told["household_size"]),
        str(told["start_month"]), str(told["data_month"]),
    )  # fmt: skip
    head = (number, str(told["head_name"]), str(told["head_id_number"]))
    return [(*head, str(line["member_id_number"]), *behind) for line in record.lines]


def _written(table: Table) -> bytes:
    widths = [_WIDTHS.get(name, _STRANGE) for name in table.head]
    return b"".join(
        b"".join(
            cell.encode("gb18030").ljust(width) for cell, width in zip(row, widths, strict=True)
        )
        + b"\r\n"
        for row in table.rows
    )


def _beside(told: Told) -> Mapping[str, bytes]:
    return {f"{told.name}.cnt": f"{told.rows}\n".encode(), f"{told.name}.flag": b""}


EXPORT = Export(ending=".txt", first=_tables, again=_tables, written=_written, beside=_beside)
