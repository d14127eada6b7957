"""PDFs are sealed in two motions; poppler and pyHanko accept them as they are, and not otherwise."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from asn1crypto import x509
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from seals.errors import DocumentRefused, SealingFailed, SealRefused
from seals.pdf import (
    Appearance,
    Intent,
    Level,
    Placement,
    Prepared,
    Revocation,
    Signatory,
    embed,
    prepare,
    sealed,
    timestamped,
)
from seals.ports import TimestampAuthority
from tests.world.pages import Draft
from tests.world.poppler import Poppler
from tests.world.sealed import PLACE, appearance, judged, judges, said, seal
from tests.world.signers import (
    KINDS,
    NOW,
    Party,
    authority,
    revocation_list,
    root,
    signer,
    timestamper,
)


@pytest.fixture(scope="module")
def stamps() -> Iterator[TimestampAuthority]:
    """A timestamp authority on a socket."""
    with authority(timestamper()) as token:
        yield token


def prepared(level: Level, party: Party, intent: Intent = Intent.CERTIFIED) -> Prepared:
    """A sound page, ready to be signed."""
    who = Signatory(chain=party.chain)
    return prepare(Draft().pdf(), [PLACE], appearance(), who, NOW, level=level, intent=intent)


def kept(party: Party) -> Revocation:
    """What is gathered for later."""
    return Revocation(certificates=party.chain, lists=(revocation_list(),))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", Level)
def test_every_level_and_kind_of_key_verifies_here_and_with_pyhanko(
    level: Level, kind: str, stamps: TimestampAuthority
) -> None:
    """B-B to B-LTA with P-256, RSA and Ed25519: passed, and whole."""
    party = signer(kind)
    ready = prepared(level, party)
    made = embed(ready, party.sign(ready.to_sign), timestamps=stamps, revocation=kept(party))
    report = judged(made)

    assert said(report) == set()
    assert [each.name for each in report.seals][:1] == ["Seal1"]
    assert len(report.seals) == (2 if level is Level.LTA else 1)
    theirs = PdfFileReader(io.BytesIO(made)).embedded_signatures[0]
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(root().chain[0])], crls=[revocation_list()]
    )
    status = validate_pdf_signature(theirs, context, ts_validation_context=context)
    assert status.bottom_line, status.pretty_print_details()
    assert (status.timestamp_validity is not None) == (level is not Level.B)


@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_poppler_accepts_the_seal_and_not_one_changed_byte(
    kind: str, poppler: Poppler, tmp_path: Path
) -> None:
    """pdfsig: valid, PAdES, total document; after a change in the page, a digest mismatch."""
    made = seal(party=signer(kind), intent=Intent.CERTIFIED)
    (tmp_path / "good.pdf").write_bytes(made)
    told = poppler("pdfsig", "-nocert", tmp_path / "good.pdf")

    assert "Signature is Valid" in told
    assert "ETSI.CAdES.detached" in told
    assert "Total document signed" in told
    (tmp_path / "bad.pdf").write_bytes(made.replace(b"/Type /Page ", b"/Type /Pagf ", 1))
    assert "Digest Mismatch" in poppler("pdfsig", "-nocert", tmp_path / "bad.pdf")


def test_the_seal_is_seen_where_it_was_placed_and_the_text_through_it(
    poppler: Poppler, tmp_path: Path
) -> None:
    """Rendered by poppler: red on the ring, the page's own ink through its clear middle."""
    (tmp_path / "page.pdf").write_bytes(seal())
    poppler(
        "pdftoppm", "-r", "254", "-png", "-singlefile", tmp_path / "page.pdf", tmp_path / "page"
    )
    with Image.open(tmp_path / "page.png") as opened:
        picture = opened.convert("RGB")
    dots = 10  # a millimetre
    edge = picture.getpixel((121 * dots, 41 * dots + 2))
    ring = picture.crop((1000, 400, 1420, 820)).get_flattened_data()

    assert isinstance(edge, tuple)
    assert edge[0] > 150
    assert edge[1] < 90
    assert any(max(dot) < 60 for dot in ring), "the text below shows through"
    outside = picture.crop((1440, 860, 2000, 2900)).get_flattened_data()
    assert all(min(dot) > 250 for dot in outside)


def test_the_key_sees_only_attributes_that_name_the_digest() -> None:
    """What is to be signed is small, and holds nothing of the page."""
    ready = prepared(Level.B, signer())

    assert len(ready.to_sign) < 300
    assert b"Page" not in ready.to_sign
    assert ready.document.startswith(Draft().pdf())


def test_several_seals_stand_side_by_side_until_one_closes_the_document() -> None:
    """Approval, approval, closing: all hold; a fourth is refused, and so are two certifications."""
    made = seal()
    made = seal(made, signer("rsa"))
    made = seal(made, signer("ed25519"), intent=Intent.CLOSING)
    report = judged(made)

    assert said(report) == set()
    assert [each.coverage for each in report.seals] == ["all-effective", "all-effective", "whole"]
    for document in (made, seal(intent=Intent.CERTIFIED)):
        with pytest.raises(SealRefused, match="certified-already"):
            seal(document)
    with pytest.raises(SealRefused, match="certifies-not-first"):
        seal(seal(), intent=Intent.CERTIFIED)
    with pytest.raises(SealRefused, match="closes-nothing"):
        seal(intent=Intent.CLOSING)


