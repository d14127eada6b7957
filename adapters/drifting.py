"""Has a source changed the shape of its answers, and which fields does that break?

Each live answer may be looked at; most are not. While a shape is learnt, and while something is
missing that was always there, every answer is looked at, otherwise one in `EVERY`. What is kept is
shapes: no values, and of codes only those that can be nothing but codes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import structlog

from adapters import shapes
from adapters.converters import Unreadable
from adapters.errors import SourceAnswerInvalid
from adapters.mapping import FieldPlan, Plan
from adapters.model import Outcome, RawReply, SourceCall, Transport
from adapters.shapes import NOTHING, OBJECT, Place, Shape

LEARN = 20
"""Answers from which a shape is learnt before any change is reported."""
EVERY = 64
"""One in so many answers is looked at when the shape is known."""
GONE_AFTER = 3
"""Answers in a row without something that was always there."""
MAX_CHANGES = 100
_LOOKED_AT = 20
"""Records, and lines of a record, whose codes and values are looked at."""
_CODE = re.compile(r"[A-Za-z0-9]{1,4}", re.ASCII)

log = structlog.get_logger()


class ChangeKind(StrEnum):
    """How a shape changed."""

    GONE = "gone"
    """What was in every answer is in none."""
    TYPE = "type"
    """Something of another type stands there; where that cannot be read, `UNREADABLE` says so."""
    UNREADABLE = "unreadable"
    """Values that the manifest's converter cannot read."""
    CODE = "code"
    """A code that is not in the table."""
    NEW = "new"
    """Something that was never there; it breaks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a source's answers."""

    source: str
    resource: str
    kind: ChangeKind
    place: str
    fields: tuple[str, ...]
    """Ids of the resource's fields that come from there; empty: nobody can miss it."""
    detail: str
    """Types, a code, or where it went; never a value."""
    at: str
    """When it was noticed, ISO 8601."""

    @property
    def breaks(self) -> bool:
        """Does it take something from anybody?"""
        harmless = {ChangeKind.NEW, ChangeKind.TYPE}
        return bool(self.fields) and self.kind not in harmless


class Shelf(Protocol):
    """Where shapes are kept between two starts; what cannot be kept is learnt again."""

    def load(self, name: str) -> bytes | None:
        """What was saved under `name`."""
        ...

    def save(self, name: str, content: bytes) -> None:
        """Keep `content` under `name`."""
        ...

    def holds(self, name: str) -> bool:
        """Is there anything under `name`? An operator may have taken it away."""
        ...


