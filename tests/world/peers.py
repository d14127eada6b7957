"""Hubs above and below each other: what the lower one's manifest says, and who stands between."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from hub.app import now
from hub.model import Consumer, Grant
from hub.onboarding import apply_grants, new_client_key, register_consumer
from tests.world.department import Department, listening
from tests.world.hub import RunningHub, county_with, grant, running_hub

LOWER = "lower-hub"
"""What the lower hub is called as a caller of the upper one."""
SOURCE = "upper"
MANIFEST = """
source: {source}
name: 上级枢纽
authority: 市政务服务和大数据局
kind: hub
connect:
  base_url: "${{UPPER_URL}}"
  county: xinxiang
  timeout: {timeout}
  max_bytes: 256KiB
  auth:
    scheme: private-key-jwt
    client_id: {client}
    key_file: "${{UPPER_KEY_FILE}}"
    audience: {audience}/oauth2/token
  receipts: {{ key_file: upper.key.json, check: {check} }}
{more}
resources:
{resources}
"""
RESOURCE = "  {id}: {{ ask: {{ {more} }} }}\n"


def manifest(
    audience: str,
    resources: Sequence[str],
    *,
    source: str = SOURCE,
    client: str = LOWER,
    timeout: str = "8s",
    check: str = "required",
    ask: str = "",
    more: str = "",
) -> str:
    """The manifest of a lower hub."""
    text = "".join(RESOURCE.format(id=each, more=ask) for each in resources)
    return MANIFEST.format(
        source=source, client=client, audience=audience, timeout=timeout, check=check, more=more,
        resources=text,
    )  # fmt: skip


def admitted_below(
    upper: RunningHub, folder: Path, grants: Sequence[Grant], client: str = LOWER
) -> Path:
    """Register a lower hub with the upper one; gives the file of its private key."""
    key = folder / f"{client}.jwk"
    consumer = Consumer(
        client_id=client,
        name="下级枢纽",
        authority="xinxiang/县政务服务和大数据局",
        county="xinxiang",
        jwks=new_client_key(key),
    )
    context = upper.context
    register_consumer(context.database, context.evidence, consumer, now)
    if grants:
        apply_grants(context.database, context.evidence, grants, now)
    return key


def granted_below(resource: str, client: str = LOWER, **changes: object) -> Grant:
    """What the upper hub grants a lower one."""
    return grant(resource, consumer=client, id=f"g-{client}-{resource}", **changes)


@contextmanager
def lower_hub(
    folder: Path,
    text: str,
    *,
    upper_url: str,
    key_file: Path,
    pinned: Mapping[str, str],
    grants: Sequence[Grant],
    more: Mapping[str, str] | None = None,
    listener: socket.socket | None = None,
    **settings: object,
) -> Iterator[RunningHub]:
    """A hub whose source is another one."""
    folder.mkdir(parents=True, exist_ok=True)
    counties = county_with(folder / "counties", {SOURCE: text, **(more or {})})
    pin = counties / "xinxiang" / "sources" / "upper.key.json"
    pin.write_text(json.dumps(dict(pinned)), encoding="utf-8")
    environment = {"UPPER_URL": upper_url, "UPPER_KEY_FILE": str(key_file)}
    with running_hub(
        folder, counties, environment=environment, grants=grants, listener=listener, **settings
    ) as running:
        yield running


def pinned_key(hub: RunningHub) -> dict[str, str]:
    """What the hub says of its key."""
    return {name: str(value) for name, value in hub.client.get("/v1/evidence/key").items()}


Change = Callable[[str, int, bytes], tuple[int, bytes]]
"""(path, status, body) of a reply → what is said instead."""

Act = Callable[[Department, str, int, bytes], bool]
"""(connection, path, status, body) → what is done in place of an answer; False: nothing, it is said."""


@dataclass(slots=True)
class Between:
    """Somebody who stands between two hubs and passes on, changed or not."""

    url: str = ""
    target: str = ""
    change: Change | None = None
    act: Act | None = None
    wait: threading.Event | None = None
    """Nothing is said before it is set, at paths that begin with `held`."""
    held: str = "/v1/"
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    """Path and body of every question."""


@contextmanager
def between(target: str = "") -> Iterator[Between]:
    """Somebody in the middle, at an address of its own."""
    state = Between(target=target)

    class Middle(Department):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            state.asked.append((self.path, body))
            headers = {
                name: self.headers[name]
                for name in ("Authorization", "Content-Type")
                if name in self.headers
            }
            with httpx2.Client(trust_env=False, timeout=20) as http:
                reply = http.request(
                    self.command, state.target + self.path, content=body, headers=headers
                )
            status, said = reply.status_code, reply.content
            if state.act is not None and state.act(self, self.path, status, said):
                return
            if self.path != "/oauth2/token":
                if state.wait is not None and self.path.startswith(state.held):
                    state.wait.wait(10)
                if state.change is not None:
                    status, said = state.change(self.path, status, said)
            self.say(said, status)

    with listening(Middle) as url:
        state.url = url
        yield state
