"""Judge a GB/T 38540 seal in a PDF: what is the same everywhere, and what is its own here.

Its own are the digest over the byte range, the place that it names, and its pictures: they are to be
on a page, to be seen, of the seal's size, and the seal's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from seals.judging import Judges
from seals.pdf.inspection import SignatureFacts
from seals.pdf.model import PROFILE, property_info
from seals.pdf.shown import Look, ShownFacts
from seals.pdf.wording import found
from seals.report import Carried, Finding, Question, TimestampAnswer
from seals.seal import Picture, SealSignature
from seals.seal_judging import SealRules, judged_algorithms, judged_form, judged_seal
from seals.verdicts import Verdict

_NEAR = 1.0
"""Millimetres that a picture may be larger or smaller than the seal says."""
_OURS = "pdf:"


class Rules(SealRules, Protocol):
    """What a policy says of electronic seals in PDF."""

    @property
    def digests(self) -> frozenset[str]:
        """Names of digests that are allowed."""
        ...


def seal_findings(
    one: SignatureFacts,
    signed: SealSignature,
    stamped: TimestampAnswer | None,
    at: datetime,
    rules: Rules,
    judges: Judges,
    carried: Carried,
) -> Iterator[Finding]:
    """All but coverage, which is asked of every signature alike.

    Args:
        one: What is judged.
        signed: Its value.
        stamped: What its timestamp is worth.
        at: The time that is asked about.
        rules: What the policy says.
        judges: Chains and timestamps.
        carried: What the document has along for them.
    """
    for problem in one.problems:
        yield found(Question.FORM, problem, one.name)
    for each in judged_form(signed, rules):
        if not one.problems or each.verdict is not Verdict.PASSED:
            yield each
    yield found(Question.UNCHANGED, "unchanged" if one.intact else "changed")
    yield found(Question.BINDING, _bound(one, signed), one.name)
    yield from judged_seal(signed, stamped, at, rules, judges, carried)
    yield from _algorithms(one, signed, rules)
    yield from _placement(one.shown, signed.seal.info.picture)


def _bound(one: SignatureFacts, signed: SealSignature) -> str:
    """13. The digest is over all of the document, name and range of the field among it; whoever
    follows our profile says so once more.
    """
    told = signed.property_info
    if told == property_info(one.name, one.byte_range):
        return "place-named"
    ours = one.profile == f"/{PROFILE.subfilter}" or told.startswith(_OURS)
    return "other-place" if ours else "place-not-named"


def _algorithms(one: SignatureFacts, signed: SealSignature, rules: Rules) -> Iterator[Finding]:
    """21."""
    complaints = judged_algorithms(signed, rules)
    if one.digest not in rules.digests:
        complaints.append(found(Question.ALGORITHMS, "digest-weak", one.digest))
    yield from complaints or [found(Question.ALGORITHMS, "algorithms-allowed")]


def _placement(shown: tuple[ShownFacts, ...] | None, picture: Picture) -> Iterator[Finding]:
    """22."""
    question = Question.PLACEMENT
    if shown is None:
        yield found(question, "place-unreadable")
        return
    if not shown:
        yield found(question, "not-shown")
        return
    reasons = dict.fromkeys((_placed(each), str(each.page)) for each in shown)
    complaints = [each for each in reasons if each[0] != "placed"]
    yield from (found(question, reason, page) for reason, page in complaints)
    if not complaints:
        yield found(question, "placed" if _sized(shown, picture) else "other-size")


_LOOKS = {
    Look.SAME: "placed",
    Look.OTHER: "other-picture",
    Look.UNKNOWN: "picture-not-compared",
    Look.HIDDEN: "picture-hidden",
}


def _placed(one: ShownFacts) -> str:
    if not one.page:
        return "no-such-page"
    return _LOOKS[one.look] if one.inside else "off-page"


def _sized(shown: tuple[ShownFacts, ...], picture: Picture) -> bool:
    """Each as large as the seal says, or slices that are so together."""
    slices = [each.width for each in shown if each.width < picture.width - _NEAR]
    return (
        all(abs(each.height - picture.height) <= _NEAR for each in shown)
        and all(each.width <= picture.width + _NEAR for each in shown)
        and (not slices or abs(sum(slices) % picture.width) < _NEAR
             or picture.width - sum(slices) % picture.width < _NEAR)
    )  # fmt: skip
