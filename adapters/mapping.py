"""From a raw reply to records in canonical form. Pure, and compiled once for each resource.

The order of judgement: did the source refuse; is there no such record; did it say all is well; and
only then what the record holds. “No such record” counts only when everything else the manifest
calls well holds too, so that an error envelope with an empty list inside is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters import paths
from adapters.converters import (
    DATETIME_FORMS,
    DEFAULT,
    FITS,
    As,
    Converter,
    Form,
    Unreadable,
    converter,
    moment_of,
    text,
)  # fmt: skip
from adapters.documents import decode, parse_json, parse_xml
from adapters.errors import SourceAnswerInvalid
from adapters.located import At
from adapters.manifest import (
    RECORDS,
    STATUS,
    Answer,
    AsOfTerms,
    CodesTerms,
    Condition,
    Connect,
    FieldTerms,
    Finding,
)  # fmt: skip
from adapters.model import Outcome, RawReply, Record, Scalar
from catalog.model import CodeTable, DataResource, Field

_NOWHERE = object()
_CODE = re.compile(r"[A-Za-z0-9_\-]{1,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply says, before it is known how long it took."""

    outcome: Outcome
    records: tuple[Record, ...] = ()
    as_of: datetime | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class _FieldPlan:
    """One field, compiled."""

    id: str
    get: paths.Getter | None
    """None for a constant."""
    convert: Converter
    rule: str
    codes: frozenset[str] | None
    alias: Mapping[str, str]
    constant: Scalar = None


@dataclass(frozen=True, slots=True)
class _Test:
    """One path of a condition."""

    path: str
    get: paths.Getter | None
    """None for the HTTP status."""
    accepted: frozenset[str | None] | None
    """Texts that are accepted; None: the value has to be an empty list."""

    def holds(self, document: Any, status: int | None) -> bool:
        value = str(status) if self.get is None else self.get(document)
        if self.accepted is None:
            return isinstance(value, list | tuple) and not value
        return _comparable(value) in self.accepted


def _comparable(value: Any) -> Any:
    """Literals and scalars as text; None for nothing; anything structured equals nothing."""
    try:
        return text(value)
    except Unreadable:
        return _NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the answers for one resource are read: built by `compiled`, used for every reply."""

    answer: Answer
    xml: bool
    charset: str | None
    refused: tuple[_Test, ...]
    empty: tuple[_Test, ...]
    ok: tuple[_Test, ...]
    empty_by_records: bool
    records: Callable[[Any], list[Any] | None]
    lines: Callable[[Any], list[Any]] | None
    head: tuple[_FieldPlan, ...]
    body: tuple[_FieldPlan, ...]
    as_of: tuple[paths.Getter, tuple[Form, ...]] | None
    loose: bool
    """True: a record or line may be a plain value, because a field is read with `@`."""

    def read(self, reply: RawReply) -> Reading:
        """What `reply` says.

        Raises:
            SourceAnswerInvalid: It cannot be read: `encoding`, `json`, `record-shape`, …
        """
        if _by_status(self.refused, reply.status):
            return Reading(outcome=Outcome.REFUSED, why=f"status-{reply.status}")
        if _by_status(self.empty, reply.status) and not self.empty_by_records:
            return Reading(outcome=Outcome.NO_RECORD)
        document = self._document(reply)
        return self._judged(document, reply.status) or self._answered(document)

    def _document(self, reply: RawReply) -> Any:
        if reply.document is not None:
            return reply.document
        if reply.rows is not None:
            return {"rows": list(reply.rows)}
        if self.xml:
            return parse_xml(reply.body, declared=reply.charset, overruled=self.charset)
        if not reply.body:
            raise SourceAnswerInvalid("empty-body")
        return parse_json(decode(reply.body, declared=reply.charset, overruled=self.charset))

    def _judged(self, document: Any, status: int | None) -> Reading | None:
        """The reading where the reply is no record; None where it should hold records."""
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
    def _code(tests: Iterable[_Test], document: Any) -> str:
        """The source's own short code as a suffix; nothing longer, it might be about a person."""
        found = (_comparable(test.get(document)) for test in tests if test.get is not None)
        code = next(found, None)
        return f"-{code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""

    def _answered(self, document: Any) -> Reading:
        found = self.records(document)
        if not found:
            raise SourceAnswerInvalid("no-records")
        records = tuple(self._record(each, document) for each in found)
        return Reading(outcome=Outcome.ANSWERED, records=records, as_of=self._as_of(document))

    def _record(self, raw: Any, document: Any) -> Record:
        self._shaped(raw)
        odd: list[str] = []
        bad: dict[str, str] = {}
        values = _values(self.head, raw, odd, bad)
        found = self.lines(document if self.answer.record else raw) if self.lines else []
        lines: list[Mapping[str, Scalar]] = []
        for line in found:
            self._shaped(line)
            lines.append(_values(self.body, line, odd, bad))
        if not lines and not bad and not self._says_something(values):
            raise SourceAnswerInvalid("nothing-mapped")
        return Record(values=values, lines=tuple(lines), odd=tuple(dict.fromkeys(odd)), bad=bad)

    def _says_something(self, values: Mapping[str, Scalar]) -> bool:
        """A record in which not one path found a value is not an empty record but another
        document than the manifest describes.
        """
        return any(values[plan.id] is not None for plan in self.head if plan.get is not None)

    def _shaped(self, raw: Any) -> None:
        if not self.xml and not self.loose and not isinstance(raw, Mapping):
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


