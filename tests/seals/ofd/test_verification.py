"""Sealed documents judged: as they were sealed, tampered with in every way, and made by others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals import der
from seals.errors import MalformedDocument
from seals.levels import Mode
from seals.making import make_seal, sign
from seals.ofd.coverage import Extent, GapKind
from seals.ofd.inspection import inspect
from seals.ofd.package import OFDPackage, packed
from seals.ofd.verification import Judges, Policy, judge, verify
from seals.report import NOTHING, Carried, Question, Report, Role, TimestampAnswer
from seals.seal import SM2_SM3, Extension
from seals.seal_reading import read_seal_signature
from seals.verdicts import Step, Verdict
from tests.seals.test_seal import old_seal
from tests.world.ofd import contents, document, sealed, without
from tests.world.samples import sample
from tests.world.seals import INFO, MAKER_CERT, MAKER_KEY, NOW, SIGNER_CERT, SIGNER_KEY, seal

PASSED, FAILED, INDETERMINATE = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE
LIST = "/Doc_0/Signs/Signatures.xml"
SIGNATURE = "/Doc_0/Signs/Sign_0/Signature.xml"
VALUE = "/Doc_0/Signs/Sign_0/SignedValue.dat"
SEAL = "/Doc_0/Signs/Sign_0/Seal.esl"


def step(verdict: Verdict) -> Step:
    """One step of a chain."""
    return Step(number=1, key="path", verdict=verdict, reason="demo", zh="", en="", why_zh="",
                why_en="")  # fmt: skip


def chains(verdict: Verdict) -> Judges:
    """Whoever finds every chain to be so."""
    return Judges(chain=lambda *_: (step(verdict),))


TRUSTED = chains(PASSED)
ONE, LOCKED = sealed(), sealed(mode=Mode.WHOLE)
TWO = sealed(ONE)
ALL = {"one": ONE, "locked": LOCKED, "two": TWO}


def complaints(report: Report) -> set[tuple[str, str]]:
    """Question and reason of what did not pass."""
    return {(each.step.key, each.step.reason) for each in report.complaints}


def changed(whole: bytes, changes: Mapping[str, bytes]) -> bytes:
    """The container with parts exchanged or added."""
    return OFDPackage.open(whole).rewritten(changes)


# --- as it was sealed -------------------------------------------------------------------------


@pytest.mark.parametrize("whole", ALL.values(), ids=ALL)
def test_a_sealed_document_passes(whole: bytes) -> None:
    """With chains that are trusted; every question is answered in both languages."""
    report = verify(whole, NOW, judges=TRUSTED)

    assert report.verdict is PASSED
    assert report.complaints == ()
    for one in report.seals:
        assert {each.step.number for each in one.findings} == set(range(10, 23))
        assert (one.seal_number, one.seal_name) == (INFO.number, INFO.name)
        assert one.judged_at == NOW
    for each in report.all_findings():
        step = each.step
        assert step.zh and step.en and step.why_zh and step.why_en  # noqa: PT018 - one table
        assert step.why_zh != step.reason


def test_nobody_to_judge_chains_leaves_it_open() -> None:
    """Indeterminate at the two chains and nowhere else; a bad chain fails it."""
    assert complaints(verify(ONE, NOW)) == {
        ("signer-chain", "chain-not-judged"),
        ("maker-chain", "chain-not-judged"),
    }
    assert verify(ONE, NOW).verdict is INDETERMINATE
    assert verify(ONE, NOW, judges=chains(FAILED)).verdict is FAILED
    asked: list[tuple[bytes, Role, datetime]] = []

    def ask(x509_cert: bytes, carried: Carried, role: Role, at: datetime) -> tuple[Step, ...]:
        assert carried == NOTHING
        asked.append((x509_cert, role, at))
        return (step(PASSED),)

    verify(ONE, NOW + timedelta(days=3), judges=Judges(chain=ask))
    assert asked == [(SIGNER_CERT, Role.SIGNER, NOW), (MAKER_CERT, Role.MAKER, NOW)]


def test_a_report_is_no_boolean() -> None:
    """Whoever writes `if verify(…)` is told at once."""
    with pytest.raises(TypeError):
        bool(verify(ONE, NOW))
    with pytest.raises(ValueError, match="zone"):
        verify(ONE, NOW.replace(tzinfo=None))


# --- coverage ---------------------------------------------------------------------------------


def extents(whole: bytes) -> list[Extent]:
    """How far each signature reaches."""
    return [each.coverage.extent for each in inspect(whole).signatures]


def test_extents() -> None:
    """A continued signature covers all that is seen, a whole one the list of signatures, too."""
    assert extents(ONE) == [Extent.ALL_EFFECTIVE]
    assert extents(LOCKED) == [Extent.WHOLE]
    assert extents(TWO) == [Extent.ALL_EFFECTIVE, Extent.ALL_EFFECTIVE]
    assert extents(sealed(ONE, mode=Mode.WHOLE)) == [Extent.ALL_EFFECTIVE, Extent.WHOLE]
    strict = Policy(extents=frozenset({Extent.WHOLE}))
    assert verify(LOCKED, NOW, strict, TRUSTED).verdict is PASSED
    assert complaints(verify(ONE, NOW, strict, TRUSTED)) == {("coverage", "whole-wanted")}


# --- tampered with ----------------------------------------------------------------------------


def covered() -> list[tuple[str, str]]:
    """Every part that a signature lists, of every document."""
    return [
        (name, each.part)
        for name, whole in ALL.items()
        for signature in inspect(whole).signatures
        for each in signature.references
    ]


@pytest.mark.parametrize(("name", "part"), sorted(set(covered())))
def test_a_byte_of_a_covered_part(name: str, part: str) -> None:
    """First, middle or last: the step about the content fails and names the part."""
    whole = ALL[name]
    content = contents(whole)[part]
    for at in (0, len(content) // 2, len(content) - 1):
        tampered = content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]
        report = verify(changed(whole, {part: tampered}), NOW, judges=TRUSTED)
        if not report.seals:
            assert report.verdict is not PASSED
            assert part in {"/OFD.xml", LIST}
            continue
        failed = [each for each in report.complaints if each.step.key == "unchanged"]

        assert report.verdict is FAILED
        assert {(each.step.reason, each.where) for each in failed} >= {("changed", part)}


@pytest.mark.parametrize("name", ALL)
def test_a_covered_part_taken_out(name: str) -> None:
    """Said to be missing; the document fails or is not signed any more."""
    for part in inspect(ALL[name]).signatures[0].references:
        report = verify(without(ALL[name], part.part), NOW, judges=TRUSTED)

        assert report.verdict is not PASSED
        if report.seals:
            assert ("unchanged", "part-missing") in complaints(report)


def reseal(change: Callable[[bytes], bytes]) -> bytes:
    """`SignedValue.dat` rewritten."""
    return changed(ONE, {VALUE: change(contents(ONE)[VALUE])})


def described(old: bytes, new: bytes) -> bytes:
    """`Signature.xml` with something exchanged, and signed anew by the rightful signer, so that
    only the step about it can fail.
    """
    described = contents(ONE)[SIGNATURE]
    assert old in described
    return signed_anew(described.replace(old, new))


def signed_anew(description: bytes, property_info: str = SIGNATURE) -> bytes:
    """This `Signature.xml` under a right signature."""
    digest = OFDPackage.open(packed({"/a": description})).digest("/a")
    value = sign(digest, seal(), SIGNER_KEY, SIGNER_CERT, NOW, property_info).der
    return changed(ONE, {SIGNATURE: description, VALUE: value})


def swapped() -> bytes:
    """The signature value of another document."""
    other = sealed(document({"/Doc_0/ext.bin": b"other"}))
    return changed(ONE, {VALUE: contents(other)[VALUE]})


def transplanted() -> bytes:
    """All signature parts of another document."""
    other = contents(sealed(document({"/Doc_0/ext.bin": b"other"})))
    return changed(ONE, {part: other[part] for part in (SIGNATURE, VALUE, SEAL, LIST)})


def stranger() -> bytes:
    """Signed by someone whom the seal does not list."""
    signed = read_seal_signature(contents(ONE)[VALUE]).signed
    rest = der.octets(MAKER_CERT), der.oid(SM2_SM3), der.bits(MAKER_KEY.sign(signed))
    return reseal(lambda _: der.sequence(signed, *rest))


def forged_seal() -> bytes:
    """The seal's name changed, everything else signed rightly by the signer."""
    return reseal(lambda value: value.replace("示范市".encode(), "示范县".encode(), 1))


