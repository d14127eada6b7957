"""Another mianti, one level up or down: catalog, query and receipt travel.

A call becomes a query of the other hub, under our own client id and key there, with a deadline
inside ours. Its receipt is fetched and judged before anything of the answer is believed. A trail
of the hubs already passed goes with the question, so that hubs never ask in a circle.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from adapters import asking, manifest, relaying
from adapters.documents import decode, parse_json
from adapters.errors import AdapterError, SourceAnswerInvalid
from adapters.http import HTTPClient, HTTPConnect, http_findings
from adapters.kinds import Opening
from adapters.manifest import NAME, RESOURCE, Finding, Known
from adapters.model import Fate, Followed, Outcome, RawReply, Relayed, SourceCall
from adapters.ports import ReceiptCheck
from adapters.question import Question
from adapters.relaying import Names, Passed
from adapters.values import URL, FromEnvironment, Placeholder, Section

QUERIES = "/v1/queries"
RECEIPTS = "/v1/receipts/"
_REFUSALS = frozenset({400, 404, 409, 413, 415, 422, 431})
"""Statuses with a problem document that is about this question and not about the hub."""
_SHARE, _MOST = 0.25, 0.5
"""Of the time for a call, what is kept back for the way and for the receipt; at most so many seconds."""
_KEY_SIZE = 32
_MOST_KEY = 4096


def _pinned(value: Any) -> Any:
    if isinstance(value, Placeholder):
        return value
    if not isinstance(value, FromEnvironment):
        raise ValueError("a key that stands in a file is named by key_file; write ${NAME}")  # noqa: TRY004 -- pydantic takes ValueError
    if PinnedKey.told(value) is None:
        raise ValueError("not what GET /v1/evidence/key says")
    return value


class ReceiptTerms(Section):
    """The other hub's receipts. The key is what `GET /v1/evidence/key` said when somebody fetched it
    and compared it by another way, `{"origin": …, "key": "<base64>"}`: in a file or in a variable.
    """

    key_file: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]+$")
    """Beside the manifest."""
    key: Annotated[
        str | None,
        BeforeValidator(_pinned),
        WithJsonSchema({"type": "string", "pattern": r"^\$\{[A-Z][A-Z0-9_]*\}$"}),
    ] = None
    """`${NAME}`, for a hub whose key is new with each start, such as the one over the sandbox."""
    check: Literal["required", "recorded"] = "required"
    """`recorded`: an answer whose receipt proves nothing is given all the same, and marked so."""

    @model_validator(mode="after")
    def _one_key(self) -> ReceiptTerms:
        if (self.key_file is None) == (self.key is None):
            raise ValueError("key_file or key, one of them")
        return self

    def pinned(self, folder: Path) -> PinnedKey | None:
        """The key, of manifests in `folder`; None while its variable is not there.

        Raises:
            ValueError: It is not what `GET /v1/evidence/key` says.
        """
        if self.key_file is not None:
            return PinnedKey.read(folder / self.key_file)
        return PinnedKey.told(self.key or "")


class HubConnect(HTTPConnect):
    """Where the other hub is, and who we are there."""

    base_url: URL
    county: str = Field(pattern=NAME, max_length=64)
    """The county in which we are registered there."""
    receipts: ReceiptTerms
    items: dict[str, str] = Field(default_factory=dict)
    """Our service item → theirs, where it is called otherwise."""


FieldId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]


class HubAsk(manifest.Ask):
    """What is taken of one resource."""

    keys: tuple[Annotated[Known, Field()], ...] = ()
    """What the other hub is asked by: `keys.id_number`, `optional.name`, …; the catalog's keys where
    it is not said."""
    fields: tuple[FieldId, ...] | None = Field(default=None, min_length=1)
    """Fields that are taken; all of the catalog's where it is not said."""
    resource: Annotated[str, Field(pattern=RESOURCE)] | None = None
    """What the resource is called there, where that differs."""
    renames: dict[FieldId, FieldId] = Field(default_factory=dict)
    """Our field id → theirs, where that differs."""

    def named(self, resource: str) -> Names:
        """What `resource` and its fields are called there."""
        return Names(resource=self.resource or resource, fields=self.renames)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedKey:
    """The other hub's name and the key of its evidence log."""

    origin: str
    key: bytes

    @classmethod
    def read(cls, path: Path) -> PinnedKey:
        """Raises:
        ValueError: It is not what `GET /v1/evidence/key` says.
        """
        try:
            with path.open(encoding="utf-8") as file:
                pinned = json.loads(file.read(_MOST_KEY))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"cannot be read: {type(error).__name__}") from None
        found = cls.of(pinned)
        if found is None:
            raise ValueError("not what GET /v1/evidence/key says")
        return found

    @classmethod
    def told(cls, text: str) -> PinnedKey | None:
        """The same from a text; None where it is not that."""
        try:
            return cls.of(json.loads(text))
        except (ValueError, RecursionError):
            return None

    @classmethod
    def of(cls, told: Any) -> PinnedKey | None:
        """What `GET /v1/evidence/key` says; None where it is not that."""
        try:
            key = base64.b64decode(told["key"], validate=True)
            origin = relaying.origin_of(told["origin"])
        except (ValueError, KeyError, TypeError):
            return None
        return cls(origin=origin, key=key) if len(key) == _KEY_SIZE else None


