"""Certificates of every type: drawn, sealed, proven, recorded, and read back by their own bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from certificates.annotated import Annotation
from certificates.carrying import carried
from certificates.copies import make
from certificates.drawing import agreement
from certificates.drawing.preview import pages
from certificates.embedding import Provisional, read_data
from certificates.errors import FaceRefused, SealNotProven
from certificates.issuance import advance, issue
from certificates.issuing import Stage
from certificates.preparing import begin, draft
from hub.certificates.sealing import RegisteredSealer
from seals.errors import KeyUnavailable, SealRefused
from seals.terminal import now
from seals.verdicts import Verdict
from seals.verifying import verify
from tests.world import certificates as world
from tests.world.issuing import desk, house, published, request, sealer

TYPES = sorted(world.definitions())


@pytest.mark.parametrize("type_id", TYPES)
def test_every_type_is_issued_under_real_seals(type_id: str) -> None:
    """OFD and PDF verify against the bureau's root, carry the recorded data, and paint the face."""
    office = desk()
    certificate = issue(request(type_id), office)

    data = read_data(office.blobs.get(certificate.data_digest))
    for name, digest in certificate.documents.items():
        document = office.blobs.get(digest)
        report = verify(document, now(), judges=house().judges)
        assert report.verdict is Verdict.PASSED, report.complaints
        assert carried(document, name) == bytes(data)
    of_ofd, of_pdf = (office.blobs.get(certificate.documents[each]) for each in ("ofd", "pdf"))
    assert agreement.untold(data.face, of_ofd) == ()
    assert agreement.differences(of_ofd, of_pdf) == ()


def test_a_draft_says_on_every_page_that_it_is_one_and_is_never_sealed() -> None:
    """It has no identifier and no code that leads anywhere; its data say what it is."""
    office = desk()
    made = draft(request("business-licence"), office, Provisional.COMMITMENT)

    shown = "".join(each.character for each in agreement.in_ofd(made.documents["ofd"]))
    assert "告知承诺草稿未签章" in shown.replace(" ", "")
    assert read_data(carried(made.documents["pdf"], "pdf")).provisional is Provisional.COMMITMENT
    assert made.data.identifier == ""


def test_a_copy_is_tiled_with_recipient_purpose_and_day() -> None:
    """And leads to itself, not to the certificate it was made of."""
    office = desk()
    wish = request("resident-id-card")
    certificate = issue(wish, office)
    annotation = Annotation(
        recipient="示范县教育体育局",
        purpose="教育入学",
        creator="办理窗口",
        expires_at=office.now().replace(month=12),
        hidden=frozenset({"portrait", "id_number"}),
    )
    copy = make(wish.definition, certificate, annotation, wish.binding, office, wish.by)

    document = office.blobs.get(copy.documents["ofd"])
    shown = "".join(each.character for each in agreement.in_ofd(document))
    assert "仅供示范县教育体育局用于教育入学有效至2026-12-24" in shown
    assert "****" in shown
    assert wish.values["id_number"] not in shown
    data = read_data(carried(document, "ofd"))
    assert data.metadata["JZJBS"] == copy.identifier
    assert verify(document, now(), judges=house().judges).verdict is Verdict.PASSED


def test_a_face_that_does_not_fit_is_refused_by_item_and_rule() -> None:
    """Before anything is recorded: a character that no typeface has, and one of a watermark."""
    office = desk()
    values = {**request("business-licence").values, "name": "示范𠮷商贸有限公司"}
    stated = world.stated("business-licence", values)
    with pytest.raises(FaceRefused) as raised:
        begin(request("business-licence", values=values, stated=stated), office)
    assert [(each.item, each.rule) for each in raised.value.findings] == [("name", "glyph")]
    assert office.register.intent("case-1") is None


def test_what_another_process_left_is_judged_anew() -> None:
    """A sealed document that was changed on its way does not get into the register."""
    office = desk()
    intent = advance(begin(request("business-licence"), office), office)
    assert intent.stage is Stage.SEALED
    elsewhere = replace(office, sealer=sealer())
    document = office.blobs.get(intent.sealed["ofd"])

    assert elsewhere.sealer.faults(document, "ofd", intent.certificate.data_digest) == ()
    changed = bytearray(document)
    changed[len(changed) // 3] ^= 1
    found = elsewhere.sealer.faults(bytes(changed), "ofd", intent.certificate.data_digest)
    assert found
    lost = replace(intent, sealed={**intent.sealed, "ofd": office.blobs.put(bytes(changed))})
    office.register.advance(intent, lost)
    with pytest.raises(SealNotProven):
        advance(lost, elsewhere)


@pytest.mark.parametrize("format_", ["ofd", "pdf"])
def test_an_unsealed_document_and_one_of_other_data_have_faults(format_: str) -> None:
    """Whatever they look like."""
    office = desk()
    one, other = (issue(request("business-licence", key), office) for key in ("a", "b"))
    data = read_data(office.blobs.get(one.data_digest))
    edition = published("business-licence").numbered(1)
    unsealed = office.renderer.documents(edition, data)[format_]
    sealed = office.blobs.get(one.documents[format_])

    assert sealer().faults(unsealed, format_, one.data_digest)
    assert sealer().faults(sealed, format_, other.data_digest) == ("data",)
    assert sealer().faults(sealed[: len(sealed) // 2], format_, one.data_digest)
    assert sealer().faults(b"", format_, one.data_digest) == ("document",)


def test_a_seal_that_may_not_be_used_stops_the_issue_and_nothing_is_recorded() -> None:
    """Somebody to whom it was not granted; a format that no key is set up for."""
    office = desk()
    stranger = replace(request("business-licence"), by=world.CLERK)
    with pytest.raises(SealRefused):
        issue(stranger, office)
    intent = office.register.intent("case-1")
    assert intent is not None
    assert intent.stage is Stage.INTENDED

    without = replace(office, sealer=RegisteredSealer({}))
    with pytest.raises(KeyUnavailable):
        issue(request("business-licence", "case-2"), without)


def test_the_picture_of_a_sealed_pdf_shows_the_seal() -> None:
    """Whoever looks at it sees that it is sealed: red where the template has room for the seal."""
    office = desk("pdf")
    certificate = issue(request("business-licence"), office)
    (page,) = pages(office.blobs.get(certificate.documents["pdf"]), 72)
    ((at),) = office.renderer.seal_points(published("business-licence").numbered(1))
    x, y, half = (round(each * 72 / 25.4) for each in (at.x, at.y, at.diameter / 2))
    colours = page.crop((x - half, y - half, x + half, y + half)).getcolors(1 << 16) or []

    red = sum(n for n, (r, g, b) in colours if r > 180 and g < 60 and b < 60)  # type: ignore[misc, str-unpack]  # its pixels are triples
    assert red > 300
