"""The trust list: one signed JSON document that a superior platform publishes and others import.

    {"mianti-trust-list": 1,
     "list": "<base64 of the list, itself JSON>",
     "signature": {"algorithm": "sm2-sm3", "x509": "<base64>", "value": "<base64>"}}

    {"version": 1, "sequence": 7, "issued_at": "2026-11-24T06:00:00Z", "next_update": "…",
     "operator": {"zh": "…", "en": "…"},
     "services": [{"service": "anchor", "x509": "<base64>", "standing": "trusted",
                   "since": "…", "until": null, "zh": "…", "en": "…"}],
     "intermediates": ["<base64>"], "revocation_lists": ["<base64>"]}

Signed are the bytes of the inner list as they are received, behind `mianti-trust-list 1` and a line
feed: nothing is written anew to be checked, and no other document can be taken for a list. The
scheme operator's certificate is known to whoever imports; the one in the file only says which of
several it is. A list counts only upwards: one with a lower number than the last is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from seals.algorithms import Algorithm
from seals.errors import InvalidKey, KeyUnavailable, Malformed, TrustListRefused, UnknownAlgorithm
from seals.keys import verifying_key
from seals.mapped import Complaint, Mapped
from seals.ports import SigningKey
from seals.revocation import RevocationList, read_list
from seals.trust import Listed, Service, Standing, TrustStore
from seals.x509 import X509Certificate, read_x509

VERSION = 1
MAX_FILE = 64 * 1024 * 1024
MAX_SERVICES = 10_000
MAX_MATERIAL = 10_000
MAX_SEQUENCE = 2**53
SKEW = timedelta(minutes=5)
"""How far into the future a list may have been issued: clocks differ."""
_CONTEXT = b"mianti-trust-list 1\n"
_NAME = "mianti-trust-list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who keeps the list."""

    zh: str
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """What is published."""

    sequence: int
    issued_at: datetime
    next_update: datetime
    """After that it is no longer to be relied on."""
    operator: Operator
    store: TrustStore
    digest: bytes = field(default=b"", compare=False)
    """SHA-256 of the signed bytes: tells two lists of one number apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the list that was imported last."""

    sequence: int
    digest: bytes


def publish(trust: TrustList, key: SigningKey) -> bytes:
    """The file.

    Raises:
        TrustListRefused: It would not be read: times or numbers that may not be.
        KeyUnavailable: The key has no certificate, or does not sign.
    """
    if not key.chain:
        raise KeyUnavailable("no-certificate")
    inner = json.dumps(_as_json(trust), ensure_ascii=False, indent=1).encode()
    signature = {
        "algorithm": key.algorithm.value,
        "x509": _base64(key.chain[0]),
        "value": _base64(key.sign(_CONTEXT + inner)),
    }
    outer = {_NAME: VERSION, "list": _base64(inner), "signature": signature}
    made = json.dumps(outer, indent=1).encode() + b"\n"
    read_trust_list(made, [read_x509(key.chain[0])], trust.issued_at)
    return made


def read_trust_list(
    data: bytes,
    operators: Sequence[X509Certificate],
    at: datetime,
    last: Known | None = None,
) -> TrustList:
    """A list that may be relied on at that time.

    Args:
        data: The file.
        operators: Who may sign it.
        at: Now.
        last: What was imported before it.

    Raises:
        TrustListRefused: It may not be relied on; `why` holds every reason there is.
    """
    complaints: list[Complaint] = []
    outer = Mapped.of(_loaded(data, MAX_FILE, "", complaints), "", complaints)
    if complaints:
        raise TrustListRefused(*complaints)
    version = outer.number(_NAME, least=0, most=MAX_SEQUENCE)
    if version != VERSION:
        # Of a version that we do not know nothing more can be said.
        raise TrustListRefused(("unknown-version", _NAME))
    inner = outer.binary("list", bytes) or b""
    _signature(outer, inner, operators, at)
    outer.done()
    body = Mapped.of(_loaded(inner, MAX_FILE, "list", complaints), "list", complaints)
    read = _list(body, inner)
    if read.issued_at > at + SKEW:
        body.complain("issued-in-the-future", "issued_at")
    if read.next_update <= at:
        body.complain("expired", "next_update")
    if last is not None and read.sequence < last.sequence:
        body.complain("rolled-back", "sequence")
    if last is not None and read.sequence == last.sequence and read.digest != last.digest:
        body.complain("same-number-other-list", "sequence")
    if complaints:
        raise TrustListRefused(*dict.fromkeys(complaints))
    return read


def signer_of(data: bytes) -> X509Certificate:
    """Whose certificate lies in the file; says nothing of whether it is to be believed.

    Raises:
        TrustListRefused: There is none.
    """
    complaints: list[Complaint] = []
    outer = Mapped.of(_loaded(data, MAX_FILE, "", complaints), "", complaints)
    found = outer.inside("signature").binary("x509", read_x509)
    if found is None:
        raise TrustListRefused(*complaints)
    return found


