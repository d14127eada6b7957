"""One HTTP request as data, before anybody signs or sends it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from adapters.model import RawReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request below the source's address."""

    method: str
    path: str
    """Begins with a slash, or empty for the address itself; without query."""
    address: str = ""
    """A whole address in place of source and path: a server of identities beside the source."""
    query: Mapping[str, str] | tuple[tuple[str, str], ...] | None = None
    headers: Mapping[str, str] | None = None
    json: Any = None
    form: Mapping[str, str] | None = None
    content: bytes | None = None
    expected: frozenset[int] = frozenset()
    """Statuses the asker knows what to make of, beyond the successful ones."""

    def body(self) -> tuple[bytes | None, Mapping[str, str]]:
        """The body and the header that tells its media type."""
        if self.content is not None:
            return self.content, {}
        if self.json is not None:
            text = json.dumps(self.json, ensure_ascii=False, separators=(",", ":"))
            return text.encode(), {"Content-Type": "application/json"}
        if self.form is not None:
            media_type = "application/x-www-form-urlencoded"
            return urlencode(self.form).encode(), {"Content-Type": media_type}
        return None, {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """What goes with one request so that the source knows us."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    """The short-lived secret it was signed with, where there is one."""
    wrapped: Callable[[bytes], bytes] | None = None
    """What becomes of the body before it is sent."""
    unwrapped: Callable[[RawReply], RawReply] | None = None
    """What becomes of the reply before it is read.

    Raises:
        adapters.errors.SourceAnswerInvalid: It is not what was agreed.
    """


Ask = Callable[[Question], Awaitable[RawReply]]
"""Puts a question to the same source without identification."""
