"""Sealed PDFs are judged; none of the known attacks passes, and nothing hostile falls."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field

from seals.judging import chain_judge
from seals.pdf import Intent, Judges, Policy, Signatory, embed, prepare, verify
from seals.pdf.wording import REASONS
from seals.report import Format, Question
from seals.verdicts import Verdict
from seals.x509 import read_x509
from tests.world.eseals import forged, judged
from tests.world.pages import Draft, shown, stream, updated
from tests.world.sealed import PLACE, appearance, judges, said, seal
from tests.world.signers import NOW, expired, root, signer, stranger


class Sealer(Protocol):
    """Seals a sound page, or any other document, without a look at it."""

    def __call__(
        self, document: bytes | None = None, *, intent: Intent = Intent.APPROVAL
    ) -> bytes: ...


SEALERS: dict[str, Sealer] = {"PAdES": seal, "GB/T 38540": forged}
FORM = "/Type /XObject /Subtype /Form /BBox [0 0 600 900]"
NOTE = {
    190: b"<< /Type /Annot /Subtype /FreeText /Rect [0 0 595 842] >>",
    3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [190 0 R] >>",
}
FORGED = stream(f"BT /F1 60 Tf 72 700 Td {shown('3210')} Tj ET".encode())


def entry(pdf: bytes) -> tuple[int, int, int, int]:
    """The last byte range in a file."""
    found = re.findall(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)", pdf)[-1]
    a, b, c, d = (int(each) for each in found)
    return a, b, c, d


def ranged(pdf: bytes, *numbers: int) -> bytes:
    """With another byte range, of the same length in the file."""

    def other(found: re.Match[bytes]) -> bytes:
        text = ("/ByteRange [" + " ".join(map(str, numbers)) + "]").encode()
        return text.ljust(len(found[0]))

    return re.sub(rb"/ByteRange \[[^\]]*\] *", other, pdf, count=1)


def rewritten(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """An update by somebody who has pyHanko, too."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def refilled(writer: IncrementalPdfFileWriter) -> None:
    """A form field gets another value and looks."""
    field = writer.root["/AcroForm"]["/Fields"][0].get_object()
    field["/V"] = generic.TextStringObject("9999")
    writer.update_container(field)


def retitled(writer: IncrementalPdfFileWriter) -> None:
    """The document says otherwise of itself."""
    info = writer.trailer["/Info"]
    info["/Title"] = generic.TextStringObject("other")
    writer.update_container(info)


def moved(writer: IncrementalPdfFileWriter) -> None:
    """The seal stands elsewhere."""
    field = writer.root["/AcroForm"]["/Fields"][0].get_object()
    field["/Rect"] = generic.ArrayObject(generic.NumberObject(each) for each in (0, 0, 595, 842))
    writer.update_container(field)


def overlaid(pdf: bytes, mark: bytes, body: bytes) -> bytes:
    """The object that holds this mark, anew."""
    number = re.findall(rb"(\d+) 0 obj", pdf[: pdf.index(mark)])[-1]
    return updated(pdf, {int(number): body})


def again(pdf: bytes) -> bytes:
    """The newest signature's dictionary once more, where its range does not reach."""
    at = pdf.rindex(b"/ByteRange [0")
    begin, number = [(each.end(), each[1]) for each in re.finditer(rb"(\d+) 0 obj\n", pdf[:at])][-1]
    return updated(pdf, {int(number): pdf[begin : pdf.index(b"endobj", at)]})


def skipping(pdf: bytes, objects: Mapping[int, bytes] | None = None) -> bytes:
    """An update of what was there before the seal, as if there had been none."""
    draft = Draft().pdf()
    assert pdf.startswith(draft)
    before = int(draft.rsplit(b"startxref", 1)[1].split()[0])
    made = updated(pdf, objects or {190: b"<< >>"})
    latest = int(pdf.rsplit(b"startxref", 1)[1].split()[0])
    head, tail = made.rsplit(b"/Prev %d" % latest, 1)
    return head + b"/Prev %d" % before + tail


def ended(pdf: bytes) -> bytes:
    """Its last lines once more."""
    return pdf[pdf.rindex(b"startxref") :]


def with_field(seal: Sealer) -> bytes:
    """A page with a form, sealed by somebody who does not look before."""
    field = (
        b"<< /FT /Tx /T (sum) /V (1) /Subtype /Widget /Type /Annot /Rect [9 9 99 20] /P 3 0 R >>"
    )
    draft = Draft(
        root="/AcroForm << /Fields [10 0 R] >>", page="/Annots [10 0 R]", more={10: field},
        info="/Info 11 0 R",
    )  # fmt: skip
    draft.more = {**draft.more, 11: b"<< /Title (true) >>"}
    return seal(draft.pdf())


