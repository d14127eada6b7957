"""The five departments, each on its own port, and what their callers have to know.

Keys, tokens and passwords are made up at start; the environment carries them to whoever connects.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from adapters.sandbox import hukou, immunization, realestate, residence_permits, social_insurance
from adapters.sandbox.faults import Fault, Faulty, Misbehaviour, Switch
from adapters.sandbox.gateway import SECRET_SECONDS, Caller, Gateway
from adapters.sandbox.pgwire import SQLConnections
from adapters.sandbox.population import Population
from adapters.sandbox.serving import LOOPBACK, Connections, HTTPConnections, Listener

NAMES = ("hukou", "realestate", "social-insurance", "immunization", "residence-permit")
"""In the order of their ports."""


class UnknownDepartment(LookupError):
    """There is no such department; says which there are."""

    def __init__(self) -> None:
        super().__init__(f"department is one of {', '.join(NAMES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What callers identify themselves with. Made up anew at each start."""

    app_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    sql_password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    fhir_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    permit_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    rid: str = "mianti@990101"
    sid: str = "s_9901010000000_0001"
    sql_user: str = "mianti_ro"
    permit_key_id: str = "mianti"


@dataclass(frozen=True, slots=True)
class _Department:
    switch: Switch
    listener: Listener

    async def turn(self, fault: Fault | None, ms: int) -> None:
        self.switch.turn(fault, ms)
        if fault is Fault.REFUSE:
            await self.listener.shut()
        else:
            await self.listener.open()


class Departments:
    """All departments. Used on the sandbox's loop only."""

    def __init__(
        self, population: Population, *, ports_from: int = 0, delay_ms: int = 0,
        secret_seconds: float = SECRET_SECONDS,
    ) -> None:  # fmt: skip
        """Args:
        population: Whom they know about.
        ports_from: The first of five ports in a row; 0 for any free ones.
        delay_ms: Added to every answer of every department.
        secret_seconds: How long the gateway's request secret lives.
        """
        self.keys = Keys()
        self._population, self._secret_seconds = population, secret_seconds
        self._database = social_insurance.database(population)
        self._all: dict[str, _Department] = {}
        try:
            for at, name in enumerate(NAMES):
                switch = Switch(delay_ms=delay_ms)
                port = ports_from + at if ports_from else 0
                listener = Listener(self._connections(name, switch), port)
                self._all[name] = _Department(switch, listener)
        except OSError:
            self.release()
            raise

    async def open(self) -> None:
        """Start listening."""
        for each in self._all.values():
            await each.listener.open()

    async def close(self) -> None:
        """End all connections and give the ports back."""
        for each in self._all.values():
            each.switch.turn(None)
        await asyncio.gather(*(each.listener.shut() for each in self._all.values()))
        self.release()

    def release(self) -> None:
        """Give back what does not need the loop; nothing listens any more, or never did."""
        for each in self._all.values():
            each.listener.release()
        self._database.close()

    async def turn(self, name: str, fault: Fault | None, ms: int = 0) -> None:
        """Switch a department to `fault`, or to none.

        Raises:
            UnknownDepartment: There is no such department.
        """
        await self._one(name).turn(fault, ms)

    async def clear(self) -> None:
        """All departments work again."""
        for each in self._all.values():
            await each.turn(None, 0)

    def delay(self, name: str, ms: int) -> None:
        """Let every answer of a department take that much longer.

        Raises:
            UnknownDepartment: There is no such department.
        """
        self._one(name).switch.delay_ms = ms

    def state(self) -> Mapping[str, str | None]:
        """Department → fault now."""
        return {name: each.switch.fault for name, each in self._all.items()}

    @property
    def environment(self) -> Mapping[str, str]:
        """What the manifests of the counties need, by the names they use."""
        keys, http = self.keys, {name: f"http://{LOOPBACK}:{self._port(name)}" for name in NAMES}
        login = f"{keys.sql_user}:{keys.sql_password}"
        return {
            "HUKOU_URL": http["hukou"] + hukou.PATH,
            "REALESTATE_URL": http["realestate"],
            "REALESTATE_RID": keys.rid,
            "REALESTATE_SID": keys.sid,
            "REALESTATE_APP_KEY": keys.app_key,
            "SOCIAL_INSURANCE_DSN": f"postgresql://{login}@{LOOPBACK}:"
            f"{self._port('social-insurance')}/front?gssencmode=disable",
            "IMMUNIZATION_URL": http["immunization"],
            "IMMUNIZATION_TOKEN": keys.fhir_token,
            "RESIDENCE_PERMIT_URL": http["residence-permit"],
            "RESIDENCE_PERMIT_KEY_ID": keys.permit_key_id,
            "RESIDENCE_PERMIT_KEY": keys.permit_key,
        }

    def _one(self, name: str) -> _Department:
        try:
            return self._all[name]
        except KeyError:
            raise UnknownDepartment from None

    def _port(self, name: str) -> int:
        return self._all[name].listener.port

    def _connections(self, name: str, switch: Switch) -> Connections:
        keys, population = self.keys, self._population
        if name == "social-insurance":
            return SQLConnections(self._database, switch, {keys.sql_user: keys.sql_password})
        if name == "realestate":
            # The gateway works while the department behind it does not.
            behind = Faulty(realestate.app(population), switch, realestate.MISBEHAVIOUR)
            caller = Caller(rid=keys.rid, sid=keys.sid, app_key=keys.app_key)
            return HTTPConnections(Gateway(behind, caller, secret_seconds=self._secret_seconds))
        apps: dict[str, tuple[ASGIApp, Misbehaviour]] = {
            "hukou": (hukou.app(population), hukou.MISBEHAVIOUR),
            "immunization": (
                immunization.app(population, keys.fhir_token), immunization.MISBEHAVIOUR
            ),
            "residence-permit": (
                residence_permits.app(population, keys.permit_key_id, keys.permit_key),
                residence_permits.MISBEHAVIOUR,
            ),
        }  # fmt: skip
        app, manner = apps[name]
        return HTTPConnections(Faulty(app, switch, manner))
