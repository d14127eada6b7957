"""Drops fetched over SFTP from a real server: what is fetched, and who is spoken to."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from adapters.model import Outcome, SourceReply
from adapters.ports import Surroundings
from adapters.registry import connect
from tests.adapters.drops import MANIFEST, RESOURCE, ROWS, SOURCE, TODAY, csv_of, drop
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, call, now, write

pytestmark = pytest.mark.anyio

OURS = asyncssh.generate_private_key("ssh-ed25519")
THEIRS = asyncssh.generate_private_key("ssh-ed25519")
OTHERS = asyncssh.generate_private_key("ssh-ed25519")
PASSWORD = "hush-hush"


def public(key: asyncssh.SSHKey) -> str:
    """A host key as a manifest has it."""
    return " ".join(key.export_public_key().decode().split()[:2])


class Login(asyncssh.SSHServer):
    """Lets one user in, by password or key."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("mianti", PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "mianti" and key == OURS.convert_to_public()


class Silent(asyncssh.SFTPServer):
    """Lists its files, and then says nothing more."""

    def open(self, _path: bytes, _flags: int, _attributes: asyncssh.SFTPAttrs) -> object:
        return object()

    def close(self, _file: object) -> None:
        """There is nothing to close."""

    async def read(self, _file: object, _offset: int, _size: int) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError


@asynccontextmanager
async def serving(
    root: Path, kind: type[asyncssh.SFTPServer] = asyncssh.SFTPServer
) -> AsyncIterator[int]:
    """An SFTP server over `root`; gives its port."""
    server = await asyncssh.create_server(
        Login, "127.0.0.1", 0, server_host_keys=[THEIRS],
        sftp_factory=lambda channel: kind(channel, chroot=os.fsencode(root)),
    )  # fmt: skip
    try:
        yield server.get_port()
    finally:
        server.close()
        await server.wait_closed()


async def asked(
    folder: Path, port: int, terms: Mapping[str, str] | None = None, within: float = 20
) -> SourceReply:
    """Connect, ask once, close."""
    said = {"user": "mianti", "host_key": public(THEIRS), "proof": "password: '${PASSWORD}'",
            "folder": "/out", "host": "127.0.0.1", **(terms or {})}  # fmt: skip
    sftp = (
        f"format: csv\n  sftp:\n    host: {said['host']}\n    port: {port}\n    user: {said['user']}\n"
        f"    {said['proof']}\n    host_key: {said['host_key']}\n    folder: {said['folder']}"
    )
    (folder / "drop").mkdir(exist_ok=True)
    county = connect(
        write(folder, permit=MANIFEST.replace("format: csv", sftp)), county=COUNTY, catalog=CATALOG,
        environment={
            "DROP_FOLDER": str(folder / "drop"), "PASSWORD": PASSWORD,
            "KEY": OURS.export_private_key().decode(),
        },
        now=now, surroundings=Surroundings(data_dir=folder / "data"),
    )  # fmt: skip
    reply = await county.sources[SOURCE].answer(call(RESOURCE), within=within)
    await county.aclose()
    return reply


PROOFS = {"password": "password: '${PASSWORD}'", "key": "private_key: '${KEY}'"}


@pytest.mark.parametrize("name", PROOFS)
async def test_whole_drops_are_fetched_once(tmp_path: Path, name: str) -> None:
    """By password or key; what is not whole, or is no plain file, stays there; nothing is changed
    on the server, and what was fetched is not fetched again.
    """
    out = tmp_path / "there" / "out"
    out.parent.mkdir()
    drop(out, csv_of(*ROWS))
    drop(out, csv_of(*ROWS), "jzz_20261125.csv", flag=False)
    drop(out, csv_of(*ROWS), "wage_20261125.csv")
    (out / "jzz_20261126.csv").symlink_to(out / TODAY)
    (out / "jzz_20261126.ctl").touch()
    (out / "jzz_20261126.csv.ok").touch()
    there = sorted(path.name for path in out.iterdir())
    async with serving(tmp_path / "there") as port:
        reply = await asked(tmp_path, port, {"proof": PROOFS[name]})
        assert reply.outcome is Outcome.ANSWERED, reply.why
        assert {path.name for path in (tmp_path / "drop").iterdir()} == {
            TODAY, f"{TODAY}.ok", "jzz_20261124.ctl", ".fetched.json",
        }  # fmt: skip
        (tmp_path / "drop" / TODAY).unlink()
        again = await asked(tmp_path, port, {"proof": PROOFS[name]})
    assert again.outcome is Outcome.ANSWERED
    assert not (tmp_path / "drop" / TODAY).exists()
    assert sorted(path.name for path in out.iterdir()) == there


