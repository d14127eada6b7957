"""What a seal says about later changes, and how much is kept with it for later."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What may happen to a sealed OFD later."""

    WHOLE = "whole"
    """Nothing: the list of signatures is protected, too."""
    CONTINUE = "continue"
    """More seals may follow."""


class Level(StrEnum):
    """The levels of PAdES (ETSI EN 319 142-1 §6): what is kept with the seal for later."""

    B = "B-B"
    """The signature alone."""
    T = "B-T"
    """With a timestamp of the signature."""
    LT = "B-LT"
    """With certificates and revocation lists."""
    LTA = "B-LTA"
    """With a timestamp over all of that."""


class Intent(StrEnum):
    """What the seal says about later changes (ISO 32000-2 §12.8.2)."""

    APPROVAL = "approval"
    """Others may seal after it."""
    CERTIFIED = "certified"
    """The first seal, and the last: nothing may change (DocMDP, P 1)."""
    CLOSING = "closing"
    """A later seal that closes the document in the same way (a lock on all fields, P 1)."""
