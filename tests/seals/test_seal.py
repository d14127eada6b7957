"""Seals and seal signatures: made and read back, made by others, and almost right."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals import der
from seals.algorithms import Algorithm
from seals.asn1 import MAX_COUNT, Fields
from seals.classical import ClassicalKey
from seals.errors import MalformedSeal, SealingFailed, SealRefused
from seals.glyphs import song
from seals.impression import RoundSeal, picture, round_seal
from seals.judging import NOBODY
from seals.keys import SM2Key
from seals.making import (
    embed_seal,
    embed_signature,
    make_seal,
    prepare_seal,
    prepare_signature,
    sign,
)
from seals.ofd.verification import POLICY
from seals.proportions import Level
from seals.seal import (
    Edition,
    Extension,
    ListedCertificates,
    ListedDigest,
    ListedDigests,
    SealInfo,
    SignatureState,
    listed_by_digest,
)
from seals.seal_judging import judged_seal
from seals.seal_reading import read_seal, read_seal_signature
from seals.sm2 import PrivateKey, PublicKey, Signature
from tests.world.samples import sample
from tests.world.seals import (
    DOT,
    INFO,
    MAKER_CERT,
    MAKER_KEY,
    NOW,
    SIGNER_CERT,
    SIGNER_KEY,
    seal,
    x509_cert,
)
from tests.world.services import without

MATCHES, DIFFERS = SignatureState.MATCHES, SignatureState.DIFFERS
DIGEST = hashlib.new("sm3", b"the original").digest()
PATH = "/Doc_0/Signs/Sign_0/Signature.xml"


def ia5(told: str) -> bytes:
    """An IA5String."""
    return der.tlv(der.IA5, told.encode())


def part(name: str, path: str) -> bytes:
    """A part of an OFD made by others."""
    with zipfile.ZipFile(io.BytesIO(sample(name))) as package:
        return package.read(path.removeprefix("/"))


def signed() -> bytes:
    """A seal signature by the signer of the invented country."""
    return sign(DIGEST, seal(), SIGNER_KEY, SIGNER_CERT, NOW, PATH).der


# --- made and read back -----------------------------------------------------------------------


def test_a_seal_is_written_as_the_standard_has_it() -> None:
    """A vector made with asn1crypto: the DER of SES_SealInfo and the digest the maker signs."""
    day = datetime(2025, 8, 1, tzinfo=UTC)
    value = hashlib.new("sm3", b"demo certificate bytes").digest()
    info = replace(
        INFO,
        vendor="HUB",
        number="11010100000001",
        name="演示印章",
        signers=ListedDigests(
            digests=(ListedDigest(algorithm="1.2.156.10197.1.401", value=value),)
        ),
        created_at=day,
        valid_from=day,
        valid_until=day.replace(year=2030),
    )

    der = prepare_seal(info, MAKER_CERT).to_sign

    assert len(der) == 250
    digest = "93a2c1c7e6b423710421a2139f12e78063ec068d7f4514c0db1b492237211264"
    assert hashlib.new("sm3", der).hexdigest() == digest


def test_a_seal_reads_back_as_it_was_made() -> None:
    """Every field, and the maker's signature over the original bytes."""
    extension = Extension(oid="1.2.156.10197.6.7.2.2.1", critical=False, value=b"\x13\x032.1")
    info = replace(INFO, extensions=(extension,), signers=listed_by_digest(SIGNER_CERT))

    made = make_seal(info, MAKER_KEY, MAKER_CERT)

    assert made.info == info
    assert made.edition is Edition.GBT38540_2020
    assert made.x509_cert == MAKER_CERT
    assert made.maker_signature() is MATCHES
    assert read_seal(made.der) == made
    assert made.info.signers.lists(SIGNER_CERT)
    assert not made.info.signers.lists(MAKER_CERT)


