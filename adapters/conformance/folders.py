"""Play a case about drops: a folder of its own, the kind's own transport, an index of its own."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.conformance.cases import Case, Drops
from adapters.conformance.drops import Dropping
from adapters.conformance.judging import Left, Verdict, judged
from adapters.files import FilesTransport
from adapters.files.drops import ERRORS, QUARANTINE, REASON
from adapters.files.playing import lay, over, settled
from adapters.files.terms import FilesAsk, FilesConnect
from adapters.files.writing import Unwritable
from adapters.model import SourceCall, SourceReply
from adapters.registry import Agreed, guarded
from adapters.rehearsal import at_rest, call_of
from adapters.samples import Sample

WITHIN = 10.0
"""Seconds that taking in a drop of a case and answering may take on a busy machine."""
NOON = datetime(2026, 6, 1, 4, tzinfo=UTC)
"""When what a sample says no time of was dropped."""


def dropping(agreed: Agreed, sample: Sample) -> Dropping | None:
    """What makes the drops of a sample; None where its source reads none, or where the manifest has no
    way to write one, of which the replay complains.
    """
    connect, ask = agreed.manifest.connect, agreed.manifest.resources[sample.resource].ask
    if (
        not isinstance(connect, FilesConnect)
        or not isinstance(ask, FilesAsk)
        or sample.rows is None
    ):
        return None
    found = Dropping(
        connect=connect, ask=ask, sample=sample,
        call=call_of(sample.resource, sample.keys, ()), moment=sample.given().as_of or NOON,
    )  # fmt: skip
    try:
        found.files()
        if ask.changes:
            found.scribe.name(found.moment, changes=True)
    except Unwritable:
        return None
    return found


async def played(
    agreed: Agreed, sample: Sample, case: Case, drops: Drops, call: SourceCall
) -> Verdict:
    """Drop, ask, judge, turn by turn."""
    moment = sample.given().as_of or NOON

    def now() -> datetime:
        return settled(opening, moment) + timedelta(seconds=drops.later)

    opening = agreed.opening(now)
    with tempfile.TemporaryDirectory(prefix="mianti-drops-") as home:
        folder = Path(home) / "drop"
        transport = agreed.kind(over(opening, sample.resource, folder, now))
        if not isinstance(transport, FilesTransport):
            raise TypeError(f"{agreed.manifest.kind} takes in no drops")
        source = guarded(at_rest(agreed), transport, now)
        reply: SourceReply | None = None
        began = time.perf_counter()
        try:
            for files in drops.turns:
                if files is not None:
                    folder.mkdir(exist_ok=True)
                    lay(folder, files, moment)
                await transport.look()
                reply = await source.answer(call, within=WITHIN)
        except Exception:  # noqa: BLE001 -- that nothing is ever raised is what is being judged
            reply = None
        finally:
            await source.aclose()
        return judged(
            case, sample, reply, seconds=time.perf_counter() - began,
            within=WITHIN * len(drops.turns), astray=[], left=_left(folder),
        )  # fmt: skip


def _left(folder: Path) -> Left:
    reasons = sorted(folder.glob(f"{QUARANTINE}/*{REASON}"))
    errors = sorted(folder.glob(f"*{ERRORS}"))
    lines = [line.split(",") for each in errors for line in _lines(each)[1:]]
    return Left(
        quarantined=tuple(_lines(each)[0] for each in reasons),
        reported=frozenset(line[-1] for line in lines),
        texts="".join(each.read_text(encoding="utf-8-sig") for each in [*reasons, *errors]),
    )


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8-sig").splitlines()
