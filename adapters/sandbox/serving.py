"""Servers on loopback ports that can be closed and opened again while the port stays ours.

uvicorn's protocol speaks HTTP; its `Server` is left out, because it owns signals and a process, and
here several servers share one loop in a thread.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

LOOPBACK = "127.0.0.1"


class Connections(Protocol):
    """What a listener has to know of the protocol it serves."""

    def protocol(self) -> asyncio.Protocol:
        """A protocol for a new connection."""
        ...

    async def end(self) -> None:
        """End all connections now."""
        ...


SETTLING = 0.02
"""Seconds until the loop has announced every connection it let in."""


class Listener:
    """One port. While it is shut, connecting is refused and nobody else can take the port."""

    def __init__(self, connections: Connections, port: int = 0) -> None:
        """Args:
        connections: Speaks to whoever connects.
        port: 0 for any free one.
        """
        self._connections = connections
        self._reserved = _bound(port)
        self._server: asyncio.Server | None = None
        self.port: int = self._reserved.getsockname()[1]

    async def open(self) -> None:
        """Listen."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                self._connections.protocol, sock=_bound(self.port), backlog=2048
            )

    async def shut(self) -> None:
        """Stop listening and end all connections; the port stays reserved."""
        if self._server is not None:
            self._server.close()
            self._server = None
            # Who was let in this very moment is announced in the loop's next turns; unended, such a
            # connection keeps the loop from closing.
            await asyncio.sleep(SETTLING)
        await self._connections.end()

    async def close(self) -> None:
        """Shut, and give the port back."""
        await self.shut()
        self.release()

    def release(self) -> None:
        """Give the port back; only what was never opened or is shut."""
        self._reserved.close()


def _bound(port: int) -> socket.socket:
    """A socket bound to `port` beside others of ours; one that does not listen refuses."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((LOOPBACK, port))
    except BaseException:
        bound.close()
        raise
    return bound


class _Protocol(HttpToolsProtocol):
    """HTTP that lets the application get at the connection (`scope["state"]["transport"]`)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.app_state = {"transport": transport}


class HTTPConnections:
    """Serves an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none",
            server_header=False, date_header=False, timeout_keep_alive=600,
        )  # fmt: skip
        self._config.load()
        self._state = ServerState()

    def protocol(self) -> asyncio.Protocol:
        """As `Connections.protocol`."""
        return _Protocol(config=self._config, server_state=self._state, app_state={})

    async def end(self) -> None:
        """As `Connections.end`; requests that are being answered are given up."""
        for connection in tuple(self._state.connections):
            connection.transport.abort()
        if tasks := tuple(self._state.tasks):
            # They end by themselves once they see that nobody listens.
            _, stuck = await asyncio.wait(tasks, timeout=1)
            for task in stuck:
                task.cancel()
