"""Starting, controlling and stopping the sandbox, in a thread and as a process."""

from __future__ import annotations

import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from adapters.sandbox import (
    DROPPING,
    NAMES,
    ON_SOCKETS,
    Fault,
    FaultNotThere,
    Sandbox,
    UnknownDepartment,
    credit,
    sandbox,
    write_environment,
)
from catalog import loading
from tests.adapters.sandbox import asking
from tests.adapters.sandbox.conftest import TODAY

SECRETS = (
    "REALESTATE_APP_KEY", "SOCIAL_INSURANCE_DSN", "IMMUNIZATION_TOKEN", "RESIDENCE_PERMIT_KEY",
    "VITAL_RECORDS_APP_SECRET", "MARRIAGE_TOKEN", "BUSINESS_REGISTRY_CLIENT_SECRET", "TAX_KEY",
    "MEDICAL_INSURANCE_APP_SECRET", "MEDICAL_INSURANCE_SM4_KEY", "MEDICAL_INSURANCE_PRIVATE_KEY",
    "MEDICAL_INSURANCE_PLATFORM_KEY", "VEHICLES_APP_KEY",
    "CREDIT_PASSWORD", "CITY_HUB_CLIENT_KEY", "CITY_HUB_EVIDENCE_KEY",
)  # fmt: skip


def named() -> set[str]:
    """The variables that the manifests of a county name, and that of the city's hub."""
    files = [*(loading.COUNTIES / "xinxiang").glob("sources/*.yaml"), credit.MANIFEST]
    texts = (each.read_text() for each in files)
    return {name for text in texts for name in re.findall(r"\$\{(\w+)\}", text)}


def test_the_environment_has_what_the_manifests_name(running: Sandbox) -> None:
    """All variables, and every address on the loopback."""
    assert set(running.environment) == named()
    for name, value in running.environment.items():
        if name.endswith(("_URL", "_DSN")):
            assert urlsplit(value).hostname == "127.0.0.1"


def test_secrets_are_new_at_each_start(running: Sandbox) -> None:
    """No key is a constant of the program."""
    with sandbox(today=TODAY, people=1) as other:
        for name in SECRETS:
            assert other.environment[name] != running.environment[name]


def test_stopping_leaves_nothing_behind() -> None:
    """Neither threads nor listening ports nor files."""
    before = set(threading.enumerate())
    with sandbox(today=TODAY, people=1) as brief:
        ours = {n: v for n, v in brief.environment.items() if n != "CITY_HUB_URL"}
        ports = [urlsplit(v).port for v in ours.values() if "://" in v]
        folders = [Path(brief.environment[f"{name.upper()}_FOLDER"]) for name in DROPPING]
        assert all(any(each.iterdir()) for each in folders)
        ports.append(urlsplit(brief.control_url).port)
        held = [socket.create_connection(("127.0.0.1", port or 0)) for port in ports]
    assert set(threading.enumerate()) == before
    assert not any(each.exists() for each in folders)
    for each, port in zip(held, ports, strict=True):
        each.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0))


