"""X.509 certificates and lists: what we issue OpenSSL takes, what others wrote we read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seals import ber, der
from seals.algorithms import Algorithm, by_identifier
from seals.authority import Authority, Profile, Wanted
from seals.classical import ClassicalKey
from seals.encoding import pem
from seals.errors import Malformed, NotIssuable
from seals.keys import SigningKey, SM2Key, verifying_key
from seals.names import COMMON_NAME, Subject
from seals.revocation import Reason, Revocation, read_list
from seals.x509 import (
    Extension,
    Flaw,
    KeyUsage,
    Oddity,
    X509Certificate,
    read_bundle,
    read_x509,
)
from tests.seals.test_keys import openssl
from tests.world import pki
from tests.world.pki import DAY, NOW

ID = "distid:1234567812345678"
CHECK = ["-x509_strict", "-attime", str(int(NOW.timestamp()))]
KEYS: dict[str, Callable[[], SigningKey]] = {
    "sm2": SM2Key.generate,
    "p-256": lambda: ClassicalKey.generate(Algorithm.ECDSA_SHA256),
    "ed25519": lambda: ClassicalKey.generate(Algorithm.ED25519),
    "rsa": lambda: ClassicalKey.generate(Algorithm.RSA_SHA256, 2048),
    "rsa-pss": lambda: ClassicalKey.generate(Algorithm.RSA_PSS_SHA256, 2048),
}


def written(folder: Path, **certificates: X509Certificate) -> None:
    """As PEM files."""
    for name, certificate in certificates.items():
        (folder / f"{name}.pem").write_text(pem("CERTIFICATE", certificate.der), encoding="ascii")


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_accepts_what_we_issue(kind: str, tmp_path: Path) -> None:
    """Root, issuer, every kind of signer; strictly. It knows our id only for the one it checks."""
    root = pki.root(KEYS[kind](), path_length=1)
    issuer = pki.below(root, KEYS[kind](), path_length=0)
    written(tmp_path, root=root.certificate, issuer=issuer.certificate)
    verify = ["verify", *(["-vfyopt", ID] if kind == "sm2" else []), *CHECK]
    assert openssl(tmp_path, *verify, "-trusted", "root.pem", "issuer.pem") == b"issuer.pem: OK\n"
    for profile in (p for p in Profile if not p.issues):
        written(tmp_path, signer=issuer.issue(pki.wanted(profile, KEYS[kind]())))
        purpose = ["-purpose", "timestampsign"] if profile is Profile.TSA else []
        said = openssl(tmp_path, *verify, *purpose, "-partial_chain", "-trusted", "issuer.pem",
                       "signer.pem")  # fmt: skip
        assert said == b"signer.pem: OK\n"
        if kind != "sm2":
            said = openssl(tmp_path, *verify, *purpose, "-trusted", "root.pem", "-untrusted",
                           "issuer.pem", "signer.pem")  # fmt: skip
            assert said == b"signer.pem: OK\n"


def test_openssl_refuses_what_was_changed(tmp_path: Path) -> None:
    """Our signature covers what it reads."""
    world = pki.pki()
    body = bytearray(world.issuer.certificate.der)
    at = body.index("示例签发机构".encode(), body.index("示例根".encode()) + 9)
    body[at + 2] ^= 1
    written(tmp_path, root=world.root.certificate)
    (tmp_path / "issuer.pem").write_text(pem("CERTIFICATE", bytes(body)), encoding="ascii")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(tmp_path, "verify", "-vfyopt", ID, "-trusted", "root.pem", *CHECK, "issuer.pem")


@pytest.mark.parametrize("kind", ["p-256", "rsa", "ed25519"])
def test_openssl_accepts_our_lists(kind: str, tmp_path: Path) -> None:
    """Entries, reasons, number and signature, and `verify -crl_check` finds the one revoked."""
    root = pki.root(KEYS[kind]())
    good, bad = (root.issue(pki.wanted(Profile.PERSON, SM2Key.generate())) for _ in range(2))
    revoked = Revocation(serial=bad.serial, at=NOW - DAY, reason=Reason.KEY_COMPROMISE)
    crl = pki.listed(root, revoked, number=77)
    written(tmp_path, root=root.certificate, good=good, bad=bad)
    (tmp_path / "crl.pem").write_text(pem("X509 CRL", crl.der), encoding="ascii")
    said = openssl(tmp_path, "crl", "-in", "crl.pem", "-CAfile", "root.pem", "-noout", "-text")
    for word in (b"Version 2", b"Key Compromise", b"77", f"{bad.serial:X}".encode()):
        assert word in said
    check = ["verify", "-crl_check", "-CRLfile", "crl.pem", "-trusted", "root.pem", *CHECK]
    assert openssl(tmp_path, *check, "good.pem") == b"good.pem: OK\n"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        openssl(tmp_path, *check, "bad.pem")
    assert b"certificate revoked" in caught.value.stderr


def test_openssl_reads_and_verifies_our_sm2_list(tmp_path: Path) -> None:
    """`openssl crl` cannot be told the id; what was signed is verified by `openssl dgst`."""
    world = pki.pki()
    crl = pki.listed(world.root, Revocation(serial=5, at=NOW - DAY, reason=Reason.SUPERSEDED))
    (tmp_path / "crl.der").write_bytes(crl.der)
    said = openssl(tmp_path, "crl", "-inform", "DER", "-in", "crl.der", "-noout", "-text")
    assert b"SM2-with-SM3" in said
    assert b"Superseded" in said
    (tmp_path / "pub.pem").write_text(pem("PUBLIC KEY", world.root.key.spki), encoding="ascii")
    (tmp_path / "tbs").write_bytes(crl.tbs)
    (tmp_path / "sig").write_bytes(crl.signature)
    said = openssl(tmp_path, "dgst", "-sm3", "-sigopt", ID, "-verify", "pub.pem", "-signature",
                   "sig", "tbs")  # fmt: skip
    assert b"Verified OK" in said


def test_openssls_own_certificates_and_lists_are_read(tmp_path: Path) -> None:
    """And their signatures hold."""
    openssl(tmp_path, "req", "-x509", "-newkey", "SM2", "-nodes", "-keyout", "k.pem", "-sm3",
            "-sigopt", ID, "-subj", "/C=CN/O=示例/CN=根", "-utf8", "-days", "30",
            "-out", "c.pem")  # fmt: skip
    (found,) = read_bundle((tmp_path / "c.pem").read_bytes())
    assert str(found.subject) == "CN=根, O=示例, C=CN"
    assert found.basic_constraints is not None
    assert found.basic_constraints.ca
    assert found.oddities == found.flaws == frozenset()
    assert verifying_key(found.spki).verify(Algorithm.SM2, found.tbs, found.signature)
    (tmp_path / "index.txt").write_text(
        "R\t300101000000Z\t260101000000Z,keyCompromise\t0A\tunknown\t/CN=x\n", encoding="ascii"
    )
    (tmp_path / "ca.cnf").write_text(
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sm3\ndefault_crl_days=9\n",
        encoding="ascii",
    )
    openssl(tmp_path, "ca", "-gencrl", "-config", "ca.cnf", "-keyfile", "k.pem", "-cert", "c.pem",
            "-sigopt", ID, "-out", "l.pem")  # fmt: skip
    crl = read_list((tmp_path / "l.pem").read_bytes())
    assert verifying_key(found.spki).verify(Algorithm.SM2, crl.tbs, crl.signature)
    entry = crl.revocation(10)
    assert entry is not None
    assert entry.reason is Reason.KEY_COMPROMISE
    assert crl.revocation(11) is None


_PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt"]
THEIRS: dict[str, tuple[Algorithm, list[str]]] = {
    "rsa-sha384": (Algorithm.RSA_SHA384, ["-newkey", "rsa:2048", "-sha384"]),
    "rsa-sha512": (Algorithm.RSA_SHA512, ["-newkey", "rsa:2048", "-sha512"]),
    "pss": (
        Algorithm.RSA_PSS_SHA256, ["-newkey", "rsa:2048", "-sha256", *_PSS, "rsa_pss_saltlen:32"],
    ),
    "pss-sha384": (
        Algorithm.RSA_PSS_SHA384, ["-newkey", "rsa:2048", "-sha384", *_PSS, "rsa_pss_saltlen:48"],
    ),
    "pss-sha512": (
        Algorithm.RSA_PSS_SHA512, ["-newkey", "rsa:2048", "-sha512", *_PSS, "rsa_pss_saltlen:64"],
    ),
    "p-384": (
        Algorithm.ECDSA_SHA384,
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"],
    ),
    "p-256 with sha-512": (
        Algorithm.ECDSA_SHA512,
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha512"],
    ),
    "ed25519": (Algorithm.ED25519, ["-newkey", "ed25519"]),
}  # fmt: skip


@pytest.mark.parametrize("name", THEIRS)
def test_signatures_of_every_algorithm_in_the_table_hold(name: str, tmp_path: Path) -> None:
    """As OpenSSL makes them; changed, they do not."""
    algorithm, options = THEIRS[name]
    openssl(tmp_path, "req", "-x509", "-nodes", "-keyout", "k.pem", *options, "-subj", "/CN=x",
            "-out", "c.pem")  # fmt: skip
    (found,) = read_bundle((tmp_path / "c.pem").read_bytes())
    assert by_identifier(found.algorithm) is algorithm
    key = verifying_key(found.spki)
    assert key.verify(algorithm, found.tbs, found.signature)
    assert key.verify(algorithm, found.tbs + b"x", found.signature) is False


def test_what_we_write_we_read() -> None:
    """Names, times on both sides of 2050, usages, ids."""
    key = SM2Key.generate()
    late = datetime(2051, 1, 2, 3, 4, 5, tzinfo=UTC)
    root = pki.root(SM2Key.generate(), not_after=late)
    subject = Subject(
        common_name="示例印章，一", organisation="示例县行政审批服务局", unit="窗口",
        organisation_id="11990100MB0000000X",
    )  # fmt: skip
    extra = Extension("1.2.156.10260.4.1.4", False, der.printable("11990100MB0000000X"))
    made = root.issue(
        pki.wanted(Profile.ORGANISATION, key, subject=subject, not_after=late, extensions=(extra,))
    )
    assert made.not_after == late
    assert made.not_before == NOW - 30 * DAY
    assert made.subject.first(COMMON_NAME) == "示例印章，一"
    assert str(made.subject).startswith(
        "CN=示例印章，一, organizationIdentifier=11990100MB0000000X"
    )
    assert made.key_usage == {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}
    assert made.authority_key_id == root.certificate.subject_key_id
    assert made.extension("1.2.156.10260.4.1.4") == extra
    assert made.issuer.same(root.certificate.subject)
    assert not made.oddities | made.flaws


NOT_ISSUED: dict[str, tuple[Profile, dict[str, Any], str]] = {
    "longer than we live": (Profile.PERSON, {"not_after": NOW + 9999 * DAY}, "not-within-ours"),
    "before we lived": (Profile.PERSON, {"not_before": NOW - 9999 * DAY}, "not-within-ours"),
    "the end before the beginning": (Profile.PERSON, {"not_after": NOW - 60 * DAY}, "not-within"),
    "no time at all": (Profile.PERSON, {"not_after": NOW - 30 * DAY}, "times"),
    "another root": (Profile.ROOT, {}, "a-root-signs-itself"),
    "an issuer below the last": (Profile.ISSUER, {}, "path-length"),
    "an organisation without a name": (
        Profile.ORGANISATION, {"subject": Subject(common_name="x")}, "organisation",
    ),
    "no key": (Profile.PERSON, {"spki": b"\x30\x00"}, "key-unknown"),
    "a key off the curve": (
        Profile.PERSON, {"spki": SM2Key.generate().spki[:-1] + b"\0"}, "key-unknown",
    ),
    "an extension twice": (
        Profile.PERSON, {"extensions": (Extension("2.5.29.15", True, b"\x03\x01\x00"),)},
        "extension-twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_ISSUED)
def test_what_an_authority_does_not_issue(name: str) -> None:
    """Each refusal has its key."""
    profile, changes, why = NOT_ISSUED[name]
    root = pki.root(SM2Key.generate(), path_length=0)
    with pytest.raises(NotIssuable, match=why):
        root.issue(pki.wanted(profile, SM2Key.generate(), **changes))


def test_a_short_rsa_key_gets_nothing(tmp_path: Path) -> None:
    """1024 bits, made elsewhere."""
    openssl(tmp_path, "genrsa", "-out", "k.pem", "1024")
    openssl(tmp_path, "rsa", "-in", "k.pem", "-pubout", "-outform", "DER", "-out", "p.der")
    with pytest.raises(NotIssuable, match="key-short"):
        pki.pki().root.issue(
            pki.wanted(Profile.PERSON, SM2Key.generate(), spki=(tmp_path / "p.der").read_bytes())
        )


def test_who_is_no_authority() -> None:
    """A signer's certificate, and a certificate of another key."""
    world = pki.pki()
    maker = world.signers[Profile.SEAL_MAKER]
    with pytest.raises(NotIssuable, match="may-not-issue"):
        Authority(key=world.keys[Profile.SEAL_MAKER], certificate=maker)
    with pytest.raises(NotIssuable, match="other-key"):
        Authority(key=SM2Key.generate(), certificate=world.root.certificate)


