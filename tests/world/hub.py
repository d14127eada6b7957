"""A whole hub on a loopback socket, over the real county lists and sources of the test's choosing."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from hub import logs, processes
from hub.app import now
from hub.client import HubClient
from hub.evidence import EvidenceLog
from hub.http.context import Context
from hub.model import Consumer, Grant
from hub.onboarding import apply_grants, new_client_key, register_consumer
from hub.serving import HubServer, bind
from hub.settings import Configuration, Settings

COUNTIES = Path(__file__).parents[2] / "deploy" / "counties"
CLIENT = "xinxiang-intake"


@dataclass(frozen=True, slots=True)
class RunningHub:
    """A hub that answers, and a registered caller of it."""

    url: str
    client: HubClient
    context: Context
    written: Path
    """Where it writes its log lines."""

    def lines(self) -> str:
        """Everything it has logged so far."""
        return self.written.read_text(encoding="utf-8")

    @property
    def log(self) -> EvidenceLog:
        """Its evidence log."""
        return self.context.evidence


def county_with(folder: Path, manifests: Mapping[str, str], county: str = "xinxiang") -> Path:
    """A folder of counties that holds one county's real lists and the given manifests."""
    shutil.copytree(COUNTIES / county / "catalog", folder / county / "catalog")
    sources = folder / county / "sources"
    sources.mkdir()
    for name, text in manifests.items():
        (sources / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def grant(resource: str, **changes: object) -> Grant:
    """A grant of everything in a resource, for 教育入学, in force now."""
    values: dict[str, object] = {
        "id": f"g-{resource}",
        "consumer": CLIENT,
        "provider": "县公安局",
        "county": "xinxiang",
        "resource": resource,
        "fields": frozenset({"*"}),
        "items": frozenset({"xinxiang-10"}),
        "legal_basis": "新政文〔2024〕62号",
        "basis_kinds": frozenset({"statutory"}),
        "valid_from": datetime.now(UTC) - timedelta(days=1),
        "valid_to": datetime.now(UTC) + timedelta(days=30),
        **changes,
    }
    return Grant(**values)  # type: ignore[arg-type]


@contextmanager
def running_hub(
    folder: Path,
    counties: Path,
    *,
    environment: Mapping[str, str] | None = None,
    grants: Sequence[Grant] = (),
    listener: socket.socket | None = None,
    **settings: object,
) -> Iterator[RunningHub]:
    """Start a hub in a thread of its own, on any free port where none is given, with one registered
    caller.
    """
    listener = listener or bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    configuration = Configuration(
        settings=Settings(
            data_dir=folder / "hub",
            counties_dir=counties,
            public_url=url,
            grants_refresh_seconds=0,
            **settings,  # type: ignore[arg-type]
        ),
        environment=dict(environment or os.environ),
    )
    written = folder / "hub.log"
    output = written.open("a", encoding="utf-8", buffering=1)
    logs.configure(output)
    # A logger that was kept would go on writing to the file of a hub that is gone.
    structlog.configure(cache_logger_on_first_use=False)
    ready = threading.Event()
    server = HubServer(configuration, ready.set)
    context: Context = server.config.app.state.context  # type: ignore[union-attr]
    jwks = new_client_key(folder / "client.jwk")
    consumer = Consumer(
        client_id=CLIENT,
        name="综窗受理系统",
        authority="xinxiang/县教体局",
        county="xinxiang",
        jwks=jwks,
    )
    register_consumer(context.database, context.evidence, consumer, now)
    if grants:
        apply_grants(context.database, context.evidence, grants, now)
    thread = threading.Thread(target=server.serve_on, args=(listener,), daemon=True)
    thread.start()
    client = HubClient(url, CLIENT, folder / "client.jwk")
    try:
        if not ready.wait(20):
            raise RuntimeError("the hub did not start")
        yield RunningHub(url, client, context, written)
    finally:
        client.close()
        server.stop()
        thread.join(20)
        listener.close()
        structlog.reset_defaults()
        output.close()


@contextmanager
def hub_process(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[HubClient, Path]]:
    """`mianti serve` as a process of its own over the real counties, with the example callers;
    gives one of these, and the file that it writes to.
    """
    url = processes.free_address()
    known = {**os.environ, **environment, "MIANTI_COUNTIES_DIR": str(COUNTIES)}
    client = HubClient(url, CLIENT, folder / "hub" / "clients" / f"{CLIENT}.jwk")
    try:
        with processes.hub_process(folder, url, known, "--admit-intake") as ready:
            ready()
            yield client, folder / processes.HUB_LOG
    finally:
        client.close()
