"""Tasks for clerks, answers that come later, and callbacks that still have to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "hub_task",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("question", sa.LargeBinary(16), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("county", sa.String(40), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("resource", sa.String(100), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("second_pair", sa.Boolean, nullable=False),
        sa.Column("placed_at", sa.String(40), nullable=False),
        sa.Column("due_at", sa.String(40), nullable=False),
        sa.Column("answered_at", sa.String(40), nullable=True),
        sa.Column("answered_by", sa.String(40), nullable=True),
        sa.Column("confirmed_by", sa.String(40), nullable=True),
        sa.Column("asked", sa.LargeBinary, nullable=True),
        sa.Column("typed", sa.LargeBinary, nullable=True),
        sa.UniqueConstraint("question", "round", name="uq_hub_task_question"),
    )
    op.create_index("ix_hub_task_state", "hub_task", ["state"])
    op.create_index("ix_hub_task_placed_at", "hub_task", ["placed_at"])
    op.create_table(
        "hub_threshold",
        sa.Column("about", sa.LargeBinary(16), primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("cut", sa.String(60), nullable=False),
        sa.Column("expires_at", sa.String(40), nullable=False),
    )
    op.create_index("ix_hub_threshold_expires_at", "hub_threshold", ["expires_at"])
    op.create_table(
        "hub_deferred",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("consumer", sa.String(100), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("check_at", sa.String(40), nullable=False),
        sa.Column("expires_at", sa.String(40), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_hub_deferred_check_at", "hub_deferred", ["state", "check_at"])
    op.create_index("ix_hub_deferred_expires_at", "hub_deferred", ["expires_at"])
    op.create_table(
        "hub_deferred_ticket",
        sa.Column("ticket", sa.String(48), primary_key=True),
        sa.Column("query", sa.String(48), primary_key=True),
    )
    op.create_table(
        "hub_callback",
        sa.Column("client_id", sa.String(100), primary_key=True),
        sa.Column("url", sa.String(500), primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "hub_outbox",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.String(40), nullable=False),
    )
    op.create_index("ix_hub_outbox_next_at", "hub_outbox", ["next_at"])
