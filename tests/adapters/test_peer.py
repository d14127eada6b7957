"""Another hub as a source: its manifest, what it is asked, and how its words are read."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import relaying
from adapters.asking import NotAsked
from adapters.caching import CacheRules, Origin, ReplyCache
from adapters.errors import Complaint, InvalidManifest, SourceAnswerInvalid
from adapters.model import (
    Fate,
    Followed,
    Freshness,
    Outcome,
    Record,
    Relayed,
    SourceReply,
)
from adapters.ports import MemoryKeep
from adapters.registry import check, read
from adapters.relaying import Names
from adapters.sandbox import keys
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, NOW, call, now, write

MANIFEST = """\
source: upper
name: 上级枢纽
authority: 市政务服务和大数据局
kind: hub
connect:
  base_url: http://127.0.0.1:9
  county: sample
  auth: { scheme: private-key-jwt, client_id: lower, key_file: "${UPPER_KEY}" }
  receipts: { key_file: upper.key.json }
resources:
  residence-permit.status: {}
  hukou.household: { ask: { keys: [keys.id_number], fields: [household_no, member_name] } }
"""
PINNED = {"origin": "upper.example:8600", "key": base64.b64encode(bytes(32)).decode()}


def judged(folder: Path, text: str, pinned: object = PINNED) -> list[str]:
    """What `check` complains of, without file and expectation."""
    write(folder, upper=text)
    if pinned is not None:
        said = pinned if isinstance(pinned, str) else json.dumps(pinned)
        (folder / "sources" / "upper.key.json").write_text(said, encoding="utf-8")
    try:
        check(folder, county=COUNTY, catalog=CATALOG, now=now)
    except InvalidManifest as error:
        return [f"{each.line} {each.rule}" for each in error.complaints]
    return []


def test_a_manifest_of_three_lines_a_resource_binds_what_the_catalog_knows(tmp_path: Path) -> None:
    """Fields and keys are the catalog's, or those that are named."""
    assert judged(tmp_path, MANIFEST) == []
    permit, household = check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)

    assert permit.fields == frozenset(CATALOG.resources["residence-permit.status"].fields)
    assert permit.keys == {"id_number"}
    assert household.fields == {"household_no", "member_name"}


BY_VARIABLE = MANIFEST.replace("key_file: upper.key.json", "key: '${UPPER_PIN}'")
PINS: dict[str, tuple[str, list[str]]] = {
    "the key": (json.dumps(PINNED), []),
    "no key": ("", ["9 missing-variable"]),
    "no document": ("[hush", ["9 value"]),
    "a deep one": ("[" * 4_000, ["9 value"]),
    "a short key": (json.dumps({**PINNED, "key": "AAAA"}), ["9 value"]),
    "a strange origin": (json.dumps({**PINNED, "origin": "a b"}), ["9 value"]),
}


@pytest.mark.parametrize("name", PINS)
def test_a_key_may_stand_in_a_variable(tmp_path: Path, name: str) -> None:
    """Without the environment nothing is missing; with it, what is no key is said and not shown."""
    text, wanted = PINS[name]
    assert judged(tmp_path, BY_VARIABLE, pinned=None) == []
    (tmp_path / "lower.jwk").write_text(keys.jwk()[0], encoding="utf-8")
    variables = {"UPPER_KEY": str(tmp_path / "lower.jwk"), "UPPER_PIN": text}
    found: tuple[Complaint, ...] = ()
    try:
        read(tmp_path, county=COUNTY, catalog=CATALOG, environment=variables, now=now, only="*")
    except InvalidManifest as error:
        found = tuple(error.complaints)
    assert [f"{each.line} {each.rule}" for each in found] == wanted
    assert not text or not any(text in str(each) for each in found)