def test_a_seal_signature_reads_back_as_it_was_made() -> None:
    """Digest, time, seal and signer; the signature is over the original TBS."""
    made = read_seal_signature(signed())

    assert (made.digest, made.claimed_at, made.property_info) == (DIGEST, NOW, PATH)
    assert made.seal == seal() or made.seal.info == INFO
    assert made.signer_signature() is MATCHES
    assert made.seal.maker_signature() is MATCHES
    assert made.signer_listed()
    assert made.timestamp == b""
    assert made.signed in made.der


def test_two_motions_with_a_timestamp_between() -> None:
    """The key sees the bytes to sign and nothing else; token and extensions are carried."""
    extension = Extension(oid="1.2.3.4", critical=True, value=b"x")
    prepared = prepare_signature(DIGEST, seal(), SIGNER_CERT, NOW, PATH, (extension,))
    value = SIGNER_KEY.sign(prepared.to_sign)

    made = embed_signature(prepared, value, b"a token")

    assert made.timestamp == b"a token"
    assert made.extensions == (extension,)
    assert made.value == value
    assert PublicKey.from_certificate(SIGNER_CERT).verify(Signature.read(value), made.signed)


def test_what_another_key_signed_does_not_leave() -> None:
    """Seal and seal signature alike."""
    stranger = SM2Key(private=PrivateKey(99))
    prepared = prepare_signature(DIGEST, seal(), SIGNER_CERT, NOW, PATH)

    with pytest.raises(SealingFailed):
        make_seal(INFO, stranger, MAKER_CERT)
    with pytest.raises(SealingFailed):
        embed_signature(prepared, stranger.sign(prepared.to_sign))
    with pytest.raises(SealingFailed):
        embed_seal(prepare_seal(INFO, MAKER_CERT), Signature(r=1, s=1).der)


def test_openssls_own_command_line_agrees(tmp_path: Path) -> None:
    """It walks the DER that we write, and verifies the signer over `TBS_Sign` and the maker over
    `SES_SealInfo`; over changed bytes it does not.
    """
    program = shutil.which("openssl")
    if program is None:
        without("no openssl command here")
    drawing = round_seal(RoundSeal(ring="示范市大数据管理局", level=Level.DEPARTMENT), song())
    info = replace(INFO, picture=picture(drawing))
    made = sign(DIGEST, make_seal(info, MAKER_KEY, MAKER_CERT), SIGNER_KEY, SIGNER_CERT, NOW, PATH)
    (tmp_path / "whole").write_bytes(made.der)
    walk = [program, "asn1parse", "-inform", "DER", "-in", tmp_path / "whole"]
    walked = subprocess.run(walk, capture_output=True, text=True, check=True).stdout
    assert walked.count("SM2-with-SM3") == 2
    assert made.seal.info.picture.width == 45

    for key, signed_bytes, value in (
        (SIGNER_KEY, made.signed, made.value),
        (MAKER_KEY, made.seal.signed, made.seal.value),
    ):
        (tmp_path / "key").write_text(PublicKey.from_spki(key.spki).pem)
        (tmp_path / "value").write_bytes(value)
        for data, right in ((signed_bytes, True), (signed_bytes + b"x", False)):
            (tmp_path / "data").write_bytes(data)
            verify = [program, "dgst", "-sm3", "-sigopt", "distid:1234567812345678"]
            verify += ["-verify", tmp_path / "key", "-signature", tmp_path / "value"]
            done = subprocess.run([*verify, tmp_path / "data"], capture_output=True, check=False)
            assert (done.returncode == 0) is right


def test_a_key_of_another_kind_makes_and_sets_no_seal() -> None:
    """GB/T 38540 names SM2."""
    key = ClassicalKey.generate(Algorithm.ECDSA_SHA256)
    with pytest.raises(SealRefused, match="key-algorithm"):
        make_seal(INFO, key, MAKER_CERT)
    with pytest.raises(SealRefused, match="key-algorithm"):
        sign(DIGEST, seal(), key, SIGNER_CERT, NOW, PATH)


