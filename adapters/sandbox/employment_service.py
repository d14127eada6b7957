"""The employment service: a CSV in GB18030, everything once and then what changed, with a control file
that counts the rows and gives their SM3 digest, and a flag written last.

Employed and unemployed stand in one table under the ministry's column names. Numbers of older
people still have 15 digits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from adapters.model import Record
from adapters.sandbox.dropping import Export, Row, Table, Told
from adapters.sandbox.people import Person
from adapters.sandbox.population import Population
from adapters.sandbox.spelling import Spelling
from adapters.sandbox.work import employment

CSV, CHANGES = "jydj", "jydjzl"
_SPELLING = Spelling(
    day="%Y-%m-%d 00:00:00",
    names={
        "certificate_no": "ACC0M0", "kind": "ACC201", "employer_name": "AAB004",
        "start_date": "ACC031", "contract_end": "AAE031", "post": "ACA111",
        "difficulty": "ADC300", "register_date": "AAE036",
    },
)  # fmt: skip
_KINDS = {"1": "单位就业", "2": "个体经营", "3": "灵活就业", "4": "公益性岗位", "8": "登记失业"}
_HEAD = ("CCC001", "AAC147", *_SPELLING.names.values())
_NEW, _CHANGED, _ENDED = 3, 7, 11
"""Of twenty people, the one who registered yesterday, whose entry changed, and whose was ended."""


def _whole(population: Population) -> Sequence[Table]:
    """Everybody as they are."""
    rows = [row for person in population.people for row in _rows(population, person)]
    return (Table(stem=CSV, head=_HEAD, rows=rows),)


def _two_nights(population: Population) -> Sequence[Table]:
    """Everybody as they were the night before, and what has changed since."""
    before: list[Row] = []
    changes: list[Row] = []
    for person in population.people:
        rows, drawn = _rows(population, person), person.serial % 20
        if len(rows) == 1 and drawn == _NEW:
            changes.append(("I", *rows[0]))
        elif len(rows) == 1 and drawn == _CHANGED:
            before.append(_otherwise(rows[0], "AAB004"))
            changes.append(("U", *rows[0]))
        elif not rows and drawn == _ENDED:
            ended = _ended(person)
            before.append(ended)
            changes.append(("D", *ended))
        else:
            before.extend(rows)
    return (
        Table(stem=CSV, head=_HEAD, rows=before, age=timedelta(days=1)),
        Table(stem=CHANGES, head=("CZLX", *_HEAD), rows=changes),
    )


def _rows(population: Population, person: Person) -> list[Row]:
    return [
        (f"{person.serial:08d}{number}", _number(person), *_cells(record))
        for number, record in enumerate(employment(population, person))
    ]


def _cells(record: Record) -> Iterator[str]:
    row = _SPELLING.row(record.values)
    row["ACC201"] = _KINDS[row["ACC201"]]
    return (str(row[name]) for name in _SPELLING.names.values())


def _number(person: Person) -> str:
    """As it was when the certificate was made out."""
    full = person.id_number
    return full[:6] + full[8:17] if person.birth_date.year < 1970 else full


def _otherwise(row: Row, column: str) -> Row:
    at = _HEAD.index(column)
    return (*row[:at], "演示省旧例劳务有限公司", *row[at + 1 :])


def _ended(person: Person) -> Row:
    told = {"CCC001": f"{person.serial:08d}0", "AAC147": _number(person), "ACC201": "登记失业"}
    return tuple(told.get(name, "") for name in _HEAD)


def _written(table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.head)
    writer.writerows(table.rows)
    return text.getvalue().encode("gb18030")


def _beside(told: Told) -> Mapping[str, bytes]:
    stem = told.name.removesuffix(".csv")
    lines = f"rows={told.rows}\nsm3={told.digest('sm3')}\nsj={told.at:%Y%m%d%H%M%S}\n"
    return {f"{stem}.ctl": lines.encode(), f"{told.name}.ok": b""}


EXPORT = Export(
    ending=".csv", first=_two_nights, again=_whole, written=_written, beside=_beside
)  # fmt: skip
