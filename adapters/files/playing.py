"""A recorded answer of the kind `files`, played: its rows are dropped, taken in and looked up."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from adapters.errors import SourceAnswerInvalid
from adapters.files.transport import FilesTransport
from adapters.files.writing import Scribe, Unwritable
from adapters.kinds import Now, Opening
from adapters.model import RawReply, SourceCall
from adapters.ports import Surroundings

STRANGERS = 3
"""Rows about others that are dropped with those of the answer."""


class Sort(StrEnum):
    """What may lie in a drop folder."""

    FILE = "file"
    LINK = "link"
    """To a file elsewhere."""
    PIPE = "pipe"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something in a drop folder."""

    name: str
    body: bytes = field(default=b"", repr=False)
    size: int | None = None
    """As large as that, of which what is behind the body is nothing (a sparse file)."""
    sort: Sort = Sort.FILE


def lay(folder: Path, files: Iterable[File], moment: datetime) -> None:
    """Put files into a folder, in that order, as if at that moment."""
    for each in files:
        path = folder / each.name
        match each.sort:
            case Sort.LINK:
                elsewhere = folder.parent / f"elsewhere-{each.name}"
                elsewhere.write_bytes(each.body)
                path.symlink_to(elsewhere)
                continue
            case Sort.PIPE:
                os.mkfifo(path)
            case Sort.FOLDER:
                path.mkdir()
            case Sort.FILE:
                path.write_bytes(each.body)
        if each.size is not None:
            os.truncate(path, each.size)
        os.utime(path, (moment.timestamp(), moment.timestamp()))


def settled(opening: Opening, moment: datetime) -> datetime:
    """When what was dropped at that moment may be read."""
    return moment + timedelta(seconds=(opening.connect.settle or 0) + 1)


def over(opening: Opening, resource: str, folder: Path, now: Now) -> Opening:
    """The opening with another folder and clock, of one resource, without a network."""
    connect = opening.connect.model_copy(update={"folder": str(folder), "sftp": None})
    asks, answers = {resource: opening.asks[resource]}, {resource: opening.answers[resource]}
    return replace(
        opening, connect=connect, asks=asks, answers=answers, now=now, surroundings=Surroundings()
    )


class Played:
    """A transport over a folder of its own, in which recorded rows were dropped."""

    expires_at: datetime | None = None

    def __init__(self, opening: Opening, resource: str, reply: RawReply) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="mianti-played-")
        folder, moment = Path(self._home.name), reply.as_of or opening.now()
        scribe = Scribe(opening.connect, opening.asks[resource])
        rows = [*(reply.rows or ()), *(scribe.stranger(n, moment) for n in range(STRANGERS))]
        self._written = True
        try:
            name, table = scribe.name(moment), scribe.table(rows)
            others = scribe.beside(name, table, len(rows), moment)
            lay(folder, [File(name=n, body=b) for n, b in ({name: table} | others).items()], moment)
        except Unwritable:
            self._written = False
        moment = settled(opening, moment)
        self._inner = FilesTransport(over(opening, resource, folder, lambda: moment))

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """See `adapters.model.Transport`."""
        if not self._written:
            raise SourceAnswerInvalid("unwritable")
        return await self._inner.fetch(call, within=within)

    async def aclose(self) -> None:
        """Close the source and clear its folder away."""
        await self._inner.aclose()
        self._home.cleanup()
