"""The hub as a process of its own, and the sandbox's control socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from hub.errors import HubError
from hub.running import START_SECONDS

HUB_LOG = "hub.log"
"""What the hub wrote; its presence also tells that a folder is a demo's."""


@contextmanager
def hub_process(folder: Path, sandbox: Mapping[str, str]) -> Iterator[str]:
    """The hub with the intake systems of all counties admitted; yields its address.

    Raises:
        HubError: It did not start; its log is `HUB_LOG` in `folder`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        **sandbox,
        "MIANTI_DATA_DIR": str(folder / "hub"),
        "MIANTI_PORT": str(port),
        "MIANTI_PUBLIC_URL": url,
    }
    with (folder / HUB_LOG).open("wb") as log:
        command = [sys.executable, "-m", "hub", "serve", "--admit-intake"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603  (our own module)
        try:
            _wait_until_ready(process, url)
            yield url
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


def personas(control: str) -> dict[str, dict[str, Any]]:
    """The sandbox's named cases by id."""
    found = httpx2.get(f"{control}/personas", trust_env=False).json()
    return {persona["id"]: persona for persona in found}


@contextmanager
def fault(control: str, department: str) -> Iterator[None]:
    """A department hangs while the block runs; an empty name: none does."""
    if not department:
        yield
        return
    order = {"department": department, "fault": "hang"}
    httpx2.post(f"{control}/faults", json=order, trust_env=False).raise_for_status()
    try:
        yield
    finally:
        httpx2.delete(f"{control}/faults", trust_env=False).raise_for_status()