REFERENCE = b'<ofd:Reference FileRef="/Doc_0/ext.bin">'
TAMPERED: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "a part smuggled in": (
        "coverage", "smuggled", lambda: changed(ONE, {"/Doc_0/extra.xml": b"<a/>"})),
    "a part smuggled in under the lock": (
        "coverage", "smuggled", lambda: changed(LOCKED, {"/Doc_0/extra.xml": b"<a/>"})),
    "a signature nobody lists": (
        "coverage", "smuggled",
        lambda: changed(ONE, {"/Doc_0/Signs/Sign_9/Signature.xml": contents(ONE)[SIGNATURE]})),
    "a part no longer protected": (
        "coverage",
        "not-covered",
        lambda: signed_anew(
            cut(contents(ONE)[SIGNATURE], REFERENCE, b'<ofd:Reference FileRef="/Doc_0/Pages/Page_0')
        ),
    ),
    "a part protected twice": (
        "unchanged", "reference-twice",
        lambda: described(b'FileRef="/Doc_0/Tags/schema.xsd"', b'FileRef="/Doc_0/ext.bin"')),
    "a reference to a part in other letters": (
        "unchanged", "part-missing", lambda: described(b"/Doc_0/ext.bin", b"/Doc_0/EXT.bin")),
    "a digest that is none": (
        "unchanged", "digest-unreadable",
        lambda: described(REFERENCE + b"<ofd:CheckValue>", REFERENCE + b"<ofd:CheckValue>*")),
    "a keyed digest": (
        "unchanged", "digest-unknown",
        lambda: described(b'CheckMethod="1.2.156.10197.1.401"', b'CheckMethod="1.2.156.10197.1.401.2"')),
    "a weak digest": (
        "algorithms", "digest-weak", lambda: described(b'CheckMethod="1.2.156.10197.1.401"', b"")),
    "another signature method": (
        "algorithms", "method-disagrees",
        lambda: described(b"1.2.156.10197.1.501", b"1.2.156.10197.1.504")),
    "no references": (
        "unchanged", "no-references",
        lambda: signed_anew(cut(contents(ONE)[SIGNATURE], b"<ofd:Reference ", b"</ofd:References>"))),
    "two lists of references": (
        "form", "description-unreadable",
        lambda: described(b"</ofd:References>", b"</ofd:References><ofd:References/>")),
    "a DTD": (
        "form", "description-unreadable",
        lambda: signed_anew(b"<!DOCTYPE a>" + contents(ONE)[SIGNATURE].partition(b"?>")[2])),
    "a value of another document": ("binding", "other-document", swapped),
    "a signature of another document": ("unchanged", "changed", transplanted),
    "another place": (
        "binding", "other-place",
        lambda: signed_anew(contents(ONE)[SIGNATURE], "/Doc_0/Signs/Sign_7/Signature.xml")),
    "another seal beside it": (
        "binding", "seal-file-differs", lambda: changed(ONE, {SEAL: seal().der})),
    "no value": ("form", "no-value", lambda: without(ONE, VALUE)),
    "a value that is none": ("form", "value-unreadable", lambda: reseal(lambda _: b"0" * 99)),
    "half a value": ("form", "value-unreadable", lambda: reseal(lambda value: value[:500])),
    "a value with bytes behind": (
        "form", "value-unreadable", lambda: reseal(lambda value: value + b"\x00")),
    "a last byte": (
        "value", "value-wrong", lambda: reseal(lambda value: value[:-1] + bytes((value[-1] ^ 1,)))),
    "another signer": ("listed", "not-listed", stranger),
    "a forged seal": ("maker", "seal-forged", forged_seal),
    "no such page": (
        "placement", "no-such-page", lambda: described(b'PageRef="100"', b'PageRef="999"')),
    "off the page": (
        "placement", "off-page", lambda: described(b'Boundary="84 129', b'Boundary="884 129')),
    "no place": ("placement", "no-boundary", lambda: described(b'Boundary="84 129', b'Boundary="x 129')),
    "another type": (
        "form", "type-disagrees",
        lambda: changed(ONE, {LIST: contents(ONE)[LIST].replace(b'"Seal"', b'"Sign"')})),
    "a signature listed twice": (
        "structure", "signature-twice",
        lambda: changed(ONE, {LIST: twice(contents(ONE)[LIST], b"<ofd:Signature ", b"</ofd:Signatures>")})),
    "a signature added under the lock": (
        "unchanged", "changed",
        lambda: changed(LOCKED, {
            LIST: contents(LOCKED)[LIST].replace(b"s001", b"s002")})),
    "a resource from the web": (
        "coverage", "leads-outside",
        lambda: changed(ONE, {"/Doc_0/PublicRes.xml": contents(ONE)["/Doc_0/PublicRes.xml"].replace(
            b"font.otf", b"http://a.example/f")})),
    "a page that cannot be read": (
        "coverage", "unclear",
        lambda: changed(ONE, {"/Doc_0/Pages/Page_0/Content.xml": b"<Page"})),
}  # fmt: skip


