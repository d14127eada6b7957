"""How departments write what we hold in canonical form: their names, dates, yes and no."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.responses import Response

from adapters.model import Record, Scalar

Names = Mapping[str, str]
"""Field of the catalog → the department's own name."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One department's way."""

    names: Names
    day: str = "%Y-%m-%d"
    yes: Any = "1"
    no: Any = "0"
    nothing: Any = ""

    def written(self, value: Scalar) -> Any:
        """One value as the department writes it."""
        if value is None:
            return self.nothing
        if isinstance(value, bool):
            return self.yes if value else self.no
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value).strftime(self.day)
        return value

    def row(self, values: Mapping[str, Scalar]) -> dict[str, Any]:
        """Values under the department's names."""
        return {self.names[field]: self.written(value) for field, value in values.items()}

    def rows(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        """The heads of records; their lines are the department's own affair."""
        return [self.row(each.values) for each in records]


def answer(document: Any, *, status: int = 200) -> Response:
    """A JSON response."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, status_code=status, media_type="application/json; charset=utf-8")
