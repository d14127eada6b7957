"""The live round: every bundle of a county that somebody can answer for is planned for a fitting
persona, and what answered is counted.

What is run comes from the catalog and its bindings, so that the figures rise by themselves when a
source is connected. Live figures are never mixed with desk figures: they say what came back today,
from the sources that are connected, for this one applicant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.live import LiveFigures
from catalog.lookup import needs
from catalog.model import Bundle, Catalog
from hub.demo.casting import Personas, cast_for
from hub.demo.counter import Counter, as_sent, plan_failures


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """What one bundle's plan came to."""

    bundle: str
    name: str
    persona: str
    """The sandbox's case that played it, in words."""
    connected: int
    """Of the resources it needs, how many somebody is connected for."""
    needed: int
    figures: LiveFigures
    receipts: int
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRound:
    """One county's live round."""

    rows: tuple[LiveRow, ...]
    without_source: tuple[str, ...]
    """Analysed bundles that nobody can answer anything for; they are not run and count as nothing."""


def connected_resources(catalog: Catalog, county: str) -> frozenset[str]:
    """The resources somebody is connected for in the county; the catalog holds its bindings."""
    return frozenset(b.resource for b in catalog.bindings if b.county == county)


def live_round(catalog: Catalog, county: str, counter: Counter, personas: Personas) -> LiveRound:
    """Plan each analysed bundle of the county, in the order of the published list."""
    connected = connected_resources(catalog, county)
    rows: list[LiveRow] = []
    without: list[str] = []
    for bundle in _analysed(catalog, county):
        wanted = frozenset(resource for _, resource in needs(catalog, bundle))
        if wanted & connected:
            rows.append(_row(bundle, wanted, connected, counter, personas))
        else:
            without.append(bundle.name)
    return LiveRound(rows=tuple(rows), without_source=tuple(without))


def _analysed(catalog: Catalog, county: str) -> Sequence[Bundle]:
    found = (b for b in catalog.bundles.values() if b.county == county and b.analysis is not None)
    return sorted(found, key=lambda bundle: bundle.number)


def _row(
    bundle: Bundle,
    wanted: Collection[str],
    connected: Collection[str],
    counter: Counter,
    personas: Personas,
) -> LiveRow:
    cast = cast_for(bundle, personas)
    body = {
        "subjects": {role: as_sent(player) for role, player in cast.subjects.items()},
        "basis": {"item": bundle.id, "case": f"LIVE-{bundle.id}", "kind": "statutory"},
        "deadline_ms": 5000,
    }
    plan = counter.client.post(f"/v1/bundles/{bundle.id}:plan", body)
    failures = [*plan_failures(plan), *_ungranted(bundle, plan)]
    receipts = plan["receipts"]
    failures += [f"回执未通过核验 {s}" for s, r in receipts.items() if not counter.verified(r, {})]
    m, f = plan["figures"]["materials"], plan["figures"]["fields"]
    return LiveRow(
        bundle=bundle.id,
        name=bundle.name,
        persona=cast.description,
        connected=len(frozenset(wanted) & frozenset(connected)),
        needed=len(wanted),
        figures=LiveFigures(
            before=m["before"],
            exempted=m["exempted"],
            merged=m["merged"],
            left=m["left"],
            fields=f["total"],
            filled=f["filled"],
        ),
        receipts=len(receipts),
        failures=tuple(failures),
    )


def _ungranted(bundle: Bundle, plan: Mapping[str, Any]) -> Iterator[str]:
    """What a connected source could say and the counter may not ask: the example grants lack it."""
    materials = bundle.analysis.materials if bundle.analysis else ()
    exemptible = {material.id for material in materials if material.exempt_by}
    for row in plan["materials"]:
        if row["reason"] == "not_granted" and row["id"] in exemptible:
            yield f"未获授权：{row['name']}"
    for row in plan["form"]:
        if row["asked_because"] == "not_granted":
            yield f"未获授权：{row['label']}"
