"""The kind `files`: asks the index, and sees to it that the index is looked after.

A question never waits for a file to be read, except the first one of all: it is answered from the
index that stands, while one refresh at a time goes on behind it. Refreshes are started by
questions, at most every `connect.every`.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import anyio
import anyio.to_thread

from adapters import asking, manifest, paths, tracing
from adapters.converters import Unreadable
from adapters.errors import (
    AdapterError,
    SourceAnswerInvalid,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.files import sftp
from adapters.files.drops import DropFolder
from adapters.files.index import Index, Unsealed
from adapters.files.intake import Intake, KeyColumn, Stopped, key_columns
from adapters.files.tables import MAX_LINE
from adapters.files.terms import FilesAsk, FilesConnect, leaf_of
from adapters.kinds import Opening
from adapters.located import At
from adapters.manifest import Answer, Finding
from adapters.model import RawReply, SourceCall, Transport
from adapters.paths import PathRefused

THREADS = 4
"""Questions to one source that look into its indexes at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    """How one resource is found."""

    pattern: str
    """Of its files, as a trace shows them."""
    named: Callable[[SourceCall], Mapping[str, str]]
    """What is looked for, by column, as a trace shows it."""
    index: Index
    intake: Intake
    keys: tuple[tuple[KeyColumn, asking.Resolver], ...]
    max_rows: int

    def wanted(self, call: SourceCall) -> tuple[list[str], list[tuple[str, KeyColumn, str]]] | None:
        """The index's key, and (column, how to compare, value) by which rows are narrowed; None
        where a value is not of its column's kind, so that no row can have it.
        """
        key: list[str] = []
        narrowed: list[tuple[str, KeyColumn, str]] = []
        for column, resolve in self.keys:
            value = resolve(call)
            if value is None:
                continue
            try:
                norm = column.norm(asking.as_text(value))
            except Unreadable:
                return None
            if column.needed:
                key.append(norm)
            else:
                narrowed.append((column.name, column, norm))
        return key, narrowed


