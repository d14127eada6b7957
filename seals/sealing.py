"""Set a seal of the register on a document: OFD or PDF in, sealed bytes out.

`Sealer` joins who may (the register), what with (a key and a timestamp authority) and how (the two
motions of `seals.ofd` and `seals.pdf`). In this order: what the register refuses already is refused
and logged; the document is looked through and everything but the signature is written; the register
judges, counts and logs the use; only then is there a signature value; the result is judged by our
own verifiers, and nothing that does not verify leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seals.algorithms import Algorithm
from seals.errors import MalformedDocument, MalformedSeal, RegisterDamaged, SealRefused
from seals.judging import NOBODY, Judges
from seals.levels import Intent, Level
from seals.ofd import signing as ofd
from seals.ofd.placing import AcrossPages, AtKeyword, AtPlace, Edge, Placement
from seals.ofd.signing import Mode
from seals.pdf import sealing as pdf
from seals.pdf.model import Appearance, Revocation
from seals.pdf.model import Placement as PDFPlacement
from seals.ports import SealRegister, SigningKey, TimestampAuthority
from seals.registered import RegisteredSeal, content_digest
from seals.report import Format
from seals.seal import Picture, Seal
from seals.seal_reading import read_seal
from seals.sm2 import Signature
from seals.using import Use, why_not

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
    "format_of",
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
    """Middles of the seal. In a PDF only places; the first is the signature's own field."""
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
    """With its X.509 certificates. SM2 for an OFD; P-256, RSA or Ed25519 for a PDF."""
    now: Callable[[], datetime]
    timestamps: TimestampAuthority | None = None
    """Asked from level B-T on."""
    revocation: Revocation | None = field(default=None, repr=False)
    """What a PDF of level B-LT or B-LTA takes along."""
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
                `level-not-for-ofd`, `not-in-pdf`, and what `ofd.prepare` and `pdf.prepare` say.
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
        return self._pdf(document, order, seal, logged, at)

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
        # A GB/T 38540 seal in a PDF, signed with SM2, will be a third way beside these two.
        if (self.key.algorithm is Algorithm.SM2) is not (kind is Format.OFD):
            raise SealRefused("key-algorithm")
        if kind is Format.OFD and order.level not in {Level.B, Level.T}:
            raise SealRefused("level-not-for-ofd")
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
        token = b""
        if order.level is Level.T and self.timestamps is not None:
            digest = hashlib.new("sm3", Signature.read(value).der).digest()
            token = self.timestamps.token(digest, "sm3")
        return ofd.embed(prepared, value, token, self.judges)

    def _pdf(
        self, document: bytes, order: Order, seal: Seal, key: _LoggedKey, at: datetime
    ) -> bytes:
        if not seal.info.signers.lists(key.chain[0]):
            raise SealRefused("signer-not-listed")
        if at < seal.info.valid_from:
            raise SealRefused("seal-not-valid-yet")
        picture = seal.info.picture
        return pdf.sealed(
            document,
            tuple(_in_pdf(order.placements, picture)),
            Appearance(png=picture.data),
            key,
            at,
            level=order.level,
            intent=order.intent,
            timestamps=self.timestamps,
            revocation=self.revocation,
            judges=self.judges,
        )


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


def format_of(document: bytes) -> Format:
    """What a document is, told by its first bytes and never by its name.

    Raises:
        MalformedDocument: `format`: neither of the two.
    """
    if document.startswith(b"PK"):
        return Format.OFD
    # A PDF with something before its header is one that preflight will refuse, in its own words.
    if b"%PDF-" in document[:1024]:
        return Format.PDF
    raise MalformedDocument("format")


def _in_pdf(placements: Sequence[Placement], picture: Picture) -> Iterator[PDFPlacement]:
    """Places by their upper left corner. Keywords and edges are found in OFDs only."""
    if not placements:
        raise SealRefused("no-placement")
    for each in placements:
        if not isinstance(each, AtPlace):
            raise SealRefused("not-in-pdf")
        yield PDFPlacement(
            page=each.page,
            x=each.x - picture.width / 2,
            y=each.y - picture.height / 2,
            width=picture.width,
            height=picture.height,
        )