def cut(whole: bytes, begin: bytes, end: bytes) -> bytes:
    """Without what stands between."""
    return whole[: whole.index(begin)] + whole[whole.index(end) :]


def twice(whole: bytes, begin: bytes, end: bytes) -> bytes:
    """With what stands between once more."""
    piece = whole[whole.index(begin) : whole.index(end)]
    return whole.replace(piece, piece * 2)


@pytest.mark.parametrize(("key", "reason", "whole"), TAMPERED.values(), ids=TAMPERED)
def test_tampered_documents(key: str, reason: str, whole: Callable[[], bytes]) -> None:
    """The step that is about it says so, whatever the others say; nothing passes."""
    report = verify(whole(), NOW, judges=TRUSTED)

    assert report.verdict is not PASSED
    assert (key, reason) in complaints(report)


def test_all_failures_are_told() -> None:
    """Three parts changed, one smuggled in and the value wrong: five complaints, not the first."""
    value = contents(ONE)[VALUE]
    broken = changed(
        ONE,
        {
            "/Doc_0/ext.bin": b"a",
            "/Doc_0/Res/dot.png": b"b",
            "/Doc_0/Attachs/data.json": b"{}",
            "/Doc_0/more.bin": b"c",
            VALUE: value[:-1] + bytes((value[-1] ^ 1,)),
        },
    )
    report = verify(broken, NOW, judges=TRUSTED)

    assert len(report.complaints) == 5
    assert {each.where for each in report.complaints if each.step.number == Question.UNCHANGED} == {
        "/Doc_0/ext.bin", "/Doc_0/Res/dot.png", "/Doc_0/Attachs/data.json",
    }  # fmt: skip


