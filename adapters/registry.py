"""From a county's manifests to connected sources, or to everything that is wrong with them.

Nothing is connected while anything is wrong: a county either runs with what its files say or does
not start. `check` judges the same without opening anything and without an environment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adapters import located, shapes, tracing
from adapters.breaker import Breaker
from adapters.budgets import Bulkhead, ShareOfCalls, TokenBucket
from adapters.caching import CacheRules, ReplyCache
from adapters.catalogued import catalogued, completed
from adapters.compiling import Compiler
from adapters.drifting import Drift, FolderShelf, Shelf
from adapters.errors import Complaint, InvalidManifest
from adapters.guards import Guards, Hedge, Retry
from adapters.kinds import Kind, Now, Opening, UnknownKind, kind, names
from adapters.located import At, Located
from adapters.manifest import AnyManifest, Connect, Finding, substituted, validated
from adapters.mapping import Plan
from adapters.model import Source, Transport
from adapters.ports import Follow, Surroundings
from adapters.resilience import GuardedSource
from adapters.terms import CacheTerms
from catalog.model import Catalog, DataResource, SourceBinding

FOLDER = "sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The sources of one county, ready to be asked."""

    sources: Mapping[str, Source]
    """By source id."""
    drifts: Mapping[str, Drift]
    """By source id: how the shape of its answers has changed."""
    bindings: tuple[SourceBinding, ...]
    followers: Mapping[str, Follow]
    """By source id, of those that keep deferred answers themselves."""

    async def aclose(self) -> None:
        """Release all connections."""
        await asyncio.gather(*(source.aclose() for source in self.sources.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A manifest that agrees with its grammar and the catalog."""

    manifest: AnyManifest
    kind: type[Kind]
    plans: Mapping[str, Plan]
    bindings: tuple[SourceBinding, ...]
    resources: Mapping[str, DataResource]
    """The catalog's description of each resource."""
    folder: Path
    county: str
    replica: Connect | None = None
    """The `connect` section of the replica, where the manifest names one."""

    def opening(self, now: Now, surroundings: Surroundings | None = None) -> Opening:
        """What its transport is built from."""
        return _opening(self.manifest, self.folder, now, surroundings)


def connect(
    folder: Path,
    *,
    county: str,
    catalog: Catalog,
    environment: Mapping[str, str],
    now: Now,
    surroundings: Surroundings | None = None,
) -> Connected:
    """Connect every source of a county.

    Args:
        folder: The county's folder; its manifests are `sources/*.yaml`.
        county: The county's id.
        catalog: What the manifests have to agree with.
        environment: Where `${NAME}` comes from.
        now: UTC.
        surroundings: What is shared with other workers; None: this process stands alone.

    Raises:
        InvalidManifest: With every complaint of every file; nothing was connected.
    """
    agreed = read(folder, county=county, catalog=catalog, environment=environment, now=now)
    around = surroundings or Surroundings()
    folder_of_shapes = around.data_dir / "shapes" / county if around.data_dir else None
    shelf = FolderShelf(folder_of_shapes) if folder_of_shapes else None
    transports = {each.manifest.source: each.kind(each.opening(now, around)) for each in agreed}
    drifts = {
        each.manifest.source: watched(each, transports[each.manifest.source], now, shelf)
        for each in agreed
    }
    sources: dict[str, Source] = {
        each.manifest.source: guarded(each, drifts[each.manifest.source], now, around)
        for each in agreed
    }
    return Connected(
        sources=sources,
        drifts=drifts,
        bindings=tuple(binding for each in agreed for binding in each.bindings),
        followers={
            name: each.follow for name, each in transports.items() if hasattr(each, "follow")
        },
    )


def check(folder: Path, *, county: str, catalog: Catalog, now: Now) -> tuple[SourceBinding, ...]:
    """What `connect` would bind, judged offline.

    Raises:
        InvalidManifest: With every complaint of every file.
    """
    agreed = read(folder, county=county, catalog=catalog, environment=None, now=now)
    return tuple(binding for each in agreed for binding in each.bindings)


def read(
    folder: Path,
    *,
    county: str,
    catalog: Catalog,
    environment: Mapping[str, str] | None,
    now: Now,
    only: str = "*",
) -> tuple[Agreed, ...]:
    """The manifests of a county (those whose name is like `only`), of which every one agrees with
    its grammar and the catalog; nothing is opened. Without an environment, placeholders stand
    where variables will.

    Raises:
        InvalidManifest: With every complaint of every file.
    """
    agreed, complaints = _read(folder, county, catalog, environment, now, only)
    if complaints:
        raise InvalidManifest(complaints)
    return tuple(agreed)


def watched(agreed: Agreed, transport: Transport, now: Now, shelf: Shelf | None) -> Drift:
    """The transport with an eye on the shape of its answers."""
    connect = agreed.manifest.connect
    # What clerks type has the shape of what they were asked, and drifts with that.
    terms = agreed.manifest.resources if rehearsed(agreed) else {}
    repeated = {
        id_: [field.id for field in each.fields.values() if field.repeated]
        for id_, each in agreed.resources.items()
    }
    return Drift(
        transport, source=agreed.manifest.source, county=agreed.county,
        plans={id_: agreed.plans[id_] for id_ in terms},
        mapped={
            id_: shapes.mapped(connect, each.answer, repeated[id_]) for id_, each in terms.items()
        },
        now=now, shelf=shelf,
    )  # fmt: skip


def rehearsed(agreed: Agreed) -> bool:
    """Has this kind answers that can be recorded, played again and compared?"""
    return bool(getattr(agreed.kind, "REHEARSED", True))


def guarded(
    agreed: Agreed, transport: Transport, now: Now, surroundings: Surroundings | None = None
) -> GuardedSource:
    """The source around its transport: always in time, never an exception."""
    terms = agreed.manifest
    return GuardedSource(
        id=terms.source,
        kind=terms.kind,
        transport=tracing.Watched(transport),
        plans=agreed.plans,
        timeout=terms.connect.timeout,
        guards=_guards(agreed, now, surroundings or Surroundings()),
        now=now,
    )


def _guards(agreed: Agreed, now: Now, surroundings: Surroundings) -> Guards:
    terms, clock = agreed.manifest, time.monotonic
    rate, retry, room = terms.rate, terms.retry, terms.bulkhead
    rules = _cache_rules(terms)
    return Guards(
        breaker=Breaker(failures=terms.breaker.failures, reset=terms.breaker.reset, clock=clock),
        bulkhead=Bulkhead(room.calls, queue=room.queue, wait=room.wait),
        rate=TokenBucket(
            per_second=rate.per_second,
            burst=max(rate.burst or rate.per_second, 1),
            clock=clock,
        )
        if rate
        else None,
        windows=tuple(each.window() for each in terms.closed),
        idempotent=frozenset(id_ for id_, r in terms.resources.items() if r.idempotent),
        retry=Retry(jitter=retry.jitter, share=ShareOfCalls(retry.share)) if retry else None,
        hedge=_hedge(agreed, now, surroundings),
        cache=ReplyCache(f"{agreed.county}/{terms.source}", surroundings.keep, now=now, clock=clock)
        if rules
        else None,
        cache_rules=rules,
    )


def _cache_rules(manifest: AnyManifest) -> Mapping[str, CacheRules]:
    rules: dict[str, CacheRules] = {}
    for id_, resource in manifest.resources.items():
        terms = manifest.cache if resource.cache is None else resource.cache
        if isinstance(terms, CacheTerms):
            rules[id_] = CacheRules(
                max_age=timedelta(seconds=terms.max_age),
                stale_if_error=timedelta(seconds=terms.stale_if_error or 0),
                no_record=timedelta(seconds=terms.no_record or 0),
            )
    return rules


def _hedge(agreed: Agreed, now: Now, surroundings: Surroundings) -> Hedge | None:
    terms = agreed.manifest.hedge
    if terms is None or agreed.replica is None:
        return None
    opening = replace(agreed.opening(now, surroundings), connect=agreed.replica)
    return Hedge(
        replica=agreed.kind(opening),
        after=None if terms.after == "p95" else terms.after,
        share=ShareOfCalls(terms.share),
    )


def _read(
    folder: Path,
    county: str,
    catalog: Catalog,
    environment: Mapping[str, str] | None,
    now: Now,
    only: str,
) -> tuple[list[Agreed], list[Complaint]]:
    agreed: list[Agreed] = []
    complaints: list[Complaint] = []
    for path in sorted((folder / FOLDER).glob(f"{only}.y*ml")):
        found, wrong = _read_one(path, county, catalog, environment, now)
        complaints.extend(wrong)
        agreed.extend([found] if found and not wrong else [])
    return agreed, complaints


def _read_one(
    path: Path, county: str, catalog: Catalog, environment: Mapping[str, str] | None, now: Now
) -> tuple[Agreed | None, list[Complaint]]:
    file = f"{county}/{FOLDER}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None, [_whole(file, "unreadable", "not readable as UTF-8", "UTF-8 text")]
    document, wrong = located.read(file, text)
    if wrong:
        return None, list(wrong)
    if not isinstance(document.data, dict):
        return None, [document.complaint((), "shape", "not a mapping", "a manifest")]
    document, missing = substituted(document, environment)
    found = _kind(document)
    if isinstance(found, Complaint):
        return None, [*missing, found]
    if catalogued(found):
        document, written = completed(document, _known(catalog, county))
        missing = (*missing, *written)
    manifest, wrong = validated(document, found.Connect, found.Ask)
    if manifest is None:
        return None, [*missing, *_already_said(wrong, missing)]
    agreement = _Agreement(document, manifest, path, county, catalog)
    agreed, complaints = agreement.judged(found, now)
    return agreed, [*missing, *_already_said(complaints, missing)]


def _known(catalog: Catalog, county: str) -> Mapping[str, DataResource]:
    """All resources as a county has them."""
    own = {id_: each for (place, id_), each in catalog.county_resources.items() if place == county}
    return {**catalog.resources, **own}


def _already_said(
    complaints: Iterable[Complaint], missing: Iterable[Complaint]
) -> Iterator[Complaint]:
    """Leave out what follows from a variable that is not set: the line is named already."""
    lines = {each.line for each in missing}
    return (each for each in complaints if each.line not in lines)


def _whole(file: str, rule: str, found: str, expected: str) -> Complaint:
    return Complaint(file=file, line=0, rule=rule, found=found, expected=expected)


def _kind(document: Located) -> type[Kind] | Complaint:
    name = document.data.get("kind")
    try:
        return kind(str(name))
    except UnknownKind as error:
        found = "no 'kind'" if name is None else str(error)
        expected = f"one of {', '.join(names())}"
        return document.complaint(("kind",), "unknown-kind", found, expected)


def _opening(
    manifest: AnyManifest, folder: Path, now: Now, surroundings: Surroundings | None = None
) -> Opening:
    return Opening(
        source=manifest.source,
        folder=folder,
        connect=manifest.connect,
        asks={resource: terms.ask for resource, terms in manifest.resources.items()},
        statuses={
            resource: terms.answer.statuses() for resource, terms in manifest.resources.items()
        },
        answers={resource: terms.answer for resource, terms in manifest.resources.items()},
        now=now,
        surroundings=surroundings or Surroundings(),
    )


class _Agreement:
    """Does one manifest agree with the catalog and with its kind?"""

    def __init__(
        self, document: Located, manifest: AnyManifest, path: Path, county: str, catalog: Catalog
    ) -> None:
        self._document, self._manifest, self._path = document, manifest, path
        self._county, self._catalog = county, catalog
        self._complaints: list[Complaint] = []

    def judged(self, found: type[Kind], now: Now) -> tuple[Agreed, list[Complaint]]:
        manifest, plans, bindings = self._manifest, {}, []
        resources: dict[str, DataResource] = {}
        if self._path.name != f"{manifest.source}.yaml":
            self._say(("source",), "file-name", f"source {manifest.source!r} in {self._path.name}",
                      f"the file {manifest.source}.yaml")  # fmt: skip
        for id_, terms in manifest.resources.items():
            resource = self._resource(id_)
            if resource is None:
                continue
            resources[id_] = resource
            plans[id_] = replace(self._plan(resource, terms), sparse=catalogued(found))
            bindings.append(self._binding(resource, terms, found))
        opening = _opening(manifest, self._path.parent, now)
        self._report(found.inspect(opening))
        replica = self._replica(found)
        if replica is not None:
            self._inspect_replica(found, replace(opening, connect=replica))
        agreed = Agreed(
            manifest=manifest, kind=found, plans=plans, bindings=tuple(bindings),
            resources=resources, folder=self._path.parent, county=self._county,
            replica=replica,
        )  # fmt: skip
        self._twice()
        return agreed, self._complaints

    def _replica(self, found: type[Kind]) -> Connect | None:
        """`connect` with what is different at the replica, judged like `connect` itself."""
        hedge = self._manifest.hedge
        if hedge is None:
            return None
        raw = self._document.data
        try:
            return found.Connect.model_validate({**raw["connect"], **raw["hedge"]["replica"]})
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False, include_context=False):
                place = tuple(part for part in each["loc"] if isinstance(part, str | int))
                self._say(("hedge", "replica", *place[:1]), "replica", ".".join(map(str, place)),
                          each["msg"].removeprefix("Value error, "))  # fmt: skip
        return None

    def _inspect_replica(self, found: type[Kind], opening: Opening) -> None:
        """What the kind finds wrong in the keys that are different there; the others are judged."""
        changed = self._document.data["hedge"]["replica"]
        for each in found.inspect(opening):
            if each.at[:1] == ("connect",) and each.at[1:2] and each.at[1] in changed:
                self._say(("hedge", "replica", *each.at[1:]), each.rule, each.found, each.expected)

    def _twice(self) -> None:
        """Retry and hedge are for resources that may be asked twice; without one they do nothing."""
        manifest = self._manifest
        if any(resource.idempotent for resource in manifest.resources.values()):
            return
        for name in ("retry", "hedge"):
            if getattr(manifest, name) is not None:
                self._say((name,), "nothing-idempotent", f"{name}, but no idempotent resource",
                          "idempotent: true at a resource that may be asked twice")  # fmt: skip

    def _say(self, at: At, rule: str, found: str, expected: str) -> None:
        self._complaints.append(self._document.complaint(at, rule, found, expected))

    def _report(self, findings: Iterable[Finding]) -> None:
        for each in findings:
            self._say(each.at, each.rule, each.found, each.expected)

    def _resource(self, id_: str) -> DataResource | None:
        known = self._catalog.resources
        found = self._catalog.county_resources.get((self._county, id_)) or known.get(id_)
        if found is None:
            room = id_.partition(".")[0]
            near = [each for each in known if each.partition(".")[0] == room]
            self._say(("resources", id_), "unknown-resource", f"no resource {id_!r} in the catalog",
                      f"one of {', '.join(near)}" if near else "a resource of the catalog")  # fmt: skip
        return found

    def _plan(self, resource: DataResource, terms: Any) -> Plan:
        compiler = Compiler(
            at=("resources", resource.id),
            connect=self._manifest.connect,
            resource=resource,
            tables=self._catalog.code_tables,
        )
        plan = compiler.plan(terms.answer)
        self._report(compiler.findings)
        return plan

    def _binding(self, resource: DataResource, terms: Any, found: type[Kind]) -> SourceBinding:
        pairs = [name.partition(".") for name in terms.ask.names()]
        needed = frozenset(key for root, _, key in pairs if root == "keys")
        used = needed | {key for root, _, key in pairs if root == "optional"}
        known = {key.id for key in resource.keys}
        at: At = ("resources", resource.id, "ask")
        for key in sorted(used - known):
            self._say(
                at, "unknown-query-key", f"{resource.id} has no query key {key!r}",
                f"one of {', '.join(sorted(known))}",
            )  # fmt: skip
        # Any of its keys will do where the catalog needs no certain one; the kind sees to it.
        if not needed and not (used and catalogued(found)):
            self._say(at, "no-key", "nothing in the question is needed", "at least one keys.…")
        return SourceBinding(
            county=self._county,
            source=self._manifest.source,
            resource=resource.id,
            authority=f"{self._county}/{self._manifest.authority}",
            fields=frozenset(terms.answer.fields),
            keys=needed,
        )