class HubTransport:
    """Asks another hub."""

    Connect: ClassVar[type[manifest.Connect]] = HubConnect
    Ask: ClassVar[type[manifest.Ask]] = HubAsk
    REHEARSED: ClassVar[bool] = False
    """Its answers come with receipts, which nobody can make up for a rehearsal."""
    CATALOGUED: ClassVar[bool] = True
    """Its answers are in the catalog's own words, so that no manifest maps them."""

    def __init__(self, opening: Opening) -> None:
        connect: HubConnect = opening.connect
        around = opening.surroundings
        self._client = HTTPClient(connect.base_url, connect, opening)
        pinned = connect.receipts.pinned(opening.folder)
        if pinned is None:
            raise ValueError("opened before its key was known")
        self._pinned = pinned
        self._required = connect.receipts.check == "required"
        self._check: ReceiptCheck | None = around.receipts
        self._items, self._origin = connect.items, around.origin
        asks: Mapping[str, HubAsk] = opening.asks
        self._names = {resource: ask.named(resource) for resource, ask in asks.items()}
        self._keys = {
            resource: asking.row({name.partition(".")[2]: name for name in ask.keys})
            for resource, ask in asks.items()
        }

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        """The key that is pinned, and what all kinds over HTTP have to get right."""
        yield from http_findings(opening)
        connect: HubConnect = opening.connect
        try:
            connect.receipts.pinned(opening.folder)
        except ValueError as error:
            yield Finding(
                at=("connect", "receipts", "key_file"), rule="pinned-key", found=str(error),
                expected="beside the manifest, what GET /v1/evidence/key says",
            )  # fmt: skip
        for resource, ask in opening.asks.items():
            if len(set(ask.renames.values())) != len(ask.renames):
                yield Finding(
                    at=("resources", resource, "ask", "renames"), rule="twice",
                    found="two fields from one", expected="each of their fields once",
                )  # fmt: skip

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """Ask; see `adapters.model.Transport`."""
        clock = asyncio.get_running_loop().time
        until = clock() + within
        names = self._names[call.resource]
        reply = await self._asked(call, names, within)
        answer = parse_json(decode(reply.body, declared=reply.charset, overruled=None))
        if reply.status in _REFUSALS:
            return self._refused(reply, answer)
        passed = relaying.passed(answer, call, names, self._pinned.origin)
        document = await self._receipt(passed.receipt, until - clock())
        proof = await self._proven(passed, document) if document is not None else None
        relayed = replace(
            passed.relayed, receipt=passed.receipt, receipt_hash=proof, proven=proof is not None
        )
        if self._required and proof is None and _tells(relayed):
            why = "receipt-missing" if document is None else "receipt-invalid"
            whole = Fate(outcome=Outcome.FAILED, why=why)
            return replace(reply, relayed=replace(relayed, whole=whole, fields={}))
        return replace(
            reply,
            document={"records": list(passed.records)},
            entered_by=passed.entered_by,
            relayed=relayed,
        )

    async def follow(self, ticket: str, *, within: float) -> Followed:
        """How a deferred answer stands; while the other hub does not say, it waits."""
        asked = Question(method="GET", path=f"{QUERIES}/{ticket}", expected=frozenset({404}))
        try:
            reply = await self._client.send(asked, within=within)
            if reply.status == 404:
                return Followed.LAPSED
            text = decode(reply.body, declared=reply.charset, overruled=None)
            return relaying.followed(parse_json(text))
        except AdapterError:
            return Followed.WAITING

    @property
    def expires_at(self) -> datetime | None:
        """See `adapters.http.HTTPClient`."""
        return self._client.expires_at

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _asked(self, call: SourceCall, names: Names, within: float) -> RawReply:
        item = call.reason.item
        body = relaying.question(
            call,
            self._keys[call.resource](call),
            names,
            item=self._items.get(item, item),
            via=[*call.via, self._origin] if self._origin else call.via,
            deadline=within - min(within * _SHARE, _MOST),
        )
        asked = Question(method="POST", path=QUERIES, json=body, expected=_REFUSALS)
        return await self._client.send(asked, within=within)

    def _refused(self, reply: RawReply, problem: Any) -> RawReply:
        fate = relaying.refused(problem)
        if fate is None:
            raise SourceAnswerInvalid(f"status-{reply.status}")
        return replace(reply, relayed=Relayed(via=(self._pinned.origin,), whole=fate))

    async def _receipt(self, receipt: str, within: float) -> bytes | None:
        """The receipt's file; None where it is not to be had in time."""
        asked = Question(method="GET", path=RECEIPTS + receipt)
        try:
            return (await self._client.send(asked, within=within * (1 - _SHARE))).body
        except AdapterError:
            return None

    async def _proven(self, passed: Passed, document: bytes) -> str | None:
        """The hash of the record that proves what was passed; None where nothing does."""
        if self._check is None:
            return None
        found = await asyncio.to_thread(
            self._check, document, key=self._pinned.key, values=passed.values
        )
        return _hash(document) if found is not None and _is_about(found, passed) else None


def _tells(relayed: Relayed) -> bool:
    """Does it say of anything that there is a record, or none?"""
    outcomes = {relayed.whole.outcome, *(fate.outcome for fate in relayed.fields.values())}
    return not outcomes.isdisjoint({Outcome.ANSWERED, Outcome.NO_RECORD})


def _is_about(record: Mapping[str, Any], passed: Passed) -> bool:
    """Is the record the one of this very answer, and does it say the same of each field?"""
    try:
        fields = record["body"]["fields"]
        claims = {path: relaying.claim(fields[path]) for path in fields}
        same = record["id"] == passed.receipt and record["body"]["query"] == passed.query
        committed = {path for path in fields if "commitment" in fields[path]}
    except (KeyError, TypeError, AttributeError):
        return False
    return bool(same and claims == passed.claims and committed == set(passed.values))


def _hash(document: bytes) -> str:
    leaf = str(json.loads(document)["leaf"])
    return f"sha256:{hashlib.sha256(leaf.encode()).hexdigest()}"
