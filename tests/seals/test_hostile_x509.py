"""Bytes from anywhere: readers and the judge of chains refuse or answer, and believe nothing changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals import ber, der
from seals.algorithms import Algorithm, by_identifier, by_oid
from seals.authority import Profile
from seals.chains import chain
from seals.curve import N
from seals.errors import Malformed, SealError, UnknownAlgorithm
from seals.keys import SM2Key, verifying_key
from seals.names import read_name
from seals.revocation import Revocation, RevocationList, read_list
from seals.sm2 import Signature
from seals.verdicts import Verdict
from seals.x509 import Extension, X509Certificate, read_bundle, read_x509
from tests.world import pki
from tests.world.pki import DAY, NOW

WORLD = pki.pki()
GOOD = WORLD.signers[Profile.ORGANISATION]
LIST = pki.listed(WORLD.issuer, *(Revocation(serial=n + 1, at=NOW - DAY) for n in range(5)))


def judged(certificate: X509Certificate, lists: Sequence[RevocationList] | None = None) -> Verdict:
    """In our world, now."""
    given_lists = WORLD.lists if lists is None else lists
    return chain(
        certificate, WORLD.intermediates, WORLD.anchors, NOW, lists=given_lists
    ).verdict  # fmt: skip


def test_no_changed_byte_passes() -> None:
    """Every byte of the certificate, one after the other."""
    for at in range(len(GOOD.der)):
        changed = GOOD.der[:at] + bytes((GOOD.der[at] ^ 0x01,)) + GOOD.der[at + 1 :]
        try:
            found = read_x509(changed)
        except Malformed:
            continue
        assert judged(found) is not Verdict.PASSED, at


def test_no_changed_byte_of_a_list_is_believed() -> None:
    """A list with any byte changed neither clears nor condemns anybody."""
    rest = [pki.listed(WORLD.root)]
    assert judged(GOOD, [*rest, LIST]) is Verdict.PASSED
    for at in range(len(LIST.der)):
        changed = LIST.der[:at] + bytes((LIST.der[at] ^ 0x01,)) + LIST.der[at + 1 :]
        try:
            found = read_list(changed)
        except Malformed:
            continue
        assert judged(GOOD, [*rest, found]) is Verdict.INDETERMINATE, at


@pytest.mark.parametrize("read", [read_x509, read_list], ids=["certificate", "list"])
def test_what_ends_early_is_refused(read: Callable[[bytes], object]) -> None:
    """Wherever it was cut."""
    whole = GOOD.der if read is read_x509 else LIST.der
    for end in range(len(whole)):
        with pytest.raises(Malformed):
            read(whole[:end])


SIGNATURE = Signature.read(GOOD.signature)
R, S = der.integer(SIGNATURE.r), der.integer(SIGNATURE.s)
ALMOST: dict[str, bytes] = {
    "r is nought": der.sequence(der.integer(0), S),
    "s is nought": der.sequence(R, der.integer(0)),
    "r is n": der.sequence(der.integer(N), S),
    "s is n": der.sequence(R, der.integer(N)),
    "s + n": der.sequence(R, der.integer(SIGNATURE.s + N)),
    "r + n": der.sequence(der.integer(SIGNATURE.r + N), S),
    "n - s": der.sequence(R, der.integer(N - SIGNATURE.s)),
    "negative": der.sequence(der.integer(-SIGNATURE.r), S),
    "padded": der.sequence(b"\x02\x22\x00\x00" + SIGNATURE.r.to_bytes(32), S),
    "long length": b"\x30\x81" + SIGNATURE.der[1:],
    "indefinite length": b"\x30\x80" + SIGNATURE.der[2:] + b"\0\0",
    "a byte behind": SIGNATURE.der + b"\0",
    "a third number": der.sequence(R, S, der.integer(1)),
    "one number": der.sequence(R),
    "turned round": der.sequence(S, R),
    "nothing": b"",
    "raw, cut": SIGNATURE.raw[:-1],
    "raw, s is n": SIGNATURE.raw[:32] + N.to_bytes(32),
    "huge": SIGNATURE.der + bytes(20_000),
}


def _signed_with(signature: bytes) -> X509Certificate:
    return read_x509(der.sequence(GOOD.tbs, GOOD.algorithm, der.bits(signature)))


@pytest.mark.parametrize("name", ALMOST)
def test_what_is_almost_its_signature(name: str) -> None:
    """Does not hold."""
    assert judged(_signed_with(ALMOST[name])) is Verdict.FAILED


def test_a_raw_signature_is_read() -> None:
    """Some write r ‖ s where DER belongs."""
    assert judged(_signed_with(SIGNATURE.raw)) is Verdict.PASSED


ALGORITHMS: dict[str, bytes] = {
    "nothing": b"",
    "no sequence": der.null(),
    "empty": der.sequence(),
    "a number": der.sequence(der.integer(5)),
    "three parts": der.sequence(der.oid("1.2.3"), der.null(), der.null()),
    "unknown": der.sequence(der.oid("1.2.3.4")),
    "MD5 with RSA": der.sequence(der.oid("1.2.840.113549.1.1.4"), der.null()),
    "parameters for SM2": der.sequence(der.oid("1.2.156.10197.1.501"), der.integer(1)),
    "PSS without parameters": der.sequence(der.oid("1.2.840.113549.1.1.10")),
    "PSS with a salt of none": Algorithm.RSA_PSS_SHA256.identifier.replace(
        der.integer(32), der.integer(0)
    ),
    "an OID that never ends": der.sequence(der.tlv(der.OID, b"\x80" * 40)),
    "an OID of a kilobyte": der.sequence(der.tlv(der.OID, b"\x01" * 1000)),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_is_no_algorithm(name: str) -> None:
    """Unknown or malformed, and never another one."""
    with pytest.raises((UnknownAlgorithm, Malformed)):
        by_identifier(ALGORITHMS[name])


def test_every_algorithm_reads_itself() -> None:
    """What we write is what we read; a NULL may be there or not."""
    for algorithm in Algorithm:
        assert by_identifier(algorithm.identifier) is algorithm
    assert by_identifier(der.sequence(der.oid("1.2.156.10197.1.501"), der.null())) is Algorithm.SM2
    assert by_oid("1.2.156.10197.1.301.1") is Algorithm.SM2


READERS: dict[str, Callable[[bytes], object]] = {
    "certificate": read_x509,
    "bundle": read_bundle,
    "list": read_list,
    "name": lambda data: read_name(ber.whole(data)),
    "algorithm": by_identifier,
    "key": verifying_key,
    "text": lambda data: ber.text(ber.whole(data)),
    "time": lambda data: ber.moment(ber.whole(data)),
    "oid": lambda data: ber.oid(ber.whole(data)),
    "bits": lambda data: ber.named_bits(ber.whole(data)),
}


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=150, deadline=None)
@given(data=st.one_of(
    st.binary(max_size=200),
    st.builds(der.tlv, st.sampled_from([2, 3, 5, 6, 0x0C, 0x13, 0x14, 0x17, 0x18, 0x1E, 0x30]),
              st.binary(max_size=60)),
))  # fmt: skip
def test_no_bytes_break_a_reader(name: str, data: bytes) -> None:
    """A value, or an error of ours; nothing else crosses the door."""
    try:
        READERS[name](data)
        refused = ""
    except SealError as why:
        refused = str(why)
    assert len(refused) < 80


def _mutated(whole: bytes, seed: int) -> bytes:
    """Bytes changed, cut, doubled, put elsewhere, or replaced by another part of the same."""
    chance = random.Random(seed)  # noqa: S311  (a test's dice)
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 30)]
            case 3:
                data[at] = chance.choice((0x30, 0x31, 0x80, 0x84, 0xA0, 0xA3, 0xFF, 0x1F))
            case _:
                other = chance.randrange(len(data))
                data[at : at + 12] = data[other : other + 12]
        if not data:
            return b""
    return bytes(data)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**40))
def test_no_mutation_of_a_certificate_is_believed(seed: int) -> None:
    """Whatever is read of it, the judge gives a verdict; it passes only where nothing was changed."""
    try:
        found = read_x509(_mutated(GOOD.der, seed))
    except Malformed:
        return
    if judged(found) is Verdict.PASSED:
        assert found.tbs == GOOD.tbs
    assert len(str(found.subject)) < 10_000


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**40))
def test_no_mutation_of_a_list_is_believed(seed: int) -> None:
    """As for certificates."""
    try:
        found = read_list(_mutated(LIST.der, seed))
        entries = list(found.revocations())
    except Malformed:
        return
    if judged(GOOD, [pki.listed(WORLD.root), found]) is not Verdict.INDETERMINATE:
        assert found.tbs == LIST.tbs
        assert len(entries) == 5


def test_a_list_of_a_hundred_thousand() -> None:
    """Is read, and asked about one of them without reading the others again."""
    revoked = [Revocation(serial=n + 1, at=NOW - DAY) for n in range(100_000)]
    found = pki.listed(WORLD.issuer, *revoked)
    assert len(found) == 100_000
    assert found.revocation(77_777) == revoked[77_776]
    assert found.revocation(100_001) is None
    assert judged(GOOD, [pki.listed(WORLD.root), found]) is Verdict.PASSED


NO_LISTS: dict[str, bytes] = {
    "nothing": b"",
    "a certificate": GOOD.der,
    "a byte behind": LIST.der + b"\0",
    "huge": bytes(65 * 1024 * 1024),
    "two lists in one file": b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n" * 2,
    "PEM of something else": b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    "PEM of no base64": b"-----BEGIN X509 CRL-----\nA\n-----END X509 CRL-----\n",
    "nested deeply": b"\x30\x80" * 30_000,
}


@pytest.mark.parametrize("name", NO_LISTS)
def test_what_is_no_list(name: str) -> None:
    """It is refused with a short key."""
    with pytest.raises(Malformed):
        read_list(NO_LISTS[name])


def test_deep_nesting_inside_an_extension_is_never_walked() -> None:
    """What nobody asks for is not read, however deep it goes."""
    deep = b""
    for _ in range(3_000):
        deep = der.sequence(deep)
    unknown = pki.wanted(
        Profile.PERSON, SM2Key.generate(),
        extensions=(Extension("1.2.3.4", critical=False, value=deep),),
    )  # fmt: skip
    assert judged(WORLD.issuer.issue(unknown)) is Verdict.PASSED
