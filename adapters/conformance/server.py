"""A loopback server that answers as a case says, byte by byte where that matters."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from adapters.conformance.cases import Answer, Pace

LATE = 0.05
"""Seconds that `Pace.LATE` waits."""
_LONGEST_BODY = 4 * 1024 * 1024


class Server:
    """Answers each method and path with the running case's responses in turn."""

    def __init__(self) -> None:
        self.origin = ""
        self.astray: list[str] = []
        """Methods and paths that nobody should have asked for."""
        self._left: dict[str, list[Answer]] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._busy: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()

    def play(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        """From now on answer so; what is still being answered is broken off. Idle connections stay:
        a client cannot tell one that is being ended from one that it may use.
        """
        self._left = {to: list(turns) for to, turns in answers.items()}
        self.astray = []
        for writer in tuple(self._busy):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        self._writers.add(writer)
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
                          ValueError):  # fmt: skip
                while not writer.is_closing():
                    await self._one(reader, writer)
        finally:
            self._writers.discard(writer)
            self._busy.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def ended(self) -> None:
        """End all connections, and wait until they are."""
        self.play({})
        for writer in tuple(self._writers):
            writer.transport.abort()
        tasks = [task for task in self._tasks if task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=1)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): text.strip() for line in lines if line
                   for name, _, text in [line.partition(":")]}  # fmt: skip
        length = min(int(headers.get("content-length", "0")), _LONGEST_BODY)
        await reader.readexactly(length)
        method, target, _ = first.split(" ")
        answer = self._next(f"{method} {target.partition('?')[0]}")
        if answer is None:
            writer.close()
            return
        self._busy.add(writer)
        await _PACES[answer.pace](answer, writer)
        with suppress(ConnectionError):
            await writer.drain()
        self._busy.discard(writer)

    def _next(self, to: str) -> Answer | None:
        turns = self._left.get(to)
        if not turns:
            self.astray.append(to)
            return None
        return turns.pop(0) if len(turns) > 1 else turns[0]


@asynccontextmanager
async def running() -> AsyncIterator[Server]:
    """A server on a free port of the loopback."""
    served = Server()
    listening = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.origin = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        listening.close()
        await served.ended()
        await listening.wait_closed()


def _head(answer: Answer, *, chunked: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} Scripted"]
    if answer.type:
        lines.append(f"Content-Type: {answer.type}")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    elif answer.length != "":
        lines.append(f"Content-Length: {answer.length or len(answer.body)}")
    lines += [f"{name}: {text}" for name, text in answer.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def _chunk(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


async def _whole(answer: Answer, writer: asyncio.StreamWriter) -> None:
    writer.write(_head(answer) + answer.body)
    if answer.length is not None:
        await _ended(writer)


async def _late(answer: Answer, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(LATE)
    await _whole(answer, writer)


async def _continued(answer: Answer, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    await _whole(answer, writer)


async def _pieces(answer: Answer, writer: asyncio.StreamWriter) -> None:
    size = max(1, len(answer.body) // 40)
    writer.write(_head(answer, chunked=True))
    for at in range(0, len(answer.body), size):
        writer.write(_chunk(answer.body[at : at + size]))
        await writer.drain()
    writer.write(_chunk(b""))


async def _half(answer: Answer, writer: asyncio.StreamWriter) -> None:
    writer.write(_head(answer) + answer.body[: len(answer.body) // 2])
    await _ended(writer)


async def _half_chunked(answer: Answer, writer: asyncio.StreamWriter) -> None:
    writer.write(_head(answer, chunked=True) + _chunk(answer.body[: len(answer.body) // 2 + 1]))
    await _ended(writer)


async def _drip_head(answer: Answer, writer: asyncio.StreamWriter) -> None:
    await _dripped(_head(answer), writer)


async def _drip_body(answer: Answer, writer: asyncio.StreamWriter) -> None:
    writer.write(_head(answer))
    await _dripped(answer.body, writer)


async def _hang(_: Answer, writer: asyncio.StreamWriter) -> None:
    """Until the client is gone: its end of the connection is closed, or the case is over."""
    await writer.wait_closed()


async def _close(_: Answer, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _reset(_: Answer, writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _raw(answer: Answer, writer: asyncio.StreamWriter) -> None:
    writer.write(answer.body)
    await _ended(writer)


async def _dripped(body: bytes, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, and never the last ones."""
    for byte in body[:-2]:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(LATE / 2)
    await writer.wait_closed()


async def _ended(writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    writer.close()


_PACES: Mapping[Pace, Callable[[Answer, asyncio.StreamWriter], Awaitable[None]]] = {
    Pace.WHOLE: _whole, Pace.LATE: _late, Pace.CONTINUED: _continued, Pace.PIECES: _pieces,
    Pace.HALF: _half, Pace.HALF_CHUNKED: _half_chunked, Pace.DRIP_HEAD: _drip_head,
    Pace.DRIP_BODY: _drip_body, Pace.HANG: _hang, Pace.CLOSE: _close, Pace.RESET: _reset,
    Pace.RAW: _raw,
}  # fmt: skip
