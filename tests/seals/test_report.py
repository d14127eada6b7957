"""The report that sealed documents of every format are answered with."""

from __future__ import annotations

import itertools

import pytest

from seals.ofd.wording import CONTAINER, REASONS, STRUCTURE
from seals.report import QUESTIONS, Format, Question, Report, SealReport, answer
from seals.verdicts import Verdict
from tests.world.seals import NOW

PASSED, FAILED, INDETERMINATE = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE
WORDS = "因为", "because"


def report(document: Verdict, *seals: Verdict) -> Report:
    """A report of one finding about the document and one about each seal."""
    return Report(
        format=Format.PDF,
        at=NOW,
        findings=(answer(Question.CONTAINER, document, "demo", WORDS),),
        seals=tuple(
            SealReport(
                name=str(number),
                seal_number="",
                seal_name="",
                claimed_at=None,
                judged_at=NOW,
                coverage="whole",
                findings=(answer(Question.VALUE, verdict, "demo", WORDS, "field"),),
            )
            for number, verdict in enumerate(seals)
        ),
    )


@pytest.mark.parametrize("verdicts", list(itertools.product(Verdict, repeat=3)))
def test_a_verdict_is_never_better_than_the_worst(verdicts: tuple[Verdict, ...]) -> None:
    """Failed before indeterminate before passed, and every complaint is told."""
    told = report(*verdicts)
    ranked = (FAILED, INDETERMINATE, PASSED)

    assert told.verdict is min(verdicts, key=ranked.index)
    assert len(told.complaints) == 3 - verdicts.count(PASSED)
    assert [each.verdict for each in told.seals] == list(verdicts[1:])


def test_nothing_found_is_not_passed() -> None:
    """An empty report says nothing good."""
    empty = Report(format=Format.OFD, at=NOW, findings=(), seals=())

    assert empty.verdict is INDETERMINATE
    with pytest.raises(TypeError):
        bool(empty)


def test_every_question_and_reason_has_words_in_both_languages() -> None:
    """Chinese in the one, none in the other; keys are of one form."""
    words = [
        *((question.key, *QUESTIONS[question]) for question in Question),
        *((key, zh, en) for key, (_, zh, en) in (REASONS | STRUCTURE).items()),
        *((key, *told) for key, told in CONTAINER.items()),
    ]
    assert len(words) > 100
    for key, zh, en in words:
        assert key.replace("-", "").isalnum()
        assert key == key.lower()
        assert any("一" <= each <= "鿿" for each in zh)
        assert en.isascii()


def test_an_answer_bears_its_number_and_both_languages() -> None:
    """Question and reason, as they stand in the tables."""
    found = answer(Question.COVERAGE, FAILED, "not-covered", WORDS, "/a.xml")

    assert (found.step.number, found.step.key) == (12, "coverage")
    assert (found.step.why_zh, found.step.why_en) == WORDS
    assert (found.where, found.verdict) == ("/a.xml", FAILED)
