"""Cases about drops: which files lie in the folder, what their control files say, how old they are.

Each is a folder with real files, taken in by the kind's own transport into a real index. What stands
in the files is the business of `tables`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from math import ceil
from typing import Any

from adapters.asking import as_text, leaf
from adapters.conformance.cases import Case, Drops, Expect, outcome
from adapters.converters import Unreadable
from adapters.files.intake import key_columns
from adapters.files.playing import STRANGERS, File, Sort
from adapters.files.terms import FilesAsk, FilesConnect, leaf_of
from adapters.files.writing import Scribe, Unwritable
from adapters.model import Outcome, SourceCall
from adapters.samples import Sample

Made = Callable[[str, Drops, Expect], Case]
Row = Mapping[str, Any]

DAY = timedelta(days=1)
MOST = 2000
"""Rows about others that a share of bad rows is tried with."""
NOTHING = outcome(Outcome.UNREACHABLE, records=0)
"""Nothing was ever taken in, which is not “no record”."""
FAILED = outcome(Outcome.FAILED, records=0)
NO_RECORD = outcome(Outcome.NO_RECORD, records=0)


def refused(rule: str) -> Expect:
    """The file went to quarantine for that rule, and there was none before it."""
    return replace(NOTHING, quarantined=rule)


@dataclass(frozen=True)
class Dropping:
    """Makes drops of one sample."""

    connect: FilesConnect
    ask: FilesAsk
    sample: Sample
    call: SourceCall
    moment: datetime
    """When what is dropped is said to have stood so."""

    @cached_property
    def scribe(self) -> Scribe:
        """Writes them."""
        return Scribe(self.connect, self.ask)

    @cached_property
    def rows(self) -> list[Row]:
        """The sample's own."""
        return [dict(row) for row in self.sample.given().rows or ()]

    @property
    def name(self) -> str:
        """What the data file is called."""
        return self.scribe.name(self.moment)

    def strangers(self, count: int = STRANGERS, moment: datetime | None = None) -> list[Row]:
        """Rows about others."""
        return [self.scribe.stranger(number, moment or self.moment) for number in range(count)]

    @cached_property
    def plenty(self) -> int | None:
        """Rows among which one may be bad; None: none may be."""
        share = self.connect.bad_rows
        return min(MOST, ceil(1 / share) + 1) if share and ceil(1 / share) < MOST else None

    def table(self) -> bytes:
        """The data file as it should be."""
        return self.scribe.table([*self.rows, *self.strangers()])

    def files(
        self, table: bytes | None = None, *, count: int | None = None,
        moment: datetime | None = None, name: str | None = None, control: bytes | None = None,
    ) -> tuple[File, ...]:  # fmt: skip
        """A whole drop.

        Args:
            table: The data file; None: as it should be.
            count: Rows of it, as the control file says.
            moment: As of when, as name or control file say.
            name: Of the data file.
            control: What the control file says instead.
        """
        at = moment or self.moment
        body = self.table() if table is None else table
        said = len(self.rows) + STRANGERS if count is None else count
        called = name or self.scribe.name(at)
        beside = self.scribe.beside(called, body, said, at)
        if control is not None:
            beside[next(iter(beside))] = control
        return tuple(File(name=n, body=b) for n, b in ({called: body} | beside).items())

    def playable(self, rows: Any) -> Drops | None:
        """A drop of changed rows; None where they cannot be dropped, or would not be found by the
        sample's keys, so that they say nothing about the mapping.
        """
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return None
        known = set(self.ask.names_of_columns)
        told = self._apart(rows) and all(set(row) <= known and self._found(row) for row in rows)
        if not told:
            return None
        try:
            body = self.scribe.table([*rows, *self.strangers()])
        except Unwritable:
            return None
        return Drops(turns=(self.files(body, count=len(rows) + STRANGERS),))

    def _apart(self, rows: Sequence[Row]) -> bool:
        """Has every row an identity, and one of its own?"""
        named = [tuple(str(row.get(n) or "").strip() for n in self.ask.identity) for row in rows]
        return not self.ask.identity or (len(set(named)) == len(named) and all(map(all, named)))

    def _found(self, row: Row) -> bool:
        """Is this row what the sample's question finds?"""
        for column, terms in zip(key_columns(self.ask), self.ask.key.values(), strict=True):
            wanted = leaf(leaf_of(terms))(self.call)
            try:
                if wanted is not None and column.norm(row.get(column.name) or "") != column.norm(
                    as_text(wanted)
                ):
                    return False
            except (Unreadable, AttributeError):
                return False
        return True


