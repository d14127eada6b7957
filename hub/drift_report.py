"""`mianti adapters drift`: what the hub's workers have noticed, joined with the grants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from adapters.drifting import Change, ChangeKind, kept_changes
from hub.database import open_database
from hub.drift import Broken, broken
from hub.errors import InvalidSettings
from hub.model import Grant
from hub.settings import Settings, read_configuration
from hub.store import all_grants

FOLDER = Path("sources") / "shapes"
"""Below the data folder: where sources keep what they can learn again."""
_WORDS = {
    ChangeKind.GONE: "消失 gone",
    ChangeKind.TYPE: "类型 type",
    ChangeKind.UNREADABLE: "读不懂 unreadable",
    ChangeKind.CODE: "新代码 code",
    ChangeKind.NEW: "新增 new",
}


def run(*, as_json: bool, forget: str | None) -> int:
    """Print the report; 1 where a change breaks a consumer.

    Raises:
        HubError: The settings or the database cannot be used.
    """
    settings = read_configuration().settings
    if forget is not None:
        _forget(settings.data_dir / FOLDER, forget)
    changes = list(_changes(settings.data_dir / FOLDER))
    found = broken(changes, _grants(settings) if changes else (), now=datetime.now(UTC))
    if as_json:
        print(json.dumps([_row(each) for each in found], ensure_ascii=False))  # noqa: T201 -- what the verb is for
    else:
        Console().print(_table(found) if found else "数源答复的形状没有变化 no source has changed")
    return 1 if any(each.consumers for each in found) else 0


def _forget(folder: Path, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*/[a-z0-9-]+", name):
        raise InvalidSettings(("--forget: 县/数据源 county/source",))
    (folder / f"{name}.json").unlink(missing_ok=True)


def _changes(folder: Path) -> Iterator[tuple[str, Change]]:
    counties = sorted(folder.iterdir()) if folder.is_dir() else []
    for county in counties:
        for change in kept_changes(county):
            yield county.name, change


def _grants(settings: Settings) -> Sequence[Grant]:
    database = open_database(settings.database)
    try:
        return all_grants(database)
    finally:
        database.close()


def _row(each: Broken) -> dict[str, object]:
    change = each.change
    return {
        "county": each.county, "source": change.source, "resource": change.resource,
        "change": str(change.kind), "place": change.place, "detail": change.detail,
        "at": change.at, "fields": list(each.fields), "breaks": change.breaks,
        "consumers": list(each.consumers), "grants": list(each.grants),
    }  # fmt: skip


def _table(found: Sequence[Broken]) -> Table:
    table = Table(title="数源答复的形状变化 changes of shape", title_justify="left")
    for heading in (
        "县/数据源 source",
        "变化 change",
        "位置 place",
        "信息项 fields",
        "影响 breaks",
    ):
        table.add_column(heading, overflow="fold")
    for each in found:
        change = each.change
        harm = ", ".join(each.consumers) or (
            "无人受影响 nobody" if change.breaks else "无害 harmless"
        )
        table.add_row(
            f"{each.county}/{change.source}\n[dim]{change.at[:16]}[/]",
            f"{_WORDS[change.kind]}\n[dim]{change.detail}[/]", change.place,
            "\n".join(each.fields), f"[red]{harm}[/]" if each.consumers else harm,
        )  # fmt: skip
    return table
