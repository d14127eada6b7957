"""Keys and sealed values: what opens, and everything that must not."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
