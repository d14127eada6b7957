"""The certificate types of one place: claimed from a superior list (认领) or supplemented (补充).

The two are counted apart. A claimed type takes its code from the list it is claimed from.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from catalog import InvalidCode, uscc
from certificates.errors import IllegalAct
from certificates.model import ISSUED_ABOVE, Actor, Definition, Tier


class Origin(StrEnum):
    """How a place came by a type."""

    CLAIMED = "claimed"
    SUPPLEMENTED = "supplemented"


class Mode(StrEnum):
    """生成方式. The values of the official note are not known; these are the house's."""

    SYSTEM = "system"
    """Generated as the decision is made."""
    BATCH = "batch"
    """Generated from stock data."""
    COLLECTED = "collected"
    """Made elsewhere, collected here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperiorList:
    """A list of types handed down (《省级证照类型清单》)."""

    name: str
    codes: Mapping[str, str]
    """Type id → type code."""
    unmatched: tuple[str, ...] = ()
    """Names on the list that no type here answers to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldType:
    """One line of a place's list."""

    type_id: str
    code: str
    origin: Origin
    mode: Mode
    owner: str
    """The organisation whose line of business (业务条线) the type is."""
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """G-04 and G-05: 认领 + 补充."""

    claimed: int
    supplemented: int

    @property
    def total(self) -> int:
        """市内证照类型数量."""
        return self.claimed + self.supplemented


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeList:
    """The types of one place; each act gives a new list."""

    place: str
    tier: Tier
    superior: SuperiorList
    held: Mapping[str, HeldType]

    def claim(
        self, definition: Definition, *, owner: str, by: Actor, at: datetime, mode: Mode
    ) -> TypeList:
        """Take a type over from the superior list.

        Raises:
            IllegalAct: `not-listed`, `held-already`, `code-differs`: the list's code is not the
                one that is publicly known; or see `_with`.
        """
        code = self.superior.codes.get(definition.id)
        if code is None:
            raise IllegalAct("not-listed")
        if definition.code not in {None, code}:
            raise IllegalAct("code-differs")
        return self._with(definition, code, Origin.CLAIMED, owner, by, at, mode)

    def supplement(
        self, definition: Definition, code: str, *, owner: str, by: Actor, at: datetime, mode: Mode
    ) -> TypeList:
        """Add a type that is issued here and stands on no superior list.

        Raises:
            IllegalAct: `listed`: it has to be claimed; or see `_with`.
        """
        if definition.id in self.superior.codes or code in self.superior.codes.values():
            raise IllegalAct("listed")
        return self._with(definition, code, Origin.SUPPLEMENTED, owner, by, at, mode)

    def _with(
        self,
        definition: Definition,
        code: str,
        origin: Origin,
        owner: str,
        by: Actor,
        at: datetime,
        mode: Mode,
    ) -> TypeList:
        """Raises:
        IllegalAct: `held-already`, `code`: no type code; `code-taken`, `owner`, `time`.
        """
        if definition.id in self.held:
            raise IllegalAct("held-already")
        if not is_type_code(code):
            raise IllegalAct("code")
        if any(held.code == code for held in self.held.values()):
            raise IllegalAct("code-taken")
        if not owner or not by.account:
            raise IllegalAct("owner")
        if at.tzinfo is None:
            raise IllegalAct("time")
        held = HeldType(
            type_id=definition.id, code=code, origin=origin, mode=mode, owner=owner, by=by, at=at
        )
        return dataclasses.replace(self, held={**self.held, definition.id: held})

    @property
    def unclaimed(self) -> tuple[str, ...]:
        """Types of the superior list that nobody here has claimed."""
        return tuple(sorted(self.superior.codes.keys() - self.held.keys()))

    def counts(self, owner: str | None = None) -> Counts:
        """How many types, all or one owner's."""
        origins = [h.origin for h in self.held.values() if owner in {None, h.owner}]
        return Counts(
            claimed=origins.count(Origin.CLAIMED),
            supplemented=origins.count(Origin.SUPPLEMENTED),
        )

    def may_have_template(self, definition: Definition) -> bool:
        """No local template for what ministries and the province issue uniformly."""
        return not definition.issued_above or self.tier in ISSUED_ABOVE


def is_type_code(code: str) -> bool:
    """Is it a body's unified code and three digits other than 000?"""
    if not re.fullmatch("[0-9A-Z]{18}[0-9]{3}", code) or code.endswith("000"):
        return False
    try:
        return uscc(code[:18]) == code[:18]
    except InvalidCode:
        return False
