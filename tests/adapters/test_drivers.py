"""What each driver is told to connect to: the address that was checked, never a name to look up."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.drivers import DRIVERS
from adapters.errors import SourceUnavailable

HOSTS = {
    "db.example": ["10.1.2.3"],
    "two.example": ["10.1.2.3", "fd12::3"],
    "10.9.9.9": ["10.9.9.9"],
}


def reach(host: str, _port: int) -> list[str]:
    """A name server that knows three hosts."""
    if host not in HOSTS:
        raise SourceUnavailable("address-refused")
    return HOSTS[host]


class Recorded:
    """Stands where a driver's package would, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.autocommit = False
        self.call_timeout = 0

    @property
    def extensions(self) -> Any:
        """ksycopg2 reads a dsn as psycopg does."""
        return self

    @property
    def conninfo(self) -> Any:
        """Psycopg's own reading."""
        return self

    def parse_dsn(self, dsn: str) -> dict[str, str]:
        """`name=value` pairs."""
        return dict(each.split("=") for each in dsn.split())

    conninfo_to_dict = parse_dsn

    def connect(self, **told: Any) -> Recorded:
        """Keep it."""
        self.told = told
        return self


TOLD: dict[str, tuple[str, str, dict[str, str]]] = {
    "libpq, one name": (
        "psycopg", "host=db.example dbname=front",
        {"host": "db.example", "hostaddr": "10.1.2.3", "port": "5432"},
    ),
    "libpq, a name of two addresses": (
        "psycopg", "host=two.example port=6432 dbname=front",
        {"host": "two.example,two.example", "hostaddr": "10.1.2.3,fd12::3", "port": "6432,6432"},
    ),
    "libpq, a socket and a host": (
        "ksycopg2", "host=/run/kb,db.example port=54321 dbname=front",
        {"host": "/run/kb,db.example", "hostaddr": ",10.1.2.3", "port": "54321,54321"},
    ),
    "libpq, a name beside an address": (
        "psycopg", "host=db hostaddr=10.9.9.9 dbname=front",
        {"host": "db", "hostaddr": "10.9.9.9", "port": "5432"},
    ),
    "libpq, a socket": ("psycopg", "host=/run/pg dbname=front", {"host": "/run/pg"}),
    "mysql": ("PyMySQL", "mysql://u:p@db.example/front", {"host": "10.1.2.3"}),
    "oracle, easy": ("oracledb", "u/p@db.example:1521/front", {"dsn": "10.1.2.3:1521/front"}),
    "oracle, easy with protocol": (
        "oracledb", "u/p@tcps://two.example/front", {"dsn": "tcps://10.1.2.3/front"},
    ),
    "oracle, descriptor": (
        "oracledb",
        "u/p@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(Host = db.example)(PORT=1521))(ADDRESS=(HOST=10.9.9.9)))",
        {"dsn": "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(Host = 10.1.2.3)(PORT=1521))(ADDRESS=(HOST=10.9.9.9)))"},
    ),
    "dameng": ("dmPython", "u/p@db.example:5237", {"server": "10.1.2.3"}),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_a_driver_is_told_the_address_that_was_checked(name: str) -> None:
    """However its connection string writes hosts."""
    driver, dsn, expected = TOLD[name]
    package = Recorded()
    DRIVERS[driver].open(package, dsn, 2.0, reach)
    assert {key: package.told.get(key) for key in expected} == expected


REFUSED = {
    "libpq": ("psycopg", "host=db.example,home.example dbname=front", "address-refused"),
    "libpq, by address": ("psycopg", "host=db hostaddr=169.254.169.254", "address-refused"),
    "mysql": ("PyMySQL", "mysql://u:p@home.example/front", "address-refused"),
    "oracle": ("oracledb", "u/p@home.example/front", "address-refused"),
    "oracle, second of a descriptor": (
        "oracledb", "u/p@(A=(HOST=db.example)(HOST=home.example))", "address-refused",
    ),
    "oracle, alias": ("oracledb", "u/p@FRONT", "dsn"),
    "oracle, without an account": ("oracledb", "db.example/front", "dsn"),
    "dameng": ("dmPython", "u/p@home.example", "address-refused"),
    "dameng, no account": ("dmPython", "home.example", "dsn"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_where_one_host_is_not_allowed_nobody_is_connected_to(name: str) -> None:
    """Also where the string is of a kind in which hosts cannot be seen."""
    driver, dsn, why = REFUSED[name]
    package = Recorded()
    with pytest.raises(SourceUnavailable) as refused:
        DRIVERS[driver].open(package, dsn, 2.0, reach)
    assert (refused.value.why, package.told) == (why, {})
