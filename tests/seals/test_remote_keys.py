"""Keys elsewhere: what a service or a device may do wrong, and what is then said."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seals import der, keyfiles
from seals.algorithms import Algorithm
from seals.authority import Profile
from seals.classical import ClassicalKey
from seals.devices import DeviceKey, Slot
from seals.encoding import pem
from seals.errors import InvalidKey, KeyUnavailable
from seals.keys import SM2Key, verifying_key
from seals.remote import RemoteKey, Sends, Service
from seals.x509 import Extension
from tests.world import pki
from tests.world.hsm import slot
from tests.world.sealing_service import TOKEN, Manner, SealingService, sealing_service

KEY, OTHER = SM2Key.generate(), SM2Key.generate()
MESSAGE = b"to be sealed"
PASSWORD = "a password for tests"
ENVIRONMENT = {"SEALING_TOKEN": TOKEN}


@pytest.fixture
def service() -> Iterator[SealingService]:
    """Without TLS, on this machine."""
    with sealing_service(KEY, OTHER) as running:
        yield running


def terms(service: SealingService | str, **changes: Any) -> Service:
    """How it is asked."""
    url = service if isinstance(service, str) else service.url
    usual: dict[str, Any] = {
        "url": url, "key_name": "k1", "algorithm": Algorithm.SM2, "spki": KEY.spki, "deadline": 5.0,
    }  # fmt: skip
    return Service(**(usual | changes))


def test_only_a_digest_leaves_and_only_what_is_needed(service: SealingService) -> None:
    """Neither the message nor anything else about it."""
    RemoteKey(terms(service), ENVIRONMENT).sign(MESSAGE)
    (question,) = service.questions
    assert set(question) == {"key", "algorithm", "digest"}
    assert question["key"] == "k1"
    assert question["algorithm"] == "sm2-sm3"


WHY = {
    Manner.WRONG_SIGNATURE: "signature-does-not-hold",
    Manner.OTHER_KEY: "signature-does-not-hold",
    Manner.REFUSES: "service-refuses",
    Manner.REDIRECTS: "service-refuses",
    Manner.NONSENSE: "service-answers-nonsense",
    Manner.NO_SIGNATURE: "service-answers-nonsense",
    Manner.DEEP: "service-answers-nonsense",
    Manner.HUGE: "service-answers-nonsense",
    Manner.HANGS_UP: "service-unreachable",
    Manner.SILENT: "service-too-slow",
    Manner.DRIPS_HEADERS: "service-too-slow",
    Manner.DRIPS_BODY: "service-too-slow",
}


@pytest.mark.parametrize("sends", Sends)
@pytest.mark.parametrize("manner", WHY)
def test_what_goes_wrong_is_named_and_never_asked_twice(
    service: SealingService, manner: Manner, sends: Sends
) -> None:
    """Nothing that was not verified is given out, and one call is one question."""
    service.manner = manner
    slow = WHY[manner] == "service-too-slow"
    key = RemoteKey(terms(service, sends=sends, deadline=0.3 if slow else 5.0), ENVIRONMENT)
    with pytest.raises(KeyUnavailable) as caught:
        key.sign(MESSAGE)
    assert str(caught.value) == WHY[manner]
    assert len(service.questions) == 1
    assert TOKEN not in repr(caught.value) + repr(caught.value.__cause__)


def test_another_token_is_refused(service: SealingService) -> None:
    """The service says no; we say so."""
    key = RemoteKey(terms(service), {"SEALING_TOKEN": "another"})
    with pytest.raises(KeyUnavailable, match="service-refuses"):
        key.sign(MESSAGE)


def test_nobody_is_there() -> None:
    """A port on which nobody listens."""
    with sealing_service(KEY, OTHER) as gone:
        pass
    with pytest.raises(KeyUnavailable, match="service-unreachable"):
        RemoteKey(terms(gone), ENVIRONMENT).sign(MESSAGE)


NOT_ASKED: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "no token": ({}, {}, "service-token-missing"),
    "a token with a line break": ({}, {"SEALING_TOKEN": "a\r\nb"}, "service-token-missing"),
    "plain HTTP elsewhere": (
        {"url": "http://keys.example/v1"}, ENVIRONMENT, "service-without-tls",
    ),
    "another scheme": ({"url": "ftp://localhost/"}, ENVIRONMENT, "service-url"),
    "no host": ({"url": "https:///sign"}, ENVIRONMENT, "service-url"),
    "a name in the address": ({"url": "https://me:pw@localhost/"}, ENVIRONMENT, "service-url"),
    "no such authorities": (
        {"url": "https://localhost/", "ca_file": Path("nowhere.pem")},
        ENVIRONMENT,
        "service-authorities-unreadable",
    ),
    "an algorithm of another kind": ({"algorithm": Algorithm.ED25519}, ENVIRONMENT, "algorithm"),
    "a chain of another key": (
        {"chain": (pki.pki().signers[Profile.PERSON].der,)}, ENVIRONMENT, "another key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_ASKED)
def test_terms_that_cannot_be_right(name: str) -> None:
    """They are refused when the key is set up, before anything is sent."""
    changes, environment, why = NOT_ASKED[name]
    with pytest.raises((KeyUnavailable, InvalidKey), match=why):
        RemoteKey(terms("http://127.0.0.1:9/", **changes), environment)


def test_over_tls(tmp_path: Path) -> None:
    """With the right authority it signs; with another one nothing is even asked."""
    root = pki.root(ClassicalKey.generate(Algorithm.ECDSA_SHA256))
    key = ClassicalKey.generate(Algorithm.ECDSA_SHA256)
    here = der.sequence(der.implicit(7, ipaddress.ip_address("127.0.0.1").packed))
    now = pki.datetime.now(pki.UTC)
    certificate = root.issue(
        pki.wanted(
            Profile.ORGANISATION, key, extensions=(Extension("2.5.29.17", False, here),),
            not_before=now - pki.DAY, not_after=now + pki.DAY,
        )
    )  # fmt: skip
    mine = tmp_path / "server.pem"
    mine.write_text(
        keyfiles.encrypted(key, PASSWORD) + pem("CERTIFICATE", certificate.der), encoding="ascii"
    )
    trusted, other = tmp_path / "root.pem", tmp_path / "other.pem"
    trusted.write_text(pem("CERTIFICATE", root.certificate.der), encoding="ascii")
    stranger = pki.root(ClassicalKey.generate(Algorithm.ECDSA_SHA256))
    other.write_text(pem("CERTIFICATE", stranger.certificate.der), encoding="ascii")
    with sealing_service(KEY, OTHER, tls=(mine, PASSWORD)) as service:
        signature = RemoteKey(terms(service, ca_file=trusted), ENVIRONMENT).sign(MESSAGE)
        assert verifying_key(KEY.spki).verify(Algorithm.SM2, MESSAGE, signature)
        with pytest.raises(KeyUnavailable, match="service-unreachable"):
            RemoteKey(terms(service, ca_file=other), ENVIRONMENT).sign(MESSAGE)
        service.manner = Manner.DRIPS_BODY
        with pytest.raises(KeyUnavailable, match="service-too-slow"):
            RemoteKey(terms(service, ca_file=trusted, deadline=0.4), ENVIRONMENT).sign(MESSAGE)
    assert len(service.questions) == 2


def test_a_device_that_is_not_as_it_should_be(device: Path, tmp_path: Path) -> None:
    """Another PIN, token, key or library; each is refused without a word of the library's."""
    broken = tmp_path / "lib.so"
    broken.write_bytes(b"no library")
    cases = {
        "another PIN": slot(device, "p256", "0000-0000"),
        "another key": slot(device, "p521"),
        "another token": Slot(module=device, token="none", label="p256", pin="9999-0001"),
        "no library": Slot(module=tmp_path / "none.so", token="t", label="p256", pin="9999-0001"),
        "a broken library": Slot(module=broken, token="t", label="p256", pin="9999-0001"),
    }
    for name, place in cases.items():
        with pytest.raises(KeyUnavailable) as caught:
            DeviceKey(place, Algorithm.ECDSA_SHA256)
        assert str(caught.value) == "device-refuses", name
        assert place.pin not in repr(place), name


