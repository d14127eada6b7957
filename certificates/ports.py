"""What this room asks of outside. Each port has one contract that all implementations pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from certificates.annotated import AnnotatedCopy
from certificates.editions import Edition
from certificates.embedding import CertificateData
from certificates.issuing import Intent
from certificates.lifecycle import Certificate

Now = Callable[[], datetime]
"""The time, aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPoint:
    """Where a seal stands on the documents of a type."""

    page: int
    """From 1."""
    x: float
    """Of its middle, millimetres from the left."""
    y: float
    """Millimetres from the top."""
    diameter: float
    """Millimetres that there is room for."""


class Renderer(Protocol):
    """Draws certificates, copies and drafts."""

    def documents(self, edition: Edition, data: CertificateData) -> Mapping[str, bytes]:
        """Data → documents by format, the same bytes for the same data. They paint what the data
        say, and embed `bytes(data)`.

        Raises:
            FaceRefused: It cannot be painted: with item and rule of everything that does not fit.
            LostBytes: The template or a picture is gone.
        """
        ...

    def seal_points(self, edition: Edition) -> tuple[SealPoint, ...]:
        """Where the issuer's seal goes.

        Raises:
            LostBytes: The template is gone.
        """
        ...


class Numbers(Protocol):
    """Running numbers. Several workers share them."""

    def take(self, series: str) -> int:
        """The next number of a series, from 1; nobody is ever given it again, whatever crashes."""
        ...


class Blobs(Protocol):
    """Bytes by their digest."""

    def put(self, content: bytes) -> str:
        """Keep bytes; the same ones twice are the same."""
        ...

    def get(self, digest: str) -> bytes:
        """Raises:
        LostBytes: They are not here, or not unchanged.
        """
        ...


class Register(Protocol):
    """Intents and certificates. Several workers share it; each method is one transaction."""

    def intend(self, intent: Intent) -> Intent:
        """Keep a new intent and with it, for ever, its identifier.

        Returns:
            The intent of that key: this one, or the earlier one for the same request.

        Raises:
            KeyReused: The key stands for another request.
            IdentifierTaken: The identifier was intended before, whatever became of it.
        """
        ...

    def intent(self, key: str) -> Intent | None:
        """The intent of a key."""
        ...

    def advance(self, before: Intent, after: Intent) -> None:
        """Put `after` in the place of `before`.

        Raises:
            RegisterConflict: `before` is not what is kept.
        """
        ...

    def record(
        self, before: Intent, after: Intent, certificate: Certificate, *others: Certificate
    ) -> None:
        """`advance`, the new certificate and the next state of others (what it replaces), all or
        nothing.

        Raises:
            RegisterConflict: `before` is not what is kept, or somebody else acted on another.
        """
        ...

    def unfinished(self, before: datetime) -> Iterable[Intent]:
        """Intents neither recorded nor void that were created earlier than that, oldest first."""
        ...

    def get(self, identifier: str) -> Certificate:
        """Raises:
        UnknownCertificate: There is none; an intent is none.
        """
        ...

    def put(self, certificate: Certificate) -> None:
        """Keep the certificate's next state: its history has one entry more than what is kept.

        Raises:
            UnknownCertificate: It was never recorded.
            RegisterConflict: Somebody else acted in between.
        """
        ...

    def of_holder(self, code: str) -> Iterable[Certificate]:
        """All certificates of one holder, by identifier."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SealOrder:
    """What is to be sealed, for whom and why."""

    document: bytes
    format: str
    """`ofd` or `pdf`."""
    identifier: str
    type_id: str
    unit: str
    seal_id: str
    points: tuple[SealPoint, ...]
    account: str
    """Who seals: the account that asked for the certificate."""
    reason: str
    """The request's key."""


class Sealer(Protocol):
    """Seals and looks at its own work. Whether the seal may be used is its business, not ours."""

    def seal(self, order: SealOrder) -> bytes:
        """The sealed document. Twice the same order may give different bytes."""
        ...

    def faults(self, document: bytes, format_: str, data_digest: str) -> tuple[str, ...]:
        """Why a sealed document does not prove itself, or does not carry the data of that digest;
        empty where it does. Never raises for what the document holds.
        """
        ...


class Copies(Protocol):
    """Annotated copies by identifier. Several workers share it."""

    def add(self, copy: AnnotatedCopy) -> None:
        """Keep a new copy.

        Raises:
            IdentifierTaken: There is one of that identifier.
        """
        ...

    def get(self, identifier: str) -> AnnotatedCopy:
        """Raises:
        UnknownCertificate: There is none.
        """
        ...

    def of(self, certificate: str) -> Iterable[AnnotatedCopy]:
        """All copies of one certificate, in the order of their numbers."""
        ...

    def revoke(self, copy: AnnotatedCopy) -> None:
        """Keep the copy as it is revoked.

        Raises:
            UnknownCertificate: There is none.
            RegisterConflict: It was revoked meanwhile.
        """
        ...


class ListSigner(Protocol):
    """Signs status lists, and says who it is."""

    @property
    def name(self) -> str:
        """Under which others know its public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature."""
        ...


Verify = Callable[[str, bytes, bytes], bool]
"""(signer's name, message, signature) → does it hold? False for an unknown signer."""


class Presentations(Protocol):
    """What tokens stand for, each for one use. Several workers share it."""

    def put(self, token_digest: str, presentation: bytes, until: datetime) -> None:
        """Keep it, at least until then."""
        ...

    def take(self, token_digest: str) -> bytes | None:
        """What the token stands for, to the first who asks; None to everybody after."""
        ...
