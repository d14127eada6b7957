"""Who signs paper codes, and whose are believed: the keys of seals, which `certificates` never sees.

The signer is the key that sets the issuing unit's seal, so a paper code hangs on the same chain as
the sealed document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from certificates.lifecycle import local_day
from certificates.paper.envelope import KID_BYTES
from certificates.paper.verifying import Entitled, KnownSigner
from seals.algorithms import Algorithm
from seals.errors import InvalidKey, Malformed, UnknownAlgorithm
from seals.keys import verifying_key
from seals.ports import SigningKey
from seals.sm2 import Signature
from seals.x509 import read_x509


def kid_of(spki: bytes) -> bytes:
    """How a code names a key."""
    return hashlib.new("sm3", spki).digest()[:KID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKeySigner:
    """A `certificates.paper.making.PaperSigner` over the key of a seal."""

    key: SigningKey

    def __post_init__(self) -> None:
        """Raises:
        InvalidKey: It is no SM2 key.
        """
        if self.key.algorithm is not Algorithm.SM2:
            raise InvalidKey("paper codes are signed with SM2")

    @property
    def kid(self) -> bytes:
        """See the port."""
        return kid_of(self.key.spki)

    def sign(self, message: bytes) -> bytes:
        """See the port; and what `SigningKey.sign` raises."""
        return Signature.read(self.key.sign(message)).raw


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperKeys:
    """The keys whose codes are believed, by kid."""

    spkis: Mapping[str, bytes] = field(repr=False)
    """Name of a signer → its key."""
    known: Mapping[bytes, KnownSigner]

    def signers(self, kid: bytes) -> KnownSigner | None:
        """See `certificates.paper.verifying.Signers`."""
        return self.known.get(kid)

    def verify(self, name: str, message: bytes, signature: bytes) -> bool:
        """See `certificates.ports.Verify`."""
        spki = self.spkis.get(name)
        if spki is None:
            return False
        return verifying_key(spki).verify(Algorithm.SM2, message, signature)


def paper_keys(trusted: Iterable[tuple[bytes, frozenset[str]]], lists_by: str) -> PaperKeys:
    """The keys of signers.

    Args:
        trusted: X.509 certificates in DER whose chains were judged before, each with the unified
            codes of the units that its owner seals for. One that cannot be read, or is not of an
            SM2 key, knows nobody.
        lists_by: Who signs the status lists here.
    """
    spkis: dict[str, bytes] = {}
    known: dict[bytes, KnownSigner] = {}
    for der, issuers in trusted:
        try:
            found = read_x509(der)
            key = verifying_key(found.spki)
        except (InvalidKey, Malformed, UnknownAlgorithm):
            continue
        kid = kid_of(key.spki)
        name = kid.hex()
        spkis[name] = key.spki
        entitled = Entitled(
            issuers=issuers,
            valid_from=local_day(found.not_before),
            valid_to=local_day(found.not_after),
        )
        before = known[kid].entitled if kid in known else ()
        known[kid] = KnownSigner(name=name, entitled=(*before, entitled), lists_by=lists_by)
    return PaperKeys(spkis=spkis, known=known)
