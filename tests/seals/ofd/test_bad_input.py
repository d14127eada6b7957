"""Whole documents that somebody made to be believed: rightly packed and digested, and wrong.

Every document here is complete: its digests are right and its values are put in by hand, so that
only the step that is about the lie can find it.
"""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO

import pytest

from seals import der
from seals.authority import Profile
from seals.judging import chain_judge
from seals.keys import SM2Key
from seals.levels import Mode
from seals.making import prepare_seal
from seals.ofd.package import OFDPackage
from seals.ofd.verification import Judges, verify
from seals.report import Report
from seals.revocation import Reason, Revocation
from seals.seal import SM2_SM3, ListedCertificates, SealInfo, listed_by_digest
from seals.seal_reading import read_seal_signature
from seals.sm2 import N, Signature
from seals.verdicts import Step, Verdict
from tests.seals.ofd.test_chains_of_seals import sealed as sealed_in_chains
from tests.world.ofd import contents, document, sealed, without
from tests.world.pki import DAY, PKI, listed, pki, root
from tests.world.pki import NOW as PKI_NOW
from tests.world.seals import INFO, MAKER_CERT, MAKER_KEY, NOW, SIGNER_CERT, SIGNER_KEY

SIGNS = "/Doc_0/Signs/Sign_0/"
SIGNATURE, VALUE, SEAL = (SIGNS + name for name in ("Signature.xml", "SignedValue.dat", "Seal.esl"))
_PASSED = Step(
    number=1, key="path", verdict=Verdict.PASSED, reason="demo", zh="", en="", why_zh="", why_en=""
)
TRUSTED = Judges(chain=lambda *_: (_PASSED,))
ONE = sealed()


def judged(whole: bytes, judges: Judges = TRUSTED) -> Report:
    """The report, now."""
    return verify(whole, NOW, judges=judges)


def complaints(report: Report) -> set[tuple[str, str]]:
    """Question and reason of what did not pass."""
    return {(each.step.key, each.step.reason) for each in report.complaints}


# --- a seal, and a signature with it, as someone likes them ----------------------------------


def seal_der(
    info: SealInfo = INFO,
    key: SM2Key = MAKER_KEY,
    x509_cert: bytes = MAKER_CERT,
    value: bytes = b"",
) -> bytes:
    """A seal with this maker's value in it, right or not."""
    body = prepare_seal(info, x509_cert).to_sign
    rest = der.octets(x509_cert), der.oid(SM2_SM3), der.bits(value or key.sign(body))
    return der.sequence(body, *rest)


def under(
    seal: bytes, key: SM2Key = SIGNER_KEY, x509_cert: bytes = SIGNER_CERT, value: bytes = b""
) -> bytes:
    """The sealed document, this seal in the other's place, all digests right."""
    parts = contents(ONE)
    old, new = (OFDPackage.open(whole).digest(SEAL) for whole in (ONE, _with({SEAL: seal})))
    description = parts[SIGNATURE].replace(base64.b64encode(old), base64.b64encode(new))
    assert description != parts[SIGNATURE]
    digest = OFDPackage.open(_with({SIGNATURE: description})).digest(SIGNATURE)
    signed = der.sequence(
        der.integer(4),
        seal,
        der.generalized_time(NOW),
        der.bits(digest),
        der.tlv(der.IA5, SIGNATURE.encode()),
    )
    rest = der.octets(x509_cert), der.oid(SM2_SM3), der.bits(value or key.sign(signed))
    return _with({SEAL: seal, SIGNATURE: description, VALUE: der.sequence(signed, *rest)})


def _with(changes: Mapping[str, bytes]) -> bytes:
    return OFDPackage.open(ONE).rewritten(changes)


def test_what_is_made_by_hand_is_right() -> None:
    """Otherwise the cases below would show nothing."""
    assert judged(under(seal_der())).verdict is Verdict.PASSED


