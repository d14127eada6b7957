"""Is what came of a case what had to come of it?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.conformance.cases import Case, Expect
from adapters.model import Outcome, Record, SourceReply
from adapters.samples import Expected, Sample

_WHY = re.compile(r"[a-z0-9-]+\.[A-Za-z0-9_.-]{1,64}", re.ASCII)
"""What a `why` looks like: a kind and a key, and nothing that could be about a person."""
SLACK = 0.5
"""Seconds over the deadline that a busy machine may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one case ended."""

    case: str
    outcome: str
    wrong: tuple[str, ...]
    """What was not as it had to be, without values; empty: passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a source left behind in its drop folder."""

    quarantined: tuple[str, ...] = ()
    """The rules of the drops in quarantine."""
    reported: frozenset[str] = frozenset()
    """The rules in row error files."""
    texts: str = field(default="", repr=False)
    """All that it wrote there."""


def judged(
    case: Case, sample: Sample, reply: SourceReply | None, *, seconds: float, within: float,
    astray: list[str], left: Left | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on one case.

    Args:
        case: What was played.
        sample: The sample that the case was made of.
        reply: What the source said; None: it raised, which it must never do.
        seconds: How long it took.
        within: How long it might take.
        astray: Requests that nobody should have made.
        left: What lies in the drop folder, where there is one.
    """
    if reply is None:
        return Verdict(case=case.id, outcome="exception", wrong=("it raised",))
    wrong = [*_said(case.expect, reply), *_personal(sample, reply)]
    if seconds > within + SLACK:
        wrong.append(f"{seconds:.2f} s for {within:.2f} s")
    if astray:
        wrong.append(f"asked {astray[0][:60]}")
    if left is not None:
        wrong.extend(_left(case.expect, sample, left))
    if reply.outcome is Outcome.ANSWERED and not wrong:
        wrong.extend(_records(case.expect, sample, reply))
    return Verdict(case=case.id, outcome=str(reply.outcome), wrong=tuple(wrong))


def _said(expect: Expect, reply: SourceReply) -> Iterator[str]:
    if reply.outcome not in expect.outcomes:
        wanted = " or ".join(sorted(expect.outcomes))
        yield f"{reply.outcome} ({reply.why}) for {wanted}"
    elif reply.outcome is Outcome.ANSWERED and expect.records not in {None, len(reply.records)}:
        yield f"{len(reply.records)} records for {expect.records}"
    if reply.outcome is not Outcome.ANSWERED and reply.records:
        yield "records without an answer"
    if reply.outcome not in {Outcome.ANSWERED, Outcome.NO_RECORD} and not reply.why:
        yield "no why"


def _personal(sample: Sample, reply: SourceReply) -> Iterator[str]:
    why = reply.why or ""
    if why and not _WHY.fullmatch(why):
        yield "why is no key"
    if re.search(r"\d{6}", why) or any(len(v) > 1 and v in why for v in sample.keys.values()):
        yield "why may be personal"


def _left(expect: Expect, sample: Sample, left: Left) -> Iterator[str]:
    """Is what was refused where people look for it, and nothing of what stood in it?"""
    found = left.quarantined[0] if left.quarantined else None
    if found != expect.quarantined and (found is None or expect.quarantined != "any"):
        yield f"quarantine {', '.join(left.quarantined) or 'empty'} for {expect.quarantined}"
    if expect.quarantined is None and (expect.reported is None) is bool(left.reported):
        yield f"row errors {', '.join(left.reported) or 'none'} for {expect.reported}"
    elif expect.reported is not None and expect.reported not in left.reported:
        yield f"row errors {', '.join(left.reported)} for {expect.reported}"
    if any(len(value) > 1 and value in left.texts for value in sample.keys.values()):
        yield "the folder's reports may be personal"


def _records(expect: Expect, sample: Sample, reply: SourceReply) -> Iterator[str]:
    if expect.field is not None:
        yield from _touched(expect, expect.field, reply.records[0])
    if not expect.unchanged:
        return
    if len(reply.records) != len(sample.records):
        yield f"{len(reply.records)} records for {len(sample.records)}"
    for at, (record, wanted) in enumerate(zip(reply.records, sample.records, strict=False)):
        aside = expect.aside if at == 0 else frozenset()
        yield from _same(f"records[{at}]", record, wanted, aside)


def _touched(expect: Expect, id_: str, record: Record) -> Iterator[str]:
    """Is the field that was touched what it has to be?"""
    found: Any = record.values.get(id_)
    if id_ not in record.values:
        found = record.lines[0].get(id_) if record.lines else None
    if found != expect.value or type(found) is not type(expect.value):
        yield f"{id_} has another value"
    if (id_ in record.bad) is not expect.bad:
        yield f"{id_} is {'not ' if expect.bad else ''}bad"
    if expect.odd and id_ not in record.odd:
        yield f"{id_} is not odd"


def _same(place: str, record: Record, wanted: Expected, aside: frozenset[str]) -> Iterator[str]:
    yield from _unlike(f"{place}.values", record.values, wanted.values, aside)
    if len(record.lines) != len(wanted.lines):
        yield f"{place}: {len(record.lines)} lines for {len(wanted.lines)}"
    for at, (line, expected) in enumerate(zip(record.lines, wanted.lines, strict=False)):
        yield from _unlike(
            f"{place}.lines[{at}]", line, expected, aside if at == 0 else frozenset()
        )


def _unlike(
    place: str, values: Mapping[str, Any], wanted: Mapping[str, Any], aside: frozenset[str]
) -> Iterator[str]:
    for name in sorted((values.keys() | wanted.keys()) - aside):
        if values.get(name) != wanted.get(name):
            yield f"{place}.{name} changed"
