"""What is asked of a sealed document beyond that it is right, as a file (YAML, so JSON too).

    policy: 1
    ofd:
      extents: [whole, all-effective]
      digests: [sm3, sha256]
      algorithms: [sm2-sm3]
      harmless: [default-written, time-form]
      extensions: []
      timestamp: optional
    pdf:
      digests: [sm3, sha256, sha384, sha512]
      algorithms: [sm2-sm3, rsa-sha256, rsa-pss-sha256, ecdsa-sha256, ed25519]
      harmless: [default-written, time-form]
      extensions: []
      timestamp: wanted
    timestamps:
      policies: ["1.2.156.1.2.3"]
      digests: [sm3, sha256]
      accuracy_seconds: 60

What is left out is as where no file is given. Every complaint is told, with its key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

import yaml

from seals import der
from seals.algorithms import Algorithm, by_oid
from seals.errors import PolicyRefused, UnknownAlgorithm
from seals.mapped import Complaint, Mapped
from seals.ofd import verification as ofd
from seals.ofd.coverage import Extent
from seals.pdf import verification as pdf
from seals.seal import SM2_SM3
from seals.signed_data import DIGESTS, WEAK_DIGESTS
from seals.timestamp_judging import RULES, TimestampRules

VERSION = 1
MAX_FILE = 64 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """For each kind of document, and for timestamps in both."""

    ofd: ofd.Policy = ofd.POLICY
    pdf: pdf.Policy = pdf.POLICY
    timestamps: TimestampRules = RULES


USUAL = Policies()


class _Timestamp(StrEnum):
    OPTIONAL = "optional"
    WANTED = "wanted"


def read_policies(data: bytes) -> Policies:
    """The policy in a file.

    Raises:
        PolicyRefused: It is none, or says what cannot be; `why` holds every reason there is.
    """
    complaints: list[Complaint] = []
    whole = Mapped.of(_loaded(data, complaints), "", complaints)
    if complaints:
        raise PolicyRefused(*complaints)
    if whole.number("policy", least=0, most=2**31) != VERSION:
        whole.complain("unknown-version", "policy")
    found = Policies(
        ofd=_ofd(whole.inside("ofd")),
        pdf=_pdf(whole.inside("pdf")),
        timestamps=_timestamps(whole.inside("timestamps")),
    )
    whole.done()
    if complaints:
        raise PolicyRefused(*dict.fromkeys(complaints))
    return found


def _ofd(told: Mapped) -> ofd.Policy:
    usual = ofd.POLICY
    found = replace(
        usual,
        extents=_set(told, "extents", usual.extents, _extent),
        digests=_set(told, "digests", usual.digests, _digest),
        algorithms=_set(told, "algorithms", usual.algorithms, _seal_algorithm),
        harmless=_set(told, "harmless", usual.harmless, _key),
        extensions=_set(told, "extensions", usual.extensions, _oid),
        timestamp_wanted=_wanted(told, usual.timestamp_wanted),
    )
    told.done()
    return found


def _pdf(told: Mapped) -> pdf.Policy:
    usual = pdf.POLICY
    named = _set(told, "algorithms", frozenset(), _pdf_algorithms)
    found = replace(
        usual,
        digests=_set(told, "digests", usual.digests, _digest),
        algorithms=frozenset().union(*named) if told.has("algorithms") else usual.algorithms,
        harmless=_set(told, "harmless", usual.harmless, _key),
        extensions=_set(told, "extensions", usual.extensions, _oid),
        timestamp_wanted=_wanted(told, usual.timestamp_wanted),
    )
    told.done()
    return found


def _timestamps(told: Mapped) -> TimestampRules:
    seconds = RULES.accuracy
    if told.has("accuracy_seconds"):
        seconds = timedelta(seconds=told.number("accuracy_seconds", least=1, most=86400))
    found = TimestampRules(
        policies=_set(told, "policies", RULES.policies, _oid),
        digests=_set(told, "digests", RULES.digests, _digest),
        accuracy=seconds,
    )
    told.done()
    return found


def _wanted(told: Mapped, usual: bool) -> bool:
    otherwise = _Timestamp.WANTED if usual else _Timestamp.OPTIONAL
    return told.choice("timestamp", _Timestamp, otherwise) is _Timestamp.WANTED


def _set(
    told: Mapped, name: str, usual: frozenset[_T], read: Callable[[str], _T | None]
) -> frozenset[_T]:
    """What is listed under a name; each word that `read` does not know is a complaint."""
    if not told.has(name):
        return usual
    found: set[_T] = set()
    for word, where in told.words(name):
        known = read(word)
        if known is None:
            told.complaints.append(("unknown-word", where))
        else:
            found.add(known)
    return frozenset(found)


def _extent(word: str) -> Extent | None:
    """Gaps and what is unclear are never allowed."""
    allowed = {Extent.WHOLE, Extent.ALL_EFFECTIVE}
    return next((each for each in allowed if each.value == word), None)


def _digest(word: str) -> str | None:
    return word if word in set(DIGESTS.values()) - WEAK_DIGESTS else None


def _seal_algorithm(word: str) -> str | None:
    """By name or OID; seals are signed with SM2 and SM3."""
    try:
        algorithm = by_oid(word) if word[:1].isdigit() else Algorithm(word)
    except (UnknownAlgorithm, ValueError):
        return None
    return SM2_SM3 if algorithm is Algorithm.SM2 else None


def _pdf_algorithms(word: str) -> frozenset[str] | None:
    """As pyHanko names them. RSA may be named without its digest, which `digests` then decides."""
    return _PDF_NAMES.get(word)


_PDF_NAMES: Mapping[str, frozenset[str]] = {
    **{f"rsa-{d}": frozenset({f"{d}_rsa", "rsassa_pkcs1v15"}) for d in ("sha256", "sha384", "sha512")},
    **{f"rsa-pss-{d}": frozenset({"rsassa_pss"}) for d in ("sha256", "sha384", "sha512")},
    **{f"ecdsa-{d}": frozenset({f"{d}_ecdsa"}) for d in ("sha256", "sha384", "sha512")},
    "ed25519": frozenset({"ed25519"}),
    "sm2-sm3": frozenset({SM2_SM3}),
}  # fmt: skip
_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def _key(word: str) -> str | None:
    return word if _KEY.fullmatch(word) else None


def _oid(word: str) -> str | None:
    try:
        der.oid(word)
    except ValueError:
        return None
    return word


class _Once(yaml.SafeLoader):
    """Neither a name twice nor an anchor: both make a file say what it does not seem to."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("alias")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        names = [self.construct_object(key) for key, _ in node.value]
        if any(isinstance(each, list | dict) for each in names) or len(set(names)) != len(names):
            raise yaml.YAMLError("twice")
        return super().construct_mapping(node, deep=deep)


def _loaded(data: bytes, complaints: list[Complaint]) -> object:
    if len(data) > MAX_FILE:
        complaints.append(("too-large", ""))
        return {}
    try:
        return yaml.load(data.decode("utf-8"), _Once)  # noqa: S506 - a safe loader, made stricter
    except (yaml.YAMLError, ValueError, RecursionError):
        complaints.append(("not-yaml", ""))
        return {}
