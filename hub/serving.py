"""Running the hub: one uvicorn server, on the port asked for or on any free one."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from hub.app import create_app
from hub.settings import Configuration


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def serve(
    configuration: Configuration, listener: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); `ready` is called once requests are answered."""
    app = create_app(configuration)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            ready()

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=64 * 1024,
    )
    Server(config).run(sockets=[listener])
