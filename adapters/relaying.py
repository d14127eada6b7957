"""The words of another hub and ours: what it is asked, and what its answer says. Pure.

Both hubs have the same catalog, so values pass as they are; only names may differ. What passes with
them is where they come from, how old they are, and what became of each field: a field that was
denied there is never an empty one here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.asking import NotAsked
from adapters.errors import SourceAnswerInvalid
from adapters.model import Fate, Followed, Freshness, Outcome, Relayed, SourceCall

LEAST_MS = 50
"""The shortest deadline that a hub takes."""
MOST_MS = 30_000
ORIGIN = r"[A-Za-z0-9](?:[A-Za-z0-9.:/_-]{0,98}[A-Za-z0-9])?"
"""What a hub is called: host, port and path of its address."""

_ID = re.compile(r"[a-z]{3}_[A-Za-z0-9]{1,44}", re.ASCII)
_WHY = re.compile(r"[a-z][a-z0-9_.-]{0,99}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{6}")
_AUTHORITY = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_SUBJECTS: Mapping[str, tuple[str, str]] = {
    "id_number": ("person", "citizen-id"),
    "uscc": ("organisation", "uscc"),
    "certificate_no": ("object", "certificate-no"),
    "unit_no": ("object", "unit-no"),
}
"""Query key → kind of subject and kind of number, as a query says them."""
_OUTCOMES: Mapping[str, Outcome] = {
    "ok": Outcome.ANSWERED,
    "stale": Outcome.ANSWERED,
    "manual": Outcome.ANSWERED,
    "not_found": Outcome.NO_RECORD,
    "not_granted": Outcome.NOT_GRANTED,
    "withheld": Outcome.WITHHELD,
    "not_applicable": Outcome.NOT_OFFERED,
    "refused_by_source": Outcome.REFUSED,
    "source_error": Outcome.FAILED,
    "timed_out": Outcome.TIMED_OUT,
    "breaker_open": Outcome.BREAKER_OPEN,
    "source_closed": Outcome.CLOSED,
    "deferred": Outcome.DEFERRED,
}
"""State of a field there → outcome here; a state that stands not here tells nothing we could use."""
_AGE = {Freshness.LIVE: 0, Freshness.CACHED: 1, Freshness.STALE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a resource and its fields are called there, where that differs."""

    resource: str
    fields: Mapping[str, str]
    """Our field id → theirs."""

    @property
    def whole(self) -> str:
        """The path of its records."""
        return f"{self.resource}[]"

    def path(self, field: str) -> str:
        """The path of one of our fields."""
        return f"{self.whole}.{self.fields.get(field, field)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An answer of another hub, read."""

    query: str
    receipt: str
    relayed: Relayed
    records: Sequence[Mapping[str, Any]]
    """In our names."""
    entered_by: str | None
    claims: Mapping[str, Mapping[str, Any]]
    """Path → what is said of it, as its receipt has to say it."""
    values: Mapping[str, Any]
    """Path → value, as its receipt has to prove it."""


def question(
    call: SourceCall,
    keys: Mapping[str, str],
    names: Names,
    *,
    item: str,
    via: Sequence[str],
    deadline: float,
) -> dict[str, Any]:
    """The body of `POST /v1/queries`: the fields of the call and nothing else of their record.

    Raises:
        NotAsked: A hub cannot be asked by these keys.
    """  # fmt: skip
    known = next((name for name in _SUBJECTS if name in keys), None)
    if known is None:
        raise NotAsked("key-missing")
    kind, id_type = _SUBJECTS[known]
    subject = {"kind": kind, "id_type": id_type, "id": keys[known]}
    if "name" in keys:
        subject["name"] = keys["name"]
    basis = {"item": item, "case": call.reason.case, "kind": call.reason.basis_kind}
    wishes = {"max_age": call.max_age, "stale_if_error": call.stale_if_error}
    return {
        "subject": subject,
        "basis": {**basis, "ref": call.reason.legal_basis},
        "want": _paths(call, names),
        "only": {names.resource: [names.fields.get(field, field) for field in _fields(call)]},
        "freshness": {name: _duration(wish) for name, wish in wishes.items() if wish is not None},
        "deadline_ms": min(max(int(deadline * 1000), LEAST_MS), MOST_MS),
        "via": list(via),
    }


def _fields(call: SourceCall) -> tuple[str, ...]:
    return (*call.fields, *call.judged)


def _paths(call: SourceCall, names: Names) -> list[str]:
    return [names.whole, *(names.path(field) for field in _fields(call))]


def _duration(wish: timedelta) -> str:
    return f"PT{wish.total_seconds():f}S"


def refused(problem: Any) -> Fate | None:
    """What a problem document says that is about this question; None where it says nothing."""
    code = _why(problem.get("code")) if isinstance(problem, Mapping) else None
    return None if code is None else Fate(outcome=Outcome.FAILED, why=code)


def passed(answer: Any, call: SourceCall, names: Names, origin: str) -> Passed:
    """What an answer says.

    Raises:
        SourceAnswerInvalid: `answer-shape`: it is not the answer to this question.
    """
    try:
        return _passed(answer, call, names, origin)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise SourceAnswerInvalid("answer-shape") from None


