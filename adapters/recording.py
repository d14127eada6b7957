"""Record samples: ask a running sandbox and write down what it said.

What is written is replayed at once, and only kept if the same comes of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters import rehearsal, samples
from adapters.envelope import SMEnvelopeAuth, compact
from adapters.invented import Candidate
from adapters.kinds import Now
from adapters.model import Outcome, RawReply
from adapters.registry import Agreed, guarded, rehearsed
from adapters.rehearsal import Recorded
from adapters.samples import Sample
from adapters.trying import Exchanged, Trial

NOTE = "录制的问答，人物均为虚构 recorded from the sandbox, invented people only; see adapters/README.md"


class NotRecorded(ValueError):
    """The answer is no sample; says why."""


def recordable(agreed: Agreed) -> Sequence[str]:
    """The resources of a source; none where it is of a kind that is not rehearsed."""
    return tuple(agreed.manifest.resources) if rehearsed(agreed) else ()


def missing(agreed: Agreed) -> Iterator[str]:
    """Those of them that have no answered sample yet."""
    known, _ = samples.load(agreed.folder, agreed.manifest.source, county=agreed.county)
    covered = {each.sample.resource for each in known if each.sample.outcome is Outcome.ANSWERED}
    yield from (resource for resource in recordable(agreed) if resource not in covered)


async def record(trial: Trial, candidate: Candidate, *, now: Now) -> str:
    """Write a trial down as a sample; gives the file's name.

    Raises:
        NotRecorded: The keys are not those of somebody invented, nothing came over the wire, or
            something else comes of the recording than of the answer.
    """
    _invented(trial.call.keys)
    agreed, resource = trial.agreed, trial.call.resource
    document = await _needed_only(agreed, _document(trial, candidate), now)
    sample = Sample.model_validate(document)
    reply = await rehearsal.replay(agreed, sample, now)
    if wrong := rehearsal.differences(sample, reply):
        raise NotRecorded(f"the recording reads differently: {', '.join(wrong[:3])}")
    name = f"{resource.partition('.')[2]}-{candidate.persona}.yaml"
    path = samples.folder_of(agreed.folder, agreed.manifest.source) / name
    try:
        samples.write(path, document, NOTE)
    except ValueError as error:
        raise NotRecorded(str(error)) from None
    return name


def _invented(keys: Mapping[str, str]) -> None:
    number, uscc = keys.get("id_number"), keys.get("uscc")
    if (number and not number.startswith("99")) or (uscc and uscc[2:4] != "99"):
        raise NotRecorded("only invented people are recorded (division 99)")


def _document(trial: Trial, candidate: Candidate) -> dict[str, Any]:
    reply = trial.reply
    document: dict[str, Any] = {
        "resource": trial.call.resource,
        "title": candidate.title[:100],
        "keys": dict(trial.call.keys),
        **_answer(trial),
        "outcome": str(reply.outcome),
    }
    if reply.as_of:
        document["as_of"] = reply.as_of.isoformat()
    if reply.why:
        document["why"] = reply.why
    if reply.records:
        document["records"] = samples.records_of(reply.records)
    return document


def _answer(trial: Trial) -> dict[str, Any]:
    whole = [step for step in trial.steps if step.whole_ms is not None]
    if whole:
        connect = trial.agreed.manifest.connect
        if isinstance(getattr(connect, "auth", None), SMEnvelopeAuth):
            exchanges = [_opened(whole[-1], trial.raw)]
        else:
            exchanges = [_exchange(step, connect.overruling_charset) for step in whole]
        return {"base": whole[0].sent.base, "exchanges": exchanges}
    if trial.raw is None:
        raise NotRecorded("nothing came back")
    if trial.raw.rows is not None:
        at = trial.raw.as_of
        return {
            "rows": samples.rows_of(trial.raw.rows),
            **({"rows_as_of": at.isoformat()} if at else {}),
        }
    if isinstance(trial.raw.document, dict | list):
        return {"document": json.loads(json.dumps(trial.raw.document, default=str))}
    raise NotRecorded("this kind leaves nothing to record")


def _opened(step: Exchanged, raw: RawReply | None) -> dict[str, Any]:
    """What was in an envelope is recorded without it: it was sealed with keys of that day."""
    if raw is None or raw.document is None:
        raise NotRecorded("the envelope could not be opened")
    return samples.exchange(
        f"{step.sent.method} {urlsplit(step.sent.address).path or '/'}", step.status or 0,
        "application/json; charset=utf-8", compact(raw.document).encode(), codec="utf-8",
    )  # fmt: skip


def _exchange(step: Exchanged, overruled: str | None) -> dict[str, Any]:
    at = urlsplit(step.sent.address)
    origin = f"{at.scheme}://{at.netloc}"
    declared = dict(step.headers).get("content-type", "")
    charset = declared.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    return samples.exchange(
        f"{step.sent.method} {at.path or '/'}", step.status or 0, declared,
        step.received.replace(origin.encode(), samples.ORIGIN.encode()),
        codec=overruled or charset or "utf-8",
    )  # fmt: skip


async def _needed_only(agreed: Agreed, document: dict[str, Any], now: Now) -> dict[str, Any]:
    """Leave out the exchanges in which we only told the source who we are: they hold secrets, and
    nobody asks for them when the sample is played.
    """
    if "exchanges" not in document:
        return document
    sample = Sample.model_validate(document)
    wire = Recorded(sample.exchanges)
    source = guarded(rehearsal.at_rest(agreed), rehearsal.over(agreed, sample, wire, now), now)
    await source.answer(
        rehearsal.call_of(sample.resource, sample.keys, ()), within=rehearsal.WITHIN
    )
    await source.aclose()
    left = list(wire.left)
    kept = [
        row for row, each in zip(document["exchanges"], sample.exchanges, strict=True)
        if not any(each is other for other in left)
    ]  # fmt: skip
    return {**document, "exchanges": kept}
