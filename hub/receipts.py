"""Checking a receipt without the hub: a separate road to the same answer.

A receipt file is JSON:

    {"v": 1, "receipt": "rcp_…", "leaf": "<canonical JSON>", "index": n, "size": n,
     "proof": ["<base64>", …], "checkpoint": "<signed tree head>", "key": "<base64, 32 bytes>",
     "fields": {"<path>": {"salt": "<hex>", "value": …}}}

`fields` is optional: a field shown with its salt proves that this very value was given; leaving
one out reveals nothing about it. Nothing here reads the log, and nothing here is used to write it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.evidence import Receipt, canonical_json, key_hash
from hub.exchange import commitment, field_salt
from hub.merkle import leaf_hash, verify_inclusion
from hub.model import Json
from hub.vault import signature_holds

MAX_BYTES = 1 << 20


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
            if "commitment" in answer
        },
    }


def with_values(document: Mapping[str, Any], values: Mapping[str, Json]) -> dict[str, Any]:
    """The file that shows `values` (path → value as answered); salts of others are left out."""
    salts = document.get("salts", {})
    shown = {path: {"salt": salts[path], "value": values[path]} for path in values if path in salts}
    return {**{k: v for k, v in document.items() if k != "salts"}, "fields": shown}


def verify_receipt(document: bytes, *, trusted_key: bytes | None) -> ReceiptReport:
    """Judge a receipt file. Never raises for what is in the file."""
    parsed = _parse(document)
    if parsed is None:
        return _report({"well-formed": Verdict.FAILED}, {})
    verdicts: dict[str, Verdict] = {"well-formed": Verdict.PASSED}
    leaf = _leaf(parsed)
    verdicts["leaf"] = _judge(leaf is not None)
    head = _checkpoint(parsed)
    verdicts["included"] = _judge(
        head is not None
        and verify_inclusion(
            leaf_hash(parsed["leaf"].encode()),
            parsed["index"],
            head.size,
            parsed["proof"],
            head.root,
        )
        and head.size == parsed["size"]
    )
    verdicts["checkpoint"] = _judge(
        head is not None and signature_holds(parsed["key"], head.text.encode(), head.signature)
    )
    if trusted_key is None:
        verdicts["trusted"] = Verdict.INDETERMINATE
    else:
        verdicts["trusted"] = _judge(trusted_key == parsed["key"])
    verdicts["fields"] = _judge(leaf is not None and _fields_hold(leaf, parsed["fields"]))
    return _report(verdicts, leaf or {})


@dataclass(frozen=True, slots=True)
class _Head:
    size: int
    root: bytes
    text: str
    signature: bytes


def _judge(holds: bool) -> Verdict:
    return Verdict.PASSED if holds else Verdict.FAILED


def _report(verdicts: Mapping[str, Verdict], facts: Mapping[str, Any]) -> ReceiptReport:
    steps = tuple(
        Step(number=n, key=key, verdict=verdicts.get(key, Verdict.INDETERMINATE), zh=zh, en=en)
        for key, (n, zh, en) in _STEPS.items()
    )
    found = {step.verdict for step in steps}
    if Verdict.FAILED in found:
        return ReceiptReport(verdict=Verdict.FAILED, steps=steps, facts={})
    verdict = Verdict.INDETERMINATE if Verdict.INDETERMINATE in found else Verdict.PASSED
    return ReceiptReport(verdict=verdict, steps=steps, facts=facts)


def _parse(document: bytes) -> dict[str, Any] | None:
    if len(document) > MAX_BYTES:
        return None
    try:
        data = json.loads(document.decode("utf-8"))
        if not isinstance(data, dict) or not _EXPECTED <= set(data) <= _EXPECTED | {
            "fields",
            "salts",
        }:
            return None
        index, size = data["index"], data["size"]
        if type(index) is not int or type(size) is not int or data["v"] != 1:
            return None
        if not all(
            isinstance(data[name], str) for name in ("receipt", "leaf", "checkpoint", "key")
        ):
            return None
        proof = [base64.b64decode(node, validate=True) for node in data["proof"]]
        fields = data.get("fields", {})
        if len(proof) > 64 or not isinstance(fields, dict):
            return None
        # Base64 has several spellings of the last byte; only the canonical one is accepted, so
        # that no byte of the file can be changed unnoticed.
        if [base64.b64encode(node).decode() for node in proof] != data["proof"]:
            return None
        key = base64.b64decode(data["key"], validate=True)
        if base64.b64encode(key).decode() != data["key"]:
            return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return {**data, "proof": proof, "key": key, "fields": fields}


def _leaf(parsed: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        leaf = json.loads(parsed["leaf"])
        same = canonical_json(leaf) == parsed["leaf"] and leaf["id"] == parsed["receipt"]
        named = isinstance(leaf.get("body"), dict) and leaf.get("v") == 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return leaf if same and named else None


def _checkpoint(parsed: Mapping[str, Any]) -> _Head | None:
    """Read a C2SP checkpoint with exactly one signature line."""
    try:
        text, _, note = parsed["checkpoint"].partition("\n\n")
        text += "\n"
        origin, size, root, end = text.split("\n")
        mark, name, blob = note.removesuffix("\n").split(" ")
        signed = base64.b64decode(blob, validate=True)
        fits = (
            end == ""
            and mark == "—"
            and name == origin
            and note.endswith("\n")
            and base64.b64encode(signed).decode() == blob
            and signed[:4] == key_hash(origin, parsed["key"])
            and str(int(size)) == size
        )
        if not fits:
            return None
        return _Head(int(size), base64.b64decode(root, validate=True), text, signed[4:])
    except (ValueError, binascii.Error):
        return None


def _fields_hold(leaf: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    recorded = leaf["body"].get("fields", {})
    if not isinstance(recorded, dict):
        return False
    for path, shown in fields.items():
        try:
            salt = bytes.fromhex(shown["salt"])
            if set(shown) != {"salt", "value"} or salt.hex() != shown["salt"]:
                return False
            if commitment(salt, shown["value"]) != recorded[path]["commitment"]:
                return False
        except (KeyError, TypeError, ValueError, RecursionError):
            return False
    return True
