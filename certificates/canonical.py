"""The one form of JSON: sorted keys, no blanks, UTF-8 without escapes that are not needed.

One value has exactly one such text, so the text's digest names it.
"""

from __future__ import annotations

import json

from certificates.errors import MalformedData

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def one_form(value: object) -> bytes:
    """The text of a value.

    Raises:
        ValueError, RecursionError: It holds what no text can hold.
    """
    return _ENCODER.encode(value).encode()


def parsed(content: bytes, most: int) -> object:
    """What a text says; whether it is in the one form, whoever reads it asks by writing it again.

    Args:
        content: What somebody shows.
        most: Bytes that are looked at.

    Raises:
        MalformedData: `too-large`, `not-json`.
    """
    if len(content) > most:
        raise MalformedData("too-large")
    try:
        tree: object = json.loads(content.decode())
    except (ValueError, RecursionError):
        raise MalformedData("not-json") from None
    return tree


def parsed_form(content: bytes, most: int, form: str) -> dict[str, object]:
    """What a text of a named form says.

    Raises:
        MalformedData: `too-large`, `not-json`; `form`: it is another one.
    """
    tree = parsed(content, most)
    if not isinstance(tree, dict) or tree.get("form") != form:
        raise MalformedData("form")
    return tree
