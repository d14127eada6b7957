"""Tokens of PDF, read at once.

pyHanko goes through names, numbers and hexadecimal strings byte by byte, in Python: it would take
longer to read a seal with its picture than to judge it, and minutes for a file that is one token.
What it reads stays the same; what is not written as it should be is left to it.
"""

from __future__ import annotations

import binascii
import io
import re
from functools import lru_cache
from typing import Any

from pyhanko.pdf_utils import generic, misc

_HEXADECIMAL = re.compile(rb"<([0-9A-Fa-f\x00\t\n\f\r ]*)>")
_SPACE = b"\x00\t\n\f\r "
_slow_until_pattern = misc.read_until_regex
_slow_hexadecimal = generic.read_hex_string_from_stream
_slow_until: Any = misc._read_until_class  # noqa: SLF001 - there is no other way in


def install() -> None:
    """In place of pyHanko's own."""
    parsing: Any = generic
    parsing.read_hex_string_from_stream = hexadecimal
    parsing.read_until_regex = until_pattern
    misc._read_until_class = until  # noqa: SLF001 - there is no other way in


def hexadecimal(stream: Any) -> generic.ByteStringObject | generic.TextStringObject:
    """A hexadecimal string (ISO 32000-2 §7.3.4.3)."""
    if isinstance(stream, io.BytesIO):
        at = stream.tell()
        with stream.getbuffer() as whole:
            found = _HEXADECIMAL.match(whole, at)
            digits = None if found is None else found[1]
            del found
        if digits is not None:
            stream.seek(at + len(digits) + 2)
            digits = digits.translate(None, _SPACE)
            return generic.pdf_string(binascii.unhexlify(digits + b"0" * (len(digits) % 2)))
    return _slow_hexadecimal(stream)


def until(class_chars: bytes, stream: Any, maxchars: int | None = None) -> tuple[bytes, bool]:
    """Bytes up to one of these, which is passed over, and whether the stream ended before it."""
    if not isinstance(stream, io.BytesIO) or maxchars is not None:
        token, ended = _slow_until(class_chars, stream, maxchars)
        return token, ended
    return _searched(stream, _until(class_chars), passed=1)


def until_pattern(stream: Any, regex: re.Pattern[bytes], ignore_eof: bool = False) -> bytes:
    """Bytes up to what a pattern of one byte finds: a number."""
    if not isinstance(stream, io.BytesIO) or not ignore_eof:
        token: bytes = _slow_until_pattern(stream, regex, ignore_eof)
        return token
    return _searched(stream, regex, passed=0)[0]


def _searched(stream: io.BytesIO, pattern: re.Pattern[bytes], *, passed: int) -> tuple[bytes, bool]:
    """What stands before the pattern, of which so many bytes are passed over; did the stream end?"""
    at = stream.tell()
    with stream.getbuffer() as whole:
        found = pattern.search(whole, at)
        ended = found is None
        end = len(whole) if found is None else found.start()
        token = bytes(whole[at:end])
        del found
    stream.seek(end if ended else end + passed)
    return token, ended


@lru_cache(maxsize=16)
def _until(class_chars: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[" + re.escape(class_chars) + b"]")
