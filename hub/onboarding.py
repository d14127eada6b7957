"""Who may call, and what it may ask: from files an operator writes to rows, with a line in the log.

A grants file is YAML; one entry gives one consumer one right to several resources:

    grants:
    - consumer: xinxiang-intake
      items: [xinxiang-10]              # bundles or service items: the purpose
      legal_basis: 新政文〔2024〕62号
      basis_kinds: [statutory, consent]
      valid_from: 2026-01-01
      valid_to: 2027-12-31              # mandatory
      resources:
        hukou.person: {provider: 县公安局, fields: [name, hukou_address]}   # or ['*']
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from catalog.errors import UnknownEntry
from catalog.lookup import resource as resource_in
from catalog.model import Catalog
from catalog.reading import Page, Step, Unquoted, describe, read_page
from hub.access import purpose_of
from hub.database import Database
from hub.errors import InvalidSettings
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.model import JUDGED_ONLY, Consumer, Grant
from hub.store import put_consumer, put_grants

CHINA = ZoneInfo("Asia/Shanghai")
"""The dates of a grant are days in China."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _written(value: object) -> object:
    """A date without quotes, as it was written."""
    return value.text if isinstance(value, Unquoted) else value


_Date = Annotated[date, BeforeValidator(_written)]


class _Right(_Part):
    provider: str = Field(min_length=1)
    fields: list[str] = Field(min_length=1)


class _Entry(_Part):
    consumer: str = Field(min_length=1, max_length=100)
    items: list[str] = Field(min_length=1)
    legal_basis: str = Field(min_length=1)
    basis_kinds: list[Literal["statutory", "consent"]] = Field(min_length=1)
    valid_from: _Date
    valid_to: _Date
    resources: dict[str, _Right] = Field(min_length=1)


class _File(_Part):
    grants: Annotated[list[_Entry], Field(min_length=1)]


def read_grants(path: Path, county: str, catalog: Catalog) -> list[Grant]:
    """The grants of a file.

    Raises:
        InvalidSettings: with everything that is wrong in it.
    """
    page = read_page(path, path.name)
    entries = _entries(page)
    _judge(page, entries, county, catalog)
    if page.problems:
        raise InvalidSettings(tuple(str(complaint) for complaint in page.complaints()))
    return [grant for entry in entries for grant in _grants(entry, county)]


def _entries(page: Page) -> list[_Entry]:
    if page.problems:
        return []
    try:
        return _File.model_validate(page.tree).grants
    except ValidationError as problem:
        for error in problem.errors():
            at, found = error["loc"], describe(error["input"])
            if error["type"] == "missing":
                # What is not there has no line; what it is missing from has.
                at, found = at[:-1], f"no {at[-1]}"
            page.complain(at, error["type"], found, error["msg"])
        return []


def _judge(page: Page, entries: Sequence[_Entry], county: str, catalog: Catalog) -> None:
    """Complain about what the catalog does not know, and about spans of time that hold no day."""
    for number, entry in enumerate(entries):
        here: tuple[Step, ...] = ("grants", number)
        for place, item in enumerate(entry.items):
            purpose = purpose_of(catalog, item)
            if purpose is None or purpose.county != county:
                at = (*here, "items", place)
                page.complain(at, "unknown-item", item, f"a bundle or an item of {county}")
        if entry.valid_to <= entry.valid_from:
            page.complain(
                (*here, "valid_to"),
                "valid-to",
                entry.valid_to.isoformat(),
                "a day after valid_from",
            )
        for resource_id, right in entry.resources.items():
            at = (*here, "resources", resource_id)
            try:
                resource = resource_in(catalog, county, resource_id)
            except UnknownEntry:
                page.complain(at, "unknown-resource", resource_id, "a resource of the catalog")
                continue
            for name in right.fields:
                if name != "*" and name.removeprefix(JUDGED_ONLY) not in resource.fields:
                    page.complain(at, "unknown-field", name, f"a field of {resource_id}, or '*'")


def _grants(entry: _Entry, county: str) -> Iterator[Grant]:
    for resource_id, right in entry.resources.items():
        yield Grant(
            id=_grant_id(entry, resource_id),
            consumer=entry.consumer,
            provider=right.provider,
            county=county,
            resource=resource_id,
            fields=frozenset(right.fields),
            items=frozenset(entry.items),
            legal_basis=entry.legal_basis,
            basis_kinds=frozenset(entry.basis_kinds),
            valid_from=_day(entry.valid_from),
            valid_to=_day(entry.valid_to + timedelta(days=1)),
        )


def _grant_id(entry: _Entry, resource_id: str) -> str:
    """Says what the grant is about, so that applying a file twice changes nothing."""
    items = hashlib.sha256("+".join(sorted(entry.items)).encode()).hexdigest()[:8]
    return f"{entry.consumer[:40]}/{resource_id[:50]}/{items}"


def _day(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=CHINA).astimezone(UTC)


def apply_grants(
    database: Database, log: EvidenceLog, grants: Sequence[Grant], now: Callable[[], datetime]
) -> None:
    """Write grants; the log knows first."""
    log.submit(
        [
            EvidenceRecord(
                kind=EvidenceKind.GRANT_CHANGED,
                id=new_id("evd"),
                at=now(),
                body={
                    "grant": grant.id,
                    "consumer": grant.consumer,
                    "resource": grant.resource,
                    "fields": sorted(grant.fields),
                    "items": sorted(grant.items),
                    "valid_from": grant.valid_from.isoformat(),
                    "valid_to": grant.valid_to.isoformat(),
                    "active": grant.active,
                },
            )
            for grant in grants
        ]
    ).result()
    put_grants(database, grants)


def register_consumer(
    database: Database, log: EvidenceLog, consumer: Consumer, now: Callable[[], datetime]
) -> None:
    """Register a caller, or change what is known of it; the log knows first."""
    log.submit(
        [
            EvidenceRecord(
                kind=EvidenceKind.CONSUMER_CHANGED,
                id=new_id("evd"),
                at=now(),
                body={
                    "consumer": consumer.client_id,
                    "authority": consumer.authority,
                    "keys": [str(k) for k in sorted(_thumbprints(consumer))],
                    "active": consumer.active,
                },
            )
        ]
    ).result()
    put_consumer(database, consumer)


def _thumbprints(consumer: Consumer) -> list[str]:
    return [key.thumbprint() for key in KeySet.import_key_set(dict(consumer.jwks)).keys]  # type: ignore[arg-type]


def public_jwks(path: Path) -> dict[str, object]:
    """Public keys from a JWKS file; a file that holds a private key is refused.

    Raises:
        InvalidSettings: unreadable, or not public.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        keys = KeySet.import_key_set(data)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, JoseError) as problem:
        raise InvalidSettings((f"{path.name}: {type(problem).__name__}",)) from problem
    if any(key.is_private for key in keys.keys):
        raise InvalidSettings((f"{path.name}: holds a private key; give the public part only",))
    return dict(keys.as_dict(private=False))


def new_client_key(path: Path) -> dict[str, object]:
    """Make a P-256 key for a caller in `path` (0600), if there is none; gives the public JWKS."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = ECKey.generate_key("P-256", auto_kid=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")
    key = ECKey.import_key(json.loads(path.read_text(encoding="utf-8")))
    return {"keys": [dict(key.as_dict(private=False))]}