def known(data: bytes) -> Known:
    """What is remembered of a list that was judged when it was imported.

    Raises:
        TrustListRefused: It is none any more.
    """
    complaints: list[Complaint] = []
    outer = Mapped.of(_loaded(data, MAX_FILE, "", complaints), "", complaints)
    inner = outer.binary("list", bytes) or b""
    body = Mapped.of(_loaded(inner, MAX_FILE, "list", complaints), "list", complaints)
    sequence = body.number("sequence", least=1, most=MAX_SEQUENCE)
    if complaints:
        raise TrustListRefused(*complaints)
    return Known(sequence=sequence, digest=hashlib.sha256(inner).digest())


def is_trust_list(data: bytes) -> bool:
    """Does a file look like one?"""
    return data.lstrip()[:1] == b"{" and _NAME.encode() in data[:4096]


def _signature(
    outer: Mapped, inner: bytes, operators: Sequence[X509Certificate], at: datetime
) -> None:
    told = outer.inside("signature")
    signer = told.binary("x509", read_x509)
    value = told.binary("value", bytes)
    named = told.text("algorithm")
    told.done()
    if signer is None or value is None:
        return
    if signer not in operators:
        told.complain("not-the-operator", "x509")
    if not signer.not_before <= at <= signer.not_after:
        told.complain("operator-not-valid", "x509")
    try:
        algorithm, key = Algorithm(named), verifying_key(signer.spki)
    except (ValueError, InvalidKey, UnknownAlgorithm):
        told.complain("unknown-algorithm", "algorithm")
        return
    if algorithm.weak or key.short:
        told.complain("weak-algorithm", "algorithm")
    if not key.verify(algorithm, _CONTEXT + inner, value):
        told.complain("signature-does-not-hold", "value")


def _list(body: Mapped, inner: bytes) -> TrustList:
    if body.number("version", least=0, most=MAX_SEQUENCE) != VERSION:
        body.complain("unknown-version", "version")
    operator = body.inside("operator")
    named = Operator(zh=operator.text("zh"), en=operator.text("en", least=0))
    operator.done()
    listed = tuple(filter(None, map(_service, body.each("services", most=MAX_SERVICES))))
    if not listed:
        body.complain("empty", "services")
    store = TrustStore(
        listed=listed,
        intermediates=body.binaries("intermediates", read_x509, most=MAX_MATERIAL),
        lists=body.binaries("revocation_lists", _read_der_list, most=MAX_MATERIAL),
    )
    found = TrustList(
        sequence=body.number("sequence", least=1, most=MAX_SEQUENCE),
        issued_at=body.moment("issued_at"),
        next_update=body.moment("next_update"),
        operator=named,
        store=store,
        digest=hashlib.sha256(inner).digest(),
    )
    if found.issued_at >= found.next_update:
        body.complain("wrong-order", "next_update")
    body.done()
    return found


def _service(told: Mapped) -> Listed | None:
    certificate = told.binary("x509", read_x509)
    service = told.choice("service", Service, Service.ANCHOR)
    standing = told.choice("standing", Standing, Standing.WITHDRAWN)
    for name in ("service", "standing"):
        if not told.has(name):
            told.complain("missing", name)
    since = told.moment("since")
    until = told.moment("until") if told.has("until") else None
    zh, en = told.text("zh"), told.text("en", least=0)
    told.done()
    if until is not None and until < since:
        told.complain("wrong-order", "until")
    if certificate is None:
        return None
    return Listed(
        service=service, certificate=certificate, since=since, until=until, standing=standing,
        zh=zh, en=en,
    )  # fmt: skip


def _read_der_list(data: bytes) -> RevocationList:
    if data.startswith(b"-"):
        raise Malformed("pem")
    return read_list(data)


def _loaded(data: bytes, most: int, where: str, complaints: list[Complaint]) -> Any:
    """JSON without anything that two readers could take for two things."""
    if len(data) > most:
        complaints.append(("too-large", where))
        return {}
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError):
        complaints.append(("not-json", where))
        return {}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refused(name: str) -> float:
    raise ValueError(name)


def _as_json(trust: TrustList) -> dict[str, object]:
    store = trust.store
    return {
        "version": VERSION,
        "sequence": trust.sequence,
        "issued_at": _written(trust.issued_at),
        "next_update": _written(trust.next_update),
        "operator": {"zh": trust.operator.zh, "en": trust.operator.en},
        "services": list(_services(store.listed)),
        "intermediates": [_base64(each.der) for each in store.intermediates],
        "revocation_lists": [_base64(each.der) for each in store.lists],
    }


def _services(listed: Sequence[Listed]) -> Iterator[dict[str, object]]:
    for each in listed:
        yield {
            "service": each.service,
            "zh": each.zh,
            "en": each.en,
            "standing": each.standing,
            "since": _written(each.since),
            "until": None if each.until is None else _written(each.until),
            "x509": _base64(each.certificate.der),
        }


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
