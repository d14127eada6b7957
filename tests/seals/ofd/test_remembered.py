"""What is remembered makes nothing pass: whoever looks again at changed bytes finds them changed."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.errors import DocumentRefused, MalformedDocument
from seals.keys import SM2Key
from seals.ofd.document import graph
from seals.ofd.inspection import inspect
from seals.ofd.package import OFDPackage, packed
from seals.ofd.verification import judge, verify
from seals.report import Report
from seals.sm2 import DEFAULT_ID, PublicKey, digest_to_sign
from seals.verdicts import Verdict
from tests.world.ofd import contents, document, line, page, sealed, without
from tests.world.seals import NOW

ONE = sealed()
PARTS = contents(ONE)


def again(whole: bytes) -> Report | str:
    """Judged by someone who has just read all of the right document; or why it is not opened."""
    before = graph(OFDPackage.open(ONE))
    for part in PARTS:
        before.xml.package.digest(part)
    try:
        return judge(inspect(whole, before=before), NOW)
    except MalformedDocument as error:
        return error.why


def afresh(whole: bytes) -> Report | str:
    """Judged by someone who never read anything."""
    try:
        return judge(inspect(whole), NOW)
    except MalformedDocument as error:
        return error.why


def test_the_same_document_is_judged_alike() -> None:
    """And takes over what was known: contents are the very same objects."""
    assert again(ONE) == afresh(ONE)
    before = OFDPackage.open(ONE)
    after = OFDPackage.open(ONE[:-1] + ONE[-1:], before=before)

    assert all(after.read(part) is before.read(part) for part in PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_part_is_read_anew(part: str) -> None:
    """First, middle or last byte, and no byte at all: as if nothing had ever been read."""
    old = PARTS[part]
    for at in (0, len(old) // 2, len(old) - 1):
        tampered = OFDPackage.open(ONE).rewritten(
            {part: old[:at] + bytes((old[at] ^ 1,)) + old[at + 1 :]}
        )
        report = again(tampered)

        assert report == afresh(tampered) == verify(tampered, NOW)
        assert isinstance(report, Report)
        assert report.verdict is Verdict.FAILED or not report.seals
    emptied = OFDPackage.open(ONE).rewritten({part: b""})
    assert again(emptied) == afresh(emptied)


TEMPLATE = "/Doc_0/Tpls/Tpl_0/Content.xml"


def test_a_template_that_was_seen_hides_nothing_new() -> None:
    """Sealed once as it is; whatever is changed in it is looked at as if it were the first."""
    sealed()
    refused = {
        "hidden": page(line("套打", 10).replace("TextObject", 'TextObject Visible="false"', 1)),
        "off-page": page(line("套打", 999)),
    }
    for why, content in refused.items():
        for _ in range(2):
            with pytest.raises(DocumentRefused) as told:
                sealed(document({TEMPLATE: content}))
            assert (why, TEMPLATE) in told.value.why
    assert judge(inspect(sealed()), NOW).verdict is not Verdict.FAILED


def test_references_of_unchanged_parts_lead_where_they_lead_here() -> None:
    """A part that is the same and refers to one that is gone is not taken for whole; and a part of
    another's bytes is not taken for what stood under its name.
    """
    before = graph(OFDPackage.open(ONE))
    for part in before.kinds:
        if part != "/OFD.xml":
            there = OFDPackage.open(without(ONE, part), before=before.xml.package)
            assert graph(there, before) == graph(OFDPackage.open(there.data))
    swapped = OFDPackage.open(exchanged(), before=before.xml.package)
    assert graph(swapped, before) == graph(OFDPackage.open(swapped.data))


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 16_384, 16_385, 200_000])
def test_packing_in_any_window_loses_nothing(size: int) -> None:
    """At and around each size for which another window is taken."""
    content = (b"<ofd:Glyphs>%d</ofd:Glyphs>" * 20_000)[:size]
    package = OFDPackage.open(packed({"/a.xml": content, "/b.xml": content[::-1]}))

    assert (package.read("/a.xml"), package.read("/b.xml")) == (content, content[::-1])


def exchanged() -> bytes:
    """Two pages under each other's name."""
    one, other = (f"/Doc_0/Pages/Page_{at}/Content.xml" for at in (0, 1))
    return OFDPackage.open(ONE).rewritten({one: PARTS[other], other: PARTS[one]})


def lying(field: int, value: int) -> bytes:
    """The same packed bytes, declared otherwise in both headers."""
    package = OFDPackage.open(ONE)
    entry = package.parts["/Doc_0/Pages/Page_0/Content.xml"]
    changed = bytearray(ONE)
    struct.pack_into("<I", changed, entry.begin + field, value)
    struct.pack_into("<I", changed, ONE.index(entry.head) + field + 2, value)
    return bytes(changed)


LIES: dict[str, Callable[[], bytes]] = {
    "two parts exchanged": exchanged,
    "another checksum": lambda: lying(14, 1),
    "another size": lambda: lying(22, 10),
}


@pytest.mark.parametrize("whole", LIES.values(), ids=LIES)
def test_names_and_headers_prove_nothing(whole: Callable[[], bytes]) -> None:
    """A part is known by its bytes and by all that is said of them, not by its name."""
    report = again(whole())

    assert report == afresh(whole())
    assert isinstance(report, Report)
    assert report.verdict is Verdict.FAILED


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(ONE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_container(at: int, flip: int) -> None:
    """Judged by who knows the right document as by who does not."""
    changed = ONE[:at] + bytes((ONE[at] ^ flip,)) + ONE[at + 1 :]

    assert again(changed) == afresh(changed)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_long_messages_that_begin_alike(data: st.DataObject) -> None:
    """Whatever was hashed before: the digest is that of the message, and so is the verdict."""
    key = SM2Key.generate()
    public = PublicKey.from_spki(key.spki)
    loaded = key.private.loaded()
    base = bytes(range(256)) * 40
    for _ in range(data.draw(st.integers(1, 6))):
        size = data.draw(st.sampled_from([600, 4095, 4096, 5000, 10_240]))
        at = data.draw(st.integers(0, size - 1))
        signer_id = data.draw(st.sampled_from([DEFAULT_ID, b"other", b""]))
        message = base[:at] + bytes((data.draw(st.integers(0, 255)),)) + base[at + 1 : size]
        digest = loaded.digest(message, signer_id)

        assert digest == digest_to_sign(public, message, signer_id)
        assert loaded.verify(loaded.sign(message, signer_id), message, signer_id)
        assert not loaded.verify(loaded.sign(message + b"x", signer_id), message, signer_id)
