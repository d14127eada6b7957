"""Play recorded questions and answers through a source, without any network.

What stands between the wire and the records is the real thing: the kind's own reading of a
response, the manifest's mapping, the guard. Only the network is missing, and with it what tells the
source who we are: how that is done has its own tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adapters import samples
from adapters.errors import Complaint, InvalidManifest, SourceUnavailable
from adapters.http import media_type
from adapters.kinds import Now, Opening
from adapters.manifest import Connect
from adapters.model import Outcome, RawReply, Reason, Record, SourceCall, SourceReply, Transport
from adapters.registry import FOLDER, Agreed, guarded, read, rehearsed
from adapters.samples import Exchange, Found, Sample
from adapters.values import addresses
from catalog.model import Catalog

REASON = Reason(
    consumer="mianti-rehearsal",
    item="rehearsal",
    item_name="接口联调 rehearsal",
    case="REHEARSAL-1",
    legal_basis="rehearsal",
)
"""What a source is told when nobody but us asks."""

WITHIN = 5.0


def call_of(resource: str, keys: Mapping[str, str], fields: Sequence[str]) -> SourceCall:
    """The call that a sample or a trial makes."""
    return SourceCall(
        resource=resource, keys=keys, fields=tuple(fields), reason=REASON, call_id="rehearsal-1"
    )


def check(folder: Path, *, county: str, catalog: Catalog, now: Now) -> int:
    """Replay all samples of a county's sources; gives how many there are.

    Raises:
        InvalidManifest: A manifest is wrong, a resource has no sample, a sample is broken, or
            something else comes of it than it says. With every complaint of every file.
    """
    agreed = read(folder, county=county, catalog=catalog, environment=None, now=now)
    found, complaints = 0, []
    for each in agreed:
        known, wrong = samples.load(each.folder, each.manifest.source, county=county)
        complaints.extend(wrong)
        complaints.extend(_uncovered(each, known, county))
        complaints.extend(asyncio.run(_replayed(each, known, now)))
        found += len(known)
    if complaints:
        raise InvalidManifest(complaints)
    return found


def _uncovered(agreed: Agreed, known: Sequence[Found], county: str) -> Iterator[Complaint]:
    if not rehearsed(agreed):
        return
    file = f"{county}/{FOLDER}/{agreed.manifest.source}.yaml"
    covered = {each.sample.resource for each in known if each.sample.outcome is Outcome.ANSWERED}
    for resource in agreed.manifest.resources:
        if resource not in covered:
            yield Complaint(
                file=file, line=1, rule="no-sample", found=f"no answered sample of {resource}",
                expected=f"a file in {FOLDER}/{samples.FOLDER}/{agreed.manifest.source}/, "
                         "see mianti adapters record",
            )  # fmt: skip


async def _replayed(agreed: Agreed, known: Sequence[Found], now: Now) -> list[Complaint]:
    complaints = []
    for each in known:
        if each.sample.resource not in agreed.plans:
            complaints.append(each.complaint("sample-resource", each.sample.resource,
                                             "a resource of the manifest"))  # fmt: skip
            continue
        reply = await replay(agreed, each.sample, now)
        complaints.extend(
            each.complaint("sample-differs", difference, "as the sample says")
            for difference in differences(each.sample, reply)
        )
    return complaints


async def replay(agreed: Agreed, sample: Sample, now: Now) -> SourceReply:
    """What comes of a sample's answer when its question is asked."""
    source = guarded(at_rest(agreed), transport_of(agreed, sample, now), now)
    fields = agreed.manifest.resources[sample.resource].answer.fields
    try:
        return await source.answer(
            call_of(sample.resource, sample.keys, tuple(fields)), within=WITHIN
        )
    finally:
        await source.aclose()


def at_rest(agreed: Agreed) -> Agreed:
    """The source without what depends on the hour and on others: its calendar, its rate, a second
    try, a replica.
    """
    update = {"closed": (), "rate": None, "retry": None, "hedge": None}
    return replace(agreed, manifest=agreed.manifest.model_copy(update=update), replica=None)


