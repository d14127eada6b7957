"""From a raw reply to records in canonical form. Pure, and compiled once for each resource.

The order of judgement: did the source refuse; is there no such record; did it say all is well; and
only then what the record holds. “No such record” counts only when everything else the manifest
calls well holds too, so that an error envelope with an empty list inside is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from adapters import paths
from adapters.converters import CHINA, Converter, Form, Unreadable, moment_of, text
from adapters.documents import decode, parse_json, parse_xml
from adapters.errors import SourceAnswerInvalid
from adapters.manifest import Answer
from adapters.model import Outcome, RawReply, Record, Relayed, Scalar
from catalog.model import Code

_NOWHERE = object()
_CODE = re.compile(r"[A-Za-z0-9_\-]{1,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply says, before it is known how long it took."""

    outcome: Outcome
    records: tuple[Record, ...] = ()
    as_of: datetime | None = None
    why: str | None = None


class FieldPlan(NamedTuple):
    """One field, compiled."""

    id: str
    get: paths.Getter | None
    """None for a constant."""
    convert: Converter
    rule: str
    codes: frozenset[str] | None
    alias: Mapping[str, str]
    constant: Scalar = None
    name: str | None = None
    """The key or child element that the path consists of, where it is no longer than that."""
    dated: Mapping[str, Code] = MappingProxyType({})
    """Those of `codes` that may only be used for some time."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One path of a condition."""

    path: str
    get: paths.Getter | None
    """None for the HTTP status."""
    accepted: frozenset[str | None] | None
    """Texts that are accepted; None: the value has to be an empty list."""

    def holds(self, document: Any, status: int | None) -> bool:
        """Is what the path finds accepted?"""
        value = str(status) if self.get is None else self.get(document)
        if self.accepted is None:
            return isinstance(value, list | tuple) and not value
        return comparable(value) in self.accepted


@dataclass(frozen=True, slots=True)
class Errors:
    """The source's error codes, compiled."""

    get: paths.Getter | None
    """None for the HTTP status."""
    readings: Mapping[str, Reading]

    def read(self, document: Any, status: int | None) -> Reading | None:
        """What the code in the reply means; None where there is none that we know."""
        code = str(status) if self.get is None else comparable(self.get(document))
        return self.readings.get(code) if isinstance(code, str) else None


