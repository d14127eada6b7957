"""Composite checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "hub_check",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("consumer", sa.String(100), nullable=False),
        sa.Column("county", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("received_at", sa.String(40), nullable=False),
        sa.Column("version", sa.String(48), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_hub_check_consumer", "hub_check", ["consumer"])
    op.create_index("ix_hub_check_county", "hub_check", ["county"])