BARE = datetime(2026, 1, 1)  # noqa: DTZ001  a time without zone is the case
NOT_MADE: dict[str, tuple[str, SealInfo]] = {
    "another version": ("version", replace(INFO, version=5)),
    "another header": ("version", replace(INFO, header="XX")),
    "over before it begins": ("validity", replace(INFO, valid_until=INFO.valid_from)),
    "nobody may use it": ("no-signers", replace(INFO, signers=ListedCertificates(x509_certs=()))),
    "no digest": ("no-signers", replace(INFO, signers=ListedDigests(digests=()))),
    "no width": ("size", replace(INFO, picture=replace(INFO.picture, width=0))),
    "wide as a house": ("size", replace(INFO, picture=replace(INFO.picture, width=5000))),
    "no picture": ("no-picture", replace(INFO, picture=replace(INFO.picture, data=b""))),
    "no name": ("characters", replace(INFO, name="")),
    "a name that runs backwards": ("characters", replace(INFO, name="示范市\u202e演示局")),
    "half a character": ("characters", replace(INFO, name="\ud800")),
    "a number in Chinese": ("characters", replace(INFO, number="九九")),
    "a picture that nobody paints": (
        "picture-type",
        replace(INFO, picture=replace(INFO.picture, type="SVG")),
    ),
    "valid from no certain time": ("time", replace(INFO, valid_from=BARE)),
    "no time zone": ("time", replace(INFO, created_at=BARE)),
}


@pytest.mark.parametrize(("why", "info"), NOT_MADE.values(), ids=NOT_MADE)
def test_what_is_not_made(why: str, info: SealInfo) -> None:
    """A seal that its readers could not read or should not believe."""
    with pytest.raises(SealRefused) as refused:
        prepare_seal(info, MAKER_CERT)

    assert refused.value.why == why


def test_what_is_not_signed() -> None:
    """Each reason under its key."""
    good, other = seal(), x509_cert(SM2Key(private=PrivateKey(99)), "别人")
    extension = Extension(oid="1.2.3", critical=True, value=b"")
    strict = make_seal(replace(INFO, extensions=(extension,)), MAKER_KEY, MAKER_CERT)
    late, early = NOW + timedelta(days=301), NOW - timedelta(days=31)
    older = replace(good, edition=Edition.GMT0031_2014)
    cases = [
        ("digest", DIGEST[:31], good, SIGNER_CERT, NOW, PATH),
        ("edition", DIGEST, older, SIGNER_CERT, NOW, PATH),
        ("seal-signature", DIGEST, replace(good, signed=b"?"), SIGNER_CERT, NOW, PATH),
        ("seal-extension", DIGEST, strict, SIGNER_CERT, NOW, PATH),
        ("time", DIGEST, good, SIGNER_CERT, BARE, PATH),
        ("seal-not-valid-yet", DIGEST, good, SIGNER_CERT, early, PATH),
        ("seal-expired", DIGEST, good, SIGNER_CERT, late, PATH),
        ("signer-not-listed", DIGEST, good, other, NOW, PATH),
        ("characters", DIGEST, good, SIGNER_CERT, NOW, "/文档/Signature.xml"),
    ]
    for why, digest, made, certificate, at, path in cases:
        with pytest.raises(SealRefused) as refused:
            prepare_signature(digest, made, certificate, at, path)

        assert refused.value.why == why


# --- made by others ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "edition", "version", "kind"),
    [
        ("UserV1.esl", Edition.GMT0031_2014, 1, 1),
        ("UserV4.esl", Edition.GBT38540_2020, 4, 3),
        ("UserV5.esl", Edition.GMT0031_2025, 5, 3),
    ],
)
def test_seals_of_three_editions_made_by_others(
    name: str, edition: Edition, version: int, kind: int
) -> None:
    """They read without deviation; the maker's signature is right over each edition's bytes."""
    found = read_seal(sample(name))

    assert (found.edition, found.info.version, found.info.type) == (edition, version, kind)
    assert (found.info.picture.type, found.info.picture.width) == ("PNG", 40)
    assert found.info.valid_until - found.info.valid_from >= timedelta(days=730)
    assert found.maker_signature() is MATCHES
    assert found.deviations == ()
    assert replace(found, signed=found.signed[:-1] + b"?").maker_signature() is DIFFERS


