"""Keys and sealed values: what opens, and everything that must not."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import KeyUnavailable
from hub.vault import MemoryDataKeys, Vault, signature_holds

NUMBER = "990101199001010019"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A fresh vault."""
    return Vault.at(tmp_path / "keys", MemoryDataKeys())


def test_sealed_value_opens_at_its_own_place_only(vault: Vault) -> None:
    """The table, the column and the row are part of what is authenticated."""
    sealed = vault.seal("t", "c", "r", NUMBER)

    assert vault.open_sealed("t", "c", "r", sealed) == NUMBER
    for place in (("x", "c", "r"), ("t", "x", "r"), ("t", "c", "x")):
        with pytest.raises(KeyUnavailable):
            vault.open_sealed(*place, sealed)


def test_every_changed_byte_is_noticed(vault: Vault) -> None:
    """No byte of a sealed value can be changed, and no prefix opens."""
    sealed = vault.seal("t", "c", "r", NUMBER)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(KeyUnavailable):
            vault.open_sealed("t", "c", "r", bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(KeyUnavailable):
            vault.open_sealed("t", "c", "r", sealed[:length])


def test_equal_values_look_different_but_are_found_again(vault: Vault) -> None:
    """Ciphertexts of equal values differ; their blind indexes are equal within a column only."""
    assert vault.seal("t", "c", "r", NUMBER) != vault.seal("t", "c", "r", NUMBER)
    assert vault.blind_index("a", "99010119900101001x") == vault.blind_index(
        "a", " 99010119900101001Ｘ"
    )
    assert vault.blind_index("a", NUMBER) != vault.blind_index("b", NUMBER)
    assert NUMBER.encode() not in vault.blind_index("a", NUMBER)


def test_keys_of_an_older_month_still_open(tmp_path: Path) -> None:
    """Sealing moves on to a new data key each month; opening finds the old one."""
    months = [datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)]
    keys = MemoryDataKeys()
    vault = Vault.at(tmp_path / "keys", keys)
    vault.clock = lambda: months[0]
    sealed = vault.seal("t", "c", "r", "一月")
    vault.clock = lambda: months[1]
    vault.seal("t", "c", "r", "二月")

    assert len(keys.rows) == 3  # two months, and the root secret
    again = Vault.at(tmp_path / "keys", keys)
    assert again.open_sealed("t", "c", "r", sealed) == "一月"


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    """The wrapped keys are worthless without the master key."""
    keys = MemoryDataKeys()
    sealed = Vault.at(tmp_path / "one", keys).seal("t", "c", "r", NUMBER)
    with pytest.raises(KeyUnavailable):
        Vault.at(tmp_path / "two", keys).open_sealed("t", "c", "r", sealed)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Wide permissions stop the start."""
    Vault.at(tmp_path, MemoryDataKeys())
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(KeyUnavailable, match="readable-by-others"):
        Vault.at(tmp_path, MemoryDataKeys())


def test_a_folder_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The folder counts as much as the file."""
    Vault.at(tmp_path / "keys", MemoryDataKeys())
    (tmp_path / "keys").chmod(0o750)
    with pytest.raises(KeyUnavailable, match="readable-by-others"):
        Vault.at(tmp_path / "keys", MemoryDataKeys())


def test_the_keys_are_ours_alone(tmp_path: Path) -> None:
    """Made for us only, and nothing half-written is left beside."""
    Vault.at(tmp_path / "keys", MemoryDataKeys()).rotate_master()

    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert [(p.name, stat.S_IMODE(p.stat().st_mode)) for p in (tmp_path / "keys").iterdir()] == [
        ("master.key", 0o600)
    ]


def test_many_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    """Of eight starts on an empty folder one makes the key, and all use it."""
    keys = MemoryDataKeys()
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.at(tmp_path / "keys", keys), range(8)))

    assert len({vault.public_key for vault in vaults}) == 1


