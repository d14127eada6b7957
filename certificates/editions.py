"""The editions of one type's template (证照模板): directory and background, versioned together.

The line of business (业务条线) owns them. One edition is effective in the whole city; publishing
another retires it. Lower units bind their seal and their number series to the type and edit
nothing. A type issued above has no local edition at all.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certificates.digests import sm3
from certificates.errors import IllegalAct
from certificates.model import Actor, Definition
from certificates.typelist import TypeList


class EditionState(StrEnum):
    """Where an edition is."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class EditionAct(StrEnum):
    """What is done to an edition."""

    DRAFT = "draft"
    PUBLISH = "publish"
    RETIRE = "retire"


TABLE: dict[tuple[EditionState, EditionAct], EditionState] = {
    (EditionState.DRAFT, EditionAct.PUBLISH): EditionState.PUBLISHED,
    (EditionState.DRAFT, EditionAct.RETIRE): EditionState.RETIRED,
    (EditionState.PUBLISHED, EditionAct.RETIRE): EditionState.RETIRED,
}
"""Everything that may happen. What is retired stays: certificates were made with it."""


class Conformance(StrEnum):
    """By what an edition was made (C-11, C-12)."""

    ENGINEERING = "engineering"
    """国家电子证照工程标准."""
    NATIONAL = "national"
    """电子证照国家标准."""
    PROVINCIAL = "provincial"
    """省直部门制定."""
    NONE = "none"
    """None of these: counted as not standardised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionEntry:
    """One act of an edition's history."""

    act: EditionAct
    by: Actor
    at: datetime
    reason: str
    after: EditionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version of a type's template."""

    type_id: str
    number: int
    """From 1."""
    owner: str
    directory_digest: str
    """Of the items of the type as they were (证照目录)."""
    template_digest: str
    """Of the template with its background (底图)."""
    dotted: frozenset[str]
    """Items whose days the template tells as 2025.03.12."""
    conformance: Conformance
    history: tuple[EditionEntry, ...]

    @property
    def state(self) -> EditionState:
        """Where it is now."""
        return self.history[-1].after

    def fits(self, definition: Definition) -> bool:
        """Does the type still have the items that the edition was made for?"""
        return self.directory_digest == directory_digest(definition)

    def effective(self, at: datetime) -> bool:
        """Was it the published one at that time?"""
        known = [entry.after for entry in self.history if entry.at <= at]
        return bool(known) and known[-1] is EditionState.PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a unit uses for its certificates of a type."""

    unit: str
    type_id: str
    seal_id: str
    series: str
    """Of identifiers and numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editions:
    """All editions of one type in one place."""

    type_id: str
    owner: str
    editions: tuple[Edition, ...] = ()

    def draft(
        self,
        place: TypeList,
        definition: Definition,
        *,
        template_digest: str,
        conformance: Conformance,
        by: Actor,
        at: datetime,
        dotted: frozenset[str] = frozenset(),
    ) -> Editions:
        """A new edition, for nobody to see yet.

        Raises:
            IllegalAct: `not-held`: the place neither claimed nor supplemented the type;
                `issued-above`, `not-the-owner`, `template`, `time`.
        """
        held = place.held.get(definition.id)
        if held is None or definition.id != self.type_id:
            raise IllegalAct("not-held")
        if not place.may_have_template(definition):
            raise IllegalAct("issued-above")
        if held.owner != self.owner:
            raise IllegalAct("not-the-owner")
        self._check(by, at)
        if not template_digest:
            raise IllegalAct("template")
        entry = EditionEntry(
            act=EditionAct.DRAFT, by=by, at=at, reason="", after=EditionState.DRAFT
        )
        edition = Edition(
            type_id=self.type_id,
            number=len(self.editions) + 1,
            owner=self.owner,
            directory_digest=directory_digest(definition),
            template_digest=template_digest,
            dotted=dotted,
            conformance=conformance,
            history=(entry,),
        )
        return dataclasses.replace(self, editions=(*self.editions, edition))

    def publish(
        self,
        number: int,
        definition: Definition,
        *,
        faults: Iterable[str],
        by: Actor,
        at: datetime,
    ) -> Editions:
        """Make an edition the effective one; the former is retired by the same act.

        Args:
            number: Of the edition.
            definition: The type as it is today.
            faults: What the sample rows found (overflow, missing glyphs, contrast, OFD and PDF
                unlike); empty where they passed.
            by: Who.
            at: When.

        Raises:
            IllegalAct: `sample-fails`, `directory-changed`: the type has other items by now; or
                see `retire`.
        """
        edition = self.numbered(number)
        if tuple(faults):
            raise IllegalAct("sample-fails")
        if not edition.fits(definition):
            raise IllegalAct("directory-changed")
        former = [e for e in self.editions if e.state is EditionState.PUBLISHED]
        published = self._moved(edition, EditionAct.PUBLISH, by, at, "")
        reason = f"由第 {number} 版替代 / followed by edition {number}"
        retired = [self._moved(old, EditionAct.RETIRE, by, at, reason) for old in former]
        return self._with(published, *retired)

    def retire(self, number: int, *, by: Actor, at: datetime, reason: str) -> Editions:
        """End an edition; nothing is issued on it any more.

        Raises:
            IllegalAct: `unknown-edition`, `state`, `not-the-owner`, `reason`, `time`.
        """
        if not reason.strip():
            raise IllegalAct("reason")
        return self._with(self._moved(self.numbered(number), EditionAct.RETIRE, by, at, reason))

    def effective(self, at: datetime) -> Edition | None:
        """The one edition to issue on; None where there is none."""
        return next((edition for edition in self.editions if edition.effective(at)), None)

    def bind(self, place: TypeList, *, unit: str, seal_id: str, series: str) -> Binding:
        """A unit's seal and series for this type; the edition stays the owner's.

        Raises:
            IllegalAct: `not-held`, `not-published`, `binding`.
        """
        if self.type_id not in place.held:
            raise IllegalAct("not-held")
        if not any(edition.state is EditionState.PUBLISHED for edition in self.editions):
            raise IllegalAct("not-published")
        if not (unit and seal_id and series):
            raise IllegalAct("binding")
        return Binding(unit=unit, type_id=self.type_id, seal_id=seal_id, series=series)

    def numbered(self, number: int) -> Edition:
        """The edition of that number, whatever became of it.

        Raises:
            IllegalAct: `unknown-edition`.
        """
        if not 1 <= number <= len(self.editions):
            raise IllegalAct("unknown-edition")
        return self.editions[number - 1]

    def _check(self, by: Actor, at: datetime) -> None:
        if by.organisation != self.owner or not by.account:
            raise IllegalAct("not-the-owner")
        latest = max((e.history[-1].at for e in self.editions if at.tzinfo), default=None)
        if at.tzinfo is None or (latest is not None and at < latest):
            raise IllegalAct("time")

    def _moved(
        self, edition: Edition, act: EditionAct, by: Actor, at: datetime, reason: str
    ) -> Edition:
        after = TABLE.get((edition.state, act))
        if after is None:
            raise IllegalAct("state")
        self._check(by, at)
        entry = EditionEntry(act=act, by=by, at=at, reason=reason, after=after)
        return dataclasses.replace(edition, history=(*edition.history, entry))

    def _with(self, *changed: Edition) -> Editions:
        by_number = {edition.number: edition for edition in changed}
        editions = tuple(by_number.get(edition.number, edition) for edition in self.editions)
        return dataclasses.replace(self, editions=editions)


def directory_digest(definition: Definition) -> str:
    """Names the items of a type as they are now."""
    rows = [
        [i.id, i.label, i.type, i.required, i.max_length, i.code_table, i.repeated]
        for i in definition.type.items.values()
    ]
    return sm3(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode())
