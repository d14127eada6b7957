"""Whom to trust, and when: anchors, seal makers and timestamp authorities with their standing.

A store is a value. Whoever is listed has a standing from one time until another; what is asked is
always how it stood at the time that is judged, so that a maker whose trust was withdrawn in May is
still the maker of what was sealed in April. Revocation lists are gathered beforehand: no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from seals.chains import ChainReport, chain
from seals.errors import Malformed
from seals.judging import PURPOSES, Judges, timestamp_judge
from seals.report import Carried, Role
from seals.revocation import RevocationList
from seals.timestamp_judging import RULES, TimestampRules
from seals.verdicts import Step, Verdict
from seals.x509 import X509Certificate, read_x509

_T = TypeVar("_T")


class Service(StrEnum):
    """What somebody is listed for."""

    ANCHOR = "anchor"
    """Issues X.509 certificates, or has others issue below it."""
    SEAL_MAKER = "seal-maker"
    TSA = "tsa"


class Standing(StrEnum):
    """What the list says of somebody."""

    TRUSTED = "trusted"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A standing for some time; a later one of the same certificate is another entry."""

    service: Service
    certificate: X509Certificate
    since: datetime
    until: datetime | None = None
    """The last moment; None for until further notice."""
    standing: Standing = Standing.TRUSTED
    zh: str = ""
    en: str = ""

    def holds(self, at: datetime) -> bool:
        """Does it speak of that time?"""
        return self.since <= at and (self.until is None or at <= self.until)


class Ruling(StrEnum):
    """How somebody stood at a time."""

    TRUSTED = "trusted-then"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    NOT_YET = "not-yet-trusted"
    NO_LONGER = "no-longer-trusted"
    NOT_LISTED = "not-listed"


