"""Electronic seals in PDF that are not what they say: each fails at the step that it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals import der, judging
from seals.judging import Judges
from seals.making import make_seal
from seals.pdf import Intent, Policy, inspect, verify
from seals.pdf.inspection import Kind
from seals.pdf.model import MM
from seals.pdf.shown import Look
from seals.pdf.wording import REASONS
from seals.report import Report
from seals.revocation import Reason, Revocation
from seals.seal import ListedCertificates
from seals.sm2 import Signature
from seals.verdicts import Verdict
from tests.world import sealed
from tests.world.eseals import (
    MAKER,
    ORGANISATION,
    PERSON,
    Holder,
    eseal,
    esealed,
    forged,
    impression,
    judged,
    judges,
    plain,
)
from tests.world.pages import Draft, updated
from tests.world.pki import DAY, NOW, listed, pki
from tests.world.seals import INFO, MAKER_CERT, MAKER_KEY


def gap(pdf: bytes) -> tuple[int, int]:
    """From `<` to behind `>` of the newest value."""
    found = re.findall(rb"/ByteRange \[0 (\d+) (\d+) \d+", pdf)[-1]
    return int(found[0]), int(found[1])


def filled(pdf: bytes, value: bytes) -> bytes:
    """Another value in the newest gap."""
    before, behind = gap(pdf)
    told = value.hex().encode()
    return b"".join(
        (pdf[: before + 1], told, b"0" * (behind - before - 2 - len(told)), pdf[behind - 1 :])
    )


def value(pdf: bytes) -> bytes:
    """What fills the newest gap, without its zeros."""
    before, behind = gap(pdf)
    content = bytes.fromhex(pdf[before + 1 : behind - 1].decode())
    return content[: 4 + int.from_bytes(content[2:4])]


class Writer(Holder):
    """Somebody who writes what is no signature of the message."""

    def __init__(self, told: Callable[[bytes], bytes]) -> None:
        super().__init__()
        object.__setattr__(self, "told", told)

    told: Callable[[bytes], bytes]

    def sign(self, message: bytes) -> bytes:
        """What it writes."""
        return self.told(super().sign(message))


ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


def pair(r: int, s: int) -> bytes:
    """DER of two numbers."""
    return der.sequence(der.integer(r), der.integer(s))


def beyond(told: bytes) -> bytes:
    """The same value once around the order."""
    read = Signature.read(told)
    return pair(read.r, read.s + ORDER)


def own_maker() -> bytes:
    """A seal that somebody has made for himself."""
    info = replace(
        INFO,
        signers=ListedCertificates(x509_certs=(ORGANISATION.chain[0],)),
        created_at=NOW - DAY,
        valid_from=NOW - DAY,
        valid_until=NOW + DAY,
        picture=impression(),
    )
    return make_seal(info, MAKER_KEY, MAKER_CERT).der


def renamed(seal: bytes) -> bytes:
    """Another name in the seal, its length the same."""
    return seal.replace("示范市演示局".encode(), "示范市演示厅".encode())


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A change of the same length, made before signing."""

    def change(pdf: bytes) -> bytes:
        assert old in pdf
        assert len(old) == len(new)
        return pdf.replace(old, new)

    return change


OTHER = Draft(content="0 g 0 0 9 9 re f").pdf()
LATER = datetime.now(UTC) + timedelta(days=1)

