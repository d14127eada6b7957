"""The ledger of jobs that outlive a request, and of their chunks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "hub_job",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("finished_at", sa.String(40), nullable=True),
        sa.Column("expires_at", sa.String(40), nullable=False),
    )
    op.create_index("ix_hub_job_state", "hub_job", ["state"])
    op.create_index("ix_hub_job_expires_at", "hub_job", ["expires_at"])
    op.create_table(
        "hub_job_chunk",
        sa.Column("job", sa.String(48), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first_row", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("input", sa.LargeBinary, nullable=False),
        sa.Column("output", sa.LargeBinary, nullable=True),
        sa.Column("outcomes", sa.Text, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(48), nullable=True),
        sa.Column("leased_until", sa.String(40), nullable=True),
        sqlite_with_rowid=False,
    )
