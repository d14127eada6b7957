"""One port, many keys: in this process, in a device, behind a service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seals.algorithms import Algorithm, KeyKind
from seals.classical import ClassicalKey
from seals.devices import DeviceKey
from seals.errors import InvalidKey, KeyUnavailable, UnknownAlgorithm
from seals.keys import SigningKey, SM2Key, verifying_key
from seals.remote import RemoteKey, Sends, Service
from tests.world.hsm import slot
from tests.world.sealing_service import TOKEN, sealing_service

MESSAGE = "示例电子印章数据".encode() * 20
LOCAL: dict[str, Callable[[], SigningKey]] = {
    "sm2": SM2Key.generate,
    "p-256": lambda: ClassicalKey.generate(Algorithm.ECDSA_SHA256),
    "ed25519": lambda: ClassicalKey.generate(Algorithm.ED25519),
    "rsa": lambda: ClassicalKey.generate(Algorithm.RSA_SHA256, 2048),
    "rsa-pss": lambda: ClassicalKey.generate(Algorithm.RSA_PSS_SHA256, 2048),
}
IN_DEVICES = {
    "device p-256": ("p256", Algorithm.ECDSA_SHA256),
    "device rsa": ("rsa", Algorithm.RSA_SHA256),
    "device rsa-pss": ("rsa", Algorithm.RSA_PSS_SHA256),
}
REMOTE = {
    "remote sm2, digest": ("sm2", Sends.DIGEST),
    "remote sm2, message": ("sm2", Sends.MESSAGE),
    "remote p-256, digest": ("p-256", Sends.DIGEST),
    "remote ed25519, message": ("ed25519", Sends.MESSAGE),
}
TAKES_NO_DIGEST = {"ed25519", "remote sm2, message", "remote ed25519, message"}


@contextmanager
def served(name: str) -> Iterator[SigningKey]:
    """A key behind a service."""
    kind, sends = REMOTE[name]
    key = LOCAL[kind]()
    with sealing_service(key, LOCAL[kind]()) as service:
        terms = Service(
            url=service.url, key_name="章一", algorithm=key.algorithm, spki=key.spki, sends=sends,
            token_variable="T",
        )  # fmt: skip
        yield RemoteKey(terms, {"T": TOKEN})


@pytest.fixture(params=[*LOCAL, *IN_DEVICES, *REMOTE])
def named(request: pytest.FixtureRequest) -> Iterator[tuple[str, SigningKey]]:
    """Each implementation in turn."""
    name: str = request.param
    if name in LOCAL:
        yield name, LOCAL[name]()
    elif name in REMOTE:
        with served(name) as key:
            yield name, key
    else:
        label, algorithm = IN_DEVICES[name]
        module: Path = request.getfixturevalue("device")
        device_key = DeviceKey(slot(module, label), algorithm)
        yield name, device_key
        device_key.close()


def test_what_it_signs_its_public_key_verifies(named: tuple[str, SigningKey]) -> None:
    """And no other message, no changed signature, no other algorithm."""
    _, key = named
    public = verifying_key(key.spki)
    signature = key.sign(MESSAGE)
    assert public.verify(key.algorithm, MESSAGE, signature)
    assert not public.verify(key.algorithm, MESSAGE + b"x", signature)
    assert not public.verify(key.algorithm, MESSAGE, signature[:-1])
    assert not public.verify(key.algorithm, MESSAGE, signature + b"\0")
    assert not public.verify(key.algorithm, MESSAGE, b"")
    for other in Algorithm:
        if public.kind not in other.kinds:
            assert not public.verify(other, MESSAGE, signature)


def test_a_digest_is_signed_as_its_message_is(named: tuple[str, SigningKey]) -> None:
    """Where the algorithm has a digest at all; one of another length is refused."""
    name, key = named
    public = verifying_key(key.spki)
    if name in TAKES_NO_DIGEST:
        with pytest.raises(InvalidKey):
            key.sign_digest(bytes(32))
        return
    digest = public.digest(key.algorithm, MESSAGE)
    signature = key.sign_digest(digest)
    assert public.verify(key.algorithm, MESSAGE, signature)
    assert public.verify_digest(key.algorithm, digest, signature)
    assert not public.verify_digest(key.algorithm, digest[::-1], signature)
    with pytest.raises((InvalidKey, KeyUnavailable)):
        key.sign_digest(digest[:20])


def test_nothing_of_a_key_is_shown(named: tuple[str, SigningKey]) -> None:
    """A repr says what it is and no more."""
    _, key = named
    shown = repr(key)
    assert str(key.algorithm) in shown or "SM2" in shown
    assert len(shown) < 120
    for word in ("private", TOKEN, "BEGIN", "0x"):
        assert word not in shown.replace(type(key).__name__, "")


def test_two_threads_may_sign_with_it(named: tuple[str, SigningKey]) -> None:
    """At once, and every signature is right."""
    _, key = named
    public = verifying_key(key.spki)
    right: list[bool] = []

    def work(mark: bytes) -> None:
        right.extend(public.verify(key.algorithm, mark, key.sign(mark)) for _ in range(5))

    threads = [threading.Thread(target=work, args=(mark,)) for mark in (b"one", b"two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 10


def test_an_sm2_key_may_sign_under_another_id() -> None:
    """What it signs holds under that id alone, as message and as digest."""
    usual = SM2Key.generate()
    key = SM2Key(private=usual.private, signer_id=b"ALICE123@YAHOO.COM")
    public, signature = verifying_key(key.spki), key.sign(MESSAGE)
    assert public.verify(key.algorithm, MESSAGE, signature, key.signer_id)
    assert not public.verify(key.algorithm, MESSAGE, signature)
    digest = public.digest(key.algorithm, MESSAGE, key.signer_id)
    assert public.verify_digest(key.algorithm, digest, signature)
    assert digest != public.digest(key.algorithm, MESSAGE)


WRONG_KEYS: dict[str, Callable[[], object]] = {
    "RSA of 1024 bits": lambda: ClassicalKey.generate(Algorithm.RSA_SHA256, 1024),
    "RSA of 100,000 bits": lambda: ClassicalKey.generate(Algorithm.RSA_SHA256, 100_000),
    "SM2 as a classical key": lambda: ClassicalKey.generate(Algorithm.SM2),
    "SHA-1": lambda: ClassicalKey.generate(Algorithm.RSA_SHA1),
    "PKCS #8 that is none": lambda: ClassicalKey.from_pkcs8(b"\x30\x00"),
    "Ed25519 for RSA": lambda: ClassicalKey.from_pkcs8(
        ClassicalKey.generate(Algorithm.ED25519).pkcs8(), Algorithm.RSA_SHA256
    ),
}


@pytest.mark.parametrize("name", WRONG_KEYS)
def test_what_does_not_sign(name: str) -> None:
    """It is refused when it is made, with a sentence of ours."""
    with pytest.raises(InvalidKey):
        WRONG_KEYS[name]()


SPKI = SM2Key.generate().spki
EC = ClassicalKey.generate(Algorithm.ECDSA_SHA256).spki
NO_PUBLIC_KEYS: dict[str, bytes] = {
    "nothing": b"",
    "cut off": SPKI[:-1],
    "a byte behind": SPKI + b"\0",
    "SM2, not on the curve": SPKI[:-1] + bytes((SPKI[-1] ^ 1,)),
    "P-256, not on the curve": EC[:-1] + bytes((EC[-1] ^ 1,)),
    "a point of SM2 on P-256": EC[:26] + SPKI[26:],
    "a point of P-256 on SM2": SPKI[:26] + EC[26:],
    "no point at all": SPKI[:26] + b"\x00" + SPKI[27:],
    "the point at infinity": SPKI[:1] + b"\x17" + SPKI[2:23] + b"\x03\x02\x00\x00",
    "a length of gigabytes": b"\x30\x84\xff\xff\xff\xff" + SPKI[2:],
    "huge": SPKI + bytes(10_000_000),
    "nested deeply": b"\x30\x80" * 100_000,
}


@pytest.mark.parametrize("name", NO_PUBLIC_KEYS)
def test_what_is_no_public_key(name: str) -> None:
    """It verifies nothing, for it is refused."""
    with pytest.raises(InvalidKey):
        verifying_key(NO_PUBLIC_KEYS[name])


@pytest.mark.parametrize(
    "curve", ["06052b8104000a", "06092b240303020801010b"], ids=["secp256k1", "brainpool"]
)
def test_another_curve_is_unknown(curve: str) -> None:
    """Even where its points look alike."""
    inner = bytes.fromhex("06072a8648ce3d0201" + curve)
    body = bytes((0x30, len(inner))) + inner + SPKI[23:]
    with pytest.raises(UnknownAlgorithm):
        verifying_key(bytes((0x30, len(body))) + body)


def test_kinds_are_told() -> None:
    """By what the key says of itself."""
    kinds = [verifying_key(make().spki).kind for make in LOCAL.values()]
    assert kinds == [KeyKind.SM2, KeyKind.P256, KeyKind.ED25519, KeyKind.RSA, KeyKind.RSA]
