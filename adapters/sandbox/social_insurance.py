"""The social-insurance office: a read-only front database with three views.

Column names are those of the 人社指标集; dates are text, with and without a day; what is empty is an
empty string, as Oracle's exports have it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date

from adapters.sandbox.enterprises import Enterprise
from adapters.sandbox.insurance import INJURY, PENSION, UNEMPLOYMENT, Insurance
from adapters.sandbox.people import Person
from adapters.sandbox.population import Population
from adapters.sandbox.readonly import INTEGER, NUMERIC, ReadOnly

_TABLES = """
CREATE TABLE ac01 (aac001, aac003, aac002, aae140, aac008, aab004, aab001, aac049, aab301, aae041);
CREATE TABLE ac43 (aac001, aac002, aae003, aae140, aae180, aab004, aae078, aae143);
CREATE TABLE ac43_hz (aac002 PRIMARY KEY, ljjfys, lxjfys, zjdzq, scjfq, yzm);
CREATE TABLE ab01 (aab001, aab004, bab010, aae006, aab013, aab015, aae005, aae140, aae047,
                   aab083, qfje, aaa042, aab051);
"""
_VIEWS = """
CREATE INDEX ac01_aac002 ON ac01 (aac002);
CREATE INDEX ac43_aac002 ON ac43 (aac002);
CREATE INDEX ab01_bab010 ON ab01 (bab010);
CREATE VIEW v_ac01 AS SELECT * FROM ac01;
CREATE VIEW v_ab01 AS SELECT * FROM ab01;
CREATE VIEW v_ac43 AS
  SELECT ac43.aac001, ac43.aac002, aae003, aae140, aae180, aab004, aae078, aae143,
         ljjfys, lxjfys, zjdzq, scjfq, yzm
  FROM ac43 JOIN ac43_hz ON ac43_hz.aac002 = ac43.aac002;
"""
_TYPES = {"aae180": NUMERIC, "ljjfys": INTEGER, "lxjfys": INTEGER, "aab083": INTEGER,
          "qfje": NUMERIC, "aaa042": NUMERIC}  # fmt: skip

Row = tuple[str | int, ...]


def database(population: Population) -> ReadOnly:
    """The front database."""

    def fill(connection: sqlite3.Connection) -> None:
        connection.executescript(_TABLES)
        for table, rows in (
            ("ac01", _enrolments(population)),
            ("ac43", _payments(population)),
            ("ac43_hz", _totals(population)),
            ("ab01", _employers(population)),
        ):
            _insert(connection, table, rows)
        connection.executescript(_VIEWS)

    return ReadOnly(fill, _TYPES)


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[Row]) -> None:
    width = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
    places = ", ".join("?" * width)
    connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 -- names of this module


def _compact(text: str) -> str:
    """An ISO date or month without hyphens: `20130701`, `201307`."""
    return text.replace("-", "")


def _day(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _insured(population: Population) -> Iterator[tuple[Person, Insurance]]:
    for number, found in population.insurance.items():
        yield population.by_number[number], found


def _enrolments(population: Population) -> Iterator[Row]:
    for person, found in _insured(population):
        for account in found.accounts:
            for kind in account.kinds:
                yield (
                    account.personal_no, person.name, person.id_number, kind, account.state,
                    account.employer_name or "", account.employer_no or "",
                    _compact(account.enrolled), account.area, _day(account.stopped),
                )  # fmt: skip


def _payments(population: Population) -> Iterator[Row]:
    for person, found in _insured(population):
        for each in found.payments:
            yield (
                each.personal_no, person.id_number, each.period, each.kind, each.base,
                each.employer_name, "在途" if each.in_transit else "已到账",
                "20" if each.late else "10",
            )  # fmt: skip


def _totals(population: Population) -> Iterator[Row]:
    for person, found in _insured(population):
        if found.payments:
            yield (
                person.id_number, found.total_months, found.continuous_months, found.booked[-1],
                found.booked[0], found.proof_no,
            )  # fmt: skip


def _employers(population: Population) -> Iterator[Row]:
    for enterprise in population.enterprises:
        for kind in (PENSION, UNEMPLOYMENT, INJURY):
            yield _employer(population, enterprise, kind)


def _employer(population: Population, enterprise: Enterprise, kind: str) -> Row:
    return (
        enterprise.employer_no, enterprise.name,
        enterprise.uscc if enterprise.uscc_recorded else "", enterprise.address,
        enterprise.legal_rep.name, enterprise.contact.name, enterprise.contact.mobile, kind,
        _day(enterprise.established), population.headcounts.get(enterprise.employer_no, 0),
        enterprise.arrears, enterprise.injury_rate, enterprise.state,
    )  # fmt: skip