def cloned(seal: Sealer) -> bytes:
    """A second field with the signature of the first."""
    made = seal()

    def change(writer: IncrementalPdfFileWriter) -> None:
        fields = writer.root["/AcroForm"]["/Fields"]
        first = fields[0].get_object()
        copy = generic.DictionaryObject(
            {
                generic.NameObject("/FT"): generic.NameObject("/Sig"),
                generic.NameObject("/T"): generic.TextStringObject("Seal2"),
                generic.NameObject("/V"): first.raw_get("/V"),
            }
        )
        fields.append(writer.add_object(copy))
        writer.update_container(fields)

    return rewritten(made, change)


def wrapped(seal: Sealer) -> bytes:
    """Signature wrapping: the second range is moved to the end, the gap is filled with lies."""
    made = seal()
    _, before, behind, rest = entry(made)
    gap, tail = made[before:behind], made[behind:]
    lies = b"\n10 0 obj\n<< /Lies true >>\nendobj\n"
    moved = made[:before] + gap + lies + tail
    return ranged(moved, 0, before, behind + len(lies), rest)


def empty_field(pdf: bytes) -> bytes:
    """A field without a signature, put in after sealing."""
    return rewritten(
        pdf, lambda writer: append_signature_field(writer, SigFieldSpec("x", box=(9, 9, 99, 99)))
    )


def gapped(seal: Sealer, fill: bytes) -> bytes:
    """Data in the zeros behind the value."""
    made = seal()
    _, _, behind, _ = entry(made)
    at = behind - 1 - len(fill)
    return made[:at] + fill + made[at + len(fill) :]


ATTACKS: dict[str, tuple[str, Callable[[Sealer], bytes]]] = {
    "page replaced": ("changed-later", lambda seal: updated(seal(), {4: FORGED})),
    "page replaced under certification": (
        "certified-changed",
        lambda seal: updated(seal(intent=Intent.CERTIFIED), {4: FORGED}),
    ),
    "page replaced after closing": (
        "certified-changed",
        lambda seal: updated(seal(seal(), intent=Intent.CLOSING), {4: FORGED}),
    ),
    "shadow: hidden content is shown": (
        "changed-later",
        lambda seal: updated(
            seal(Draft(content="1 g 60 690 400 40 re f").pdf()), {4: FORGED}
        ),
    ),
    "shadow: a face is replaced": ("changed-later", lambda seal: updated(seal(), {8: FORGED})),
    "shadow: hide and replace by another root": (
        "signature-forgotten",
        lambda seal: updated(
            seal(Draft(more={
                20: b"<< /Type /Catalog /Pages 21 0 R >>",
                21: b"<< /Type /Pages /Kids [22 0 R] /Count 1 >>",
                22: b"<< /Type /Page /Parent 21 0 R /MediaBox [0 0 9 9] >>",
            }).pdf()),
            {190: b"<< >>"}, root=20,
        ),
    ),
    "page freed": (
        "changed-later", lambda seal: updated(seal(), {3: b"null"}),
    ),
    "page added": (
        "changed-later",
        lambda seal: updated(seal(), {
            2: b"<< /Type /Pages /Kids [3 0 R 190 0 R] /Count 2 >>",
            190: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 191 0 R >>",
            191: FORGED,
        }),
    ),
    "note added": ("changed-later", lambda seal: updated(seal(), NOTE)),
    "form filled in again": ("changed-later", lambda seal: rewritten(with_field(seal), refilled)),
    "title changed": ("changed-later", lambda seal: rewritten(with_field(seal), retitled)),
    "scripts added": (
        "signature-forgotten",
        lambda seal: updated(seal(), {
            1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (x) >> >>",
        }),
    ),
    "empty field added": ("field-added", lambda seal: empty_field(seal())),
    "two fields, one signature": ("two-fields-one-signature", cloned),
    "signature wrapped": ("unreadable", wrapped),
    "range does not begin at the beginning": (
        "byte-range", lambda seal: ranged(seal(), 1, *entry(seal())[1:]),
    ),
    "ranges overlap": ("byte-range", lambda seal: ranged(seal(), 0, 6000, 5000, 3000)),
    "range beyond the end": ("byte-range", lambda seal: ranged(seal(), 0, 7000, 9000, 99999)),
    "range of nothing": ("byte-range", lambda seal: ranged(seal(), 0, 0, 0, 0)),
    "three ranges": ("byte-range", lambda seal: ranged(seal(), 0, 1, 2, 3, 4, 5)),
    "huge range": ("byte-range", lambda seal: ranged(seal(), 0, 10**12, 10**13, 10**14)),
    "data behind the value": ("bytes-in-gap", lambda seal: gapped(seal, b"DEADBEEF")),
    "bytes at the end": ("bytes-behind", lambda seal: seal() + b"\nnot covered"),
    "bytes at the beginning": ("bytes-before", lambda seal: b"#!/bin/sh\n" + seal()),
    "one byte of the page": ("changed", lambda seal: seal().replace(b"/Type /Page ", b"/Type /Page\n", 1)),
    "certification leads elsewhere": (
        "permissions-lead-nowhere",
        lambda seal: updated(seal(intent=Intent.CERTIFIED), {
            1: b"<< /Type /Catalog /Pages 2 0 R /Perms << /DocMDP 4 0 R >> "
               b"/AcroForm << /Fields [] >> >>",
        }),
    ),
    "shadow: what hides is emptied": (
        "changed-later",
        lambda seal: updated(
            seal(Draft(content="/X Do", resources="/XObject << /X 10 0 R >>",
                       more={10: stream(b"1 g 60 690 400 40 re f", FORM)}).pdf()),
            {10: stream(b"", FORM)},
        ),
    ),
    "note under certification": (
        "certified-changed",
        lambda seal: updated(seal(intent=Intent.CERTIFIED), NOTE),
    ),
    "seal's picture replaced": (
        "changed-later", lambda seal: overlaid(seal(), b"/Subtype /Form", stream(b"", FORM)),
    ),
    "seal moved": ("changed-later", lambda seal: rewritten(seal(), moved)),
    "appended without a table": (
        "gaps", lambda seal: seal() + b"4 0 obj\n" + FORGED + b"\nendobj\n" + ended(seal()),
    ),
    "page replaced, then put back": (
        "changed-later",
        lambda seal: updated(updated(seal(), {4: FORGED}), {4: Draft().objects()[4]}),
    ),
    "signature's dictionary written again": ("gaps", lambda seal: again(seal())),
    "revision with the seal skipped": ("signature-forgotten", lambda seal: skipping(seal())),
    "rolled back to before the seal, and on": (
        "signature-forgotten", lambda seal: skipping(seal(), {4: FORGED}),
    ),
    "value cut short by what looks like its end": (
        "unreadable", lambda seal: gapped(seal, b"> 4 0 obj (x) endobj <"),
    ),
    "range under another key": (
        "signature-forgotten",
        lambda seal: updated(seal(), {1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] "
                                         b">> >>"}),
    ),
}  # fmt: skip


