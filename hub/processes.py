"""The sandbox and hubs as processes of their own, for the demo and for trying things."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2

from hub.errors import HubError

START_SECONDS = 20
HUB_LOG = "hub.log"
"""What a hub wrote, in its folder."""


@contextmanager
def sandbox_process() -> Iterator[Mapping[str, str]]:
    """The simulated departments in a process of their own; gives what the manifests need of them.

    Raises:
        HubError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="mianti-") as folder:
        path = Path(folder) / "environment"
        command = [sys.executable, "-m", "adapters.sandbox", "--with-parent"]
        command += ["--environment-file", str(path)]
        process = subprocess.Popen(command)  # noqa: S603  (our own module, fixed arguments)
        try:
            until = time.monotonic() + START_SECONDS
            while not path.exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise HubError("sandbox-did-not-start")
                time.sleep(0.02)
            lines = path.read_text(encoding="utf-8").splitlines()
            yield dict(line.split("=", 1) for line in lines if "=" in line)
        finally:
            process.terminate()
            process.wait(timeout=10)


def free_address() -> str:
    """An address on the loopback at which nobody listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def hub_process(
    folder: Path, url: str, environment: Mapping[str, str], *options: str
) -> Iterator[Callable[[], None]]:
    """A hub while the block runs; gives what waits until it answers, so that several can start at
    the same time.

    Args:
        folder: Where its data goes (`hub`), and what it writes (`HUB_LOG`).
        url: Where it listens, as `free_address` gives it.
        environment: The whole of it.
        options: Of `mianti serve`.

    What it gives raises `HubError` where the hub does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = {
        **environment,
        "MIANTI_DATA_DIR": str(folder / "hub"),
        "MIANTI_PORT": url.rpartition(":")[2],
        "MIANTI_PUBLIC_URL": url,
    }
    with (folder / HUB_LOG).open("wb") as log:
        command = [sys.executable, "-m", "hub", "serve", "--with-parent", *options]
        process = subprocess.Popen(command, env=known, stdout=log, stderr=log)  # noqa: S603  (our own module)
        try:
            yield partial(_wait_until_ready, process, url)
        finally:
            process.terminate()
            process.wait(timeout=15)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > until:
            raise HubError("hub-did-not-start")
        try:
            if httpx2.get(f"{url}/readyz", trust_env=False, timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