@pytest.mark.parametrize(
    ("revoked", "days", "number", "why"),
    [([], 0, 1, "times"), ([], -1, 1, "times"), ([], 1, -1, "times"), ([5, 5], 1, 1, "serials")],
)
def test_a_list_that_makes_no_sense(revoked: list[int], days: int, number: int, why: str) -> None:
    """Is not signed."""
    with pytest.raises(NotIssuable, match=why):
        pki.pki().root.list_revoked(
            [Revocation(serial=each, at=NOW) for each in revoked],
            this_update=NOW, next_update=NOW + timedelta(days=days), number=number,
        )  # fmt: skip


# --- Others' certificates -------------------------------------------------------------------------


def forged(
    *,
    version: bytes | None = None,
    serial: bytes | None = None,
    inner: bytes | None = None,
    issuer: bytes | None = None,
    subject: bytes | None = None,
    validity: bytes | None = None,
    spki: bytes | None = None,
    extensions: bytes | None = None,
    key: SM2Key | None = None,
    above: Authority | None = None,
) -> bytes:
    """A certificate of our parts, some of them replaced; rightly signed by `above`."""
    above = above or pki.pki().root
    key = key or SM2Key.generate()
    identifier = Algorithm.SM2.identifier
    usage = Extension("2.5.29.15", True, der.named_bits(0, 1))
    parts = (
        der.explicit(0, der.integer(2)) if version is None else version,
        serial or der.integer(4711),
        inner or identifier,
        above.certificate.subject.der if issuer is None else issuer,
        validity or der.sequence(der.time(NOW - DAY), der.time(NOW + DAY)),
        subject or Subject(common_name="示例").der,
        spki or key.spki,
        extension(usage) if extensions is None else extensions,
    )
    tbs = der.sequence(*parts)
    return der.sequence(tbs, identifier, der.bits(above.key.sign(tbs)))


