"""The rows of a source's files, found by key: one SQLite file a resource.

An index is built beside the one in use and put in its place when it is whole, so a reader has the
old one or the new one and never half of either. It can be made again from the files, so nothing in
it is durable on purpose; it is readable by us alone. Keys are blinded by HMAC under a key of the
index's own; rows, and that key, are sealed where the surroundings offer it (`ports.Sealer`).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Literal

from adapters.errors import SourceAnswerInvalid, SourceUnavailable
from adapters.ports import Sealer

_SCHEMA = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE rows(key BLOB NOT NULL, identity BLOB, line INTEGER NOT NULL, body BLOB NOT NULL);
"""
_BLIND = 16
BATCH = 2000
LOOKUP = "SELECT body FROM rows WHERE key = ? ORDER BY rowid LIMIT ?"

DropIdentity = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What an index holds."""

    terms: str
    """Digest of the part of the manifest it was built by; under another one it is of no use."""
    columns: tuple[str, ...]
    drops: tuple[DropIdentity, ...]
    """The file of everything, and the files of changes on top of it."""
    base: datetime | None
    """as_of of the file of everything."""
    as_of: datetime | None
    """as_of of the last one."""

    def written(self) -> str:
        """As text."""
        parts = {
            "terms": self.terms, "columns": self.columns, "drops": self.drops,
            "base": self.base.isoformat() if self.base else None,
            "as_of": self.as_of.isoformat() if self.as_of else None,
        }  # fmt: skip
        return json.dumps(parts, ensure_ascii=False)

    @classmethod
    def read(cls, written: str) -> Head:
        """From text."""
        parts = json.loads(written)
        return cls(
            terms=parts["terms"],
            columns=tuple(parts["columns"]),
            drops=tuple((str(name), int(size), int(at)) for name, size, at in parts["drops"]),
            base=datetime.fromisoformat(parts["base"]) if parts["base"] else None,
            as_of=datetime.fromisoformat(parts["as_of"]) if parts["as_of"] else None,
        )


class Unsealed:
    """No sealing: the rows are as open as the files they come from."""

    def seal(self, place: str, text: str) -> bytes:  # noqa: ARG002 -- the port has it
        """See `ports.Sealer`."""
        return text.encode()

    def unseal(self, place: str, sealed: bytes) -> str:  # noqa: ARG002 -- as above
        """See `ports.Sealer`."""
        return sealed.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How keys and rows are written in an index."""

    blind: bytes
    place: str
    sealer: Sealer

    def key(self, values: Sequence[str]) -> bytes:
        """Blinded: what it was cannot be tried out without the index's own key."""
        return hmac.digest(self.blind, "\x1f".join(values).encode(), "sha256")[:_BLIND]

    def body(self, cells: Sequence[str]) -> bytes:
        """A row's cells."""
        return self.sealer.seal(self.place, json.dumps(cells, ensure_ascii=False))

    def cells(self, body: bytes) -> list[str]:
        """The cells again."""
        found: list[str] = json.loads(self.sealer.unseal(self.place, body))
        return found


class Writer:
    """An index that is being built."""

    def __init__(self, database: sqlite3.Connection, codec: Codec) -> None:
        self.codec = codec
        self._database = database
        self._waiting: list[tuple[bytes, bytes | None, int, bytes]] = []

    def add(self, key: bytes, identity: bytes | None, line: int, body: bytes) -> None:
        """Add a row."""
        self._waiting.append((key, identity, line, body))
        if len(self._waiting) >= BATCH:
            self._flush()

    def remove(self, identity: bytes) -> None:
        """Take out the row that has that identity, if it is there."""
        self._flush()
        self._database.execute("DELETE FROM rows WHERE identity = ?", (identity,))

    def twice(self) -> list[int]:
        """Take out rows whose identity an earlier row has; the lines on which they stand."""
        self._flush()
        self._find_by("identity")
        found = self._database.execute(
            "SELECT rows.rowid, line FROM rows JOIN (SELECT identity AS twice, min(rowid) AS first"
            " FROM rows WHERE identity IS NOT NULL GROUP BY identity HAVING count(*) > 1)"
            " ON identity = twice AND rows.rowid > first ORDER BY rows.rowid"
        ).fetchall()
        self._database.executemany("DELETE FROM rows WHERE rowid = ?", [(row,) for row, _ in found])
        return [line for _, line in found]

    def finish(self, head: Head) -> None:
        """Write what is left, the ways to find a row, and what the index holds."""
        self._flush()
        self._find_by("key")
        self._find_by("identity")
        self._database.execute("REPLACE INTO meta VALUES ('head', ?)", (head.written(),))

    def _find_by(self, column: Literal["key", "identity"]) -> None:
        self._database.execute(f"CREATE INDEX IF NOT EXISTS by_{column} ON rows({column})")

    def _flush(self) -> None:
        self._database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", self._waiting)
        self._waiting.clear()