def test_more_pictures_of_the_first_seal_are_covered_by_it() -> None:
    """They are annotations below the one signature; a later seal may not bring any."""
    second = Placement(page=-1, x=10, y=200, width=20, height=20)
    made = seal(places=(PLACE, second), intent=Intent.CERTIFIED)

    assert said(judged(made)) == set()
    assert made.count(b"/Subtype /Stamp") == 1
    with pytest.raises(SealRefused, match="several-after-first"):
        seal(seal(), places=(PLACE, second))


def test_a_seal_may_be_unseen() -> None:
    """No placement, no picture."""
    made = seal(places=())

    assert said(judged(made)) == set()
    assert b"/Subtype /Image" not in made


def test_the_archive_is_stamped_again_before_the_last_stamp_ages(
    stamps: TimestampAuthority,
) -> None:
    """A second timestamp over everything; the first still holds."""
    party = signer()
    ready = prepared(Level.LTA, party)
    made = embed(ready, party.sign(ready.to_sign), timestamps=stamps, revocation=kept(party))
    again = timestamped(made, stamps)

    report = judged(again)
    assert said(report) == set()
    assert len(report.seals) == 3


def test_the_same_input_gives_the_same_bytes() -> None:
    """But for the signature's own chance: RSA has none."""
    draft = Draft().pdf()
    ready = [
        prepare(draft, [PLACE], appearance(), Signatory(chain=signer("rsa").chain), NOW)
        for _ in range(2)
    ]
    made = [embed(each, signer("rsa").sign(each.to_sign)) for each in ready]
    ids = re.compile(rb"/ID ?\[[^\]]*\]")

    assert ids.sub(b"", made[0])[:6000] == ids.sub(b"", made[1])[:6000]


BAD_PLACES = {
    "no-page": Placement(page=2, x=1, y=1, width=10, height=10),
    "outside-page": Placement(page=1, x=200, y=1, width=42, height=42),
}


@pytest.mark.parametrize("why", BAD_PLACES)
def test_a_seal_stands_on_a_page_and_whole(why: str) -> None:
    """No page, half beside it."""
    with pytest.raises(SealRefused, match=why):
        seal(places=(BAD_PLACES[why],))


def test_turned_pages_are_refused() -> None:
    """Where up is not up, a placement would mean something else."""
    with pytest.raises(SealRefused, match="page-rotated"):
        seal(Draft(page="/Rotate 90").pdf())


@pytest.mark.parametrize(
    ("png", "why"),
    [(b"no picture", "picture-unreadable"), (bytes(5 * 1024 * 1024), "picture-too-large")],
)
def test_a_picture_that_is_none_is_refused(png: bytes, why: str) -> None:
    """Before anything is written."""
    who = Signatory(chain=signer().chain)
    with pytest.raises(SealRefused, match=why):
        prepare(Draft().pdf(), [PLACE], Appearance(png=png), who, NOW)


@pytest.mark.parametrize("level", [Level.T, Level.LT, Level.LTA])
def test_a_level_wants_what_it_asks_for(level: Level, stamps: TimestampAuthority) -> None:
    """No timestamps, no revocation lists: no seal of that level."""
    ready = prepared(level, signer())
    signature = signer().sign(ready.to_sign)
    with pytest.raises(SealRefused, match="timestamps-missing"):
        embed(ready, signature)
    if level is not Level.T:
        with pytest.raises(SealRefused, match="revocation-missing"):
            embed(ready, signature, timestamps=stamps)


@pytest.mark.parametrize("signature", [b"", bytes(73), bytes(5000)])
def test_a_signature_of_another_length_does_not_go_in(signature: bytes) -> None:
    """None at all, or longer than the key's."""
    with pytest.raises(SealRefused, match="signature-too-long"):
        embed(prepared(Level.B, signer()), signature)


class Liar:
    """A key that is not that of its certificate."""

    chain = signer().chain

    def sign(self, message: bytes) -> bytes:
        """By somebody else's."""
        return signer("ed25519").sign(message)


def test_nothing_unverified_leaves() -> None:
    """A wrong key is found before the document goes; a bad document before the key is asked."""
    with pytest.raises(SealingFailed, match="does-not-hold"):
        sealed(Draft().pdf(), [PLACE], appearance(), Liar(), NOW, judges=judges())
    with pytest.raises(DocumentRefused, match="action"):
        sealed(Draft(root="/OpenAction << /S /JavaScript /JS (x) >>").pdf(), [PLACE],
               appearance(), signer(), NOW)  # fmt: skip
    made = sealed(Draft().pdf(), [PLACE], appearance(), signer(), NOW, judges=judges())
    assert said(judged(made)) == set()
