"""The demo's report: one JSON file, and one HTML page that a clerk can read without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.figures import Figures, Overview

if TYPE_CHECKING:
    from hub.demo import Shown


def write_report(
    folder: Path,
    shown: Sequence[Shown],
    figures: Mapping[str, Overview],
    total: Figures,
    failures: Sequence[str],
) -> None:
    """Write `report.json` and `report.html` into `folder`."""
    cases: list[dict[str, Any]] = [
        {
            "title": s.case.title,
            "bundle": s.case.bundle,
            "plan": s.plan,
            "query": s.extra,
            "elapsed_ms": round(s.elapsed_ms),
            "receipts_verified": s.receipts,
            "failures": s.failures,
        }
        for s in shown
    ]
    desk = {
        county: {bundle: _figures(f) for bundle, f in overview.bundles.items()}
        for county, overview in figures.items()
    }
    document = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "as_shown": not failures,
        "failures": list(failures),
        "cases": cases,
        "desk_figures": desk,
        "desk_total": _figures(total),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(text, encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    page = environment.get_template("report.html").render(**document)
    (folder / "report.html").write_text(page, encoding="utf-8")


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
