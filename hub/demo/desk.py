"""The clerks of the departments that have no interface: in the demo, their paper is the sandbox's
truth. They work over the same API as any desk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from hub.client import HubClient
from hub.running import DESK_SUFFIX

FIRST, SECOND = "demo-clerk-1", "demo-clerk-2"


@dataclass(frozen=True, slots=True)
class Clerks:
    """The clerks of one county's departments."""

    clients: Sequence[HubClient]
    control: str
    """The sandbox's control socket."""

    @classmethod
    def of(cls, url: str, folder: Path, county: str, control: str) -> Clerks:
        """The admitted desks of a county."""
        keys = sorted((folder / "hub" / "clients").glob(f"{county}-*{DESK_SUFFIX}.jwk"))
        return cls(tuple(HubClient(url, key.stem, key) for key in keys), control)

    def work(self) -> int:
        """Type whatever waits, and confirm it where two have to look; gives how many answers."""
        done = 0
        for client in self.clients:
            for task in client.get("/v1/tasks")["tasks"]:
                path = f"/v1/tasks/{task['id']}"
                typed = client.post(f"{path}:answer", {"by": FIRST, **self._found(task)})
                if typed["state"] == "to_confirm":
                    client.post(f"{path}:confirm", {"by": SECOND})
                done += 1
        return done

    def close(self) -> None:
        """Close the connections."""
        for client in self.clients:
            client.close()

    def _found(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """What the paper says of the fields that were asked."""
        asked = {"number": task["keys"]["id_number"]}
        answer = httpx2.post(f"{self.control}/truth", json=asked, trust_env=False)
        known = answer.json() if answer.status_code == httpx2.codes.OK else {}
        records = known.get(task["resource"], [])
        if not records:
            return {"found": False}
        fields = [field["id"] for field in task["fields"]]
        return {"found": True, "values": {id_: records[0]["values"].get(id_) for id_ in fields}}
