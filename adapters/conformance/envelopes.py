"""Cases about what stands around the records: conditions, error codes, empties, how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.conformance.cases import Case, Expect, outcome
from adapters.conformance.specimens import Specimen
from adapters.manifest import RECORDS, STATUS, Answer, Condition, ErrorTerms
from adapters.model import Outcome
from adapters.samples import Sample

Made = Callable[[str, Specimen, Expect], Case]

ANSWERED, FAILED = Outcome.ANSWERED, Outcome.FAILED
NO_RECORD, REFUSED = Outcome.NO_RECORD, Outcome.REFUSED
MANY = 300


def cases(
    terms: Answer, sample: Sample, fresh: Callable[[], Specimen], made: Made
) -> Iterator[Case]:
    """The cases about one resource's envelope."""
    unchanged = outcome(ANSWERED, records=len(sample.records), unchanged=True)
    yield made("envelope/as-recorded", fresh(), unchanged)
    yield from _conditions(terms, fresh, made)
    yield from _errors(terms, fresh, made)
    yield from _empties(terms, fresh, made)
    yield from _many(terms, fresh, made)
    yield from _lines(terms, fresh, made)
    yield from _strangers(fresh, made, unchanged)


def _put(specimen: Specimen, path: str, value: Any) -> bool:
    slot = None if path == STATUS else specimen.slot(path)
    if slot is None:
        return False
    slot.put(value)
    return True


def _literals(condition: Condition, path: str) -> tuple[Any, ...]:
    found = condition[path]
    return found if isinstance(found, tuple) else (found,)


def _conditions(terms: Answer, fresh: Callable[[], Specimen], made: Made) -> Iterator[Case]:
    for number, path in enumerate(terms.ok_when):
        for what, value in (("other", "E-OTHER"), ("blank", ""), ("personal", "张三 1234567890")):
            specimen = fresh()
            if _put(specimen, path, value):
                yield made(f"envelope/ok-{number + 1}-{what}", specimen, outcome(FAILED))
        specimen = fresh()
        slot = specimen.slot(path)
        if slot is not None:
            slot.drop()
            yield made(f"envelope/ok-{number + 1}-missing", specimen, outcome(FAILED))
    if len(terms.refused_when) == 1:
        (path,) = terms.refused_when
        for number, literal in enumerate(_literals(terms.refused_when, path)):
            specimen = fresh()
            if _put(specimen, path, literal):
                yield made(f"envelope/refused-{number + 1}", specimen, outcome(REFUSED))


def _errors(terms: Answer, fresh: Callable[[], Specimen], made: Made) -> Iterator[Case]:
    if terms.errors is None:
        return
    for number, (code, meaning) in enumerate(terms.errors.map.items()):
        specimen = fresh()
        if _put(specimen, terms.errors.at, code):
            meant = meaning.outcome if isinstance(meaning, ErrorTerms) else meaning
            yield made(f"envelope/error-{number + 1}", specimen, outcome(Outcome(meant)))


def _empties(terms: Answer, fresh: Callable[[], Specimen], made: Made) -> Iterator[Case]:
    if terms.empty_when and STATUS not in terms.empty_when:
        specimen = fresh()
        if _emptied(terms.empty_when, specimen):
            yield made("envelope/empty", specimen, outcome(NO_RECORD, records=0))
        for number, path in enumerate(terms.ok_when):
            specimen = fresh()
            wrong = path not in terms.empty_when and _emptied(terms.empty_when, specimen)
            if wrong and _put(specimen, path, "E-OTHER"):
                yield made(f"envelope/empty-not-ok-{number + 1}", specimen, outcome(FAILED))
    elif not terms.empty_when:
        specimen = fresh()
        if specimen.clear():
            yield made("envelope/records-none", specimen, outcome(FAILED))
    specimen = fresh()
    shaped = not specimen.textual and not specimen.tabular
    if terms.records and shaped and _put(specimen, terms.records, None):
        yield made("envelope/records-null", specimen, outcome(FAILED, NO_RECORD, records=0))


def _emptied(condition: Condition, specimen: Specimen) -> bool:
    """Let the condition hold; False: it cannot be made to."""
    for path in condition:
        if path == RECORDS:
            done = specimen.clear()
        elif specimen.textual and _literals(condition, path) == ():
            done = _dropped(specimen, path)
        else:
            literals = _literals(condition, path)
            done = _put(specimen, path, literals[0] if literals else [])
        if not done:
            return False
    return True


def _dropped(specimen: Specimen, path: str) -> bool:
    slot = specimen.slot(path)
    if slot is not None:
        slot.drop()
    return slot is not None


def _many(terms: Answer, fresh: Callable[[], Specimen], made: Made) -> Iterator[Case]:
    for what, times in (("one", 1), ("twice", 2), ("many", MANY)):
        specimen = fresh()
        if specimen.repeat(times):
            records = 1 if terms.record else times
            # Many may be more than the manifest takes; then it is no answer, and nothing is cut.
            allowed = (ANSWERED, FAILED) if times == MANY else (ANSWERED,)
            yield made(f"envelope/{what}", specimen, outcome(*allowed, records=records))
    specimen = fresh()
    if terms.records is None or specimen.textual or specimen.tabular:
        return
    found = specimen.records()
    if found and isinstance(found[0], Mapping) and _put(specimen, terms.records, found[0]):
        yield made("envelope/record-without-list", specimen, outcome(ANSWERED, records=1))
    for what, value in (("text", "查询成功"), ("number", 7), ("texts", ["a", "b"]),
                        ("nulls", [None]), ("lists", [[1], [2]])):  # fmt: skip
        specimen = fresh()
        if _put(specimen, terms.records, value):
            yield made(f"envelope/records-{what}", specimen, outcome(FAILED, NO_RECORD))


def _lines(terms: Answer, fresh: Callable[[], Specimen], made: Made) -> Iterator[Case]:
    if terms.lines is None or terms.records is None or fresh().textual:
        return
    for what, value in (("null", None), ("none", []), ("text", "无"), ("number", 1),
                        ("nulls", [None, None])):  # fmt: skip
        specimen = fresh()
        found = specimen.records()
        if found and isinstance(found[0], dict) and "." not in terms.lines:
            found[0][terms.lines] = value
            yield made(f"envelope/lines-{what}", specimen, outcome(ANSWERED, FAILED))


def _strangers(fresh: Callable[[], Specimen], made: Made, unchanged: Expect) -> Iterator[Case]:
    """What nobody asked for changes nothing."""
    specimen = fresh()
    found = specimen.records()
    if not found or not isinstance(found[0], dict):
        return
    for each in found:
        each.update({"mianti_extra": {"a": [1, None]}, "": 1, "__proto__": {"x": 1}})
    yield made("envelope/more-than-asked", specimen, unchanged)
    specimen = fresh()
    for each in specimen.records() or ():
        turned = dict(reversed(each.items()))
        each.clear()
        each.update(turned)
    yield made("envelope/another-order", specimen, unchanged)
