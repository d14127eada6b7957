"""Callers and their grants."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    String,
    Table,
    Text,
    select,
)

from hub.database import Database
from hub.model import Consumer, Grant
from hub.store.rows import metadata, moment_text, upsert

consumer_table = Table(
    "hub_consumer",
    metadata,
    Column("client_id", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("authority", String(200), nullable=False),
    Column("county", String(40), nullable=False),
    Column("jwks", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)
grant_table = Table(
    "hub_grant",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("consumer", String(100), nullable=False, index=True),
    Column("provider", String(200), nullable=False),
    Column("county", String(40), nullable=False),
    Column("resource", String(100), nullable=False),
    Column("fields", Text, nullable=False),
    Column("items", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("basis_kinds", Text, nullable=False),
    Column("valid_from", String(40), nullable=False),
    Column("valid_to", String(40), nullable=False),
    Column("active", Boolean, nullable=False),
)


def put_consumer(database: Database, consumer: Consumer) -> None:
    """Register a caller, or replace what is known of it."""
    row = {
        "client_id": consumer.client_id,
        "name": consumer.name,
        "authority": consumer.authority,
        "county": consumer.county,
        "jwks": json.dumps(consumer.jwks),
        "active": consumer.active,
    }
    with database.writing() as connection:
        upsert(connection, consumer_table, row)


def all_consumers(database: Database) -> list[Consumer]:
    """Every registered caller."""
    with database.reading() as connection:
        rows = connection.execute(select(consumer_table)).all()
    return [
        Consumer(
            client_id=r.client_id,
            name=r.name,
            authority=r.authority,
            county=r.county,
            jwks=json.loads(r.jwks),
            active=r.active,
        )
        for r in rows
    ]


def put_grants(database: Database, grants: Sequence[Grant]) -> None:
    """Write grants, replacing those of the same id; all or none."""
    with database.writing() as connection:
        for grant in grants:
            upsert(connection, grant_table, _grant_row(grant))


def _grant_row(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "consumer": grant.consumer,
        "provider": grant.provider,
        "county": grant.county,
        "resource": grant.resource,
        "fields": json.dumps(sorted(grant.fields)),
        "items": json.dumps(sorted(grant.items)),
        "legal_basis": grant.legal_basis,
        "basis_kinds": json.dumps(sorted(grant.basis_kinds)),
        "valid_from": moment_text(grant.valid_from),
        "valid_to": moment_text(grant.valid_to),
        "active": grant.active,
    }


def all_grants(database: Database) -> list[Grant]:
    """Every grant, ended ones included: a refusal names them."""
    with database.reading() as connection:
        rows = connection.execute(select(grant_table).order_by(grant_table.c.id)).all()
    return [
        Grant(
            id=r.id,
            consumer=r.consumer,
            provider=r.provider,
            county=r.county,
            resource=r.resource,
            fields=frozenset(json.loads(r.fields)),
            items=frozenset(json.loads(r.items)),
            legal_basis=r.legal_basis,
            basis_kinds=frozenset(json.loads(r.basis_kinds)),
            valid_from=datetime.fromisoformat(r.valid_from),
            valid_to=datetime.fromisoformat(r.valid_to),
            active=r.active,
        )
        for r in rows
    ]
