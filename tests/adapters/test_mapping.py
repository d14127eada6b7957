"""The mapping, pure: any reply becomes a reading or `SourceAnswerInvalid`."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.compiling import Compiler
from adapters.errors import SourceAnswerInvalid
from adapters.manifest import Answer, Connect
from adapters.mapping import Plan
from adapters.model import Outcome, RawReply, Record
from adapters.rest import RestConnect
from catalog.model import Code, CodeTable
from tests.adapters.small import CATALOG

RESOURCE = CATALOG.resources["sample.everything"]
XML = RestConnect.model_validate({"base_url": "http://x.invalid", "format": "xml"})


def compiler(connect: Connect | None = None) -> Compiler:
    """A compiler for the resource that has a field of every type."""
    return Compiler(
        at=("resources", RESOURCE.id), connect=connect or Connect(), resource=RESOURCE,
        tables=CATALOG.code_tables,
    )  # fmt: skip


def plan(answer: dict[str, Any], connect: Connect | None = None) -> Plan:
    """The plan for an `answer` section that has nothing wrong."""
    maker = compiler(connect)
    made = maker.plan(Answer.model_validate(answer))
    assert maker.findings == []
    return made


def read(answer: dict[str, Any], document: Any, **raw: Any) -> Any:
    """The reading of a JSON document."""
    return plan(answer).read(RawReply(body=json.dumps(document).encode(), status=200, **raw))


TEXT = {"fields": {"text": {"at": "t"}}}
ENVELOPE = {**TEXT, "ok_when": {"code": ["0", "200"]}, "records": "d"}

Case = tuple[dict[str, Any], Any, Outcome | str]

JUDGED: dict[str, Case] = {
    "plain document": (TEXT, {"t": "x"}, Outcome.ANSWERED),
    "ok as text": (ENVELOPE, {"code": 200, "d": {"t": "x"}}, Outcome.ANSWERED),
    "not ok": (ENVELOPE, {"code": "1", "d": {"t": "x"}}, Outcome.FAILED),
    "ok is missing": (ENVELOPE, {"d": {"t": "x"}}, Outcome.FAILED),
    "ok is structured": (ENVELOPE, {"code": {"0": 0}, "d": {"t": "x"}}, Outcome.FAILED),
    "true is not 1": (
        {**TEXT, "ok_when": {"ok": True}}, {"ok": 1, "t": "x"}, Outcome.FAILED,
    ),
    "true is true": ({**TEXT, "ok_when": {"ok": True}}, {"ok": True, "t": "x"}, Outcome.ANSWERED),
    "two conditions": (
        {**TEXT, "ok_when": {"a": 1, "b": 2}}, {"a": 1, "b": 3, "t": "x"}, Outcome.FAILED,
    ),
    "empty list": ({**ENVELOPE, "empty_when": {"d": []}}, {"code": 0, "d": []}, Outcome.NO_RECORD),
    "null for an empty list": (
        {**ENVELOPE, "empty_when": {"d": []}}, {"code": 0, "d": None}, "no-records",
    ),
    "null": ({**ENVELOPE, "empty_when": {"d": None}}, {"code": 0, "d": None}, Outcome.NO_RECORD),
    "missing is null": ({**ENVELOPE, "empty_when": {"d": None}}, {"code": 0}, Outcome.NO_RECORD),
    "empty by code": (
        {**ENVELOPE, "empty_when": {"code": "404"}}, {"code": "404"}, Outcome.NO_RECORD,
    ),
    "empty inside an error": (
        {**ENVELOPE, "empty_when": {"d": []}}, {"code": "500", "d": []}, Outcome.FAILED,
    ),
    "records none": (
        {**ENVELOPE, "empty_when": {"records": "none"}}, {"code": 0, "d": []}, Outcome.NO_RECORD,
    ),
    "records none, but one": (
        {**ENVELOPE, "empty_when": {"records": "none"}}, {"code": 0, "d": [{"t": 1}]},
        Outcome.ANSWERED,
    ),
    "refused before empty": (
        {**ENVELOPE, "refused_when": {"code": 9}, "empty_when": {"d": []}},
        {"code": 9, "d": []}, Outcome.REFUSED,
    ),
    "no list": (ENVELOPE, {"code": 0}, "no-records"),
    "an empty list nobody spoke of": (ENVELOPE, {"code": 0, "d": []}, "no-records"),
    "record of another kind": (ENVELOPE, {"code": 0, "d": ["x"]}, "record-shape"),
    "one good, one of another kind": (ENVELOPE, {"code": 0, "d": [{"t": 1}, 2]}, "record-shape"),
    "document of another kind": (TEXT, ["t"], "record-shape"),
    "nothing of what is mapped": (TEXT, {"error": "x"}, "nothing-mapped"),
    "lines of another kind": (
        {"lines": "r", "fields": {"text": {"at": "t"}, "line_text": {"at": "x"}}},
        {"r": [{"y": 1}]}, "nothing-mapped",
    ),
    "only a constant": (
        {"fields": {"text": {"at": "t"}, "flag": {"const": True}}}, {"x": 1}, "nothing-mapped",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGED)
def test_judgement(name: str) -> None:
    """Refused, no record, failed and answered, in that order, and nothing in between."""
    answer, document, expected = JUDGED[name]
    if isinstance(expected, Outcome):
        assert read(answer, document).outcome is expected
        return
    with pytest.raises(SourceAnswerInvalid) as caught:
        read(answer, document)
    assert caught.value.why == expected


def test_status_can_mean_no_record_or_refusal() -> None:
    """`status` is the HTTP status; the body is not read then."""
    made = plan({**TEXT, "empty_when": {"status": 404}, "refused_when": {"status": [401, 409]}})
    assert made.read(RawReply(body=b"<html>", status=404)).outcome is Outcome.NO_RECORD
    reading = made.read(RawReply(body=b"", status=409))
    assert (reading.outcome, reading.why) == (Outcome.REFUSED, "status-409")
    assert made.answer.statuses() == {401, 404, 409}


def test_status_and_a_path_have_to_hold_together() -> None:
    """404 with the wrong code inside is no “no record”."""
    made = plan({**TEXT, "ok_when": {"code": 0}, "empty_when": {"status": 404, "code": 7}})
    assert made.read(RawReply(body=b'{"code":7}', status=404)).outcome is Outcome.NO_RECORD
    assert made.read(RawReply(body=b'{"code":8}', status=404)).outcome is Outcome.FAILED


def test_a_long_code_is_not_repeated() -> None:
    """What a source calls its code may be about a person; only short codes get into a reason."""
    answer = {**TEXT, "ok_when": {"code": "0"}}
    assert read(answer, {"code": "E-106"}).why == "not-ok-E-106"
    assert read(answer, {"code": "990101199001010019"}).why == "not-ok"
    assert read(answer, {"code": "赵明示"}).why == "not-ok"


FIELDS = {
    "text": {"at": "t"}, "day": {"at": "d"}, "whole": {"at": "w"}, "amount": {"at": "a"},
    "flag": {"at": "f"}, "gender": {"at": "g", "codes": {"table": "gender", "map": {"男": "1"}}},
}  # fmt: skip


def one(document: Any) -> Record:
    """The one record of a document."""
    record: Record = read({"fields": FIELDS}, document).records[0]
    return record


def test_the_catalogs_type_decides_how_a_field_is_read() -> None:
    """Without `as`, a date field is read as a date, and so on; the other side's words become
    codes.
    """
    record = one({"t": "x", "d": "20180601", "w": "7", "a": 98.5, "f": "是", "g": "男"})
    assert dict(record.values) == {
        "text": "x", "day": "2018-06-01", "whole": 7, "amount": "98.5", "flag": True, "gender": "1",
    }  # fmt: skip
    assert (record.odd, dict(record.bad)) == ((), {})


def test_empty_bad_and_odd_values_stay_apart() -> None:
    """Nothing is None; unreadable is None and bad; outside the table is kept and odd."""
    record = one({"t": " ", "d": "不详", "w": "x", "a": None, "g": "不详"})
    assert dict(record.values) == {
        "text": None, "day": None, "whole": None, "amount": None, "flag": None, "gender": "不详",
    }  # fmt: skip
    assert dict(record.bad) == {"day": "date", "whole": "integer"}
    assert record.odd == ("gender",)


def test_only_bad_values_are_a_record_all_the_same() -> None:
    """A record of which nothing can be read is not “another document”: it says what is bad."""
    assert dict(one({"d": "x"}).bad) == {"day": "date"}


def test_lines_are_relative_to_the_record() -> None:
    """Each line has the repeated fields; a plain text is a line read with `@`; no lines are none."""
    answer = {
        "lines": "r",
        "fields": {"text": {"at": "t"}, "line_text": {"at": "@"}},
    }
    record = read(answer, {"t": "x", "r": ["a", " b ", ""]}).records[0]
    assert [line["line_text"] for line in record.lines] == ["a", "b", None]
    assert read(answer, {"t": "x"}).records[0].lines == ()


def test_lines_of_another_shape_are_no_answer() -> None:
    """A line that should hold fields and is a text."""
    answer = {"lines": "r", "fields": {"text": {"at": "t"}, "line_text": {"at": "a"}}}
    with pytest.raises(SourceAnswerInvalid, match="record-shape"):
        read(answer, {"t": "x", "r": ["a"]})


def test_as_of_is_utc_and_never_fails_a_reply() -> None:
    """China's time becomes UTC; what cannot be read is not said."""
    answer = {**TEXT, "as_of": {"at": "m", "form": "%Y%m%d%H%M%S"}}
    assert read(answer, {"t": 1, "m": "20261124080000"}).as_of == datetime(2026, 11, 24, tzinfo=UTC)
    assert read(answer, {"t": 1, "m": "gestern"}).as_of is None
    assert read(answer, {"t": 1}).as_of is None