class FolderShelf:
    """One file a source."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> bytes | None:
        """See `Shelf`."""
        try:
            return (self._folder / f"{name}.json").read_bytes()
        except OSError:
            return None

    def save(self, name: str, content: bytes) -> None:
        """See `Shelf`; whole or not at all, and a full disk is no reason not to answer."""
        draft = self._folder / f".{name}.{os.getpid()}"
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            draft.replace(self._folder / f"{name}.json")

    def holds(self, name: str) -> bool:
        """See `Shelf`."""
        return (self._folder / f"{name}.json").exists()


@dataclass(slots=True)
class _Seen:
    """What is known of one place."""

    types: set[str] = field(default_factory=set)
    chances: int = 0
    """Answers in which it could have been: what holds it was there."""
    missing: int = 0
    """How many of the last ones in a row were without it."""
    optional: bool = False
    """There was an answer without it that could have held it, and a later one with it."""


class Learnt:
    """What is known of one resource's answers, and what has changed."""

    def __init__(self, source: str, resource: str, plan: Plan, mapped: Mapping[str, Place]) -> None:
        self._source, self._resource, self._plan, self._mapped = source, resource, plan, mapped
        self._known = frozenset(name for place in mapped.values() for name in place)
        self.answers = 0
        self._places: dict[Place, _Seen] = {}
        self._codes: set[tuple[str, str]] = set()
        self._unread: dict[str, int] = {}
        self._changes: dict[tuple[ChangeKind, str], Change] = {}

    @property
    def unsettled(self) -> bool:
        """Should the next answer be looked at, whatever its number?"""
        if self.answers < LEARN:
            return True
        if any(0 < times < GONE_AFTER for times in self._unread.values()):
            return True
        return any(0 < seen.missing < GONE_AFTER for seen in self._places.values())

    @property
    def changes(self) -> tuple[Change, ...]:
        """What has changed and not changed back."""
        return tuple(self._changes.values())

    def look(self, document: Any, moment: datetime) -> tuple[Change, ...]:
        """Take in one answer; gives what is newly reported."""
        before = set(self._changes)
        at = moment.isoformat()
        shape = shapes.signature(document, self._known)
        for place, types in shape.places.items():
            self._there(place, types, at)
        for place, seen in list(self._places.items()):
            if place not in shape.places and _could_be(place, shape):
                self._missing(place, seen, shape, at)
        self._look_into(document, at)
        self.answers += 1
        return tuple(each for key, each in self._changes.items() if key not in before)

    def _there(self, place: Place, types: frozenset[str], at: str) -> None:
        seen = self._places.get(place)
        if seen is None:
            holder = self._places.get(place[:-1])
            late = bool(place) and holder is not None and holder.chances > 1
            self._places[place] = _Seen(set(types), 1, optional=late)
            self._report(ChangeKind.NEW, shapes.shown(place), (), " ".join(sorted(types)), at)
            return
        if seen.missing:
            # What was reported as gone and is back was never part of how answers look.
            seen.optional = True
            self._changes.pop((ChangeKind.GONE, shapes.shown(place)), None)
        seen.missing, seen.chances = 0, seen.chances + 1
        unheard = types - seen.types - {NOTHING}
        if unheard and seen.types - {NOTHING}:
            detail = f"{' '.join(sorted(unheard))} ({' '.join(sorted(seen.types))})"
            self._report(ChangeKind.TYPE, shapes.shown(place), self._below(place), detail, at)
        if self.answers < LEARN or not seen.types - {NOTHING}:
            seen.types |= types

    def _missing(self, place: Place, seen: _Seen, shape: Shape, at: str) -> None:
        fields = self._below(place)
        seen.chances += 1
        if self.answers < LEARN or seen.chances <= LEARN:
            seen.optional = True
        if seen.optional or not fields:
            return
        seen.missing += 1
        if seen.missing == GONE_AFTER:
            moved = [
                p for p in shape.places if p[-1:] == place[-1:] and self._places[p].chances <= LEARN
            ]
            detail = f"→ {shapes.shown(moved[0])}" if moved else ""
            self._report(ChangeKind.GONE, shapes.shown(place), fields, detail, at)

    def _below(self, place: Place) -> tuple[str, ...]:
        """The fields that come from a place or from below it."""
        return tuple(id_ for id_, each in self._mapped.items() if each[: len(place)] == place)

    def _report(
        self, kind: ChangeKind, place: str, fields: tuple[str, ...], detail: str, at: str
    ) -> None:
        if self.answers < LEARN or len(self._changes) >= MAX_CHANGES:
            return
        change = Change(
            source=self._source, resource=self._resource, kind=kind, place=place, fields=fields,
            detail=detail, at=at,
        )  # fmt: skip
        key = (kind, f"{place} {detail}" if kind is ChangeKind.CODE else place)
        self._changes.setdefault(key, change)

    def _look_into(self, document: Any, at: str) -> None:
        """Fields that cannot be read any more, and codes that are in no table."""
        read: set[str] = set()
        unread: dict[str, str] = {}
        for each, holder in self._pairs(document):
            if each.get is None:
                continue
            try:
                value = each.convert(each.get(holder))
            except Unreadable:
                unread[each.id] = each.rule
                continue
            if value is not None:
                read.add(each.id)
                self._look_at_code(each, str(value), at)
        for id_, rule in unread.items():
            # A register has its share of nonsense; a change of form leaves nothing to read.
            self._unread[id_] = 0 if id_ in read else self._unread.get(id_, 0) + 1
            if self._unread[id_] >= GONE_AFTER:
                place = shapes.shown(self._mapped[id_])
                self._report(ChangeKind.UNREADABLE, place, (id_,), rule, at)
        for id_ in read - unread.keys():
            if self._unread.pop(id_, 0):
                place = shapes.shown(self._mapped[id_])
                self._changes.pop((ChangeKind.UNREADABLE, place), None)

    def _pairs(self, document: Any) -> Iterator[tuple[FieldPlan, Any]]:
        """Fields with the records and lines they are read from."""
        plan = self._plan
        for record in (plan.records(document) or [])[:_LOOKED_AT]:
            yield from ((each, record) for each in plan.head)
            holder = document if plan.answer.record else record
            for line in plan.lines(holder)[:_LOOKED_AT] if plan.lines else ():
                yield from ((each, line) for each in plan.body)

    def _look_at_code(self, each: FieldPlan, value: str, at: str) -> None:
        code = each.alias.get(value, value)
        if each.codes is None or code in each.codes:
            return
        said = code if _CODE.fullmatch(code) else "*"
        if (each.id, said) not in self._codes:
            self._codes.add((each.id, said))
            self._report(ChangeKind.CODE, shapes.shown(self._mapped[each.id]), (each.id,), said, at)

    def dump(self) -> dict[str, Any]:
        """For the shelf."""
        return {
            "answers": self.answers,
            "mapped": {id_: list(place) for id_, place in self._mapped.items()},
            "places": [
                [list(place), sorted(seen.types), seen.chances, seen.missing, seen.optional]
                for place, seen in self._places.items()
            ],
            "codes": sorted(self._codes),
            "changes": [
                {"kind": each.kind, "place": each.place, "fields": list(each.fields),
                 "detail": each.detail, "at": each.at}
                for each in self._changes.values()
            ],
        }  # fmt: skip

    def restore(self, rows: Mapping[str, Any]) -> None:
        """From the shelf; what was learnt under another manifest is forgotten.

        Raises:
            ValueError, TypeError, KeyError: It is not what was dumped.
        """
        if rows["mapped"] != {id_: list(place) for id_, place in self._mapped.items()}:
            return
        places = {
            tuple(map(str, place)): _Seen(set(types), int(chances), int(missing), bool(optional))
            for place, types, chances, missing, optional in rows["places"]
        }
        codes = {(str(id_), str(code)) for id_, code in rows["codes"]}
        changes = [changed(self._source, self._resource, each) for each in rows["changes"]]
        self.answers, self._places, self._codes = int(rows["answers"]), places, codes
        self._changes = {
            (c.kind, f"{c.place} {c.detail}" if c.kind is ChangeKind.CODE else c.place): c
            for c in changes
        }


