"""Who of the sandbox stands for the subjects of a bundle, by a rule that is the same for all.

1. A bundle about something special (a birth, a pension) is played by the case made for it, where the
   sandbox has one; else a bundle of enterprises by an enterprise, and all others by a family that
   has everything.
2. A role is played by whom the case calls so, or by one who can stand for it (`_STAND_INS`).
3. A role that the case does not know is played by the case of that very name (a driver).
4. A newborn that has no number is played under its mother's.
5. What is left, and whatever is no person and no organisation, is played by nobody: its materials
   are asked, and its fields are not filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.model import Bundle, Subject, SubjectKind

Personas = Mapping[str, Mapping[str, Any]]
"""The sandbox's named cases by id, as its control socket gives them."""

_MADE_FOR: Mapping[str, str] = {
    "xinxiang-05": "punished",
    "xinxiang-07": "bankrupt",
    "xinxiang-08": "to-deregister",
    "xinxiang-09": "newborn",
    "xinxiang-12": "disabled",
    "xinxiang-13": "retiree",
    "xinxiang-19": "renter",
    "xinxiang-20": "veteran",
}
_OF_ENTERPRISES = ("enterprise", "bankrupt")
_OF_PERSONS = ("complete",)

_STAND_INS: Mapping[str, tuple[str, ...]] = {
    "mother": ("guardian2", "spouse"),
    "father": ("applicant",),
    "newborn": ("child",),
    "household": ("applicant",),
    "guardian": ("guardian2", "family"),
    "spouse": ("guardian2", "family"),
    "family": ("guardian2", "spouse"),
    "agent": ("guardian2", "family", "spouse"),
    "enterprise": ("debtor",),
    "legal_rep": ("leader",),
    "new_legal_rep": ("agent",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The roles of a bundle and who plays them."""

    persona: str
    description: str
    subjects: Mapping[str, Mapping[str, str]]
    """Subject of the bundle → a subject of the sandbox."""


def cast_for(bundle: Bundle, personas: Personas) -> Cast:
    """Who plays an analysed bundle. Pure."""
    roles = bundle.analysis.subjects if bundle.analysis else {}
    lead = next(name for name in _leads(bundle, roles) if name in personas)
    played = {role: _player(subject, lead, personas) for role, subject in roles.items()}
    return Cast(
        persona=lead,
        description=personas[lead]["description"],
        subjects={role: player for role, player in played.items() if player is not None},
    )


def _leads(bundle: Bundle, roles: Mapping[str, Subject]) -> Iterator[str]:
    if bundle.id in _MADE_FOR:
        yield _MADE_FOR[bundle.id]
    by_enterprise = "applicant" not in roles and any(
        subject.kind is SubjectKind.ORGANISATION for subject in roles.values()
    )
    yield from _OF_ENTERPRISES if by_enterprise else _OF_PERSONS


def _player(role: Subject, lead: str, personas: Personas) -> Mapping[str, str] | None:
    own: Mapping[str, Mapping[str, str]] = personas[lead]["subjects"]
    namesake: Mapping[str, Mapping[str, str]] = personas.get(role.id, {}).get("subjects", {})
    candidates = [own.get(name) for name in (role.id, *_STAND_INS.get(role.id, ()))]
    candidates.append(namesake.get(role.id))
    if role.id == "newborn" and "mother" in own:
        candidates.append({**own["mother"], "name": "", "id_type": "mother-citizen-id"})
    return next((each for each in candidates if each and each["kind"] == role.kind), None)
