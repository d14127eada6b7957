"""What the demo's answers are called where people read them: names for ids, words for states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from catalog.model import Catalog

CHINA = ZoneInfo("Asia/Shanghai")
"""What people read is in the time of their office; files and logs are in UTC."""

_UNANSWERED: Mapping[str, str] = {
    "not_granted": "未获授权",
    "withheld": "不予共享",
    "not_applicable": "尚无数据来源",
    "not_found": "查无记录",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the catalog, in place of its ids."""

    catalog: Catalog

    def bundle(self, id_: str) -> str:
        """教育入学“一件事”."""
        return self.catalog.bundles[id_].name

    def county(self, id_: str) -> str:
        """新乡县."""
        return self.catalog.counties[id_].name

    def path(self, path: str) -> str:
        """A wanted path: 不动产权属登记信息 · 坐落."""
        name, _, field = path.replace("[]", "").rpartition(".")
        resource = self.catalog.resources[name]
        return f"{resource.name} · {resource.fields[field].label}"

    def basis(self, row: Mapping[str, Any]) -> str:
        """What a material is exempted by, or why it is asked, in one line."""
        if row["state"] == "asked":
            return chinese(row["note"])
        return "；".join(self._proof(by) for by in row["by"])

    def _proof(self, by: Mapping[str, Any]) -> str:
        if "form" in by:
            return "并入一张表"
        if "item" in by:
            return "由本“一件事”内的事项产生"
        resource = self.catalog.resources[by["resource"]].name
        finding = "有记录" if by["finding"] == "record" else "答复：无登记"
        return f"{authority(by['provenance'])} · {resource} · {finding}"


def authority(provenance: Mapping[str, Any]) -> str:
    """The department that answered, without the county it belongs to."""
    return str(provenance["authority"]).rpartition("/")[2]


def moment(provenance: Mapping[str, Any]) -> str:
    """As of when the answer holds, or else when it came, in the time of the office."""
    told = datetime.fromisoformat(provenance["as_of"] or provenance["retrieved_at"])
    return f"{told.astimezone(CHINA) if told.tzinfo else told:%Y-%m-%d %H:%M}"


def chinese(note: str) -> str:
    """The Chinese half of a text in both languages."""
    return note.partition(" / ")[0]


def told(value: Any) -> str:
    """A value as a person writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(told(each) for each in value)
    return str(value)


def answered(answer: Mapping[str, Any]) -> str:
    """The answer to one wanted path, or why there is none."""
    if "value" in answer:
        return told(answer["value"])
    return _UNANSWERED.get(answer["state"], "数源未能答复")


def percent(share: Fraction | str) -> str:
    """A share, rounded down so that a goal is never shown as reached when it is not."""
    return f"{Fraction(share) * 100 // 1}%"
