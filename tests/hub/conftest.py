"""A database of each kind, empty and migrated."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from hub.database import Database, migrate, open_database


def server_database(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database on a real PostgreSQL."""
    server = make_url(request.getfixturevalue("postgres_url"))
    server = server.set(drivername="postgresql+psycopg")
    name = f"hub_{secrets.token_hex(6)}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """SQLite in a file, and a real PostgreSQL."""
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    else:
        opened = open_database(server_database(request))
    migrate(opened)
    yield opened
    opened.close()