def test_a_database_of_another_master_key_stops_the_start(tmp_path: Path) -> None:
    """A lost master key is noticed at once, not when the first value does not open."""
    keys = MemoryDataKeys()
    Vault.at(tmp_path / "one", keys)
    with pytest.raises(KeyUnavailable, match="not-of-this-database"):
        Vault.at(tmp_path / "two", keys)


def test_the_master_key_can_be_changed_again_and_again(tmp_path: Path) -> None:
    """Nothing that was sealed is lost, and in the end the first master key opens nothing."""
    keys = MemoryDataKeys()
    vault = Vault.at(tmp_path / "keys", keys)
    sealed = vault.seal("t", "c", "r", NUMBER)
    first = (tmp_path / "keys" / "master.key").read_bytes()
    for _ in range(3):
        vault.rotate_master()
    again = Vault.at(tmp_path / "keys", keys)

    assert again.open_sealed("t", "c", "r", sealed) == NUMBER
    assert again.public_key == vault.public_key
    assert first.strip() not in (tmp_path / "keys" / "master.key").read_bytes()
    (tmp_path / "keys" / "master.key").write_bytes(first)
    with pytest.raises(KeyUnavailable):
        Vault.at(tmp_path / "keys", keys)


@pytest.mark.parametrize("interrupted_after", [1, 2])
def test_an_interrupted_change_can_be_done_again(tmp_path: Path, interrupted_after: int) -> None:
    """A crash after any step of a rotation leaves a vault that starts, opens and can rotate."""
    keys = MemoryDataKeys()
    vault = Vault.at(tmp_path / "keys", keys)
    sealed = vault.seal("t", "c", "r", NUMBER)
    for step in (vault._rewrap, vault.wrapping.renew)[:interrupted_after]:
        step()
    again = Vault.at(tmp_path / "keys", keys)

    assert again.open_sealed("t", "c", "r", sealed) == NUMBER
    again.rotate_master()
    again.rotate_master()
    assert Vault.at(tmp_path / "keys", keys).open_sealed("t", "c", "r", sealed) == NUMBER


def test_a_process_that_slept_through_a_change_wraps_with_the_new_key(tmp_path: Path) -> None:
    """A key made by a process that runs on during rotations opens after all of them."""
    keys = MemoryDataKeys()
    sleeping, changing = (Vault.at(tmp_path / "keys", keys) for _ in range(2))
    changing.rotate_master()
    changing.rotate_master()
    sealed = sleeping.seal("new", "c", "r", NUMBER)

    assert Vault.at(tmp_path / "keys", keys).open_sealed("new", "c", "r", sealed) == NUMBER


@given(st.text(), st.text(max_size=20))
def test_every_text_comes_back(value: str, row: str) -> None:
    """Whatever can be written in UTF-8 is sealed and opened unchanged."""
    sealed = MEMORY_VAULT.seal("t", "c", row, value)

    assert MEMORY_VAULT.open_sealed("t", "c", row, sealed) == value


class PlainWrapping:
    """A master key that is a device of the test's own: it only counts."""

    def wrap(self, key: bytes) -> bytes:
        """Reversed."""
        return key[::-1]

    def unwrap(self, wrapped: bytes) -> bytes:
        """And back."""
        return wrapped[::-1]

    def renew(self) -> None:
        """Nothing to change."""


MEMORY_VAULT = Vault(PlainWrapping(), MemoryDataKeys())
"""A vault over another holder of the master key than a file."""


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 44, b"QQ=="])
def test_a_damaged_master_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """Half a key is no key."""
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnavailable):
        Vault.at(tmp_path, MemoryDataKeys())


def test_nothing_secret_shows(vault: Vault) -> None:
    """A vault in a log line or a traceback shows nothing."""
    vault.seal("t", "c", "r", NUMBER)
    assert repr(vault) == "Vault()"


def test_signatures(vault: Vault) -> None:
    """A signature holds for its message and key only."""
    signature = vault.sign(b"message")

    assert signature_holds(vault.public_key, b"message", signature)
    assert not signature_holds(vault.public_key, b"Message", signature)
    assert not signature_holds(os.urandom(32), b"message", signature)
    assert not signature_holds(b"short", b"message", signature)