PADES_ATTACKS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "another profile": (
        "profile-unknown", lambda: seal().replace(b"ETSI.CAdES.detached", b"ETSI.CAdES.detachex"),
    ),
    "value is no CMS": ("signature-unreadable", lambda: re.sub(
        rb"/Contents <[0-9a-f]{40}", b"/Contents <" + b"f" * 40, seal())),
    "signed by a stranger": ("not-found", lambda: seal(party=stranger())),
    "signed when expired": ("expired", lambda: seal(party=expired())),
    "sealed tomorrow": ("time-ahead", lambda: seal(at=NOW + timedelta(days=1))),
}  # fmt: skip


@pytest.mark.parametrize("kind", SEALERS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_passes(attack: str, kind: str) -> None:
    """Each is told by its name; what cannot be judged is not passed either."""
    key, make = ATTACKS[attack]
    report = judged(make(SEALERS[kind]))

    assert report.verdict is not Verdict.PASSED
    assert key in said(report)


@pytest.mark.parametrize("attack", PADES_ATTACKS)
def test_no_attack_on_a_signature_of_pades_passes(attack: str) -> None:
    """Of the value, its profile and its signer."""
    key, make = PADES_ATTACKS[attack]
    report = judged(make())

    assert report.verdict is not Verdict.PASSED
    assert key in said(report)


def test_what_is_not_sealed_is_not_passed() -> None:
    """Nor failed: there is nothing to judge."""
    report = judged(Draft().pdf())

    assert report.verdict is Verdict.INDETERMINATE
    assert said(report) == {"unsigned"}


def test_later_seals_and_stamps_are_no_attack() -> None:
    """They are what an approval leaves room for."""
    report = judged(seal(seal(), signer("rsa")))

    assert report.verdict is Verdict.PASSED
    assert report.format is Format.PDF
    assert {each.step.reason for each in report.seals[0].findings} >= {"later-seals", "holds"}


def test_a_seal_after_certification_by_another_program_is_a_change() -> None:
    """We refuse to write it; where somebody else does, the certification fails."""
    made = seal(intent=Intent.CERTIFIED)
    hidden = made.replace(b"/Perms", b"/Permx")  # so that our own writer does not see it
    forged = seal(hidden).replace(b"/Permx", b"/Perms")

    assert "certified-changed" in said(judged(forged))


def test_a_revoked_signer_and_one_nobody_judges() -> None:
    """Failed and indeterminate; never passed."""
    made = seal(party=signer("rsa"))

    assert "revoked" in said(judged(made, judges((signer("rsa"),))))
    alone = verify(made, NOW, judges=Judges())
    assert alone.verdict is Verdict.INDETERMINATE
    assert "no-judge" in said(alone)


def test_a_policy_may_want_timestamps_and_refuse_algorithms() -> None:
    """All failures are told, not the first."""
    policy = Policy(timestamp_wanted=True, digests=frozenset({"sha512"}))

    assert {"timestamp-wanted", "not-allowed"} <= said(verify(seal(), NOW, policy, judges()))


def test_a_signature_moved_to_another_document_does_not_hold() -> None:
    """The gap of one filled with the value of another."""
    who = Signatory(chain=signer().chain)
    other = Draft(content="0 g 0 0 9 9 re f").pdf()
    ready = [prepare(each, [PLACE], appearance(), who, NOW) for each in (Draft().pdf(), other)]
    moved = embed(ready[1], signer().sign(ready[0].to_sign))

    assert "does-not-hold" in said(judged(moved))


@pytest.mark.parametrize("kind", SEALERS)
def test_every_covered_byte_counts(kind: str) -> None:
    """A byte flipped anywhere outside of the gap: something named fails."""
    made = SEALERS[kind]()
    _, before, behind, _ = entry(made)
    for at in [*range(20, before, before // 20), *range(behind, len(made), 53)]:
        changed = made[:at] + bytes((made[at] ^ 1,)) + made[at + 1 :]
        report = judged(changed)
        assert report.verdict is not Verdict.PASSED, at


def test_every_step_is_a_question_with_words() -> None:
    """Numbers of the shared model, reasons of our table, both languages."""
    report = judged(seal(seal()))
    numbers = {int(each) for each in Question}

    for each in report.all_findings():
        assert each.step.number in numbers
        assert each.step.reason in REASONS
        assert re.search("[一-鿿]", each.step.zh + each.step.why_zh)
        assert each.step.en


@cache
def _packed() -> bytes:
    return zlib.compress(b"1 0  " + b" " * (300 * 1024 * 1024), 9)


def bomb(before: bytes = b"") -> bytes:
    """An object stream that becomes a gigabyte; behind a document, with its root in it."""
    packed = _packed()
    body = b"<< /Type /ObjStm /N 1 /First 5 /Filter /FlateDecode /Length %d >>" % len(packed)
    inner = body + b"\nstream\n" + packed + b"\nendstream"
    begin = before or b"%PDF-1.7\n"
    head = begin + b"10 0 obj\n" + inner + b"\nendobj\n"
    rows = b"".join(
        kind.to_bytes(1) + first.to_bytes(4) + second.to_bytes(2)
        for kind, first, second in ((0, 0, 0), (2, 10, 0), (1, len(begin), 0), (1, len(head), 0))
    )
    table = stream(rows, "/Type /XRef /W [1 4 2] /Size 12 /Index [0 2 10 2] /Root 1 0 R")
    return head + b"11 0 obj\n" + table + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(head)


def ring(pdf: bytes) -> bytes:
    """A table of references whose predecessor is itself."""
    at = int(pdf.rsplit(b"startxref", 1)[1].split()[0])
    return pdf.replace(b"trailer\n<<", b"trailer\n<< /Prev %d" % at, 1)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "only a header": lambda: b"%PDF-1.7\n",
    "bomb": bomb,
    "tables in a ring": lambda: ring(Draft().pdf()),
    "tables in a ring, sealed": lambda: ring(seal()),
    "tables in a ring, under an electronic seal": lambda: ring(forged()),
    "pages in a ring, under an electronic seal": lambda: forged(
        Draft(more={2: b"<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 1 >>"}).pdf()
    ),
    "bomb behind a seal": lambda: bomb(seal()),
    "bomb behind an electronic seal": lambda: bomb(forged()),
    "endless hexadecimal": lambda: Draft(root="/X <" + "3A" * 10_000_000 + ">").pdf(),
    "endless number": lambda: Draft(root="/X " + "1" * 2_000_000).pdf(),
    "endless name": lambda: Draft(root="/X /" + "a" * 2_000_000).pdf(),
    "hexadecimal without an end": lambda: Draft(root="/X <" + "3A " * 100_000).pdf(),
    "endless value": lambda: seal().replace(b"/Contents <", b"/Contents <" + b"00" * 9_000_000, 1),
    "endless electronic seal": lambda: forged().replace(
        b"/Contents <3082", b"/Contents <3084" + b"7f" * 9_000_000, 1
    ),
    "fields in a ring": lambda: Draft(
        root="/AcroForm << /Fields [10 0 R] >>",
        more={10: b"<< /FT /Sig /T (a) /Kids [10 0 R] >>"},
    ).pdf(),
    "object is itself": lambda: Draft(more={4: b"4 0 R"}).pdf(),
    "deep arrays": lambda: Draft(root="/X " + "[" * 5000 + "]" * 5000).pdf(),
    "deep dictionaries": lambda: Draft(root="/X " + "<< /A " * 3000 + ">> " * 3000).pdf(),
    "root is a number": lambda: updated(seal(), {1: b"7"}),
    "fields are a number": lambda: Draft(root="/AcroForm << /Fields 7 >>").pdf(),
    "value is a number": lambda: Draft(
        root="/AcroForm << /Fields [10 0 R] >>", more={10: b"<< /FT /Sig /T (a) /V 7 >>"}
    ).pdf(),
    "value is empty": lambda: Draft(
        root="/AcroForm << /Fields [10 0 R] >>", more={10: b"<< /FT /Sig /T (a) /V << >> >>"}
    ).pdf(),
    "many signatures": lambda: Draft(
        root="/AcroForm << /Fields [" + " ".join(f"{at} 0 R" for at in range(10, 110)) + "] >>",
        more={at: b"<< /FT /Sig /T (%d) /V << /Contents <%02x> >> >>" % (at, at)
              for at in range(10, 110)},
    ).pdf(),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_judged_and_never_passed(case: str) -> None:
    """No crash, no hang, no error of a library."""
    assert judged(HOSTILE[case]()).verdict is not Verdict.PASSED


SEALED = {kind: make() for kind, make in SEALERS.items()}


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(SEALED)), st.data())
def test_truncated_files_never_pass(kind: str, data: st.DataObject) -> None:
    """Wherever it ends; the last line's end alone may be missing."""
    made = SEALED[kind]
    size = data.draw(st.integers(0, len(made) - 2))

    assert judged(made[:size]).verdict is not Verdict.PASSED


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(SEALED)), st.data())
def test_scrambled_files_never_fall(kind: str, data: st.DataObject) -> None:
    """Pieces cut out, doubled and overwritten: a report comes, and it is not passed."""
    whole = SEALED[kind]
    at = data.draw(st.integers(0, len(whole) - 1))
    size = data.draw(st.integers(1, 400))
    put = data.draw(st.binary(min_size=1, max_size=60))
    made = whole[:at] + put + whole[at + size :]

    if made != whole:
        _, before, behind, _ = entry(whole)
        report = judged(made)
        assert report.verdict is not Verdict.PASSED or before < at < behind


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_random_bytes_never_fall(noise: bytes) -> None:
    """With and without a header."""
    for each in (noise, b"%PDF-1.7\n" + noise, SEALED["PAdES"] + noise + b"%%EOF\n"):
        report = judged(each)
        assert report.verdict is not Verdict.PASSED or not noise.strip(b"\r\n")


def test_nothing_is_printed_about_what_is_wrong(tmp_path: object) -> None:
    """What pyHanko logs, with stacks, does not come through us."""
    script = (
        "import sys; from datetime import datetime, UTC; from seals.pdf import verify;"
        "verify(sys.stdin.buffer.read(), datetime.now(UTC))"
    )
    whole = SEALED["PAdES"]
    other = SEALED["GB/T 38540"]
    cases = (
        updated(whole, {4: FORGED}),
        whole[:3000],
        ring(whole),
        other,
        other[:3000],
        ring(other),
    )
    for each in cases:
        done = subprocess.run(
            [sys.executable, "-c", script], input=each, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_who_is_trusted_is_for_the_judge_to_say() -> None:
    """The same seal under another anchor leads nowhere."""
    report = judged(seal(), Judges(chain=chain_judge([read_x509(stranger().chain[1])])))

    assert "not-found" in said(report)
    assert root().chain[0] != stranger().chain[1]