def transport_of(agreed: Agreed, sample: Sample, now: Now) -> Transport:
    """The kind's own transport over recorded exchanges, or over recorded rows where it can put them
    where it reads; else the rows as they are.
    """
    if sample.exchanges:
        return over(agreed, sample, Recorded(sample.exchanges), now)
    played: Played | None = getattr(agreed.kind, "played", None)
    if played is not None and sample.rows is not None:
        return played(agreed.opening(now), sample.resource, sample.given())
    return Given(sample.given())


def over(agreed: Agreed, sample: Sample, wire: Recorded, now: Now) -> Transport:
    """The kind's own transport with `wire` for a network."""
    opening = offline(agreed.opening(now), samples.ORIGIN + sample.base)
    return agreed.kind(replace(opening, wire=wire))


def offline(opening: Opening, address: str) -> Opening:
    """The opening with every address of the source replaced, and nobody to identify to."""
    connect: Connect = opening.connect
    update: dict[str, Any] = dict.fromkeys(addresses(connect), address)
    if "auth" in type(connect).model_fields:
        update["auth"] = type(connect).model_fields["auth"].get_default()
    return replace(opening, connect=connect.model_copy(update=update))


Played = Callable[[Opening, str, RawReply], Transport]
"""What a kind without a wire may offer as `played`: (opening, resource, recorded reply) → its transport
over a place of its own, in which stands what the reply was read from."""


class Given:
    """A transport whose reply is there already."""

    expires_at: datetime | None = None

    def __init__(self, reply: RawReply) -> None:
        self._reply = reply

    async def fetch(self, _call: SourceCall, *, within: float) -> RawReply:  # noqa: ARG002 -- the port's signature
        """The reply."""
        return self._reply

    async def aclose(self) -> None:
        """Nothing to release."""


class Recorded:
    """A wire that answers each method and path with what was recorded for it, in that order."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._left = list(exchanges)

    @property
    def left(self) -> Sequence[Exchange]:
        """What nobody has asked for."""
        return self._left

    async def exchange(self, method: str, path: str) -> RawReply:
        """See `adapters.kinds.Wire`."""
        found = taken(self._left, f"{method} {path or '/'}")
        if found is None:
            raise SourceUnavailable("not-recorded")
        kind, charset = media_type(found.type)
        return RawReply(body=found.body(), media_type=kind, charset=charset, status=found.status)


def taken(left: list[Exchange], to: str) -> Exchange | None:
    """The next of the exchanges for this method and path; it is taken out."""
    at = next((at for at, each in enumerate(left) if each.to == to), None)
    return None if at is None else left.pop(at)


def differences(sample: Sample, reply: SourceReply) -> list[str]:
    """Where the reply is not what the sample says, by place; no values."""
    if reply.outcome is not sample.outcome:
        return [f"outcome {reply.outcome} ({reply.why}) for {sample.outcome}"]
    found = []
    if (reply.as_of.isoformat() if reply.as_of else None) != sample.as_of:
        found.append("as_of")
    if reply.why != sample.why:
        found.append(f"why {reply.why} for {sample.why}")
    if len(reply.records) != len(sample.records):
        return [*found, f"{len(reply.records)} records for {len(sample.records)}"]
    for at, (record, wanted) in enumerate(zip(reply.records, sample.records, strict=True)):
        found += [f"records[{at}].{place}" for place in _in_record(record, wanted)]
    return found


def _in_record(record: Record, wanted: samples.Expected) -> Iterator[str]:
    yield from _in_values("values", record.values, wanted.values)
    if len(record.lines) != len(wanted.lines):
        yield f"lines: {len(record.lines)} for {len(wanted.lines)}"
    for at, (line, expected) in enumerate(zip(record.lines, wanted.lines, strict=False)):
        yield from _in_values(f"lines[{at}]", line, expected)
    if record.odd != wanted.odd:
        yield f"odd: {', '.join(record.odd)}"
    if dict(record.bad) != wanted.bad:
        yield f"bad: {', '.join(record.bad)}"


def _in_values(place: str, values: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(values.keys() | wanted.keys()):
        if name not in values or name not in wanted:
            yield f"{place}.{name}: only in the {'sample' if name in wanted else 'answer'}"
        elif values[name] != wanted[name] or type(values[name]) is not type(wanted[name]):
            yield f"{place}.{name}"
