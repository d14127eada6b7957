"""From whole drops to an index: the newest file of everything, and changes on top of it in order.

A file is taken as a whole or not at all. What is wrong with the whole file sends it to quarantine and
leaves the index as it was; rows that cannot be used are reported beside the file and left out, up
to a share. A file of changes that was refused stops those after it: a missed deletion would be an
answer that is wrong and looks right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import BinaryIO

from adapters import paths
from adapters.converters import Converter, Form, Unreadable, converter, moment_of
from adapters.errors import AdapterError
from adapters.files.drops import MAX_ERRORS, NEVER, Changed, Drop, DropFolder
from adapters.files.index import Head, Index, Writer, terms_digest
from adapters.files.tables import BadRow, Layout, Row, Rows, Unusable, read_text, read_xml
from adapters.files.terms import FilesAsk, FilesConnect, KeyTerms, leaf_of
from adapters.files.workbooks import read_workbook

_CHUNK = 1024 * 1024
_LOOK = 1000
"""Rows between two looks at whether to go on."""

READERS: Mapping[str, Callable[[BinaryIO, Layout], Rows]] = {
    "csv": read_text, "fixed": read_text, "xml": read_xml, "xlsx": read_workbook,
}  # fmt: skip


class Stopped(AdapterError):
    """The source is being closed."""

    code = "adapters.files-stopped"
    origin = "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyColumn:
    """A column by which rows are found or narrowed."""

    name: str
    needed: bool
    """True: part of the index's key; False: rows are narrowed by it."""
    read: Converter | None
    rule: str

    def norm(self, value: str) -> str:
        """The form in which values of this column are compared.

        Raises:
            Unreadable: It is not of the kind the manifest says.
        """
        found = self.read(value) if self.read else value.strip()
        return "" if found is None else str(found).upper()


def key_columns(ask: FilesAsk) -> tuple[KeyColumn, ...]:
    """The key columns in the manifest's order."""
    return tuple(
        KeyColumn(
            name=name,
            needed=str(leaf_of(terms)).startswith("keys."),
            read=converter(terms.as_) if isinstance(terms, KeyTerms) else None,
            rule=str(terms.as_) if isinstance(terms, KeyTerms) else "key",
        )
        for name, terms in ask.key.items()
    )


class Shape:
    """What is taken from a row, settled once for each resource and sort of file."""

    def __init__(self, connect: FilesConnect, ask: FilesAsk, *, changes: bool) -> None:
        """Args:
        connect: How files are written.
        ask: Which columns are wanted.
        changes: Of a file of changes, or of one of everything (which says no operation)?
        """
        said = ask.operation.column if ask.operation else None
        self.kept = tuple(name for name in ask.names_of_columns if name != said)
        columns = ask.names_of_columns if changes or ask.numbers else self.kept
        self.layout = Layout(
            format=connect.format,
            charset=connect.charset,
            delimiter=connect.delimiter,
            quote=connect.quote,
            named=connect.header == "names" and connect.format in {"csv", "xlsx"},
            skip=connect.skip,
            columns=columns,
            numbers=tuple(ask.numbers.values()),
            sheet=ask.sheet,
            record=paths.compile_xml(ask.record, connect.namespaces) if ask.record else None,
            complete=not changes,
        )
        at = {name: index for index, name in enumerate(columns)}
        self.cells = tuple(at[name] for name in self.kept)
        self.keys = tuple((at[key.name], key) for key in key_columns(ask) if key.needed)
        self.identity = tuple(at[name] for name in ask.identity)
        self.operation = at[said] if said and changes else None
        self.upsert = frozenset(ask.operation.upsert if ask.operation else ())
        self.delete = frozenset(ask.operation.delete if ask.operation else ())
        as_of = connect.as_of if connect.as_of and connect.as_of.where == "column" else None
        self.as_of = at.get(as_of.at or "") if as_of else None
        self.forms = tuple(Form(form) for form in as_of.forms) if as_of else ()

    def judged(self, row: Row) -> BadRow | tuple[str, ...]:
        """The values of the row's key, or what is wrong with it."""
        found: list[str] = []
        for at, key in self.keys:
            try:
                value = key.norm(row.cells[at])
            except Unreadable:
                return BadRow(row.line, key.name, key.rule)
            if not value:
                return BadRow(row.line, key.name, "key-empty")
            found.append(value)
        if self.operation is not None:
            said = row.cells[self.operation]
            if said not in self.upsert and said not in self.delete:
                return BadRow(row.line, self.layout.columns[self.operation], "operation")
        if not all(row.cells[at] for at in self.identity):
            return BadRow(row.line, "", "identity-empty")
        return tuple(found)


