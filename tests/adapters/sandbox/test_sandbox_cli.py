"""`mianti sandbox …` as somebody at a terminal sees it, against a sandbox that runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from adapters.sandbox import DROPPING, NAMES, ON_SOCKETS, Sandbox, truth
from hub.cli import app

RUN = CliRunner()


def run(sandbox: Sandbox, *words: str) -> Result:
    """One verb, at the control socket of that sandbox."""
    return RUN.invoke(app, ["sandbox", *words, "--control", sandbox.control_url])


def test_a_fault_is_switched_on_listed_and_cleared(working: Sandbox) -> None:
    """Each verb says how all departments are."""
    assert run(working, "fault").output.count("正常 works") == len(NAMES)
    assert "tax: maintenance" in run(working, "fault", "tax", "maintenance").output
    assert "marriage: slow" in run(working, "fault", "marriage", "slow", "--ms", "5").output
    one = run(working, "fault", "tax", "--clear").output
    assert ("tax: 正常" in one, "marriage: slow" in one) == (True, True)
    assert run(working, "fault", "--clear").output.count("正常 works") == len(NAMES)


REFUSALS = {
    "an unknown department": ("fault", "fishery", "slow"),
    "an unknown fault": ("fault", "tax", "tired"),
    "a fault it cannot have": ("fault", "tax", "expired-certificate"),
    "a fault no folder can have": ("fault", "relief", "redirect"),
    "too slow": ("fault", "tax", "slow", "--ms", "999999999"),
    "an unknown case": ("persona", "nobody"),
    "a number nobody has": ("truth", "990101199001010019"),
    "no number": ("truth", ""),
}


@pytest.mark.parametrize("words", REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_is_refused_in_words(working: Sandbox, words: tuple[str, ...]) -> None:
    """One line, exit code 1, and nothing has changed."""
    found = run(working, *words)
    assert found.exit_code == 1
    assert len(found.output.strip().splitlines()) == 1
    assert run(working, "fault").output.count("正常 works") == len(NAMES)


def test_a_department_without_a_fault_is_asked_back(working: Sandbox) -> None:
    """Neither a fault nor --clear: that is no order."""
    assert run(working, "fault", "tax").exit_code == 2


def test_cases_and_the_truth_are_looked_up(working: Sandbox) -> None:
    """By name, and by number of a person and of an enterprise."""
    listed = run(working, "persona").output
    for persona in working.population.personas.values():
        assert f"{persona.id}: {persona.description}" in listed
    for id_, role in (("complete", "applicant"), ("enterprise", "enterprise")):
        subject = working.population.personas[id_].subjects[role]
        assert f"{role}: {subject.name} {subject.number}" in run(working, "persona", id_).output
        told = json.loads(run(working, "truth", subject.number).output)
        wanted = truth(working.population, subject)
        assert told.keys() == wanted.keys()
        for resource, records in wanted.items():
            assert [each["values"] for each in told[resource]] == [dict(r.values) for r in records]


@pytest.mark.parametrize("control", ["http://127.0.0.1:9", "ftp://x:1", "nonsense", "http://x"])
def test_no_sandbox_is_said_in_words(control: str) -> None:
    """Nobody there, or no address at all."""
    found = RUN.invoke(app, ["sandbox", "fault", "--control", control])
    assert found.exit_code == 1
    assert len(found.output.strip().splitlines()) == 1


def test_up_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """It prints every department's address and leaves the variables in a file."""
    file = tmp_path / "sandbox.env"
    for first in range(21_000, 30_000, 203):
        words = ["sandbox", "up", "--people", "1", "--ports-from", str(first),
                 "--environment-file", str(file)]  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", "from hub.cli import main; main()", *words], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        while process.poll() is None and not file.exists():
            time.sleep(0.05)
        if file.exists():
            break
        process.communicate()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    for at, name in enumerate(ON_SOCKETS):
        assert f"127.0.0.1:{first + at}  {name}" in output
    for name in DROPPING:
        assert f"${name.upper()}_FOLDER  {name}" in output
    assert "沙盒已就绪" in output
    assert f"SANDBOX_CONTROL_URL=http://127.0.0.1:{first + len(ON_SOCKETS)}" in file.read_text()