_RULINGS = {
    Standing.WITHDRAWN: Ruling.WITHDRAWN,
    Standing.SUSPENDED: Ruling.SUSPENDED,
    Standing.TRUSTED: Ruling.TRUSTED,
}
"""The worst first: where two entries speak of one time, it decides."""
_SERVICES = {Role.SIGNER: Service.ANCHOR, Role.MAKER: Service.SEAL_MAKER, Role.TSA: Service.TSA}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStore:
    """All that judging needs from outside of a document."""

    listed: tuple[Listed, ...] = ()
    intermediates: tuple[X509Certificate, ...] = field(default=(), repr=False)
    lists: tuple[RevocationList, ...] = field(default=(), repr=False)
    _by_service: Mapping[tuple[Service, bytes], list[Listed]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """See who is listed for what, once."""
        found: dict[tuple[Service, bytes], list[Listed]] = {}
        for each in self.listed:
            found.setdefault((each.service, each.certificate.der), []).append(each)
        object.__setattr__(self, "_by_service", found)

    @classmethod
    def of(
        cls,
        anchors: Iterable[X509Certificate],
        intermediates: Iterable[X509Certificate] = (),
        lists: Iterable[RevocationList] = (),
    ) -> TrustStore:
        """Anchors without dates: trusted as long as their certificates are."""
        found = (
            Listed(service=Service.ANCHOR, certificate=each, since=each.not_before)
            for each in anchors
        )
        return cls(listed=tuple(found), intermediates=tuple(intermediates), lists=tuple(lists))

    def __or__(self, other: TrustStore) -> TrustStore:
        """What both know. Where they differ about somebody, the worse standing counts."""
        return TrustStore(
            listed=_once((*self.listed, *other.listed)),
            intermediates=_once((*self.intermediates, *other.intermediates)),
            lists=_once((*self.lists, *other.lists)),
        )

    def ruling(self, certificate: X509Certificate, service: Service, at: datetime) -> Ruling:
        """How it stood at that time, for that service."""
        own = self._by_service.get((service, certificate.der), [])
        then = {each.standing for each in own if each.holds(at)}
        for standing, ruling in _RULINGS.items():
            if standing in then:
                return ruling
        if not own:
            return Ruling.NOT_LISTED
        return Ruling.NOT_YET if all(at < each.since for each in own) else Ruling.NO_LONGER

    def judges(self, rules: TimestampRules = RULES) -> Judges:
        """Who judges chains and timestamps by this store.

        Where seal makers are listed, a seal's maker must be one of them, or have its certificate
        from one; where none are, a chain to an anchor is enough. The same goes for timestamps.
        """
        stamps = tuple(e.certificate for e in self.listed if e.service is Service.TSA)
        known = (*self.intermediates, *stamps)
        return Judges(
            chain=self._chain, timestamp=timestamp_judge(self._chain, known=known, rules=rules)
        )

    def _chain(
        self, x509_cert: bytes, carried: Carried, role: Role, at: datetime
    ) -> tuple[Step, ...]:
        """The steps of `seals.chains`, and one for each of the path that is listed."""
        try:
            certificate = read_x509(x509_cert)
        except Malformed:
            return ()
        report = self._best(certificate, carried, role, at)
        return (*report.steps, *self._standings(report, _SERVICES[role]))

    def _best(
        self, certificate: X509Certificate, carried: Carried, role: Role, at: datetime
    ) -> ChainReport:
        """By those trusted then; or by who is listed for the service alone; or, so that it can be
        told how they stood, by all who are listed.
        """
        first: ChainReport | None = None
        for anchors in self._anchors(_SERVICES[role], at):
            report = chain(
                certificate,
                (*self.intermediates, *carried.x509_certs()),
                anchors,
                at,
                lists=(*self.lists, *carried.revocation_lists()),
                purpose=PURPOSES[role],
            )
            if _anchored(report):
                return report
            if first is None:
                first = report
        if first is None:
            raise AssertionError("there is always a first set of anchors")
        return first

    def _anchors(self, service: Service, at: datetime) -> Iterator[Sequence[X509Certificate]]:
        trusted = [e for e in self.listed if self._trusted(e.certificate, e.service, at)]
        anchors = [e.certificate for e in trusted if e.service is Service.ANCHOR]
        yield anchors
        kinds = {Service.ANCHOR, service}
        yield [e.certificate for e in trusted if e.service in kinds]
        yield [e.certificate for e in self.listed if e.service in kinds]

    def _trusted(self, certificate: X509Certificate, service: Service, at: datetime) -> bool:
        return self.ruling(certificate, service, at) is Ruling.TRUSTED

    def _standings(self, report: ChainReport, service: Service) -> Iterator[Step]:
        """Of the anchor, and of whoever is listed for the service; one must be, if anybody is."""
        last = len(report.path) - 1
        anchor = self.ruling(report.path[last], Service.ANCHOR, report.at)
        if _anchored(report) and anchor is not Ruling.NOT_LISTED:
            yield _step(anchor, last)
        if service is Service.ANCHOR or all(e.service is not service for e in self.listed):
            return
        found = [(self.ruling(each, service, report.at), place)
                 for place, each in enumerate(report.path)]  # fmt: skip
        told = [each for each in found if each[0] is not Ruling.NOT_LISTED]
        yield from (_step(ruling, place) for ruling, place in told)
        if not told:
            yield _step(Ruling.NOT_LISTED, 0)


def _anchored(report: ChainReport) -> bool:
    return any(each.key == "path" and each.verdict is Verdict.PASSED for each in report.steps)


def _step(ruling: Ruling, place: int) -> Step:
    zh, en = QUESTION
    verdict, why_zh, why_en = ANSWERS[ruling]
    return Step(
        number=NUMBER, key="standing", verdict=verdict, reason=ruling,
        zh=zh, en=en, why_zh=why_zh, why_en=why_en, at=place,
    )  # fmt: skip


def _once(values: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))


NUMBER = 13
"""Behind the twelve of a chain."""
QUESTION = ("当时受信任", "It was trusted at the time")
ANSWERS: Mapping[Ruling, tuple[Verdict, str, str]] = {
    Ruling.TRUSTED: (Verdict.PASSED, "受信任", "trusted"),
    Ruling.SUSPENDED: (Verdict.FAILED, "当时已暂停信任", "its trust was suspended"),
    Ruling.WITHDRAWN: (Verdict.FAILED, "当时已撤销信任", "its trust was withdrawn"),
    Ruling.NOT_YET: (Verdict.FAILED, "当时还未受信任", "it was not trusted yet"),
    Ruling.NO_LONGER: (Verdict.FAILED, "当时已不再受信任", "it was trusted no longer"),
    Ruling.NOT_LISTED: (Verdict.FAILED, "不在可信名单之中", "it is not on the list"),
}
