"""Does another hub still mean the same by the same names? Its live catalog, held against ours.

What is compared is what a manifest takes: the resources and their keys, the fields and their types,
the code tables, what is connected there for the county, and the key that is pinned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from adapters import located, registry
from adapters.documents import decode, parse_json
from adapters.errors import Complaint, SourceAnswerInvalid
from adapters.http import HTTPClient
from adapters.kinds import Now
from adapters.located import At, Located
from adapters.peer import HubAsk, HubConnect, HubTransport, PinnedKey
from adapters.ports import Surroundings
from adapters.question import Question
from adapters.registry import Agreed
from catalog.model import Catalog, CodeTable, DataResource, Field

CATALOG = "/v1/catalog/"
_WITHIN = 10.0
_LISTED = 5
"""Codes that a complaint names."""

Entry = Mapping[str, Any]


async def complaints(
    agreed: Agreed, catalog: Catalog, *, now: Now, surroundings: Surroundings
) -> tuple[Complaint, ...]:
    """Everything in which the other hub and we disagree.

    Args:
        agreed: A manifest of the kind `hub`, with a real environment.
        catalog: Ours.
        now: UTC.
        surroundings: As `adapters.registry.connect`.

    Raises:
        AdapterError: The other hub does not answer, or not with a catalog.
    """
    connect = _connect(agreed)
    client = HTTPClient(connect.base_url, connect, agreed.opening(now, surroundings))
    comparing = _Comparing(agreed, catalog, client)
    try:
        await comparing.whole()
    except (KeyError, TypeError, AttributeError):
        raise SourceAnswerInvalid("catalog-shape") from None
    finally:
        await client.aclose()
    return tuple(comparing.found)


def is_hub(agreed: Agreed) -> bool:
    """Is the source another hub?"""
    return issubclass(agreed.kind, HubTransport)


def _connect(agreed: Agreed) -> HubConnect:
    connect = agreed.manifest.connect
    if not isinstance(connect, HubConnect):
        raise SourceAnswerInvalid("no-hub")
    return connect


class _Comparing:
    """One manifest, and what was found wrong so far."""

    def __init__(self, agreed: Agreed, catalog: Catalog, client: HTTPClient) -> None:
        self._agreed, self._catalog, self._client = agreed, catalog, client
        self._connect = _connect(agreed)
        self._document = _written(agreed)
        self._tables: dict[str, Entry | None] = {}
        self.found: list[Complaint] = []

    async def whole(self) -> None:
        """Compare all that the manifest takes."""
        await self._key()
        for id_, resource in self._agreed.resources.items():
            ask = self._agreed.manifest.resources[id_].ask
            if isinstance(ask, HubAsk):
                await self._resource(id_, resource, ask)

    async def _key(self) -> None:
        told = await self._entry("/v1/evidence/key")
        pinned = await asyncio.to_thread(self._connect.receipts.pinned, self._agreed.folder)
        if told is None or pinned != PinnedKey.of(told):
            self._say(
                ("connect", "receipts"), "pinned-key",
                "it signs with another key, or is called otherwise",
                "find out why, then pin the key of GET /v1/evidence/key anew",
            )  # fmt: skip

    async def _resource(self, id_: str, ours: DataResource, ask: HubAsk) -> None:
        at: At = ("resources", id_)
        names = ask.named(id_)
        county = {"county": self._connect.county}
        theirs = await self._entry(f"{CATALOG}resources/{names.resource}", county)
        if theirs is None:
            self._say(at, "missing-resource", f"no resource {names.resource!r} there",
                      "another name in `ask.resource`, or not to take it")  # fmt: skip
            return
        self._keys(at, theirs, ask)
        self._connected(at, theirs, [names.fields.get(f, f) for f in self._taken(id_)])
        for field in self._taken(id_):
            known = _mapping(theirs["fields"]).get(names.fields.get(field, field))
            await self._field((*at, "ask", "renames", field), ours.fields[field], known)

    def _taken(self, id_: str) -> Iterable[str]:
        return self._agreed.manifest.resources[id_].answer.fields

    def _keys(self, at: At, theirs: Entry, ask: HubAsk) -> None:
        asked = {name.partition(".")[2] for name in ask.names()}
        needed = {str(key["id"]) for key in theirs["keys"] if key["required"]}
        if not needed <= asked:
            missing = ", ".join(sorted(needed - asked))
            self._say((*at, "ask", "keys"), "key", f"it is asked by {missing} there", "these keys")

    def _connected(self, at: At, theirs: Entry, taken: Iterable[str]) -> None:
        bound = [b for b in theirs["connected"] if b["county"] == self._connect.county]
        if not bound:
            self._say(at, "not-connected", f"nothing answers for it in {self._connect.county}",
                      "a source there")  # fmt: skip
            return
        missing = set(taken) - {field for binding in bound for field in binding["fields"]}
        for field in sorted(missing):
            self._say(at, "not-connected", f"no source there has {field!r}",
                      "`ask.fields` without it")  # fmt: skip

    async def _field(self, at: At, ours: Field, theirs: Entry | None) -> None:
        if theirs is None:
            self._say(at, "missing-field", f"no field for our {ours.id!r} there",
                      "another name in `ask.renames`, or `ask.fields` without it")  # fmt: skip
            return
        for name in ("type", "repeated", "code_table"):
            mine = getattr(ours, name)
            if theirs[name] != mine:
                self._say(at, name.replace("_", "-"),
                          f"{ours.id}: {name} {theirs[name]} there", f"{mine}, as here")  # fmt: skip
        if ours.code_table is not None and theirs["code_table"] == ours.code_table:
            await self._table(at, self._catalog.code_tables[ours.code_table])

    async def _table(self, at: At, ours: CodeTable) -> None:
        if ours.id in self._tables:
            return
        theirs = await self._entry(f"{CATALOG}code-tables/{ours.id}")
        self._tables[ours.id] = theirs
        if theirs is None:
            self._say(at, "missing-table", f"no code table {ours.id!r} there", "the same table")
            return
        known = {code: str(row["label"]) for code, row in _mapping(theirs["codes"]).items()}
        mine = {code: row.label for code, row in ours.codes.items()}
        for what, codes in (
            ("only there", known.keys() - mine.keys()),
            ("only here", mine.keys() - known.keys()),
            ("otherwise called", {c for c in known.keys() & mine.keys() if known[c] != mine[c]}),
        ):
            if codes:
                self._say(at, "codes", f"{ours.id}: {_some(codes)} {what}", "the same codes")

    async def _entry(self, path: str, query: Mapping[str, str] | None = None) -> Entry | None:
        """What is said at a path; None where there is nothing."""
        question = Question(method="GET", path=path, query=query, expected=frozenset({404}))
        reply = await self._client.send(question, within=_WITHIN)
        if reply.status == 404:
            return None
        entry = parse_json(decode(reply.body, declared=reply.charset, overruled=None))
        return _mapping(entry)

    def _say(self, at: At, rule: str, found: str, expected: str) -> None:
        self.found.append(self._document.complaint(at, rule, found, expected))


def _mapping(value: Any) -> Entry:
    if not isinstance(value, Mapping):
        raise SourceAnswerInvalid("catalog-shape")
    return value


def _some(codes: Iterable[str]) -> str:
    first = sorted(codes)
    return ", ".join(first[:_LISTED]) + (" …" if len(first) > _LISTED else "")


def _written(agreed: Agreed) -> Located:
    """The manifest as it stands in its file, for the lines of complaints."""
    name = f"{agreed.manifest.source}.yaml"
    text = (agreed.folder / name).read_text(encoding="utf-8")
    return located.read(f"{agreed.county}/{registry.FOLDER}/{name}", text)[0]
