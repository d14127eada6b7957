"""SOAP: zeep builds the envelope from a WSDL beside the manifest, we post it, we read the reply.

Nothing is ever fetched to understand a service: what the WSDL imports has to stand beside it. The
reply is read by our own hardened parser, because zeep would refuse what real services send (an
element in another order, a missing one). Paths start below the Body's first child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from lxml import etree
from pydantic import Field

from adapters import asking, manifest
from adapters.asking import NotAsked
from adapters.documents import parse_xml
from adapters.errors import AdapterError, SourceAnswerInvalid, SourceRefused
from adapters.http import HTTPClient, HTTPConnect, http_findings
from adapters.kinds import Opening
from adapters.manifest import Finding, Leaf, Tree
from adapters.model import RawReply, Reason, SourceCall
from adapters.question import Question
from adapters.rest import HeaderName
from adapters.values import URL

ENVELOPES = (
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
)
"""Namespaces of SOAP 1.1 and 1.2."""


class SoapConnect(HTTPConnect):
    """Where a SOAP service is, and what describes it."""

    wsdl: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    """File beside the manifest."""
    endpoint: URL
    """Overrules the address in the WSDL."""
    namespaces: dict[str, str] = Field(default_factory=dict)
    """Prefix → namespace, for paths."""

    @property
    def xml_namespaces(self) -> Mapping[str, str] | None:
        return self.namespaces


class SoapAsk(manifest.Ask):
    """One operation and its body, nested as the WSDL says."""

    operation: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")
    body: dict[str, Tree] = Field(default_factory=dict)
    headers: dict[HeaderName, Leaf] = Field(default_factory=dict)
    """HTTP headers."""


class WSDLRefused(ValueError):
    """The WSDL cannot be used; the message says why."""


class Service:
    """The operations of a WSDL."""

    def __init__(self, folder: Path, name: str) -> None:
        """Read `name` in `folder`.

        Raises:
            WSDLRefused: It is not a WSDL, or needs something that is not in the folder.
        """
        self._binding = _binding(folder, name)

    def operations(self) -> frozenset[str]:
        """The names of the operations."""
        return frozenset(self._binding.all())

    def envelope(self, operation: str, body: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """The envelope for `operation` and the HTTP headers that go with it.

        Raises:
            WSDLRefused: The body does not fit the WSDL.
        """
        try:
            found = self._binding.get(operation)
            serialized = found.create(**body)
            self._binding._set_http_headers(serialized, found)  # noqa: SLF001 -- zeep keeps content type and action there
        except Exception as error:  # noqa: BLE001 -- zeep raises TypeError, ValueError and its own for a body that does not fit
            raise WSDLRefused(
                f"the body does not fit {operation}: {type(error).__name__}"
            ) from None
        content = etree.tostring(serialized.content, encoding="utf-8", xml_declaration=True)
        return content, dict(serialized.headers)


def _binding(folder: Path, name: str) -> Any:
    """Zeep's binding of the first SOAP service, read from `folder` only."""
    import zeep  # noqa: PLC0415 -- a fifth of a second and 20 MB, and only needed where there is a SOAP source
    from zeep.wsdl.bindings.soap import SoapBinding  # noqa: PLC0415 -- as above

    class Local(zeep.Transport):
        """Reads files beside the WSDL and nothing else."""

        def load(self, url: str) -> bytes:
            path = Path(urlsplit(url).path if url.startswith("file:") else url)
            if path.parent.resolve() != folder.resolve():
                raise WSDLRefused("it imports something that is not beside it")
            return path.read_bytes()

    settings = zeep.Settings(
        strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True,
        xml_huge_tree=False,
    )  # fmt: skip
    try:
        client = zeep.Client(str(folder / name), transport=Local(), settings=settings)  # type: ignore[no-untyped-call]  # zeep's own are half typed
    except WSDLRefused:
        raise
    except Exception as error:  # noqa: BLE001 -- zeep and lxml raise many things for a bad file
        raise WSDLRefused(f"not a usable WSDL: {type(error).__name__}") from None
    bindings = [each for each in client.wsdl.bindings.values() if isinstance(each, SoapBinding)]
    if not bindings:
        raise WSDLRefused("no SOAP binding in it")
    return bindings[0]


