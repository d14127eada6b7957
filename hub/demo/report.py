"""The demo's report: one JSON file, and one HTML page that a clerk can read without a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.figures import Figures, Goals, Overview
from catalog.live import reached
from hub.demo.counter import Shown
from hub.demo.live import LiveRound, LiveRow
from hub.demo.sealing import SealsShown
from hub.demo.wording import CHINA, Names, answered, authority, chinese, moment, percent, told
from hub.seals.listing import KINDS

TEMPLATES = Path(__file__).parents[1] / "templates"


def write_report(
    folder: Path,
    names: Names,
    *,
    shown: Sequence[Shown],
    live: Mapping[str, LiveRound],
    figures: Mapping[str, Overview],
    seals: SealsShown,
    total: Figures,
    failures: Sequence[str],
) -> None:
    """Write `report.json` and `report.html` into `folder`. Live and desk figures stand apart."""
    goals = Goals()
    made_at = datetime.now(UTC)
    document = {
        "made_at": made_at.isoformat(timespec="seconds"),
        "as_shown": not failures,
        "failures": list(failures),
        "goals": {
            "material_cut": str(float(goals.material_cut)),
            "filled_share": str(float(goals.filled_share)),
        },
        "cases": [_case(each) for each in shown],
        "live_figures": {county: _live(each, goals) for county, each in live.items()},
        "desk_figures": {
            county: {bundle: _figures(f) for bundle, f in overview.bundles.items()}
            for county, overview in figures.items()
        },
        "desk_total": _figures(total),
        "seals": _seals(seals),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(text, encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters.update(
        basis=names.basis, path=names.path, bundle=names.bundle, county=names.county,
        authority=authority, moment=moment, chinese=chinese, told=told, answered=answered,
        percent=percent, inlined=partial(_inlined, folder),
    )  # fmt: skip
    page = environment.get_template("report.html").render(
        **document, made=f"{made_at.astimezone(CHINA):%Y-%m-%d %H:%M}"
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _inlined(folder: Path, name: str) -> str:
    """A picture of the folder as the page carries it, for the page is sent on alone."""
    return f"data:image/png;base64,{base64.b64encode((folder / name).read_bytes()).decode()}"


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


def _seals(shown: SealsShown) -> dict[str, Any]:
    covered, required = shown.covered
    return {
        "seals": [
            {
                "name": f"{seal.name}{seal.serial}",
                "kind": KINDS[seal.kind],
                "organisation": seal.organisation,
                "number": seal.number,
                "filing": seal.filing,
                "picture": picture.name,
            }
            for seal, picture in shown.seals
        ],
        "notices": [
            {
                "file": each.file.name,
                "kind": each.kind,
                "verdict": str(each.verdict),
                "picture": each.picture.name if each.picture else None,
            }
            for each in shown.notices
        ],
        "refusals": [{"tried": what, "key": key} for what, key in shown.refusals],
        "coverage": {"covered": covered, "required": required},
    }


def _live(live: LiveRound, goals: Goals) -> dict[str, Any]:
    materials, form = reached((row.figures for row in live.rows), goals)
    return {
        "bundles": {row.bundle: _live_row(row, goals) for row in live.rows},
        "without_source": list(live.without_source),
        "reaching": {"materials": materials, "fields": form},
    }


def _live_row(row: LiveRow, goals: Goals) -> dict[str, Any]:
    materials, form = row.figures.reaches(goals)
    return {
        **asdict(row),
        # Shares travel as text and rounded down, as in a plan: 0.5996 is not 0.6.
        "cut": _rounded(row.figures.cut),
        "share": _rounded(row.figures.share),
        "reaches": {"materials": materials, "fields": form},
    }


def _rounded(share: Fraction) -> str:
    return f"{float(share * 1000 // 1) / 1000:.3f}"


def _figures(f: Figures) -> dict[str, int]:
    return {
        "bundles": f.bundles,
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