STRANGER = SM2Key.generate()
SEALS: dict[str, tuple[set[tuple[str, str]], Callable[[], bytes]]] = {
    "expired": (
        {("validity", "seal-expired")},
        lambda: under(seal_der(replace(INFO, valid_until=NOW - DAY))),
    ),
    "not yet valid": (
        {("validity", "seal-not-valid-yet")},
        lambda: under(seal_der(replace(INFO, valid_from=NOW + DAY))),
    ),
    "a wrong maker": (
        {("maker", "seal-forged")},
        lambda: under(seal_der(key=STRANGER)),
    ),
    "its own signer for its maker": (
        {("maker", "seal-forged")},
        lambda: under(seal_der(key=SIGNER_KEY)),
    ),
    "a signer whom it does not list": (
        {("listed", "not-listed")},
        lambda: under(seal_der(), MAKER_KEY, MAKER_CERT),
    ),
    "a signer whom its digests do not list": (
        {("listed", "not-listed")},
        lambda: under(seal_der(replace(INFO, signers=listed_by_digest(MAKER_CERT)))),
    ),
    "a certificate that is cut": (
        {("listed", "not-listed"), ("value", "key-unreadable")},
        lambda: under(seal_der(), SIGNER_KEY, SIGNER_CERT[:-1]),
    ),
    "another's key for the listed certificate": (
        {("value", "value-wrong")},
        lambda: under(seal_der(), STRANGER),
    ),
    "a list with a certificate more": (
        {("maker", "seal-forged")},
        lambda: under(
            seal_der(
                replace(INFO, signers=ListedCertificates(x509_certs=(SIGNER_CERT, MAKER_CERT))),
                value=MAKER_KEY.sign(prepare_seal(INFO, MAKER_CERT).to_sign),
            )
        ),
    ),
}


@pytest.mark.parametrize(("expected", "whole"), SEALS.values(), ids=SEALS)
def test_seals_that_are_not_to_be_used(
    expected: set[tuple[str, str]], whole: Callable[[], bytes]
) -> None:
    """Failed for this and for nothing else."""
    report = judged(whole())

    assert report.verdict is not Verdict.PASSED
    assert complaints(report) == expected


# --- signature values ---------------------------------------------------------------------------


def _integers(r: bytes, s: bytes, head: bytes = b"") -> bytes:
    body = bytes((2, len(r))) + r + bytes((2, len(s))) + s
    return (head or b"\x30") + bytes((len(body),)) + body


def _plain(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1)


NO_VALUES: dict[str, Callable[[Signature], bytes]] = {
    "r is nought": lambda right: _integers(b"\x00", _plain(right.s)),
    "s is nought": lambda right: _integers(_plain(right.r), b"\x00"),
    "r is n": lambda right: _integers(_plain(N), _plain(right.s)),
    "s is n": lambda right: _integers(_plain(right.r), _plain(N)),
    "s + n": lambda right: _integers(_plain(right.r), _plain(right.s + N)),
    "r + n": lambda right: _integers(_plain(right.r + N), _plain(right.s)),
    "s below nought": lambda right: _integers(_plain(right.r), b"\xff"),
    "padded": lambda right: _integers(b"\x00" + _plain(right.r), _plain(right.s)),
    "a long length": lambda right: b"\x30\x81" + right.der[1:],
    "an endless length": lambda right: b"\x30\x80" + right.der[2:] + b"\x00\x00",
    "a set": lambda right: b"\x31" + right.der[1:],
    "bytes behind": lambda right: right.der + b"\x00",
    "half": lambda right: right.der[:40],
    "raw, r is nought": lambda right: bytes(32) + right.raw[32:],
    "raw, s is n": lambda right: right.raw[:32] + N.to_bytes(32),
    "raw and a byte more": lambda right: right.raw + b"\x00",
}


def _right(der_of_seal: bytes) -> Signature:
    """The rightful signer's value over the document under this seal."""
    whole = contents(under(der_of_seal))[VALUE]
    return Signature.read(read_seal_signature(whole).value)


@pytest.mark.parametrize("name", NO_VALUES)
def test_values_of_the_signer(name: str) -> None:
    """What is no value in its one form and in range is none, in a whole document, too."""
    seal = seal_der()
    report = judged(under(seal, value=NO_VALUES[name](_right(seal))))

    assert report.verdict is Verdict.FAILED
    assert complaints(report) == {("value", "value-malformed")}


