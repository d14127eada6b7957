"""What a paper code says, as people read it beside the paper."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date

from catalog import CodeTable
from certificates.errors import FaceRefused, MalformedData
from certificates.face import compose
from certificates.model import Definition, FaceEntry
from certificates.paper.facts import PaperFacts


def entries(
    facts: PaperFacts,
    definition: Definition,
    tables: Mapping[str, CodeTable],
    today: date,
) -> tuple[FaceEntry, ...]:
    """The told items as they are painted.

    Args:
        facts: From a code.
        definition: Of its type, as it was for its edition.
        tables: Code tables by id.
        today: The Beijing day.

    Raises:
        MalformedData: `type`: of another type; `items`: it has items that the type does not, or
            values that no such item takes.
    """
    if definition.id != facts.type_id:
        raise MalformedData("type")
    items = tuple(definition.type.items.values())
    if max((*facts.items, *facts.left_out), default=0) >= len(items):
        raise MalformedData("items")
    told = {items[at].id: lines for at, lines in facts.items.items()}
    narrowed = dataclasses.replace(
        definition.type, items={each.id: each for each in items if each.id in told}
    )
    values = {
        item: lines if narrowed.items[item].repeated else "\n".join(lines)
        for item, lines in told.items()
    }
    try:
        face = compose(dataclasses.replace(definition, type=narrowed), values, tables, today=today)
    except FaceRefused:
        raise MalformedData("items") from None
    return face.items


def left_out(facts: PaperFacts, definition: Definition) -> tuple[str, ...]:
    """Labels of what stands on paper alone."""
    labels = [item.label for item in definition.type.items.values()]
    return tuple(labels[at] for at in facts.left_out if at < len(labels))
