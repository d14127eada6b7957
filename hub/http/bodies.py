"""Reading a JSON body: UTF-8, one meaning, before anything else looks at it.

The framework would take the last of two equal keys, guess among three encodings, and read a body
that says it is something else. A body that two readers understand differently is refused here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub.errors import MalformedRequest

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JSONRoute(APIRoute):
    """A route whose body, where it has one, is strict JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind our own reading of the body."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def read_first(request: Request) -> Response:
            if not _says_json(request.headers.get("content-type", "")):
                raise HTTPException(415)
            read = _Read(request.scope, request.receive)
            read.parsed = parse(await read.body())
            return await handle(read)

        return read_first


class _Read(Request):
    """A request whose body was read already."""

    parsed: Any

    async def json(self) -> Any:
        """What `parse` made of the body."""
        return self.parsed


def _says_json(content_type: str) -> bool:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    return kind.strip().lower() == "application/json" and charset in {"", "charset=utf-8"}


def parse(body: bytes) -> Any:
    """The value a body holds.

    Raises:
        MalformedRequest: `empty`, `encoding`, `json`, `too-deep` or `duplicate-key`.
    """
    if not body:
        raise MalformedRequest("empty")
    try:
        text = body.decode()
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_such_number)
        if _SURROGATE.search(text):
            # Half a pair is no character (RFC 8259 §8.2): nobody could be answered with it.
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as problem:
        raise MalformedRequest("encoding") from problem
    except RecursionError as problem:
        raise MalformedRequest("too-deep") from problem
    except ValueError as problem:  # not JSON, or a number of thousands of digits
        raise MalformedRequest("json") from problem
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedRequest("duplicate-key")
    return members


def _no_such_number(_name: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")
