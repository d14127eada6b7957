"""REST: one request, one document (JSON, or XML where the manifest says so)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from adapters import asking, manifest
from adapters.http import HTTPClient, HTTPConnect, http_findings
from adapters.identifying import PATH
from adapters.kinds import Opening
from adapters.manifest import Finding, Leaf, Tree
from adapters.model import RawReply, SourceCall
from adapters.question import Question
from adapters.values import URL

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
"""The name of an HTTP header (RFC 9110)."""


class RestConnect(HTTPConnect):
    """Where a REST source is."""

    base_url: URL
    format: Literal["json", "xml"] = "json"
    namespaces: dict[str, str] = Field(default_factory=dict)
    """Prefix → namespace, for paths into XML."""

    @property
    def xml_namespaces(self) -> Mapping[str, str] | None:
        return self.namespaces if self.format == "xml" else None


class RestAsk(manifest.Ask):
    """One request."""

    method: Literal["GET", "POST"]
    path: str = Field(pattern=PATH)
    query: dict[str, Leaf] = Field(default_factory=dict)
    body: Tree | None = Field(default=None, alias="json")
    form: dict[str, Leaf] | None = None
    headers: dict[HeaderName, Leaf] = Field(default_factory=dict)

    @property
    def carries_json(self) -> bool:
        return self.body is not None

    @model_validator(mode="after")
    def _one_body(self) -> RestAsk:
        if self.body is not None and self.form is not None:
            raise ValueError("json or form, not both")
        if self.method == "GET" and (self.body is not None or self.form is not None):
            raise ValueError("a GET has no body")
        return self


class RestTransport:
    """Asks one REST source."""

    Connect: ClassVar[type[manifest.Connect]] = RestConnect
    Ask: ClassVar[type[manifest.Ask]] = RestAsk

    def __init__(self, opening: Opening) -> None:
        connect: RestConnect = opening.connect
        self._client = HTTPClient(connect.base_url, connect, opening)
        self._questions = {
            resource: _question(ask, opening.statuses[resource])
            for resource, ask in opening.asks.items()
        }

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        """What the grammar alone cannot see."""
        return http_findings(opening)

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """Ask; see `adapters.model.Transport`."""
        return await self._client.send(self._questions[call.resource](call), within=within)

    @property
    def expires_at(self) -> datetime | None:
        """See `adapters.http.HTTPClient`."""
        return self._client.expires_at

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _question(ask: RestAsk, expected: frozenset[int]) -> Callable[[SourceCall], Question]:
    """The question as a function of the call; everything that can be is settled here."""
    query, headers = asking.row(ask.query), asking.row(ask.headers)
    form = asking.row(ask.form) if ask.form is not None else None
    body = asking.tree(ask.body) if ask.body is not None else None

    def question(call: SourceCall) -> Question:
        return Question(
            method=ask.method,
            path=ask.path,
            query=query(call) or None,
            headers=headers(call),
            json=body(call) if body else None,
            form=form(call) if form else None,
            expected=expected,
        )

    return question
