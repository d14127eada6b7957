"""Whom to ask about when nobody real may be asked about: the people of a running sandbox.

Everything is learnt over the sandbox's control socket, so that it may run anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

CONTROL = "SANDBOX_CONTROL_URL"
"""The variable that says where the control socket is."""
UNKNOWN = "unknown"
"""The persona whose number is sound and nobody's."""


class NoSandbox(LookupError):
    """No sandbox answers on the control socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody invented, with the keys a resource is asked by."""

    persona: str
    subject: str
    title: str
    keys: Mapping[str, str] = field(repr=False)
    records: int
    """How many records the register should hold; 0 where the sandbox does not say."""


class People:
    """The named cases of a sandbox."""

    def __init__(self, control: str) -> None:
        """Args:
        control: The control socket's address.
        """
        self._control = control
        self._truths: dict[str, Any] = {}

    def candidates(
        self, resource: str, *, needed: frozenset[str], optional: frozenset[str]
    ) -> Iterator[Candidate]:
        """Who could be asked about; those first of whom there should be records.

        Raises:
            NoSandbox: The control socket does not answer.
        """
        waiting = []
        for persona in self._get("/personas"):
            for name, subject in persona["subjects"].items():
                keys = self._keys(persona["id"], name, subject, needed | optional)
                if not needed <= keys.keys():
                    continue
                records = len(self._truth(persona["id"], name).get(resource, ()))
                found = Candidate(
                    persona=persona["id"], subject=name, title=persona["description"],
                    keys=keys, records=records,
                )  # fmt: skip
                if records:
                    yield found
                else:
                    waiting.append(found)
        yield from waiting

    def _keys(
        self, persona: str, name: str, subject: Mapping[str, str], wanted: frozenset[str]
    ) -> dict[str, str]:
        """The keys that are known of a subject: its number, its name, and what registers say."""
        number = "id_number" if subject["kind"] == "person" else "uscc"
        known = {number: subject["number"], "name": subject["name"]}
        for key in wanted - {"id_number", "uscc", "name"}:
            for records in self._truth(persona, name).values():
                found = [value for record in records if (value := record["values"].get(key))]
                if found:
                    known.setdefault(key, str(found[0]))
        return {key: value for key, value in known.items() if key in wanted}

    def _truth(self, persona: str, name: str) -> Mapping[str, Any]:
        if persona not in self._truths:
            self._truths[persona] = self._get(f"/truth/{persona}")
        found: Mapping[str, Any] = self._truths[persona].get(name, {})
        return found

    def _get(self, path: str) -> Any:
        try:
            response = httpx2.get(f"{self._control}{path}", trust_env=False, timeout=10)
            response.raise_for_status()
            return response.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise NoSandbox(type(error).__name__) from None
