"""SM2 keys in files, in certificates and at work on ciphertexts; OpenSSL's command line agrees."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.sm2 import InvalidKey, PrivateKey, PublicKey, Signature, Undecipherable
from tests.world.services import without

KEY = PrivateKey.generate()
MESSAGE = b"message digest"
ID = "distid:1234567812345678"


def openssl(folder: Path, *arguments: str) -> bytes:
    """What OpenSSL's command line prints."""
    if shutil.which("openssl") is None:
        without("no openssl command line here")
    return subprocess.run(
        ["openssl", *arguments], cwd=folder, check=True, capture_output=True
    ).stdout


def test_keys_go_out_and_come_in() -> None:
    """PKCS #8, SEC 1, SubjectPublicKeyInfo and points are the same key."""
    for text in (KEY.pkcs8_pem(), KEY.sec1_pem()):
        assert PrivateKey.from_pem(text) == KEY
        body = base64.b64decode("".join(text.splitlines()[1:-1]))
        assert PrivateKey.from_der(body) == KEY
    public = KEY.public()
    assert PublicKey.from_pem(public.pem) == public
    assert PublicKey.from_spki(public.spki) == public
    assert PublicKey.read(public.raw) == public


def test_keys_and_certificates_of_openssl_are_read(tmp_path: Path) -> None:
    """Its PKCS #8, encrypted PKCS #8, SEC 1 and X.509; a wrong password asks nobody."""
    openssl(tmp_path, "genpkey", "-algorithm", "SM2", "-out", "k8.pem")
    openssl(tmp_path, "pkcs8", "-topk8", "-in", "k8.pem", "-out", "enc.pem",
            "-passout", "pass:open sesame")  # fmt: skip
    openssl(tmp_path, "ec", "-in", "k8.pem", "-out", "sec1.pem")
    openssl(tmp_path, "req", "-x509", "-new", "-key", "k8.pem", "-sm3", "-sigopt", ID,
            "-subj", "/CN=x", "-days", "2", "-out", "cert.pem")  # fmt: skip
    read = {name: (tmp_path / f"{name}.pem").read_text() for name in ("k8", "enc", "sec1", "cert")}
    key = PrivateKey.from_pem(read["k8"])
    assert PrivateKey.from_pem(read["sec1"]) == key
    assert PrivateKey.from_pem(read["enc"], "open sesame") == key
    assert PublicKey.from_pem(read["cert"]) == key.public()
    for wrong in ("", "open"):
        with pytest.raises(InvalidKey):
            PrivateKey.from_pem(read["enc"], wrong)


def test_openssl_reads_our_files(tmp_path: Path) -> None:
    """It signs with our PKCS #8 and SEC 1, and verifies with our public key."""
    (tmp_path / "m").write_bytes(MESSAGE)
    (tmp_path / "pub.pem").write_text(KEY.public().pem)
    (tmp_path / "ours").write_bytes(KEY.sign(MESSAGE).der)
    said = openssl(tmp_path, "dgst", "-sm3", "-sigopt", ID, "-verify", "pub.pem",
                   "-signature", "ours", "m")  # fmt: skip
    assert b"Verified OK" in said
    for text in (KEY.pkcs8_pem(), KEY.sec1_pem()):
        (tmp_path / "key.pem").write_text(text)
        theirs = openssl(tmp_path, "dgst", "-sm3", "-sigopt", ID, "-sign", "key.pem", "m")
        assert KEY.public().verify(Signature.read(theirs), MESSAGE)


def test_a_certificates_signature_verifies_with_its_own_key(tmp_path: Path) -> None:
    """X.509 signs tbsCertificate with Z and the usual id."""
    openssl(tmp_path, "req", "-x509", "-newkey", "SM2", "-nodes", "-keyout", "k.pem", "-sm3",
            "-sigopt", ID, "-subj", "/CN=x", "-out", "c.pem")  # fmt: skip
    text = (tmp_path / "c.pem").read_text()
    body = base64.b64decode("".join(text.splitlines()[1:-1]))
    end = 8 + int.from_bytes(body[6:8])
    signature = Signature.read(body[end + 12 + 3 :])
    assert PublicKey.from_certificate(body).verify(signature, body[4:end])