def test_a_device_key_of_another_kind(device: Path) -> None:
    """RSA is not signed with as P-256, and SM2 not at all."""
    for label, algorithm in (("rsa", Algorithm.ECDSA_SHA256), ("p256", Algorithm.SM2)):
        with pytest.raises(InvalidKey):
            DeviceKey(slot(device, label), algorithm)


def test_a_closed_device_is_opened_again(device: Path) -> None:
    """A session that was lost costs nothing but time."""
    key = DeviceKey(slot(device, "p256"), Algorithm.ECDSA_SHA256)
    key.close()
    assert verifying_key(key.spki).verify(key.algorithm, MESSAGE, key.sign(MESSAGE))
    key.close()


def test_two_keys_of_one_token_live_together(device: Path) -> None:
    """One that is not found, or leaves, takes nothing from the other; a wrong PIN still opens nothing."""
    one = DeviceKey(slot(device, "p256"), Algorithm.ECDSA_SHA256)
    two = DeviceKey(slot(device, "rsa"), Algorithm.RSA_SHA256)
    for key in (one, two, one):
        assert verifying_key(key.spki).verify(key.algorithm, MESSAGE, key.sign(MESSAGE))
    with pytest.raises(KeyUnavailable):
        DeviceKey(slot(device, "rsa", "0000-0000"), Algorithm.RSA_SHA256)
    with pytest.raises(KeyUnavailable):
        DeviceKey(slot(device, "nobody"), Algorithm.RSA_SHA256)
    one.close()
    for key in (two, one):
        assert verifying_key(key.spki).verify(key.algorithm, MESSAGE, key.sign(MESSAGE))
    one.close()
