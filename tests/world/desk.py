"""A department whose answers are typed by clerks, and a caller that speaks for it."""

from __future__ import annotations

from pathlib import Path

from hub.app import now
from hub.client import HubClient
from hub.model import Consumer
from hub.onboarding import new_client_key, register_consumer
from tests.world.hub import RunningHub

LEDGER = """
source: permit-ledger
name: 居住证纸质台账
authority: 县公安局
kind: manual
connect: { timeout: 2s%s }
resources:
  residence-permit.status:
    ask: { keys: [keys.id_number, optional.name], due: %s, second_pair: %s, note: 档案室三号柜 }
    answer:
      records: rows
      empty_when: { records: none }
      fields:
        permit_no: {at: permit_no}
        gender: {at: gender}
        endorsed_until: {at: endorsed_until}
        residence_address: {at: residence_address}
"""


def ledger(*, due: str = "3d", second_pair: str = "false", wait: str = "") -> str:
    """The manifest of a paper ledger."""
    return LEDGER % (f", wait: {wait}" if wait else "", due, second_pair)


def admitted(hub: RunningHub, folder: Path, client_id: str, authority: str) -> HubClient:
    """A further caller of a hub."""
    key = folder / f"{client_id}.jwk"
    consumer = Consumer(
        client_id=client_id,
        name=client_id,
        authority=f"xinxiang/{authority}",
        county="xinxiang",
        jwks=new_client_key(key),
    )
    register_consumer(hub.context.database, hub.context.evidence, consumer, now)
    return HubClient(hub.url, client_id, key)
