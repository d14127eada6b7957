"""A source without an interface: a clerk looks it up and types it in (二次录入).

A call makes a task at the desk, with exactly the fields that were asked. The answer is there at
once where a clerk has typed it already; otherwise it is deferred, under a ticket. What was typed
comes back as rows and is read by the same mapping as every other answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from adapters import asking, manifest
from adapters.converters import DEFAULT, Unreadable, converter
from adapters.errors import AnswerDeferred, SourceUnavailable
from adapters.kinds import Opening
from adapters.manifest import Finding, Known
from adapters.model import RawReply, Scalar, SourceCall
from adapters.ports import DeskAnswer, DeskTask
from adapters.values import Long, Seconds
from catalog.model import CodeTable, DataResource

_LOOK_EVERY = 0.05
_MARGIN = 0.05
"""Seconds kept back from the deadline, so that the ticket still arrives in time."""


class ManualConnect(manifest.Connect):
    """What is the same for all resources of the desk."""

    wait: Seconds | None = None
    """How long a call waits for the clerk before it is deferred; not at all where it is not said."""


class ManualAsk(manifest.Ask):
    """What the clerk is given."""

    keys: tuple[Annotated[Known, Field()], ...] = Field(min_length=1)
    """What of the call the clerk sees: `keys.id_number`, `optional.name`, …"""
    due: Long
    """After this the task lapses."""
    second_pair: bool = False
    """True: another clerk has to confirm what was typed."""
    note: str = Field(default="", max_length=200)
    """Where to look, in words."""


class ManualTransport:
    """Puts calls on the desk."""

    Connect: ClassVar[type[manifest.Connect]] = ManualConnect
    Ask: ClassVar[type[manifest.Ask]] = ManualAsk
    expires_at: datetime | None = None
    REHEARSED: ClassVar[bool] = False
    """A clerk leaves nothing that could be played again."""

    def __init__(self, opening: Opening) -> None:
        connect: ManualConnect = opening.connect
        self._source, self._now, self._wait = opening.source, opening.now, connect.wait or 0.0
        self._desk = opening.surroundings.desk
        self._asks: Mapping[str, ManualAsk] = opening.asks
        self._shown = {
            id_: asking.row({name.partition(".")[2]: name for name in ask.keys})
            for id_, ask in self._asks.items()
        }

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:  # noqa: ARG003 -- the port's signature
        """The grammar says all there is to say."""
        return ()

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """What a clerk typed; see `adapters.model.Transport`.

        Raises:
            AnswerDeferred: Nobody has typed it yet.
            SourceUnavailable: There is no desk here.
        """
        if self._desk is None:
            raise SourceUnavailable("no-desk")
        ask = self._asks[call.resource]
        # Only what the clerk needs: a key the manifest does not name does not reach the desk.
        seen = SourceCall(
            resource=call.resource,
            keys=self._shown[call.resource](call),
            fields=call.fields,
            reason=call.reason,
            call_id=call.call_id,
        )
        task = DeskTask(
            source=self._source,
            call=seen,
            fields=call.fields,
            due=self._now() + timedelta(seconds=ask.due),
            second_pair=ask.second_pair,
            note=ask.note,
        )
        ticket = await self._desk.place(task)
        answer = await self._waited(ticket, min(self._wait, within - _MARGIN))
        if answer is None:
            raise AnswerDeferred(ticket)
        who = f"{answer.by}+{answer.confirmed_by}" if answer.confirmed_by else answer.by
        rows = [dict(answer.values)] if answer.found else []
        return RawReply(rows=rows, entered_by=who)

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _waited(self, ticket: str, seconds: float) -> DeskAnswer | None:
        desk = self._desk
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while desk is not None:
            answer = await desk.answer(ticket)
            if answer is not None or clock() + _LOOK_EVERY > until:
                return answer
            await asyncio.sleep(_LOOK_EVERY)
        return None


def entered(
    typed: Mapping[str, Any],
    *,
    fields: Iterable[str],
    resource: DataResource,
    tables: Mapping[str, CodeTable],
) -> tuple[dict[str, Scalar], dict[str, str]]:
    """What a clerk typed for `fields`, in canonical form, and the rule that each mistake breaks.

    A code may be typed as the code or as its label. A code of no table is a mistake here, where
    somebody can still mend it.
    """
    values: dict[str, Scalar] = {}
    wrong: dict[str, str] = {}
    for name in fields:
        field = resource.fields[name]
        try:
            value = converter(DEFAULT[field.type])(typed.get(name))
        except Unreadable:
            wrong[name] = str(field.type)
            continue
        table = tables.get(field.code_table or "")
        if table is not None and value is not None:
            labels = {row.label: code for code, row in table.codes.items()}
            value = labels.get(str(value), value)
            if value not in table.codes:
                wrong[name] = "code"
                continue
        values[name] = value
    if not wrong and all(value is None for value in values.values()):
        wrong["*"] = "nothing-typed"
    return values, wrong
