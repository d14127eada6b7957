"""From an application to one result: ask who can be asked, wait for the others, deliver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from catalog.lookup import FieldPath
from catalog.lookup import resource as resource_in
from catalog.model import Bundle, Catalog, ItemKind, ServiceItem
from hub.access import purpose_of
from hub.checks.model import (
    OVER,
    Check,
    CheckState,
    Finding,
    Part,
    PartState,
    Period,
    Statement,
    in_period,
)
from hub.checks.store import CheckBook
from hub.errors import CheckIncomplete, CheckOver, NotYourPart, UnknownCheck
from hub.evidence import EvidenceKind, EvidenceRecord
from hub.exchange import KEY_OF, EvidenceAppender, Exchange, commitment
from hub.ids import new_id
from hub.model import (
    Basis,
    Consumer,
    FieldState,
    Grant,
    Json,
    QueryRequest,
    ResourceAnswer,
    Subject,
)

_OPEN_BECAUSE: Mapping[FieldState, str] = {
    FieldState.NOT_GRANTED: "not_granted",
    FieldState.WITHHELD: "not_granted",
    FieldState.NOT_APPLICABLE: "no_source",
    FieldState.DEFERRED: "waiting",
}
_HAS_RECORDS = frozenset({FieldState.OK, FieldState.STALE, FieldState.MANUAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What a check is asked for."""

    bundle: Bundle
    subject: Subject
    basis: Basis
    period: Period
    due_at: datetime
    items: frozenset[int] | None = None
    """`seq` of the items wanted; None: all that check."""
    deadline_ms: int = 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Runs composite checks."""

    catalog: Catalog
    exchange: Exchange
    evidence: EvidenceAppender
    book: CheckBook
    now: Callable[[], datetime]
    salt: Callable[[], bytes]

    async def receive(
        self, application: Application, consumer: Consumer, grants: Sequence[Grant], started: float
    ) -> Check:
        """Take an application in, assign its parts, and ask whoever can be asked.

        Raises:
            hub.errors.EvidenceUnavailable: The log could not be written; nothing was assigned.
        """
        bundle, now = application.bundle, self.now()
        check = Check(
            id=new_id("chk"),
            consumer=consumer.client_id,
            bundle=bundle.id,
            lead=_within(bundle.county, bundle.lead_departments),
            subject=application.subject,
            basis=application.basis,
            period=application.period,
            state=CheckState.GATHERING,
            received_at=now,
            due_at=application.due_at,
            parts=tuple(
                Part(
                    seq=item.seq,
                    item=item.id,
                    name=item.name,
                    authorities=_within(bundle.county, item.departments),
                    resources=item.answered_by,
                    state=PartState.ASSIGNED,
                    due_at=application.due_at,
                )
                for item in parts_of(bundle, application.items)
            ),
        )
        await self._log(check, EvidenceKind.CHECK_RECEIVED, {"parts": [p.seq for p in check.parts]})
        await asyncio.to_thread(self.book.add, check, new_id("ver"))
        return await self.gather(check.id, consumer, grants, application.deadline_ms, started)

    async def gather(
        self,
        check_id: str,
        consumer: Consumer,
        grants: Sequence[Grant],
        deadline_ms: int,
        started: float,
    ) -> Check:
        """Ask again for every part that is open; a department that answers is asked no more.

        Raises:
            UnknownCheck: There is none that this caller may see.
            CheckOver: It is delivered or withdrawn.
        """
        check, _ = await self.visible(check_id, consumer)
        answered = await asyncio.gather(
            *(
                self._asked(check, part, consumer, grants, deadline_ms, started)
                for part in check.missing()
            )
        )
        return await self._change(check_id, lambda known: _merged(known, answered))

    async def answer(
        self,
        check_id: str,
        seq: int,
        consumer: Consumer,
        *,
        finding: Finding,
        records: Sequence[Mapping[str, Json]],
        by: str,
    ) -> Check:
        """A department answers its part by hand.

        Raises:
            UnknownCheck: There is no such check or part.
            NotYourPart: The part is another department's, or is answered already.
            CheckOver: It is delivered or withdrawn.
        """
        check, _ = await asyncio.to_thread(self.book.find, check_id)
        part = next((p for p in check.parts if p.seq == seq), None)
        if part is None or not self._sees(check, consumer):
            raise UnknownCheck
        if consumer.authority not in part.authorities or part.state is PartState.ANSWERED:
            raise NotYourPart("another-department" if part.statements == () else "answered")
        now = self.now()
        statement = Statement(
            resource="",
            name=part.name,
            authority=consumer.authority,
            finding=finding,
            records=tuple(records),
            as_of=now.isoformat(timespec="seconds"),
            receipt=new_id("rcp"),
            by=by,
        )
        salt = self.salt()
        body: dict[str, Json] = {
            "part": seq,
            "by": by,
            "finding": str(finding),
            "commitment": commitment(salt, [dict(record) for record in records]),
        }
        await self._log(
            check,
            EvidenceKind.CHECK_ANSWERED,
            body,
            receipt=statement.receipt,
            consumer=consumer.client_id,
            private={"salt": salt.hex()},
        )
        done = replace(
            part,
            state=PartState.ANSWERED,
            statements=(statement,),
            answered_at=now,
            open_because=None,
        )

        def put_in(known: Check) -> Check:
            if next(p for p in known.parts if p.seq == seq).state is PartState.ANSWERED:
                raise NotYourPart("answered")  # somebody was quicker while we wrote the log
            return known.with_part(done)

        return await self._change(check_id, put_in)

    async def deliver(self, check_id: str, consumer: Consumer, without: frozenset[int]) -> Check:
        """Deliver everything as one result: the one that its receipt is over. Where an answer comes in
        while that is written, it is written anew, and nobody gets to know the first receipt.

        Args:
            check_id: The check.
            consumer: The caller that asked for it, or a department that leads it.
            without: Parts that are knowingly left out; they are named in the result as missing.

        Raises:
            UnknownCheck: There is none that this caller may see.
            CheckIncomplete: Parts are open that `without` does not name; says which.
            CheckOver: It is delivered or withdrawn already.
        """
        while True:
            check, version = await self.visible(check_id, consumer)
            left = [p for p in check.missing() if p.seq not in without]
            if left:
                raise CheckIncomplete(
                    tuple(f"{p.seq} {p.name}：{'、'.join(_names(p))}" for p in left)
                )
            delivered = replace(
                check,
                state=CheckState.DELIVERED,
                delivered_at=self.now(),
                receipt=await self._log_delivery(check),
            )
            if await asyncio.to_thread(self.book.put, delivered, version, new_id("ver")):
                return delivered

    async def withdraw(self, check_id: str, consumer: Consumer) -> Check:
        """The applicant takes it back before it is delivered (requirement B-36).

        Raises:
            UnknownCheck, CheckOver: As `deliver`.
        """
        check, _ = await self.visible(check_id, consumer)
        await self._log(check, EvidenceKind.CHECK_WITHDRAWN, {})
        return await self._change(
            check_id, lambda known: replace(known, state=CheckState.WITHDRAWN)
        )

    async def show(self, check_id: str, consumer: Consumer) -> Check:
        """A check as it stands, also when it is over.

        Raises:
            UnknownCheck: There is none that this caller may see.
        """
        check, _ = await asyncio.to_thread(self.book.find, check_id)
        if not self._sees(check, consumer):
            raise UnknownCheck
        return check

    async def visible(self, check_id: str, consumer: Consumer) -> tuple[Check, str]:
        """A check that the caller asked for or leads, and that is not over, with its version."""
        check, version = await asyncio.to_thread(self.book.find, check_id)
        if consumer.client_id != check.consumer and consumer.authority not in check.lead:
            raise UnknownCheck
        if check.state in OVER:
            raise CheckOver(str(check.state))
        return check, version

    async def assigned_to(self, consumer: Consumer) -> list[tuple[Check, Part]]:
        """Open parts of the caller's department, the longest waiting first."""
        checks = await asyncio.to_thread(self.book.open_in, consumer.county)
        return [
            (check, part)
            for check in checks
            for part in check.missing()
            if consumer.authority in part.authorities
        ]

    def _sees(self, check: Check, consumer: Consumer) -> bool:
        return (
            consumer.client_id == check.consumer
            or consumer.authority in check.lead
            or any(consumer.authority in part.authorities for part in check.parts)
        )

    async def _asked(
        self,
        check: Check,
        part: Part,
        consumer: Consumer,
        grants: Sequence[Grant],
        deadline_ms: int,
        started: float,
    ) -> Part:
        purpose = purpose_of(self.catalog, part.item)
        connected = {
            b.resource for b in self.catalog.bindings if purpose and b.county == purpose.county
        }
        wanted = [r for r in part.resources if r in connected]
        left = [r for r in part.resources if r not in connected]
        part = replace(part, unasked=self._askable(left, purpose.county if purpose else "", check))
        if purpose is None or not wanted:
            return replace(part, open_because="no_source")
        query = QueryRequest(
            subject=check.subject,
            basis=replace(check.basis, item=part.item),
            want=tuple(FieldPath(resource=r, field=None, many=True) for r in wanted),
            deadline_ms=deadline_ms,
        )
        result = await self.exchange.answer(
            query, consumer=consumer, purpose=purpose, grants=grants, started=started
        )
        answers = [result.resources[r] for r in wanted]
        # A resource that cannot be asked by this subject's number is not part of the question.
        asked = [a for a in answers if a.why != "exchange.key-unknown"]
        failed = [a for a in asked if a.state not in _HAS_RECORDS | {FieldState.NOT_FOUND}]
        if failed or not asked:
            states = [a.state for a in failed] or [FieldState.NOT_APPLICABLE]
            return replace(part, open_because=_OPEN_BECAUSE.get(states[0], "source_down"))
        county = purpose.county
        return replace(
            part,
            state=PartState.ANSWERED,
            answered_at=self.now(),
            open_because=None,
            statements=tuple(self._stated(a, county, check.period, result.receipt) for a in asked),
        )

    def _askable(self, resources: Sequence[str], county: str, check: Check) -> tuple[str, ...]:
        """Those of them that could be asked by the subject's number, were there a source."""
        key = KEY_OF[check.subject.id_type]
        found = ((r, resource_in(self.catalog, county, r)) for r in resources)
        return tuple(r for r, known in found if key in {each.id for each in known.keys})

    def _stated(
        self, answer: ResourceAnswer, county: str, period: Period, receipt: str
    ) -> Statement:
        resource = resource_in(self.catalog, county, answer.resource)
        found = [in_period(record, resource, period) for record in answer.records]
        records = tuple(record for record in found if record is not None)
        provenance = answer.provenance
        stood = provenance and (provenance.as_of or provenance.retrieved_at)
        return Statement(
            resource=resource.id,
            name=resource.name,
            authority=provenance.authority if provenance else f"{county}/{resource.provider}",
            finding=Finding.RECORD if records else Finding.NO_RECORD,
            records=records,
            as_of=stood.isoformat(timespec="seconds") if stood else None,
            receipt=receipt,
        )

    async def _log_delivery(self, check: Check) -> str:
        """Write what is delivered into the log; gives the receipt."""
        receipt, salt = new_id("rcp"), self.salt()
        parts: list[Json] = [
            {
                "part": p.seq,
                "finding": str(p.finding) if p.finding else "missing",
                "receipts": [s.receipt for s in p.statements],
                "commitment": commitment(salt, [canonical_statement(s) for s in p.statements]),
            }
            for p in check.parts
        ]
        await self._log(
            check,
            EvidenceKind.CHECK_DELIVERED,
            {"parts": parts},
            receipt=receipt,
            private={"salt": salt.hex()},
        )
        return receipt

    async def _change(self, check_id: str, change: Callable[[Check], Check]) -> Check:
        """Read, change and write back; again, where somebody else was quicker."""
        while True:
            known, version = await asyncio.to_thread(self.book.find, check_id)
            if known.state in OVER:
                raise CheckOver(str(known.state))
            changed = change(known)
            if await asyncio.to_thread(self.book.put, changed, version, new_id("ver")):
                return changed

    async def _log(
        self,
        check: Check,
        kind: EvidenceKind,
        body: Mapping[str, Json],
        *,
        receipt: str | None = None,
        consumer: str | None = None,
        private: Mapping[str, str] | None = None,
    ) -> None:
        record = EvidenceRecord(
            kind=kind,
            id=receipt or new_id("evd"),
            at=self.now(),
            body={
                "check": check.id,
                "consumer": consumer or check.consumer,
                "item": check.bundle,
                "case": check.basis.case,
                "from": check.period.first.isoformat(),
                "to": check.period.last.isoformat(),
                **body,
            },
            subjects=((check.subject.id_type, check.subject.number),),
            private=private or {},
        )
        await self.evidence.append([record])


def parts_of(bundle: Bundle, chosen: frozenset[int] | None = None) -> tuple[ServiceItem, ...]:
    """The items of a bundle that check something, all or those chosen."""
    return tuple(
        item
        for item in bundle.items
        if item.kind is ItemKind.VERIFY and (chosen is None or item.seq in chosen)
    )


def canonical_statement(statement: Statement) -> Json:
    """What the log commits to of a statement."""
    return {
        "resource": statement.resource,
        "authority": statement.authority,
        "finding": str(statement.finding),
        "records": [dict(record) for record in statement.records],
    }


def _within(county: str, departments: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{county}/{name}" for name in departments)


def _names(part: Part) -> list[str]:
    return [authority.rpartition("/")[2] for authority in part.authorities]


def _merged(known: Check, parts: Sequence[Part]) -> Check:
    """Put answered parts in; what was answered meanwhile stays."""
    for part in parts:
        now = next(p for p in known.parts if p.seq == part.seq)
        if now.state is not PartState.ANSWERED:
            known = known.with_part(part)
    return known
