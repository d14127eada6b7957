"""Departments of the simplest kind, in a process of their own: `python -m tests.bench.department PORT`.

`GET /NUMBER?id=…` answers after `DELAY` seconds. `POST /faults?hang=1,2&wrong=3` says who answers
nothing, and who answers something else at once.
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

DELAY = 0.05
Faults = dict[str, set[str]]


def _reply(body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _serve(
    faults: Faults, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while head := await _head(reader):
        url = urlsplit(head.split()[1].decode())
        name = url.path.strip("/")
        if name == "faults":
            faults.clear()
            faults.update({k: set(v[0].split(",")) for k, v in parse_qs(url.query).items()})
            writer.write(_reply(b"{}"))
        elif name in faults.get("hang", ()):
            await asyncio.sleep(3600)
        elif name in faults.get("wrong", ()):
            writer.write(_reply(b'{"error": ' + b"[" * 2000 + b"]" * 2000 + b"}"))
        else:
            await asyncio.sleep(DELAY)
            writer.write(_reply(b'{"data": [{"v": "answer"}]}'))
        await writer.drain()
    writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def main(port: int) -> None:
    """Answer until ended."""
    faults: Faults = {}
    server = await asyncio.start_server(
        lambda reader, writer: _serve(faults, reader, writer), "127.0.0.1", port
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