@pytest.mark.parametrize(
    ("name", "in_force"),
    [("SESV4SignDoc.ofd", False), ("allprotected.ofd", True), ("V4RideRight.ofd", True)],
)
def test_seal_signatures_made_by_others(name: str, in_force: bool) -> None:
    """Both signatures are right, the digest is that of Signature.xml, the seal beside is the one
    inside, the signer is listed; whether the seal was in force is as the samples' list says.
    """
    found = read_seal_signature(part(name, PATH.replace("Signature.xml", "SignedValue.dat")))

    assert found.signer_signature() is MATCHES
    assert found.seal.maker_signature() is MATCHES
    assert found.signer_listed()
    assert found.digest == hashlib.new("sm3", part(name, PATH)).digest()
    assert found.seal.der == part(name, PATH.replace("Signature.xml", "Seal.esl"))
    assert found.property_info == PATH
    assert found.deviations == ()
    assert found.claimed_at is not None
    assert found.seal.info.in_validity(found.claimed_at) is in_force


def test_a_bare_signature_value_is_no_seal_signature() -> None:
    """The one of a file with `Type="Sign"`."""
    with pytest.raises(MalformedSeal):
        read_seal_signature(
            part("DigitalSign.ofd", PATH.replace("Signature.xml", "SignedValue.dat"))
        )


# --- of other editions, made here --------------------------------------------------------------


def old_seal(version: int = 1) -> bytes:
    """A seal after GM/T 0031-2014."""
    day = der.tlv(der.UTC_TIME, b"260101000000Z")
    end = der.tlv(der.UTC_TIME, b"280101000000Z")
    info = der.sequence(
        der.sequence(ia5("ES"), der.integer(version), ia5("M")),
        ia5("1"),
        der.sequence(
            der.integer(1),
            der.utf8("旧章"),
            der.sequence(der.octets(SIGNER_CERT)),
            day,
            day,
            end,
        ),
        der.sequence(ia5("PNG"), der.octets(DOT), der.integer(40), der.integer(40)),
    )
    told = (info, der.octets(MAKER_CERT), der.oid("1.2.156.10197.1.501"))
    value = MAKER_KEY.sign(der.sequence(*told))
    return der.sequence(info, der.sequence(*told[1:], der.bits(value)))


OLD_TIMES: dict[str, tuple[bytes, datetime | None, bytes]] = {
    "a UTCTime": (der.tlv(der.UTC_TIME, b"261124060000Z"), NOW, b""),
    "its bare content": (b"20261124060000Z", NOW, b""),
    "a timestamp": (b"\x30\x03\x02\x01\x00", None, b"\x30\x03\x02\x01\x00"),
}


@pytest.mark.parametrize(("told", "claimed", "token"), OLD_TIMES.values(), ids=OLD_TIMES)
def test_a_seal_signature_of_2014(told: bytes, claimed: datetime | None, token: bytes) -> None:
    """Certificate and algorithm lie inside what is signed; the time is a time or a timestamp."""
    tbs = der.sequence(
        der.integer(1),
        old_seal(),
        der.bits(told),
        der.bits(DIGEST),
        ia5(PATH),
        der.octets(SIGNER_CERT),
        der.oid("1.2.156.10197.1.501"),
    )

    found = read_seal_signature(der.sequence(tbs, der.bits(SIGNER_KEY.sign(tbs))))

    assert found.edition is Edition.GMT0031_2014
    assert (found.claimed_at, found.timestamp) == (claimed, token)
    assert found.signer_signature() is MATCHES
    assert found.seal.maker_signature() is MATCHES
    assert found.signer_listed()