class Index:
    """The index of one resource: read by many threads, rebuilt by one process at a time."""

    def __init__(self, path: Path, sealer: Sealer, place: str) -> None:
        """Args:
        path: Its file.
        sealer: Seals rows.
        place: Bound into what is sealed.
        """
        self._path, self._sealer, self._place = path, sealer, place
        self._opened: _Opened | None = None

    def head(self) -> Head | None:
        """What it holds; None where there is none, or none that can be read."""
        opened = self._current()
        return opened.head if opened else None

    def rows(self, values: Sequence[str], most: int) -> tuple[Head, list[dict[str, str]]]:
        """The rows whose key columns hold `values`, at most one over `most`.

        Raises:
            SourceUnavailable: `no-data`: there is no index.
            SourceAnswerInvalid: `index`: it is damaged.
        """
        opened = self._current()
        if opened is None:
            raise SourceUnavailable("no-data")
        try:
            return opened.head, opened.rows(values, most)
        except (sqlite3.Error, ValueError):
            self.close()
            raise SourceAnswerInvalid("index") from None

    def close(self) -> None:
        """Let go of the file."""
        opened, self._opened = self._opened, None
        if opened:
            opened.close()

    def _current(self) -> _Opened | None:
        """The index that stands there now; another process may have put it there."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        opened = self._opened
        if opened is None or opened.stamp != stamp:
            try:
                opened = _Opened(self._path, stamp, self._sealer, self._place)
            except (sqlite3.Error, ValueError, KeyError, TypeError):
                return None
            previous, self._opened = self._opened, opened
            if previous:
                previous.close()
        return opened

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """False: another process on this machine is building this index."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(lock)

    @contextmanager
    def built(self, *, upon: Head | None) -> Iterator[Writer]:
        """A writer; the new index takes the old one's place when the block ends well.

        Args:
            upon: What the present index holds, to go on from it; None: begin anew.
        """
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            if upon is not None:
                shutil.copyfile(self._path, part)
            with closing(_connection(part)) as database:
                yield Writer(database, self._codec(database, upon))
                database.execute("COMMIT")
            _synced(part)
            part.replace(self._path)
            _synced(self._path.parent)
        finally:
            part.unlink(missing_ok=True)

    def _codec(self, database: sqlite3.Connection, upon: Head | None) -> Codec:
        if upon is None:
            database.executescript(_SCHEMA)
        database.execute("BEGIN")
        if upon is not None:
            return _codec_in(database, self._sealer, self._place)
        blind = secrets.token_bytes(32)
        sealed = self._sealer.seal(self._place, blind.hex())
        database.execute("INSERT INTO meta VALUES ('blind', ?)", (sealed,))
        return Codec(blind=blind, place=self._place, sealer=self._sealer)


def _connection(path: Path) -> sqlite3.Connection:
    """For building: a crash leaves a file that nobody reads, so nothing is journalled."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16384", "temp_store=FILE",
                   "secure_delete=ON"):  # fmt: skip
        database.execute(f"PRAGMA {pragma}")
    return database


def _codec_in(database: sqlite3.Connection, sealer: Sealer, place: str) -> Codec:
    (sealed,) = database.execute("SELECT value FROM meta WHERE name = 'blind'").fetchone()
    return Codec(blind=bytes.fromhex(sealer.unseal(place, sealed)), place=place, sealer=sealer)


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Opened:
    """One generation of an index, open for reading. Its file never changes: it is replaced."""

    def __init__(self, path: Path, stamp: tuple[int, int, int], sealer: Sealer, place: str) -> None:
        self.stamp = stamp
        self._uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._closed = False
        database = self._connected()
        try:
            (written,) = database.execute("SELECT value FROM meta WHERE name='head'").fetchone()
            self.head = Head.read(written)
            self._codec = _codec_in(database, sealer, place)
        finally:
            self._give_back(database)

    def rows(self, values: Sequence[str], most: int) -> list[dict[str, str]]:
        """See `Index.rows`."""
        key, columns = self._codec.key(values), self.head.columns
        try:
            database = self._idle.get_nowait()
        except Empty:
            database = self._connected()
        try:
            found = database.execute(LOOKUP, (key, most + 1)).fetchall()
        finally:
            self._give_back(database)
        cells = self._codec.cells
        return [dict(zip(columns, cells(body), strict=True)) for (body,) in found]

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=4
        )

    def _give_back(self, database: sqlite3.Connection) -> None:
        if self._closed:
            database.close()
        else:
            self._idle.put(database)

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        self._closed = True
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()


def terms_digest(parts: Mapping[str, object]) -> str:
    """Of what an index depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