NO_KEYS: dict[str, Callable[[], object]] = {
    "not a PEM": lambda: PrivateKey.from_pem("hello"),
    "an empty text": lambda: PrivateKey.from_pem(""),
    "a huge text": lambda: PrivateKey.from_pem("-" * 1_000_000),
    "a cut PEM": lambda: PrivateKey.from_pem(KEY.pkcs8_pem()[:120]),
    "a P-256 key": lambda: PrivateKey.from_pem(
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
    ),
    "a public key": lambda: PrivateKey.from_pem(KEY.public().pem),
    "no DER": lambda: PrivateKey.from_der(b"\x30\x00"),
    "an SPKI of another kind": lambda: PublicKey.from_spki(b"\x30\x59" + bytes(89)),
    "an SPKI with a byte behind": lambda: PublicKey.from_spki(KEY.public().spki + b"\0"),
    "a point that is none": lambda: PublicKey.from_spki(KEY.public().spki[:-1] + b"\0"),
    "a certificate of zeros": lambda: PublicKey.from_certificate(bytes(300)),
    "an empty certificate": lambda: PublicKey.from_certificate(b""),
    "a certificate that ends early": lambda: PublicKey.from_certificate(
        b"\x30\x04\x30\x02\xa0\x00"
    ),
    "a length of four gigabytes": lambda: PublicKey.from_certificate(b"\x30\x84\xff\xff\xff\xff"),
    "a private key's PEM": lambda: PublicKey.from_pem(KEY.pkcs8_pem()),
    "no PEM of a public key": lambda: PublicKey.from_pem("-----BEGIN PUBLIC KEY-----"),
    "PEM with odd base64": lambda: PublicKey.from_pem(
        "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----"
    ),
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_what_is_no_key(name: str) -> None:
    """It is refused when it is read, without a word about what is in it."""
    with pytest.raises(InvalidKey) as caught:
        NO_KEYS[name]()
    assert len(str(caught.value)) < 60
    assert f"{KEY.d:x}" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    """Any bytes are a key or a refusal."""
    for read in (PublicKey.from_certificate, PublicKey.from_spki, PrivateKey.from_der):
        with pytest.raises(InvalidKey):
            read(data)


def test_a_cut_certificate_is_none(tmp_path: Path) -> None:
    """Wherever it was cut before its key ends."""
    openssl(tmp_path, "req", "-x509", "-newkey", "SM2", "-nodes", "-keyout", "k.pem", "-sm3",
            "-sigopt", ID, "-subj", "/CN=x", "-outform", "DER", "-out", "c.der")  # fmt: skip
    body = (tmp_path / "c.der").read_bytes()
    for end in range(0, len(body), 7):
        with pytest.raises(InvalidKey):
            PublicKey.from_certificate(body[:end])


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_what_is_encrypted_is_decrypted(plain: bytes) -> None:
    """By the holder of the key; each time it looks different."""
    sealed = KEY.public().encrypt(plain)
    assert KEY.decrypt(sealed) == plain
    assert KEY.public().encrypt(plain) != sealed


def test_openssl_opens_what_we_encrypt_and_we_what_it_does(tmp_path: Path) -> None:
    """The form of GB/T 35276 is common to both."""
    (tmp_path / "key.pem").write_text(KEY.pkcs8_pem())
    (tmp_path / "pub.pem").write_text(KEY.public().pem)
    (tmp_path / "sealed").write_bytes(KEY.public().encrypt(b"session key"))
    (tmp_path / "plain").write_bytes(b"their key")
    opened = openssl(tmp_path, "pkeyutl", "-decrypt", "-inkey", "key.pem", "-in", "sealed")
    theirs = openssl(tmp_path, "pkeyutl", "-encrypt", "-pubin", "-inkey", "pub.pem", "-in", "plain")
    assert opened == b"session key"
    assert KEY.decrypt(theirs) == b"their key"


def test_a_changed_ciphertext_is_noticed() -> None:
    """Each byte is covered, by the curve or by the digest."""
    sealed = KEY.public().encrypt(b"secret")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
        with pytest.raises(Undecipherable):
            KEY.decrypt(changed)


@pytest.mark.parametrize("sealed", [b"", bytes(120), b"\x30" * 1_000_000])
def test_what_is_no_ciphertext(sealed: bytes) -> None:
    """Neither nothing nor zeros nor a megabyte."""
    with pytest.raises(Undecipherable):
        KEY.decrypt(sealed)


@pytest.mark.parametrize("plain", [b"", bytes(100_000)])
def test_what_is_not_encrypted(plain: bytes) -> None:
    """Nothing, and documents."""
    with pytest.raises(ValueError, match="nothing to encrypt"):
        KEY.public().encrypt(plain)


def test_a_stranger_opens_nothing() -> None:
    """Another key is not enough."""
    with pytest.raises(Undecipherable):
        PrivateKey.generate().decrypt(KEY.public().encrypt(b"secret"))
