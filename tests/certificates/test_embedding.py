"""The embedded data: one canonical form, read back exactly or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certificates.disclosure import (
    commitments,
    faults,
    openings,
    read_openings,
    shown,
    written,
)
from certificates.embedding import CertificateData, Provisional, read_data
from certificates.errors import IllegalAct, MalformedData
from certificates.model import Face, FaceEntry, ItemType
from certificates.preparing import begin
from tests.world.certificates import definitions, desk, request, salts


def data_of(type_id: str) -> CertificateData:
    """As it is embedded."""
    office = desk()
    return read_data(office.blobs.get(begin(request(type_id), office).certificate.data_digest))


DATA = data_of("immunization-certificate")
TEXT = bytes(DATA)


@pytest.mark.parametrize("type_id", definitions())
def test_every_types_data_are_read_back_as_they_were(type_id: str) -> None:
    """The same value, the same bytes, the same digest."""
    data = data_of(type_id)

    assert read_data(bytes(data)) == data
    assert read_data(bytes(data)).digest == data.digest


_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_LINES = st.lists(st.tuples(_WORDS, _WORDS), max_size=3)


@st.composite
def any_data(draw: Callable[..., Any]) -> CertificateData:
    """Data of no type in particular."""
    entries = []
    for _ in range(draw(st.integers(0, 4))):
        lines = draw(_LINES)
        entries.append(
            FaceEntry(
                id=draw(_WORDS),
                label=draw(_WORDS),
                type=draw(st.sampled_from(ItemType)),
                values=tuple(value for value, _ in lines),
                texts=tuple(text for _, text in lines),
                repeated=len(lines) > 1 or draw(st.booleans()),
            )
        )
    type_id = draw(_WORDS)
    return CertificateData(
        type_id=type_id,
        edition=draw(st.integers(1, 999_999)),
        metadata=draw(
            st.dictionaries(st.from_regex("(KZ_)?[A-Z][A-Z0-9]{0,9}", fullmatch=True), _WORDS)
        ),
        face=Face(type_id=type_id, items=tuple(entries)),
        commitments=tuple(draw(st.lists(_WORDS, max_size=3))),
        provisional=draw(st.none() | st.sampled_from(Provisional)),
        parent=draw(_WORDS),
    )


@given(any_data())
def test_any_data_are_read_back(data: CertificateData) -> None:
    """Whatever the texts hold: quotes, line breaks, emoji, the whole of Unicode."""
    assert read_data(bytes(data)) == data


@given(st.binary(max_size=300))
@example(b"")
@example(b"{}")
@example(b"[" * 100_000)
@example(b"null")
@example(b'{"form":"mianti.certificate/1"}')
@example(b'{"form":' + b"9" * 5000 + b"}")
@example(b"\xef\xbb\xbf" + TEXT)
def test_what_is_no_data_is_refused(content: bytes) -> None:
    """Never another exception."""
    with pytest.raises(MalformedData):
        read_data(content)


@given(st.data())
def test_a_changed_byte_is_refused_or_says_something_else(data: st.DataObject) -> None:
    """No two texts are the same data."""
    at = data.draw(st.integers(0, len(TEXT) - 1))
    changed = bytearray(TEXT)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        read = read_data(bytes(changed))
    except MalformedData:
        return
    assert read != DATA
    assert bytes(read) == bytes(changed)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The data with a change to their tree, written canonically."""
    tree = json.loads(TEXT)
    change(tree)
    return json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


TREES: dict[str, Callable[[dict[str, Any]], object]] = {
    "further key": lambda t: t.update(more=1),
    "missing key": lambda t: t.pop("parent"),
    "other form": lambda t: t.update(form="mianti.certificate/2"),
    "edition as text": lambda t: t.update(edition="1"),
    "edition true": lambda t: t.update(edition=True),
    "edition nought": lambda t: t.update(edition=0),
    "metadata as list": lambda t: t.update(metadata=[]),
    "metadata of another name": lambda t: t["metadata"].update({"zzbs": "x"}),
    "metadata as number": lambda t: t["metadata"].update(ZZBS=1),
    "unknown type of item": lambda t: t["face"][0].update(type="any"),
    "two values of one": lambda t: t["face"][0].update(values=["a", "b"], texts=["a", "b"]),
    "text without value": lambda t: t["face"][0].update(values=[]),
    "item as text": lambda t: t["face"].append("x"),
    "further key of an item": lambda t: t["face"][0].update(more=1),
    "thousands of items": lambda t: t.update(face=t["face"][:1] * 1001),
    "provisional of no kind": lambda t: t.update(provisional="maybe"),
    "commitment as number": lambda t: t.update(commitments=[1]),
}


