"""The words of a PDF content stream (ISO 32000-2 §7.8.2): operators with their operands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from seals.errors import MalformedDocument

Operand = float | bytes | str | list["Operand"]
"""Numbers, strings as bytes, names with their slash, arrays; dictionaries are lists, too."""

Operator = tuple[str, list[Operand]]
"""With what stands before it. Whoever gets one does not change it."""

MAX_WORDS = 2_000_000
MAX_REMEMBERED = 128 * 1024
"""Bytes of a stream whose operators are remembered: the background of a form, which many documents
share."""
MAX_DEPTH = 32
MAX_STREAMS = 16
_PATH = frozenset({"m", "l", "c", "v", "y", "h", "re", "W", "W*"})
_UNFILLED = frozenset({"S", "s", "n"})
_SPACE = re.compile(rb"(?:[\x00\t\n\f\r ]+|%[^\r\n]*)*")
_WORD = re.compile(rb"/?[^\x00\t\n\f\r ()<>\[\]{}/%]*")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\s\S]))")
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f",
          b"\n": b"", b"\r": b"", b"\r\n": b""}  # fmt: skip
_INLINE_END = re.compile(rb"[\x00\t\n\f\r ]EI(?=[\x00\t\n\f\r ]|$)")


def painting(streams: Sequence[bytes]) -> Iterator[Operator]:
    """The operators of a page's streams, without the paths that are only stroked, clipped with or
    dropped: those cover nothing.

    Raises:
        MalformedDocument: `content-unreadable`.
    """
    short = len(streams) <= MAX_STREAMS and all(len(each) <= MAX_REMEMBERED for each in streams)
    if short:
        try:
            for each in [_remembered(stream) for stream in streams]:
                yield from each
        except MalformedDocument:
            pass  # one of them ends within an operand
        else:
            return
    yield from _covering(operators(b"\n".join(streams)))


@lru_cache(maxsize=32)
def _remembered(content: bytes) -> tuple[Operator, ...]:
    return tuple(_covering(operators(content)))


def _covering(found: Iterable[Operator]) -> Iterator[Operator]:
    path: list[Operator] = []
    for each in found:
        if each[0] in _PATH:
            path.append(each)
            continue
        if each[0] not in _UNFILLED:
            yield from path
        path = []
        yield each
    yield from path


def operators(  # noqa: C901, PLR0912 - a branch for each kind of word
    content: bytes,
) -> Iterator[Operator]:
    """Every operator with what stands before it; an inline image is one, called `BI`.

    Raises:
        MalformedDocument: `content-unreadable`.
    """
    at, count = 0, 0
    stack: list[list[Operand]] = [[]]
    while (at := _skipped(content, at)) < len(content):
        count += 1
        if count > MAX_WORDS:
            raise MalformedDocument("content-unreadable")
        mark = content[at : at + 2]
        if mark in {b"<<", b">>"}:
            at += 2
            _nested(stack, opens=mark == b"<<")
        elif mark[:1] in b"[]":
            at += 1
            _nested(stack, opens=mark[:1] == b"[")
        elif mark[:1] == b"(":
            text, at = _literal(content, at + 1)
            stack[-1].append(text)
        elif mark[:1] == b"<":
            text, at = _hexadecimal(content, at + 1)
            stack[-1].append(text)
        else:
            found = _WORD.match(content, at)
            word = found.group() if found else b""
            if not word:
                raise MalformedDocument("content-unreadable")
            at += len(word)
            operand = _operand(word)
            if operand is not None:
                stack[-1].append(operand)
                continue
            if len(stack) > 1:
                stack[-1].append(word.decode("latin-1"))  # true, false, null in a dictionary
                continue
            name = word.decode("latin-1")
            if name == "ID":
                ended = _INLINE_END.search(content, at)
                if ended is None:
                    raise MalformedDocument("content-unreadable")
                name, at = "BI", ended.end()
            elif name == "BI":
                continue
            yield name, stack[-1]
            stack = [[]]
    if len(stack) > 1 or stack[0]:
        raise MalformedDocument("content-unreadable")


def _skipped(content: bytes, at: int) -> int:
    found = _SPACE.match(content, at)
    return found.end() if found else at


def _nested(stack: list[list[Operand]], *, opens: bool) -> None:
    if opens and len(stack) < MAX_DEPTH:
        inner: list[Operand] = []
        stack[-1].append(inner)
        stack.append(inner)
    elif not opens and len(stack) > 1:
        stack.pop()
    else:
        raise MalformedDocument("content-unreadable")


def _operand(word: bytes) -> Operand | None:
    if word.startswith(b"/"):
        return word.decode("latin-1")
    return float(word) if _NUMBER.fullmatch(word) else None


def _literal(content: bytes, at: int) -> tuple[bytes, int]:
    depth, begin = 1, at
    while at < len(content):
        match content[at : at + 1]:
            case b"\\":
                at += 1
            case b"(":
                depth += 1
            case b")":
                depth -= 1
                if not depth:
                    return _ESCAPE.sub(_unescaped, content[begin:at]), at + 1
        at += 1
    raise MalformedDocument("content-unreadable")


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes((int(found[1], 8) & 0xFF,))
    return _NAMED.get(found[2], found[2])


def _hexadecimal(content: bytes, at: int) -> tuple[bytes, int]:
    end = content.find(b">", at)
    digits = re.sub(rb"[\x00\t\n\f\r ]", b"", content[at:end])
    if end < 0 or re.fullmatch(rb"[0-9A-Fa-f]*", digits) is None:
        raise MalformedDocument("content-unreadable")
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()), end + 1
