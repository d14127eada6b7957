"""From an `answer` section and the catalog to a plan, with everything in which the two disagree.

A plan is compiled once for each resource, when the manifest is loaded: paths are parsed, forms are
patterns, code tables are sets. Reading a reply then only walks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from adapters import paths
from adapters.converters import DATETIME_FORMS, DEFAULT, FITS, As, Form, Unreadable, converter
from adapters.located import At
from adapters.manifest import (
    RECORDS,
    STATUS,
    Answer,
    AsOfTerms,
    CodesTerms,
    Condition,
    Connect,
    ErrorsTerms,
    ErrorTerms,
    FieldTerms,
    Finding,
    Meaning,
)
from adapters.mapping import Errors, FieldPlan, Plan, Probe, Reading, comparable
from adapters.model import Outcome, Scalar
from catalog.model import Code, CodeTable, DataResource, Field


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
            errors=self._errors((*at, "errors"), answer.errors),
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

    def _tests(self, at: At, condition: Condition) -> tuple[Probe, ...]:
        tests: list[Probe] = []
        for path, literal in condition.items():
            if path == RECORDS and at[-1] == "empty_when":
                continue
            literals = literal if isinstance(literal, tuple) else (literal,)
            accepted = frozenset(comparable(each) for each in literals) or None
            get: paths.Getter | None = None
            if path != STATUS:
                xml_list = accepted is None and self.connect.xml_namespaces is not None
                find = self._nodes if xml_list else self._getter
                get = find((*at, path), path)
            tests.append(Probe(path, get, accepted))
        return tuple(tests)

    def _errors(self, at: At, terms: ErrorsTerms | None) -> Errors | None:
        if terms is None:
            return None
        readings = {code: _meant(code, each) for code, each in terms.map.items()}
        return Errors(None if terms.at == STATUS else self._getter((*at, "at"), terms.at), readings)

    def _as_of(self, at: At, terms: AsOfTerms | None) -> Any:
        if terms is None:
            return None
        forms = tuple(Form(form) for form in terms.forms or DATETIME_FORMS)
        return self._getter((*at, "at"), terms.at), forms

    def _field(self, at: At, id_: str, terms: FieldTerms) -> FieldPlan | None:
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
            if codes is not None and constant not in codes:
                self._find((*at, "const"), "unknown-code", f"{constant!r}", "a code of the table")
            return FieldPlan(id_, None, converter(kind), kind, codes, alias, constant)
        dated = self._dated(field) if codes else {}
        read = converter(kind, terms.forms if kind in {As.DATE, As.DATETIME} else ())
        get = self._getter((*at, "at"), terms.at)
        return FieldPlan(id_, get, read, kind, codes, alias, dated=dated)

    def _dated(self, field: Field) -> Mapping[str, Code]:
        """The codes of the field's table that may only be used for some time."""
        table = self.tables.get(field.code_table or "")
        codes = table.codes.values() if table else ()
        return {code.code: code for code in codes if code.valid_from or code.valid_to}

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


def _meant(code: str, meaning: Meaning | ErrorTerms) -> Reading:
    """The reading for one of the source's error codes."""
    if isinstance(meaning, ErrorTerms):
        return Reading(outcome=Outcome(meaning.outcome), why=meaning.why)
    if meaning is Meaning.NO_RECORD:
        return Reading(outcome=Outcome.NO_RECORD)
    shown = re.sub(r"[^A-Za-z0-9_-]", "", code)[:16]
    return Reading(outcome=Outcome(meaning), why=f"{meaning}-{shown}" if shown else str(meaning))


def _listed(value: Any) -> list[Any]:
    """A list as it is; nothing as an empty one; one thing as a list of one."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _rows(document: Any) -> list[Any]:
    return _listed(document.get("rows")) if isinstance(document, dict) else []
