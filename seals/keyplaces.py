"""A signing key from a file that holds it, or from one that says where it is.

An encrypted key file is opened with its password. A description (TOML) names a sealing service or a
device; it holds no secret, and paths in it are meant from where it lies:

    kind = "service"                        kind = "device"
    url = "https://keys.example/sign"       module = "/usr/lib/softhsm/libsofthsm2.so"
    name = "office"                         token = "office"
    algorithm = "sm2-sm3"                   label = "p256"
    token = "SEALING_TOKEN"                 algorithm = "ecdsa-sha256"
    sends = "digest"                        certificate = "signer.pem"
    authorities = "authorities.pem"
    deadline = 5.0
    certificate = "signer.pem"

`token` of a service names the environment variable that holds it. A device's PIN is asked for in
the place of a password.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from seals import keyfiles
from seals.algorithms import Algorithm
from seals.devices import DeviceKey, Slot
from seals.encoding import MAX_PEM
from seals.errors import KeyUnavailable
from seals.ports import SigningKey
from seals.remote import RemoteKey, Sends, Service
from seals.x509 import MAX_BUNDLE, read_bundle

_PEM = b"-----BEGIN"
_SERVICE = {
    "kind", "url", "name", "algorithm", "token", "sends", "authorities", "deadline", "certificate",
}  # fmt: skip
_DEVICE = {"kind", "module", "token", "label", "algorithm", "certificate"}

Described = Mapping[str, object]


def key_at(
    path: Path,
    certificate: Path | None,
    secret: Callable[[], str],
    environment: Mapping[str, str],
) -> SigningKey:
    """The key that this file holds or describes, with its X.509 certificates.

    Args:
        path: The file.
        certificate: The signer's X.509 certificate first, in PEM or DER; goes before what a
            description says.
        secret: Gives password or PIN; asked only where one is needed.
        environment: Where a service's token is.

    Raises:
        KeyUnavailable: `key-description`: unknown or missing entries; `file-unreadable`; and what
            key files, devices and services raise.
        InvalidKey: Another password, or the certificate is of another key.
        Malformed: No certificate.
        SM2Unavailable: An SM2 key, and no OpenSSL 3 with SM2.
        UnknownAlgorithm: A certificate of a key that we do not know.
    """
    text = _read(path, MAX_PEM)
    if text.lstrip().startswith(_PEM):
        chain = () if certificate is None else _chain(certificate)
        return dataclasses.replace(keyfiles.load(path, secret()), chain=chain)
    described = _described(text)
    named = certificate or path.parent / _text(described, "certificate")
    match described.get("kind"):
        case "service":
            return _service(described, path.parent, _chain(named), environment)
        case "device":
            return _device(described, path.parent, _chain(named), secret)
        case _:
            raise KeyUnavailable("key-description")


def _described(text: bytes) -> Described:
    try:
        return tomllib.loads(text.decode("utf-8"))
    except ValueError:
        raise KeyUnavailable("key-description") from None


def _service(
    described: Described, folder: Path, chain: tuple[bytes, ...], environment: Mapping[str, str]
) -> RemoteKey:
    _known(described, _SERVICE)
    authorities = described.get("authorities")
    deadline = described.get("deadline", 5.0)
    if not isinstance(deadline, int | float) or not 0 < deadline <= 60:
        raise KeyUnavailable("key-description")
    try:
        sends = Sends(str(described.get("sends", Sends.DIGEST)))
    except ValueError:
        raise KeyUnavailable("key-description") from None
    service = Service(
        url=_text(described, "url"),
        key_name=_text(described, "name"),
        algorithm=_algorithm(described),
        spki=read_bundle(chain[0])[0].spki,
        chain=chain,
        sends=sends,
        token_variable=_text(described, "token"),
        deadline=float(deadline),
        ca_file=None if authorities is None else folder / _text(described, "authorities"),
    )
    return RemoteKey(service, environment)


def _device(
    described: Described, folder: Path, chain: tuple[bytes, ...], secret: Callable[[], str]
) -> DeviceKey:
    _known(described, _DEVICE)
    slot = Slot(
        module=folder / _text(described, "module"),
        token=_text(described, "token"),
        label=_text(described, "label"),
        pin=secret(),
    )
    return DeviceKey(slot, _algorithm(described), chain)


def _known(described: Described, entries: set[str]) -> None:
    """An entry that is misspelt must not be an entry that is left out."""
    if described.keys() - entries:
        raise KeyUnavailable("key-description")


def _text(described: Described, entry: str) -> str:
    found = described.get(entry)
    if not isinstance(found, str) or not found or not found.isprintable():
        raise KeyUnavailable("key-description")
    return found


def _algorithm(described: Described) -> Algorithm:
    try:
        return Algorithm(_text(described, "algorithm"))
    except ValueError:
        raise KeyUnavailable("key-description") from None


def _chain(file: Path) -> tuple[bytes, ...]:
    return tuple(each.der for each in read_bundle(_read(file, MAX_BUNDLE)))


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(most + 1)
    except (OSError, ValueError):
        raise KeyUnavailable("file-unreadable") from None
    if len(data) > most:
        raise KeyUnavailable("file-unreadable")
    return data
