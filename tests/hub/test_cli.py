"""The command: every verb is listed without being loaded, and tells what is wrong in a line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.verbs import VERBS


def mianti(*words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hub", *words], capture_output=True, text=True, check=False
    )


def test_help_lists_every_verb_and_loads_no_room() -> None:
    """Whoever asks what there is waits for nothing."""
    code = (
        "import sys; from typer.testing import CliRunner; from hub.cli import app;"
        "told = CliRunner().invoke(app, ['--help']).output;"
        "print([n for n in sys.argv[1:] if n not in told]);"
        "heavy = {'adapters.sandbox', 'seals', 'certificates', 'sqlalchemy', 'fastapi'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *VERBS], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "[]"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_tells_how_it_is_used(verb: str) -> None:
    """Chinese first, and with its own verbs or options."""
    done = CliRunner().invoke(app, [verb, "--help"])
    assert done.exit_code == 0
    assert f"{verb} [OPTIONS]" in done.output
    assert any("一" <= each <= "鿿" for each in done.output)


@pytest.mark.parametrize(("verb", "attached"), [("adapters", "drift"), ("keys", "rotate")])
def test_verbs_of_the_hub_stand_among_those_of_a_room(verb: str, attached: str) -> None:
    """They need the hub's database and keys."""
    assert CliRunner().invoke(app, [verb, attached, "--help"]).exit_code == 0


@pytest.mark.parametrize("content", ["{", "[]", '{"kty": "RSA"}'])
def test_a_key_that_is_none_is_told_in_a_line(content: str, tmp_path: Path) -> None:
    """Without a stack, and without what is in the file."""
    file = tmp_path / "key.json"
    file.write_text(content, encoding="utf-8")
    done = mianti("token", "--client", "a", "--key", str(file))
    assert (done.returncode, done.stderr) == (1, "hub.key-unavailable: client-key\n")
