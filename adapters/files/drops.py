"""The drop folder: which drops are whole, and where what cannot be used goes.

A drop is a data file with the flag or control file that its department writes last; without them a
file is not touched. Nothing in the folder is trusted: links, pipes and folders are passed over,
files are opened by name in the folder's own descriptor and never followed anywhere.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

from adapters import paths
from adapters.converters import Form, Unreadable, moment_of, text
from adapters.documents import decode, parse_json
from adapters.errors import AdapterError, SourceUnavailable
from adapters.files.tables import BadRow, Unusable
from adapters.files.terms import ControlTerms, FileAsOf, FilesConnect

QUARANTINE = "quarantine"
ERRORS = ".errors.csv"
REASON = ".reason.txt"
MAX_CONTROL = 64 * 1024
MAX_FILES = 100_000
MAX_ERRORS = 10_000
"""Lines of a row error file; a count follows for the rest."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)

REASONS = {
    "digest": "摘要与控制文件不符 the digest is not that of the control file",
    "count": "行数与控制文件不符 the number of rows is not that of the control file",
    "control": "控制文件无法读取 the control file cannot be read",
    "control-file": "控制文件写的是另一个文件名 the control file names another file",
    "as-of": "读不出数据截至时间 it does not say when the data stood so",
    "too-large": "文件过大 the file is too large",
    "too-many-bad-rows": "坏行超过限度 too many unusable rows",
    "empty": "没有一行数据 there is no row in it",
    "out-of-order": "比已装入的变更更早 it is older than changes already applied",
    "encoding": "字符集不符 it is in another charset",
    "column-missing": "缺少约定的列 a column that was agreed on is missing",
    "column-twice": "列名重复 a column is there twice",
    "zip-bomb": "解压后过大 it is too large when unpacked",
    "xml-doctype": "XML 带文档类型 the XML has a document type",
}
"""In words for people; other rules speak for themselves."""


class Changed(AdapterError):
    """The file changed while it was read: whoever writes it is not done."""

    code = "adapters.file-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A whole drop."""

    name: str
    """Of the data file."""
    size: int
    modified: int
    """Nanoseconds, as the file system has them."""
    as_of: datetime | None
    """From the name or the control file."""
    count: int | None = None
    digest: str | None = None
    wrong: str | None = None
    """The rule that its control file or name breaks; such a drop is not read."""

    @property
    def order(self) -> tuple[datetime, list[tuple[int, str]]]:
        """Drops follow each other by the time of their data, then by name, numbers as numbers."""
        parts = re.findall(r"\d+|\D+", self.name)
        return self.as_of or NEVER, [
            (int(part), "") if part.isdecimal() else (0, part) for part in parts
        ]

    @property
    def written(self) -> datetime:
        """When the file was last written."""
        return datetime.fromtimestamp(self.modified / 1e9, UTC)

    @property
    def identity(self) -> tuple[str, int, int]:
        """What tells this file from another of the same name."""
        return self.name, self.size, self.modified


