"""The evidence log, callers, grants, data keys and remembered answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_big = sa.BigInteger()
_place = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "hub_evidence",
        sa.Column("leaf_index", _place, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(48), nullable=False, unique=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("leaf", sa.Text, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
    )
    op.create_table(
        "hub_evidence_subject",
        sa.Column("blind_index", sa.LargeBinary(16), primary_key=True),
        sa.Column("leaf_index", _place, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hub_evidence_tile",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", _big, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    head = op.create_table(
        "hub_evidence_head",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", _big, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
    )
    # The one row is there from the start, so that two first writers have something to lock.
    op.bulk_insert(head, [{"one": 1, "size": 0, "frontier": b""}])
    op.create_table(
        "hub_data_key",
        sa.Column("id", sa.LargeBinary(8), primary_key=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "hub_consumer",
        sa.Column("client_id", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("authority", sa.String(200), nullable=False),
        sa.Column("county", sa.String(40), nullable=False),
        sa.Column("jwks", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    op.create_table(
        "hub_grant",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("consumer", sa.String(100), nullable=False, index=True),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("county", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(100), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("legal_basis", sa.Text, nullable=False),
        sa.Column("basis_kinds", sa.Text, nullable=False),
        sa.Column("valid_from", sa.String(40), nullable=False),
        sa.Column("valid_to", sa.String(40), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    op.create_table(
        "hub_idempotency",
        sa.Column("key", sa.LargeBinary(16), primary_key=True),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
        sa.Column("expires_at", sa.String(40), nullable=False, index=True),
    )