def test_a_signature_taken_out_of_the_list() -> None:
    """Its parts are left behind, protected by the second signature or not: a signature that is in
    no list is told.
    """
    for whole, left in ((TWO, ["s002"]), (ONE, [])):
        listed = contents(whole)[LIST]
        entry = listed[listed.index(b"<ofd:Signature ") :].partition(b"/>")[0] + b"/>"
        report = verify(changed(whole, {LIST: listed.replace(entry, b"")}), NOW, judges=TRUSTED)

        assert [each.name for each in report.seals] == left
        assert report.verdict is FAILED
        assert ("structure", "signature-unlisted") in complaints(report)


def test_a_plain_zip_error_is_the_container_step() -> None:
    """One finding, no signature is looked at."""
    for hostile in (b"", ONE + b"\x00", b"#" + ONE, ONE[: len(ONE) // 2]):
        report = verify(hostile, NOW, judges=TRUSTED)

        assert report.verdict is FAILED
        assert [each.step.number for each in report.findings] == [Question.CONTAINER]
        assert report.seals == ()


# --- times, extensions, deviations ------------------------------------------------------------


def resigned(**changes: object) -> Report:
    """Facts of a sealed document whose seal signature is otherwise; judged."""
    facts = inspect(ONE)
    signed = facts.signatures[0].seal_signature
    assert signed is not None
    other = replace(signed, **changes)  # type: ignore[arg-type]
    signatures = (replace(facts.signatures[0], seal_signature=other),)
    return judge(replace(facts, signatures=signatures), NOW, judges=TRUSTED)


def sealed_with(**changes: object) -> Report:
    """The same with another seal inside."""
    info = replace(INFO, **changes)  # type: ignore[arg-type]
    return resigned(seal=make_seal(info, MAKER_KEY, MAKER_CERT))


DAY = timedelta(days=1)
JUDGED: dict[str, tuple[str, str, Callable[[], Report]]] = {
    "an expired seal": ("validity", "seal-expired", lambda: sealed_with(valid_until=NOW - DAY)),
    "a seal of tomorrow": (
        "validity", "seal-not-valid-yet", lambda: sealed_with(valid_from=NOW + DAY)),
    "a seal with an unknown critical extension": (
        "maker", "critical-extension",
        lambda: sealed_with(extensions=(Extension(oid="1.2.3", critical=True, value=b""),))),
    "an unknown critical extension": (
        "form", "critical-extension",
        lambda: resigned(extensions=(Extension(oid="1.2.3", critical=True, value=b""),))),
    "a time in the future": ("time", "in-the-future", lambda: resigned(claimed_at=NOW + DAY)),
    "no time": ("time", "no-time", lambda: resigned(claimed_at=None)),
    "a timestamp nobody judges": (
        "time", "timestamp-not-judged", lambda: resigned(timestamp=b"token")),
    "a raw value out of range": ("value", "value-malformed", lambda: resigned(value=bytes(64))),
    "an unknown algorithm": ("value", "algorithm-unknown", lambda: resigned(algorithm="1.2.3")),
    "an algorithm not allowed": (
        "algorithms", "algorithm-not-allowed", lambda: resigned(algorithm="1.2.3")),
    "an unreadable key": ("value", "key-unreadable", lambda: resigned(x509_cert=b"x")),
}  # fmt: skip


@pytest.mark.parametrize(("key", "reason", "report"), JUDGED.values(), ids=JUDGED)
def test_seals_and_times(key: str, reason: str, report: Callable[[], Report]) -> None:
    """Each fact comes to its answer."""
    judged = report()

    assert judged.verdict is not PASSED
    assert (key, reason) in complaints(judged)


TIMESTAMPS: dict[str, tuple[Verdict, datetime | None, set[str]]] = {
    "right": (PASSED, NOW + timedelta(minutes=1), set()),
    "wrong": (FAILED, None, {"timestamp-wrong"}),
    "unknown": (INDETERMINATE, None, {"timestamp-not-judged"}),
    "too late": (PASSED, NOW + DAY, {"times-disagree", "stamped-in-the-future"}),
    "too early": (PASSED, NOW - DAY, {"times-disagree"}),
}


@pytest.mark.parametrize(("verdict", "at", "reasons"), TIMESTAMPS.values(), ids=TIMESTAMPS)
def test_timestamps(verdict: Verdict, at: datetime | None, reasons: set[str]) -> None:
    """Judged elsewhere; a trusted one is the time seal and chains are judged at."""
    facts = inspect(ONE)
    signed = facts.signatures[0].seal_signature
    assert signed is not None
    signatures = (replace(facts.signatures[0], seal_signature=replace(signed, timestamp=b"token")),)
    told = TimestampAnswer(steps=(step(verdict),), at=at)
    judges = replace(TRUSTED, timestamp=lambda *_: told)
    report = judge(replace(facts, signatures=signatures), NOW, judges=judges)

    assert {reason for key, reason in complaints(report) if key == "time"} == reasons
    assert report.seals[0].judged_at == (at or NOW)


def test_a_policy_may_want_a_timestamp() -> None:
    """The signer's word is not enough then."""
    report = verify(ONE, NOW, Policy(timestamp_wanted=True), TRUSTED)

    assert complaints(report) == {("time", "timestamp-wanted")}


def of_2014(time_info: bytes) -> bytes:
    """The document under a seal signature after GM/T 0031-2014."""
    digest = OFDPackage.open(ONE).digest(SIGNATURE)
    signed = der.sequence(
        der.integer(1),
        old_seal(),
        der.bits(time_info),
        der.bits(digest),
        der.tlv(der.IA5, SIGNATURE.encode()),
        der.octets(SIGNER_CERT),
        der.oid(SM2_SM3),
    )
    value = der.sequence(signed, der.bits(SIGNER_KEY.sign(signed)))
    return changed(without(ONE, VALUE), {VALUE: value})


def test_a_seal_signature_of_2014() -> None:
    """Judged by the same steps; `Seal.esl` is that of another seal here, which is told. A timestamp
    inside of what is signed is left open, whoever judges timestamps.
    """
    told = TimestampAnswer(steps=(step(FAILED),), at=None)
    judges = replace(TRUSTED, timestamp=lambda *_: told)
    for time_info, expected in (
        (b"261124060000Z", set()),
        (b"\x30\x03\x02\x01\x00", {("time", "timestamp-inside")}),
    ):
        report = verify(of_2014(time_info), NOW, judges=judges)

        assert complaints(report) == {("binding", "seal-file-differs"), *expected}
        assert report.seals[0].seal_name == "旧章"


# --- made by others ---------------------------------------------------------------------------

OTHERS: dict[str, tuple[Verdict, set[tuple[str, str]]]] = {
    "helloworld.ofd": (INDETERMINATE, {("signed", "unsigned")}),
    "SESV4SignDoc.ofd": (FAILED, {("validity", "seal-expired")}),
    "allprotected.ofd": (PASSED, set()),
    # Its document names public resources that do not lie in it.
    "V4RideRight.ofd": (INDETERMINATE, {("structure", "missing")}),
    "DigitalSign.ofd": (
        INDETERMINATE, {("form", "plain-signature"), ("value", "no-certificate")}),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_others(name: str) -> None:
    """Digests, values and coverage are right wherever they can be judged."""
    verdict, expected = OTHERS[name]
    report = verify(sample(name), NOW, judges=TRUSTED)

    assert (report.verdict, complaints(report)) == (verdict, expected)
    open_ended = verify(sample(name), NOW)
    assert open_ended.verdict is (FAILED if verdict is FAILED else INDETERMINATE)


def test_how_far_signatures_of_others_reach() -> None:
    """As their names say; a cross-page seal has a slice on each of five pages."""
    found = {}
    for name in ("SESV4SignDoc.ofd", "allprotected.ofd", "V4RideRight.ofd"):
        found[name] = inspect(sample(name)).signatures[0]

    assert [each.coverage.extent.value for each in found.values()] == [
        "all-effective", "whole", "whole",
    ]  # fmt: skip
    description = found["V4RideRight.ofd"].description
    assert description is not None
    assert [each.page_id for each in description.stamps] == ["1", "21", "43", "63", "83"]


# --- anything at all --------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_byte_of_the_file_never_passes(data: st.DataObject) -> None:
    """Wherever it lies: refused, failed, or the very same contents."""
    at = data.draw(st.integers(0, len(ONE) - 1))
    flip = data.draw(st.integers(1, 255))
    tampered = ONE[:at] + bytes((ONE[at] ^ flip,)) + ONE[at + 1 :]
    report = verify(tampered, NOW, judges=TRUSTED)
    try:
        same = contents(tampered) == contents(ONE)
    except MalformedDocument:
        same = False

    assert (report.verdict is PASSED) == same


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_torn_signature_parts_never_pass(data: st.DataObject) -> None:
    """A piece cut out, put elsewhere or doubled in any part: a report, and not a good one."""
    whole = contents(ONE)
    part = data.draw(st.sampled_from(sorted(whole)))
    content = whole[part]
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, len(content)))
    target = data.draw(st.integers(0, len(content)))
    torn = content[:begin] + content[end:]
    torn = torn[:target] + content[begin:end] + torn[target:]
    if torn == content or part == LIST:  # the list is not covered: only what it lists is
        return
    report = verify(changed(ONE, {part: torn}), NOW, judges=TRUSTED)

    assert report.verdict is not PASSED


def test_gaps_name_parts_and_kinds() -> None:
    """As values, for whoever shows them."""
    signature = inspect(changed(ONE, {"/Doc_0/extra.xml": b"<a/>"})).signatures[0]

    assert [(gap.part, gap.kind) for gap in signature.coverage.gaps] == [
        ("/Doc_0/extra.xml", GapKind.SMUGGLED)
    ]
