"""Electronic seals of GB/T 38540 in PDF: set in two motions, alone and beside PAdES."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto import x509
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from seals import judging
from seals.algorithms import Algorithm
from seals.errors import DocumentRefused, SealingFailed, SealRefused
from seals.judging import Judges
from seals.pdf import Intent, Placement, Revocation, inspect, kept, ses, timestamped
from seals.pdf.cms import TOKEN_ROOM
from seals.pdf.inspection import Kind
from seals.pdf.model import MM, Profile
from seals.pdf.placing import placed
from seals.pdf.shown import Look
from seals.placing import AcrossPages, AtKeyword, AtPlace, Edge
from seals.placing import Placement as Wanted
from seals.ports import TimestampAuthority
from seals.report import Question
from seals.revocation import Reason
from seals.revocation import Revocation as Revoked
from seals.seal_reading import read_seal_signature
from seals.sm2 import Signature
from seals.verdicts import Verdict
from tests.world import signers
from tests.world.eseals import (
    MIDDLE,
    ORGANISATION,
    PERSON,
    eseal,
    esealed,
    impression,
    judged,
    judges,
    plain,
)
from tests.world.pages import Draft, booklet, stream
from tests.world.pki import DAY, NOW, listed, pki
from tests.world.poppler import Poppler
from tests.world.sealed import PLACE, said, seal
from tests.world.signers import revocation_list
from tests.world.stamps import client, tsa

DOTS = 5
"""A millimetre, rendered."""
LOWER = (AtPlace(page=1, x=121, y=200),)


def value_of(document: bytes) -> tuple[bytes, bytes]:
    """The last gap's content without its zeros, and everything around the gap."""
    told = re.findall(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)\]", document)[-1]
    _, before, behind, rest = (int(each) for each in told)
    content = bytes.fromhex(document[before + 1 : behind - 1].decode())
    length = 4 + int.from_bytes(content[2:4])
    assert content[:2] == b"\x30\x82"
    return content[:length], document[:before] + document[behind : behind + rest]


def test_what_is_signed_is_the_standards_and_over_the_whole_file() -> None:
    """`dataHash` is SM3 of all but the gap, `propertyInfo` names field and range, the seal stands in
    it byte for byte, and the signer signs `TBS_Sign`.
    """
    draft = Draft().pdf()
    prepared = ses.prepare(draft, eseal(), MIDDLE, ORGANISATION.chain[0], NOW)
    made = ses.embed(prepared, ORGANISATION.sign(prepared.to_sign))
    value, around = value_of(made)
    read = read_seal_signature(value)

    assert made.startswith(draft)
    assert read.signed == prepared.to_sign
    assert read.digest == hashlib.new("sm3", around).digest()
    assert read.seal.der == eseal().der
    assert read.claimed_at == NOW
    assert not read.deviations
    ranged = re.search(rb"/ByteRange (\[[0-9 ]+\])", made)
    assert ranged is not None
    assert read.property_info == f"pdf:Seal1{ranged[1].decode()}"
    assert b"/Filter /MIANTI.SES" in made
    assert b"/SubFilter /GBT.38540.ses.detached" in made


def test_every_question_is_asked_and_answered_well() -> None:
    """The same numbers as of an OFD, chains judged, nothing left open."""
    report = judged(esealed())

    assert report.verdict is Verdict.PASSED
    asked = {each.step.number for each in report.all_findings()}
    assert asked == {int(each) for each in Question}
    only = report.seals[0]
    assert (only.seal_number, only.seal_name) == ("99010100000001", "示范市演示局")
    assert (only.claimed_at, only.judged_at, only.coverage) == (NOW, NOW, "whole")
    chains = [each.because for each in only.findings if each.because]
    assert [len(steps) > 8 for steps in chains] == [True, True]