def cases(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """The cases about one resource's folder."""
    yield from _there(drop, made, unchanged)
    yield from _strange(drop, made, unchanged)
    yield from _turns(drop, made, unchanged)
    yield from _ages(drop, made, unchanged)
    yield from _controls(drop, made, unchanged)
    if drop.ask.changes:
        yield from _changes(drop, made, unchanged)


def once(*files: File, later: float = 0.0) -> Drops:
    """One drop, and one question."""
    return Drops(turns=(files,), later=later)


def _there(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """What is whole, and what is not yet."""
    whole = drop.files()
    data, *beside = whole
    yield made("drop/as-agreed", once(*whole), unchanged)
    yield made("drop/none", once(), NOTHING)
    yield made("drop/no-folder", Drops(turns=(None,)), NOTHING)
    yield made("drop/data-only", once(data), NOTHING)
    yield made("drop/without-data", once(*beside), NOTHING)
    for number, each in enumerate(beside, 1):
        left = [other for other in whole if other is not each]
        yield made(f"drop/without-{number}-beside", once(*left), NOTHING)
    half = replace(data, body=data.body[: len(data.body) // 2])
    yield made("drop/half-there", once(half, *beside[:-1]), NOTHING)
    yield made("drop/half-and-then-whole", Drops(turns=((half, *beside[:-1]), whole)), unchanged)
    yield made("drop/late-flag", Drops(turns=((data,), tuple(beside))), unchanged)
    yield made("drop/folder-comes-late", Drops(turns=(None, whole)), unchanged)
    if drop.connect.settle:
        yield made("drop/just-written", once(*whole, later=-2), NOTHING)


def _strange(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """What is no file, is another's, or is too much."""
    data, *beside = drop.files()
    for sort in (Sort.LINK, Sort.PIPE, Sort.FOLDER):
        changed = replace(data, sort=sort)
        yield made(f"drop/data-is-a-{sort}", once(changed, *beside), NOTHING)
    if drop.connect.control:
        for sort in (Sort.LINK, Sort.FOLDER):
            first = replace(beside[0], sort=sort)
            yield made(f"drop/control-is-a-{sort}", once(data, first, *beside[1:]), NOTHING)
    patterns = [each for each in (drop.ask.file, drop.ask.changes) if each]
    for what, name in (("another-name", "mianti-other.bin"), ("a-part", f".{data.name}.part")):
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            others = drop.files(name=name)
            yield made(f"drop/{what}", once(*others), NOTHING)
            yield made(f"drop/{what}-besides", once(*others, data, *beside), unchanged)
    limit = drop.connect.max_bytes
    yield made("drop/too-large", once(replace(data, size=limit + 1), *beside), refused("too-large"))


def _turns(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """One drop after another: the newest good one counts."""
    whole, before = drop.files(), drop.moment - DAY
    others = drop.strangers(moment=before)
    old = drop.files(drop.scribe.table(others), count=len(others), moment=before)
    yield made("drop/newer-takes-over", Drops(turns=(old, whole)), unchanged)
    yield made("drop/sent-again", Drops(turns=(whole, whole)), unchanged)
    yield made("drop/gone-afterwards", Drops(turns=(whole, ())), unchanged)
    if old[0].name != whole[0].name:
        yield made("drop/older-comes-late", Drops(turns=(whole, old)), unchanged)
        yield made("drop/both-at-once", once(*old, *whole), unchanged)
    garbage = drop.files(b"\x00\xff\xfe" * 50, count=1, moment=drop.moment + DAY)
    mended = replace(unchanged, quarantined="any")
    yield made("drop/garbage-afterwards", Drops(turns=(whole, garbage)), mended)
    if garbage[0].name != whole[0].name:
        yield made("drop/garbage-besides", once(*garbage, *whole), mended)


def _ages(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """How old data is told from no data."""
    limit = drop.connect.max_age
    late = unchanged
    if limit is not None and drop.connect.too_old == "refuse":
        late = FAILED
    if limit is not None:
        yield made("age/just-too-old", once(*drop.files(), later=limit + 1), late)
        yield made("age/just-in-time", once(*drop.files(), later=max(0, limit - 86_400)), unchanged)
    yield made("age/ten-years", once(*drop.files(), later=3_650 * 86_400.0), late)
    as_of = drop.connect.as_of
    if as_of and as_of.where == "name":
        undated = drop.ask.file.replace("*", "x").replace("?", "x")
        yield made("age/no-date-in-the-name", once(*drop.files(name=undated)), refused("as-of"))


def _controls(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """What the control file says, and what it is."""
    terms = drop.connect.control
    if terms is None:
        return
    data, table, rows = drop.name, drop.table(), len(drop.rows) + STRANGERS

    def other(what: str, body: bytes, expect: Expect) -> Case:
        return made(f"control/{what}", once(*drop.files(control=body)), expect)

    def says(name: str = data, body: bytes = table, count: int = rows) -> bytes:
        return drop.scribe.control(terms, name, body, count, drop.moment)

    bodies: dict[str, bytes] = {
        "empty": b"", "blank": b" \r\n\r\n", "binary": bytes(range(256)), "half-a-letter": b"\xe4\xb8",
        "too-large": says() + b" " * 70_000 + b"\n" * 2000,
    }  # fmt: skip
    for what, body in bodies.items():
        yield other(what, body, refused("control"))
    marked = b"\xef\xbb\xbf" + says()
    yield other("byte-order-mark", marked, unchanged)
    yield other("windows-lines", says().replace(b"\n", b"\r\n"), unchanged)
    if terms.count:
        yield other("a-row-more", says(count=rows + 1), refused("count"))
        yield other("a-row-less", says(count=rows - 1), refused("count"))
        yield other("no-row", says(count=0), refused("count"))
        yield other("below-nothing", says(count=-1), refused("control"))
        yield other("endless", says(count=10**30), refused("control"))
    if terms.digest:
        yield other("digest-of-another", says(body=table + b" "), refused("digest"))
        capitals = re.sub(rb"[0-9a-f]{32,}", lambda found: found[0].upper(), says())
        yield other("digest-in-capitals", capitals, unchanged)
    if terms.file:
        yield other("another-file", says(name=f"x{data}"), refused("control-file"))


def _changes(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """Files of changes on top of one of everything."""
    whole, after = drop.files(), drop.moment + DAY

    def change(
        rows: Sequence[Row], moment: datetime = after, table: bytes | None = None
    ) -> tuple[File, ...]:
        body = drop.scribe.table(rows, changes=True) if table is None else table
        name = drop.scribe.name(moment, changes=True)
        return drop.files(body, count=len(rows), moment=moment, name=name)

    (stranger,) = drop.strangers(1, after)
    yield made("changes/of-another", Drops(turns=(whole, change([stranger]))), unchanged)
    yield made("changes/with-everything", once(*whole, *change([stranger])), unchanged)
    yield made("changes/alone", once(*change([stranger])), NOTHING)
    yield made("changes/none-in-it", Drops(turns=(whole, change([]))), unchanged)
    before = change([stranger], drop.moment - DAY)
    yield made("changes/older-than-everything", Drops(turns=(whole, before)), unchanged)
    broken = change([stranger], table=b"\x00\xff\xfe" * 50)
    spoiled = replace(unchanged, quarantined="any")
    yield made("changes/garbage", Drops(turns=(whole, broken)), spoiled)
    terms = drop.ask.operation
    if terms is None:
        return
    upsert = [{**row, terms.column: terms.upsert[0]} for row in drop.rows]
    yield made("changes/the-same-again", Drops(turns=(whole, change(upsert))), unchanged)
    if terms.delete:
        gone = [{**row, terms.column: terms.delete[0]} for row in drop.rows]
        yield made("changes/deleted", Drops(turns=(whole, change(gone))), NO_RECORD)
        back = change(upsert, after + DAY)
        yield made("changes/deleted-and-back", Drops(turns=(whole, change(gone), back)), unchanged)
        held = Drops(turns=(whole, broken, change(gone, after + DAY)))
        yield made("changes/behind-a-refused-one", held, spoiled)
    unknown = [{**row, terms.column: "??"} for row in drop.rows]
    yield made("changes/unknown-operation", Drops(turns=(whole, change(unknown))), spoiled)