class FilesTransport:
    """Asks the files of one drop folder."""

    Connect: ClassVar[type[manifest.Connect]] = FilesConnect
    Ask: ClassVar[type[manifest.Ask]] = FilesAsk
    expires_at: datetime | None = None
    """SFTP knows us by a password or a bare key, and neither says when it ends."""

    def __init__(self, opening: Opening) -> None:
        self._connect: FilesConnect = opening.connect
        self._now = opening.now
        self._own: tempfile.TemporaryDirectory[str] | None = None
        base = opening.surroundings.data_dir
        if base is None:
            self._own = tempfile.TemporaryDirectory(prefix="mianti-files-")
            base = Path(self._own.name)
        county = opening.folder.parent.name
        folder = DropFolder(self._connect, opening.now)
        sealer = opening.surroundings.sealer
        self._resources: dict[str, _Resource] = {}
        for name, ask in opening.asks.items():
            path = base / "files" / county / opening.source / f"{name}.sqlite3"
            place = f"{county}/{opening.source}/{name}"
            index = Index(path, sealer or Unsealed(), place)
            intake = Intake(
                folder=folder, connect=self._connect, ask=ask, index=index,
                seals=sealer is not None,
            )  # fmt: skip
            leaves = [asking.leaf(leaf_of(terms)) for terms in ask.key.values()]
            self._resources[name] = _Resource(
                pattern=ask.file,
                named=asking.row({name: leaf_of(terms) for name, terms in ask.key.items()}),
                index=index, intake=intake, max_rows=ask.max_rows,
                keys=tuple(zip(key_columns(ask), leaves, strict=True)),
            )  # fmt: skip
        self._patterns = tuple(p for a in opening.asks.values() for p in (a.file, a.changes) if p)
        self._networks = opening.surroundings.allow_networks
        self._threads = anyio.CapacityLimiter(THREADS)
        self._refresh: asyncio.Task[None] | None = None
        self._fetching: anyio.CancelScope | None = None
        self._looked: float | None = None
        self._wrong: AdapterError | None = None

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        """What the grammar alone cannot see: columns, paths, and what goes together."""
        connect: FilesConnect = opening.connect
        yield from _connect_findings(connect)
        for resource, ask in opening.asks.items():
            at: At = ("resources", resource)
            yield from _ask_findings((*at, "ask"), connect, ask)
            yield from _answer_findings((*at, "answer"), ask, opening.answers[resource])

    @classmethod
    def played(cls, opening: Opening, resource: str, reply: RawReply) -> Transport:
        """The transport over a folder of its own, in which the rows of `reply` were dropped; see
        `adapters.rehearsal`.
        """
        from adapters.files.playing import Played  # noqa: PLC0415 -- for rehearsals only

        return Played(opening, resource, reply)

    async def look(self) -> None:
        """Look into the folder now, and wait until what is new is taken in."""
        await self._refresh_ended()
        self._looked = None
        self._look()
        await self._refresh_ended()

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """Ask; see `adapters.model.Transport`."""
        resource = self._resources[call.resource]
        wanted = resource.wanted(call)
        if (trace := tracing.current()) is not None:
            trace.sent(
                tracing.Sent(method="FIND", address=resource.pattern, query=resource.named(call))
            )
        try:
            with anyio.fail_after(within):
                self._look()
                found = await self._in_thread(partial(self._found, resource, wanted))
                if found is None:
                    await self._refresh_ended()
                    found = await self._in_thread(partial(self._found, resource, wanted))
        except TimeoutError:
            loading = self._refresh is not None and not self._refresh.done()
            raise SourceTimedOut("loading" if loading else "timed-out") from None
        if found is None:
            raise self._wrong or SourceUnavailable("no-data")
        as_of, rows = found
        self._check_age(as_of)
        if len(rows) > resource.max_rows:
            raise SourceAnswerInvalid("too-many-rows")
        return RawReply(rows=rows, as_of=as_of)

    async def aclose(self) -> None:
        """Stop a refresh, wait for it, and close the indexes."""
        for resource in self._resources.values():
            resource.intake.stop()
        if self._refresh is not None:
            if self._fetching is not None:
                self._fetching.cancel()  # a server that says nothing is not waited for
            with suppress(asyncio.CancelledError):
                await self._refresh
        for resource in self._resources.values():
            resource.index.close()
        if self._own is not None:
            self._own.cleanup()

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)

    @staticmethod
    def _found(
        resource: _Resource, wanted: tuple[list[str], list[tuple[str, KeyColumn, str]]] | None
    ) -> tuple[datetime | None, list[dict[str, str]]] | None:
        """In a thread: the rows and their time; None where there is no index yet."""
        head = resource.intake.head()
        if head is None:
            return None
        if wanted is None:
            return head.as_of, []
        key, narrowed = wanted
        head, rows = resource.index.rows(key, resource.max_rows)
        for name, column, value in narrowed:
            rows = [row for row in rows if _same(column, row[name], value)]
        return head.as_of, rows

    def _check_age(self, as_of: datetime | None) -> None:
        limit = self._connect.max_age
        if limit is None or self._connect.too_old == "label":
            return
        if as_of is None or (self._now() - as_of).total_seconds() > limit:
            raise SourceAnswerInvalid("too-old")

    # --- keeping the index up to date

    def _look(self) -> None:
        """Start a refresh when it is time and none is under way."""
        now = time.monotonic()
        under_way = self._refresh is not None and not self._refresh.done()
        due = self._looked is None or now - self._looked >= self._connect.every
        if due and not under_way:
            self._looked = now
            self._refresh = asyncio.get_running_loop().create_task(self._refreshed())

    async def _refresh_ended(self) -> None:
        if self._refresh is not None:
            await asyncio.shield(self._refresh)

    async def _refreshed(self) -> None:
        """Fetch, and take in what is new. What goes wrong is told by answers while there is no
        index; while there is one, its as_of tells how long it has gone wrong.
        """
        self._wrong = None
        if self._connect.sftp is not None:
            try:
                with anyio.CancelScope() as self._fetching:
                    await sftp.fetch_new(
                        self._connect, self._connect.sftp, self._patterns, self._networks
                    )
            except AdapterError as error:
                self._wrong = error  # what was fetched before can still be taken in
        for resource in self._resources.values():
            try:
                await anyio.to_thread.run_sync(resource.intake.refresh)
            except Stopped:
                return
            except AdapterError as error:
                self._wrong = error
            except Exception:  # noqa: BLE001 -- a full disk or a bug must not end the looking
                self._wrong = SourceUnavailable("refresh")


def _same(column: KeyColumn, cell: str, value: str) -> bool:
    try:
        return column.norm(cell) == value
    except Unreadable:
        return False


# --- findings ---------------------------------------------------------------------------------


def _connect_findings(connect: FilesConnect) -> Iterator[Finding]:
    if connect.sftp is not None and not sftp.installed():
        yield Finding(at=("connect", "sftp"), rule="missing-driver", found="asyncssh is not installed",
                      expected="the extra: pip install mianti[sftp]")  # fmt: skip
    control = connect.control
    named = {} if control is None else {
        name: getattr(control, name) for name in ("file", "count", "digest")
    }  # fmt: skip
    for name, path in named.items():
        yield from _path_findings(("connect", "control", name), path)
    if connect.as_of is not None and connect.as_of.where == "control":
        yield from _path_findings(("connect", "as_of", "at"), connect.as_of.at)