def test_facts_are_stated_without_judgement() -> None:
    """Kind, profile, digest, value, and where which picture stands."""
    facts = inspect(esealed(booklet(2).pdf(), places=(*MIDDLE, AcrossPages(y=200)))).signatures[0]

    assert facts.kind is Kind.ELECTRONIC_SEAL
    assert facts.profile == "/GBT.38540.ses.detached"
    assert facts.intact
    assert facts.holds
    assert {each.look for each in facts.shown} == {Look.SAME}
    sizes = sorted((each.page, round(each.width, 1), round(each.height, 1)) for each in facts.shown)
    wide = impression().width
    assert sizes == [(1, wide / 2, wide), (1, wide, wide), (2, wide / 2, wide)]


MIXED = {
    "seal, then PAdES": lambda: plain(esealed()),
    "PAdES, then seal": lambda: esealed(plain(), places=LOWER),
    "seal, PAdES, seal": lambda: esealed(plain(esealed()), places=LOWER),
    "PAdES, then a closing seal": lambda: esealed(plain(), places=LOWER, intent=Intent.CLOSING),
    "seal, then PAdES that closes": lambda: plain(esealed(), intent=Intent.CLOSING),
}


@pytest.mark.parametrize("case", MIXED)
def test_seals_and_pades_stand_side_by_side(case: str, poppler: Poppler, tmp_path: Path) -> None:
    """All hold; pyHanko and poppler accept the one that they know, and pass over ours."""
    made = MIXED[case]()
    report = judged(made)

    assert said(report) == set()
    assert [each.coverage for each in report.seals][-1] == "whole"
    assert {each.coverage for each in report.seals[:-1]} == {"all-effective"}
    (theirs,) = PdfFileReader(io.BytesIO(made)).embedded_signatures
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(signers.root().chain[0])], crls=[revocation_list()]
    )
    status = validate_pdf_signature(theirs, context)
    assert status.bottom_line, status.pretty_print_details()
    (tmp_path / "mixed.pdf").write_bytes(made)
    told = poppler("pdfsig", "-nocert", tmp_path / "mixed.pdf")
    assert told.count("Signature is Valid") == 1
    assert told.count("Signature has not yet been verified") == len(report.seals) - 1


def test_a_certifying_seal_lets_nothing_follow() -> None:
    """It is DocMDP with P 1, and the first; both kinds refuse to come after it or after a closing."""
    certified = esealed(intent=Intent.CERTIFIED)
    closed = esealed(plain(), places=LOWER, intent=Intent.CLOSING)

    assert said(judged(certified)) == set()
    assert b"/DocMDP" in certified
    for document in (certified, closed, seal(intent=Intent.CERTIFIED, at=NOW)):
        with pytest.raises(SealRefused, match="certified-already"):
            esealed(document)
        with pytest.raises(SealRefused, match="certified-already"):
            plain(document)
    with pytest.raises(SealRefused, match="certifies-not-first"):
        esealed(plain(), intent=Intent.CERTIFIED)


@pytest.fixture(scope="module", params=[Algorithm.SM2, Algorithm.RSA_SHA256])
def stamps(request: pytest.FixtureRequest) -> Iterator[TimestampAuthority]:
    """A timestamp authority on a socket, whose clock stands still."""
    with client(tsa(request.param)) as ask:
        yield ask


def test_a_timestamp_stands_over_the_value(stamps: TimestampAuthority) -> None:
    """Where room was kept for it, and where it is of this value."""
    signer = ORGANISATION.chain[0]
    prepared = ses.prepare(Draft().pdf(), eseal(), MIDDLE, signer, NOW, timestamp_room=TOKEN_ROOM)
    value = ORGANISATION.sign(prepared.to_sign)
    token = stamps.token(hashlib.new("sm3", Signature.read(value).der).digest(), "sm3")
    made = ses.embed(prepared, value, token, judges=judges())
    steps = {each.step.key: each.step.reason for each in judged(made).seals[0].findings}

    assert read_seal_signature(value_of(made)[0]).timestamp == token
    assert steps["time"] == "timestamp-right"
    assert said(judged(made)) == set()
    other = stamps.token(hashlib.new("sm3", b"another value").digest(), "sm3")
    with pytest.raises(SealingFailed, match="timestamp-wrong"):
        ses.embed(prepared, value, other, judges=judges())
    small = ses.prepare(Draft().pdf(), eseal(), MIDDLE, signer, NOW)
    with pytest.raises(SealRefused, match="signature-too-long"):
        ses.embed(small, ORGANISATION.sign(small.to_sign), token + bytes(4096))