@dataclass(slots=True)
class _Count:
    """What was met in one file."""

    rows: int = 0
    bad: int = 0
    shown: list[BadRow] = field(default_factory=list)
    as_of: datetime | None = None

    def note(self, bad: BadRow) -> None:
        """Count a bad row; only so many are kept for the report."""
        self.bad += 1
        if len(self.shown) < MAX_ERRORS:
            self.shown.append(bad)


class Intake:
    """Keeps the index of one resource up to date with its drop folder. Runs in a thread."""

    def __init__(
        self, *, folder: DropFolder, connect: FilesConnect, ask: FilesAsk, index: Index, seals: bool
    ) -> None:
        """Args:
        folder: Where drops come.
        connect: How files are written.
        ask: Which files and columns.
        index: What is kept up to date.
        seals: Part of what an index depends on: whether its rows are sealed.
        """
        self._folder, self._connect, self._ask, self._index = folder, connect, ask, index
        self._whole = Shape(connect, ask, changes=False)
        self._changes = Shape(connect, ask, changes=True)
        terms = ask.model_dump(mode="json") | {"sealed": seals}
        terms |= connect.model_dump(
            mode="json",
            include={"format", "charset", "delimiter", "quote", "header", "skip", "namespaces"},
        )
        self.terms = terms_digest(terms)
        self._stopped = Event()

    def stop(self) -> None:
        """End a refresh that is under way; the index stays as it is."""
        self._stopped.set()

    def head(self) -> Head | None:
        """What the index holds, if it was built by these terms."""
        head = self._index.head()
        return head if head and head.terms == self.terms else None

    def refresh(self) -> None:
        """Take in what is new.

        Raises:
            SourceUnavailable: `no-folder`.
            Stopped: The source is being closed.
        """
        with self._index.alone() as ours:
            if not ours:
                return
            head = self._taken_whole(self.head())
            if head and self._ask.changes:
                self._take_changes(head, self._ask.changes)

    # --- files of everything

    def _taken_whole(self, head: Head | None) -> Head | None:
        """Take the newest file of everything that can be used; the head as it is then."""
        for drop in reversed(self._folder.drops(self._ask.file)):
            if head and not self._newer(drop, head):
                break
            if taken := self._load(drop, None):
                return taken
        return head

    @staticmethod
    def _newer(drop: Drop, head: Head) -> bool:
        name = head.drops[0][0]
        # A time that stands in the rows is not known before they are read: names tell then.
        base = head.base if drop.as_of else None
        present = Drop(name=name, size=0, modified=0, as_of=base)
        if drop.name == name:
            return drop.identity != head.drops[0]
        return drop.order > present.order

    # --- files of changes

    def _take_changes(self, head: Head, pattern: str) -> None:
        taken = {identity[0]: identity for identity in head.drops[1:]}
        base = head.base or NEVER
        last = head.as_of or NEVER
        gaps = [drop.as_of for drop in self._folder.refused(pattern) if drop.as_of]
        for drop in self._folder.drops(pattern):
            at = drop.as_of or NEVER
            if drop.identity == taken.get(drop.name) or (at <= base and not drop.wrong):
                continue
            if drop.wrong or drop.name in taken or at < last:
                self._folder.quarantine(drop, drop.wrong or "out-of-order")
                return
            if any(last < gap < at for gap in gaps):
                return
            found = self._load(drop, head)
            if found is None:
                return
            head, last = found, at

    # --- one file

    def _load(self, drop: Drop, upon: Head | None) -> Head | None:
        """The head of the index with this drop in it; None where it could not be used (now)."""
        rule = drop.wrong
        count = _Count()
        try:
            if rule is None:
                return self._built(drop, upon, count)
        except Changed:
            return None
        except Unusable as error:
            rule = error.why
        if count.bad:
            self._folder.report(drop, count.shown, count.bad)
        self._folder.quarantine(drop, rule or "")
        return None

    def _built(self, drop: Drop, upon: Head | None, count: _Count) -> Head:
        shape = self._changes if upon else self._whole
        with self._index.built(upon=upon) as writer:
            with self._folder.opened(drop) as stream:
                self._check_digest(stream, drop)
                stream.seek(0)
                self._put(READERS[shape.layout.format](stream, shape.layout), shape, writer, count)
            if self._ask.identity and upon is None:
                for line in writer.twice():
                    count.note(BadRow(line, ",".join(self._ask.identity), "duplicate"))
            self._check_count(drop, count, upon)
            as_of = drop.as_of or count.as_of
            head = Head(
                terms=self.terms,
                columns=shape.kept,
                drops=(*(upon.drops if upon else ()), drop.identity),
                base=upon.base if upon else as_of,
                as_of=as_of,
            )
            writer.finish(head)
        if count.bad:
            self._folder.report(drop, count.shown, count.bad)
        return head

    def _put(self, rows: Rows, shape: Shape, writer: Writer, count: _Count) -> None:
        codec = writer.codec
        for row in rows:
            count.rows += 1
            if count.rows % _LOOK == 0 and self._stopped.wait(0.001):
                # The millisecond is for those who wait for the interpreter meanwhile.
                raise Stopped("stopped")
            if isinstance(row, BadRow):
                count.note(row)
                continue
            key = shape.judged(row)
            if isinstance(key, BadRow):
                count.note(key)
                continue
            identity = None
            if shape.identity:
                identity = codec.key([row.cells[at] for at in shape.identity])
            if identity and shape.layout.complete is False:
                writer.remove(identity)
            if shape.operation is not None and row.cells[shape.operation] in shape.delete:
                continue
            if shape.as_of is not None:
                self._note_time(row.cells[shape.as_of], shape.forms, count)
            body = codec.body([row.cells[at] for at in shape.cells])
            writer.add(codec.key(key), identity, row.line, body)

    @staticmethod
    def _note_time(cell: str, forms: tuple[Form, ...], count: _Count) -> None:
        try:
            moment = moment_of(cell, forms)
        except (Unreadable, OverflowError):
            return
        if moment:
            at = moment.astimezone(UTC)
            count.as_of = max(at, count.as_of or at)

    def _check_digest(self, stream: BinaryIO, drop: Drop) -> None:
        control = self._connect.control
        if drop.digest is None or control is None:
            return
        digest = hashlib.new(control.algorithm, usedforsecurity=False)
        while chunk := stream.read(_CHUNK):
            if self._stopped.is_set():
                raise Stopped("stopped")
            digest.update(chunk)
        if digest.hexdigest() != drop.digest:
            raise Unusable("digest")

    def _check_count(self, drop: Drop, count: _Count, upon: Head | None) -> None:
        if drop.count is not None and drop.count != count.rows:
            raise Unusable("count")
        if count.rows == 0 and upon is None and drop.count is None:
            raise Unusable("empty")  # nobody says that nothing is what was meant
        if count.bad > count.rows * self._connect.bad_rows:
            raise Unusable("too-many-bad-rows")
