"""The certificate centre (证照中心): all that the hub joins around certificates, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from certificates.editions import Binding
from certificates.identifiers import Series
from certificates.model import Definition
from certificates.ports import Copies, Presentations
from certificates.preparing import Desk
from hub.certificates.rights import CertificateRight


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a unit issues a type with."""

    binding: Binding
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCentre:
    """Everything around certificates. Its parts are synchronous: a route calls them in a thread."""

    definitions: Mapping[str, Definition]
    """By id of the type."""
    desk: Desk
    copies: Copies
    presentations: Presentations
    bound: Callable[[str, str], Bound | None]
    """(unit, type) → seal and number series; None: the unit does not issue it."""
    rights: Callable[[str], Sequence[CertificateRight]]
    """Of a caller, by client id; also those that have ended."""
    token_bytes: Callable[[int], bytes]
    """Unpredictable bytes for tokens."""