def test_an_archive_holds_all_that_judging_needs(stamps: TimestampAuthority) -> None:
    """Certificates, lists and a timestamp over everything: the anchors alone are enough then, and no
    change comes in between.
    """
    world = pki()
    revocation = Revocation(
        certificates=(world.issuer.certificate.der,), lists=tuple(each.der for each in world.lists)
    )
    alone = judging.judges(world.anchors)
    sealed = esealed(intent=Intent.CERTIFIED)
    made = timestamped(kept(sealed, revocation), stamps)
    report = judged(made, alone)

    assert judged(sealed, alone).verdict is Verdict.INDETERMINATE
    assert said(report) == set()
    assert [each.coverage for each in report.seals] == ["all-effective", "whole"]
    assert [each.seal_name for each in report.seals] == ["示范市演示局", ""]
    broken = judged(made.replace(b"/Type /Page ", b"/Type /Page\n", 1), alone)
    assert [each.verdict for each in broken.seals] == [Verdict.FAILED] * 2
    again = timestamped(made, stamps)
    assert said(judged(again, alone)) == set()


@pytest.mark.parametrize(
    "value", [b"", b"\x30\x80", b"\x30\x03\x02\x01\x01"], ids=["nothing", "no end", "no token"]
)
def test_a_document_timestamp_that_is_none_is_told(value: bytes) -> None:
    """It is judged like anything else that cannot be read."""

    class Liar:
        def token(self, digest: bytes, algorithm: str) -> bytes:
            del digest, algorithm
            return value

    report = judged(timestamped(esealed(), Liar()))

    assert report.verdict is Verdict.FAILED
    assert "signature-unreadable" in said(report)


@pytest.mark.parametrize("profile", [Profile(filter="Vendor.PKILite", subfilter="GM.sm2seal"),
                                     Profile(subfilter="Other-1")])  # fmt: skip
def test_names_may_be_others_and_any_are_read(profile: Profile) -> None:
    """The encoding is told by what stands in the gap."""
    made = ses.sealed(Draft().pdf(), eseal(), MIDDLE, ORGANISATION, NOW, profile=profile)

    assert f"/SubFilter /{profile.subfilter}".encode() in made
    assert said(judged(made)) == set()


def pages_of(document: bytes, poppler: Poppler, folder: Path) -> list[Image.Image]:
    """Rendered by poppler, five dots a millimetre."""
    (folder / "made.pdf").write_bytes(document)
    poppler("pdftoppm", "-r", "127", "-png", folder / "made.pdf", folder / "page")
    return [Image.open(each).convert("RGB") for each in sorted(folder.glob("page-*.png"))]


def red(page: Image.Image, box: tuple[int, int, int, int]) -> int:
    """Red dots within a box of millimetres: left, top, right, bottom."""
    left, top, right, bottom = (DOTS * each for each in box)
    part = page.crop((left, top, right, bottom))
    return sum(1 for r, g, b in part.get_flattened_data() if r > 150 and g < 90 and b < 90)


