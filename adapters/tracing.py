"""Watching one call from outside: what was sent, what came back.

A transport reports to the trace of the call it runs in, if there is one; it costs one look at a
context variable when there is none. What is reported is personal and holds secrets: a trace lives
as long as the question and is shown only through `adapters.masking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from adapters.model import RawReply, SourceCall, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One question as it left us."""

    method: str
    """The HTTP method; `SELECT` for a statement."""
    address: str
    """Origin and path; the driver's name for a statement."""
    base: str = ""
    """The path of the source's own address, with which the address begins."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Step(Protocol):
    """One question and its response, as they happen."""

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of a response is there."""

    def body(self, body: bytes) -> None:
        """Its body is there, decompressed."""


class Trace(Protocol):
    """Whoever watches a call. Questions may be under way side by side."""

    def sent(self, sent: Sent) -> Step:
        """A question is about to leave."""

    def replied(self, call: SourceCall, reply: RawReply) -> None:
        """The transport has made its reply."""


_TRACE: ContextVar[Trace | None] = ContextVar("mianti-trace", default=None)

current = _TRACE.get
"""The trace of the running call, or None."""


@contextmanager
def traced(trace: Trace) -> Iterator[None]:
    """Let `trace` watch the calls that are made inside the block."""
    token = _TRACE.set(trace)
    try:
        yield
    finally:
        _TRACE.reset(token)


class Watched:
    """A transport whose replies a trace gets to see."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def expires_at(self) -> datetime | None:
        """The transport's."""
        return self._transport.expires_at

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """See `adapters.model.Transport`."""
        reply = await self._transport.fetch(call, within=within)
        if (trace := current()) is not None:
            trace.replied(call, reply)
        return reply

    async def aclose(self) -> None:
        """Release connections."""
        await self._transport.aclose()
