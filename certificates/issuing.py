"""An issue on its way: the intent that is recorded before anything is sealed, and what may follow.

```text
intended ──seal──▶ sealed ──verify──▶ verified ──record──▶ recorded
    ▲                 │                    │
    └─────reject──────┘      void from every state but the last
```
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certificates.errors import IllegalAct
from certificates.lifecycle import Certificate
from certificates.model import Actor


class Stage(StrEnum):
    """How far an issue has come."""

    INTENDED = "intended"
    """Identifier and draft are fixed; nothing is sealed that anybody may have."""
    SEALED = "sealed"
    VERIFIED = "verified"
    RECORDED = "recorded"
    """The certificate is in the register, and in force from its first day."""
    VOID = "void"
    """Given up. The identifier is spent all the same."""


class Step(StrEnum):
    """What is done to an issue."""

    SEAL = "seal"
    VERIFY = "verify"
    REJECT = "reject"
    RECORD = "record"
    VOID = "void"


STEPS: Mapping[tuple[Stage, Step], Stage] = {
    (Stage.INTENDED, Step.SEAL): Stage.SEALED,
    (Stage.SEALED, Step.VERIFY): Stage.VERIFIED,
    (Stage.SEALED, Step.REJECT): Stage.INTENDED,
    (Stage.VERIFIED, Step.RECORD): Stage.RECORDED,
    **{(stage, Step.VOID): Stage.VOID for stage in (Stage.INTENDED, Stage.SEALED, Stage.VERIFIED)},
}
"""Everything that may happen."""

DONE = frozenset({Stage.RECORDED, Stage.VOID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One issue, as the register keeps it from before the seal to the end."""

    key: str
    """The caller's: the case number, or batch and row. One key, one certificate."""
    request_digest: str
    """Of what was asked, without identifier and edition."""
    certificate: Certificate
    """As it will be recorded: without history, without sealed documents."""
    unit: str
    """Whose seal is bound."""
    seal_id: str
    by: Actor
    basis: str
    drafts: Mapping[str, str]
    """Format → digest of the bytes to be sealed."""
    created_at: datetime
    sealed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Format → digest of the sealed bytes."""
    stage: Stage = Stage.INTENDED
    attempts: int = 0
    """How often a seal did not verify."""
    note: str = ""
    """Why it was voided."""

    @property
    def identifier(self) -> str:
        """电子证照标识, reserved for this issue alone."""
        return self.certificate.identifier

    def after(self, step: Step, **changes: object) -> Intent:
        """The next intent.

        Raises:
            IllegalAct: `stage`.
        """
        stage = STEPS.get((self.stage, step))
        if stage is None:
            raise IllegalAct("stage")
        return dataclasses.replace(self, stage=stage, **changes)  # type: ignore[arg-type]  # fields of ours
