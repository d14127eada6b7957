"""CBOR in its one deterministic form (RFC 8949 §4.2.1), of plain values alone.

`cbor2` reads and writes; what this module adds is what it refuses: everything that would not be
written again byte for byte, tags, floats, simple values, and more depth than a paper code has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cbor2

from certificates.errors import MalformedData

MAX_DEPTH = 6
Plain = int | str | bytes | Sequence["Plain"] | Mapping[int, "Plain"]
"""What is written: whole numbers, texts, bytes, lists, and maps under numbers from nought."""


def written(value: Plain) -> bytes:
    """The one form. Keys from nought sort the same by length and by bytes, as the standard has it."""
    return cbor2.dumps(value, canonical=True)


def read(content: bytes) -> Plain:
    """The value.

    Raises:
        MalformedData: `cbor`: none, or cut off, nested too deep, of a length that is not told, with
            a key twice or a tag; `not-plain`: floats, truth values, null, keys that are no numbers;
            `not-canonical`: longer than it has to be, out of order, or with something behind it.
    """
    try:
        found = cbor2.loads(
            content,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_TAGS,
        )
    except cbor2.CBORError:
        raise MalformedData("cbor") from None
    if not _plain(found):
        raise MalformedData("not-plain")
    if written(found) != content:
        raise MalformedData("not-canonical")
    return found  # type: ignore[no-any-return]  # looked at just now


def _refused(_: object, __: object = None) -> None:
    raise ValueError


_TAGS = dict.fromkeys(
    (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799),
    _refused,
)  # fmt: skip
"""Tags that the library would build values of. Every other tag gives a value that is not plain."""


def _plain(value: object) -> bool:
    if isinstance(value, dict):
        keyed = all(type(key) is int and key >= 0 for key in value)
        return keyed and all(map(_plain, value.values()))
    if isinstance(value, list):
        return all(map(_plain, value))
    return type(value) in {int, str, bytes}