def test_a_seal_of_2025_with_its_timestamp() -> None:
    """Five fields."""
    outer = Fields(seal().der).inside("")
    fields = [outer.raw("") for _ in range(4)]
    fields.append(der.explicit(0, der.bits(b"token")))

    found = read_seal(der.sequence(*fields))

    assert (found.edition, found.timestamp) == (Edition.GMT0031_2025, b"token")
    assert found.maker_signature() is MATCHES
    signed = sign(DIGEST, seal(), SIGNER_KEY, SIGNER_CERT, NOW, PATH)
    for one, left in ((signed, False), (replace(signed, seal=found), True)):
        told = judged_seal(one, None, NOW, POLICY, NOBODY)
        assert left is ("seal-timestamp-not-judged" in {each.step.reason for each in told})


# --- almost right -----------------------------------------------------------------------------


def edited(old: bytes, new: bytes) -> bytes:
    """The seal with a piece of it exchanged for another of the same length."""
    der = seal().der
    assert der.count(old) >= 1
    assert len(old) == len(new)
    return der.replace(old, new, 1)


NAME = "示范市演示局".encode()
HEAD = ia5("ES") + der.integer(4)
DEVIATES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "header": ("header", "eSealInfo.header.ID", lambda: edited(b"\x16\x02ES", b"\x16\x02XX")),
    "version": (
        "version",
        "eSealInfo.header.version",
        lambda: edited(HEAD, HEAD[:-1] + b"\x03"),
    ),
    "string type": (
        "string-type",
        "eSealInfo.header.Vid",
        lambda: edited(b"\x16\x06MIANTI", b"\x0c\x06MIANTI"),
    ),
    "right to left": (
        "characters",
        "eSealInfo.property.name",
        lambda: edited(NAME, NAME[:-3] + "\u202e".encode()),
    ),
    "no width": (
        "size",
        "eSealInfo.picture",
        lambda: edited(b"\x02\x01\x2a\x02\x01\x2a", b"\x02\x01\x00\x02\x01\x2a"),
    ),
}


@pytest.mark.parametrize(("why", "where", "der"), DEVIATES.values(), ids=DEVIATES)
def test_what_can_be_read_although_it_deviates(
    why: str, where: str, der: Callable[[], bytes]
) -> None:
    """It is told as a fact with its field; the signature over the changed bytes is not right, and
    nothing new is signed with it.
    """
    found = read_seal(der())

    assert (why, where) in {(each.why, each.where) for each in found.deviations}
    assert found.maker_signature() is DIFFERS
    with pytest.raises(SealRefused):
        prepare_signature(DIGEST, found, SIGNER_CERT, NOW, PATH)


def test_lengths_and_integers_that_are_not_shortest_are_told() -> None:
    """A long form where the short one does, a padded integer; and the whole reads on."""
    reader = Fields(b"\x02\x81\x01\x05" + b"\x02\x02\x00\x05" + b"\x01\x01\x07")

    assert (reader.integer("a"), reader.integer("b"), reader.boolean("c")) == (5, 5, True)
    assert [each.why for each in reader.deviations] == ["length-form", "integer-padding", "boolean"]


TIMES: dict[bytes, tuple[int, list[str]]] = {
    b"20261124060000Z": (der.TIME, []),
    b"20261124140000+0800": (der.TIME, ["time-form"]),
    b"202611240600Z": (der.TIME, ["time-form"]),
    b"20261124060000.0Z": (der.TIME, ["time-form"]),
    b"261124060000Z": (der.UTC_TIME, ["time-type"]),
}


@pytest.mark.parametrize(("told", "expected"), TIMES.items(), ids=lambda case: str(case)[:24])
def test_times_that_are_not_as_der_has_them(told: bytes, expected: tuple[int, list[str]]) -> None:
    """All of them are six o'clock UTC; how they are written is told."""
    tag, deviations = expected
    reader = Fields(der.tlv(tag, told))

    assert reader.time(der.TIME, "") == NOW
    assert [each.why for each in reader.deviations] == deviations


@pytest.mark.parametrize(
    "told", [b"", b"0" * 15, b"20261124060000", b"20261124060000+9999", b"20261132000000Z", b"z"]
)
def test_what_is_no_time(told: bytes) -> None:
    """Refused, whatever the calendar thinks of it."""
    with pytest.raises(MalformedSeal):
        Fields(der.tlv(der.TIME, told)).time(der.TIME, "")


