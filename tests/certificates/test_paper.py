"""Paper codes: what they tell, how small they are, and everything that is no paper code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog import certificate_id
from certificates import statuslist
from certificates.embedding import Provisional
from certificates.errors import IllegalAct, MalformedData
from certificates.paper import base45, cbor
from certificates.paper.envelope import FORM, closed, opened, packed, to_sign
from certificates.paper.facts import PaperFacts, StatusPlace, read_facts
from certificates.paper.making import CHARACTERS, MOST, essential, paper_code
from certificates.paper.telling import entries, left_out
from certificates.paper.verifying import Entitled, KnownSigner, PaperReport, check
from certificates.statuslist import ReadList, StatusList, Told
from certificates.templates.samples import IDENTIFIER
from hub.certificates.paper import SealKeySigner
from seals.verdicts import Verdict
from tests.world.certificates import NOW, OFFICE, TODAY, catalog, definitions
from tests.world.paper import (
    KEYS,
    LISTS_BY,
    PLACE,
    SIGNER,
    code_of,
    enveloped,
    issued_data,
    issued_with,
    sealed_payload,
    signed,
)
from tests.world.seals import MAKER_KEY, SIGNER_KEY

SMALL = sorted(each for each, made in definitions().items() if len(made.type.items) <= 8)
CODE = code_of("veteran-card")
FACTS = CODE.facts


class ListSigner:
    """Signs status lists with a real key."""

    name = LISTS_BY

    def sign(self, message: bytes) -> bytes:
        """See the port."""
        return SIGNER_KEY.sign(message)


def status_lists(told: Told = Told.IN_FORCE) -> Mapping[str, ReadList]:
    """The list at hand, made an hour ago."""
    made = StatusList.empty(PLACE.list_id, 1 << 18).with_({PLACE.place: told})
    hour = timedelta(hours=1)
    by_hand = statuslist.sign(made, ListSigner(), issued=NOW - hour, lasts=24 * hour)
    read = statuslist.read(by_hand, lambda *_: True, list_id=PLACE.list_id)
    return {PLACE.list_id: read}


LISTS = status_lists()


def judged(text: str, **changes: object) -> PaperReport:
    """The report on a code with everything at hand."""
    wanted: dict[str, object] = {"verify": KEYS.verify, "signers": KEYS.signers, "lists": LISTS}
    return check(text, **{"at": NOW, **wanted, **changes})  # type: ignore[arg-type]  # a table of values


def reasons(report: PaperReport) -> list[str]:
    """Of each step."""
    return [step.reason for step in report.steps]


PASSED = ["form-proper", "value-right", "known", "in-validity", "in-force"]


@pytest.mark.parametrize("type_id", sorted(definitions()))
def test_a_code_tells_the_face(type_id: str) -> None:
    """Of each type: read back it says what the data say, pictures apart, in at most version 15-M,
    in characters of the alphanumeric mode; what is left out is named, and never what matters most.
    """
    definition, data, made = definitions()[type_id], issued_data(type_id), code_of(type_id)
    told = judged(made.text).facts

    assert told == made.facts
    assert len(made.text) <= CHARACTERS
    assert set(made.text) <= set(base45.ALPHABET)
    shown = entries(told, definition, catalog().code_tables, TODAY)
    assert [each.values for each in shown] == [data.face.get(each.id).values for each in shown]
    labels = {entry.label for entry in data.face.items if entry.values}
    assert {each.label for each in shown} | set(left_out(told, definition)) == labels
    assert essential(definition) <= {each.id for each in shown} | {
        entry.id for entry in data.face.items if not entry.values
    }


def distinct(length: int) -> str:
    """So many characters of which none comes twice: the hardest to pack."""
    return "".join(chr(0x4E00 + 37 * at) for at in range(length))


@pytest.mark.parametrize("type_id", SMALL)
def test_a_face_of_eight_items_fits_with_long_values(type_id: str) -> None:
    """Every text that is free (neither number nor holder nor office) as long as an address of
    24 characters: nothing is left out but pictures.
    """
    definition = definitions()[type_id]
    free = {
        item.id: distinct(min(item.max_length, 24))
        for item in definition.type.items.values()
        if item.id not in essential(definition)
        and item.type == "string"
        and not item.repeated
        and item.max_length
        and not item.example.isascii()
    }
    data = issued_with(type_id, **free)
    made = paper_code(definition, data, SIGNER, printed_on=TODAY, status=PLACE)

    pictures = {entry.label for entry in data.face.items if entry.type == "picture"}
    assert len(made.text) <= CHARACTERS
    assert set(left_out(made.facts, definition)) <= pictures


def test_what_does_not_fit_is_named() -> None:
    """A business scope of a thousand characters stands on paper alone; the rest is told."""
    definition = definitions()["business-licence"]
    (longest,) = [each for each in definition.type.items.values() if each.id == "scope"]
    data = issued_with("business-licence", scope=distinct(500))
    made = paper_code(definition, data, SIGNER, printed_on=TODAY)

    assert left_out(made.facts, definition) == (longest.label,)
    assert len(made.text) <= CHARACTERS
    assert len(made.facts.items) == len([e for e in data.face.items if e.values]) - 1


def test_a_signed_code_in_force_passes() -> None:
    """All five steps; the age of the list is told."""
    report = judged(CODE.text)

    assert reasons(report) == PASSED
    assert report.verdict is Verdict.PASSED
    assert report.snapshot_age == timedelta(hours=1)
    assert "1 小时前" in report.steps[4].why_zh


ELSE: dict[str, tuple[dict[str, object], int, str, Verdict]] = {
    "expired": ({"at": NOW.replace(year=2090)}, 3, "expired", Verdict.FAILED),
    "printed tomorrow": ({"at": NOW - timedelta(days=1)}, 3, "printed-ahead", Verdict.FAILED),
    "suspended": ({"lists": status_lists(Told.SUSPENDED)}, 4, "suspended", Verdict.FAILED),
    "ended": ({"lists": status_lists(Told.ENDED)}, 4, "ended", Verdict.FAILED),
    "replaced": ({"lists": status_lists(Told.REPLACED)}, 4, "replaced", Verdict.FAILED),
    "no list": ({"lists": {}}, 4, "no-list", Verdict.INDETERMINATE),
    "an old list": ({"at": NOW + timedelta(days=2)}, 4, "list-stale", Verdict.INDETERMINATE),
    "another's list": ({"lists": {PLACE.list_id: replace(LISTS[PLACE.list_id], issuer="别的市")}}, 4, "other-list", Verdict.INDETERMINATE),
    "nobody known": ({"signers": lambda _: None}, 2, "unknown", Verdict.INDETERMINATE),
    "a signer of another unit": ({"signers": lambda _: known(issuers=frozenset({"11990000000000107Q"}))}, 2, "other-unit", Verdict.FAILED),
    "a signer whose days were over": ({"signers": lambda _: known(valid_to=TODAY - timedelta(days=1))}, 2, "out-of-time", Verdict.FAILED),
    "a signer whose days were to come": ({"signers": lambda _: known(valid_from=TODAY + timedelta(days=1))}, 2, "out-of-time", Verdict.FAILED),
}  # fmt: skip


def known(
    issuers: frozenset[str] = frozenset({OFFICE.code}),
    valid_from: date = TODAY,
    valid_to: date = TODAY,
) -> KnownSigner:
    """The signer of this world with other rights."""
    entitled = Entitled(issuers=issuers, valid_from=valid_from, valid_to=valid_to)
    name = SIGNER.kid.hex()
    return KnownSigner(name=name, entitled=(entitled,), lists_by=LISTS_BY)


@pytest.mark.parametrize("name", ELSE)
def test_what_a_right_signature_does_not_make_good(name: str) -> None:
    """The step is named; what is not at hand is not passed."""
    changes, step, reason, verdict = ELSE[name]
    report = judged(CODE.text, **changes)

    assert report.steps[step].reason == reason
    assert report.verdict is verdict


def test_a_certificate_on_no_list_is_never_wholly_passed() -> None:
    """Off-line nobody can tell its status."""
    made = paper_code(
        definitions()["veteran-card"], issued_data("veteran-card"), SIGNER, printed_on=TODAY
    )
    report = judged(made.text)
    assert reasons(report)[4] == "no-place"
    assert report.verdict is Verdict.INDETERMINATE


def test_a_code_of_another_key_or_another_name_is_forged() -> None:
    """Whoever signs with a key of their own under the kid of a known one; and any changed byte."""
    stolen = SealKeySigner(key=MAKER_KEY)
    payload = packed(bytes(FACTS))
    value = stolen.sign(to_sign(payload, SIGNER.kid))
    assert reasons(judged(closed(payload, SIGNER.kid, value)))[1] == "value-wrong"

    right = SIGNER.sign(to_sign(payload, stolen.kid))
    swapped = enveloped(cbor2.dumps({1: FORM.algorithm, 4: SIGNER.kid}), {}, payload, right)
    assert reasons(judged(swapped))[1] == "value-wrong"
    assert reasons(judged(sealed_payload(payload, MAKER_KEY)))[1:3] == ["no-key", "unknown"]
    elsewhere = replace(FORM, external=b"another use")
    foreign = SIGNER.sign(to_sign(payload, SIGNER.kid, elsewhere))
    assert reasons(judged(closed(payload, SIGNER.kid, foreign)))[1] == "value-wrong"


@settings(max_examples=60)
@given(st.data())
def test_a_changed_character_never_passes(data: st.DataObject) -> None:
    """Wherever it is, and whatever it becomes."""
    at = data.draw(st.integers(0, len(CODE.text) - 1))
    other = data.draw(st.sampled_from(base45.ALPHABET).filter(lambda each: each != CODE.text[at]))
    report = judged(CODE.text[:at] + other + CODE.text[at + 1 :])
    assert report.verdict is not Verdict.PASSED
    assert report.facts is None


def body(**changes: object) -> bytes:
    """The facts as a map with changes; None takes one out."""
    tree = cbor2.loads(bytes(FACTS))
    for key, value in changes.items():
        tree[int(key[1:])] = value
        if value is None:
            del tree[int(key[1:])]
    return cbor2.dumps(tree, canonical=True)


PROTECTED = cbor2.dumps({1: FORM.algorithm, 4: SIGNER.kid}, canonical=True)
PAYLOAD, VALUE = packed(bytes(FACTS)), bytes(64)
HOSTILE: dict[str, tuple[str, str]] = {
    "nothing": ("", "prefix"),
    "a web address": ("https://zz.example.gov.cn/", "prefix"),
    "another version": ("MT2:" + CODE.text[4:], "prefix"),
    "small letters": (CODE.text.lower(), "prefix"),
    "the prefix alone": ("MT1:", "cbor"),
    "a lone character": ("MT1:A", "base45"),
    "base45 out of range": ("MT1:GGW", "base45"),
    "a pair out of range": ("MT1::::", "base45"),
    "letters beyond": ("MT1:中文字", "base45"),
    "half a surrogate": ("MT1:\ud800AA", "base45"),
    "huge": ("MT1:" + "0" * 5000, "too-large"),
    "cut off": (CODE.text[:-3], "cbor"),
    "something behind": ("MT1:" + base45.encoded(base45.decoded(CODE.text[4:]) + b"\x00"), "not-canonical"),
    "a tag in front": ("MT1:" + base45.encoded(b"\xd2" + base45.decoded(CODE.text[4:])), "not-plain"),
    "of a length that is not told": ("MT1:" + base45.encoded(b"\x9f\xff"), "cbor"),
    "deep": ("MT1:" + base45.encoded(b"\x81" * 900 + b"\x00"), "cbor"),
    "an array of 2^63": ("MT1:" + base45.encoded(b"\x9b\x7f" + b"\xff" * 7), "cbor"),
    "bytes of 2^63": ("MT1:" + base45.encoded(b"\x5b\x7f" + b"\xff" * 7), "cbor"),
    "a key twice": (enveloped(bytes.fromhex("a201260127"), {}, PAYLOAD, VALUE), "cbor"),
    "keys out of order": (enveloped(bytes.fromhex("a20440013a00010000"), {}, PAYLOAD, VALUE), "not-canonical"),
    "a float": (enveloped(PROTECTED, {}, PAYLOAD, 1.5), "not-plain"),
    "null": (enveloped(PROTECTED, {}, None, VALUE), "not-plain"),
    "a date": (enveloped(PROTECTED, {}, NOW, VALUE), "cbor"),
    "a number that is too long": ("MT1:" + base45.encoded(b"\x84\x40\xa0\x40\x18\x01"), "not-canonical"),
    "no UTF-8": ("MT1:" + base45.encoded(b"\x84\x40\xa0\x40\x62\xc3\x28"), "cbor"),
    "a text key": (enveloped(PROTECTED, {"a": 1}, PAYLOAD, VALUE), "not-plain"),
    "a map of maps": (enveloped({1: {2: {3: {4: {5: {6: {7: 8}}}}}}}), "cbor"),
    "three parts": (enveloped(PROTECTED, {}, PAYLOAD), "shape"),
    "an unprotected header": (enveloped(PROTECTED, {4: SIGNER.kid}, PAYLOAD, VALUE), "shape"),
    "no kid": (enveloped(cbor2.dumps({1: FORM.algorithm}), {}, PAYLOAD, VALUE), "shape"),
    "a kid of nothing": (enveloped(cbor2.dumps({1: FORM.algorithm, 4: b""}), {}, PAYLOAD, VALUE), "shape"),
    "a kid that is a number": (enveloped(cbor2.dumps({1: FORM.algorithm, 4: 4}), {}, PAYLOAD, VALUE), "shape"),
    "a critical header": (enveloped(cbor2.dumps({1: FORM.algorithm, 2: [9], 4: SIGNER.kid}), {}, PAYLOAD, VALUE), "shape"),
    "ECDSA": (enveloped(cbor2.dumps({1: -7, 4: SIGNER.kid}, canonical=True), {}, PAYLOAD, VALUE), "algorithm"),
    "no algorithm at all": (enveloped(cbor2.dumps({1: 0, 4: SIGNER.kid}, canonical=True), {}, PAYLOAD, VALUE), "algorithm"),
    "a short signature": (enveloped(PROTECTED, {}, PAYLOAD, VALUE[:63]), "shape"),
    "a header that is a list": (enveloped(cbor2.dumps([1]), {}, PAYLOAD, VALUE), "shape"),
    # signed by one who should know better
    "not packed": (sealed_payload(b"\xff\xff"), "not-deflate"),
    "packed and something behind": (sealed_payload(PAYLOAD + b"x"), "not-deflate"),
    "packed and cut off": (sealed_payload(PAYLOAD[:-1]), "not-deflate"),
    "a bomb": (sealed_payload(packed(bytes(2_000_000))), "too-large"),
    "facts that are a list": (signed(cbor2.dumps([1, 2])), "shape"),
    "no facts": (signed(cbor2.dumps({})), "shape"),
    "a further fact": (signed(body(_9=1)), "shape"),
    "no days": (signed(body(_8=None)), "shape"),
    "three days": (signed(body(_8=[1, 2, 3])), "shape"),
    "days beyond the calendar": (signed(body(_8=[1, 2, 3, 1 << 60])), "shape"),
    "a day as text": (signed(body(_8=[1, 2, 3, "4"])), "shape"),
    "an identifier with a wrong check": (signed(body(_3=[*cbor2.loads(bytes(FACTS))[3][:4], "*"])), "shape"),
    "an identifier in small letters": (signed(body(_3=["a" * 21, "b" * 18, "c", 1, "d"])), "shape"),
    "an identifier of three parts": (signed(body(_3=["A", "B", "C"])), "shape"),
    "edition nought": (signed(body(_2=0)), "shape"),
    "a position below nought": (signed(cbor2.dumps({**cbor2.loads(bytes(FACTS)), 4: {-1: "a"}}, canonical=True)), "not-plain"),
    "a position beyond": (signed(body(_4={1000: "a"})), "shape"),
    "told and left out": (signed(body(_4={0: "a"}, _5=[0])), "shape"),
    "left out twice": (signed(body(_5=[20, 20])), "shape"),
    "left out, out of order": (signed(body(_5=[21, 20])), "shape"),
    "left out, nothing": (signed(body(_5=[])), "not-canonical"),
    "a place below nought": (signed(body(_7=["a", -1])), "shape"),
    "a list without place": (signed(body(_7=["a"])), "shape"),
    "no GB 18030": (signed(body(_6=b"\xff\xff")), "shape"),
    "ASCII as GB 18030": (signed(body(_6=b"abc")), "not-canonical"),
    "Chinese as UTF-8": (signed(body(_6="演示局")), "not-canonical"),
    "a day written as text": (signed(body(_4={0: "2025-03-12"})), "not-canonical"),
    "one line as a list": (signed(body(_4={0: ["a"]})), "not-canonical"),
    "more lines than a face has": (signed(body(_4={0: ["a"] * 201})), "shape"),
    "a text without end": (signed(body(_6="x" * 5000)), "shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_paper_code_is_named(name: str) -> None:
    """The first step says why; nothing is shown, nothing raises."""
    text, why = HOSTILE[name]
    report = judged(text)

    assert (report.steps[0].verdict, report.steps[0].reason) == (Verdict.FAILED, why)
    assert report.facts is None
    assert report.verdict is Verdict.FAILED


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: "MT1:" + base45.encoded(raw)))
@example("MT1:" + base45.encoded(b"\x84\x43\xa1\x01\x26\xa0\x40\x40"))
def test_any_text_is_judged(text: str) -> None:
    """Never an exception, never a pass; a step for each question."""
    report = judged(text)
    assert report.verdict is Verdict.FAILED
    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5]


@given(st.binary(max_size=40))
@example(bytes.fromhex("c4821b7fffffffffffffff01"))
@example(bytes.fromhex("c5821b7fffffffffffffff01"))
@example(bytes.fromhex("d8234a28612b292b2b2b2b2b2b"))
@example(bytes.fromhex("d81c81d81d00"))
@example(bytes.fromhex("d9010082d81900"))
def test_any_bytes_are_cbor_or_not(content: bytes) -> None:
    """Tags that a library would compute, compile or share are refused; what is read is written so
    again.
    """
    try:
        found = cbor.read(content)
    except MalformedData:
        return
    assert cbor.written(found) == content


@given(st.binary(max_size=80))
def test_base45_goes_there_and_back(content: bytes) -> None:
    """For any bytes, in the alphabet alone."""
    text = base45.encoded(content)
    assert base45.decoded(text) == content
    assert set(text) <= set(base45.ALPHABET)


def test_base45_is_that_of_its_standard() -> None:
    """The examples of RFC 9285 §4."""
    for plain, text in {b"AB": "BB8", b"Hello!!": "%69 VD92EX0", b"base-45": "UJCLQE7W581", b"ietf!": "QED8WEX0"}.items():  # fmt: skip
        assert base45.encoded(plain) == text
        assert base45.decoded(text) == plain


LINE = st.text(max_size=12).filter(lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text))
DAYS = st.dates()


@settings(max_examples=80)
@given(
    st.dictionaries(st.integers(0, 60), st.lists(LINE | DAYS.map(date.isoformat), max_size=4).map(tuple), max_size=9),
    st.tuples(DAYS, DAYS, DAYS, DAYS),
    LINE,
    st.none() | st.builds(lambda place: StatusPlace(list_id="a", place=place), st.integers(0, 1 << 24)),
)  # fmt: skip
@example({0: ("ḿ㐀𠂇︐",), 1: ("9999-99-99",), 2: ("",)}, (date.min, date.max, date.min, date.max), "\ue000", None)  # fmt: skip
def test_facts_go_there_and_back(
    items: dict[int, tuple[str, ...]],
    days: tuple[date, date, date, date],
    authority: str,
    status: StatusPlace | None,
) -> None:
    """Whatever they say; and there is one form of them."""
    facts = PaperFacts(
        type_id="demo",
        edition=3,
        identifier=certificate_id(IDENTIFIER),
        items=items,
        left_out=(61, 62),
        authority=authority,
        status=status,
        issued_on=days[0],
        valid_from=days[1],
        valid_to=days[2],
        printed_on=days[3],
    )
    assert read_facts(bytes(facts)) == facts


REFUSED: dict[str, Callable[[], object]] = {
    "another type": lambda: paper_code(definitions()["passport"], issued_data("veteran-card"), SIGNER, printed_on=TODAY),
    "a draft": lambda: paper_code(definitions()["veteran-card"], replace(issued_data("veteran-card"), provisional=Provisional.GAPS), SIGNER, printed_on=TODAY),
    "an annotated copy": lambda: paper_code(definitions()["veteran-card"], replace(issued_data("veteran-card"), parent="x"), SIGNER, printed_on=TODAY),
    "a signer without a kid": lambda: paper_code(definitions()["veteran-card"], issued_data("veteran-card"), Odd(kid=b"", value=VALUE), printed_on=TODAY),
    "a signature in DER": lambda: paper_code(definitions()["veteran-card"], issued_data("veteran-card"), Odd(kid=SIGNER.kid, value=bytes(71)), printed_on=TODAY),
}  # fmt: skip


class Odd:
    """A signer that is none."""

    def __init__(self, kid: bytes, value: bytes) -> None:
        self.kid, self._value = kid, value

    def sign(self, message: bytes) -> bytes:  # noqa: ARG002  (the port's)
        """See the port."""
        return self._value


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_code_is_made_of(name: str) -> None:
    """Refused by name."""
    with pytest.raises(IllegalAct) as refused:
        REFUSED[name]()
    assert refused.value.why in {"data", "signature"}


def test_what_must_be_told_may_take_a_larger_code() -> None:
    """A holder's name without end is never left out: the code grows, or none is made."""
    data = issued_data("veteran-card")
    definition = definitions()["veteran-card"]
    item = definition.holders[0].name

    def named(length: int) -> PaperFacts:
        entries_ = tuple(
            replace(each, values=(distinct(length),)) if each.id == item else each
            for each in data.face.items
        )
        longer = replace(data, face=replace(data.face, items=entries_))
        made = paper_code(definition, longer, SIGNER, printed_on=TODAY)
        assert CHARACTERS < len(made.text) <= MOST
        return made.facts

    facts = named(220)
    assert {list(definition.type.items)[at] for at in facts.items} == essential(definition)
    with pytest.raises(IllegalAct, match="too-long"):
        named(900)


def test_a_code_of_other_items_is_not_shown() -> None:
    """A type with fewer items, another type, or a value that the item does not take."""
    definition, tables = definitions()["veteran-card"], catalog().code_tables
    for facts in (
        replace(FACTS, type_id="passport"),
        replace(FACTS, items={900: ("a",)}),
        replace(FACTS, items={0: ("\u202eabc",)}),
    ):
        with pytest.raises(MalformedData):
            entries(facts, definition, tables, TODAY)


def test_a_place_may_agree_on_another_number() -> None:
    """For SM2 among COSE's algorithms; a reader of ours then takes no other."""
    theirs = replace(FORM, algorithm=-65_600)
    made = paper_code(definitions()["veteran-card"], issued_data("veteran-card"), SIGNER, printed_on=TODAY, form=theirs)  # fmt: skip
    assert judged(made.text).steps[0].reason == "algorithm"
    assert judged(made.text, form=theirs).facts == made.facts
    assert opened(made.text, theirs).kid == SIGNER.kid


def test_a_time_without_zone_is_refused() -> None:
    """A caller's mistake."""
    with pytest.raises(ValueError, match="zone"):
        judged(CODE.text, at=NOW.replace(tzinfo=None))