@pytest.mark.parametrize("edge", Edge)
def test_a_cross_page_seal_is_seen_in_slices(edge: Edge, poppler: Poppler, tmp_path: Path) -> None:
    """On the edge of each page; put side by side, the slices are the seal, ink for ink."""
    places: tuple[Wanted, ...] = (AcrossPages(y=200, edge=edge),)
    made = esealed(booklet(3).pdf(), places=places)
    pages = pages_of(made, poppler, tmp_path)
    wide, size = impression().width / 3, impression().width
    whole = Image.new("RGB", (round(size * DOTS), round(size * DOTS)), "white")
    for at, page in enumerate(pages):
        left = 0 if edge is Edge.LEFT else page.width - round(wide * DOTS)
        top = round((200 - size / 2) * DOTS)
        part = page.crop((left, top, left + round(wide * DOTS), top + round(size * DOTS)))
        whole.paste(part, (round(at * wide * DOTS), 0))
    alone = pages_of(esealed(), poppler, _folder(tmp_path))[0]
    left, top = round((121 - size / 2) * DOTS), round((61 - size / 2) * DOTS)
    expected = alone.crop((left, top, left + round(size * DOTS), top + round(size * DOTS)))

    assert said(judged(made)) == set()
    assert len(pages) == 3
    assert all(red(page, (50, 100, 160, 280)) == 0 for page in pages)
    slices = [red(page, (0, 100, 210, 280)) for page in pages]
    assert all(slices)
    assert _ink(whole) == pytest.approx(_ink(expected), rel=0.05)
    assert max(slices) < _ink(expected) * 0.6


def _folder(below: Path) -> Path:
    made = below / "alone"
    made.mkdir()
    return made


