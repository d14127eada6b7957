"""Proofs of some items under the certificate's own seal, and masked documents that carry them."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates import issuance
from certificates.commitments import Commitments, part_of, read_commitments
from certificates.disclosure import Opening, openings, read_openings, shown
from certificates.drawing.agreement import items_shown
from certificates.drawing.ofd import COMMITMENTS_PART, FACE_PART
from certificates.embedding import CertificateData, read_data
from certificates.errors import IllegalAct, MalformedData
from certificates.issuing import DONE, Stage
from certificates.masking import HIDDEN, judged, masked
from certificates.model import Definition
from certificates.preparing import begin
from certificates.proof import Proof, proof_of, read_proof
from certificates.proving import ProofReport, check
from seals.ofd import preflight
from seals.ofd.document import graph, pages
from seals.ofd.inspection import inspect
from seals.ofd.package import OFDPackage
from seals.verdicts import Verdict
from tests.world import issuing
from tests.world import ofd as world_ofd
from tests.world.certificates import definitions, salts, values
from tests.world.paper import issued_data

TYPE = "business-licence"
AT = datetime.now(UTC)


class Sealed:
    """A certificate that was really drawn and sealed, with its openings."""

    def __init__(self, key: str, **changes: str) -> None:
        numbers = itertools.count()
        self.desk = replace(
            issuing.desk("ofd"),
            salts=lambda size: hashlib.sha256(b"%s %d" % (key.encode(), next(numbers))).digest()[
                :size
            ],
        )
        wanted = issuing.request(TYPE, key, values=values(TYPE, **changes))
        intent = begin(wanted, self.desk)
        while intent.stage not in DONE:
            intent = issuance.advance(intent, self.desk)
        assert intent.stage is Stage.RECORDED
        blobs = self.desk.blobs
        self.document = blobs.get(intent.sealed["ofd"])
        self.openings = read_openings(blobs.get(intent.certificate.openings_digest))
        self.data = read_data(blobs.get(intent.certificate.data_digest))

    def proof(self, *items: str) -> Proof:
        """Of these items."""
        return proof_of(self.document, self.openings, items)

    def drawn(self, data: CertificateData) -> bytes:
        """Other data by the same template, not sealed."""
        editions = self.desk.editions(TYPE)
        assert editions is not None
        return self.desk.renderer.documents(editions.numbered(1), data)["ofd"]


@cache
def one() -> Sealed:
    """The sample."""
    return Sealed("case-1")


@cache
def other() -> Sealed:
    """Another firm."""
    return Sealed("case-2", name="另一家餐饮有限公司")


def proof() -> Proof:
    """Name and expiry alone, of the sample."""
    return one().proof("name", "ZZYXQJZRQ")


def report(content: Proof | bytes) -> ProofReport:
    """Judged by those who trust the bureau."""
    return check(bytes(content), AT, issuing.house().judges)


def known(type_id: str, edition: int) -> Definition | None:
    """The shipped types in their first edition."""
    return definitions().get(type_id) if edition == 1 else None


def looked(document: bytes) -> ProofReport:
    """A masked document judged so."""
    return judged(document, AT, known, issuing.house().judges)


def reasons(found: ProofReport) -> list[str]:
    """Of each finding."""
    return [each.step.reason for each in found.findings]


def unsaid(hidden: Opening, told: Proof) -> list[str]:
    """Values that are too long to stand anywhere by chance, of no shown item, and no label."""
    said = {value for each in told.openings for value in each.entry.values}
    said |= {item.label for item in definitions()[TYPE].type.items.values()}
    return [value for value in hidden.entry.values if len(value) > 5 and value not in said]


RIGHT = ["form-proper", "seal-right", "bound", "covered", "opened"]


def test_a_holder_shows_name_and_expiry_alone() -> None:
    """The proof is read back as it was, passes under the certificate's own seal, and holds no word of
    the rest.
    """
    shown_ = proof()
    content = bytes(shown_)
    found = report(content)

    assert read_proof(content) == shown_
    assert reasons(found) == RIGHT
    assert found.verdict is Verdict.PASSED
    assert [each.entry.id for each in found.believed] == ["name", "ZZYXQJZRQ"]
    said = content.decode().replace(shown_.commitments.identifier, "")
    for each in one().openings:
        if each not in shown_.openings:
            assert each.salt not in said
            assert not any(value in said for value in unsaid(each, shown_))


def test_a_proof_lets_nobody_try_out_what_is_hidden() -> None:
    """Whoever guesses every value right still finds no digest of a part that depends on them: those
    that a guess meets are the form's own, the same on every certificate of the template.
    """
    sealed = inspect(one().document).signatures[0]
    told = {each.part: each.expected for each in sealed.references}

    def met(data: CertificateData) -> set[str]:
        package = OFDPackage.open(one().drawn(data))
        return {part for part in package.parts if package.digest(part) == told.get(part)}

    right = met(one().data)
    guessed = met(replace(one().data, blind="0" * 32))
    unlike = met(replace(other().data, blind="0" * 32))
    assert {FACE_PART, "/Doc_0/Pages/Page_0/Content.xml", "/Doc_0/Tags/face.xml"} <= right
    assert guessed - {COMMITMENTS_PART} == unlike - {COMMITMENTS_PART}
    assert all(part.startswith(("/Doc_0/Tpls/", "/Doc_0/Res/")) for part in unlike)


def test_the_commitments_are_covered_on_their_own() -> None:
    """A part of the document that says what the data say; the seal lists it once."""
    package = OFDPackage.open(one().document)
    part = read_commitments(package.read(COMMITMENTS_PART))

    assert part.sealed == one().data.commitments
    assert (part.type_id, part.identifier) == (TYPE, one().data.identifier)
    (sealed,) = inspect(one().document).signatures
    assert [each.part for each in sealed.references].count(COMMITMENTS_PART) == 1
    assert part_of(replace(one().data, commitments=())) == b""


def changed(text: bytes, old: bytes, new: bytes) -> bytes:
    """With one thing in the place of another that is there."""
    assert old in text
    return text.replace(old, new)


def twice(description: bytes) -> bytes:
    """A description that lists the commitments twice."""
    begin_ = description.index(b'<ofd:Reference FileRef="%b"' % COMMITMENTS_PART.encode())
    end = description.index(b"</ofd:Reference>", begin_) + len(b"</ofd:Reference>")
    return description[:end] + description[begin_:end] + description[end:]


def own_list(*mine: Opening) -> Commitments:
    """A list that somebody made up to go with openings of their own."""
    sealed = tuple(sorted(each.commitment for each in mine))
    return replace(proof().commitments, sealed=sealed)


def lie() -> Opening:
    """The name, as somebody would like it to be."""
    (mine,) = shown(one().openings, ["name"])
    entry = replace(mine.entry, values=("别的公司",), texts=("别的公司",))
    return replace(mine, entry=entry)


def foreign() -> Proof:
    """A seal of somebody else, over a document without commitments."""
    document = world_ofd.sealed()
    (signature,) = inspect(document).signatures
    package = OFDPackage.open(document)
    return replace(
        proof(),
        place=signature.part,
        description=package.read(signature.part),
        value=signature.value,
    )


FORGED: dict[str, tuple[Callable[[], Proof], set[str]]] = {
    "another certificate's opening": (lambda: replace(proof(), openings=other().proof("name").openings), {"not-committed"}),
    "an opening beside them": (lambda: replace(proof(), openings=(*proof().openings, *other().proof("scope").openings)), {"not-committed"}),
    "another value": (lambda: replace(proof(), openings=(lie(),)), {"not-committed"}),
    "another value and a list to go with it": (lambda: replace(proof(), openings=(lie(),), commitments=own_list(lie())), {"other-commitments"}),
    "another certificate's list and opening": (lambda: replace(proof(), openings=other().proof("name").openings, commitments=other().proof("name").commitments), {"other-commitments"}),
    "another identifier": (lambda: replace(proof(), commitments=replace(proof().commitments, identifier="1.2.3")), {"other-commitments"}),
    "another type": (lambda: replace(proof(), commitments=replace(proof().commitments, type_id="passport")), {"other-commitments"}),
    "an opening twice": (lambda: replace(proof(), openings=proof().openings * 2), {"item-twice"}),
    "nothing": (lambda: replace(proof(), openings=()), {"nothing"}),
    "another description": (lambda: replace(proof(), description=other().proof("name").description), {"other-description", "other-commitments"}),
    "another description and value": (lambda: replace(proof(), description=other().proof("name").description, value=other().proof("name").value), {"other-commitments"}),
    "another place": (lambda: replace(proof(), place="/Doc_0/Signs/Sign_9/Signature.xml"), {"other-place"}),
    "no seal": (lambda: replace(proof(), value=b"0" * 200), {"no-seal", "not-reached"}),
    "another's seal without commitments": (foreign, {"not-covered", "seal-not-judged"}),
    "listed twice": (lambda: replace(proof(), description=twice(proof().description)), {"other-description", "covered-twice"}),
    "no description": (lambda: replace(proof(), description=b""), {"other-description", "description-unreadable"}),
    "a description with a DTD": (lambda: replace(proof(), description=b"<!DOCTYPE a>" + proof().description), {"other-description", "description-unreadable"}),
    "a weak digest": (lambda: replace(proof(), description=changed(proof().description, b"1.2.156.10197.1.401", b"MD5")), {"other-description", "digest-weak"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_proof_is_named(name: str) -> None:
    """Every step is taken, those that are wrong are told, and nothing is believed."""
    made, wrong = FORGED[name]
    found = report(made())

    assert {each for each in reasons(found) if each not in RIGHT} == wrong
    assert found.verdict is Verdict.FAILED
    assert found.believed == ()


def test_without_anchors_nothing_is_believed() -> None:
    """A right seal of nobody known stays open."""
    found = check(bytes(proof()), AT)
    assert reasons(found)[1] == "seal-not-judged"
    assert found.verdict is Verdict.INDETERMINATE
    assert found.believed == ()
    with pytest.raises(ValueError, match="zone"):
        check(bytes(proof()), AT.replace(tzinfo=None))


def tree(**changes: object) -> bytes:
    """The proof with changes, in its one form."""
    return json.dumps(
        {**json.loads(bytes(proof())), **changes},
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


MALFORMED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not-json"),
    "deep": (lambda: b"[" * 100_000, "not-json"),
    "nine megabytes": (lambda: b" " * 9_000_000, "too-large"),
    "a list": (lambda: b"[]", "form"),
    "another form": (lambda: tree(form="x"), "form"),
    "the data of a certificate": (lambda: bytes(one().data), "form"),
    "a further key": (lambda: tree(more=1), "not-canonical"),
    "blanks": (lambda: bytes(proof()).replace(b":", b": ", 1), "not-canonical"),
    "a key twice": (lambda: bytes(proof())[:-1] + b',"form":"mianti.proof/1"}', "not-canonical"),
    "no base64": (lambda: tree(value="!"), "shape"),
    "value as number": (lambda: tree(value=1), "shape"),
    "openings as text": (lambda: tree(openings="[]"), "shape"),
    "an opening of nothing": (lambda: tree(openings=[[]]), "shape"),
    "half a surrogate": (lambda: tree(place="x").replace(b'"x"', b'"\\ud800"'), "shape"),
    "commitments of another form": (lambda: tree(commitments={"form": "x"}), "form"),
    "commitments out of order": (lambda: tree(commitments=commitments(sealed=["sm3:" + "b" * 64, "sm3:" + "a" * 64])), "shape"),
    "a commitment twice": (lambda: tree(commitments=commitments(sealed=["sm3:" + "a" * 64] * 2)), "shape"),
    "no commitments": (lambda: tree(commitments=commitments(sealed=[])), "shape"),
    "a commitment that is none": (lambda: tree(commitments=commitments(sealed=["sm3:x"])), "shape"),
    "commitments without end": (lambda: tree(commitments=commitments(sealed=[f"sm3:{at:064x}" for at in range(1001)])), "shape"),
    "edition true": (lambda: tree(commitments=commitments(edition=True)), "shape"),
}  # fmt: skip


def commitments(**changes: object) -> dict[str, object]:
    """The list with changes."""
    plain = json.loads(bytes(proof().commitments))
    names = {"sealed": "commitments"}
    return {**plain, **{names.get(key, key): value for key, value in changes.items()}}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_proof_is_named(name: str) -> None:
    """Refused by a stable key; the report says so and leaves the rest open."""
    made, why = MALFORMED[name]
    with pytest.raises(MalformedData) as refused:
        read_proof(made())
    assert refused.value.why == why
    found = report(made())
    assert reasons(found) == [why, *["not-reached"] * 4]
    assert found.proof is None


@pytest.mark.parametrize(
    "place",
    ["", "a", ".", "\x00", "../..", "//", "\\", "/a/../b", "/a/", "C:\\x", "/" + "é" * 3000],
)
def test_a_place_that_is_no_path_is_refused(place: str) -> None:
    """Whatever would be looked for there."""
    assert reasons(report(replace(proof(), place=place)))[0] == "shape"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_changed_byte_is_never_believed(data: st.DataObject) -> None:
    """Wherever it is."""
    content = bytearray(bytes(proof()))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert report(bytes(content)).believed == ()


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no document": (lambda: proof_of(b"no zip", one().openings, ["name"]), "document"),
    "not sealed": (lambda: proof_of(one().drawn(one().data), one().openings, ["name"]), "no-commitments"),
    "no commitments": (lambda: proof_of(world_ofd.sealed(), one().openings, ["name"]), "no-commitments"),
    "another's openings": (lambda: proof_of(one().document, other().openings, ["name"]), "openings"),
    "an unknown item": (lambda: one().proof("nobody"), "unknown-item"),
    "nothing": (lambda: one().proof(), "nothing"),
    "another type's definition": (lambda: masked(proof(), definitions()["passport"]), "type"),
    "no seal to date it by": (lambda: masked(replace(proof(), value=b""), definitions()[TYPE]), "proof"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_proof_is_made_of(name: str) -> None:
    """By a stable key."""
    act, why = REFUSED[name]
    with pytest.raises(IllegalAct) as refused:
        act()
    assert refused.value.why == why


@cache
def document() -> bytes:
    """The masked document of the proof."""
    return masked(proof(), definitions()[TYPE])


def test_a_masked_document_verifies() -> None:
    """It shows the two items, says of the others that they are hidden, holds no word of them in any
    part, and passes all six steps.
    """
    found = looked(document())
    assert reasons(found) == [*RIGHT, "painted"]
    assert found.verdict is Verdict.PASSED
    name, until = (each.entry for each in proof().openings)
    assert items_shown(document()) == {"name": name.text, "ZZYXQJZRQ": until.text}

    package = OFDPackage.open(document())
    page = package.read("/Doc_0/Pages/Page_0/Content.xml").decode()
    assert page.count(HIDDEN[0] * 4) == len(definitions()[TYPE].type.items) - 1
    hidden = [each for each in one().openings if each not in proof().openings]
    for part in package.parts:
        text = package.read(part).decode(errors="replace")
        text = text.replace(proof().commitments.identifier, "")
        for each in hidden:
            assert not any(value in text for value in unsaid(each, proof()))
    assert preflight.reasons(package, graph(package), pages(graph(package))) == ()


def with_part(part: str, content: bytes) -> bytes:
    """The masked document with one part exchanged."""
    return OFDPackage.open(document()).rewritten({part: content})


def page_with(text: str) -> bytes:
    """With a text painted that no tag names."""
    part = "/Doc_0/Pages/Page_0/Content.xml"
    page = OFDPackage.open(document()).read(part)
    line = f'<ofd:TextObject ID="9999" Boundary="20 150 100 6" Font="1" Size="5"><ofd:TextCode X="0" Y="5">{text}</ofd:TextCode></ofd:TextObject>'  # fmt: skip
    return with_part(part, page.replace(b"</ofd:Layer>", line.encode() + b"</ofd:Layer>"))


PAINTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "an item that is not proven": (lambda: OFDPackage.open(masked(one().proof("name", "scope"), definitions()[TYPE])).rewritten({FACE_PART: bytes(one().proof("name"))}), "painted-otherwise"),
    "an item less": (lambda: with_part(FACE_PART, bytes(one().proof("name", "scope"))), "painted-otherwise"),
    "words that no tag names": (lambda: page_with("注册资本一亿元"), "painted-otherwise"),
    "another form below": (lambda: with_part("/Doc_0/Tpls/Tpl_0/Content.xml", b"<a/>"), "painted-otherwise"),
    "a part that nothing refers to": (lambda: with_part("/Doc_0/more.xml", b"<a/>"), "painted-otherwise"),
    "another metadata": (lambda: with_part("/OFD.xml", OFDPackage.open(document()).read("/OFD.xml").replace("遮蔽件".encode(), "原件".encode())), "painted-otherwise"),
    "a byte behind": (lambda: document() + b"\x00", "not-reached"),
    "a forged proof": (lambda: with_part(FACE_PART, bytes(replace(proof(), openings=(lie(),)))), "not-reached"),
    "no proof": (lambda: with_part(FACE_PART, b"{}"), "not-reached"),
    "no OFD": (lambda: b"%PDF-1.7", "not-reached"),
    "nothing": (lambda: b"", "not-reached"),
    "the certificate itself": (lambda: one().document, "not-reached"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAINTED)
def test_a_document_that_says_something_else_is_named(name: str) -> None:
    """Whatever was painted, and wherever: it is not what the proof makes."""
    made, why = PAINTED[name]
    found = looked(made())
    assert reasons(found)[-1] == why
    assert found.verdict is Verdict.FAILED
    assert found.believed == ()


def test_a_type_that_is_not_at_hand_leaves_it_open() -> None:
    """The proof holds; what is painted beside it nobody can tell."""
    found = judged(document(), AT, lambda *_: None, issuing.house().judges)
    assert reasons(found) == [*RIGHT, "type-unknown"]
    assert found.believed == ()


@pytest.mark.parametrize("type_id", sorted(definitions()))
def test_every_type_can_be_masked(type_id: str) -> None:
    """With every second item shown: these are painted as their openings say, the others are not."""
    definition, data = definitions()[type_id], issued_data(type_id)
    every = openings(data, salts())
    chosen = every[::2]
    listed = replace(proof().commitments, type_id=type_id, identifier=data.identifier)
    made = masked(replace(proof(), commitments=listed, openings=chosen), definition)

    painted = items_shown(made)
    for each in chosen:
        said = each.entry.text or "\n".join(each.entry.values) or "（空）"
        assert painted[each.entry.id] == said.replace("\n", "")
    assert set(painted) == {each.entry.id for each in chosen}


def test_what_is_mixed_in_stays_in_the_document() -> None:
    """Neither a proof nor a masked document holds it."""
    blind = one().data.blind.encode()
    package = OFDPackage.open(document())
    assert len(blind) == 32
    for content in (bytes(proof()), *map(package.read, package.parts)):
        assert blind not in content
