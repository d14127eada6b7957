"""Make the cases of a source, play them, judge them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from adapters import samples
from adapters.conformance import drops, envelopes, fields, folders, tables, wires
from adapters.conformance.cases import Case, Drops, Expect, Reply, outcome
from adapters.conformance.judging import Verdict, judged
from adapters.conformance.sealing import Platform
from adapters.conformance.server import Server, running
from adapters.conformance.specimens import Specimen, opened
from adapters.envelope import SMEnvelopeAuth
from adapters.kinds import Now, Opening
from adapters.model import Outcome, RawReply, Source, SourceCall, SourceReply, Transport
from adapters.registry import Agreed, guarded
from adapters.rehearsal import at_rest, call_of, offline
from adapters.samples import Found, Sample

WITHIN = 5.0
"""Seconds a case may take: plenty, so that a busy machine fails nobody."""
HANGING = 0.3
"""Seconds for the cases that have to use up all they are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one source did."""

    source: str
    county: str
    verdicts: tuple[Verdict, ...]
    unsampled: tuple[str, ...]
    """Resources without a sample, of which no cases could be made."""

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """The cases that did not pass."""
        return tuple(each for each in self.verdicts if each.wrong)

    @property
    def passed(self) -> bool:
        """Did everything pass, and was everything tried?"""
        return bool(self.verdicts) and not self.failures and not self.unsampled


async def run(agreed: Agreed, *, now: Now) -> Result:
    """Run the kit on one source."""
    known, _ = samples.load(agreed.folder, agreed.manifest.source, county=agreed.county)
    chosen = _chosen(agreed, known)
    verdicts: list[Verdict] = []
    platform = _platform(agreed, now)
    async with running() as server:
        for number, sample in enumerate(chosen):
            made = _Making(agreed, sample, server.origin, platform)
            whole = list(made.cases(with_wire=number == 0))
            opening = _opening(agreed, sample, server, platform, now)
            verdicts.extend(await _played(agreed, sample, whole, server, opening))
    covered = {sample.resource for sample in chosen}
    return Result(
        source=agreed.manifest.source, county=agreed.county, verdicts=tuple(verdicts),
        unsampled=tuple(id_ for id_ in agreed.manifest.resources if id_ not in covered),
    )  # fmt: skip


def _chosen(agreed: Agreed, known: Sequence[Found]) -> list[Sample]:
    """One answered sample a resource: the first."""
    found: dict[str, Sample] = {}
    for each in known:
        if each.sample.outcome is Outcome.ANSWERED and each.sample.resource in agreed.plans:
            found.setdefault(each.sample.resource, each.sample)
    return [found[id_] for id_ in agreed.manifest.resources if id_ in found]


def _platform(agreed: Agreed, now: Now) -> Platform | None:
    """The other end, for a source whose messages are sealed."""
    auth = getattr(agreed.manifest.connect, "auth", None)
    return Platform(auth, now) if isinstance(auth, SMEnvelopeAuth) else None


def _opening(
    agreed: Agreed, sample: Sample, server: Server, platform: Platform | None, now: Now
) -> Opening:
    """What the kind's transport is built from: nobody to identify to, but for an envelope."""
    opening = offline(agreed.opening(now), server.origin + sample.base)
    if platform is None:
        return opening
    connect = opening.connect.model_copy(update={"auth": platform.terms})
    return replace(opening, connect=connect)


