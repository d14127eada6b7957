"""From an X.509 certificate to a trust anchor (RFC 5280 §6): every question asked, every answer kept.

Nothing here goes to the network and nothing asks the clock: what is known is handed in. All
failures are told, not the first; where several paths lead on, the first that passes is reported, or
else the least bad. Work is bounded: depth, signatures checked and paths judged have limits, so that
ten thousand certificates of one name cost no more than a hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from seals import rulings
from seals.algorithms import by_identifier
from seals.errors import InvalidKey, Malformed, UnknownAlgorithm
from seals.keys import verifying_key
from seals.revocation import RevocationList
from seals.rulings import Link, Purpose
from seals.verdicts import Step, Verdict, worst
from seals.x509 import X509Certificate

MAX_DEPTH = 10
MAX_CHECKS = 100
MAX_PATHS = 16

__all__ = ["ChainReport", "Purpose", "chain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What was found about one certificate at one time."""

    verdict: Verdict
    steps: tuple[Step, ...]
    path: tuple[X509Certificate, ...] = field(repr=False)
    """The judged one first; the anchor last, where one was found."""
    at: datetime
    purpose: Purpose

    def __bool__(self) -> bool:
        """A report is not a boolean: indeterminate is neither."""
        raise TypeError("ask for .verdict")

    @property
    def complaints(self) -> tuple[Step, ...]:
        """What did not pass."""
        return tuple(step for step in self.steps if step.verdict is not Verdict.PASSED)


def chain(
    certificate: X509Certificate,
    intermediates: Sequence[X509Certificate],
    anchors: Sequence[X509Certificate],
    at: datetime,
    *,
    lists: Sequence[RevocationList] = (),
    purpose: Purpose = Purpose.SIGNING,
) -> ChainReport:
    """Judge `certificate` at a time, for a purpose.

    Args:
        certificate: The one that signed.
        intermediates: Whatever came along; order, doubles and strangers do not matter.
        anchors: Those that are trusted. Only name, key and validity of an anchor count.
        at: The time that is asked about.
        lists: Lists of revoked certificates, gathered beforehand.
        purpose: What the certificate is to be good for.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    search = _Search(intermediates, anchors)
    best: ChainReport | None = None
    for found in search.paths(certificate):
        report = _judged(found, at, lists, purpose)
        if best is None or _rank(report) < _rank(best):
            best = report
        if best.verdict is Verdict.PASSED:
            break
    if best is None:
        raise AssertionError("the search gives at least one path")
    return best


@dataclass(frozen=True, slots=True)
class _Path:
    """Certificates, and how the search for more ended."""

    members: tuple[X509Certificate, ...]
    ending: str

    @property
    def anchored(self) -> bool:
        return self.ending == "anchored"


class _Search:
    """Depth first, the likeliest issuer first, every signature checked as the path grows."""

    def __init__(
        self, intermediates: Sequence[X509Certificate], anchors: Sequence[X509Certificate]
    ) -> None:
        self._anchors = {anchor.der for anchor in anchors}
        trusted = {(anchor.subject.normal, anchor.spki) for anchor in anchors}
        self._by_name: dict[object, list[X509Certificate]] = {}
        known: set[bytes] = set()
        for each in (*anchors, *intermediates):
            copy = (each.subject.normal, each.spki) in trusted and each.der not in self._anchors
            if each.der not in known and not copy:
                known.add(each.der)
                self._by_name.setdefault(each.subject.normal, []).append(each)
        self._checks = 0

    def paths(self, first: X509Certificate) -> Iterator[_Path]:
        """At least one; the anchored ones as they are found, a dead end only where there is none."""
        dead: _Path | None = None
        found = 0
        for path in self._walked((first,)):
            if path.anchored:
                found += 1
                yield path
            if found >= MAX_PATHS:
                return
            dead = dead or path
        if not found and dead is not None:
            yield dead

    def _walked(self, members: tuple[X509Certificate, ...]) -> Iterator[_Path]:
        """Where the path goes from here. The next issuer is looked at when the last led nowhere.

        Where nobody's key fits the signature, the likeliest stands in, so that everything else
        above it is told too.
        """
        if members[-1].der in self._anchors:
            yield _Path(members, "anchored")
            return
        candidates = self._candidates(members)
        if not candidates or len(members) >= MAX_DEPTH:
            yield _Path(members, "too-deep" if candidates else self._end(members))
            return
        fits = False
        for candidate in candidates:
            if self._checks >= MAX_CHECKS:
                break
            self._checks += 1
            if signed_by(members[-1], candidate.spki) is Verdict.PASSED:
                fits = True
                yield from self._walked((*members, candidate))
        if not fits and self._checks >= MAX_CHECKS:
            yield _Path(members, "too-many")
        elif not fits:
            yield from self._walked((*members, candidates[0]))

    def _end(self, members: tuple[X509Certificate, ...]) -> str:
        """Why there is nobody above."""
        last = members[-1]
        if last.self_issued and signed_by(last, last.spki) is Verdict.PASSED:
            return "root-not-trusted"
        circle = any(last.issuer.same(each.subject) for each in members[:-1])
        return "loop" if circle else "not-found"

    def _candidates(self, members: tuple[X509Certificate, ...]) -> list[X509Certificate]:
        """Who has the issuer's name and is not in the path already; anchors and those with the
        wanted key id first.
        """
        last = members[-1]
        taken = {(each.subject.normal, each.spki) for each in members}
        found = [
            each
            for each in self._by_name.get(last.issuer.normal, ())
            if (each.subject.normal, each.spki) not in taken
        ]
        wanted = last.authority_key_id

        def unlikely(each: X509Certificate) -> tuple[int, bool]:
            stated = each.subject_key_id
            doubt = 1 if None in (wanted, stated) else 2 * (stated != wanted)
            return doubt, each.der not in self._anchors

        return sorted(found, key=unlikely)


@lru_cache(maxsize=512)
def signed_by(certificate: X509Certificate, spki: bytes) -> Verdict:
    """Does its signature hold with that key? Indeterminate where we do not know how to tell."""
    try:
        algorithm = by_identifier(certificate.algorithm)
        key = verifying_key(spki)
    except UnknownAlgorithm:
        return Verdict.INDETERMINATE
    except (InvalidKey, Malformed):
        return Verdict.FAILED
    holds = key.verify(algorithm, certificate.tbs, certificate.signature)
    return Verdict.PASSED if holds else Verdict.FAILED


def _judged(
    path: _Path, at: datetime, lists: Sequence[RevocationList], purpose: Purpose
) -> ChainReport:
    steps = [rulings.path_step(path.ending, len(path.members) - 1)]
    for place, member in enumerate(path.members):
        anchor = path.anchored and place == len(path.members) - 1
        issuer = path.members[place + 1] if place + 1 < len(path.members) else None
        link = Link(
            certificate=member,
            place=place,
            issuer=issuer,
            anchor=anchor,
            below=sum(not each.self_issued for each in path.members[1:place]),
            signature=signed_by(member, issuer.spki) if issuer else Verdict.INDETERMINATE,
        )
        steps += rulings.steps(link, at, lists, purpose)
    steps.sort(key=lambda step: (step.number, step.at))
    return ChainReport(
        verdict=worst(step.verdict for step in steps),
        steps=tuple(steps),
        path=path.members,
        at=at,
        purpose=purpose,
    )


def _rank(report: ChainReport) -> tuple[int, int]:
    """The least bad first."""
    order = (Verdict.PASSED, Verdict.INDETERMINATE, Verdict.FAILED)
    return order.index(report.verdict), len(report.complaints)