@pytest.mark.parametrize("name", NO_VALUES)
def test_values_of_the_maker(name: str) -> None:
    """As the signer's; the signer vouches for the seal as it is, and that helps nobody."""
    right = Signature.read(MAKER_KEY.sign(prepare_seal(INFO, MAKER_CERT).to_sign))
    report = judged(under(seal_der(value=NO_VALUES[name](right))))

    assert report.verdict is Verdict.FAILED
    assert complaints(report) == {("maker", "seal-value-malformed")}


def test_both_forms_of_a_right_value_pass() -> None:
    """DER as it is written here, and the 64 bytes that some software writes."""
    whole = under(seal_der())
    made = read_seal_signature(contents(whole)[VALUE])
    value = der.bits(Signature.read(made.value).raw)
    raw = der.sequence(made.signed, der.octets(SIGNER_CERT), der.oid(SM2_SM3), value)

    assert judged(OFDPackage.open(whole).rewritten({VALUE: raw})).verdict is Verdict.PASSED


# --- certificates: suspended, revoked, from nowhere ---------------------------------------------


def _judges(world: PKI, *revoked: tuple[Profile, Reason]) -> Judges:
    entries = (
        Revocation(serial=world.signers[profile].serial, at=PKI_NOW - DAY, reason=reason)
        for profile, reason in revoked
    )
    lists = [listed(world.root), listed(world.issuer, *entries)]
    return Judges(chain=chain_judge(world.anchors, world.intermediates, lists))


SIGNER, MAKER = Profile.ORGANISATION, Profile.SEAL_MAKER
REVOKED: dict[str, tuple[Profile, Reason, str, str]] = {
    "the signer suspended": (SIGNER, Reason.CERTIFICATE_HOLD, "signer-chain", "on-hold"),
    "the maker suspended": (MAKER, Reason.CERTIFICATE_HOLD, "maker-chain", "on-hold"),
    "the signer revoked": (SIGNER, Reason.SUPERSEDED, "signer-chain", "revoked"),
    "the maker revoked": (MAKER, Reason.CESSATION_OF_OPERATION, "maker-chain", "revoked"),
    "the signer's key stolen": (
        SIGNER, Reason.KEY_COMPROMISE, "signer-chain", "revoked-key-compromise"),
    "the maker's key stolen": (
        MAKER, Reason.KEY_COMPROMISE, "maker-chain", "revoked-key-compromise"),
}  # fmt: skip


@pytest.mark.parametrize("name", REVOKED)
def test_suspended_and_revoked(name: str) -> None:
    """The chain of the one it is about fails, and says why."""
    profile, reason, key, why = REVOKED[name]
    report = verify(sealed_in_chains(), PKI_NOW, judges=_judges(pki(), (profile, reason)))

    assert report.verdict is Verdict.FAILED
    assert complaints(report) == {(key, "chain-not-trusted")}
    (found,) = report.complaints
    assert why in {each.reason for each in found.because}


