"""Settings: where they come from, which wins, and every complaint at once without a value in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hub.errors import InvalidSettings
from hub.settings import Configuration, Settings, read_configuration

SECRET = "geheimnis"
ADDRESS = f"postgresql+psycopg://hub:{SECRET}@db/hub"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nothing of ours is set from outside."""
    for name in list(os.environ):
        if name.upper().startswith("MIANTI_"):
            monkeypatch.delenv(name)
    return monkeypatch


def read(
    environment: pytest.MonkeyPatch,
    variables: Mapping[str, str],
    file: tuple[Path, str | bytes] | None = None,
) -> Configuration:
    """Read the configuration with these variables and this file."""
    if file is not None:
        path, text = file
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        environment.setenv("MIANTI_CONFIG", str(path))
    for name, value in variables.items():
        environment.setenv(name, value)
    return read_configuration()


def test_without_anything_the_embedded_defaults_hold(bare_environment: pytest.MonkeyPatch) -> None:
    """SQLite below `var/`, all counties, this machine only."""
    settings = read(bare_environment, {}).settings

    assert settings == Settings()
    assert settings.database == "sqlite:///var/hub/hub.sqlite3"
    assert settings.county_ids is None
    assert settings.host == "127.0.0.1"


PRECEDENCE: dict[str, tuple[Mapping[str, str], str, int]] = {
    "the default": ({}, "", 8600),
    "the file over the default": ({}, "port = 1", 1),
    "the environment over the file": ({"MIANTI_PORT": "2"}, "port = 1", 2),
    "in small letters too": ({"mianti_port": "3"}, "port = 1", 3),
    "over a file that is wrong there": ({"MIANTI_PORT": "4"}, "port = 'x'", 4),
    "each by itself": ({"MIANTI_HOST": "::1"}, "port = 5", 5),
}


@pytest.mark.parametrize(("variables", "file", "port"), PRECEDENCE.values(), ids=PRECEDENCE.keys())
def test_the_environment_wins_over_the_file_over_the_default(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path,
    variables: Mapping[str, str], file: str, port: int,
) -> None:  # fmt: skip
    """What an operator changes in a hurry is what counts."""
    found = read(bare_environment, variables, (tmp_path / "hub.toml", file))

    assert found.settings.port == port


def test_counties_are_named_with_commas(bare_environment: pytest.MonkeyPatch) -> None:
    """Blanks and empty parts say nothing."""
    found = read(bare_environment, {"MIANTI_COUNTIES": " xinxiang, ,shenqiu,"})

    assert found.settings.county_ids == {"xinxiang", "shenqiu"}


def test_sources_draw_from_the_same_environment(bare_environment: pytest.MonkeyPatch) -> None:
    """What a manifest calls `${NAME}`; the place of our own file is none of its business."""
    found = read(bare_environment, {"PERMIT_KEY": SECRET})

    assert found.environment["PERMIT_KEY"] == SECRET
    assert "MIANTI_CONFIG" not in found.environment


COMPLAINTS: dict[str, tuple[Mapping[str, str], str | bytes, tuple[str, ...]]] = {
    "every one at once": (
        {"MIANTI_PORT": SECRET, "MIANTI_TOKEN_SECONDS": "1", "MIANTI_MAX_BODY_BYTES": "-1"},
        f"assertion_seconds = '{SECRET}'\nidempotency_hours = 1000",
        ("ASSERTION_SECONDS", "IDEMPOTENCY_HOURS", "MAX_BODY_BYTES", "PORT", "TOKEN_SECONDS"),
    ),
    "an unknown variable": ({"MIANTI_PROT": SECRET}, "", ("PROT",)),
    "an unknown variable beside a wrong one": (
        {"MIANTI_PROT": SECRET, "MIANTI_PORT": SECRET}, "", ("PORT", "PROT"),
    ),
    "an unknown line": ({}, f"typo = '{SECRET}'", ("TYPO",)),
    "an unknown table": ({}, f"[hub]\nport = '{SECRET}'", ("HUB",)),
    "an empty variable": ({"MIANTI_PORT": ""}, "", ("PORT",)),
    "a port beyond all ports": ({"MIANTI_PORT": "65536"}, "", ("PORT",)),
    "a list for a text": ({}, f"counties = ['{SECRET}']", ("COUNTIES",)),
    "a file that is not TOML": ({}, f"port = {SECRET} =", ("CONFIG",)),
    "a file that is not UTF-8": ({}, b"# \xff", ("CONFIG",)),
    "a file with a key twice": ({}, f"host = '{SECRET}'\nhost = '{SECRET}'", ("CONFIG",)),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "file", "names"), COMPLAINTS.values(), ids=COMPLAINTS.keys())
def test_every_complaint_names_its_setting_and_no_value(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path,
    variables: Mapping[str, str], file: str | bytes, names: tuple[str, ...],
) -> None:  # fmt: skip
    """All of them together, so that one start tells what ten would."""
    with pytest.raises(InvalidSettings) as refusal:
        read(bare_environment, variables, (tmp_path / "hub.toml", file))
    complaints = refusal.value.complaints

    assert sorted(each.partition(":")[0] for each in complaints) == [f"MIANTI_{n}" for n in names]
    assert SECRET not in str(refusal.value)


def test_a_file_that_is_not_there_is_said(bare_environment: pytest.MonkeyPatch) -> None:
    """By the name of the setting, not of the file."""
    with pytest.raises(InvalidSettings) as refusal:
        read(bare_environment, {"MIANTI_CONFIG": f"/{SECRET}.toml"})

    assert refusal.value.complaints == ("MIANTI_CONFIG: FileNotFoundError",)


def test_addresses_with_passwords_are_in_no_representation(
    bare_environment: pytest.MonkeyPatch,
) -> None:
    """Of the database, of the cache, and of what sources draw from."""
    variables = {"MIANTI_DATABASE_URL": ADDRESS, "MIANTI_CACHE_URL": ADDRESS, "KEY": SECRET}
    found = read(bare_environment, variables)

    assert found.settings.database == ADDRESS
    assert SECRET not in repr(found) + str(found) + str(found.settings)


def test_the_command_says_all_complaints_and_nothing_else(tmp_path: Path) -> None:
    """One a line on standard error, a failure for the caller, and no traceback."""
    environment = {
        **os.environ,
        "MIANTI_PORT": SECRET,
        "MIANTI_TOKEN_SECONDS": "1",
        "MIANTI_PROT": SECRET,
        "MIANTI_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "hub", "serve"],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    lines = done.stderr.splitlines()

    assert (done.returncode, done.stdout) == (1, "")
    assert [each.partition(":")[0] for each in lines] == [
        "MIANTI_PROT", "MIANTI_PORT", "MIANTI_TOKEN_SECONDS",
    ]  # fmt: skip
    assert SECRET not in done.stderr