class SoapTransport:
    """Asks one SOAP service."""

    Connect: ClassVar[type[manifest.Connect]] = SoapConnect
    Ask: ClassVar[type[manifest.Ask]] = SoapAsk

    def __init__(self, opening: Opening) -> None:
        connect: SoapConnect = opening.connect
        self._charset = connect.charset
        service = Service(opening.folder, connect.wsdl)
        self._client = HTTPClient(connect.endpoint, connect, opening)
        self._questions = {
            resource: _question(service, ask, opening.statuses[resource])
            for resource, ask in opening.asks.items()
        }

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        """Check the WSDL, that it has the operations, and that a body can be built."""
        yield from http_findings(opening)
        connect: SoapConnect = opening.connect
        try:
            service = Service(opening.folder, connect.wsdl)
        except WSDLRefused as error:
            yield Finding(at=("connect", "wsdl"), rule="wsdl", found=f"{connect.wsdl}: {error}",
                          expected="a WSDL, with all it imports, beside the manifest")  # fmt: skip
            return
        for resource, ask in opening.asks.items():
            yield from _inspected(("resources", resource, "ask"), service, ask)

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """Ask; see `adapters.model.Transport`."""
        reply = await self._client.send(self._questions[call.resource](call), within=within)
        return RawReply(
            body=reply.body, media_type=reply.media_type, charset=reply.charset,
            status=reply.status, document=self._opened(reply),
        )  # fmt: skip

    @property
    def expires_at(self) -> datetime | None:
        """See `adapters.http.HTTPClient`."""
        return self._client.expires_at

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _opened(self, reply: RawReply) -> etree._Element:
        """The first child of the Body.

        Raises:
            SourceRefused: A Fault that blames us.
            SourceAnswerInvalid: Another Fault, or no envelope.
        """
        failed = reply.status == 500
        try:
            root = parse_xml(reply.body, declared=reply.charset, overruled=self._charset)
            child = _content(root)
        except SourceAnswerInvalid:
            if failed:
                raise SourceAnswerInvalid("status-500") from None
            raise
        if etree.QName(child).localname == "Fault" and etree.QName(child).namespace in ENVELOPES:
            raise _fault(child)
        if failed:
            raise SourceAnswerInvalid("status-500")
        return child


def _content(root: etree._Element) -> etree._Element:
    namespace = etree.QName(root).namespace
    if etree.QName(root).localname != "Envelope" or namespace not in ENVELOPES:
        raise SourceAnswerInvalid("not-an-envelope")
    body = root.find(f"{{{namespace}}}Body")
    if body is None or len(body) == 0:
        raise SourceAnswerInvalid("no-body")
    return body[0]


def _fault(fault: etree._Element) -> AdapterError:
    """A Fault by its code: Client (1.1) and Sender (1.2) mean that we are not accepted. The text
    stays behind: services put what was asked into it.
    """
    namespace = etree.QName(fault).namespace
    code = fault.findtext("faultcode") or fault.findtext(
        f"{{{namespace}}}Code/{{{namespace}}}Value"
    )
    local = (code or "").strip().rpartition(":")[2].split(".")[0]
    if local in {"Client", "Sender"}:
        return SourceRefused("fault-client")
    return SourceAnswerInvalid("fault-server" if local in {"Server", "Receiver"} else "fault")


def _question(
    service: Service, ask: SoapAsk, expected: frozenset[int]
) -> Callable[[SourceCall], Question]:
    body, headers = asking.tree(ask.body), asking.row(ask.headers)

    def question(call: SourceCall) -> Question:
        try:
            content, own = service.envelope(ask.operation, body(call))
        except WSDLRefused:
            # What we know cannot be said in this service's terms, e.g. a text where it wants a
            # number.
            raise NotAsked("unaskable") from None
        return Question(method="POST", path="", content=content,
                        headers={**own, **headers(call)}, expected=expected | {500})  # fmt: skip

    return question


def _inspected(at: tuple[str, ...], service: Service, ask: SoapAsk) -> Iterable[Finding]:
    known = service.operations()
    if ask.operation not in known:
        yield Finding(at=(*at, "operation"), rule="operation",
                      found=f"the WSDL has no operation {ask.operation!r}",
                      expected=f"one of {', '.join(sorted(known))}")  # fmt: skip
        return
    try:
        service.envelope(ask.operation, asking.tree(ask.body)(_sample(ask)))
    except (WSDLRefused, NotAsked) as error:
        yield Finding(at=(*at, "body"), rule="body", found=str(error),
                      expected="elements as the WSDL has them")  # fmt: skip


def _sample(ask: SoapAsk) -> SourceCall:
    """A call in which everything the ask needs is known, as text."""
    keys = (name.partition(".")[2] for name in ask.names())
    text = dict.fromkeys(keys, "1")
    reason = Reason(consumer="1", item="1", item_name="1", case="1", legal_basis="1")
    return SourceCall(resource="", keys=text, fields=(), reason=reason, call_id="1")
