"""The offline verifier: a true receipt passes, and no other file does, whatever is in it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.database import migrate, open_database
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord, canonical_json
from hub.exchange import commitment, field_salt
from hub.ids import new_id
from hub.receipts import MAX_BYTES, Verdict, proven, receipt_document, verify_receipt, with_values
from hub.store import StoredDataKeys
from hub.vault import Vault

Document = dict[str, Any]
AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
NUMBER = "990101199001010019"
VALUES: dict[str, Any] = {
    "hukou.person.name": "阿依古丽·𠮷",
    "hukou.person.members": [{"name": "王", "count": 3}, None, True],
    "realestate.ownership[].certificate_no": "",
}


def answered(master: bytes) -> EvidenceRecord:
    """A record as the exchange writes it: commitments in the open, the secret sealed."""
    fields = {
        path: {"state": "ok", "commitment": commitment(field_salt(master, path), value)}
        for path, value in VALUES.items()
    }
    fields["hukou.person.nation"] = {"state": "not_granted"}
    return EvidenceRecord(
        kind=EvidenceKind.ANSWERED,
        id=new_id("rcp"),
        at=AT,
        body={"case": "2026-教育-1", "fields": fields},
        private={"salt": master.hex(), "subject": NUMBER},
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, bytes, Document]:
    """A receipt in the middle of a log of 300, the log's key, and another receipt of that log."""
    folder = tmp_path_factory.mktemp("log")
    database = open_database(f"sqlite:///{folder / 'hub.sqlite3'}")
    migrate(database)
    vault = Vault.at(folder / "keys", StoredDataKeys(database))
    log = EvidenceLog(database, vault, "hub.example")
    records = [answered(vault.salt()) for _ in range(300)]
    log.submit(records).result()
    one, other = (receipt_document(log.receipt(records[n].id)) for n in (137, 291))
    log.close()
    database.close()
    return with_values(one, VALUES), vault.public_key, with_values(other, VALUES)


@pytest.fixture
def true(written: tuple[Document, bytes, Document]) -> Document:
    """A copy of the true receipt, to be spoilt."""
    copy: Document = json.loads(json.dumps(written[0]))
    return copy


@pytest.fixture
def key(written: tuple[Document, bytes, Document]) -> bytes:
    """The key that the verifier trusts."""
    return written[1]


def text_of(document: Document) -> bytes:
    """The file, short."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def failed_steps(document: bytes, key: bytes) -> set[str]:
    """The keys of the steps that failed."""
    report = verify_receipt(document, trusted_key=key)
    return {step.key for step in report.steps if step.verdict is Verdict.FAILED}


def test_a_true_receipt_passes(true: Document, key: bytes) -> None:
    """Every step passes, and the facts are those of the record."""
    report = verify_receipt(text_of(true), trusted_key=key)

    assert report.verdict is Verdict.PASSED
    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5, 6]
    assert all(step.zh and step.en for step in report.steps)
    assert report.facts["body"]["case"] == "2026-教育-1"


def test_layout_does_not_matter(true: Document, key: bytes) -> None:
    """A file that went through a pretty-printer, or was escaped to ASCII, says the same."""
    for text in (json.dumps(true, indent=2, sort_keys=True), json.dumps(true)):
        assert verify_receipt(text.encode(), trusted_key=key).verdict is Verdict.PASSED


def test_without_a_trusted_key_it_is_indeterminate(true: Document, key: bytes) -> None:
    """Somebody signed it, and the report says who; whether that is the hub is for others to say."""
    report = verify_receipt(text_of(true), trusted_key=None)

    assert report.verdict is Verdict.INDETERMINATE
    assert report.signed_by == base64.b64encode(key).decode()
    assert {s.key for s in report.steps if s.verdict is not Verdict.PASSED} == {"trusted"}


def test_a_report_is_no_boolean(true: Document, key: bytes) -> None:
    """`if report:` would let an indeterminate one pass."""
    with pytest.raises(TypeError):
        bool(verify_receipt(text_of(true), trusted_key=key))


def test_fields_can_be_left_out(true: Document, key: bytes) -> None:
    """Showing one field of three, or none, is as true as showing all."""
    only = {"hukou.person.name": true["fields"]["hukou.person.name"]}
    for fields in ({}, only):
        text = text_of({**true, "fields": fields})

        assert verify_receipt(text, trusted_key=key).verdict is Verdict.PASSED


def test_no_byte_can_be_changed(true: Document, key: bytes) -> None:
    """Each byte of the file, changed three ways: never passed, unless the file still says the same."""
    text = text_of(true)
    for place in range(len(text)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(text)
            changed[place] ^= flip
            if verify_receipt(bytes(changed), trusted_key=key).verdict is Verdict.PASSED:
                assert json.loads(changed) == true, place


def test_no_prefix_passes(true: Document, key: bytes) -> None:
    """Half a file is no receipt."""
    text = text_of(true)
    for length in range(len(text)):
        assert verify_receipt(text[:length], trusted_key=key).verdict is Verdict.FAILED


def respelt(document: Document, **changes: Any) -> Document:
    """The leaf changed and written canonically again."""
    leaf = {**json.loads(document["leaf"]), **changes}
    return {**document, "leaf": canonical_json(leaf)}


def signed_by_another(document: Document, folder: Path) -> Document:
    """The same record in a log of one's own making."""
    database = open_database(f"sqlite:///{folder / 'forged.sqlite3'}")
    migrate(database)
    log = EvidenceLog(
        database, Vault.at(folder / "forger", StoredDataKeys(database)), "hub.example"
    )
    leaf = json.loads(document["leaf"])
    log.submit(
        [EvidenceRecord(kind=EvidenceKind.ANSWERED, id=leaf["id"], at=AT, body=leaf["body"])]
    ).result()
    forged = receipt_document(log.receipt(leaf["id"]))
    log.close()
    database.close()
    return {**forged, "fields": document["fields"], "salts": {}}


