"""Fetching new drops over SFTP into the drop folder.

The server is known by its host key, and no other is spoken to. A drop is fetched when what belongs
to it is there, data first and flag last, so that what lies in the drop folder is whole in the same
sense as on the server. Nothing is changed or deleted there.
"""

from __future__ import annotations

import asyncio
import json
import os
from asyncio import timeout
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adapters.egress import Network
from adapters.errors import SourceRefused, SourceUnavailable
from adapters.files.drops import MAX_CONTROL, MAX_FILES, beside
from adapters.files.terms import FilesConnect, SFTPTerms
from adapters.resolving import pinned
from adapters.values import parsed_networks

LEDGER = ".fetched.json"
"""In the drop folder: what was fetched, so that it is not fetched again when it is tidied away."""
_CHUNK = 256 * 1024
_STALLED = 30.0
"""Seconds after which a server that says nothing counts as gone."""

Stamps = dict[str, list[int]]
"""Name of a data file → its size and time on the server."""


def installed() -> bool:
    """Is the extra `sftp` there?"""
    return find_spec("asyncssh") is not None


async def fetch_new(
    connect: FilesConnect,
    terms: SFTPTerms,
    patterns: Iterable[str],
    networks: tuple[Network, ...] = (),
) -> None:
    """Fetch the whole drops that `patterns` name and that were not fetched before.

    Args:
        connect: Where they are put, and what belongs to a drop.
        terms: Where they come from.
        patterns: Names of data files.
        networks: Private networks that the names of all sources may lead to.

    Raises:
        SourceUnavailable: `sftp`: the server is not reachable, or stops in between;
            `address-refused`: its name leads where we do not go; `sftp-too-large`.
        SourceRefused: `sftp-host-key`, `sftp-login`, `sftp-denied`, `sftp-key`.
    """
    import asyncssh  # noqa: PLC0415 -- an extra, and half a second to import

    try:
        host = await _address(terms, networks)
        async with (
            asyncssh.connect(host, **_options(asyncssh, terms, connect.timeout)) as connection,
            connection.start_sftp_client() as client,
        ):
            await _fetch(client, connect, terms.folder, tuple(patterns))
    except asyncssh.HostKeyNotVerifiable:
        raise SourceRefused("sftp-host-key") from None
    except asyncssh.PermissionDenied:
        raise SourceRefused("sftp-login") from None
    except asyncssh.SFTPPermissionDenied:
        raise SourceRefused("sftp-denied") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise SourceRefused("sftp-key") from None
    except (OSError, asyncssh.Error, TimeoutError, ValueError, IndexError):
        raise SourceUnavailable("sftp") from None


async def _address(terms: SFTPTerms, networks: tuple[Network, ...]) -> str:
    """The address to connect to: as written, or what the name leads to where it may."""
    open_to = (*parsed_networks(terms.allow_networks), *networks)
    return (await asyncio.to_thread(pinned, terms.host, terms.port, open_to))[0]


def _options(module: Any, terms: SFTPTerms, within: float) -> dict[str, Any]:
    """One trusted host key, one proof of ours, and none of this machine's own settings."""
    key = terms.private_key
    return {
        "port": terms.port,
        "username": terms.user,
        "password": terms.password.get_secret_value() if terms.password else None,
        "client_keys": [module.import_private_key(key.get_secret_value())] if key else None,
        "known_hosts": ([module.import_public_key(terms.host_key)], [], []),
        "config": None,
        "agent_path": None,
        "connect_timeout": within,
        "login_timeout": within,
    }


async def _fetch(
    client: Any, connect: FilesConnect, remote: str, patterns: tuple[str, ...]
) -> None:
    folder = Path(connect.folder)
    fetched = _ledger(folder)
    there = await _listed(client, remote)
    for name, stamp in sorted(there.items()):
        wanted = any(fnmatchcase(name, pattern) for pattern in patterns)
        others = beside(connect, name)
        if not wanted or name in others or not set(others) <= set(there):
            continue
        if fetched.get(name) == stamp or stamp[0] > connect.max_bytes:
            continue
        await _copied(client, remote, name, folder, connect.max_bytes)
        # The flag is what is written last there, so it is what is written last here.
        for other in sorted(others, key=lambda each: each == _flag(connect, name)):
            await _copied(client, remote, other, folder, MAX_CONTROL)
        fetched[name] = stamp
        _put(folder / LEDGER, json.dumps(fetched, ensure_ascii=False).encode())


def _flag(connect: FilesConnect, name: str) -> str | None:
    return beside(connect, name)[0] if connect.flag else None


async def _listed(client: Any, remote: str) -> Stamps:
    """Regular files in the folder whose names are names."""
    found: Stamps = {}
    entries = aiter(client.scandir(remote))
    for _ in range(MAX_FILES):
        async with timeout(_STALLED):
            entry = await anext(entries, None)
        if entry is None:
            break
        name, attributes = str(entry.filename), entry.attrs
        plain = attributes.type == 1 and name.isprintable() and not name.startswith(".")
        if plain and "/" not in name and "\\" not in name:
            found[name] = [int(attributes.size or 0), int(attributes.mtime or 0)]
    return found


async def _copied(client: Any, remote: str, name: str, folder: Path, most: int) -> None:
    """Copy one file under a name nobody reads, then give it its own."""
    part = folder / f".{name}.part"
    part.unlink(missing_ok=True)
    size = 0
    try:
        with part.open("xb") as local:
            os.fchmod(local.fileno(), 0o600)
            async with client.open(f"{remote.rstrip('/')}/{name}", "rb") as stream:
                while chunk := await _read(stream):
                    size += len(chunk)
                    if size > most:
                        raise SourceUnavailable("sftp-too-large")
                    local.write(chunk)
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)


async def _read(stream: Any) -> bytes:
    async with timeout(_STALLED):
        chunk: bytes = await stream.read(_CHUNK)
    return chunk


def _ledger(folder: Path) -> Stamps:
    with suppress(OSError, ValueError):
        found = json.loads((folder / LEDGER).read_bytes())
        if isinstance(found, dict):
            return found
    return {}


def _put(path: Path, body: bytes) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.write_bytes(body)
    part.replace(path)