def _ink(picture: Image.Image) -> int:
    return red(picture, (0, 0, picture.width // DOTS, picture.height // DOTS))


def test_a_keyword_is_found_where_it_is_painted(poppler: Poppler, tmp_path: Path) -> None:
    """The seal's middle is over it: first and last occurrence, moved by millimetres."""
    draft = booklet(2).pdf()
    (first,) = placed(draft, [AtKeyword(keyword="证 照")], (20, 20))
    (last,) = placed(draft, [AtKeyword(keyword="0123", occurrence=-1, down=100)], (20, 20))
    middle = (
        72 / 72 * 25.4 + 3 * 24 * 25.4 / 72
    )  # 72 points in, behind two of 24, and in the middle

    assert (first.page, last.page) == (1, 2)
    assert first.x + 10 == pytest.approx(middle, abs=0.1)
    assert first.y + 10 == pytest.approx((842 - 700 - 24 * 0.3) * 25.4 / 72, abs=0.1)
    assert last.y == pytest.approx(first.y + 100, abs=0.1)
    made = esealed(draft, places=(AtKeyword(keyword="Seal", down=60),))
    pages = pages_of(made, poppler, tmp_path)
    assert red(pages[0], (60, 60, 160, 140)) > 250
    assert red(pages[1], (0, 0, 210, 297)) == 0


REFUSED: dict[str, tuple[str, Draft, tuple[Wanted, ...]]] = {
    "no place": ("no-placement", Draft(), ()),
    "no such page": ("no-such-page", Draft(), (AtPlace(page=2, x=100, y=100),)),
    "page nought": ("no-such-page", Draft(), (AtPlace(page=0, x=100, y=100),)),
    "half beside the page": ("off-page", Draft(), (AtPlace(page=1, x=5, y=100),)),
    "across one page": ("one-page", Draft(), (AcrossPages(),)),
    "across too many": ("too-many-pages", booklet(50), (AcrossPages(),)),
    "across, above the page": ("off-page", booklet(2), (AcrossPages(y=1),)),
    "no such word": ("keyword-not-found", Draft(), (AtKeyword(keyword="无"),)),
    "no third time": ("keyword-not-found", booklet(2), (AtKeyword(keyword="演示", occurrence=3),)),
    "nothing to look for": ("keyword", Draft(), (AtKeyword(keyword=" "),)),
    "a turned page": ("page-rotated", Draft(page="/Rotate 90"), MIDDLE),
    "a page that is shown ten times as large": ("page-scaled", Draft(page="/UserUnit 10"), MIDDLE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_seal_stands_where_it_can_be_seen(case: str) -> None:
    """Or is not set."""
    why, draft, places = REFUSED[case]
    with pytest.raises(SealRefused, match=f"^{why}"):
        esealed(draft.pdf(), places=places)


SIMPLE = b"<< /Type /Font /Subtype /TrueType /BaseFont /X /FirstChar 65 /Widths [500 500 500] %s >>"
SPELLED: dict[str, tuple[str, Draft, float]] = {
    "by Windows' own encoding": (
        "BC", Draft(content="BT /F1 10 Tf 100 500 Td (ABC) Tj ET", more={5: SIMPLE % b""}), 110,
    ),
    "by differences": (
        "YZ",
        Draft(content="BT /F1 10 Tf 100 500 Td (ABC) Tj ET",
              more={5: SIMPLE % b"/Encoding << /Differences [66 /Y /Z] >>"}), 110,
    ),
    "by a table, two characters for a code": (
        "盖章",
        Draft(content="BT /F1 10 Tf 100 500 Td (ABC) Tj ET",
              more={5: SIMPLE % b"/ToUnicode 10 0 R",
                    10: stream(b"1 beginbfchar <42> <76D67AE0> endbfchar")}), 107.5,
    ),
    "in several strings with spaces between": (
        "ABC",
        Draft(content="BT /F1 10 Tf 100 500 Td [(A) -200 (B)] TJ 2 Tc (C) Tj ET",
              more={5: SIMPLE % b""}), 109.5,
    ),
    "turned and scaled by a matrix": (
        "ABC", Draft(content="q 2 0 0 2 0 0 cm BT /F1 5 Tf 50 250 Td (ABC) Tj ET Q",
                     more={5: SIMPLE % b""}), 107.5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELLED)
def test_a_keyword_is_read_whatever_its_font(case: str) -> None:
    """Its middle is where its glyphs are, in points from the left."""
    keyword, draft, middle = SPELLED[case]
    (found,) = placed(draft.pdf(), [AtKeyword(keyword=keyword)], (20, 20))

    assert (found.x + 10) * MM == pytest.approx(middle, abs=0.6)
    assert (found.y + 10) * MM == pytest.approx(842 - 503, abs=1)


def test_characters_of_two_lines_are_no_keyword() -> None:
    """They follow one another in the file, and not on paper."""
    split = Draft(content="BT /F1 10 Tf 100 500 Td (AB) Tj 0 -40 Td (C) Tj ET",
                  more={5: SIMPLE % b""})  # fmt: skip
    with pytest.raises(SealRefused, match="keyword-not-found"):
        placed(split.pdf(), [AtKeyword(keyword="ABC")], (20, 20))


def test_a_document_of_object_streams_is_sealed_too() -> None:
    """As most programs write them now: tables and objects in streams."""
    writer = copy_into_new_writer(
        PdfFileReader(io.BytesIO(booklet(2).pdf())), writer_kwargs={"stream_xrefs": True}
    )
    out = io.BytesIO()
    writer.write(out)
    made = plain(esealed(out.getvalue(), places=(*MIDDLE, AcrossPages())))

    assert b"/XRef" in out.getvalue()
    assert said(judged(made)) == set()


def test_hidden_text_is_no_keyword() -> None:
    """Only what can be seen is looked through."""
    hidden = Draft(content=f"BT 3 Tr /F1 9 Tf 20 500 Td {'<0005>'} Tj ET")
    shown_again = Draft(content="BT /F1 9 Tf 20 500 Td <0005> Tj ET")
    letter = sorted(set("演示证照 0123 Seal"))[4]

    assert len(_occurrences(hidden, letter)) == 1
    assert len(_occurrences(shown_again, letter)) == 2


def _occurrences(draft: Draft, letter: str) -> list[Placement]:
    found = []
    for number in range(1, 9):
        try:
            found += placed(draft.pdf(), [AtKeyword(keyword=letter, occurrence=number)], (9, 9))
        except SealRefused:
            break
    return found


def test_only_the_first_seal_has_several_pictures() -> None:
    """More of them would be changes to what is sealed already."""
    two = (*LOWER, AtPlace(page=1, x=60, y=200))

    assert said(judged(esealed(places=two))) == set()
    with pytest.raises(SealRefused, match="several-after-first"):
        esealed(plain(), places=two)


def test_nobody_signs_who_may_not_and_nothing_that_may_not_be_signed() -> None:
    """Not in the list, not in time, another kind of picture, a document with a script in it."""
    with pytest.raises(SealRefused, match="signer-not-listed"):
        ses.sealed(Draft().pdf(), eseal(), MIDDLE, PERSON, NOW)
    for at, why in ((NOW - 2 * DAY, "seal-not-valid-yet"), (NOW + 1001 * DAY, "seal-expired")):
        with pytest.raises(SealRefused, match=why):
            esealed(at=at)
    with pytest.raises(SealRefused, match="time"):
        esealed(at=NOW.replace(tzinfo=None))
    jpeg = eseal(picture=replace(impression(), type="JPG"))
    with pytest.raises(SealRefused, match="picture-type"):
        esealed(seal=jpeg)
    with pytest.raises(DocumentRefused, match="action"):
        esealed(Draft(root="/OpenAction << /S /JavaScript /JS (x) >>").pdf())
    for name in ("", "with space", "x/y", "名", "x" * 101):
        with pytest.raises(SealRefused, match=r"^profile"):
            ses.prepare(Draft().pdf(), eseal(), MIDDLE, ORGANISATION.chain[0], NOW,
                        profile=Profile(subfilter=name))  # fmt: skip


class Nobody:
    """A key without a certificate."""

    chain: tuple[bytes, ...] = ()

    def sign(self, message: bytes) -> bytes:
        """Never asked."""
        raise AssertionError(message)


def test_nothing_unverified_leaves() -> None:
    """Another's value, no value, a judge who is not content; a key without certificate is not asked."""
    prepared = ses.prepare(Draft().pdf(), eseal(), MIDDLE, ORGANISATION.chain[0], NOW)
    for value in (PERSON.sign(prepared.to_sign), b"", bytes(64), ORGANISATION.sign(b"else")):
        with pytest.raises(SealingFailed):
            ses.embed(prepared, value)
    world = pki()
    entry = Revoked(
        serial=world.signers[ORGANISATION.profile].serial,
        at=NOW - DAY,
        reason=Reason.KEY_COMPROMISE,
    )
    lists = [listed(world.root), listed(world.issuer, entry)]
    knowing = Judges(chain=judging.chain_judge(world.anchors, world.intermediates, lists))
    good = ORGANISATION.sign(prepared.to_sign)
    assert ses.embed(prepared, good)
    with pytest.raises(SealingFailed, match="chain-not-trusted"):
        ses.embed(prepared, good, judges=knowing)
    with pytest.raises(SealRefused, match="no-signer-certificate"):
        ses.sealed(Draft().pdf(), eseal(), MIDDLE, Nobody(), NOW)
    with pytest.raises(DocumentRefused, match="seal-broken"):
        esealed(esealed().replace(b"/Type /Page ", b"/Type /Page\n", 1), places=LOWER)


def test_what_placing_gives_goes_to_either_kind() -> None:
    """A box is still a box; PAdES shows slices, too."""
    (box,) = placed(Draft().pdf(), [AtPlace(page=1, x=121, y=61)], (42, 42))
    draft = booklet(3).pdf()
    slices = placed(draft, [AcrossPages()], (42, 42))
    made = seal(draft, places=slices, at=NOW)

    assert box == PLACE
    assert [each.part for each in slices] == [(0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1)]
    assert made.count(b"/Subtype /Stamp") == 2
    assert made.count(b"/Subtype /Image") == 2, "one picture and its mask for all of them"
    assert said(judged(made)) == set()