def _passed(answer: Any, call: SourceCall, names: Names, origin: str) -> Passed:
    told = answer["fields"]
    paths = _paths(call, names)
    if set(told) != set(paths):
        raise ValueError("not the paths that were asked")
    whole = _fate(told[names.whole])
    fates = {field: _fate(told[names.path(field)]) for field in _fields(call)}
    given = [field for field, fate in fates.items() if fate.outcome is Outcome.ANSWERED]
    records = _records(told[names.whole], given, names) if whole.outcome is Outcome.ANSWERED else []
    for field in given if records else ():
        if _column(records, field) != told[names.path(field)]["value"]:
            raise ValueError("the records and a field of theirs differ")
    return Passed(
        query=_id(answer["id"], "qry"),
        receipt=_id(answer["receipt"], "rcp"),
        relayed=_relayed(
            [each for path in paths if (each := told[path].get("provenance")) is not None],
            whole=whole,
            fates={f: fate for f, fate in fates.items() if fate.outcome is not whole.outcome},
            stale=any(told[path]["state"] == "stale" for path in paths),
            origin=origin,
            ticket=_id(answer["id"], "qry") if answer.get("status_url") else None,
        ),
        records=records,
        entered_by=_entered_by(told[names.whole]),
        claims={
            path: claim({**(told[path].get("provenance") or {}), **told[path]}) for path in paths
        },
        values={path: told[path]["value"] for path in paths if "value" in told[path]},
    )


def followed(answer: Any) -> Followed:
    """How a deferred answer stands, by what the other hub says of it.

    Raises:
        SourceAnswerInvalid: `answer-shape`.
    """
    try:
        if answer["outcome"] == "deferred":
            return Followed.WAITING
        outcomes = {_OUTCOMES.get(each["state"]) for each in answer["fields"].values()}
    except (KeyError, TypeError, AttributeError):
        raise SourceAnswerInvalid("answer-shape") from None
    there = outcomes & {Outcome.ANSWERED, Outcome.NO_RECORD}
    return Followed.ANSWERED if there else Followed.LAPSED


def claim(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said of a field beside its value, alike from an answer and from a record of the log."""
    told = ("state", "why", "as_of", "retrieved_at", "entered_by")
    return {"freshness": field.get("freshness", "live"), **{n: field.get(n) for n in told}}


def _fate(field: Mapping[str, Any]) -> Fate:
    outcome = _OUTCOMES.get(field["state"])
    if outcome is None:
        return Fate(outcome=Outcome.FAILED, why="state-unknown")
    if outcome is Outcome.ANSWERED and "value" not in field:
        raise ValueError("a state with a value, and none")
    why = _why(field.get("why")) if field.get("why") is not None else None
    reopens = field.get("reopens_at")
    return Fate(
        outcome=outcome,
        why=why or (str(outcome).replace("_", "-") if outcome is not Outcome.ANSWERED else None),
        reopens_at=_moment(reopens) if reopens is not None else None,
    )


def _why(text: Any) -> str | None:
    """A key of theirs, without the prefix that it would get once for each hub it passes."""
    if not isinstance(text, str) or not _WHY.fullmatch(text) or _NUMBER.search(text):
        return None
    return text.removeprefix("hub.") or None


def _records(whole: Mapping[str, Any], given: Sequence[str], names: Names) -> list[dict[str, Any]]:
    """The records in our names; fields that were not given are left out."""
    theirs = {names.fields.get(field, field): field for field in given}
    if not isinstance(whole["value"], list) or not whole["value"]:
        raise ValueError("no records")
    return [
        {
            **_renamed(record, theirs),
            "lines": [_renamed(line, theirs) for line in record.get("lines", [])],
        }
        for record in whole["value"]
    ]


def _renamed(row: Mapping[str, Any], theirs: Mapping[str, str]) -> dict[str, Any]:
    return {theirs[name]: value for name, value in row.items() if name in theirs}


def _column(records: Sequence[Mapping[str, Any]], field: str) -> list[Any]:
    """A field of all records, or of all their lines."""
    rows = records
    if not all(field in record for record in records):
        rows = [line for record in records for line in record["lines"]]
    return [row[field] for row in rows]


def _relayed(
    provenances: Sequence[Mapping[str, Any]],
    *,
    whole: Fate,
    fates: Mapping[str, Fate],
    stale: bool,
    origin: str,
    ticket: str | None,
) -> Relayed:
    """One for all fields of the resource: of what may differ, the worse is told."""
    trails = [tuple(origin_of(each) for each in p.get("via", [])) for p in provenances]
    as_of = [_moment(p["as_of"]) for p in provenances if p["as_of"] is not None]
    retrieved = [_moment(p["retrieved_at"]) for p in provenances]
    freshness = [Freshness(p["freshness"]) for p in provenances]
    authorities = sorted({_authority(p["authority"]) for p in provenances})
    oldest = max(freshness, key=_AGE.__getitem__, default=Freshness.LIVE)
    return Relayed(
        via=(origin, *max(trails, key=len, default=())),
        whole=whole,
        fields=fates,
        authority="、".join(authorities) or None,
        as_of=min(as_of, default=None),
        retrieved_at=min(retrieved, default=None),
        freshness=Freshness.STALE if stale else oldest,
        ticket=ticket if whole.outcome is Outcome.DEFERRED else None,
    )


def _entered_by(field: Mapping[str, Any]) -> str | None:
    who = (field.get("provenance") or {}).get("entered_by")
    if who is None:
        return "?" if field["state"] == "manual" else None
    return _authority(who)


def _id(text: Any, prefix: str) -> str:
    if not isinstance(text, str) or not _ID.fullmatch(text) or not text.startswith(prefix):
        raise ValueError("not an id")
    return text


def origin_of(text: Any) -> str:
    """What a hub is called.

    Raises:
        ValueError: No hub is called so.
    """
    if not isinstance(text, str) or not re.fullmatch(ORIGIN, text):
        raise ValueError("not a hub")
    return text


def _authority(text: Any) -> str:
    if not isinstance(text, str) or not _AUTHORITY.fullmatch(text):
        raise ValueError("not a name")
    return text


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
