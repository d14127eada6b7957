"""Key files: encrypted, for their owner alone, read by OpenSSL, and never half there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals import der, keyfiles
from seals.algorithms import Algorithm
from seals.classical import ClassicalKey
from seals.encoding import from_pem, pem
from seals.errors import InvalidKey, KeyUnavailable
from seals.keyfiles import Protection
from seals.keys import SM2Key, verifying_key
from tests.seals.test_keys import openssl

PASSWORD = "correct horse 印章"
KEYS: dict[str, Callable[[], SM2Key | ClassicalKey]] = {
    "sm2": SM2Key.generate,
    "p-256": lambda: ClassicalKey.generate(Algorithm.ECDSA_SHA256),
    "ed25519": lambda: ClassicalKey.generate(Algorithm.ED25519),
    "rsa": lambda: ClassicalKey.generate(Algorithm.RSA_SHA256, 2048),
}
SM2 = SM2Key.generate()
FILE = keyfiles.encrypted(SM2, PASSWORD)
_, BODY = from_pem(FILE)


@pytest.mark.parametrize("protection", Protection)
@pytest.mark.parametrize("kind", KEYS)
def test_a_key_comes_back(kind: str, protection: Protection, tmp_path: Path) -> None:
    """As the same key, from a file that only its owner reads."""
    key = KEYS[kind]()
    path = tmp_path / "k.pem"
    keyfiles.save(path, keyfiles.encrypted(key, PASSWORD, protection))
    back = keyfiles.load(path, PASSWORD)
    assert back.spki == key.spki
    assert verifying_key(key.spki).verify(back.algorithm, b"m", back.sign(b"m"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["k.pem"]


def test_rsa_signs_with_pss_where_that_is_asked() -> None:
    """The file does not say; who loads it does."""
    key = ClassicalKey.generate(Algorithm.RSA_PSS_SHA256, 2048)
    text = keyfiles.encrypted(key, PASSWORD)
    assert keyfiles.decrypted(text, PASSWORD).algorithm is Algorithm.RSA_SHA256
    assert keyfiles.decrypted(text, PASSWORD, Algorithm.RSA_PSS_SHA256).algorithm is key.algorithm


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_opens_ours_and_we_its(kind: str, tmp_path: Path) -> None:
    """PBES2 is common to both."""
    key = KEYS[kind]()
    (tmp_path / "ours.pem").write_text(keyfiles.encrypted(key, "common to both"))
    plain = openssl(tmp_path, "pkcs8", "-in", "ours.pem", "-passin", "pass:common to both")
    (tmp_path / "plain.pem").write_bytes(plain)
    for options in (["-v2", "aes-256-cbc"], ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"]):
        openssl(tmp_path, "pkcs8", "-topk8", "-in", "plain.pem", "-out", "theirs.pem",
                "-passout", "pass:theirs", *options)  # fmt: skip
        theirs = (tmp_path / "theirs.pem").read_text()
        assert keyfiles.decrypted(theirs, "theirs").spki == key.spki


def _with(prf: str, cipher: str, iterations: int, iv: bytes = bytes(16)) -> str:
    terms = der.sequence(
        der.octets(b"salt"), der.integer(iterations), der.sequence(der.oid(prf), der.null())
    )
    scheme = der.sequence(
        der.sequence(der.oid("1.2.840.113549.1.5.12"), terms),
        der.sequence(der.oid(cipher), der.octets(iv)),
    )
    identifier = der.sequence(der.oid("1.2.840.113549.1.5.13"), scheme)
    return pem("ENCRYPTED PRIVATE KEY", der.sequence(identifier, der.octets(bytes(64))))


_SHA256, _AES = "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42"
NOT_OPENED: dict[str, str] = {
    "not encrypted": SM2.private.pkcs8_pem(),
    "SEC 1": SM2.private.sec1_pem(),
    "empty": "",
    "no PEM": "hello",
    "huge": "-----BEGIN ENCRYPTED PRIVATE KEY-----" + "A" * 10_000_000,
    "an integer": pem("ENCRYPTED PRIVATE KEY", der.integer(5)),
    "cut off": pem("ENCRYPTED PRIVATE KEY", BODY[:-9]),
    "nested deeply": pem("ENCRYPTED PRIVATE KEY", b"\x30\x80" * 20_000),
    "a hundred years of iterations": _with(_SHA256, _AES, 10**12),
    "no iterations": _with(_SHA256, _AES, 0),
    "fewer than none": _with(_SHA256, _AES, -5),
    "an unknown digest": _with("1.2.3.4", _AES, 1),
    "an unknown cipher": _with(_SHA256, "1.2.3.4", 1),
    "a short vector": _with(_SHA256, _AES, 1, b"short"),
    "nothing inside": _with(_SHA256, _AES, 1),
}


@pytest.mark.parametrize("name", NOT_OPENED)
def test_what_is_no_encrypted_key(name: str) -> None:
    """Above all a key that lies there in the open: it is refused, not loaded."""
    with pytest.raises(InvalidKey) as caught:
        keyfiles.decrypted(NOT_OPENED[name], PASSWORD)
    assert len(str(caught.value)) < 60


@pytest.mark.parametrize("password", ["", "correct horse", PASSWORD + " "])
def test_another_password_opens_nothing(password: str) -> None:
    """Neither a shorter nor a longer one."""
    with pytest.raises(InvalidKey):
        keyfiles.decrypted(FILE, password)


def test_a_short_password_protects_nothing() -> None:
    """It is refused when the file is made."""
    with pytest.raises(InvalidKey, match="12 characters"):
        keyfiles.encrypted(SM2, "short")


def test_a_changed_file_gives_no_other_key() -> None:
    """CBC lets a changed byte through; the public key inside tells."""
    for at in range(len(BODY) - 180, len(BODY), 7):
        changed = BODY[:at] + bytes((BODY[at] ^ 4,)) + BODY[at + 1 :]
        try:
            found = keyfiles.decrypted(pem("ENCRYPTED PRIVATE KEY", changed), PASSWORD)
        except InvalidKey:
            continue
        assert found.spki == SM2.spki, at


def test_a_file_that_others_may_read_is_not_loaded(tmp_path: Path) -> None:
    """Nor one that is not there, a folder, or larger than any key."""
    path = tmp_path / "k.pem"
    keyfiles.save(path, FILE)
    for mode in (0o640, 0o604, 0o660, 0o644):
        path.chmod(mode)
        with pytest.raises(KeyUnavailable, match="readable-by-others"):
            keyfiles.load(path, PASSWORD)
    large = tmp_path / "large"
    large.write_bytes(bytes(1_000_000))
    large.chmod(0o600)
    for other in (tmp_path / "none", large):
        with pytest.raises(KeyUnavailable, match="key-file-unreadable"):
            keyfiles.load(other, PASSWORD)


def test_a_key_file_is_never_written_over(tmp_path: Path) -> None:
    """The key that was there is still there, and nothing lies about."""
    path = tmp_path / "k.pem"
    keyfiles.save(path, FILE)
    with pytest.raises(KeyUnavailable, match="key-file-exists"):
        keyfiles.save(path, "another")
    assert path.read_text() == FILE
    assert [each.name for each in tmp_path.iterdir()] == ["k.pem"]
    with pytest.raises(KeyUnavailable, match="key-file-unwritable"):
        keyfiles.save(tmp_path / "none" / "k.pem", FILE)


def test_a_process_with_a_key_leaves_no_memory_behind(tmp_path: Path) -> None:
    """After loading, the kernel would write no core file and let nobody of this user look in."""
    path = tmp_path / "k.pem"
    keyfiles.save(path, FILE)
    program = (
        "import ctypes, resource, sys, pathlib\n"
        "from seals import keyfiles\n"
        "keyfiles.load(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), PASSWORD],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.stdout.split("\n")[0] == ("(0, 0) 0" if sys.platform == "linux" else "(0, 0) -1")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Any bytes are refused."""
    with pytest.raises(InvalidKey):
        keyfiles.decrypted(pem("ENCRYPTED PRIVATE KEY", data), PASSWORD)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 120), st.integers(0, 255))
def test_no_changed_byte_of_the_head_breaks_the_reader(at: int, byte: int) -> None:
    """The key, or a refusal; and never an hour of work."""
    small = _with(_SHA256, _AES, 1)
    _, body = from_pem(small)
    at %= len(body)
    changed = body[:at] + bytes((byte,)) + body[at + 1 :]
    with pytest.raises(InvalidKey):
        keyfiles.decrypted(pem("ENCRYPTED PRIVATE KEY", changed), PASSWORD)