class DropFolder:
    """One drop folder, seen through the terms of its manifest."""

    def __init__(self, connect: FilesConnect, now: Callable[[], datetime]) -> None:
        self._path, self._connect, self._now = Path(connect.folder), connect, now
        self._control = _control_reader(connect.control) if connect.control else None
        self._as_of = _as_of_reader(connect.as_of)
        self._useless: list[Drop] = []
        """Drops that could not be moved away; they are not read again."""

    def drops(self, pattern: str) -> list[Drop]:
        """The whole drops that `pattern` names, in their order.

        Raises:
            SourceUnavailable: `no-folder`: it is not there.
        """
        with self._opened() as folder:
            names = _names(folder)
            found = [
                self._drop(folder, name, names)
                for name in names
                if fnmatchcase(name, pattern) and not name.endswith((ERRORS, REASON))
            ]
        useless = {each.identity for each in self._useless}
        drops = [
            each
            for each in found
            if each and each.identity not in useless and not self._unsettled(each)
        ]
        return sorted(drops, key=lambda drop: drop.order)

    def refused(self, pattern: str) -> list[Drop]:
        """The drops that `pattern` names and that were not used: in quarantine, or left in place
        because they cannot be moved. One that does not say its time has that of its file.
        """
        found = [each for each in self._useless if fnmatchcase(each.name, pattern)]
        with self._opened() as folder, suppress(OSError), _subfolder(folder) as inner:
            names = _names(inner)
            drops = (self._drop(inner, each, names) for each in names if fnmatchcase(each, pattern))
            found += [each for each in drops if each]
        return [each if each.as_of else replace(each, as_of=each.written) for each in found]

    @contextmanager
    def opened(self, drop: Drop) -> Iterator[BinaryIO]:
        """The data file, for as long as it stays as it was listed.

        Raises:
            Changed: It changed before or while it was read.
        """
        with self._opened() as folder, _open(folder, drop.name) as stream:
            if _identity(stream, drop.name) != drop.identity:
                raise Changed("changed")
            yield stream
            if _identity(stream, drop.name) != drop.identity:
                raise Changed("changed")

    def quarantine(self, drop: Drop, rule: str) -> None:
        """Move a drop with all that belongs to it into `quarantine/`, with a file that says why.
        Where that is not allowed, remember it and never read it again.
        """
        try:
            with self._opened() as folder, _subfolder(folder) as inner:
                suffix = _free(inner, drop.name)
                for name in (drop.name, *beside(self._connect, drop.name), drop.name + ERRORS):
                    with suppress(FileNotFoundError):
                        os.rename(name, name + suffix, src_dir_fd=folder, dst_dir_fd=inner)
                words = REASONS.get(rule, "")
                said = f"{rule}\n{words}\n{self._now().isoformat(timespec='seconds')}\n"
                _write(inner, drop.name + suffix + REASON, said.encode())
        except OSError:
            self._useless.append(drop)

    def report(self, drop: Drop, bad: Sequence[BadRow], total: int) -> None:
        """Write the row error file beside the data file: where and why, never what."""
        lines = ["line,column,rule"]
        lines += [f"{each.line},{harmless(each.column)},{each.rule}" for each in bad]
        if total > len(bad):
            lines.append(f",,and {total - len(bad)} more")
        body = "\r\n".join([*lines, ""]).encode("utf-8-sig")
        with suppress(OSError), self._opened() as folder:
            _write(folder, drop.name + ERRORS, body)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            raise SourceUnavailable("no-folder") from None
        try:
            yield folder
        finally:
            os.close(folder)

    def _unsettled(self, drop: Drop) -> bool:
        still = self._connect.settle
        return still is not None and (self._now() - drop.written).total_seconds() < still

    def _drop(self, folder: int, name: str, names: frozenset[str]) -> Drop | None:
        """The drop whose data file is `name`; None while it is not whole, or is no file."""
        others = beside(self._connect, name)
        if name in others or not set(others) <= names:
            return None
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode):
                return None
            control = self._controlled(folder, others[-1], name)
        except OSError:
            return None
        as_of = self._as_of(name, control.document)
        wrong = control.wrong
        if self._connect.as_of and self._connect.as_of.where != "column" and as_of is None:
            wrong = wrong or "as-of"
        if found.st_size > self._connect.max_bytes:
            wrong = wrong or "too-large"
        return Drop(
            name=name, size=found.st_size, modified=found.st_mtime_ns, as_of=as_of,
            count=control.count, digest=control.digest, wrong=wrong,
        )  # fmt: skip

    def _controlled(self, folder: int, control: str, name: str) -> _Control:
        """What the control file says; nothing where drops have none."""
        if self._control is None:
            return _Control()
        with _open(folder, control) as stream:
            body = stream.read(MAX_CONTROL + 1)
        return self._control(body, name)


def beside(connect: FilesConnect, name: str) -> tuple[str, ...]:
    """The names of the flag and the control file that belong to a data file."""
    patterns = [connect.flag] if connect.flag else []
    patterns += [connect.control.name] if connect.control else []
    stem = name.rpartition(".")[0] or name
    return tuple(each.format(file=name, stem=stem) for each in patterns)


# --- the control file -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Control:
    """What a control file says."""

    document: Any = None
    count: int | None = None
    digest: str | None = None
    wrong: str | None = None