def extension(*given: Extension | bytes) -> bytes:
    """Extensions under their tag."""
    inside = [
        each if isinstance(each, bytes)
        else der.sequence(
            der.oid(each.oid), der.true() if each.critical else b"", der.octets(each.value)
        )
        for each in given
    ]  # fmt: skip
    return der.explicit(3, der.sequence(*inside))


def name(tag: int, content: bytes) -> bytes:
    """A name of one string of that kind."""
    return der.sequence(der.set_of(der.sequence(der.oid(COMMON_NAME), der.tlv(tag, content))))


def long(value: bytes) -> bytes:
    """The value with its length in four bytes."""
    found = ber.whole(value)
    return bytes((found.tag, 0x84)) + len(found.content).to_bytes(4) + found.content


ODD: dict[str, tuple[dict[str, bytes], frozenset[Oddity]]] = {
    "nothing odd": ({}, frozenset()),
    "a negative serial": ({"serial": b"\x02\x02\xff\x01"}, {Oddity.SERIAL_NOT_POSITIVE}),
    "serial nought": ({"serial": b"\x02\x01\x00"}, {Oddity.SERIAL_NOT_POSITIVE}),
    "a padded serial": ({"serial": b"\x02\x03\x00\x00\x07"}, {Oddity.PADDED_SERIAL}),
    "a serial of 21 bytes": ({"serial": b"\x02\x15\x01" + bytes(20)}, {Oddity.LONG_SERIAL}),
    "a serial in a long length": ({"serial": long(der.integer(9))}, {Oddity.LENGTHS}),
    "an issuer in a long length": (
        {"issuer": long(pki.pki().root.certificate.subject.der)}, {Oddity.LENGTHS},
    ),
    "Chinese in PrintableString": (
        {"subject": name(der.PRINTABLE, "示例市".encode())}, {Oddity.STRINGS},
    ),
    "GB 18030 in TeletexString": (
        {"subject": name(0x14, "示例市".encode("gb18030"))}, {Oddity.STRINGS},
    ),
    "GB 18030 in UTF8String": ({"subject": name(0x0C, "示例市".encode("gb18030"))}, {Oddity.STRINGS}),
    "an at sign in PrintableString": ({"subject": name(der.PRINTABLE, b"a@b")}, {Oddity.STRINGS}),
    "BMPString": ({"subject": name(0x1E, "示例市".encode("utf-16-be"))}, frozenset()),
    "an integer in a name": ({"subject": name(der.INTEGER, b"\x05")}, {Oddity.STRINGS}),
    "an empty subject": ({"subject": der.sequence()}, frozenset()),
    "no extensions": ({"extensions": b""}, {Oddity.NO_EXTENSIONS}),
    "version 1": ({"version": b"", "extensions": b""}, {Oddity.NO_EXTENSIONS}),
    "empty extensions": ({"extensions": extension()}, {Oddity.NO_EXTENSIONS}),
    "FALSE written out": (
        {"extensions": extension(
            der.sequence(der.oid("2.5.29.14"), b"\x01\x01\x00", der.octets(der.octets(b"k"))))},
        {Oddity.BOOLEANS},
    ),
    "TRUE as 1": (
        {"extensions": extension(
            der.sequence(der.oid("2.5.29.15"), b"\x01\x01\x01", der.octets(b"\x03\x02\x06\xc0")))},
        {Oddity.BOOLEANS},
    ),
    "GeneralizedTime before 2050": (
        {"validity": der.sequence(der.generalized_time(NOW - DAY), der.generalized_time(NOW + DAY))},
        frozenset(),
    ),
    "a time without seconds": (
        {"validity": der.sequence(der.tlv(0x17, b"2605300400Z"), der.tlv(0x17, b"2606300400Z"))},
        {Oddity.TIMES},
    ),
    "a time of Beijing": (
        {"validity": der.sequence(
            der.tlv(0x17, b"260530120000+0800"), der.tlv(0x18, b"20260630120000.5+0800"))},
        {Oddity.TIMES},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_read_and_told(name: str) -> None:
    """And its signature still holds, for it is over the bytes as they stand there."""
    changes, expected = ODD[name]
    found = read_x509(forged(**changes))  # type: ignore[arg-type]  # only parts in bytes
    assert found.oddities == expected
    assert not found.flaws
    root = verifying_key(pki.pki().root.key.spki)
    assert root.verify(Algorithm.SM2, found.tbs, found.signature)


def test_chinese_in_whatever_string_is_the_same_chinese() -> None:
    """UTF-8, GB 18030 and UTF-16, in the right types and in wrong ones."""
    ways = [(0x0C, "utf-8"), (0x13, "utf-8"), (0x13, "gb18030"), (0x14, "gb18030"),
            (0x0C, "gb18030"), (0x1E, "utf-16-be"), (0x1C, "utf-32-be")]  # fmt: skip
    found = [
        read_x509(forged(subject=name(tag, "示例市".encode(way)))).subject for tag, way in ways
    ]
    assert {each.first(COMMON_NAME) for each in found} == {"示例市"}
    assert all(each.same(found[0]) for each in found)


def test_a_name_cannot_command_a_terminal() -> None:
    """Control characters and turned writing are shown as what they are."""
    found = read_x509(forged(subject=name(0x0C, "a\x1b[2J\u202egnp\n".encode())))
    assert str(found.subject) == "CN=a\\x1b[2J\\x202egnp\\x0a"


_CA = Extension("2.5.29.19", True, der.sequence(der.true()))
FLAWED: dict[str, tuple[dict[str, bytes], Flaw]] = {
    "two algorithms": (
        {"inner": Algorithm.ECDSA_SHA256.identifier}, Flaw.ALGORITHMS_DIFFER,
    ),
    "two basic constraints": (
        {"extensions": extension(
            Extension("2.5.29.19", True, der.sequence()), _CA)}, Flaw.EXTENSION_TWICE,
    ),
    "basic constraints of nonsense": (
        {"extensions": extension(Extension("2.5.29.19", True, b"\x05\x00"))},
        Flaw.EXTENSION_UNREADABLE,
    ),
    "a negative path length": (
        {"extensions": extension(
            Extension("2.5.29.19", True, der.sequence(der.true(), der.integer(-1))))},
        Flaw.EXTENSION_UNREADABLE,
    ),
    "key usage with a byte behind": (
        {"extensions": extension(Extension("2.5.29.15", True, b"\x03\x02\x06\xc0\x00"))},
        Flaw.EXTENSION_UNREADABLE,
    ),
    "extensions in version 1": (
        {"version": b"", "extensions": extension(_CA)}, Flaw.EXTENSIONS_TOO_EARLY,
    ),
    "version 9": ({"version": der.explicit(0, der.integer(8))}, Flaw.VERSION),
    "no issuer": ({"issuer": der.sequence()}, Flaw.NO_ISSUER),
}  # fmt: skip


@pytest.mark.parametrize("name", FLAWED)
def test_what_could_mean_two_things_is_a_flaw(name: str) -> None:
    """Read, so that it can be told, and never silently mended."""
    changes, flaw = FLAWED[name]
    found = read_x509(forged(**changes))  # type: ignore[arg-type]  # only parts in bytes
    assert flaw in found.flaws
    assert (
        found.basic_constraints is None
        or not found.basic_constraints.ca
        or (flaw is Flaw.EXTENSIONS_TOO_EARLY)
    )


GOOD = pki.pki().signers[Profile.PERSON].der
NO_X509: dict[str, bytes] = {
    "nothing": b"",
    "a byte behind": GOOD + b"\0",
    "cut off": GOOD[:-1],
    "huge": GOOD + bytes(1_000_000),
    "a length of gigabytes": b"\x30\x84\xff\xff\xff\xff" + GOOD[4:],
    "a length of a length": b"\x30\xfe" + GOOD[4:],
    "indefinite length": b"\x30\x80" + GOOD[4:] + b"\0\0",
    "nested deeply": b"\x30\x80" * 30_000,
    "nested deeply, with lengths": b"".join(
        b"\x30\x83" + (3 * 5_000 - 5 * n).to_bytes(3) for n in range(3_000)
    ),
    "a set": b"\x31" + GOOD[1:],
    "a key": SM2Key.generate().spki,
    "a list": pki.listed(pki.pki().root).der,
    "a serial of a kilobyte": forged(serial=der.tlv(2, b"\x01" * 1000)),
    "a tag of many bytes": forged(serial=b"\x1f\x81\x01\x01\x05"),
    "no month 13": forged(validity=der.sequence(der.tlv(0x17, b"261330000000Z"), der.time(NOW))),
    "a time of letters": forged(validity=der.sequence(der.tlv(0x17, b"hello"), der.time(NOW))),
    "a time without a zone": forged(
        validity=der.sequence(der.tlv(0x17, b"260101000000"), der.time(NOW))
    ),
    "year nought": forged(validity=der.sequence(der.tlv(0x18, b"00000101000000Z"), der.time(NOW))),
    "one time": forged(validity=der.sequence(der.time(NOW))),
    "something behind the extensions": forged(extensions=extension(_CA) + der.integer(1)),
    "a hundred extensions": forged(
        extensions=extension(*(Extension(f"1.2.3.{n}", False, b"") for n in range(100)))
    ),
    "a name of a thousand parts": forged(subject=der.sequence(*[name(0x0C, b"x")[2:]] * 1000)),
}


@pytest.mark.parametrize("name", NO_X509)
def test_what_is_no_x509(name: str) -> None:
    """It is refused with a short key."""
    with pytest.raises(Malformed) as caught:
        read_x509(NO_X509[name])
    assert len(str(caught.value)) < 30


def test_a_bundle_of_ten_thousand() -> None:
    """Is read one by one; one that cannot be read spoils it, and a file without any is none."""
    text = pem("CERTIFICATE", GOOD).encode()
    assert len(read_bundle(b"# comment\n" + text * 10_000)) == 10_000
    for broken in (b"", b"-----BEGIN", b"hello", text + pem("CERTIFICATE", GOOD[:-1]).encode()):
        with pytest.raises(Malformed):
            read_bundle(broken)
    with pytest.raises(Malformed, match="too-large"):
        read_bundle(bytes(20_000_000))


def test_a_wanted_value_keeps_keys_out_of_logs() -> None:
    """A public key is no secret, but it is noise."""
    wanted: Wanted = pki.wanted(Profile.PERSON, SM2Key.generate())
    assert "spki" not in repr(wanted)
