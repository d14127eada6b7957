"""Set a seal of the register on a document: OFD or PDF in, sealed bytes out.

`Sealer` joins who may (the register), what with (a key and a timestamp authority) and how (the two
motions of `seals.ofd` and `seals.pdf`). In this order: what the register refuses already is refused
and logged; the document is looked through and everything but the signature is written; the register
judges, counts and logs the use; only then is there a signature value; the result is judged by our
own verifiers, and nothing that does not verify leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from seals.algorithms import Algorithm
from seals.errors import (
    DocumentRefused,
    MalformedDocument,
    MalformedSeal,
    RegisterDamaged,
    SealRefused,
)
from seals.judging import NOBODY, Judges
from seals.levels import Intent, Level, Mode
from seals.ofd import signing as ofd
from seals.pdf import preflight, ses, signing
from seals.pdf.cms import TOKEN_ROOM
from seals.pdf.model import PROFILE, Appearance, Profile, Revocation, Signatory
from seals.pdf.placing import placed
from seals.pdf.sealing import proven
from seals.placing import AcrossPages, AtKeyword, AtPlace, Edge, Placement
from seals.ports import SealRegister, SigningKey, TimestampAuthority
from seals.registered import RegisteredSeal, content_digest
from seals.report import JUDGED_ELSEWHERE, Format
from seals.seal import Seal
from seals.seal_reading import read_seal
from seals.sm2 import Signature
from seals.using import Use, why_not
from seals.verdicts import Verdict
from seals.verifying import format_of, verify

__all__ = [
    "AcrossPages",
    "AtKeyword",
    "AtPlace",
    "Edge",
    "Intent",
    "Level",
    "Mode",
    "Order",
    "Placement",
    "Sealer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One document to be sealed: with which seal, where, by whom and why."""

    seal_id: str
    """In the register."""
    account: str
    """Who seals; the seal must be granted to it."""
    reason: str
    """The matter's number or a short key; never a person's name."""
    placements: tuple[Placement, ...]
    """Middles of the seal. In a PDF the first is the signature's own field, and only the first seal
    may stand in several places."""
    certificate_type: str = ""
    """Empty for a document that is no certificate."""
    mode: Mode = Mode.CONTINUE
    """Of an OFD: whether more seals may follow."""
    intent: Intent = Intent.APPROVAL
    """Of a PDF: what it says about later changes."""
    level: Level = Level.B
    """How much is kept for later. An OFD has a place for a timestamp and for no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Seals documents for whoever the register allows. One is made for each key; it holds no state
    of its own and may be shared by threads.
    """

    register: SealRegister
    key: SigningKey
    """With its X.509 certificates. With SM2 it sets a GB/T 38540 seal, in OFD and PDF; with P-256,
    RSA or Ed25519 a PAdES signature under the seal's picture, in PDF."""
    now: Callable[[], datetime]
    timestamps: TimestampAuthority | None = None
    """Asked from level B-T on."""
    revocation: Revocation | None = field(default=None, repr=False)
    """What a PDF of level B-LT or B-LTA takes along."""
    profile: Profile = PROFILE
    """How a GB/T 38540 seal in a PDF calls itself."""
    judges: Judges = NOBODY
    """Whoever is given must be content with the result, too."""

    def sealed(self, document: bytes, order: Order) -> bytes:
        """The document with the seal on it.

        Args:
            document: An OFD or a PDF, sealed before or not.
            order: What is wanted. It is logged by its digest, account and reason.

        Raises:
            MalformedDocument: Neither OFD nor PDF, or it cannot be read.
            DocumentRefused: It must not be sealed; `why` holds every reason, and nothing was
                counted.
            UnknownSeal: There is no such seal.
            SealRefused: The register does not allow it, which is logged; or the seal, the key or
                the place does not fit: `key-algorithm`, `no-certificate`, `signer-not-listed`,
                `seal-not-valid-yet`, `timestamps-missing`, `revocation-missing`,
                `level-not-for-seal`, and what `prepare` of `seals.ofd.signing`, `seals.pdf.ses` and
                `seals.pdf.signing` say.
            KeyUnavailable, SM2Unavailable, TimestampUnavailable: No signature or no timestamp was
                had. The use is counted all the same.
            SealingFailed: What was made does not verify; it is gone. The use is counted.
            RegisterDamaged: What the register holds of the seal cannot be read.
        """
        kind = format_of(document)
        at = self.now().replace(microsecond=0)
        use = Use(
            seal_id=order.seal_id,
            account=order.account,
            at=at,
            digest=content_digest(document),
            reason=order.reason,
            certificate_type=order.certificate_type,
        )
        registered = self._allowed(use)
        self._fitting(kind, order)
        seal = self._seal(registered)
        logged = _LoggedKey(self.key, self.register, use)
        if kind is Format.OFD:
            return self._ofd(document, order, seal, logged, at)
        if self._national:
            return self._pdf(document, order, seal, logged, at)
        return self._pades(document, order, seal, logged, at)

    def faults(self, document: bytes) -> tuple[str, ...]:
        """Why a document that was sealed here does not verify by now; empty where it does. Chains and
        times may stay open where nobody was given who judges them. Raises nothing for what the
        document holds.
        """
        try:
            report = verify(document, self.now(), judges=self.judges)
        except MalformedDocument as wrong:
            return (wrong.why,)
        if not report.seals:
            return ("not-sealed",)
        bad = [
            each.step.reason
            for each in report.complaints
            if each.verdict is Verdict.FAILED or each.step.number not in JUDGED_ELSEWHERE
        ]
        return tuple(dict.fromkeys(bad))

    @property
    def _national(self) -> bool:
        """Does the key set GB/T 38540 seals?"""
        return self.key.algorithm is Algorithm.SM2

    def _allowed(self, use: Use) -> RegisteredSeal:
        """The seal, unless it can be said already that it may not be used so."""
        registered = self.register.get(use.seal_id)
        if why_not(registered, use, 0, self.register.freezes()):
            self.register.use(use)  # refuses it and logs the refusal
            raise SealRefused("changed-meanwhile")
        return registered

    def _fitting(self, kind: Format, order: Order) -> None:
        """Do key, level and format go together?"""
        if not self.key.chain:
            raise SealRefused("no-certificate")
        if kind is Format.OFD and not self._national:
            raise SealRefused("key-algorithm")
        if kind is Format.OFD and order.level not in {Level.B, Level.T}:
            raise SealRefused("level-not-for-seal")
        if order.level is not Level.B and self.timestamps is None:
            raise SealRefused("timestamps-missing")
        if order.level in {Level.LT, Level.LTA} and self.revocation is None:
            raise SealRefused("revocation-missing")

    def _seal(self, registered: RegisteredSeal) -> Seal:
        """The finished seal, byte for byte as it was made."""
        try:
            seal = read_seal(self.register.kept(registered.seal_digest))
        except MalformedSeal:
            raise RegisterDamaged(registered.seal_digest) from None
        if seal.info.number != registered.number:
            raise RegisterDamaged(registered.id)
        return seal

    def _ofd(
        self, document: bytes, order: Order, seal: Seal, key: _LoggedKey, at: datetime
    ) -> bytes:
        signer = ofd.Signer(x509_cert=key.chain[0])
        prepared = ofd.prepare(document, seal, order.placements, order.mode, signer, at)
        value = key.sign(prepared.to_sign)
        return ofd.embed(prepared, value, self._stamped(value, order), self.judges)

    def _pdf(
        self, document: bytes, order: Order, seal: Seal, key: _LoggedKey, at: datetime
    ) -> bytes:
        prepared = ses.prepare(
            document,
            seal,
            order.placements,
            key.chain[0],
            at,
            intent=order.intent,
            timestamp_room=0 if order.level is Level.B else TOKEN_ROOM,
            profile=self.profile,
        )
        value = key.sign(prepared.to_sign)
        token = self._stamped(value, order)
        made = ses.embed(prepared, value, token, self.judges)
        if order.level in {Level.B, Level.T}:
            return made
        archived = signing.preserved(
            made, order.level, token, timestamps=self.timestamps, revocation=self.revocation
        )
        return proven(archived, at, judges=self.judges)

    def _pades(
        self, document: bytes, order: Order, seal: Seal, key: _LoggedKey, at: datetime
    ) -> bytes:
        """The seal's picture, under a signature by a signer whom the seal lists."""
        if not seal.info.signers.lists(key.chain[0]):
            raise SealRefused("signer-not-listed")
        if at < seal.info.valid_from:
            raise SealRefused("seal-not-valid-yet")
        if found := preflight.reasons(document):
            raise DocumentRefused(*found)
        picture = seal.info.picture
        prepared = signing.prepare(
            document,
            placed(document, order.placements, (float(picture.width), float(picture.height))),
            Appearance(png=picture.data),
            Signatory(chain=key.chain),
            at,
            level=order.level,
            intent=order.intent,
        )
        value = key.sign(prepared.to_sign)
        made = signing.embed(
            prepared, value, timestamps=self.timestamps, revocation=self.revocation
        )
        return proven(made, at, judges=self.judges)

    def _stamped(self, value: bytes, order: Order) -> bytes:
        """A timestamp over a GB/T 38540 signature value; empty where none is asked for."""
        if order.level is Level.B or self.timestamps is None:
            return b""
        digest = hashlib.new("sm3", Signature.read(value).der).digest()
        return self.timestamps.token(digest, "sm3")


@dataclass(frozen=True, slots=True)
class _LoggedKey:
    """The key for one document: before it signs, the register has allowed, counted and logged it."""

    key: SigningKey
    register: SealRegister
    use: Use

    @property
    def chain(self) -> tuple[bytes, ...]:
        """See `SigningKey`."""
        return self.key.chain

    def sign(self, message: bytes) -> bytes:
        """See `SigningKey`; and what `SealRegister.use` raises."""
        self.register.use(self.use)
        return self.key.sign(message)