def test_it_stops_while_departments_hang(working: Sandbox) -> None:
    """A question nobody answers does not keep the sandbox alive."""
    with sandbox(today=TODAY, people=1) as brief:
        for name in NAMES:
            brief.fault(name, Fault.HANG)
        at = urlsplit(brief.environment["RESIDENCE_PERMIT_URL"])
        waiting = socket.create_connection((str(at.hostname), at.port or 0), timeout=10)
        waiting.sendall(b"GET /api/v2/jzz HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.05)
    with waiting, suppress(ConnectionResetError):
        assert waiting.recv(100) == b""


def test_ports_are_counted_on_from_the_first() -> None:
    """`ports_from` gives the departments and the control socket ports in a row."""
    for first in range(20_000, 30_000, 101):
        try:
            with sandbox(today=TODAY, people=1, ports_from=first) as brief:
                assert urlsplit(brief.environment["HUKOU_URL"]).port == first
                assert urlsplit(brief.control_url).port == first + len(ON_SOCKETS)
                return
        except OSError:
            continue  # taken by somebody else
    pytest.fail("never enough free ports in a row")


@pytest.mark.parametrize("at", [0, 1, len(ON_SOCKETS) - 1, len(ON_SOCKETS)])
def test_a_taken_port_leaves_nothing_behind(at: int) -> None:
    """Whichever of them is taken: an error, no thread, and the other ports are given back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        first = taken.getsockname()[1] - at
        before = set(threading.enumerate())
        with pytest.raises(OSError, match="in use"), sandbox(people=1, ports_from=first):
            pass
        assert set(threading.enumerate()) == before


def test_unknown_departments_and_faults_are_refused(working: Sandbox) -> None:
    """By name, before anything changes."""
    with pytest.raises(UnknownDepartment):
        working.fault("fishery", Fault.SLOW)
    with pytest.raises(UnknownDepartment):
        working.delay("fishery", 5)
    with pytest.raises(ValueError, match="tired"):
        working.fault("hukou", "tired")
    with pytest.raises(FaultNotThere):
        working.fault("hukou", Fault.EXPIRED_CERTIFICATE)


def test_a_delay_stands_beside_faults(working: Sandbox) -> None:
    """Clearing the faults leaves it: a statement that may take 50 ms is still cancelled."""
    working.delay("social-insurance", 30_000)
    try:
        working.clear()
        dsn = working.environment["SOCIAL_INSURANCE_DSN"]
        with psycopg.connect(dsn, options="-c statement_timeout=50", autocommit=True) as opened:
            with pytest.raises(psycopg.errors.QueryCanceled):
                opened.execute("SELECT 1")
            working.delay("social-insurance", 0)
            assert opened.execute("SELECT 1").fetchone()
    finally:
        working.delay("social-insurance", 0)


# --- control ----------------------------------------------------------------------------------


def test_control_tells_how_things_are(working: Sandbox) -> None:
    """`/health` names departments and faults; a fault can be set, seen and cleared over HTTP."""
    with asking.client() as http:
        url = working.control_url
        healthy = http.get(f"{url}/health").json()
        assert healthy["departments"] == dict.fromkeys(NAMES)
        assert healthy["people"] == len(working.population.people)
        order = {"department": "hukou", "fault": "slow", "ms": 20}
        assert http.post(f"{url}/faults", json=order).json()["departments"]["hukou"] == "slow"
        order = {"department": "hukou", "fault": None}
        assert http.post(f"{url}/faults", json=order).json()["departments"]["hukou"] is None
        http.post(f"{url}/faults", json={"department": "realestate", "fault": "refuse"})
        cleared = http.delete(f"{url}/faults").json()
        assert set(cleared["departments"].values()) == {None}


BAD_ORDERS = {
    "not JSON": b"x",
    "a list": b"[]",
    "an unknown department": b'{"department": "fishery", "fault": "slow"}',
    "a fault it cannot have": b'{"department": "hukou", "fault": "expired-certificate"}',
    "no department": b'{"fault": "slow"}',
    "an unknown fault": b'{"department": "hukou", "fault": "tired"}',
    "a fault that is no text": b'{"department": "hukou", "fault": ["slow"]}',
    "an unknown key": b'{"department": "hukou", "fault": "slow", "until": 5}',
    "a negative delay": b'{"department": "hukou", "fault": "slow", "ms": -1}',
    "a delay that is no number": b'{"department": "hukou", "fault": "slow", "ms": true}',
    "a day of delay": b'{"department": "hukou", "fault": "slow", "ms": 86400000}',
}


@pytest.mark.parametrize("case", BAD_ORDERS)
def test_control_refuses_bad_orders(working: Sandbox, case: str) -> None:
    """400 with the reason, and nothing changes."""
    with asking.client() as http:
        response = http.post(f"{working.control_url}/faults", content=BAD_ORDERS[case])
        assert response.status_code == 400
        assert response.json()["error"]
        healthy = http.get(f"{working.control_url}/health").json()
    assert set(healthy["departments"].values()) == {None}


def test_control_knows_the_cases_and_the_truth(running: Sandbox) -> None:
    """Personas with the numbers to ask, and what should be answered; 404 for anybody else."""
    with asking.client() as http:
        listed = {each["id"]: each for each in http.get(f"{running.control_url}/personas").json()}
        told = http.get(f"{running.control_url}/truth/complete").json()
        assert http.get(f"{running.control_url}/truth/nobody").status_code == 404
    number = running.population.personas["complete"].subjects["child"].number
    assert listed["complete"]["subjects"]["child"]["number"] == number
    assert set(told) == {"applicant", "guardian2", "child"}
    (record,) = told["child"]["immunization.record"]
    assert record["values"]["child_id_number"] == number
    assert len(record["lines"]) > 10


# --- a process --------------------------------------------------------------------------------


def _started(path: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "adapters.sandbox", "--environment-file", str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _waited(process: subprocess.Popen[str], path: Path) -> dict[str, str]:
    until = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_writes_its_environment_and_stops_when_told(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The file is whole when it appears and ours alone; a signal ends the process with 0."""
    path = tmp_path / "sandbox.env"
    process = _started(path, "--people", "1")
    try:
        environment = _waited(process, path)
        assert set(environment) == named() | {"SANDBOX_CONTROL_URL"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with asking.client() as http:
            assert http.get(f"{environment['SANDBOX_CONTROL_URL']}/health").status_code == 200
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "沙盒已就绪" in output
    assert errors == ""


_PARENT = """
import os, pathlib, subprocess, sys, time
path = pathlib.Path(sys.argv[1])
subprocess.Popen([sys.executable, "-m", "adapters.sandbox", "--people", "1", "--with-parent",
                  "--environment-file", str(path)], stdout=subprocess.DEVNULL)
while not path.exists():
    time.sleep(0.02)
os._exit(0)
"""


def test_the_process_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """When whoever started it is gone without a word, it ends as well."""
    path = tmp_path / "sandbox.env"
    subprocess.run([sys.executable, "-c", _PARENT, str(path)], check=True, timeout=30)
    lines = path.read_text(encoding="utf-8").splitlines()
    at = urlsplit(dict(line.split("=", 1) for line in lines)["SANDBOX_CONTROL_URL"])
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((str(at.hostname), at.port or 0)).close()
        except ConnectionRefusedError:
            return
        assert time.monotonic() < until, "it is still there"
        time.sleep(0.05)


def test_the_process_says_why_it_cannot_start(tmp_path: Path) -> None:
    """A taken port is one line and exit code 2, not a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        process = _started(tmp_path / "sandbox.env", "--people", "1", "--ports-from", port)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "沙盒未能启动" in output
    assert errors == ""
    assert list(tmp_path.iterdir()) == []


def test_the_environment_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """An old file is replaced; nothing is left of a write that fails."""
    path = tmp_path / "sandbox.env"
    path.write_text("OLD=1\n", encoding="utf-8")
    write_environment(path, {"A": "1"})
    assert path.read_text(encoding="utf-8") == "A=1\n"
    with pytest.raises(UnicodeEncodeError):
        write_environment(path, {"A": "\ud800"})
    assert path.read_text(encoding="utf-8") == "A=1\n"
    assert list(tmp_path.iterdir()) == [path]
