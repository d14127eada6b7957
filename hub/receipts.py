"""Checking a receipt without the hub: a separate road to the same answer.

A receipt file is JSON:

    {"v": 1, "receipt": "rcp_…", "leaf": "<canonical JSON>", "index": n, "size": n,
     "proof": ["<base64>", …], "checkpoint": "<signed tree head>", "key": "<base64, 32 bytes>",
     "fields": {"<path>": {"salt": "<hex>", "value": …}}}

`fields` is optional: a field shown with its salt proves that this very value was given; leaving
one out reveals nothing about it. As the hub hands it out the file has `salts` (path → salt) instead:
the caller has the values and decides which to show. A salt alone claims nothing and is not judged.

The verifier shares no code with the writer but the hash of a leaf and of a node, and the check of
an Ed25519 signature: it writes canonical JSON, climbs the proof and reads the tree head its own way.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.evidence import Receipt
from hub.exchange import field_salt
from hub.merkle import leaf_hash, node_hash
from hub.model import Json
from hub.vault import signature_holds

MAX_BYTES = 16 << 20
"""Of a file with the values it shows: more than an answer of many sources holds, and still read at
once."""


class Verdict(StrEnum):
    """Passed, failed, or not to be judged with what is at hand."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One numbered check."""

    number: int
    key: str
    verdict: Verdict
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptReport:
    """All checks; `facts` holds what the leaf says, once it is known to be in the log."""

    verdict: Verdict
    steps: tuple[Step, ...]
    facts: Mapping[str, Any]
    signed_by: str = ""
    """The key that the file names, base64; empty where the file cannot be read."""

    def __bool__(self) -> bool:
        """A report is not a boolean: indeterminate is neither."""
        raise TypeError("ask for .verdict")


_STEPS: Mapping[str, tuple[int, str, str]] = {
    "well-formed": (1, "文件格式正确", "The file is well formed"),
    "leaf": (2, "记录为规范写法且编号一致", "The record is canonical and has the receipt's number"),
    "included": (3, "记录在日志中", "The record is in the log"),
    "checkpoint": (4, "日志头签名有效", "The tree head's signature holds"),
    "trusted": (5, "签名密钥可信", "The signing key is the one trusted"),
    "fields": (6, "出示的字段值与记录一致", "The values shown are those recorded"),
}
_EXPECTED = frozenset({"v", "receipt", "leaf", "index", "size", "proof", "checkpoint", "key"})


def receipt_document(receipt: Receipt) -> dict[str, Json]:
    """The file of a receipt, with the salts that open each field; the caller adds the values."""
    body = json.loads(receipt.leaf)["body"]
    # Without the secret (it may have been erased) no field can be opened any more.
    master = bytes.fromhex(receipt.private.get("salt", ""))
    return {
        "v": 1,
        "receipt": receipt.id,
        "leaf": receipt.leaf,
        "index": receipt.index,
        "size": receipt.size,
        "proof": [base64.b64encode(node).decode() for node in receipt.proof],
        "checkpoint": receipt.checkpoint,
        "key": base64.b64encode(receipt.public_key).decode(),
        "salts": {
            path: field_salt(master, path).hex()
            for path, answer in body.get("fields", {}).items()
            if master and "commitment" in answer
        },
    }


def with_values(document: Mapping[str, Any], values: Mapping[str, Json]) -> dict[str, Any]:
    """The file that shows `values` (path → value as answered); salts of others are left out."""
    salts = document.get("salts", {})
    shown = {path: {"salt": salts[path], "value": values[path]} for path in values if path in salts}
    return {**{k: v for k, v in document.items() if k != "salts"}, "fields": shown}