def deep(levels: int) -> bytes:
    """Sequences in sequences."""
    nested = b""
    for _ in range(levels):
        nested = der.sequence(nested)
    return nested


def listing(count: int) -> bytes:
    """A seal that lists so many."""
    many = ListedCertificates(x509_certs=(b"",) * count)
    info = prepare_seal(replace(INFO, signers=many), MAKER_CERT).to_sign
    rest = der.octets(b"") + der.oid("1.2.3") + der.bits(b"")
    one = der.octets(b"")
    return der.sequence(info.replace(one * count, one * count), rest)


def crowded() -> bytes:
    """One more signer than are read."""
    old = listing(MAX_COUNT)
    inner = Fields(Fields(old).inside("").raw("")).inside("")
    header, number = inner.raw(""), inner.raw("")
    held = inner.inside("")
    kind, name, how = held.raw(""), held.raw(""), held.raw("")
    held.raw("")
    rest = b"".join(held.raw("") for _ in range(3))
    listed = der.sequence(*([der.octets(b"")] * (MAX_COUNT + 1)))
    tail = der.sequence(kind, name, how, listed, rest)
    info = der.sequence(header, number, tail, inner.raw(""))
    return der.sequence(info, der.octets(b""), der.oid("1.2.3"), der.bits(b""))


YEAR = der.generalized_time(INFO.valid_until)
REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("missing", lambda: b""),
    "one byte": ("not-der", lambda: b"\x30"),
    "half": ("cut-off", lambda: seal().der[:200]),
    "bytes behind": ("unexpected", lambda: seal().der + b"\x00"),
    "two seals": ("unexpected", lambda: seal().der * 2),
    "indefinite length": ("not-der", lambda: b"\x30\x80" + seal().der[4:] + b"\x00\x00"),
    "a length of five bytes": ("not-der", lambda: b"\x30\x85\x00\x00\x00\x00\x01\x00"),
    "a length beyond the end": ("cut-off", lambda: b"\x30\x84\xff\xff\xff\xff"),
    "a long tag": ("not-der", lambda: b"\x3f\x81\x01\x00"),
    "a set": ("other-tag", lambda: b"\x31" + seal().der[1:]),
    "a picture": ("cut-off", lambda: DOT),
    "deep": ("other-tag", lambda: deep(200)),
    "ten megabytes": ("too-long", lambda: b"\x30\x84" + (10**7).to_bytes(4) + bytes(10**7)),
    "a crowd": ("too-many", crowded),
    "a third list type": (
        "list-type",
        lambda: edited(NAME + b"\x02\x01\x01", NAME + b"\x02\x01\x03"),
    ),
    "no such day": ("time", lambda: edited(YEAR[2:10], b"20270230")),
    "the year nought": ("time", lambda: edited(YEAR[2:10], b"00000101")),
    "not UTF-8": ("string", lambda: edited(NAME, b"\xff" * len(NAME))),
    "a type of very many bytes": (
        "number",
        lambda: edited(b"\x02\x01\x01\x0c\x12", b"\x02\x7f\x01\x0c\x12"),
    ),
    "a signature of loose bits": (
        "bits",
        lambda: der.sequence(
            seal().signed, der.octets(b""), der.oid("1.2.3"), der.tlv(der.BITS, b"\x03\x00")
        ),
    ),
    "a seal signature": ("other-tag", signed),
}