def with_field(document: Document, path: str, **changes: Any) -> Document:
    """One shown field changed."""
    shown = {**document["fields"].get(path, {}), **changes}
    return {**document, "fields": {**document["fields"], path: shown}}


NAME = "hukou.person.name"
SPOILT: dict[str, tuple[Callable[[Document, Document], Document], set[str]]] = {
    "another value": (lambda d, _: with_field(d, NAME, value="王"), {"fields"}),
    "another type of value": (
        lambda d, _: with_field(
            d, "hukou.person.members", value=[{"name": "王", "count": 3.0}, None, True]
        ),
        {"fields"},
    ),
    "another salt": (lambda d, _: with_field(d, NAME, salt="00" * 32), {"fields"}),
    "salt in capitals": (
        lambda d, _: with_field(d, NAME, salt=d["fields"][NAME]["salt"].upper()),
        {"fields"},
    ),
    "more beside a value": (lambda d, _: with_field(d, NAME, note="x"), {"fields"}),
    "a value of a field that had none": (
        lambda d, _: with_field(d, "hukou.person.nation", value="汉", salt="00"),
        {"fields"},
    ),
    "a value of a field never asked": (
        lambda d, _: with_field(d, "tax.arrears", value=False, salt="00"),
        {"fields"},
    ),
    "fields swapped": (
        lambda d, _: with_field(d, NAME, **d["fields"]["hukou.person.members"]),
        {"fields"},
    ),
    "another case": (
        lambda d, _: respelt(d, body={"case": "1", "fields": {}}),
        {"included", "fields"},
    ),
    "another time": (lambda d, _: respelt(d, at="2026-11-24T08:00:00.001+00:00"), {"included"}),
    "another number": (lambda d, _: {**d, "receipt": "rcp_other"}, {"leaf", "fields"}),
    "a leaf with spaces": (
        lambda d, _: {**d, "leaf": json.dumps(json.loads(d["leaf"]))},
        {"leaf", "included", "fields"},
    ),
    "another leaf of the log": (
        lambda d, o: {**d, "leaf": o["leaf"], "receipt": o["receipt"]},
        {"included", "fields"},
    ),
    "another place": (lambda d, _: {**d, "index": d["index"] + 1}, {"included"}),
    "a place outside": (lambda d, _: {**d, "index": d["size"]}, {"included"}),
    "another size": (lambda d, _: {**d, "size": d["size"] + 1}, {"included"}),
    "a node less": (lambda d, _: {**d, "proof": d["proof"][:-1]}, {"included"}),
    "a node more": (lambda d, _: {**d, "proof": [*d["proof"], d["proof"][0]]}, {"included"}),
    "nodes swapped": (lambda d, _: {**d, "proof": d["proof"][::-1]}, {"included"}),
    "another's proof": (lambda d, o: {**d, "proof": o["proof"]}, {"included"}),
    "a larger size than was signed": (
        lambda d, _: {
            **d,
            "checkpoint": d["checkpoint"].replace("\n300\n", "\n301\n"),
            "size": 301,
        },
        {"checkpoint"},
    ),
    "another origin": (
        lambda d, _: {**d, "checkpoint": d["checkpoint"].replace("hub.example", "bad.example")},
        {"included", "checkpoint"},
    ),
    "a second signature line": (
        lambda d, _: {**d, "checkpoint": d["checkpoint"] + d["checkpoint"].split("\n")[-2] + "\n"},
        {"included", "checkpoint"},
    ),
    "no signature": (
        lambda d, _: {**d, "checkpoint": d["checkpoint"].partition("\n\n")[0] + "\n\n"},
        {"included", "checkpoint"},
    ),
    "another key": (
        lambda d, _: {**d, "key": base64.b64encode(bytes(32)).decode()},
        {"included", "checkpoint", "trusted"},
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_the_spoilt_part_is_named(
    name: str, true: Document, written: tuple[Document, bytes, Document], key: bytes
) -> None:
    """The steps that fail are those of the part that was spoilt."""
    spoil, expected = SPOILT[name]

    assert failed_steps(text_of(spoil(true, written[2])), key) == expected


def test_a_log_of_ones_own_is_not_trusted(true: Document, key: bytes, tmp_path: Path) -> None:
    """A forger can make everything but the hub's signature."""
    forged = text_of(signed_by_another(true, tmp_path))

    assert failed_steps(forged, key) == {"trusted"}
    assert verify_receipt(forged, trusted_key=None).verdict is Verdict.INDETERMINATE


MALFORMED: dict[str, Callable[[str, Document], str]] = {
    "nothing": lambda _t, _d: "",
    "a list": lambda t, _d: f"[{t}]",
    "something behind": lambda t, _d: f"{t} x",
    "a key more": lambda t, _d: t[:-1] + ',"note":1}',
    "a key twice": lambda t, _d: t[:-1] + ',"v":1}',
    "a field twice": lambda t, _d: t.replace('"fields":{', f'"fields":{{"{NAME}":{{}},'),
    "a key less": lambda _t, d: json.dumps({k: v for k, v in d.items() if k != "key"}),
    "another version": lambda _t, d: json.dumps({**d, "v": 2}),
    "version true": lambda _t, d: json.dumps({**d, "v": True}),
    "version 1.0": lambda _t, d: json.dumps({**d, "v": 1.0}),
    "place true": lambda _t, d: json.dumps({**d, "index": True}),
    "place below nothing": lambda _t, d: json.dumps({**d, "index": -1}),
    "a huge size": lambda _t, d: json.dumps({**d, "size": 1 << 80}),
    "a number longer than numbers are": lambda t, _d: t.replace(
        '"index":137', '"index":' + "9" * 6000
    ),
    "proof a text": lambda _t, d: json.dumps({**d, "proof": ""}),
    "proof of numbers": lambda _t, d: json.dumps({**d, "proof": [1]}),
    "loose base64": lambda _t, d: json.dumps({**d, "key": d["key"] + "\n"}),
    "leaf a number": lambda _t, d: json.dumps({**d, "leaf": 1}),
    "half a character": lambda _t, d: json.dumps({**d, "leaf": '"\ud800"'}),
    "half a character in the head": lambda _t, d: json.dumps({**d, "checkpoint": "\ud800"}),
    "fields a list": lambda _t, d: json.dumps({**d, "fields": []}),
    "salts that are none": lambda _t, d: json.dumps({**d, "salts": {"x": "zz"}}),
    "not a number of JSON": lambda t, _d: t.replace('"index":137', '"index":NaN'),
    "deeper than anybody reads": lambda _t, _d: "[" * 100_000,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_fail_at_the_first_step(name: str, true: Document, key: bytes) -> None:
    """What is no receipt at all is said to be none, and nothing else is judged."""
    text = MALFORMED[name](text_of(true).decode(), true)
    report = verify_receipt(text.encode(errors="surrogatepass"), trusted_key=key)

    assert [s.key for s in report.steps if s.verdict is Verdict.FAILED] == ["well-formed"]
    assert report.verdict is Verdict.FAILED
    assert not report.facts


def test_a_deep_leaf_fails_quietly(true: Document, key: bytes) -> None:
    """Nesting inside the leaf, or in a shown value, is no way to stop the verifier."""
    deep = {**true, "leaf": '{"body":' * 50_000}
    nested = text_of(true).decode().replace('"value":""', '"value":' + "[" * 900 + "]" * 900)

    assert "leaf" in failed_steps(text_of(deep), key)
    assert verify_receipt(nested.encode(), trusted_key=key).verdict is Verdict.FAILED


def test_an_oversized_file_is_not_read(true: Document, key: bytes) -> None:
    """Beyond its limit it is none, whatever it says."""
    assert failed_steps(text_of(true) + b" " * MAX_BYTES, key) == {"well-formed"}


def test_large_values_are_proven_like_small_ones(tmp_path: Path) -> None:
    """Several mebibytes of records, in the file and as another hub gives them."""
    database = open_database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    migrate(database)
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    log, master, path = EvidenceLog(database, vault, "hub.example"), vault.salt(), "a.b[]"
    value: Any = [{"location": "示范县样例街道" * 20, "floor": n} for n in range(10_000)]
    fields = {path: {"state": "ok", "commitment": commitment(field_salt(master, path), value)}}
    record = EvidenceRecord(
        kind=EvidenceKind.ANSWERED, id=new_id("rcp"), at=AT, body={"fields": fields},
        private={"salt": master.hex(), "subject": NUMBER},
    )  # fmt: skip
    log.submit([record]).result()
    document = receipt_document(log.receipt(record.id))
    log.close()
    database.close()
    file = text_of(with_values(document, {path: value}))

    assert len(file) > 4 << 20
    assert verify_receipt(file, trusted_key=vault.public_key).verdict is Verdict.PASSED
    assert proven(text_of(document), key=vault.public_key, values={path: value}) is not None
    assert proven(text_of(document), key=vault.public_key, values={path: value[:-1]}) is None


@given(st.binary(max_size=300))
def test_garbage_never_passes(data: bytes) -> None:
    """Random bytes are refused without an exception."""
    assert verify_receipt(data, trusted_key=bytes(32)).verdict is Verdict.FAILED


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_PARTS = ["v", "receipt", "leaf", "index", "size", "proof", "checkpoint", "key"]


@settings(max_examples=300)
@given(st.data())
def test_a_part_that_is_something_else_never_passes(
    written: tuple[Document, bytes, Document], data: st.DataObject
) -> None:
    """Any JSON value in the place of any part is refused without an exception."""
    part = data.draw(st.sampled_from(_PARTS))
    value = data.draw(_JSON)
    spoilt = {**written[0], part: value}
    if value != written[0][part] or type(value) is not type(written[0][part]):
        text = json.dumps(spoilt).encode()

        assert verify_receipt(text, trusted_key=written[1]).verdict is Verdict.FAILED


@given(path=st.text(max_size=10), shown=_JSON)
def test_anything_shown_that_was_not_recorded_fails(
    written: tuple[Document, bytes, Document], path: str, shown: object
) -> None:
    """Whatever stands in the fields of a true receipt, only what was committed to passes."""
    text = json.dumps({**written[0], "fields": {path: shown}}).encode()

    assert verify_receipt(text, trusted_key=written[1]).verdict is Verdict.FAILED


def test_an_erased_salt_opens_nothing(tmp_path: Path) -> None:
    """Once the sealed part is gone, the receipt still proves the record and no value in it."""
    database = open_database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    migrate(database)
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    log = EvidenceLog(database, vault, "hub.example")
    one = answered(os.urandom(32))
    log.submit([one]).result()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE hub_evidence SET sealed = NULL")
    document = receipt_document(log.receipt(one.id))

    assert document["salts"] == {}
    assert verify_receipt(text_of(document), trusted_key=vault.public_key).verdict is Verdict.PASSED
    assert log.audit() == []
    log.close()
    database.close()
