"""Ids in addresses. A colon begins the verb of an address (`/v1/jobs/job_…:pause`), so no id holds
one: otherwise the verb would be taken for a part of the id, and another method than the verb's for
a bad id instead of a bad method.
"""

from __future__ import annotations

from typing import Any

from fastapi import Path
from starlette.convertors import Convertor, register_url_convertor


class _Id(Convertor[str]):
    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("id", _Id())


def made_with(prefix: str) -> Any:
    """The path parameter of an id that the hub made; in a route: `{name:id}`."""
    return Path(pattern=f"^{prefix}_[0-9a-f]{{32}}$")
