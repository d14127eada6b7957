"""Timestamp authorities of the invented country: with SM2 and SM3, and with what the rest uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache

from seals.algorithms import Algorithm
from seals.authority import Profile
from seals.classical import ClassicalKey
from seals.keys import SM2Key
from seals.timestamps import Imprint, TimestampRequest, read_response
from seals.tsa import TSA
from seals.tsa_client import TSAClient, TSAService
from seals.tsa_serving import listening
from tests.world.pki import NOW, pki, wanted

KINDS = (Algorithm.SM2, Algorithm.ECDSA_SHA256, Algorithm.RSA_SHA256, Algorithm.RSA_PSS_SHA256,
         Algorithm.ED25519)  # fmt: skip


@cache
def _key(algorithm: Algorithm) -> ClassicalKey:
    return ClassicalKey.generate(algorithm)


def tsa(algorithm: Algorithm = Algorithm.SM2, at: datetime = NOW, **certificate: object) -> TSA:
    """One whose clock stands still, below the usual issuer; with changes to its certificate."""
    world = pki()
    if algorithm is Algorithm.SM2:
        key: SM2Key | ClassicalKey = world.keys[Profile.TSA]
    else:
        key = _key(algorithm)
    own = world.signers[Profile.TSA]
    if algorithm is not Algorithm.SM2 or certificate:
        own = world.issuer.issue(wanted(Profile.TSA, key, "", **certificate))
    chain = (own.der, world.issuer.certificate.der, world.root.certificate.der)
    return TSA(key=replace(key, chain=chain), clock=lambda: at)


def stamped(by: TSA, digest: bytes, algorithm: str, **request: object) -> bytes:
    """A token, without a socket."""
    parts: dict[str, object] = {"imprint": Imprint(digest=algorithm, value=digest)} | request
    return read_response(by.stamp(TimestampRequest(**parts).der)).token  # type: ignore[arg-type]  # a test names what it changes


@contextmanager
def client(by: TSA) -> Iterator[TSAClient]:
    """Our client, asking that authority on a real socket."""
    with listening(by) as url:
        yield TSAClient(TSAService(url=url))
