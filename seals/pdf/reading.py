"""The edge to pyHanko: what its reader makes of hostile bytes never gets further than here."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyhanko.pdf_utils.reader import PdfFileReader

from seals.errors import MalformedDocument, SealError
from seals.pdf import tokens

tokens.install()

# It logs what hostile documents hold, with stacks; we say what is wrong in our own words.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL + 1)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL + 1)

MAX_BYTES = 128 * 1024 * 1024
_ENCRYPTED = re.compile(rb"/Encrypt[\s<]")


@contextmanager
def reading(why: str = "unreadable", where: str = "") -> Iterator[None]:
    """Reading: pyHanko answers hostile bytes with its own errors, and with whatever Python raises where a
    name stands in place of a number: all of that is one malformed document.

    Raises:
        MalformedDocument: `why`.
    """
    try:
        yield
    except (SealError, MemoryError):
        raise
    except Exception as problem:  # the library has no root for what hostile bytes raise in it
        raise MalformedDocument(why, where) from problem


def opened(document: bytes) -> PdfFileReader:
    """A strict reader.

    Raises:
        MalformedDocument: `too-large`, `encrypted` or `unreadable`.
    """
    if len(document) > MAX_BYTES:
        raise MalformedDocument("too-large")
    # Whatever pyHanko would say of the handler that is named there.
    with reading("encrypted" if _ENCRYPTED.search(document) else "unreadable"):
        reader = PdfFileReader(io.BytesIO(document), strict=True)
        if reader.encrypted:
            raise MalformedDocument("encrypted")
        if reader.xrefs.hybrid_xrefs_present:
            # Two tables of references that may say different things to different readers.
            raise MalformedDocument("two-tables")
        return reader


def packet(document: bytes) -> bytes:
    """The XMP packet of a PDF, as its last revision has it; empty where it has none.

    Raises:
        MalformedDocument: As `opened`.
    """
    reader = opened(document)
    with reading():
        stream = entry(reader.root, "/Metadata")
        return bytes(stream.data) if stream is not None else b""


def entry(held: Any, key: str, otherwise: Any = None) -> Any:
    """What a dictionary of pyHanko has under a key, references followed; its own `get` does not."""
    return held[key] if key in held else otherwise  # noqa: SIM401 - see above