COMPLAINTS: dict[str, tuple[str, str, object, list[str]]] = {
    "no key file": ("", "", None, ["9 pinned-key"]),
    "a key file that is none": ("", "", "[", ["9 pinned-key"]),
    "a list": ("", "", [1], ["9 pinned-key"]),
    "a short key": ("", "", {**PINNED, "key": "AAAA"}, ["9 pinned-key"]),
    "no base64": ("", "", {**PINNED, "key": "*" * 44}, ["9 pinned-key"]),
    "a strange origin": ("", "", {**PINNED, "origin": "a b"}, ["9 pinned-key"]),
    "a huge key file": ("", "", " " * 5_000 + json.dumps(PINNED), ["9 pinned-key"]),
    "a deep key file": ("", "", "[" * 4_000, ["9 pinned-key"]),
    "a key file elsewhere": (
        "key_file: upper.key.json", "key_file: ../upper.key.json", PINNED, ["9 pattern"],
    ),
    "a key in the file": (
        "key_file: upper.key.json", f"key: '{json.dumps(PINNED)}'", PINNED, ["9 value"],
    ),
    "a key and a key file": (
        "upper.key.json }", "upper.key.json, key: '${UPPER_PIN}' }", PINNED, ["9 value"],
    ),
    "neither": ("key_file: upper.key.json", "check: required", PINNED, ["9 value"]),
    "no receipts": ("  receipts: { key_file: upper.key.json }\n", "", PINNED, ["5 missing-key"]),
    "receipts that nobody looks at": (
        "upper.key.json }", "upper.key.json, check: never }", PINNED, ["9 literal-error"],
    ),
    "an answer": (
        "residence-permit.status: {}", "residence-permit.status: { answer: {} }", PINNED,
        ["11 unknown-key"],
    ),
    "an unknown resource": (
        "residence-permit.status: {}", "residence-permit.unknown: {}", PINNED,
        ["11 unknown-resource"],
    ),
    "an unknown field": ("household_no, ", "household_number, ", PINNED, ["12 unknown-field"]),
    "an unknown key": ("keys.id_number", "keys.passport", PINNED, ["12 unknown-query-key"]),
    "no fields": ("[household_no, member_name]", "[]", PINNED, ["12 too-short"]),
    "two fields from one": (
        "household_no, member_name] }",
        "household_no, member_name], renames: { household_no: no, member_name: no } }",
        PINNED, ["12 twice"],
    ),
    "a rename that is a path": (
        "household_no, member_name] }",
        "household_no], renames: { household_no: 'a.b' } }", PINNED, ["12 pattern"],
    ),
    "resources that are none": ("residence-permit.status: {}", "residence-permit.status: []",
                                PINNED, ["11 model-type"]),
    "an ask that is none": ("residence-permit.status: {}", "residence-permit.status: { ask: [] }",
                            PINNED, ["11 model-type", "11 missing-key"]),
    "a metadata address": ("127.0.0.1:9", "169.254.169.254", PINNED, ["6 value"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "pinned", "complaints"), COMPLAINTS.values(), ids=COMPLAINTS.keys()
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, old: str, new: str, pinned: object, complaints: list[str]
) -> None:
    """Each mistake of a manifest, offline."""
    assert old in MANIFEST
    assert judged(tmp_path, MANIFEST.replace(old, new, 1) if old else MANIFEST, pinned) == (
        complaints
    )


PERMIT = "residence-permit.status"
NAMES = Names(resource=PERMIT, fields={"permit_no": "number"})
ASKED = replace(call(PERMIT), fields=("permit_no", "name"), judged=("endorsed_until",))


def test_only_what_is_asked_and_only_the_keys_that_are_named() -> None:
    """Fields in their names, the basis as it is, the trail, the wishes; nothing else."""
    asking = replace(ASKED, max_age=timedelta(days=1), stale_if_error=timedelta(seconds=0.5))
    body = relaying.question(
        asking, {"id_number": ID_NUMBER, "name": NAME}, NAMES, item="i-1", via=["a", "b"],
        deadline=1.5,
    )  # fmt: skip

    assert body == {
        "subject": {"kind": "person", "id_type": "citizen-id", "id": ID_NUMBER, "name": NAME},
        "basis": {"item": "i-1", "case": "CASE-1", "kind": "statutory", "ref": ""},
        "want": [
            f"{PERMIT}[]",
            f"{PERMIT}[].number",
            f"{PERMIT}[].name",
            f"{PERMIT}[].endorsed_until",
        ],
        "only": {PERMIT: ["number", "name", "endorsed_until"]},
        "freshness": {"max_age": "PT86400.000000S", "stale_if_error": "PT0.500000S"},
        "deadline_ms": 1500,
        "via": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("keys", "subject"),
    [
        ({"uscc": "x"}, ("organisation", "uscc")),
        ({"certificate_no": "x"}, ("object", "certificate-no")),
        ({"unit_no": "x"}, ("object", "unit-no")),
    ],
)
def test_every_kind_of_number(keys: dict[str, str], subject: tuple[str, str]) -> None:
    """Each query key of the catalog is a subject of a query."""
    body = relaying.question(ASKED, keys, NAMES, item="i", via=[], deadline=99)

    assert (body["subject"]["kind"], body["subject"]["id_type"]) == subject
    assert body["deadline_ms"] == 30_000


def test_a_name_alone_names_nobody() -> None:
    """A hub is not asked by a name."""
    with pytest.raises(NotAsked, match="key-missing"):
        relaying.question(ASKED, {"name": NAME}, NAMES, item="i", via=[], deadline=1)


def told(**fields: Mapping[str, Any]) -> dict[str, Any]:
    """An answer: `whole` and each field by our name."""
    provenance = {
        "authority": "sample/县公安局", "source": "x", "as_of": "2026-11-01T00:00:00+00:00",
        "retrieved_at": "2026-11-24T08:00:00+00:00", "freshness": "live", "record_hash": None,
    }  # fmt: skip
    record = {"number": "J1", "name": NAME, "endorsed_until": None}
    usual: dict[str, Mapping[str, Any]] = {
        "whole": {"state": "ok", "value": [record]},
        "permit_no": {"state": "ok", "value": ["J1"]},
        "name": {"state": "ok", "value": [NAME]},
        "endorsed_until": {"state": "ok", "value": [None]},
    }
    paths = {
        "whole": f"{PERMIT}[]",
        **{f: NAMES.path(f) for f in ("permit_no", "name", "endorsed_until")},
    }
    return {
        "id": "qry_0123456789abcdef", "receipt": "rcp_0123456789abcdef",
        "fields": {
            paths[name]: {"provenance": provenance, **{**usual, **fields}[name]} for name in paths
        },
    }  # fmt: skip


FATES = {
    "not_found": Outcome.NO_RECORD,
    "not_granted": Outcome.NOT_GRANTED,
    "withheld": Outcome.WITHHELD,
    "not_applicable": Outcome.NOT_OFFERED,
    "refused_by_source": Outcome.REFUSED,
    "source_error": Outcome.FAILED,
    "timed_out": Outcome.TIMED_OUT,
    "breaker_open": Outcome.BREAKER_OPEN,
    "source_closed": Outcome.CLOSED,
    "deferred": Outcome.DEFERRED,
    "ambiguous": Outcome.FAILED,
    "masked": Outcome.FAILED,
    "disputed": Outcome.FAILED,
    "a state of tomorrow": Outcome.FAILED,
}


@pytest.mark.parametrize(("state", "outcome"), FATES.items(), ids=FATES.keys())
def test_each_state_of_a_field_and_of_the_whole(state: str, outcome: Outcome) -> None:
    """A field that is not there is marked, and not in the record; the whole ends as it is told; a
    field with another fate than the whole keeps its own.
    """
    other = {"state": state, "why": "x.some-reason"}
    one = relaying.passed(told(name=other), ASKED, NAMES, "upper")
    assert one.relayed.whole.outcome is Outcome.ANSWERED
    assert [(f, fate.outcome) for f, fate in one.relayed.fields.items()] == [("name", outcome)]
    assert one.records == [{"permit_no": "J1", "endorsed_until": None, "lines": []}]

    all_ = relaying.passed(
        told(whole=other, name=other, permit_no={"state": "not_granted"}, endorsed_until=other),
        ASKED, NAMES, "upper",
    )  # fmt: skip
    assert all_.relayed.whole.outcome is outcome
    assert all_.records == []
    expected = {} if outcome is Outcome.NOT_GRANTED else {"permit_no": Outcome.NOT_GRANTED}
    assert {f: fate.outcome for f, fate in all_.relayed.fields.items()} == expected


def test_of_what_may_differ_the_worse_is_told() -> None:
    """The oldest time, the stalest label, the longest way, all who answer."""
    elsewhere = {
        "authority": "sample/县民政局", "as_of": "2026-10-01T00:00:00+08:00",
        "retrieved_at": "2026-11-20T08:00:00+00:00", "freshness": "stale",
        "via": ["b.example", "c.example"],
    }  # fmt: skip
    answer = told(name={"state": "stale", "value": [NAME], "provenance": elsewhere})
    relayed = relaying.passed(answer, ASKED, NAMES, "upper").relayed

    assert relayed.freshness is Freshness.STALE
    assert relayed.via == ("upper", "b.example", "c.example")
    assert relayed.as_of == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert relayed.retrieved_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert relayed.authority == "sample/县公安局、sample/县民政局"


WHYS = {
    "rest.status-500": "rest.status-500",
    "hub.loop": "loop",
    "hub.": "failed",
    "": "failed",
    "Bad Key": "failed",
    f"rest.{ID_NUMBER}": "failed",
    "x" * 101: "failed",
    "a\n": "failed",
}


@pytest.mark.parametrize(("theirs", "ours"), WHYS.items(), ids=map(repr, WHYS))
def test_only_a_key_is_passed_as_a_key(theirs: str, ours: str) -> None:
    """No text, no number of a person; and the prefix does not grow from hub to hub."""
    failed = {"state": "source_error", "why": theirs}
    answer = told(whole=failed, name=failed, permit_no=failed, endorsed_until=failed)

    assert relaying.passed(answer, ASKED, NAMES, "upper").relayed.whole.why == ours


def without(name: str) -> dict[str, Any]:
    """An answer without one of its keys."""
    return {key: value for key, value in told().items() if key != name}


NONSENSE: dict[str, Any] = {
    "null": None,
    "a number": 1,
    "a text": "x",
    "a list": [],
    "no id": without("id"),
    "no receipt": without("receipt"),
    "no fields": without("fields"),
    "fields that are none": {**told(), "fields": [1]},
    "another id": {**told(), "id": "job_0123456789abcdef"},
    "an id that is a path": {**told(), "receipt": "rcp_a/../b"},
    "an id with a line's end": {**told(), "receipt": "rcp_0123\n"},
    "a field that is none": {**told(), "fields": {**told()["fields"], f"{PERMIT}[]": "ok"}},
    "a state that is none": told(whole={"state": ["ok"], "value": []}),
    "a value and no state": told(name={"value": [NAME]}),
    "a state and no value": told(name={"state": "ok"}),
    "no record": told(whole={"state": "ok", "value": []}),
    "a record that is none": told(whole={"state": "ok", "value": ["x"]}),
    "records that are none": told(whole={"state": "ok", "value": {"a": 1}}),
    "a record without a field": told(whole={"state": "ok", "value": [{"number": "J1"}]}),
    "a record and a field that differ": told(permit_no={"state": "ok", "value": ["J2"]}),
    "more values than records": told(permit_no={"state": "ok", "value": ["J1", "J1"]}),
    "lines that are none": told(
        whole={"state": "ok", "value": [{"number": "1", "name": "2", "lines": 3}]}
    ),
    "a time that is none": told(name={"state": "source_closed", "reopens_at": "soon"}),
    "a time without its zone": told(name={"state": "source_closed", "reopens_at": "2026-01-01"}),
    "a time that is a number": told(name={"state": "source_closed", "reopens_at": 1}),
    "a provenance that is none": told(name={"state": "ok", "value": [NAME], "provenance": 1}),
    "a provenance without its time": told(
        name={"state": "ok", "value": [NAME], "provenance": {"authority": "x"}}
    ),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_what_is_no_answer_is_one_error(answer: Any) -> None:
    """Whatever is wrong with it, and nothing of it in the error."""
    with pytest.raises(SourceAnswerInvalid) as error:
        relaying.passed(answer, ASKED, NAMES, "upper")
    assert str(error.value) == "answer-shape"


STANDS: dict[str, tuple[Any, Followed | None]] = {
    "still waiting": ({"outcome": "deferred", "fields": {}}, Followed.WAITING),
    "typed": ({"outcome": "complete", "fields": {"a": {"state": "manual"}}}, Followed.ANSWERED),
    "looked for": (
        {"outcome": "partial", "fields": {"a": {"state": "not_found"}}},
        Followed.ANSWERED,
    ),
    "lapsed": ({"outcome": "partial", "fields": {"a": {"state": "timed_out"}}}, Followed.LAPSED),
    "withdrawn": (
        {"outcome": "refused", "fields": {"a": {"state": "not_granted"}}},
        Followed.LAPSED,
    ),
    "null": (None, None),
    "a list": ([], None),
    "no outcome": ({"fields": {}}, None),
    "fields that are none": ({"outcome": "complete", "fields": [1]}, None),
    "a field that is none": ({"outcome": "complete", "fields": {"a": 1}}, None),
    "a state that is none": ({"outcome": "complete", "fields": {"a": {"state": []}}}, None),
}


@pytest.mark.parametrize(("answer", "stands"), STANDS.values(), ids=STANDS.keys())
def test_how_a_deferred_answer_stands(answer: Any, stands: Followed | None) -> None:
    """Waiting, answered in one way or the other, or over; what is no answer is an error."""
    if stands is None:
        with pytest.raises(SourceAnswerInvalid, match="answer-shape"):
            relaying.followed(answer)
    else:
        assert relaying.followed(answer) is stands


RELAYED = Relayed(
    via=("upper", "b"), whole=Fate(outcome=Outcome.ANSWERED), authority="sample/县公安局",
    as_of=NOW - timedelta(days=2), retrieved_at=NOW - timedelta(minutes=1), receipt="rcp_1",
    receipt_hash="sha256:00", proven=True,
)  # fmt: skip
REPLY = SourceReply(
    source="upper", resource=PERMIT, outcome=Outcome.ANSWERED,
    records=(Record(values={"permit_no": "J1"}),), as_of=RELAYED.as_of,
    retrieved_at=NOW - timedelta(minutes=1), elapsed_ms=1.0, relayed=RELAYED,
)  # fmt: skip
STALE = replace(REPLY, freshness=Freshness.STALE)
PARTIAL = replace(
    REPLY, relayed=replace(RELAYED, fields={"name": Fate(outcome=Outcome.NOT_GRANTED)})
)
DENIED_NOBODY = replace(PARTIAL, outcome=Outcome.NO_RECORD, records=())
RULES = CacheRules(max_age=timedelta(hours=1), no_record=timedelta(hours=1))


@pytest.mark.anyio
async def test_a_kept_answer_keeps_where_it_came_from() -> None:
    """Way, receipt and times come out of the keep as they went in; what was given in part, or as
    stale, is asked anew, for kept it would pass for whole and for fresh.
    """
    for reply, kept in ((REPLY, True), (STALE, False), (PARTIAL, False), (DENIED_NOBODY, False)):
        cache = ReplyCache("s", MemoryKeep(), now=now, clock=lambda: 0.0)
        asked: list[float] = []

        async def ask(
            seconds: float, said: SourceReply = reply, asked: list[float] = asked
        ) -> SourceReply:
            asked.append(seconds)
            return said

        origin = Origin(ask=ask, late=lambda: STALE)
        await cache.answer(ASKED, RULES, origin, 1.0)
        again = await cache.answer(ASKED, RULES, origin, 1.0)
        assert len(asked) == (1 if kept else 2)
        assert again.relayed == reply.relayed
        assert again.freshness is (Freshness.CACHED if kept else reply.freshness)
        cache.close()