LATER: dict[str, tuple[Profile, Reason, set[tuple[str, str]]]] = {
    "the signer's key stolen": (
        SIGNER, Reason.KEY_COMPROMISE, {("signer-chain", "revoked-since")}),
    "the maker, nobody says why": (
        MAKER, Reason.UNSPECIFIED, {("maker-chain", "revoked-since")}),
    "the signer's certificate exchanged": (SIGNER, Reason.SUPERSEDED, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_revoked_after_the_time_that_the_signer_claims(name: str) -> None:
    """Whoever has a stolen key can claim any time: that proves nothing, and fails nothing. A key
    that was given up in good order still vouches for what it sealed.
    """
    profile, reason, expected = LATER[name]
    world, asked = pki(), PKI_NOW + 5 * DAY
    entry = Revocation(serial=world.signers[profile].serial, at=PKI_NOW + 2 * DAY, reason=reason)
    lists = [listed(world.root, at=asked), listed(world.issuer, entry, at=asked)]
    judge = chain_judge(world.anchors, world.intermediates, lists)

    report = verify(sealed_in_chains(), asked, judges=Judges(chain=judge))

    assert complaints(report) == expected
    assert report.verdict is (Verdict.INDETERMINATE if expected else Verdict.PASSED)


def test_a_chain_to_nowhere() -> None:
    """A root that nobody trusts: not judged to be good, whatever else is right."""
    judge = chain_judge([root(SM2Key.generate(), "另一个根").certificate])
    report = verify(sealed_in_chains(), PKI_NOW, judges=Judges(chain=judge))

    assert report.verdict is Verdict.INDETERMINATE
    assert {key for key, _ in complaints(report)} == {"signer-chain", "maker-chain"}


# --- the container of a sealed document ---------------------------------------------------------

PART = "/Doc_0/ext.bin"


def zipped(names: Mapping[str, str], more: Callable[[zipfile.ZipFile], None]) -> bytes:
    """The sealed document by the standard library, which lets more pass."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as writer:
        for name, content in contents(ONE).items():
            writer.writestr(names.get(name, name)[1:], content)
        more(writer)
    return out.getvalue()


def _link(writer: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("Doc_0/link.xml")
    info.external_attr = 0o120777 << 16
    writer.writestr(info, b"/etc/passwd")


def _bomb(writer: zipfile.ZipFile) -> None:
    writer.writestr("Doc_0/bomb.bin", bytes(3 << 20), zipfile.ZIP_DEFLATED)


def _many(writer: zipfile.ZipFile) -> None:
    for at in range(20_001):
        writer.writestr(f"Doc_0/{at}", b"")


def _encrypted() -> bytes:
    """The flag set in both headers of the first entry."""
    whole = bytearray(ONE)
    entry = OFDPackage.open(ONE).entries[0]
    whole[entry.begin + 6] |= 1
    whole[ONE.index(entry.head) + 8] |= 1
    return bytes(whole)


CONTAINERS: dict[str, tuple[set[tuple[str, str]], Callable[[], bytes]]] = {
    "as the standard library has it": (set(), lambda: zipped({}, lambda _: None)),
    "a part smuggled in": (
        {("coverage", "smuggled")},
        lambda: zipped({}, lambda writer: writer.writestr("Doc_0/more.xml", b"<a/>")),
    ),
    "a part renamed by case": (
        {("structure", "missing"), ("unchanged", "part-missing"), ("coverage", "smuggled")},
        lambda: zipped({PART: "/Doc_0/Ext.bin"}, lambda _: None),
    ),
    "a part beside its name in other letters": (
        {("container", "duplicate-name")},
        lambda: zipped({}, lambda writer: writer.writestr("Doc_0/EXT.BIN", b"x")),
    ),
    "a path upwards": (
        {("container", "parent-path")},
        lambda: zipped({}, lambda writer: writer.writestr("Doc_0/../../a", b"x")),
    ),
    "a symbolic link": ({("container", "symlink")}, lambda: zipped({}, _link)),
    "a bomb": ({("container", "ratio")}, lambda: zipped({}, _bomb)),
    "too many entries": ({("container", "too-many")}, lambda: zipped({}, _many)),
    "bytes before": ({("container", "bytes-before")}, lambda: b"%PDF-1.7\n" + ONE),
    "bytes behind": ({("container", "bytes-behind")}, lambda: ONE + b"\n"),
    "a sealed document behind another": ({("container", "bytes-before")}, lambda: ONE + ONE),
    "encrypted": ({("container", "encrypted")}, _encrypted),
}


@pytest.mark.parametrize(("expected", "whole"), CONTAINERS.values(), ids=CONTAINERS)
def test_containers_of_a_sealed_document(
    expected: set[tuple[str, str]], whole: Callable[[], bytes]
) -> None:
    """Refused before anything is unpacked, or told where it is missed."""
    report = judged(whole())

    assert complaints(report) == expected
    assert (report.verdict is Verdict.PASSED) == (not expected)


def test_seals_swapped_between_documents() -> None:
    """All signature parts of one document in another, one by one and together: never passed."""
    other = contents(sealed(document({PART: b"other"}), mode=Mode.WHOLE))
    names = [name for name in other if "/Signs/" in name]
    for chosen in [*([name] for name in names), names]:
        report = judged(_with({name: other[name] for name in chosen}))
        same = all(other[name] == contents(ONE)[name] for name in chosen)

        assert (report.verdict is Verdict.PASSED) == same
    assert judged(without(ONE, *names)).verdict is Verdict.INDETERMINATE