REFUSED: dict[str, tuple[dict[str, str], Outcome, str]] = {
    "another host key": (
        {"host_key": public(OTHERS)}, Outcome.REFUSED, "files.sftp-host-key",
    ),
    "another user": ({"user": "somebody"}, Outcome.REFUSED, "files.sftp-login"),
    "a folder that is not there": ({"folder": "/in"}, Outcome.UNREACHABLE, "files.sftp"),
    "localhost, which is the operator's word": ({"host": "localhost"}, Outcome.ANSWERED, ""),
    "a metadata address": (
        {"host": "169.254.169.254"}, Outcome.UNREACHABLE, "files.address-refused",
    ),
    "a folder above": ({"folder": "/../../out"}, Outcome.ANSWERED, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_who_is_spoken_to(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the server of that key; what goes wrong is told by its kind, and neither password nor
    person is in a log.
    """
    terms, outcome, why = REFUSED[name]
    caplog.set_level(logging.DEBUG)
    (tmp_path / "there").mkdir()
    drop(tmp_path / "there" / "out", csv_of(*ROWS))
    async with serving(tmp_path / "there") as port:
        reply = await asked(tmp_path, port, terms)
    assert (reply.outcome, reply.why or "") == (outcome, why)
    assert not any(secret in caplog.text for secret in (PASSWORD, ID_NUMBER, NAME))


async def test_a_dead_server_leaves_what_was_fetched(tmp_path: Path) -> None:
    """The index that stands goes on answering; without one the answer says what is wrong."""
    (tmp_path / "there").mkdir()
    drop(tmp_path / "there" / "out", csv_of(*ROWS))
    async with serving(tmp_path / "there") as port:
        pass
    before = await asked(tmp_path, port)
    assert (before.outcome, before.why) == (Outcome.UNREACHABLE, "files.sftp")
    async with serving(tmp_path / "there") as port:
        assert (await asked(tmp_path, port)).outcome is Outcome.ANSWERED
    assert (await asked(tmp_path, port)).outcome is Outcome.ANSWERED


async def test_a_server_that_says_nothing_holds_nobody_up(tmp_path: Path) -> None:
    """Neither a question nor closing waits for it, and what was half fetched is not left behind."""
    (tmp_path / "there").mkdir()
    drop(tmp_path / "there" / "out", csv_of(*ROWS))
    async with asyncio.timeout(15), serving(tmp_path / "there", Silent) as port:
        reply = await asked(tmp_path, port, within=1)
    assert reply.outcome is Outcome.TIMED_OUT
    assert list((tmp_path / "drop").iterdir()) == []


async def test_names_that_are_no_names_are_not_fetched(tmp_path: Path) -> None:
    """A file of that name would be hidden, or lie where nobody looks."""
    out = tmp_path / "there" / "out"
    out.parent.mkdir()
    for name in (f".{TODAY}", "jzz_\u202e1.csv", "jzz_a\\b.csv", "jzz_\n.csv"):
        drop(out, csv_of(*ROWS), name)
    async with serving(tmp_path / "there") as port:
        reply = await asked(tmp_path, port)
    assert reply.why == "files.no-data"
    assert list((tmp_path / "drop").iterdir()) == []