def changed(source: str, resource: str, row: Mapping[str, Any]) -> Change:
    """A change from the shelf.

    Raises:
        ValueError, TypeError, KeyError: It is not what was dumped.
    """
    return Change(
        source=source, resource=resource, kind=ChangeKind(row["kind"]), place=str(row["place"]),
        fields=tuple(map(str, row["fields"])), detail=str(row["detail"]), at=str(row["at"]),
    )  # fmt: skip


def _could_be(place: Place, shape: Shape) -> bool:
    """Was there an object in which the place could have been?"""
    holder = place[:-1]
    while holder and holder[-1] == "[]":
        holder = holder[:-1]
    return place[-1:] != ("[]",) and OBJECT in shape.places.get(holder, frozenset())


class Drift:
    """A transport whose answers' shapes are watched; what it gives is what its transport gives."""

    def __init__(
        self,
        transport: Transport,
        *,
        source: str,
        county: str,
        plans: Mapping[str, Plan],
        mapped: Mapping[str, Mapping[str, Place]],
        now: Callable[[], datetime],
        shelf: Shelf | None,
    ) -> None:
        """Args:
        transport: Asks.
        source: The source's id.
        county: The county's id.
        plans: Resource id → how its answers are read.
        mapped: Resource id → field id → its place in an answer.
        now: UTC.
        shelf: Where shapes are kept; None: nowhere.
        """
        self._transport, self._plans, self._now, self._shelf = transport, plans, now, shelf
        self._source, self._county = source, county
        self._counted, self._mapped = dict.fromkeys(plans, 0), mapped
        self._learnt = self._nothing()
        self._restore()
        self._on_shelf = shelf is not None and shelf.holds(source)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What has changed and not changed back."""
        return tuple(change for each in self._learnt.values() for change in each.changes)

    @property
    def expires_at(self) -> datetime | None:
        """The transport's."""
        return self._transport.expires_at

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """See `adapters.model.Transport`."""
        reply = await self._transport.fetch(call, within=within)
        learnt = self._learnt.get(call.resource)
        if learnt is not None:
            count = self._counted[call.resource] = self._counted[call.resource] + 1
            if count % EVERY == 0 or learnt.unsettled:
                self._forget_what_was_taken_away()
                self._look(call.resource, self._learnt[call.resource], reply)
        return reply

    async def aclose(self) -> None:
        """Release connections, and keep what was learnt."""
        self._save()
        await self._transport.aclose()

    def _look(self, resource: str, learnt: Learnt, reply: RawReply) -> None:
        plan = self._plans[resource]
        try:
            document = plan.document(reply)
            judged = plan.judged(document, reply.status)
        except SourceAnswerInvalid:
            return
        if judged is not None and (judged.outcome, judged.why) != (Outcome.FAILED, "not-ok"):
            # An answer without records has another shape, and says so. Where not even the code is
            # to be found that says so, the shape is what changed.
            return
        found = learnt.look(document, self._now())
        for change in found:
            say = log.warning if change.breaks else log.info
            say("source_shape_changed", county=self._county, source=self._source,
                resource=resource, change=str(change.kind), place=change.place,
                fields=list(change.fields))  # fmt: skip
        if found or learnt.answers in {LEARN, LEARN * 10}:
            self._save()

    def _nothing(self) -> dict[str, Learnt]:
        return {
            resource: Learnt(self._source, resource, plan, self._mapped[resource])
            for resource, plan in self._plans.items()
        }

    def _forget_what_was_taken_away(self) -> None:
        """The operator's word (`drift --forget`) reaches a running process through the shelf."""
        if self._on_shelf and self._shelf is not None and not self._shelf.holds(self._source):
            self._learnt, self._on_shelf = self._nothing(), False

    def _save(self) -> None:
        self._forget_what_was_taken_away()
        if self._shelf is not None and any(each.answers for each in self._learnt.values()):
            rows = {resource: each.dump() for resource, each in self._learnt.items()}
            content = json.dumps({"source": self._source, "resources": rows}, ensure_ascii=False)
            self._shelf.save(self._source, content.encode())
            self._on_shelf = self._shelf.holds(self._source)

    def _restore(self) -> None:
        content = self._shelf.load(self._source) if self._shelf is not None else None
        if content is None:
            return
        for resource, rows in _kept(content).items():
            if resource in self._learnt:
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    self._learnt[resource].restore(rows)


def _kept(content: bytes) -> Mapping[str, Any]:
    """Resource id → what was dumped; nothing where the file is none of ours."""
    try:
        rows = json.loads(content)["resources"]
    except (ValueError, TypeError, KeyError):
        return {}
    return rows if isinstance(rows, dict) else {}


def kept_changes(folder: Path) -> Iterator[Change]:
    """The changes in a folder of a `FolderShelf`."""
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            for resource, rows in _kept(path.read_bytes()).items():
                for row in rows["changes"]:
                    yield changed(path.stem, resource, row)