ATTACKS: dict[str, tuple[set[tuple[int, str]], Callable[[], bytes]]] = {
    "value of another document": (
        {(11, "changed")}, lambda: filled(esealed(), value(esealed(OTHER))),
    ),
    "value of the first field in the second": (
        {(11, "changed"), (13, "other-place")},
        lambda: filled(forged(forged()), value(forged())),
    ),
    "digest of nothing": ({(11, "changed")}, lambda: forged(digest=bytes(32))),
    "place of another field": (
        {(13, "other-place")}, lambda: forged(protected="pdf:Seal9[0 1 2 3]"),
    ),
    "place within an OFD": (
        {(13, "other-place")}, lambda: forged(protected="/Doc_0/Signs/Sign_0/Signature.xml"),
    ),
    "signed by somebody else": ({(14, "value-wrong")}, lambda: forged(signed_by=PERSON)),
    "r is nought": ({(14, "value-malformed")}, lambda: forged(signed_by=Writer(lambda _: pair(0, 1)))),
    "s is the order": (
        {(14, "value-malformed")}, lambda: forged(signed_by=Writer(lambda _: pair(1, ORDER))),
    ),
    "s is once around": ({(14, "value-malformed")}, lambda: forged(signed_by=Writer(beyond))),
    "no value": ({(14, "value-malformed")}, lambda: forged(signed_by=Writer(lambda _: b""))),
    "signer not in the list": (
        {(15, "not-listed")}, lambda: forged(signed_by=PERSON, named=PERSON),
    ),
    "seal changed": ({(16, "seal-forged")}, lambda: forged(seal=renamed(eseal().der))),
    "seal of one's own": ({(19, "chain-not-judged")}, lambda: forged(seal=own_maker())),
    "seal expired": (
        {(17, "seal-expired")},
        lambda: forged(seal=eseal(valid_from=NOW - 9 * DAY, valid_until=NOW - DAY).der),
    ),
    "seal not yet in force": (
        {(17, "seal-not-valid-yet")}, lambda: forged(seal=eseal(valid_from=NOW + DAY).der),
    ),
    "signer expired": (
        {(18, "chain-not-trusted")}, lambda: forged(at=NOW + 400 * DAY),
    ),
    "sealed tomorrow": ({(20, "in-the-future")}, lambda: forged(at=LATER)),
    "another picture is shown": (
        {(22, "other-picture")}, lambda: forged(shows=sealed.appearance()),
    ),
    "picture is flagged as hidden": (
        {(22, "picture-hidden")}, lambda: forged(change=swapped(b"/F 132", b"/F 134")),
    ),
    "picture is painted otherwise": (
        {(22, "picture-not-compared")}, lambda: forged(change=swapped(b"/Seal Do Q", b"/Seal Do  ")),
    ),
    "picture is stretched": (
        {(22, "picture-not-compared")},
        lambda: forged(change=lambda pdf: re.sub(rb"\nq 1(\d\d)", rb"\nq 2\1", pdf)),
    ),
    "picture is coloured otherwise": (
        {(22, "picture-not-compared")}, lambda: forged(change=swapped(b"/DeviceRGB", b"/DeviceCMY")),
    ),
    "picture's mask is another": (
        {(22, "picture-not-compared")},
        lambda: forged(change=swapped(b"/DeviceGray", b"/CalibGray ")),
    ),
    "seal under the name of PAdES": (
        {(10, "signature-unreadable")},
        lambda: forged(names=("Adobe.PPKLite", "ETSI.CAdES.detached")),
    ),
    "PAdES under the name of seals": (
        {(10, "seal-unreadable")},
        lambda: plain().replace(b"/ETSI.CAdES.detached", b"/GM.sm2seal         "),
    ),
    "half a value": (
        {(10, "seal-unreadable")}, lambda: filled(esealed(), value(esealed())[:2000]),
    ),
    "two values": (
        {(10, "bytes-in-gap")}, lambda: filled(forged(), value(forged()) + b"\x30\x00"),
    ),
    "changed after certification": (
        {(12, "certified-changed")},
        lambda: updated(esealed(intent=Intent.CERTIFIED), {190: b"<< >>", 3: Draft(
            page="/Rotate 180").objects()[3]}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_fails_at_its_step(attack: str) -> None:
    """By number and reason; the rest is judged all the same."""
    expected, make = ATTACKS[attack]
    report = judged(make())

    assert report.verdict is not Verdict.PASSED
    assert expected <= {(each.step.number, each.step.reason) for each in report.complaints}


SOUND: dict[str, Callable[[], bytes]] = {
    "as it is written": forged,
    "value of 64 bytes": lambda: forged(signed_by=Writer(lambda told: Signature.read(told).raw)),
    "of a vendor, which names no place": lambda: forged(
        names=("Vendor.PKILite", "GM.sm2seal"), protected="anything"
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_what_others_write_is_accepted(case: str) -> None:
    """The forger's hand is not what fails; others may write a value or a place in their own way."""
    assert sealed.said(judged(SOUND[case]())) == set()


def test_a_revoked_signer_is_told() -> None:
    """The chain of the signer fails, that of the maker does not."""
    world = pki()
    entry = Revocation(
        serial=world.signers[ORGANISATION.profile].serial,
        at=NOW - DAY,
        reason=Reason.KEY_COMPROMISE,
    )
    lists = [listed(world.root), listed(world.issuer, entry)]
    knowing = Judges(chain=judging.chain_judge(world.anchors, world.intermediates, lists))
    complaints = {each.step.key for each in judged(esealed(), knowing).complaints}

    assert complaints == {"signer-chain"}
    assert MAKER is not ORGANISATION.profile


def test_a_policy_may_want_more() -> None:
    """A timestamp, other digests, other algorithms: all that is amiss is told."""
    policy = Policy(
        timestamp_wanted=True, digests=frozenset({"sha256"}), algorithms=frozenset({"ed25519"})
    )
    report = verify(esealed(), NOW, policy, judges())

    assert {"timestamp-wanted", "digest-weak", "algorithm-not-allowed"} <= sealed.said(report)


def test_a_seal_that_is_not_seen_is_told_as_such() -> None:
    """Facts say where it stands; a place off the page fails."""
    facts = inspect(forged(change=swapped(b"/F 132", b"/F 134"))).signatures[0]
    assert facts.kind is Kind.ELECTRONIC_SEAL
    assert facts.shown is not None
    assert [each.look for each in facts.shown] == [Look.HIDDEN]
    whole = forged()
    box = re.search(rb"/Rect \[\s*([0-9.]+)\s+([0-9.]+)\s+([0-9.]+)\s+([0-9.]+)", whole)
    assert box is not None
    left, right = float(box[1]), float(box[3])
    assert right - left == pytest.approx(42 * MM, abs=0.1)
    low, high = (swapped(box[at], digit * len(box[at])) for at, digit in ((1, b"8"), (3, b"9")))
    beside = judged(forged(change=lambda pdf: high(low(pdf))))
    assert "off-page" in sealed.said(beside)


MADE = esealed()


def steps(report: Report) -> set[str]:
    """Questions that did not go well."""
    return {each.step.key for each in report.complaints}


def test_every_byte_of_the_value_counts() -> None:
    """A bit flipped anywhere in the seal signature: something named fails, of form, seal or value."""
    before, _ = gap(MADE)
    told = value(MADE)
    for at in [*range(0, 200, 7), *range(200, len(told), len(told) // 150)]:
        turned = told[:at] + bytes((told[at] ^ 1,)) + told[at + 1 :]
        report = judged(
            MADE[: before + 1] + turned.hex().encode() + MADE[before + 1 + 2 * len(turned) :]
        )
        assert report.verdict is not Verdict.PASSED, at
        assert steps(report), at


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_scrambled_values_never_fall(data: st.DataObject) -> None:
    """Pieces cut out, doubled and overwritten within the gap: judged, and not passed."""
    told = value(MADE)
    at = data.draw(st.integers(0, len(told) - 1))
    put = data.draw(st.binary(min_size=1, max_size=40))
    size = data.draw(st.integers(0, 60))
    changed = told[:at] + put + told[at + size :]
    report = judged(filled(MADE, changed))

    assert changed.rstrip(b"\x00") == told.rstrip(b"\x00") or report.verdict is not Verdict.PASSED
    assert {each.step.reason for each in report.all_findings()} <= set(REASONS)
