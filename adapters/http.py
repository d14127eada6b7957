"""The one way we speak HTTP to a source.

Each source has a client of its own, so that one that hangs takes no connections from another. It
contacts the configured origin and nobody else: no proxies from the environment, no redirects, no
cookies. Bodies are read as they come and cut off at the source's limit, before and after
decompression.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from pydantic import Field
from yarl import URL

from adapters.auth import AuthTerms, Identification, NoAuth, authenticator
from adapters.errors import (
    AdapterError,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.kinds import Now
from adapters.manifest import Connect
from adapters.model import RawReply
from adapters.values import Bytes, Charset

# Its logs may hold an address with its query, and a query may hold a citizen number.
logging.getLogger("aiohttp").setLevel(logging.CRITICAL)


class HTTPConnect(Connect):
    """What all kinds over HTTP have in common."""

    max_bytes: Bytes = 1024 * 1024
    """Largest body, after decompression."""
    charset: Charset | None = None
    """Overrules what the source declares."""
    auth: AuthTerms = NoAuth()
    connections: int = Field(default=20, ge=1, le=200)
    """Most connections at a time."""
    ca_file: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]+$")
    """PEM file beside the manifest with the authority behind the source's TLS."""

    @property
    def overruling_charset(self) -> str | None:
        return self.charset


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request below the source's address."""

    method: str
    path: str
    """Begins with a slash, or empty for the address itself; without query."""
    query: Mapping[str, str] | tuple[tuple[str, str], ...] | None = None
    headers: Mapping[str, str] | None = None
    json: Any = None
    form: Mapping[str, str] | None = None
    content: bytes | None = None
    expected: frozenset[int] = frozenset()
    """Statuses the asker knows what to make of, beyond the successful ones."""


class HTTPClient:
    """A client for one source. Its connections belong to the event loop of the first question."""

    def __init__(self, address: str, connect: HTTPConnect, *, folder: Path, now: Now) -> None:
        self._base = URL(address)
        self._limit, self._connections = connect.max_bytes, connect.connections
        self._ssl = _context(
            self._base.scheme, folder / connect.ca_file if connect.ca_file else None
        )
        self._auth = authenticator(connect.auth, now, self._post)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, question: Question, *, within: float) -> RawReply:
        """The reply to `question`, at most `within` seconds.

        Raises:
            AdapterError: As `adapters.model.Transport.fetch` says.
        """
        try:
            async with asyncio.timeout(within):
                return _judged(await self._identified(question), question.expected)
        except TimeoutError:
            raise SourceTimedOut("timed-out") from None

    async def _identified(self, question: Question) -> RawReply:
        path = self._path(question)
        used = await self._auth.identify(question.method, path)
        reply = await self._exchange(question, used)
        if self._auth.outdated(used, reply):
            used = await self._auth.identify(question.method, path)
            reply = await self._exchange(question, used)
        return reply

    def _path(self, question: Question) -> str:
        """The whole path: the address's own, and the question's below it."""
        base = self._base.raw_path
        return base.rstrip("/") + question.path if question.path else base

    async def _post(self, path: str, rows: Mapping[str, str]) -> RawReply:
        question = Question(method="POST", path=path, json=dict(rows))
        return _judged(await self._exchange(question, Identification(headers={})), frozenset())

    async def _exchange(self, question: Question, used: Identification) -> RawReply:
        content, content_type = _content(question)
        headers = {**content_type, **_headers(question.headers), **used.headers}
        target = str(self._base.origin()) + self._path(question)
        if question.query:
            target += f"?{urlencode(question.query)}"
        try:
            async with self._opened().request(
                question.method,
                URL(target, encoded=True),
                headers=headers,
                data=content,
                allow_redirects=False,
            ) as response:
                body = await self._body(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error) from None
        media_type, charset = _media_type(response.headers.get("content-type", ""))
        return RawReply(body=body, media_type=media_type, charset=charset, status=response.status)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"identity", "gzip", "x-gzip", ""}:
            raise SourceAnswerInvalid("content-encoding")
        received = response.content.iter_any()
        pieces = received if coding in {"identity", ""} else _inflated(received, self._limit)
        body = bytearray()
        async for piece in pieces:
            body += piece
            if len(body) > self._limit:
                response.close()  # the rest is not waited for, and the connection not kept
                raise SourceAnswerInvalid("too-large")
        return bytes(body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._connections, ssl=self._ssl)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                headers={"User-Agent": "mianti", "Accept-Encoding": "gzip", "Accept": "*/*"},
                skip_auto_headers=("Content-Type",),
                auto_decompress=False,
                trust_env=False,
            )
            # It would ask again by itself when a connection ends under a GET, and offers no other
            # way to say no: whether a question may be put twice is the manifest's to say.
            self._session._retry_connection = False  # noqa: SLF001 -- see above
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


def _context(scheme: str, ca_file: Path | None) -> ssl.SSLContext:
    """TLS as it should be. For plain HTTP an empty context: loading authorities takes time and
    memory for each source.
    """
    if scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


async def _inflated(pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Gunzip, never more than a byte over `limit` at a time: a bomb is seen before it is whole."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        async for piece in pieces:
            yield inflater.decompress(piece, limit + 1)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, limit + 1)
    except zlib.error:
        raise SourceAnswerInvalid("gzip") from None
    if not inflater.eof:
        raise SourceUnavailable("cut-off")


def _judged(reply: RawReply, expected: frozenset[int]) -> RawReply:
    status = reply.status or 0
    if 200 <= status < 300 or status in expected:
        return reply
    if 300 <= status < 400:
        raise SourceAnswerInvalid("redirect")
    if status in {401, 403, 407, 429}:
        raise SourceRefused(f"status-{status}")
    raise SourceAnswerInvalid(f"status-{status}")


def _translated(error: Exception) -> AdapterError:
    """The library's error as one of ours, without its text: that may hold an address."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return SourceUnavailable("connect")
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | OSError):
        return SourceUnavailable("cut-off")
    return SourceAnswerInvalid("protocol")


def _content(question: Question) -> tuple[bytes | None, dict[str, str]]:
    """The body and its media type."""
    if question.content is not None:
        return question.content, {}
    if question.json is not None:
        text = json.dumps(question.json, ensure_ascii=False, separators=(",", ":"))
        return text.encode(), {"Content-Type": "application/json"}
    if question.form is not None:
        return urlencode(question.form).encode(), {
            "Content-Type": "application/x-www-form-urlencoded"
        }
    return None, {}


def _media_type(value: str) -> tuple[str, str | None]:
    """Media type and declared charset of a Content-Type."""
    media_type, _, rest = value.partition(";")
    for parameter in rest.split(";"):
        name, _, charset = parameter.partition("=")
        if name.strip().lower() == "charset":
            return media_type.strip().lower(), charset.strip().strip("\"'") or None
    return media_type.strip().lower(), None


def _headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Header values in ASCII; Chinese text and control characters percent-encoded as UTF-8."""
    return {
        name: value if value.isascii() and value.isprintable() else quote(value, safe=" ")
        for name, value in (headers or {}).items()
    }