class _Making:
    """Makes the cases of one resource."""

    def __init__(
        self, agreed: Agreed, sample: Sample, origin: str, platform: Platform | None
    ) -> None:
        self._agreed, self._sample, self._origin = agreed, sample, origin
        self._platform = platform
        self._terms = agreed.manifest.resources[sample.resource].answer
        self._unchanged = outcome(Outcome.ANSWERED, records=len(sample.records), unchanged=True)
        self._drop = folders.dropping(agreed, sample)

    def cases(self, *, with_wire: bool) -> Iterator[Case]:
        """All cases; those about the wire only once a source."""
        yield from envelopes.cases(self._terms, self._sample, self._fresh, self._changed)
        yield from fields.cases(self._agreed, self._sample, self._fresh, self._changed)
        reply = self._fresh().reply()
        if self._drop is not None:
            plan = self._agreed.plans[self._sample.resource]
            yield from drops.cases(self._drop, self._dropped, self._unchanged)
            yield from tables.cases(self._drop, plan, self._terms, self._dropped, self._unchanged)
        if reply is not None:
            yield from wires.without(reply, self._replied, self._unchanged)
        elif with_wire:
            good = self._served(self._fresh())
            if self._platform is not None:
                bare = self._fresh().answers(self._origin)
                yield from self._platform.cases(bare, self._answered, self._unchanged)
            yield from wires.cases(
                self._terms, self._agreed.manifest.connect, good, self._recoded, self._answered,
                self._unchanged,
            )  # fmt: skip

    def _fresh(self) -> Specimen:
        return opened(self._sample, self._agreed.manifest.connect, self._terms)

    def _recoded(self, charset: str) -> wires.Answers | None:
        try:
            return self._served(self._fresh(), codec=charset)
        except UnicodeEncodeError:
            return None

    def _served(self, specimen: Specimen, *, codec: str | None = None) -> wires.Answers:
        """What travels."""
        answers = specimen.answers(self._origin, codec=codec)
        platform = self._platform
        if platform is None:
            return answers
        return wires.each(answers, lambda a: wires.rewritten(a, platform.sealed))

    def _id(self, what: str) -> str:
        return f"{self._sample.resource}/{what}"

    def _changed(self, what: str, specimen: Specimen, expect: Expect) -> Case:
        reply = specimen.reply()
        if self._drop is not None and reply is not None:
            found = self._drop.playable(reply.rows)
            if found is not None:
                return Case(id=self._id(what), drops=found, expect=expect)
        answers = {} if reply is not None else self._served(specimen)
        return Case(id=self._id(what), answers=answers, reply=reply, expect=expect)

    def _answered(self, what: str, answers: wires.Answers, expect: Expect) -> Case:
        return Case(id=self._id(what), answers=answers, expect=expect)

    def _dropped(self, what: str, found: Drops, expect: Expect) -> Case:
        return Case(id=self._id(what), drops=found, expect=expect)

    def _replied(self, what: str, reply: Reply, expect: Expect) -> Case:
        return Case(id=self._id(what), reply=reply, expect=expect)


async def _played(
    agreed: Agreed, sample: Sample, cases: Sequence[Case], server: Server, opening: Opening
) -> list[Verdict]:
    """Play the cases one after the other, each with a guard of its own."""
    call = call_of(sample.resource, sample.keys, tuple(agreed.plans[sample.resource].answer.fields))
    wired = agreed.kind(opening) if sample.exchanges else None
    verdicts = []
    try:
        calm = at_rest(agreed)
        for case in cases:
            if case.drops is not None:
                verdicts.append(await folders.played(agreed, sample, case, case.drops, call))
                continue
            server.play(case.answers)
            transport = _transport(case, wired)
            began = time.perf_counter()
            within = HANGING if case.expect.outcomes == {Outcome.TIMED_OUT} else WITHIN
            reply = await _asked(partial(guarded, calm, transport, opening.now), call, within)
            seconds = time.perf_counter() - began
            verdicts.append(
                judged(case, sample, reply, seconds=seconds, within=within, astray=server.astray)
            )
    finally:
        if wired is not None:
            await wired.aclose()
    return verdicts


async def _asked(
    source: Callable[[], Source], call: SourceCall, within: float
) -> SourceReply | None:
    """The reply, or None where the source raised."""
    guard = source()
    try:
        return await guard.answer(call, within=within)
    except Exception:  # noqa: BLE001 -- that nothing is ever raised is what is being judged
        return None


def _transport(case: Case, wired: Transport | None) -> Transport:
    """What the case is asked through: its own reply, or the kind's transport to the server."""
    if case.reply is not None:
        return _Scripted(case.reply)
    if wired is None:
        raise ValueError(f"{case.id}: neither a reply nor exchanges to play")
    return _Kept(wired)


class _Kept:
    """The kind's transport, which stays open for the next case."""

    expires_at: datetime | None = None

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        return await self._transport.fetch(call, within=within)

    async def aclose(self) -> None:
        """It stays open."""


class _Scripted:
    """A transport that does what a case says."""

    expires_at: datetime | None = None

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def fetch(self, _call: SourceCall, *, within: float) -> RawReply:  # noqa: ARG002 -- the port's signature
        if self._reply.hangs:
            await asyncio.Event().wait()
        if self._reply.error is not None:
            raise self._reply.error("scripted")
        return RawReply(rows=self._reply.rows, document=self._reply.document)

    async def aclose(self) -> None:
        """Nothing to release."""
