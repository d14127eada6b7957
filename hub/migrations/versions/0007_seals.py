"""The register of seals (`seals.store`)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "seals_seal",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("picture_digest", sa.Text, nullable=False),
        sa.Column("succeeds", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=True),
        sa.Column("seal_digest", sa.Text, nullable=False),
        sa.Column("valid_until", sa.String(40), nullable=True),
        sa.Column("filing", sa.Text, nullable=False),
        sa.Column("users", sa.Text, nullable=False),
        sa.Column("opens", sa.String(20), nullable=False),
        sa.Column("closes", sa.String(20), nullable=False),
        sa.Column("per_day", sa.Integer, nullable=False),
        sa.Column("certificate_types", sa.Text, nullable=False),
        sa.Column("successor", sa.Text, nullable=False),
        sa.Column("acts", sa.Integer, nullable=False),
        sa.UniqueConstraint("number"),
    )
    op.create_index("ix_seals_seal_organisation", "seals_seal", ["organisation"])
    op.create_table(
        "seals_act",
        sa.Column("seal", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("after", sa.String(20), nullable=False),
    )
    op.create_table(
        "seals_use",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seal", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("count", sa.Integer, nullable=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("certificate_type", sa.Text, nullable=False),
        sa.Column("against", sa.Text, nullable=False),
        sa.UniqueConstraint("seal", "day", "count", name="uq_seals_use_seal"),
    )
    op.create_table(
        "seals_freeze",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("organisations", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("thawed_by", sa.Text, nullable=True),
        sa.Column("thawed_at", sa.String(40), nullable=True),
        sa.Column("thawed_because", sa.Text, nullable=True),
    )
    op.create_index("ix_seals_freeze_thawed_at", "seals_freeze", ["thawed_at"])
    op.create_table(
        "seals_content",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
