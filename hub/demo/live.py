"""The live round: every bundle of a county is planned for a persona, and what answered is counted.

Live figures are never mixed with desk figures: they say what came back today, from the sources
that are connected, for this one applicant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.live import LiveFigures
from catalog.model import Bundle, Catalog
from hub.demo.cases import cast_for
from hub.demo.counter import Counter, as_sent, plan_failures


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """What one bundle's plan came to."""

    bundle: str
    name: str
    persona: str
    figures: LiveFigures
    receipts: int
    failures: tuple[str, ...]


def live_round(
    catalog: Catalog,
    county: str,
    counter: Counter,
    personas: Mapping[str, Mapping[str, Any]],
) -> list[LiveRow]:
    """Plan each analysed bundle of the county, in the order of the published list."""
    bundles = sorted(
        (b for b in catalog.bundles.values() if b.county == county and b.analysis is not None),
        key=lambda bundle: bundle.number,
    )
    return [_row(bundle, counter, personas) for bundle in bundles]


def _row(bundle: Bundle, counter: Counter, personas: Mapping[str, Mapping[str, Any]]) -> LiveRow:
    cast = cast_for(bundle)
    played = personas[cast.persona]["subjects"]
    wanted = bundle.analysis.subjects if bundle.analysis else {}
    subjects: dict[str, dict[str, str]] = {}
    for name, subject in wanted.items():
        actor = played.get(cast.roles.get(name, name))
        if actor is not None and actor["kind"] == subject.kind:
            subjects[name] = as_sent(actor)
    body = {
        "subjects": subjects,
        "basis": {"item": bundle.id, "case": f"LIVE-{bundle.id}", "kind": "statutory"},
        "deadline_ms": 5000,
    }
    plan = counter.client.post(f"/v1/bundles/{bundle.id}:plan", body)
    failures = plan_failures(plan)
    receipts = plan["receipts"]
    failures += [f"回执未通过核验 {s}" for s, r in receipts.items() if not counter.verified(r, {})]
    m, f = plan["figures"]["materials"], plan["figures"]["fields"]
    return LiveRow(
        bundle=bundle.id,
        name=bundle.name,
        persona=cast.persona,
        figures=LiveFigures(
            before=m["before"],
            exempted=m["exempted"],
            left=m["left"],
            fields=f["total"],
            filled=f["filled"],
        ),
        receipts=len(receipts),
        failures=tuple(failures),
    )