@pytest.mark.parametrize(("why", "der"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_seal(why: str, der: Callable[[], bytes]) -> None:
    """Refused under a stable key."""
    with pytest.raises(MalformedSeal) as refused:
        read_seal(der())

    assert refused.value.why == why


def test_as_many_signers_as_are_read() -> None:
    """The bound itself is allowed."""
    signers = read_seal(listing(MAX_COUNT)).info.signers

    assert isinstance(signers, ListedCertificates)
    assert len(signers.x509_certs) == MAX_COUNT


def test_a_seal_is_no_seal_signature() -> None:
    """Swapped files."""
    with pytest.raises(MalformedSeal):
        read_seal_signature(seal().der)


VALUES: dict[str, tuple[SignatureState, Callable[[], bytes]]] = {
    "raw": (MATCHES, lambda: Signature.read(MAKER_KEY.sign(seal().signed)).raw),
    "padded": (
        SignatureState.UNREADABLE_VALUE,
        lambda: b"\x30\x08\x02\x02\x00\x01\x02\x02\x00\x01",
    ),
    "r is nought": (SignatureState.UNREADABLE_VALUE, lambda: bytes(64)),
    "s is n": (SignatureState.UNREADABLE_VALUE, lambda: bytes(31) + b"\x01" + b"\xff" * 32),
    "another's": (DIFFERS, lambda: SIGNER_KEY.sign(seal().signed)),
    "nothing": (SignatureState.UNREADABLE_VALUE, lambda: b""),
}


@pytest.mark.parametrize(("state", "value"), VALUES.values(), ids=VALUES)
def test_signature_values(state: SignatureState, value: Callable[[], bytes]) -> None:
    """Each comes to its state; none raises."""
    assert replace(seal(), value=value()).maker_signature() is state


def test_keys_and_algorithms_that_cannot_be_judged() -> None:
    """Said as such, not as wrong."""
    found = seal()

    assert replace(found, x509_cert=b"x").maker_signature() is SignatureState.UNREADABLE_KEY
    other = replace(found, algorithm="1.2.840.113549.1.1.11")
    assert other.maker_signature() is SignatureState.OTHER_ALGORITHM


def test_an_unknown_digest_lists_nobody() -> None:
    """A list of digests of an algorithm that we do not know, or of a wrong value."""
    value = hashlib.new("sha256", SIGNER_CERT).digest()
    for algorithm, expected in (("SHA256", True), ("sha256", True), ("MD5", False), ("", False)):
        listed = ListedDigests(digests=(ListedDigest(algorithm=algorithm, value=value),))

        assert listed.lists(SIGNER_CERT) is expected
        assert not listed.lists(MAKER_CERT)


WHOLE, WHOLE_SEAL, OLD_SEAL = signed(), seal().der, old_seal()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_never_passes(data: st.DataObject) -> None:
    """Wherever it is: not read, or one of the two signatures is wrong, or the signer's certificate
    is not the one that is listed.
    """
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = WHOLE[:at] + bytes((WHOLE[at] ^ flip,)) + WHOLE[at + 1 :]
    try:
        found = read_seal_signature(changed)
    except MalformedSeal:
        return

    right = found.signer_signature() is MATCHES and found.seal.maker_signature() is MATCHES
    assert not (right and found.signer_listed())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_torn_shuffled_and_doubled_bytes_raise_only_what_is_promised(data: st.DataObject) -> None:
    """A piece cut out, put elsewhere or doubled: read or refused, in both readers."""
    whole = data.draw(st.sampled_from((WHOLE, WHOLE_SEAL, OLD_SEAL)))
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    target = data.draw(st.integers(0, len(whole)))
    torn = whole[:begin] + whole[end:]
    for hostile in (torn, torn[:target] + whole[begin:end] + torn[target:], whole[begin:end]):
        for read in (read_seal, read_seal_signature):
            try:
                found = read(hostile)
            except MalformedSeal:
                continue
            assert found.der == hostile


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_raise_only_what_is_promised(hostile: bytes) -> None:
    """No crash, no other exception."""
    for read in (read_seal, read_seal_signature):
        with pytest.raises(MalformedSeal):
            read(hostile)


@given(st.integers(0, 2**62))
def test_integers_go_there_and_back(number: int) -> None:
    """In the fewest bytes."""
    reader = Fields(der.integer(number))

    assert reader.integer("") == number
    assert reader.deviations == []


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=8))
def test_object_identifiers_go_there_and_back(arcs: list[int]) -> None:
    """Also those with large arcs."""
    dotted = ".".join(map(str, (2, *arcs)))

    assert Fields(der.oid(dotted)).oid("") == dotted