def test_rows_of_a_result_set() -> None:
    """SQL rows are a document; `all-rows` makes one record of them."""
    answer = {"record": "all-rows", "fields": {"text": {"at": "t"}, "line_day": {"at": "d"}}}
    rows = [{"t": "x", "d": "20180601"}, {"t": "y", "d": None}]
    record = plan(answer).read(RawReply(rows=rows)).records[0]
    assert dict(record.values) == {"text": "x"}
    assert [line["line_day"] for line in record.lines] == ["2018-06-01", None]
    with pytest.raises(SourceAnswerInvalid, match="no-records"):
        plan(answer).read(RawReply(rows=[]))


WRONG: dict[str, tuple[dict[str, Any], str, tuple[str | int, ...]]] = {
    "unknown field": ({"fields": {"nom": {"at": "x"}}}, "unknown-field", ("fields", "nom")),
    "path with a filter": (
        {"fields": {"text": {"at": "a[?b]"}}}, "path", ("fields", "text", "at"),
    ),
    "records with a wildcard": ({**TEXT, "records": "a[*]"}, "path", ("records",)),
    "condition with a function": (
        {**TEXT, "ok_when": {"length(a)": 1}}, "path", ("ok_when", "length(a)"),
    ),
    "as that does not fit": (
        {"fields": {"day": {"at": "x", "as": "integer"}}}, "as", ("fields", "day", "as"),
    ),
    "a form for text": (
        {"fields": {"text": {"at": "x", "form": "%Y"}}}, "form", ("fields", "text", "form"),
    ),
    "codes for text": (
        {"fields": {"text": {"at": "x", "codes": "gender"}}}, "code-table", ("fields", "text", "codes"),
    ),
    "another table": (
        {"fields": {"gender": {"at": "x", "codes": "ethnic-group"}}}, "code-table",
        ("fields", "gender", "codes"),
    ),
    "a word for no code": (
        {"fields": {"gender": {"at": "x", "codes": {"table": "gender", "map": {"男": "M"}}}}},
        "unknown-code", ("fields", "gender", "codes", "map", "男"),
    ),
    "repeated without lines": (
        {"fields": {"text": {"at": "t"}, "line_text": {"at": "x"}}}, "repeated-without-lines",
        ("fields", "line_text"),
    ),
    "lines without repeated": (
        {**TEXT, "lines": "x"}, "lines-without-repeated", ("lines",),
    ),
    "a const of another type": (
        {"fields": {"whole": {"const": "x"}}}, "const", ("fields", "whole", "const"),
    ),
    "a const that is no code": (
        {"fields": {"gender": {"const": "M"}}}, "unknown-code", ("fields", "gender", "const"),
    ),
    "records: some": (
        {**TEXT, "records": "d", "empty_when": {"records": "some"}}, "empty-when",
        ("empty_when", "records"),
    ),
    "records: none without records": (
        {**TEXT, "empty_when": {"records": "none"}}, "empty-when", ("empty_when", "records"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_agree_with_the_catalog_is_found(name: str) -> None:
    """Each disagreement is one finding, and names its place."""
    answer, rule, at = WRONG[name]
    maker = compiler()
    maker.plan(Answer.model_validate(answer))
    assert [(f.rule, f.at) for f in maker.findings] == [
        (rule, ("resources", RESOURCE.id, "answer", *at))
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["0", "2018-06-01", "男", "1"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from([*"tdwafgrxc", "code"]), inner, max_size=6),
    max_leaves=30,
)  # fmt: skip

ANSWERS = [
    {"fields": FIELDS},
    {"records": "d", "ok_when": {"code": "0"}, "empty_when": {"d": []}, "fields": FIELDS},
    {"records": "d[].r[]", "lines": "x[]", "refused_when": {"c": [1, None]},
     "as_of": {"at": "a"}, "fields": {**FIELDS, "line_text": {"at": "t"}, "line_day": {"at": "d[0]"}}},
    {"lines": "r", "empty_when": {"a": None}, "fields": {**FIELDS, "line_text": {"at": "@"}}},
    {"records": "d", "empty_when": {"records": "none"}, "fields": FIELDS},
]  # fmt: skip
PLANS = [plan(answer) for answer in ANSWERS]


@given(st.sampled_from(PLANS), JSON)
def test_no_json_document_breaks_the_mapping(made: Plan, document: Any) -> None:
    """Any JSON document is a reading or no answer; an answer has records, others have none."""
    try:
        reading = made.read(RawReply(body=json.dumps(document).encode(), status=200))
    except SourceAnswerInvalid:
        return
    assert bool(reading.records) is (reading.outcome is Outcome.ANSWERED)
    for record in reading.records:
        assert all(record.values[name] is None for name in record.bad if name in record.values)


ELEMENTS = st.recursive(
    st.text("ab0 男", max_size=5).map(lambda t: f"<t>{t}</t>"),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from([*"tdwafgrc"]), st.lists(inner, max_size=4),
    ),
    max_leaves=20,
)  # fmt: skip
XML_PLANS = [
    plan({"fields": FIELDS}, XML),
    plan({"records": "d/r", "lines": "x", "ok_when": {"c": "0"}, "empty_when": {"d": []},
          "as_of": {"at": "a/@t"},
          "fields": {**FIELDS, "line_text": {"at": "."}}}, XML),
]  # fmt: skip


@given(st.sampled_from(XML_PLANS), ELEMENTS)
def test_no_xml_document_breaks_the_mapping(made: Plan, text: str) -> None:
    """The same for XML."""
    try:
        reading = made.read(RawReply(body=f"<r>{text}</r>".encode(), status=200))
    except SourceAnswerInvalid:
        return
    assert bool(reading.records) is (reading.outcome is Outcome.ANSWERED)


ROWS = st.lists(
    st.dictionaries(
        st.sampled_from([*"tdwafg"]),
        st.none() | st.text(max_size=5) | st.integers() | st.decimals() | st.binary(max_size=3)
        | st.datetimes() | st.dates() | st.times() | st.uuids() | st.floats(),
    ),
    max_size=3,
)  # fmt: skip


@given(ROWS)
def test_no_row_breaks_the_mapping(rows: list[dict[str, Any]]) -> None:
    """The same for whatever a driver puts into a row."""
    made = plan({"records": "rows", "empty_when": {"records": "none"}, "fields": FIELDS})
    try:
        reading = made.read(RawReply(rows=rows))
    except SourceAnswerInvalid:
        return
    assert reading.outcome in {Outcome.ANSWERED, Outcome.NO_RECORD}


def test_an_empty_list_in_xml_is_no_such_element() -> None:
    """`[]` in a condition on XML: the path leads to no element."""
    made = plan({**TEXT, "records": "r", "empty_when": {"r": []}}, XML)
    assert made.read(RawReply(body=b"<a/>")).outcome is Outcome.NO_RECORD
    root = etree.fromstring("<a><r><t>x</t></r></a>")
    assert made.read(RawReply(document=root)).outcome is Outcome.ANSWERED


ERRORS = {
    **ENVELOPE,
    "refused_when": {"code": ["-1"]},
    "errors": {
        "at": "code",
        "map": {
            "E-106": "refused", "E-404": "no_record", "E-500": "failed", "E-900": "closed",
            "E-107": {"outcome": "refused", "why": "quota-used-up"}, "查无此人": "no_record",
        },
    },
}  # fmt: skip
MEANT: dict[str, tuple[Any, Outcome, str | None]] = {
    "refused": ("E-106", Outcome.REFUSED, "refused-E-106"),
    "no such record, though nothing else says ok": ("E-404", Outcome.NO_RECORD, None),
    "failed": ("E-500", Outcome.FAILED, "failed-E-500"),
    "closed": ("E-900", Outcome.CLOSED, "closed-E-900"),
    "a key of our own": ("E-107", Outcome.REFUSED, "quota-used-up"),
    "words for a code": ("查无此人", Outcome.NO_RECORD, None),
    "a code that is not in the map": ("E-1", Outcome.FAILED, "not-ok-E-1"),
    "left to refused_when": (-1, Outcome.REFUSED, "refused--1"),
    "all is well": (0, Outcome.ANSWERED, None),
    "structured": ({"E-106": 1}, Outcome.FAILED, "not-ok"),
}


@pytest.mark.parametrize("name", MEANT)
def test_the_sources_codes_mean_what_the_manifest_says(name: str) -> None:
    """A code in `errors` decides; every other one is left to the conditions."""
    code, outcome, why = MEANT[name]
    reading = read(ERRORS, {"code": code, "d": {"t": "x"}})
    assert (reading.outcome, reading.why) == (outcome, why)


def test_error_codes_stand_in_xml_and_in_the_status_too() -> None:
    """The same section, with a location path or with `status`."""
    xml = {**TEXT, "errors": {"at": "head/code", "map": {"E-9": "closed"}}}
    body = b"<r><head><code> E-9 </code></head><t>x</t></r>"
    assert plan(xml, XML).read(RawReply(body=body, status=200)).outcome is Outcome.CLOSED
    answer = {**TEXT, "errors": {"at": "status", "map": {"410": "no_record", "503": "closed"}}}
    assert Answer.model_validate(answer).statuses() == {410, 503}
    assert plan(answer).read(RawReply(body=b"", status=410)).outcome is Outcome.NO_RECORD
    assert plan(answer).read(RawReply(body=b"<html>", status=503)).outcome is Outcome.CLOSED


ERA = CodeTable(
    id="gender", name="gender", source="", completeness="full", verification="seen",
    codes={
        "old": Code(code="old", label="", valid_to=date(2019, 12, 31)),
        "new": Code(code="new", label="", valid_from=date(2020, 1, 1)),
        "ever": Code(code="ever", label=""),
    },
)  # fmt: skip
LAPSED: dict[str, tuple[str, str | None, bool]] = {
    "on its last day": ("old", "2019-12-31 23:59:59", False),
    "a day later": ("old", "2020-01-01 00:00:00", True),
    "on its first day": ("new", "2020-01-01 00:00:00", False),
    "a day too early": ("new", "2019-12-31 23:59:59", True),
    "a code without dates": ("ever", "2020-01-01 00:00:00", False),
    "a word for a code": ("旧", "2020-01-01 00:00:00", True),
    "nobody says when": ("old", None, False),
    "a moment no calendar holds": ("old", "9999-12-31T23:59:59Z", False),
}


@pytest.mark.parametrize("name", LAPSED)
def test_a_code_counts_while_it_is_in_use(name: str) -> None:
    """A code that was not in use when the data stood so is kept and odd."""
    code, as_of, odd = LAPSED[name]
    maker = Compiler(
        at=("resources", RESOURCE.id), connect=Connect(), resource=RESOURCE,
        tables={"gender": ERA},
    )  # fmt: skip
    terms = {"at": "g", "codes": {"table": "gender", "map": {"旧": "old"}}}
    made = maker.plan(Answer.model_validate({"as_of": {"at": "s"}, "fields": {"gender": terms}}))
    record = made.read(RawReply(body=json.dumps({"g": code, "s": as_of}).encode())).records[0]
    assert record.values["gender"] == ("old" if code == "旧" else code)
    assert record.odd == (("gender",) if odd else ())
