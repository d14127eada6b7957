"""A key from its file, or from a file that says where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from seals import keyfiles
from seals.algorithms import Algorithm
from seals.authority import Profile
from seals.classical import ClassicalKey
from seals.devices import DeviceKey
from seals.encoding import pem
from seals.errors import InvalidKey, KeyUnavailable, SealError
from seals.keyplaces import key_at
from seals.keys import SM2Key, verifying_key
from seals.ports import SigningKey
from tests.world import pki
from tests.world.hsm import PIN, TOKEN, slot
from tests.world.sealing_service import TOKEN as SERVICE_TOKEN
from tests.world.sealing_service import sealing_service

PASSWORD = "a password for tests"
MESSAGE = b"to be sealed"


def certified(folder: Path, key: SigningKey, name: str = "signer.pem") -> Path:
    """A file with the key's X.509 certificate and the one above."""
    world = pki.pki()
    made = world.issuer.issue(pki.wanted(Profile.ORGANISATION, key))
    text = pem("CERTIFICATE", made.der) + pem("CERTIFICATE", world.issuer.certificate.der)
    (folder / name).write_text(text, encoding="ascii")
    return folder / name


def signs(key: SigningKey) -> bool:
    """Does what it signs hold under its own certificate?"""
    public = verifying_key(key.spki)
    return public.verify(key.algorithm, MESSAGE, key.sign(MESSAGE)) and len(key.chain) == 2


def never() -> str:
    """Nothing here has a password."""
    raise AssertionError("no password is needed")


def test_a_key_file_is_opened_with_its_password(tmp_path: Path) -> None:
    """SM2 and P-256, with the chain that is handed along."""
    for key in (SM2Key.generate(), ClassicalKey.generate(Algorithm.ECDSA_SHA256)):
        file = tmp_path / f"{key.algorithm}.key"
        keyfiles.save(file, keyfiles.encrypted(key, PASSWORD))
        assert signs(key_at(file, certified(tmp_path, key), lambda: PASSWORD, {}))
    assert key_at(file, None, lambda: PASSWORD, {}).chain == ()
    with pytest.raises(InvalidKey):
        key_at(file, certified(tmp_path, SM2Key.generate()), lambda: PASSWORD, {})


def test_a_service_is_asked(tmp_path: Path) -> None:
    """As the description says; paths in it are meant from where it lies."""
    key = SM2Key.generate()
    certified(tmp_path, key)
    with sealing_service(key, SM2Key.generate()) as service:
        file = tmp_path / "key.toml"
        file.write_text(
            f'kind = "service"\nurl = "{service.url}"\nname = "office"\nalgorithm = "sm2-sm3"\n'
            'token = "SEALING_TOKEN"\nsends = "message"\ndeadline = 2\ncertificate = "signer.pem"\n',
            encoding="utf-8",
        )
        assert signs(key_at(file, None, never, {"SEALING_TOKEN": SERVICE_TOKEN}))
    assert service.questions[0]["key"] == "office"
    assert "message" in service.questions[0]


def test_a_device_is_opened_with_its_pin(tmp_path: Path, device: Path) -> None:
    """PKCS #11."""
    certified(tmp_path, DeviceKey(slot(device, "p256"), Algorithm.ECDSA_SHA256))
    file = tmp_path / "key.toml"
    file.write_text(
        f'kind = "device"\nmodule = "{device}"\ntoken = "{TOKEN}"\nlabel = "p256"\n'
        'algorithm = "ecdsa-sha256"\ncertificate = "signer.pem"\n',
        encoding="utf-8",
    )
    assert signs(key_at(file, None, lambda: PIN, {}))


SERVICE = {
    "kind": '"service"', "url": '"https://keys.example/sign"', "name": '"office"',
    "algorithm": '"sm2-sm3"', "token": '"SEALING_TOKEN"', "certificate": '"signer.pem"',
}  # fmt: skip
WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no kind": ({"kind": ""}, "key-description"),
    "another kind": ({"kind": '"cloud"'}, "key-description"),
    "no address": ({"url": ""}, "key-description"),
    "an address that is none": ({"url": '"ftp://x"'}, "service-url"),
    "no TLS": ({"url": '"http://keys.example/"'}, "service-without-tls"),
    "a number for a name": ({"name": "7"}, "key-description"),
    "an algorithm that is none": ({"algorithm": '"rot13"'}, "key-description"),
    "a misspelt entry": ({"dead_line": "3"}, "key-description"),
    "a deadline that is none": ({"deadline": '"soon"'}, "key-description"),
    "a deadline of an hour": ({"deadline": "3600"}, "key-description"),
    "another thing sent": ({"sends": '"document"'}, "key-description"),
    "no certificate": ({"certificate": ""}, "key-description"),
    "a certificate that is not there": ({"certificate": '"none.pem"'}, "file-unreadable"),
    "a name with a zero byte": ({"certificate": '"a\\u0000b"'}, "key-description"),
    "authorities that are not there": (
        {"authorities": '"none.pem"'}, "service-authorities-unreadable",
    ),
    "no token": ({"token": '"NOT_THERE"'}, "service-token-missing"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_description_that_makes_no_sense_is_refused(tmp_path: Path, case: str) -> None:
    """With a stable key; a misspelt entry is not taken for one that is left out."""
    certified(tmp_path, SM2Key.generate())
    changes, key = WRONG[case]
    lines = (f"{entry} = {value}" for entry, value in {**SERVICE, **changes}.items() if value)
    file = tmp_path / "key.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(KeyUnavailable, match=key):
        key_at(file, None, never, {"SEALING_TOKEN": "t"})


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe", b"kind", b"[" * 10_000, b"-----BEGIN", b"a = 1\n" * 20_000]
)
def test_what_is_neither_key_nor_description_is_refused(tmp_path: Path, text: bytes) -> None:
    """Whatever it holds."""
    file = tmp_path / "key"
    file.write_bytes(text)
    file.chmod(0o600)
    with pytest.raises(SealError):
        key_at(file, None, lambda: PASSWORD, {})
