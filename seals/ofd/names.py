"""Names of parts: which are allowed in a container, and where a reference (`ST_Loc`) leads.

A part is called by its path from the root with a slash in front, as `FileRef` has it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from seals.errors import MalformedDocument

MAX_NAME = 512
"""Bytes of one path."""
MAX_FOLDERS = 16

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def folded(name: str) -> str:
    """What two names have in common that some system takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def checked(raw: bytes) -> str:
    """The path of an entry as its bytes say it; one that ends with a slash is a folder.

    Raises:
        MalformedDocument: `name`, `name-encoding`, `name-too-long`, `absolute-path`,
            `parent-path`, `backslash`, `too-deep`.
    """
    if len(raw) > MAX_NAME:
        raise MalformedDocument("name-too-long")
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise MalformedDocument("name-encoding") from None
    where = shown(name)
    if not name or not name.isprintable():
        raise MalformedDocument("name", where)
    if "\\" in name:
        raise MalformedDocument("backslash", where)
    if name.startswith("/") or _SCHEME.match(name):
        raise MalformedDocument("absolute-path", where)
    segments = name.removesuffix("/").split("/")
    if ".." in segments:
        raise MalformedDocument("parent-path", where)
    if len(segments) > MAX_FOLDERS:
        raise MalformedDocument("too-deep", where)
    for segment in segments:
        if segment in {"", "."} or segment != segment.rstrip(". ") or ":" in segment:
            raise MalformedDocument("name", where)
    return name


def shown(name: str) -> str:
    """A name that came from outside, fit for a message."""
    name = name[:120]
    if name.isprintable():
        return name
    return "".join(each if each.isprintable() else "\ufffd" for each in name)


def external(loc: str) -> bool:
    """Does a reference lead out of the container?"""
    return bool(_SCHEME.match(loc)) or loc.startswith("//")


@lru_cache(maxsize=2048)
def resolved(loc: str, folder: str) -> str:
    """The path a reference leads to; `folder` ends with a slash.

    Raises:
        MalformedDocument: `loc`: empty, out of the root, or with a backslash.
    """
    loc = loc.strip()
    if not loc or len(loc) > MAX_NAME or "\\" in loc or not loc.isprintable() or external(loc):
        raise MalformedDocument("loc", shown(loc))
    path: list[str] = []
    for segment in (loc if loc.startswith("/") else folder + loc).split("/"):
        if segment == "..":
            if not path:
                raise MalformedDocument("loc", shown(loc))
            path.pop()
        elif segment not in {"", "."}:
            path.append(segment)
    return "/" + "/".join(path)


def folder_of(part: str) -> str:
    """The folder a part lies in, with its slash."""
    return part[: part.rindex("/") + 1]
