"""Running the hub: one uvicorn server, on the port asked for or on any free one."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

import uvicorn

from hub.app import create_app
from hub.connections import connection_within
from hub.settings import Configuration

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while another waits for it."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


class HubServer(uvicorn.Server):
    """The hub behind one listening socket; `on_ready` is called once it answers."""

    def __init__(self, configuration: Configuration, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        super().__init__(
            uvicorn.Config(
                create_app(configuration),
                http=connection_within(configuration.settings.receive_seconds),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=10,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    def serve_on(self, listener: socket.socket) -> None:
        """Serve until told to stop: by a signal, or by `stop` from another thread."""
        # The evidence writer gives up the interpreter at every step of the database, and under load
        # would wait the usual 5 ms for each turn: every answer waits for the writer.
        sys.setswitchinterval(SWITCH_SECONDS)
        self.run(sockets=[listener])

    def stop(self) -> None:
        """Finish what is under way, then stop."""
        self.should_exit = True