def _path_findings(at: At, path: str | None) -> Iterator[Finding]:
    if path is None:
        return
    try:
        paths.compile_json(path)
    except PathRefused as error:
        yield Finding(at=at, rule="path", found=repr(path[:60]), expected=str(error))


def _ask_findings(at: At, connect: FilesConnect, ask: FilesAsk) -> Iterator[Finding]:
    yield from _format_findings(at, connect, ask)
    columns = set(ask.columns)
    for where, name in ask.used():
        if name not in columns:
            yield Finding(at=(*at, where), rule="column", found=f"{name!r} is not in columns",
                          expected="a column of this section")  # fmt: skip
    as_of = connect.as_of
    if as_of is not None and as_of.where == "column" and as_of.at not in columns:
        yield Finding(at=("connect", "as_of"), rule="column", found=f"{as_of.at!r} is not in columns",
                      expected="a column of each resource")  # fmt: skip
    if ask.operation and ask.operation.column in {*ask.key, *ask.identity}:
        yield Finding(at=(*at, "operation"), rule="column", found="it is a key as well",
                      expected="a column of its own")  # fmt: skip
    if ask.changes and (not ask.identity or as_of is None or as_of.where == "column"):
        yield Finding(at=(*at, "changes"), rule="changes", found="no identity, or no as_of of a file",
                      expected="identity, and connect.as_of from name or control")  # fmt: skip
    if ask.operation and not ask.changes:
        yield Finding(at=(*at, "operation"), rule="changes", found="operation without changes",
                      expected="changes, or no operation")  # fmt: skip


def _format_findings(at: At, connect: FilesConnect, ask: FilesAsk) -> Iterator[Finding]:
    named = connect.format == "xml" or (connect.format != "fixed" and connect.header == "names")
    if named == isinstance(ask.columns, dict):
        expected = "a list of names" if named else "name: width" if connect.format == "fixed" else (
            "name: position"
        )  # fmt: skip
        yield Finding(at=(*at, "columns"), rule="columns", found=f"not what {connect.format} needs",
                      expected=expected)  # fmt: skip
    if (
        connect.format == "fixed"
        and isinstance(ask.columns, dict)
        and sum(ask.columns.values()) > MAX_LINE
    ):
        yield Finding(at=(*at, "columns"), rule="columns", found="lines longer than are read",
                      expected=f"at most {MAX_LINE} bytes")  # fmt: skip
    if (connect.format == "xml") != (ask.record is not None):
        yield Finding(at=(*at, "record"), rule="record", found=f"format: {connect.format}",
                      expected="record with xml, and only there")  # fmt: skip
    if ask.sheet is not None and connect.format != "xlsx":
        yield Finding(at=(*at, "sheet"), rule="sheet", found=f"format: {connect.format}",
                      expected="sheet with xlsx only")  # fmt: skip
    if ask.record is not None:
        yield from _record_findings((*at, "record"), connect, ask.record)


def _record_findings(at: At, connect: FilesConnect, record: str) -> Iterator[Finding]:
    try:
        compiled = paths.compile_xml(record, connect.namespaces)
    except PathRefused as error:
        yield Finding(at=at, rule="path", found=repr(record[:60]), expected=str(error))
        return
    if not compiled.steps or compiled.attribute or any(index for _, index in compiled.steps):
        yield Finding(at=at, rule="path", found=repr(record[:60]),
                      expected="elements only, without positions")  # fmt: skip


_COLUMN = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)|"([^"\\]+)"')


def _answer_findings(at: At, ask: FilesAsk, answer: Answer) -> Iterator[Finding]:
    """A misspelt column would be “the record has no value”; here it is a complaint."""
    if answer.records != "rows" and answer.record is None:
        yield Finding(at=(*at, "records"), rule="records", found="another shape than rows",
                      expected="records: rows, or record: all-rows")  # fmt: skip
    said = ask.operation.column if ask.operation else None
    for name, terms in answer.fields.items():
        found = _COLUMN.fullmatch(terms.at or "")
        if terms.at is None or (found and (found[1] or found[2]) in set(ask.columns) - {said}):
            continue
        yield Finding(at=(*at, "fields", name, "at"), rule="column", found=repr(terms.at[:60]),
                      expected="a column of ask.columns")  # fmt: skip