@pytest.mark.parametrize("name", TREES)
def test_data_of_another_shape_are_refused(name: str) -> None:
    """However canonically they are written."""
    with pytest.raises(MalformedData):
        read_data(changed(TREES[name]))


LOOSE = {
    "blank": TEXT.replace(b'","', b'", "', 1),
    "order": b'{"type":"immunization-certificate",' + TEXT[1:].replace(b',"type":"immunization-certificate"', b"", 1),
    "escape": TEXT.replace("演".encode(), b"\\u6f14", 1),
    "line break at the end": TEXT + b"\n",
    "key twice": TEXT[:-1] + b',"type":"immunization-certificate"}',
    "five megabytes": TEXT + b" " * 5_000_000,
}  # fmt: skip


@pytest.mark.parametrize("name", LOOSE)
def test_the_same_data_written_otherwise_are_refused(name: str) -> None:
    """Or a document could say one thing under two digests."""
    assert LOOSE[name] != TEXT
    with pytest.raises(MalformedData):
        read_data(LOOSE[name])


EVERY = openings(DATA, salts())


def test_a_holder_shows_some_items_and_no_more() -> None:
    """Name and last day alone: they are proven, nothing else is said."""
    sealed = commitments(EVERY)
    some = shown(EVERY, {"child_name", "ZZYXQJZRQ"})
    sent = written(some)

    assert faults(sealed, read_openings(sent)) == ()
    assert len(some) == 2
    others = [e for o in EVERY if o not in some for e in o.entry.values if len(e) > 2]
    assert not any(text.encode() in sent for text in others if text not in {"9999-12-31", "赵小样"})
    assert len(sealed) == len(DATA.face.items) + 13
    assert sealed == tuple(sorted(sealed))


def test_what_was_not_sealed_is_not_shown() -> None:
    """Another value, another salt, another item, an item twice, nothing."""
    sealed = commitments(EVERY)
    (name,) = shown(EVERY, {"child_name"})
    entry = name.entry
    forged = {
        "value": FaceEntry(id=entry.id, label=entry.label, type=entry.type, values=("别人",), texts=entry.texts),
        "text": FaceEntry(id=entry.id, label=entry.label, type=entry.type, values=entry.values, texts=("别人",)),
        "item": FaceEntry(id="guardian_name", label=entry.label, type=entry.type, values=entry.values, texts=entry.texts),
    }  # fmt: skip

    for other in forged.values():
        opening = type(name)(salt=name.salt, entry=other)
        assert "not-committed" in faults(sealed, [opening])
    salted = type(name)(salt="0" * 32, entry=entry)
    assert "not-committed" in faults(sealed, [salted])
    assert "item-twice" in faults(sealed, [name, name])
    assert "salt" in faults([*sealed, short(name).commitment], [short(name)])
    assert faults(sealed, []) == ("nothing",)
    with pytest.raises(IllegalAct, match="unknown-item"):
        shown(EVERY, {"shoe_size"})
    with pytest.raises(IllegalAct, match="nothing"):
        shown(EVERY, set())


def short(opening: Any) -> Any:
    """The opening with a salt that can be guessed."""
    return type(opening)(salt="00", entry=opening.entry)


def test_equal_values_have_unequal_commitments() -> None:
    """Two empty items, and the same item of two certificates, cannot be told to be equal."""
    again = openings(DATA, salts())
    counter = salts()
    counter(16)
    other = openings(DATA, counter)

    assert commitments(again) == commitments(EVERY)
    assert not set(commitments(other)) & set(commitments(EVERY))
    assert len({o.commitment for o in EVERY}) == len(EVERY)


@given(st.binary(max_size=200))
@example(b"[[1]]")
@example(b'[["","","","string",false,[],[]]')
@example(b"[" * 100_000)
@example(b'[["","","","string",false,"ab",[]]]')
@example(b"{}")
def test_what_is_no_opening_is_refused(content: bytes) -> None:
    """Never another exception; what is read, is written the same."""
    try:
        assert written(read_openings(content)) == content
    except MalformedData as refused:
        assert refused.why  # noqa: PT017  both ends are right
