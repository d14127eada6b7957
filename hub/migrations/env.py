"""Alembic's entry: it is always given a connection by `hub.database.migrate`."""

from __future__ import annotations

from alembic import context

import hub.checks.store
import hub.jobs.store  # noqa: F401  (their tables are among the metadata)
import seals.store
from hub.store import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, seals.store.metadata],
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