def comparable(value: Any) -> Any:
    """Literals and scalars as text; None for nothing; anything structured equals nothing."""
    try:
        return text(value)
    except Unreadable:
        return _NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the answers for one resource are read: made by `adapters.compiling`, used for every reply."""

    answer: Answer
    xml: bool
    charset: str | None
    errors: Errors | None
    refused: tuple[Probe, ...]
    empty: tuple[Probe, ...]
    ok: tuple[Probe, ...]
    empty_by_records: bool
    records: Callable[[Any], list[Any] | None]
    lines: Callable[[Any], list[Any]] | None
    head: tuple[FieldPlan, ...]
    body: tuple[FieldPlan, ...]
    as_of: tuple[paths.Getter, tuple[Form, ...]] | None
    loose: bool
    """True: a record or line may be a plain value, because a field is read with `@`."""
    sparse: bool = False
    """True: a record may be without any value, because only what is asked for is answered."""

    def read(self, reply: RawReply) -> Reading:
        """What `reply` says.

        Raises:
            SourceAnswerInvalid: It cannot be read: `encoding`, `json`, `record-shape`, …
        """
        if reply.relayed is not None:
            return self._relayed(reply, reply.relayed)
        if self.errors and self.errors.get is None:
            by_status = self.errors.read(None, reply.status)
            if by_status is not None:
                return by_status
        if _by_status(self.refused, reply.status):
            return Reading(outcome=Outcome.REFUSED, why=f"status-{reply.status}")
        if _by_status(self.empty, reply.status) and not self.empty_by_records:
            return Reading(outcome=Outcome.NO_RECORD)
        document = self.document(reply)
        reading = self.judged(document, reply.status) or self._answered(document)
        if reading.as_of is None and reply.as_of is not None:
            return replace(reading, as_of=reply.as_of)
        return reading

    def _relayed(self, reply: RawReply, relayed: Relayed) -> Reading:
        """Another hub's answer. What it did not let us have is no empty value: it is marked. What
        nobody has there is simply not known.
        """
        whole = relayed.whole
        if whole.outcome is not Outcome.ANSWERED:
            return Reading(outcome=whole.outcome, as_of=relayed.as_of, why=whole.why)
        marks = {
            name: str(fate.outcome).replace("_", "-")
            for name, fate in relayed.fields.items()
            if fate.outcome is not Outcome.NOT_OFFERED
        }
        found = self._answered(reply.document).records
        records = tuple(replace(each, bad={**each.bad, **marks}) for each in found)
        return Reading(outcome=whole.outcome, records=records, as_of=relayed.as_of, why=whole.why)

    def document(self, reply: RawReply) -> Any:
        """The document in `reply`.

        Raises:
            SourceAnswerInvalid: It cannot be read.
        """
        if reply.document is not None:
            return reply.document
        if reply.rows is not None:
            return {"rows": list(reply.rows)}
        if self.xml:
            return parse_xml(reply.body, declared=reply.charset, overruled=self.charset)
        if not reply.body:
            raise SourceAnswerInvalid("empty-body")
        return parse_json(decode(reply.body, declared=reply.charset, overruled=self.charset))

    def judged(self, document: Any, status: int | None) -> Reading | None:
        """The reading where the reply is no record; None where it should hold records."""
        if self.errors is not None and (known := self.errors.read(document, status)):
            return known
        if self.refused and all(test.holds(document, status) for test in self.refused):
            code = self._code(self.refused, document)
            return Reading(outcome=Outcome.REFUSED, why=f"refused{code}")
        overruled = {test.path for test in self.empty}
        failed = [test for test in self.ok if not test.holds(document, status)]
        stands = all(test.path in overruled for test in failed)
        if stands and self._is_empty(document, status):
            return Reading(outcome=Outcome.NO_RECORD, as_of=self._as_of(document))
        if failed:
            return Reading(outcome=Outcome.FAILED, why=f"not-ok{self._code(failed, document)}")
        return None

    def _is_empty(self, document: Any, status: int | None) -> bool:
        if not self.empty and not self.empty_by_records:
            return False
        if self.empty_by_records and self.records(document):
            return False
        return all(test.holds(document, status) for test in self.empty)

    @staticmethod
    def _code(tests: Iterable[Probe], document: Any) -> str:
        """The source's own short code as a suffix; nothing longer, it might be about a person."""
        found = (comparable(test.get(document)) for test in tests if test.get is not None)
        code = next(found, None)
        return f"-{code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""

    def _answered(self, document: Any) -> Reading:
        found = self.records(document)
        if not found:
            raise SourceAnswerInvalid("no-records")
        as_of = self._as_of(document)
        day = _day(as_of)
        records = tuple(self._record(each, document, day) for each in found)
        return Reading(outcome=Outcome.ANSWERED, records=records, as_of=as_of)

    def _record(self, raw: Any, document: Any, day: date | None) -> Record:
        self._shaped(raw)
        odd: list[str] = []
        bad: dict[str, str] = {}
        values = _values(self.head, raw, day, odd, bad)
        found = self.lines(document if self.answer.record else raw) if self.lines else []
        lines: list[Mapping[str, Scalar]] = []
        for line in found:
            self._shaped(line)
            lines.append(_values(self.body, line, day, odd, bad))
        if not bad and not self.sparse and not self._says_something(values, lines):
            raise SourceAnswerInvalid("nothing-mapped")
        return Record(values=values, lines=tuple(lines), odd=tuple(dict.fromkeys(odd)), bad=bad)

    def _says_something(
        self, values: Mapping[str, Scalar], lines: Iterable[Mapping[str, Scalar]]
    ) -> bool:
        """A record in which not one path found a value is not an empty record but another
        document than the manifest describes.
        """
        for plan in self.head:
            if plan.get is not None and values[plan.id] is not None:
                return True
        return any(value is not None for line in lines for value in line.values())

    def _shaped(self, raw: Any) -> None:
        if not self.xml and not self.loose and not isinstance(raw, dict | Mapping):
            raise SourceAnswerInvalid("record-shape")

    def _as_of(self, document: Any) -> datetime | None:
        if self.as_of is None:
            return None
        get, forms = self.as_of
        try:
            moment = moment_of(get(document), forms)
            return moment.astimezone(UTC) if moment else None
        except (Unreadable, OverflowError):
            return None


def _by_status(tests: tuple[Probe, ...], status: int | None) -> bool:
    """Do these tests speak of nothing but the HTTP status, and hold?"""
    return bool(tests) and all(t.get is None and t.holds(None, status) for t in tests)


def _values(
    plans: tuple[FieldPlan, ...], raw: Any, day: date | None, odd: list[str], bad: dict[str, str]
) -> dict[str, Scalar]:
    """Field id → value. `day`: when the data stood so; a code that was not in use then is odd,
    and where the source does not say when, every code of the table will do.
    """
    named: Mapping[str, Any] = raw if type(raw) is dict else paths.children(raw)
    values: dict[str, Scalar] = {}
    for id_, get, convert, rule, codes, alias, constant, name, dated in plans:
        if get is None:
            values[id_] = constant
            continue
        try:
            value = convert(named.get(name) if name is not None else get(raw))
        except Unreadable:
            bad[id_], value = rule, None
        if codes is not None and value is not None:
            if alias:
                value = alias.get(str(value), value)
            if value not in codes or (dated and _lapsed(dated, value, day)):
                odd.append(id_)
        values[id_] = value
    return values


def _day(as_of: datetime | None) -> date | None:
    """The day in China, or None where nobody says or no calendar holds it."""
    try:
        return as_of.astimezone(CHINA).date() if as_of else None
    except OverflowError:
        return None


def _lapsed(dated: Mapping[str, Code], value: Scalar, day: date | None) -> bool:
    code = dated.get(str(value))
    return code is not None and day is not None and not code.in_use(day)
