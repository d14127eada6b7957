"""How this room judges: numbered steps, three verdicts, a stable key for each reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """Passed, failed, or not to be judged with what is at hand."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One numbered question and its answer."""

    number: int
    key: str
    verdict: Verdict
    reason: str
    """Why it is so; a short stable key, never empty."""
    zh: str
    en: str
    why_zh: str
    why_en: str
    at: int = 0
    """Which certificate of the path it is about, the judged one being 0."""


def answered(
    question: IntEnum, asked: tuple[str, str], reason: str, answer: tuple[Verdict, str, str]
) -> Step:
    """The step of a numbered question.

    Args:
        question: Its number is stable, and so is its name, which becomes the key.
        asked: The question in Chinese and English.
        reason: Stable key of the answer.
        answer: The verdict, and why it is so, in Chinese and English.
    """
    verdict, why_zh, why_en = answer
    return Step(
        number=question.value,
        key=question.name.lower().replace("_", "-"),
        verdict=verdict,
        reason=reason,
        zh=asked[0],
        en=asked[1],
        why_zh=why_zh,
        why_en=why_en,
    )


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """A failure before what cannot be judged, and that before what passed; nothing at all is
    indeterminate.
    """
    found = set(verdicts)
    for each in (Verdict.FAILED, Verdict.INDETERMINATE, Verdict.PASSED):
        if each in found:
            return each
    return Verdict.INDETERMINATE