def _control_reader(terms: ControlTerms) -> Callable[[bytes, str], _Control]:
    def path(at: str | None) -> paths.Getter:
        return paths.compile_json(at) if at else lambda _: None

    count, digest, file = path(terms.count), path(terms.digest), path(terms.file)

    def read(body: bytes, name: str) -> _Control:
        try:
            document = _document(body, terms)
            said = {each: text(get(document)) for each, get in
                    (("count", count), ("digest", digest), ("file", file))}  # fmt: skip
        except (AdapterError, Unreadable):
            return _Control(wrong="control")
        number = said["count"]
        lacking = (terms.count and not number) or (terms.digest and not said["digest"])
        if lacking or (number and not re.fullmatch(r"\d{1,12}", number)):
            return _Control(document=document, wrong="control")
        return _Control(
            document=document,
            count=int(number) if number else None,
            digest=said["digest"].lower() if said["digest"] else None,
            wrong="control-file" if terms.file and said["file"] != name else None,
        )

    return read


def _document(body: bytes, terms: ControlTerms) -> Any:
    if len(body) > MAX_CONTROL:
        raise Unusable("control")
    whole = decode(body, declared=None, overruled=None)
    match terms.format:
        case "json":
            return parse_json(whole)
        case "line":
            first = next((line for line in whole.splitlines() if line.strip()), "")
            return {"values": [part.strip() for part in first.split(terms.delimiter)]}
    pairs = (line.partition("=") for line in whole.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


AsOfReader = Callable[[str, Any], datetime | None]
"""(name of the data file, control document) → when its data stood so."""


def _as_of_reader(terms: FileAsOf | None) -> AsOfReader:
    if terms is None or terms.where == "column":
        return lambda *_: None
    forms = tuple(Form(form) for form in terms.forms)
    if terms.where == "name":
        # Digits beside it would belong to another number.
        shapes = [re.compile(rf"(?<!\d)(?:{form.pattern.pattern})(?!\d)") for form in forms]
        return lambda name, _: next(
            (moment for shape in shapes for found in shape.finditer(name)
             if (moment := _moment(found[0], forms))), None,
        )  # fmt: skip
    get = paths.compile_json(terms.at or "")
    return lambda _, document: _moment(get(document), forms)


def _moment(value: Any, forms: tuple[Form, ...]) -> datetime | None:
    try:
        moment = moment_of(value, forms)
        return moment.astimezone(UTC) if moment else None
    except (Unreadable, OverflowError):
        return None


# --- files ------------------------------------------------------------------------------------

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""Also in full width, which spreadsheets of this country take for the same."""


def harmless(cell: str) -> str:
    """A text as a CSV cell that no spreadsheet runs and that cannot break out of its cell."""
    guarded = f"'{cell}" if cell.startswith(_FORMULA) else cell
    return '"' + guarded.replace('"', '""') + '"' if re.search(r'[",\r\n]', guarded) else guarded


def _names(folder: int) -> frozenset[str]:
    with os.scandir(folder) as entries:
        found = (each.name for each in entries if each.is_file(follow_symlinks=False))
        return frozenset(name for _, name in zip(range(MAX_FILES), found, strict=False))


@contextmanager
def _open(folder: int, name: str) -> Iterator[BinaryIO]:
    """A regular file in the folder itself; a link or a pipe is an OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb", buffering=1024 * 1024) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(name)
        yield stream


def _identity(stream: BinaryIO, name: str) -> tuple[str, int, int]:
    found = os.fstat(stream.fileno())
    return name, found.st_size, found.st_mtime_ns


@contextmanager
def _subfolder(folder: int) -> Iterator[int]:
    """`quarantine/`, made where it is missing; a link of that name is an OSError."""
    with suppress(FileExistsError):
        os.mkdir(QUARANTINE, 0o700, dir_fd=folder)
    inner = os.open(QUARANTINE, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        yield inner
    finally:
        os.close(inner)


def _free(folder: int, name: str) -> str:
    """A suffix under which nothing lies there yet."""
    taken = _names(folder)
    return next(s for n in range(MAX_FILES) if name + (s := f"~{n}" if n else "") not in taken)


def _write(folder: int, name: str, body: bytes) -> None:
    """Write a file as a whole, in place of whatever has its name."""
    part = f".{name}.part"
    with suppress(FileNotFoundError):
        os.unlink(part, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o600, dir_fd=folder), "wb") as stream:
        stream.write(body)
    os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