def proven(document: bytes, *, key: bytes, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record of a receipt that proves exactly these `values` under `key`; else None.

    See `adapters.ports.ReceiptCheck`.
    """
    try:
        parsed = _json(document.decode("utf-8"))
        shown = with_values(parsed, dict(values))
        text = json.dumps(shown, ensure_ascii=False).encode()
    except _UNREADABLE:
        return None
    if shown["fields"].keys() != values.keys():
        return None
    report = verify_receipt(text, trusted_key=key)
    return report.facts if report.verdict is Verdict.PASSED else None


def verify_receipt(document: bytes, *, trusted_key: bytes | None) -> ReceiptReport:
    """Judge a receipt file. Never raises for what is in the file."""
    try:
        parsed = _parse(document)
    except _UNREADABLE:
        return _report({"well-formed": Verdict.FAILED}, {}, "")
    leaf, head = _leaf(parsed), _head(parsed)
    verdicts = {
        "well-formed": Verdict.PASSED,
        "leaf": _judge(leaf is not None),
        "included": _judge(head is not None and _is_included(parsed, head)),
        "checkpoint": _judge(
            head is not None and signature_holds(parsed.key, head.text.encode(), head.signature)
        ),
        "trusted": Verdict.INDETERMINATE
        if trusted_key is None
        else _judge(trusted_key == parsed.key),
        "fields": _judge(leaf is not None and _fields_hold(leaf, parsed.fields)),
    }
    return _report(verdicts, leaf or {}, base64.b64encode(parsed.key).decode())


_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a hostile file may raise; `UnicodeError` and `binascii.Error` are value errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    """The file, every part of the right type."""

    receipt: str
    leaf: str
    index: int
    size: int
    proof: tuple[bytes, ...]
    checkpoint: str
    key: bytes
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """A signed tree head."""

    size: int
    root: bytes
    text: str
    signature: bytes


def _judge(holds: bool) -> Verdict:
    return Verdict.PASSED if holds else Verdict.FAILED


def _report(
    verdicts: Mapping[str, Verdict], facts: Mapping[str, Any], signed_by: str
) -> ReceiptReport:
    steps = tuple(
        Step(number=n, key=key, verdict=verdicts.get(key, Verdict.INDETERMINATE), zh=zh, en=en)
        for key, (n, zh, en) in _STEPS.items()
    )
    found = {step.verdict for step in steps}
    if Verdict.FAILED in found:
        return ReceiptReport(verdict=Verdict.FAILED, steps=steps, facts={}, signed_by=signed_by)
    verdict = Verdict.INDETERMINATE if Verdict.INDETERMINATE in found else Verdict.PASSED
    return ReceiptReport(verdict=verdict, steps=steps, facts=facts, signed_by=signed_by)


def _parse(document: bytes) -> _Parsed:
    if len(document) > MAX_BYTES:
        raise ValueError("too large")
    data = _json(document.decode("utf-8"))
    if not _EXPECTED <= data.keys() <= _EXPECTED | {"fields", "salts"}:
        raise ValueError("unknown or missing keys")
    texts = {name: _text(data[name]) for name in ("receipt", "leaf", "checkpoint", "key")}
    if not _is_count(data["v"]) or data["v"] != 1 or not isinstance(data["proof"], list):
        raise ValueError("another format")
    if not _is_count(data["index"]) or not _is_count(data["size"]):
        raise ValueError("not a place in a log")
    fields, salts = data.get("fields", {}), data.get("salts", {})
    if not isinstance(fields, dict) or not isinstance(salts, dict):
        raise TypeError("not fields")
    for salt in salts.values():
        _hex(salt)
    return _Parsed(
        receipt=texts["receipt"],
        leaf=texts["leaf"],
        index=data["index"],
        size=data["size"],
        proof=tuple(_base64(node) for node in data["proof"]),
        checkpoint=texts["checkpoint"],
        key=_base64(texts["key"]),
        fields=fields,
    )


def _json(text: str) -> dict[str, Any]:
    """An object without anything that two readers could read differently."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key twice")
        return found

    def refuse(_constant: str) -> None:
        raise ValueError("not a number of JSON")

    data = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    if not isinstance(data, dict):
        raise TypeError("not an object")
    return data


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    value.encode()  # Half of a surrogate pair is no text.
    return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _base64(value: object) -> bytes:
    """Base64 has several spellings of the last byte; the canonical one is the only one."""
    data = base64.b64decode(_text(value), validate=True)
    if base64.b64encode(data).decode() != value:
        raise ValueError("not canonical base64")
    return data


def _hex(value: object) -> bytes:
    data = bytes.fromhex(_text(value))
    if data.hex() != value:
        raise ValueError("not canonical hex")
    return data


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _leaf(parsed: _Parsed) -> dict[str, Any] | None:
    """The record, if it is written canonically and is the one of this number."""
    try:
        leaf = _json(parsed.leaf)
        same = _canonical(leaf) == parsed.leaf and leaf["id"] == parsed.receipt
        shaped = leaf["v"] == 1 and isinstance(leaf["body"], dict)
    except _UNREADABLE:
        return None
    return leaf if same and shaped else None


def _is_included(parsed: _Parsed, head: _Head) -> bool:
    """RFC 6962 §2.1.1 read from the root down: which half, and what stands beside it."""
    if parsed.size != head.size or not parsed.index < parsed.size:
        return False
    sides: list[bool] = []  # From the root to the leaf: is the leaf's half the right one?
    index, size = parsed.index, parsed.size
    while size > 1:
        half = 1 << (size - 1).bit_length() - 1
        sides.append(index >= half)
        index, size = (index - half, size - half) if index >= half else (index, half)
    if len(sides) != len(parsed.proof):
        return False
    found = leaf_hash(parsed.leaf.encode())
    for is_right, beside in zip(reversed(sides), parsed.proof, strict=True):
        found = node_hash(beside, found) if is_right else node_hash(found, beside)
    return found == head.root


def _head(parsed: _Parsed) -> _Head | None:
    """Read a C2SP tlog-checkpoint with exactly one signature line, of the key that is named."""
    try:
        origin, size, root, empty, note, end = parsed.checkpoint.split("\n")
        mark, name, blob = note.split(" ")
        signed = _base64(blob)
        named = hashlib.sha256(f"{origin}\n".encode() + b"\x01" + parsed.key).digest()[:4]
        fits = (empty, end, mark, name, signed[:4]) == ("", "", "—", origin, named)
        if not fits or not size.isascii() or str(int(size)) != size:
            return None
        text = f"{origin}\n{size}\n{root}\n"
        return _Head(size=int(size), root=_base64(root), text=text, signature=signed[4:])
    except _UNREADABLE:
        return None


def _fields_hold(leaf: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Does every value shown give, with its salt, the commitment of the record?"""
    recorded = leaf["body"].get("fields", {})
    try:
        for path, shown in fields.items():
            given = _hex(shown["salt"]) + _canonical(shown["value"]).encode()
            committed = "sha256:" + hashlib.sha256(given).hexdigest()
            if shown.keys() != {"salt", "value"} or committed != recorded[path]["commitment"]:
                return False
    except _UNREADABLE:
        return False
    return True
