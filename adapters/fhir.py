"""FHIR R4: searches with all their pages, as one document grouped by resource type.

The document: `{"total": n, "<Type>": [resource, …], …}`. Every type that was searched is there, if
only as an empty list; included types are there when something was included. Because paths cannot
filter, each resource carries two conveniences: `identifier_by_system` (`{system: value}`, first of
a system) and `coding_by_system` (`{element: {system: code}}` for each top-level CodeableConcept).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import Discriminator, Field, Tag, model_validator

from adapters import asking, manifest
from adapters.documents import decode, parse_json
from adapters.errors import AdapterError, SourceAnswerInvalid, SourceTimedOut
from adapters.http import HTTPClient, HTTPConnect, http_findings
from adapters.identifying import PATH
from adapters.kinds import Opening
from adapters.manifest import Finding, Leaf
from adapters.model import RawReply, SourceCall
from adapters.question import Question
from adapters.values import URL, Section

MAX_PAGES = 20
RESOURCE_TYPE = r"^[A-Z][A-Za-z]{1,40}$"


class FHIRConnect(HTTPConnect):
    """Where a FHIR server is."""

    base_url: URL


class Token(Section):
    """A token parameter: sent as `system|value`."""

    system: str
    value: Leaf


def _branch(value: Any) -> str:
    if isinstance(value, Token) or (isinstance(value, Mapping) and "const" not in value):
        return "token"
    return "leaf"


Param = Annotated[
    Annotated[Token, Tag("token")] | Annotated[Leaf, Tag("leaf")], Discriminator(_branch)
]


class Search(Section):
    """One search of one resource type."""

    resource: str = Field(pattern=RESOURCE_TYPE)
    params: dict[str, Param] = Field(default_factory=dict)


class FHIRAsk(manifest.Ask):
    """One search (`search`, `params`) or several (`searches`), made side by side."""

    search: str | None = Field(default=None, pattern=RESOURCE_TYPE)
    params: dict[str, Param] = Field(default_factory=dict)
    searches: tuple[Search, ...] = Field(default=(), max_length=8)

    @model_validator(mode="after")
    def _one_or_several(self) -> FHIRAsk:
        if (self.search is None) == (not self.searches) or (self.params and self.searches):
            raise ValueError("either search with params, or searches")
        return self

    def all(self) -> tuple[Search, ...]:
        """The searches, however they were written."""
        if self.search is None:
            return self.searches
        return (Search(resource=self.search, params=self.params),)


@dataclass(frozen=True, slots=True)
class _Pages:
    """All pages of one search."""

    resource: str
    replies: tuple[RawReply, ...]
    entries: tuple[Mapping[str, Any], ...]


class FHIRTransport:
    """Asks one FHIR server."""

    Connect: ClassVar[type[manifest.Connect]] = FHIRConnect
    Ask: ClassVar[type[manifest.Ask]] = FHIRAsk

    def __init__(self, opening: Opening) -> None:
        connect: FHIRConnect = opening.connect
        self._base = urlsplit(connect.base_url.rstrip("/"))
        self._charset = connect.charset
        self._client = HTTPClient(connect.base_url, connect, opening)
        self._asks = {
            resource: tuple(_first(search, opening.statuses[resource]) for search in ask.all())
            for resource, ask in opening.asks.items()
        }

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        """What the grammar alone cannot see."""
        return http_findings(opening)

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """Ask all searches; see `adapters.model.Transport`. A search that ends in a status the
        manifest expects (404 for “no such Patient”) ends the whole.
        """
        asked = [(resource, question(call)) for resource, question in self._asks[call.resource]]
        try:
            async with asyncio.timeout(within):
                pages = await self._all(asked, within)
        except TimeoutError:
            raise SourceTimedOut("timed-out") from None
        for each in pages:
            if each.replies[-1].status != 200:
                return each.replies[-1]
        bodies = b"".join(reply.body for each in pages for reply in each.replies)
        return RawReply(
            body=bodies, media_type="application/fhir+json", status=200, document=_grouped(pages)
        )

    @property
    def expires_at(self) -> datetime | None:
        """See `adapters.http.HTTPClient`."""
        return self._client.expires_at

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _all(self, asked: list[tuple[str, Question]], within: float) -> list[_Pages]:
        if len(asked) == 1:
            return [await self._pages(*asked[0], within)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._pages(*each, within)) for each in asked]
        except ExceptionGroup as errors:
            raise _worst(errors) from None
        return [task.result() for task in tasks]

    async def _pages(self, resource: str, question: Question, within: float) -> _Pages:
        replies: list[RawReply] = []
        entries: list[Mapping[str, Any]] = []
        following: Question | None = question
        while following is not None:
            if len(replies) >= MAX_PAGES:
                raise SourceAnswerInvalid("too-many-pages")
            reply = await self._client.send(following, within=within)
            replies.append(reply)
            if reply.status != 200:
                break
            bundle = _bundle(parse_json(decode(reply.body, declared=reply.charset,
                                               overruled=self._charset)))  # fmt: skip
            entries.extend(_entries(bundle))
            following = self._next(bundle, question)
        return _Pages(resource, tuple(replies), tuple(entries))

    def _next(self, bundle: Mapping[str, Any], question: Question) -> Question | None:
        """The question for the next page. The server names an address; it is followed only below
        our own.
        """
        links = bundle.get("link")
        rows = links if isinstance(links, list) else []
        link = next(
            (each.get("url") for each in rows
             if isinstance(each, dict) and each.get("relation") == "next"),
            None,
        )  # fmt: skip
        if link is None:
            return None
        try:
            at = urlsplit(str(link))
            origin_differs = at.netloc and (at.scheme, at.netloc) != (
                self._base.scheme,
                self._base.netloc,
            )
        except ValueError:
            raise SourceAnswerInvalid("next-elsewhere") from None
        below = at.path == self._base.path or at.path.startswith(f"{self._base.path}/")
        if origin_differs or not below or ".." in at.path.split("/"):
            raise SourceAnswerInvalid("next-elsewhere")
        if at.path and not re.fullmatch(PATH, at.path):
            raise SourceAnswerInvalid("next-elsewhere")
        query = tuple(parse_qsl(at.query, keep_blank_values=True))
        return replace(question, path=at.path.removeprefix(self._base.path), query=query)


def _first(
    search: Search, expected: frozenset[int]
) -> tuple[str, Callable[[SourceCall], Question]]:
    """Resource type, and the question for its first page as a function of the call."""
    params = {name: _param(terms) for name, terms in search.params.items()}

    def question(call: SourceCall) -> Question:
        query = {name: value for name, of in params.items() if (value := of(call)) is not None}
        return Question(
            method="GET", path=f"/{search.resource}", query=query,
            headers={"Accept": "application/fhir+json"}, expected=expected,
        )  # fmt: skip

    return search.resource, question


def _param(terms: Any) -> Callable[[SourceCall], str | None]:
    resolve = asking.leaf(terms.value if isinstance(terms, Token) else terms)
    prefix = f"{terms.system}|" if isinstance(terms, Token) else ""

    def param(call: SourceCall) -> str | None:
        value = resolve(call)
        return None if value is None else prefix + asking.as_text(value)

    return param


def _worst(errors: BaseExceptionGroup[BaseException]) -> AdapterError:
    """One error for several: ours, if there is one."""
    for error in errors.exceptions:
        if isinstance(error, AdapterError):
            return error
    return SourceAnswerInvalid("bug")


def _bundle(document: Any) -> Mapping[str, Any]:
    if not isinstance(document, dict) or document.get("resourceType") != "Bundle":
        raise SourceAnswerInvalid("not-a-bundle")
    return document


def _entries(bundle: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    rows = bundle.get("entry", [])
    if not isinstance(rows, list):
        raise SourceAnswerInvalid("not-a-bundle")
    for row in rows:
        resource = row.get("resource") if isinstance(row, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise SourceAnswerInvalid("not-a-bundle")
        yield row


def _grouped(pages: Iterable[_Pages]) -> dict[str, Any]:
    document: dict[str, Any] = {"total": 0}
    seen: set[tuple[str, str]] = set()
    for each in pages:
        document.setdefault(each.resource, [])
        for entry in each.entries:
            resource = entry["resource"]
            kind = resource["resourceType"]
            if kind in {"OperationOutcome", "total"} or _again(kind, resource, seen):
                continue
            search = entry.get("search")
            included = isinstance(search, dict) and search.get("mode") == "include"
            document["total"] += not included
            document.setdefault(kind, []).append(_convenient(resource))
    return document


def _again(kind: str, resource: Mapping[str, Any], seen: set[tuple[str, str]]) -> bool:
    """Was this resource already there? Servers repeat what is included on every page."""
    id_ = resource.get("id")
    if not isinstance(id_, str):
        return False
    known = (kind, id_) in seen
    seen.add((kind, id_))
    return known


def _convenient(resource: Mapping[str, Any]) -> dict[str, Any]:
    codings = {
        element: by_system for element, value in resource.items() if (by_system := _codings(value))
    }
    return {
        **resource,
        "identifier_by_system": _by_system(resource.get("identifier"), "value"),
        "coding_by_system": codings,
    }


def _codings(value: Any) -> dict[str, Any]:
    """{system: code} of a CodeableConcept or of a list of them; empty for anything else."""
    found: dict[str, Any] = {}
    for concept in value if isinstance(value, list) else [value]:
        if isinstance(concept, dict):
            found = {**_by_system(concept.get("coding"), "code"), **found}
    return found


def _by_system(rows: Any, key: str) -> dict[str, Any]:
    """{system: value}, the first of a system; rows without a value are passed over."""
    found: dict[str, Any] = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get(key) is not None:
            system = row.get("system")
            found.setdefault(system if isinstance(system, str) else "", row[key])
    return found