def _by_status(tests: tuple[_Test, ...], status: int | None) -> bool:
    """Do these tests speak of nothing but the HTTP status, and hold?"""
    return bool(tests) and all(t.get is None and t.holds(None, status) for t in tests)


def _values(
    plans: tuple[_FieldPlan, ...], raw: Any, odd: list[str], bad: dict[str, str]
) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for plan in plans:
        if plan.get is None:
            values[plan.id] = plan.constant
            continue
        try:
            value = plan.convert(plan.get(raw))
        except Unreadable:
            bad[plan.id], value = plan.rule, None
        if plan.codes is not None and value is not None:
            value = plan.alias.get(str(value), value)
            if value not in plan.codes:
                odd.append(plan.id)
        values[plan.id] = value
    return values


# --- compiling --------------------------------------------------------------------------------


class Compiler:
    """Compiles one resource's `answer`, collecting everything that is wrong with it."""

    def __init__(
        self,
        *,
        at: At,
        connect: Connect,
        resource: DataResource,
        tables: Mapping[str, CodeTable],
    ) -> None:
        """Args:
        at: Where the resource stands in the manifest.
        connect: Decides between JSON and XML paths, and the charset.
        resource: As the catalog describes it.
        tables: The catalog's code tables.
        """
        self.at, self.connect, self.resource, self.tables = at, connect, resource, tables
        self.findings: list[Finding] = []

    def plan(self, answer: Answer) -> Plan:
        """The plan for `answer`; only to be used while `findings` is empty."""
        at: At = (*self.at, "answer")
        repeated = {id_ for id_, f in self.resource.fields.items() if f.repeated}
        plans = [
            plan
            for id_, terms in answer.fields.items()
            if (plan := self._field((*at, "fields", id_), id_, terms))
        ]
        body = tuple(plan for plan in plans if plan.id in repeated)
        if body and answer.lines is None and answer.record is None:
            self._find(
                (*at, "fields", body[0].id),
                "repeated-without-lines",
                f"{body[0].id} is repeated in the catalog",
                "lines: path to the repeated part",
            )
        if (answer.lines is not None or answer.record) and not body:
            self._find(
                (*at, "lines"),
                "lines-without-repeated",
                "no mapped field is repeated in the catalog",
                "no lines",
            )
        nodes = self._nodes((*at, "lines"), answer.lines) if answer.lines else None
        return Plan(
            answer=answer,
            xml=self.connect.xml_namespaces is not None,
            charset=self.connect.overruling_charset,
            refused=self._tests((*at, "refused_when"), answer.refused_when),
            empty=self._tests((*at, "empty_when"), answer.empty_when),
            ok=self._tests((*at, "ok_when"), answer.ok_when),
            empty_by_records=RECORDS in answer.empty_when and self._by_records(answer),
            records=self._records((*at, "records"), answer),
            lines=_rows if answer.record else nodes,
            head=tuple(plan for plan in plans if plan.id not in repeated),
            body=body,
            as_of=self._as_of((*at, "as_of"), answer.as_of),
            loose=any(terms.at == "@" for terms in answer.fields.values()),
        )

    def _find(self, at: At, rule: str, found: str, expected: str) -> None:
        self.findings.append(Finding(at=at, rule=rule, found=found, expected=expected))

    def _getter(self, at: At, path: str) -> paths.Getter:
        """Path → one value."""
        namespaces = self.connect.xml_namespaces
        try:
            if namespaces is None:
                return paths.compile_json(path)
            return paths.compile_xml(path, namespaces).text
        except paths.PathRefused as error:
            self._find(at, "path", repr(path[:60]), str(error))
            return lambda _: None

    def _nodes(self, at: At, path: str) -> Callable[[Any], list[Any]]:
        """Path → everything it leads to, as a list."""
        namespaces = self.connect.xml_namespaces
        try:
            if namespaces is not None:
                compiled = paths.compile_xml(path, namespaces)
                if compiled.attribute:
                    self._find(at, "path", repr(path), "a path to elements")
                return compiled.nodes
            get = paths.compile_json(path)
        except paths.PathRefused as error:
            self._find(at, "path", repr(path[:60]), str(error))
            return lambda _: []
        return lambda value: _listed(get(value))

    def _records(self, at: At, answer: Answer) -> Callable[[Any], list[Any] | None]:
        if answer.record is not None:
            return lambda document: _rows(document)[:1]
        if answer.records is None:
            return lambda document: [document]
        return self._nodes(at, answer.records)

    def _by_records(self, answer: Answer) -> bool:
        at: At = (*self.at, "answer", "empty_when", RECORDS)
        if answer.empty_when[RECORDS] != "none":
            self._find(at, "empty-when", repr(answer.empty_when[RECORDS]), "records: none")
        if answer.records is None and answer.record is None:
            self._find(at, "empty-when", "there is no records path", "records: path")
        return True

    def _tests(self, at: At, condition: Condition) -> tuple[_Test, ...]:
        tests: list[_Test] = []
        for path, literal in condition.items():
            if path == RECORDS and at[-1] == "empty_when":
                continue
            literals = literal if isinstance(literal, tuple) else (literal,)
            accepted = frozenset(_comparable(each) for each in literals) or None
            get: paths.Getter | None = None
            if path != STATUS:
                xml_list = accepted is None and self.connect.xml_namespaces is not None
                find = self._nodes if xml_list else self._getter
                get = find((*at, path), path)
            tests.append(_Test(path, get, accepted))
        return tuple(tests)

    def _as_of(self, at: At, terms: AsOfTerms | None) -> Any:
        if terms is None:
            return None
        forms = tuple(Form(form) for form in terms.forms or DATETIME_FORMS)
        return self._getter((*at, "at"), terms.at), forms

    def _field(self, at: At, id_: str, terms: FieldTerms) -> _FieldPlan | None:
        field = self.resource.fields.get(id_)
        if field is None:
            near = ", ".join(self.resource.fields)
            self._find(
                at, "unknown-field", f"{self.resource.id} has no field {id_!r}", f"one of {near}"
            )
            return None
        kind = terms.as_ or DEFAULT[field.type]
        if kind not in FITS[field.type]:
            fitting = ", ".join(sorted(FITS[field.type]))
            self._find(
                (*at, "as"), "as", f"as: {kind} for a {field.type} field", f"one of {fitting}"
            )
        if terms.form is not None and kind not in {As.DATE, As.DATETIME}:
            self._find((*at, "form"), "form", f"a form for {kind}", "form only for dates and times")
        codes, alias = self._codes(at, field, terms)
        if terms.at is None:
            constant = self._constant(at, kind, terms)
            return _FieldPlan(id_, None, converter(kind), kind, codes, alias, constant)
        read = converter(kind, terms.forms if kind in {As.DATE, As.DATETIME} else ())
        return _FieldPlan(id_, self._getter((*at, "at"), terms.at), read, kind, codes, alias)

    def _constant(self, at: At, kind: As, terms: FieldTerms) -> Scalar:
        try:
            return converter(kind)(terms.const)
        except Unreadable:
            self._find((*at, "const"), "const", f"{terms.const!r}", f"a {kind}")
            return None

    def _codes(
        self, at: At, field: Field, terms: FieldTerms
    ) -> tuple[frozenset[str] | None, Mapping[str, str]]:
        """The codes a value has to be one of, and the other side's words for them."""
        wanted = CodesTerms(table=terms.codes) if isinstance(terms.codes, str) else terms.codes
        name = wanted.table if wanted else field.code_table
        if name is None:
            return None, {}
        if name != field.code_table:
            self._find(
                (*at, "codes"),
                "code-table",
                f"codes: {name}",
                f"codes: {field.code_table}"
                if field.code_table
                else "no codes: the field is none of a code table",
            )
        table = self.tables.get(name)
        if table is None:
            self._find(
                (*at, "codes"),
                "unknown-code-table",
                f"no code table {name!r}",
                "a table of the catalog",
            )
            return None, {}
        alias = wanted.map if wanted else {}
        for word, code in alias.items():
            if code not in table.codes:
                self._find(
                    (*at, "codes", "map", word),
                    "unknown-code",
                    f"{name} has no code {code!r}",
                    "a code of the table, or no entry: unknown values are kept and marked",
                )
        return frozenset(table.codes), alias


def _listed(value: Any) -> list[Any]:
    """A list as it is; nothing as an empty one; one thing as a list of one."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _rows(document: Any) -> list[Any]:
    return _listed(document.get("rows")) if isinstance(document, dict) else []
