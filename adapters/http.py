"""The one way we speak HTTP to a source.

Each source has a client of its own, so that one that hangs takes no connections from another. It
contacts the configured origin and nobody else: no proxies from the environment, no redirects, no
cookies. Bodies are read as they come and cut off at the source's limit, before and after
decompression.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import httpx2
from pydantic import Field

from adapters import tracing
from adapters.auth import AuthTerms, Identification, NoAuth, authenticator
from adapters.errors import (
    AdapterError,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.kinds import Now
from adapters.manifest import Bytes, Charset, Connect
from adapters.model import RawReply

for _name in ("httpx2", "httpcore2"):
    # Their logs hold the address with its query, and a query may hold a citizen number.
    logging.getLogger(_name).setLevel(logging.CRITICAL)


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
    """A client for one source."""

    def __init__(
        self,
        address: str,
        connect: HTTPConnect,
        *,
        folder: Path,
        now: Now,
        wire: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Args:
        address: Where the source is.
        connect: What its manifest says.
        folder: Where the files stand that it names.
        now: UTC.
        wire: Stands in for the network where recorded answers are played.
        """
        self._base = httpx2.URL(address)
        self._limit = connect.max_bytes
        limits = httpx2.Limits(
            max_connections=connect.connections, max_keepalive_connections=connect.connections
        )
        self._client = httpx2.AsyncClient(
            verify=_context(
                self._base.scheme, folder / connect.ca_file if connect.ca_file else None
            ),
            trust_env=False,
            follow_redirects=False,
            timeout=None,
            limits=limits,
            transport=wire,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": "mianti", "Accept-Encoding": "gzip"},
        )
        self._auth = authenticator(connect.auth, now, self._post)

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
        return self._base.path.rstrip("/") + question.path if question.path else self._base.path

    async def _post(self, path: str, rows: Mapping[str, str]) -> RawReply:
        question = Question(method="POST", path=path, json=dict(rows))
        return _judged(await self._exchange(question, Identification(headers={})), frozenset())

    async def _exchange(self, question: Question, used: Identification) -> RawReply:
        headers = {**_headers(question.headers), **used.headers}
        target = self._path(question)
        if question.query:
            target += f"?{urlencode(question.query)}"
        request = self._client.build_request(
            question.method,
            self._base.copy_with(raw_path=target.encode("ascii")),
            headers=headers,
            json=question.json,
            data=question.form,
            content=question.content,
        )
        trace = tracing.current()
        step = trace.sent(_sent(request, self._base)) if trace is not None else None
        try:
            response = await self._client.send(request, stream=True)
            if step is not None:
                step.answered(response.status_code, response.headers)
            try:
                body = await self._body(response)
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise _translated(error) from None
        if step is not None:
            step.body(body)
        media_type, charset = _media_type(response.headers.get("content-type", ""))
        return RawReply(
            body=body, media_type=media_type, charset=charset, status=response.status_code
        )

    async def _body(self, response: httpx2.Response) -> bytes:
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"identity", "gzip", "x-gzip", ""}:
            raise SourceAnswerInvalid("content-encoding")
        received = response.aiter_raw()
        pieces = received if coding in {"identity", ""} else _inflated(received, self._limit)
        body = bytearray()
        async for piece in pieces:
            body += piece
            if len(body) > self._limit:
                raise SourceAnswerInvalid("too-large")
        return bytes(body)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


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


def _sent(request: httpx2.Request, base: httpx2.URL) -> tracing.Sent:
    url = request.url
    return tracing.Sent(
        method=request.method,
        address=str(url.copy_with(query=None)),
        base=base.path.rstrip("/"),
        query=dict(parse_qsl(url.query.decode("ascii"), keep_blank_values=True)),
        headers=request.headers,
        body=request.content,
    )


def _judged(reply: RawReply, expected: frozenset[int]) -> RawReply:
    status = reply.status or 0
    if 200 <= status < 300 or status in expected:
        return reply
    if 300 <= status < 400:
        raise SourceAnswerInvalid("redirect")
    if status in {401, 403, 407, 429}:
        raise SourceRefused(f"status-{status}")
    raise SourceAnswerInvalid(f"status-{status}")


def _translated(error: httpx2.HTTPError) -> AdapterError:
    """The library's error as one of ours, without its text: that may hold an address."""
    if isinstance(error, httpx2.TimeoutException):
        return SourceTimedOut("timed-out")
    if isinstance(error, httpx2.ConnectError):
        return SourceUnavailable("connect")
    if isinstance(error, httpx2.NetworkError):
        return SourceUnavailable("cut-off")
    if isinstance(error, httpx2.RemoteProtocolError):
        # One class for a peer that hung up and for one that talks nonsense; only words differ.
        words = str(error).lower()
        if "disconnected" in words or "peer closed" in words:
            return SourceUnavailable("cut-off")
    return SourceAnswerInvalid("protocol")


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
