"""The one way we speak HTTP to a source.

Each source has a client of its own, so that one that hangs takes no connections from another. It
contacts the configured addresses and nobody else: no proxies from the environment, no redirects, no
cookies. Bodies are read as they come and cut off at the source's limit, before and after
decompression.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import aiohttp
from pydantic import Field, SecretStr
from yarl import URL

from adapters import tracing
from adapters.auth import AuthTerms, NoAuth, authenticator
from adapters.ciphers import certificate_end
from adapters.envelope import SMEnvelopeAuth
from adapters.errors import (
    AdapterError,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.identifying import Account
from adapters.kinds import Opening
from adapters.manifest import Connect, Finding
from adapters.model import RawReply
from adapters.ports import MemoryKeep
from adapters.question import Identification, Question
from adapters.resolving import GuardedResolver
from adapters.values import (
    PLACEHOLDER,
    Bytes,
    Charset,
    Networks,
    Secret,
    Section,
    parsed_networks,
)

# Its logs may hold an address with its query, and a query may hold a citizen number.
logging.getLogger("aiohttp").setLevel(logging.CRITICAL)


class ClientCertificate(Section):
    """Our own certificate for mutual TLS (RFC 8446 §4.4.2): paths of PEM files, which are none of
    the manifest's: they lie where the operator keeps keys.
    """

    certificate: str = Field(min_length=1)
    """The certificate, and those between it and its authority."""
    key: Secret
    """The private key's file; readable by the hub only."""

    password: Secret | None = None
    """Of the key's file, where it is encrypted."""

    def until(self) -> datetime | None:
        """When the certificate ends; None where it cannot be read."""
        try:
            return certificate_end(Path(self.certificate).read_bytes())
        except (OSError, ValueError):
            return None

    def into(self, context: ssl.SSLContext) -> None:
        """Show ourselves with it.

        Raises:
            ValueError: It cannot be read, or the key is not the certificate's.
        """
        password = self.password.get_secret_value() if self.password else ""
        try:
            # Without a password OpenSSL would ask for one on the terminal, and wait.
            context.load_cert_chain(self.certificate, self.key.get_secret_value(), lambda: password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; its text names a file
            raise ValueError(f"cannot be used: {type(error).__name__}") from None


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
    ca_path: str | None = None
    """The same somewhere else, usually as `${NAME}`."""
    client_certificate: ClientCertificate | None = None
    allow_networks: Networks = ()
    """Private networks that the *name* in the address may lead to; see `adapters.egress`."""

    @property
    def overruling_charset(self) -> str | None:
        return self.charset


class HTTPClient:
    """A client for one source. Its connections belong to the event loop of the first question."""

    def __init__(self, address: str, connect: HTTPConnect, opening: Opening) -> None:
        """Args:
        address: Where the source is; everything is asked below it.
        connect: Its terms.
        opening: What else the transport is built from.
        """
        self._base = URL(address)
        self._limit, self._connections = connect.max_bytes, connect.connections
        self._ssl, self._certificate_until = _context(self._base.scheme, connect, opening.folder)
        account = Account(
            address=address,
            ask=self._unidentified,
            keep=opening.surroundings.keep,
            now=opening.now,
            folder=opening.folder,
        )
        self._auth = authenticator(connect.auth, account)
        own = parsed_networks(connect.allow_networks)
        self._networks = (*own, *opening.surroundings.allow_networks)
        self._session: aiohttp.ClientSession | None = None
        self._wire = opening.wire

    async def send(self, question: Question, *, within: float) -> RawReply:
        """The reply to `question`, at most `within` seconds.

        Raises:
            AdapterError: As `adapters.model.Transport.fetch` says.
        """
        try:
            async with asyncio.timeout(within):
                reply, used = await self._identified(question)
                reply = _judged(reply, question.expected)
                return used.unwrapped(reply) if used.unwrapped is not None else reply
        except TimeoutError:
            raise SourceTimedOut("timed-out") from None

    async def _identified(self, question: Question) -> tuple[RawReply, Identification]:
        path = self._path(question)
        used = await self._auth.identify(question.method, path)
        reply = await self._exchange(question, used)
        if self._auth.outdated(used, reply):
            used = await self._auth.identify(question.method, path)
            reply = await self._exchange(question, used)
        return reply, used

    def _path(self, question: Question) -> str:
        """The whole path: the address's own, and the question's below it."""
        base = self._base.raw_path
        return base.rstrip("/") + question.path if question.path else base

    @property
    def expires_at(self) -> datetime | None:
        """When the first of the certificate and the secret ends with which we identify ourselves."""
        ends = (self._certificate_until, self._auth.expires_at)
        return min((end for end in ends if end is not None), default=None)

    async def _unidentified(self, question: Question) -> RawReply:
        return _judged(await self._exchange(question, Identification()), question.expected)

    async def _exchange(self, question: Question, used: Identification) -> RawReply:
        if self._wire is not None:
            return await self._wire.exchange(question.method, self._path(question))
        content, content_type = question.body()
        if used.wrapped is not None:
            content = used.wrapped(content or b"")
        headers = {**content_type, **_headers(question.headers), **used.headers}
        target = question.address or str(self._base.origin()) + self._path(question)
        rows = question.query or ()
        pairs = (*(rows.items() if isinstance(rows, Mapping) else rows), *used.query.items())
        step = None
        if (trace := tracing.current()) is not None:
            step = trace.sent(
                tracing.Sent(
                    method=question.method, address=target, base=self._base.raw_path.rstrip("/"),
                    query=dict(pairs), headers=headers, body=content or b"",
                )
            )  # fmt: skip
        if pairs:
            target += f"?{urlencode(pairs)}"
        try:
            async with self._opened().request(
                question.method,
                URL(target, encoded=True),
                headers=headers,
                data=content,
                allow_redirects=False,
            ) as response:
                if step is not None:
                    step.answered(response.status, response.headers)
                body = await self._body(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error) from None
        if step is not None:
            step.body(body)
        kind, charset = media_type(response.headers.get("content-type", ""))
        return RawReply(body=body, media_type=kind, charset=charset, status=response.status)

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
            connector = aiohttp.TCPConnector(
                limit=self._connections, ssl=self._ssl, resolver=GuardedResolver(self._networks)
            )
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


def http_findings(opening: Opening) -> Iterator[Finding]:
    """What is wrong with the files and keys an HTTP source names; contacts nobody."""
    connect: HTTPConnect = opening.connect
    if connect.ca_file:
        try:
            ssl.create_default_context(cafile=str(opening.folder / connect.ca_file))
        except OSError:  # ssl.SSLError is one
            yield Finding(
                at=("connect", "ca_file"), rule="ca-file",
                found=f"{connect.ca_file!r} is not there or no PEM",
                expected="a PEM file of authorities beside the manifest",
            )  # fmt: skip
    yield from _certificate_findings(connect)
    if isinstance(connect.auth, SMEnvelopeAuth):
        for resource, ask in opening.asks.items():
            if not ask.carries_json:
                yield Finding(
                    at=("resources", resource, "ask"), rule="envelope",
                    found="sm-envelope, and no JSON body to put into it",
                    expected="method: POST with json: {…}",
                )  # fmt: skip
    if _is_all_there(connect.auth):
        try:
            authenticator(connect.auth, _nobodys_account(opening))
        except ValueError as error:
            # The texts are our own and hold no key.
            yield Finding(
                at=("connect", "auth"), rule="key", found=str(error), expected="a key of that form"
            )


def _certificate_findings(connect: HTTPConnect) -> Iterator[Finding]:
    """What is wrong with the certificates that an operator keeps elsewhere."""
    if connect.ca_path and PLACEHOLDER not in connect.ca_path:
        try:
            ssl.create_default_context(cafile=connect.ca_path)
        except OSError:
            yield Finding(
                at=("connect", "ca_path"), rule="ca-file", found="not there or no PEM",
                expected="the path of a PEM file of authorities",
            )  # fmt: skip
    ours = connect.client_certificate
    if ours is None or PLACEHOLDER in ours.certificate or not _is_all_there(ours):
        return
    try:
        ours.into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except ValueError as error:
        yield Finding(
            at=("connect", "client_certificate"), rule="client-certificate", found=str(error),
            expected="the paths of PEM files: a certificate, and its own key",
        )  # fmt: skip


def _is_all_there(terms: Section) -> bool:
    """False where a secret is a placeholder: `check` runs without an environment."""
    values = (getattr(terms, name) for name in type(terms).model_fields)
    return all(
        PLACEHOLDER not in value.get_secret_value()
        for value in values
        if isinstance(value, SecretStr)
    )


def _nobodys_account(opening: Opening) -> Account:
    async def ask(_: Question) -> RawReply:
        raise SourceUnavailable("not-connected")

    return Account(address="", ask=ask, keep=MemoryKeep(), now=opening.now, folder=opening.folder)


def _context(
    scheme: str, connect: HTTPConnect, folder: Path
) -> tuple[ssl.SSLContext, datetime | None]:
    """TLS as it should be, and until when our own certificate is good. For plain HTTP an empty
    context: loading authorities takes time and memory for each source.
    """
    if scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), None
    ca_file = str(folder / connect.ca_file) if connect.ca_file else connect.ca_path
    context = ssl.create_default_context(cafile=ca_file or None)
    if connect.client_certificate is None:
        return context, None
    connect.client_certificate.into(context)
    return context, connect.client_certificate.until()


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


def media_type(value: str) -> tuple[str, str | None]:
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
