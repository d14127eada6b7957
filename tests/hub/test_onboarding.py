"""Callers and grants: from files of an operator to rows, with a line in the log before each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from catalog.loading import load
from catalog.model import Catalog
from hub.database import Database
from hub.errors import EvidenceUnavailable, InvalidSettings
from hub.evidence import EvidenceLog
from hub.model import Consumer
from hub.onboarding import (
    apply_grants,
    new_client_key,
    public_jwks,
    read_grants,
    register_consumer,
)
from hub.store import StoredDataKeys, all_consumers, all_grants
from hub.vault import Vault
from tests.world.hub import COUNTIES

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
GOOD = """\
grants:
- consumer: xinxiang-intake
  items: [xinxiang-10, xinxiang-19]
  legal_basis: 新政文〔2024〕62号
  basis_kinds: [statutory]
  valid_from: 2026-01-01
  valid_to: 2027-12-31
  resources:
    hukou.person: {provider: 县公安局, fields: [name, hukou_address]}
    residence-permit.status: {provider: 县公安局, fields: ['*']}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Both counties."""
    return load(COUNTIES)


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[EvidenceLog]:
    """A log in a database of each kind."""
    opened = EvidenceLog(
        database, Vault.at(tmp_path / "keys", StoredDataKeys(database)), origin="t"
    )
    yield opened
    opened.close()


def written(folder: Path, text: str | bytes) -> Path:
    """A grants file."""
    path = folder / "grants.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_becomes_one_grant_a_resource(tmp_path: Path, catalog: Catalog) -> None:
    """Days are days in China, and the last one counts whole."""
    person, permit = read_grants(written(tmp_path, GOOD), "xinxiang", catalog)

    assert (person.resource, person.provider) == ("hukou.person", "县公安局")
    assert person.fields == {"name", "hukou_address"}
    assert permit.fields == {"*"}
    assert person.items == {"xinxiang-10", "xinxiang-19"}
    assert person.valid_from == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert person.valid_to == datetime(2027, 12, 31, 16, tzinfo=UTC)
    assert person.id != permit.id


@pytest.mark.parametrize("county", ["xinxiang", "shenqiu"])
def test_the_example_of_each_county_is_good(catalog: Catalog, county: str) -> None:
    """What `make serve` and `make demo` apply."""
    assert read_grants(COUNTIES / county / "grants.yaml", county, catalog)


WRONG: dict[str, tuple[str, str, list[tuple[int, str]]]] = {
    "an item of nowhere": ("xinxiang-10,", "nowhere-1,", [(3, "unknown-item")]),
    "an item of another county": ("xinxiang-10,", "shenqiu-10,", [(3, "unknown-item")]),
    "an unknown resource": ("hukou.person:", "hukou.persn:", [(9, "unknown-resource")]),
    "an unknown field": ("hukou_address", "adress", [(9, "unknown-field")]),
    "an end before the beginning": ("2027-12-31", "2025-12-31", [(7, "valid-to")]),
    "no end": ("  valid_to: 2027-12-31\n", "", [(2, "missing")]),
    "a date that never was": ("2027-12-31", "2027-02-30", [(7, "date_from_datetime_parsing")]),
    "an unknown key": ("legal_basis:", "legal_bases:", [(2, "missing"), (4, "extra_forbidden")]),
    "an unknown kind of basis": ("[statutory]", "[whim]", [(5, "literal_error")]),
    "no consumer": ("xinxiang-intake", "''", [(2, "string_too_short")]),
    "no fields": ("['*']", "[]", [(10, "too_short")]),
    "a key twice": ("  valid_to", "  valid_from", [(7, "duplicate-key")]),
    "an anchor": ("[statutory]", "&a [statutory]", [(5, "anchor")]),
    "three mistakes at once": (
        "[name, hukou_address]", "[nme, hukou_adress, hukou_address]",
        [(9, "unknown-field"), (9, "unknown-field")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, catalog: Catalog, old: str, new: str, expected: list[tuple[int, str]]
) -> None:
    """All at once, and nothing is read."""
    assert old in GOOD
    with pytest.raises(InvalidSettings) as refusal:
        read_grants(written(tmp_path, GOOD.replace(old, new, 1)), "xinxiang", catalog)
    found = [each.split(": ", 1) for each in refusal.value.complaints]

    assert [
        (int(place.rpartition(":")[2]), words[1:].partition("]")[0]) for place, words in found
    ] == (expected)


UNREADABLE = {
    "empty": b"",
    "not UTF-8": "授权".encode("gb18030"),
    "not YAML": b"grants: [",
    "a list": b"- a",
    "no grants": b"grants: []",
    "nested without end": b"[" * 10_000,
    "an alias bomb": b"a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]",
    "two documents": b"grants: []\n---\ngrants: []",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_grants_file_is_refused(tmp_path: Path, catalog: Catalog, text: bytes) -> None:
    """As a complaint that names the file."""
    with pytest.raises(InvalidSettings, match=r"^grants\.yaml:"):
        read_grants(written(tmp_path, text), "xinxiang", catalog)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    """By its name alone."""
    with pytest.raises(InvalidSettings, match=r"^absent\.yaml:"):
        read_grants(tmp_path / "absent.yaml", "xinxiang", catalog)


def test_grants_are_logged_and_can_be_applied_twice(
    tmp_path: Path, catalog: Catalog, database: Database, log: EvidenceLog
) -> None:
    """The same file again changes nothing but the log; a narrower one narrows."""
    grants = read_grants(written(tmp_path, GOOD), "xinxiang", catalog)
    apply_grants(database, log, grants, lambda: NOW)
    apply_grants(database, log, grants, lambda: NOW)
    assert sorted(all_grants(database), key=lambda g: g.id) == sorted(grants, key=lambda g: g.id)
    narrower = replace(grants[0], fields=frozenset({"name"}), active=False)
    apply_grants(database, log, [narrower], lambda: NOW)

    assert narrower in all_grants(database)
    assert grants[0] not in all_grants(database)
    assert log.audit() == []


def test_nothing_is_granted_that_the_log_does_not_hold(
    tmp_path: Path, catalog: Catalog, database: Database, log: EvidenceLog
) -> None:
    """A log that is closed keeps the door closed."""
    grants = read_grants(written(tmp_path, GOOD), "xinxiang", catalog)
    log.close()
    with pytest.raises(EvidenceUnavailable):
        apply_grants(database, log, grants, lambda: NOW)

    assert all_grants(database) == []


def test_a_caller_is_registered_and_suspended(
    tmp_path: Path, database: Database, log: EvidenceLog
) -> None:
    """What is known of it is replaced as a whole; the private key stays where it was made."""
    jwks = new_client_key(tmp_path / "client.jwk")
    caller = Consumer(
        client_id="intake", name="综窗", authority="xinxiang/县教体局", county="xinxiang", jwks=jwks
    )
    register_consumer(database, log, caller, lambda: NOW)
    suspended = replace(caller, active=False)
    register_consumer(database, log, suspended, lambda: NOW)

    assert all_consumers(database) == [suspended]
    assert [set(key) & {"d", "k", "p", "q"} for key in jwks["keys"]] == [set()]
    assert log.audit() == []


def test_a_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    """Asked again it is the same; nobody else may read the file."""
    path = tmp_path / "clients" / "client.jwk"
    first, again = new_client_key(path), new_client_key(path)

    assert first == again
    assert path.stat().st_mode & 0o077 == 0


def jwks(*keys: Any, private: bool = False) -> str:
    """A JWKS file."""
    return json.dumps({"keys": [key.as_dict(private=private) for key in keys]})


KEY = ECKey.generate_key("P-256", {"kid": "2026"})
REFUSED_KEYS = {
    "a private key": jwks(KEY, private=True),
    "a private key among public ones": json.dumps(
        {"keys": [KEY.as_dict(private=False), KEY.as_dict(private=True)]}
    ),
    "a shared secret": jwks(OctKey.generate_key(256), private=True),
    "no keys": '{"keys": []}',
    "no list": '{"keys": 1}',
    "a key alone": json.dumps(KEY.as_dict(private=False)),
    "a list": "[]",
    "not JSON": "{",
    "nested without end": "[" * 100_000,
    "a curve of nowhere": json.dumps({"keys": [{**KEY.as_dict(private=False), "crv": "P-1"}]}),
    "a point beside the curve": json.dumps({"keys": [{**KEY.as_dict(private=False), "x": "AA"}]}),
}


@pytest.mark.parametrize("text", REFUSED_KEYS.values(), ids=REFUSED_KEYS.keys())
def test_what_is_no_set_of_public_keys_is_refused(tmp_path: Path, text: str) -> None:
    """At registration, not at the first token."""
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(InvalidSettings, match=r"^keys\.json: ") as refusal:
        public_jwks(path)

    assert str(KEY.as_dict(private=True)["d"]) not in str(refusal.value)


def test_public_keys_are_read(tmp_path: Path) -> None:
    """As they stand in the file, several of them for a change of keys."""
    other = ECKey.generate_key("P-256", {"kid": "2027"})
    path = tmp_path / "keys.json"
    path.write_text(jwks(KEY, other))
    keys = public_jwks(path)["keys"]

    assert [key["kid"] for key in keys] == ["2026", "2027"]
