"""The demo's report: one JSON file, and one HTML page that a clerk can read without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.figures import Figures, Goals, Overview
from catalog.live import reached
from catalog.model import Catalog
from hub.demo.counter import Shown
from hub.demo.live import LiveRow

TEMPLATES = Path(__file__).parents[1] / "templates"


def write_report(
    folder: Path,
    catalog: Catalog,
    *,
    shown: Sequence[Shown],
    live: Mapping[str, Sequence[LiveRow]],
    figures: Mapping[str, Overview],
    total: Figures,
    failures: Sequence[str],
) -> None:
    """Write `report.json` and `report.html` into `folder`. Live and desk figures stand apart."""
    goals = Goals()
    document = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "as_shown": not failures,
        "failures": list(failures),
        "goals": {
            "material_cut": str(float(goals.material_cut)),
            "filled_share": str(float(goals.filled_share)),
        },
        "cases": [_case(each) for each in shown],
        "live_figures": {county: _live(rows, goals) for county, rows in live.items()},
        "desk_figures": {
            county: {bundle: _figures(f) for bundle, f in overview.bundles.items()}
            for county, overview in figures.items()
        },
        "desk_total": _figures(total),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(text, encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("report.html").render(**document, names=_Names(catalog))
    (folder / "report.html").write_text(page, encoding="utf-8")


class _Names:
    """What things are called, for a page that a clerk reads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def bundle(self, id_: str) -> str:
        return self._catalog.bundles[id_].name

    def county(self, id_: str) -> str:
        return self._catalog.counties[id_].name

    def resource(self, id_: str) -> str:
        return self._catalog.resources[id_].name

    def path(self, path: str) -> str:
        """A wanted path in words: 不动产权属登记信息 · 坐落."""
        name, _, field = path.replace("[]", "").rpartition(".")
        resource = self._catalog.resources[name]
        return f"{resource.name} · {resource.fields[field].label}"


def _case(shown: Shown) -> dict[str, Any]:
    return {
        "title": shown.case.title,
        "bundle": shown.case.bundle,
        "plan": shown.plan,
        "query": shown.extra,
        "elapsed_ms": round(shown.elapsed_ms),
        "receipts_verified": shown.receipts,
        "failures": shown.failures,
    }


def _live(rows: Sequence[LiveRow], goals: Goals) -> dict[str, Any]:
    materials, form = reached((row.figures for row in rows), goals)
    bundles = {
        row.bundle: {
            **asdict(row),
            "cut": round(float(row.figures.cut), 3),
            "share": round(float(row.figures.share), 3),
        }
        for row in rows
    }
    return {"bundles": bundles, "reaching": {"materials": materials, "fields": form}}


def _figures(f: Figures) -> dict[str, int]:
    return {
        "analysed": f.analysed,
        "items": f.items,
        "kinds": f.kinds,
        "copies": f.copies,
        "exempted": f.exempted,
        "conditional": f.conditional,
        "merged": f.merged,
        "left": f.left,
        "fields": f.fields_total,
        "fillable": f.fillable,
    }
