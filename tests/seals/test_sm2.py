"""SM2 against the published vector, against OpenSSL's command line, and against what is almost right."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals import sm2
from seals.sm2 import InvalidKey, N, PrivateKey, PublicKey, Signature
from tests.world.services import without

# GB/T 32918.5 §A.2.
D = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
X = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
Y = "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
R = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
S = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
E = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
MESSAGE = b"message digest"

KEY, PUBLIC = PrivateKey.read(D), PublicKey.read(bytes.fromhex(X + Y))
VECTOR = Signature.read(bytes.fromhex(R + S))


@pytest.fixture(autouse=True, scope="module")
def _openssl() -> None:
    assert sm2.available(), "no OpenSSL 3 with SM2 on this machine"


def test_the_published_vector() -> None:
    """Digest, public key and signature, by OpenSSL and in plain Python."""
    assert sm2.digest_to_sign(PUBLIC, MESSAGE).hex() == E
    assert KEY.public() == PUBLIC
    assert PUBLIC.verify(VECTOR, MESSAGE)
    assert sm2.verified_plainly(PUBLIC, VECTOR, MESSAGE)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300), st.binary(min_size=1, max_size=40))
def test_what_is_signed_verifies_both_ways_and_nothing_else_does(
    message: bytes, signer_id: bytes
) -> None:
    """The two verifiers agree, on the right message and on a wrong one."""
    signature = KEY.sign(message, signer_id)
    for verify in (PublicKey.verify, sm2.verified_plainly):
        assert verify(PUBLIC, signature, message, signer_id)
        assert not verify(PUBLIC, signature, message + b"x", signer_id)
        assert not verify(PUBLIC, signature, message, signer_id + b"x")


def test_another_key_does_not_verify() -> None:
    """Neither way."""
    other = PrivateKey(7).public()
    assert not other.verify(VECTOR, MESSAGE)
    assert not sm2.verified_plainly(other, VECTOR, MESSAGE)


def _der(r: bytes, s: bytes) -> bytes:
    body = bytes((2, len(r))) + r + bytes((2, len(s))) + s
    return bytes((0x30, len(body))) + body


RR, SS = b"\x00" + bytes.fromhex(R), b"\x00" + bytes.fromhex(S)
HIGH = b"\x01" + (int(S, 16) + N - 2**256).to_bytes(32)
NOT_CANONICAL: dict[str, bytes] = {
    "empty": b"",
    "no sequence": b"\x31" + VECTOR.der[1:],
    "truncated": VECTOR.der[:-1],
    "bytes after": VECTOR.der + b"\x00",
    "indefinite length": b"\x30\x80" + VECTOR.der[2:] + b"\x00\x00",
    "long form of the length": b"\x30\x81" + VECTOR.der[1:],
    "padded integer": _der(b"\x00" + RR, SS),
    "integer without sign byte": _der(RR[1:], SS),
    "r is nought": _der(b"\x00", SS),
    "s is nought": _der(RR, b"\x00"),
    "s is n": _der(RR, b"\x00" + N.to_bytes(32)),
    "s + n": _der(RR, HIGH),
    "one integer": b"\x30\x23\x02\x21" + RR,
    "three integers": b"\x30\x49\x02\x21" + RR + b"\x02\x21" + SS + b"\x02\x01\x01",
    "raw, r is nought": bytes(32) + bytes.fromhex(S),
    "raw, s is n": bytes.fromhex(R) + N.to_bytes(32),
    "raw and one more": bytes.fromhex(R + S) + b"\x00",
    "huge": b"\x30\x84\xff\xff\xff\xff" + b"\x00" * 100_000,
}


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_what_is_almost_a_signature_is_none(name: str) -> None:
    """Canonical DER in range, or 64 raw bytes in range; nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011  (any of ours will do)
        Signature.read(NOT_CANONICAL[name])


def test_der_and_raw_are_the_same_signature() -> None:
    """Raw is read, canonical DER is written."""
    assert Signature.read(VECTOR.der) == Signature.read(VECTOR.raw) == VECTOR
    assert VECTOR.der == _der(RR, SS)


@given(st.binary(max_size=90))
def test_no_bytes_make_the_reader_stumble(value: bytes) -> None:
    """A signature, or ValueError."""
    try:
        found = Signature.read(value)
    except ValueError:
        return
    assert 0 < found.r < N
    assert 0 < found.s < N


@pytest.mark.parametrize(
    "value",
    [b"", bytes(64), bytes.fromhex(X + X), b"\x04" + bytes(64), b"\x03" + bytes(64), bytes(66)],
)
def test_what_is_no_point_is_no_public_key(value: bytes) -> None:
    """An invalid curve point is refused before anything is computed with it."""
    with pytest.raises(InvalidKey):
        PublicKey.read(value)


@pytest.mark.parametrize("value", [b"", bytes(32), N.to_bytes(32), (N - 1).to_bytes(32), D + b"x"])
def test_what_is_out_of_range_is_no_private_key(value: bytes) -> None:
    """1 ≤ d ≤ n - 2."""
    with pytest.raises(InvalidKey):
        PrivateKey.read(value)


def test_a_private_key_is_not_shown() -> None:
    """Neither in hex nor as a number."""
    assert D.hex() not in repr(KEY).lower()
    assert str(KEY.d) not in repr(KEY)


def test_threads_may_share_a_key_while_others_push_it_out() -> None:
    """More keys than are kept, in four threads: every signature is right."""
    wrong: list[int] = []

    def work(first: int) -> None:
        for d in range(first, first + 350):
            key = PrivateKey(d + 1)
            if not sm2.verified_plainly(PUBLIC, KEY.sign(b"x"), b"x"):
                wrong.append(d)
            if d % 40 == 0 and not key.public().verify(key.sign(b"y"), b"y"):
                wrong.append(d)
            key.sign(b"z")

    threads = [threading.Thread(target=work, args=(n * 1000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_openssls_own_command_line_agrees(tmp_path: Path) -> None:
    """It accepts what we sign."""
    program = shutil.which("openssl")
    if program is None:
        without("no openssl command here")
    (tmp_path / "m").write_bytes(MESSAGE)
    (tmp_path / "s").write_bytes(KEY.sign(MESSAGE).der)
    spki = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200") + PUBLIC.raw
    (tmp_path / "k").write_bytes(spki)
    done = subprocess.run(
        [program, "dgst", "-sm3", "-sigopt", "distid:1234567812345678", "-keyform", "DER",
         "-verify", tmp_path / "k", "-signature", tmp_path / "s", tmp_path / "m"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Verified OK" in done.stdout, done.stderr
