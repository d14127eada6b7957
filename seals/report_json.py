"""A report as JSON: a shape for machines, with a version. Names and keys in it are stable.

    {"report": 1, "format": "OFD", "at": "2026-11-24T06:00:00Z", "verdict": "passed",
     "steps": [STEP…],
     "seals": [{"name": "1", "seal_number": "…", "seal_name": "…", "claimed_at": "…" | null,
                "judged_at": "…", "coverage": "whole", "verdict": "passed", "steps": [STEP…]}]}

    STEP: {"number": 18, "key": "signer-chain", "verdict": "passed", "reason": "chain-trusted",
           "question": {"zh": "…", "en": "…"}, "answer": {"zh": "…", "en": "…"},
           "where": "…", "because": [{"number": 1, "key": "form", "verdict": "passed",
           "reason": "proper", "question": {…}, "answer": {…}, "at": 0}…]}

`verdict` is `passed`, `failed` or `indeterminate`. New names may come under the same version; what a
name means does not change under it. `where` is a part of the document or empty, `at` the place of a
certificate in its path, the judged one being 0. Times are UTC, to the second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from seals.report import Finding, Report, SealReport
from seals.verdicts import Step

VERSION = 1


class WordsJSON(TypedDict):
    """The same in two languages."""

    zh: str
    en: str


class ReasonJSON(TypedDict):
    """A step of a chain or a timestamp."""

    number: int
    key: str
    verdict: str
    reason: str
    question: WordsJSON
    answer: WordsJSON
    at: int


class StepJSON(TypedDict):
    """One answer to one question."""

    number: int
    key: str
    verdict: str
    reason: str
    question: WordsJSON
    answer: WordsJSON
    where: str
    because: list[ReasonJSON]


class SealJSON(TypedDict):
    """One seal signature."""

    name: str
    seal_number: str
    seal_name: str
    claimed_at: str | None
    judged_at: str
    coverage: str
    verdict: str
    steps: list[StepJSON]


class ReportJSON(TypedDict):
    """A document."""

    report: int
    format: str
    at: str
    verdict: str
    steps: list[StepJSON]
    seals: list[SealJSON]


def as_json(report: Report) -> ReportJSON:
    """A report in the shape above; `json.dumps` takes it as it is."""
    return {
        "report": VERSION,
        "format": report.format.value,
        "at": _time(report.at),
        "verdict": report.verdict.value,
        "steps": [_step(each) for each in report.findings],
        "seals": [_seal(each) for each in report.seals],
    }


def _seal(report: SealReport) -> SealJSON:
    claimed = report.claimed_at
    return {
        "name": report.name,
        "seal_number": report.seal_number,
        "seal_name": report.seal_name,
        "claimed_at": None if claimed is None else _time(claimed),
        "judged_at": _time(report.judged_at),
        "coverage": report.coverage,
        "verdict": report.verdict.value,
        "steps": [_step(each) for each in report.findings],
    }


def _step(finding: Finding) -> StepJSON:
    told = _reason(finding.step)
    return {
        "number": told["number"],
        "key": told["key"],
        "verdict": told["verdict"],
        "reason": told["reason"],
        "question": told["question"],
        "answer": told["answer"],
        "where": finding.where,
        "because": [_reason(each) for each in finding.because],
    }


def _reason(step: Step) -> ReasonJSON:
    return {
        "number": step.number,
        "key": step.key,
        "verdict": step.verdict.value,
        "reason": str(step.reason),
        "question": {"zh": step.zh, "en": step.en},
        "answer": {"zh": step.why_zh, "en": step.why_en},
        "at": step.at,
    }


def _time(at: datetime) -> str:
    """A time without a zone, which only a document can hold, is taken for UTC."""
    known = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return known.strftime("%Y-%m-%dT%H:%M:%SZ")
