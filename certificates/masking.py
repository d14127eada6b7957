"""A masked document (遮蔽件): an OFD that shows some items of a certificate and says of the others only
that they are hidden. It carries the proof of what it shows and bears no seal of its own.

It is drawn from the proof alone, always the same way. So it is judged by drawing it again: a single
byte that the proof does not make is a page that says something else. A picture that is shown stands
there as its digest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime

from certificates.carrying import carried
from certificates.drawing.content import Content
from certificates.drawing.errors import DrawingError
from certificates.drawing.lines import Align, Box, Style, laid
from certificates.drawing.marks import BLACK, WHITE, Backdrop, Drawing, Lettering, Mark, Sheet
from certificates.drawing.ofd import ofd
from certificates.drawing.ornament import frame, ground, rule
from certificates.drawing.rows import GREY, Row, rows
from certificates.errors import IllegalAct, MalformedData
from certificates.model import Definition, FaceEntry
from certificates.proof import Proof
from certificates.proving import ProofReport, Question, check, found
from seals.errors import MalformedSeal
from seals.judging import NOBODY, Judges
from seals.ofd.verification import POLICY, Policy
from seals.seal_reading import read_seal_signature
from seals.verdicts import Verdict

HIDDEN = "■■■■（已遮）"
"""What is painted for an item that is not shown."""
WIDTH, HEIGHT = 210.0, 297.0
_BODY = Box(20, 52, 170, 205)
_LABEL = 42.0

Definitions = Callable[[str, int], Definition | None]
"""(type, edition) → how the type was defined then; None where it is not at hand."""


def masked(proof: Proof, definition: Definition) -> bytes:
    """The document; the same proof and type give the same bytes.

    Raises:
        IllegalAct: `type`: another type's definition; `proof`: its seal cannot be read.
        GlyphMissing: A character that the typefaces lack.
        Overflow: The items do not fit one sheet.
        Unwritable: A control character.
    """
    if definition.id != proof.commitments.type_id:
        raise IllegalAct("type")
    content = Content(
        title="电子证照遮蔽件",
        type=definition.id,
        labels={each.entry.id: each.entry.label for each in proof.openings},
        data=bytes(proof),
        created_at=_sealed_at(proof),
    )
    return ofd(_drawn(proof, definition), content)


def judged(
    document: bytes,
    at: datetime,
    definitions: Definitions,
    judges: Judges = NOBODY,
    policy: Policy = POLICY,
) -> ProofReport:
    """Judge a masked document: the proof it carries, and that its page shows that and no more. Raises
    nothing for what it holds.

    Args:
        document: An OFD.
        at: The time that is asked about.
        definitions: To draw it again.
        judges: Chains and timestamps.
        policy: What is asked of the certificate's seal.

    Raises:
        ValueError: The time has no zone.
    """
    try:
        content = carried(document, "ofd")
    except MalformedData:
        report = check(b"", at)
        first = found(Question.FORM, "no-proof")
        painted = found(Question.PAINTED, "not-reached")
        findings = (first, *report.findings[1:], painted)
        return dataclasses.replace(report, findings=findings)
    report = check(content, at, judges, policy)
    painted = found(Question.PAINTED, _painted(document, report, definitions))
    return dataclasses.replace(report, findings=(*report.findings, painted))


def _painted(document: bytes, report: ProofReport, definitions: Definitions) -> str:
    """6. Nothing is drawn of a proof that failed already."""
    proof = report.proof
    if proof is None or report.verdict is Verdict.FAILED:
        return "not-reached"
    definition = definitions(proof.commitments.type_id, proof.commitments.edition)
    if definition is None:
        return "type-unknown"
    try:
        again = masked(proof, definition)
    except (DrawingError, IllegalAct):
        return "painted-otherwise"
    return "painted" if again == document else "painted-otherwise"


def _sealed_at(proof: Proof) -> datetime:
    """The document tells no other time than the seal's: it has to be the same whenever it is made."""
    try:
        claimed = read_seal_signature(proof.value).claimed_at
    except MalformedSeal:
        claimed = None
    if claimed is None:
        raise IllegalAct("proof")
    return claimed


def _drawn(proof: Proof, definition: Definition) -> Drawing:
    name = laid(definition.type.name, Box(20, 35, 170, 8), _centred(5.6))
    told = f"电子证照标识 {proof.commitments.identifier}"
    number = laid(told, Box(20, 43.5, 170, 5), _centred(3.0))
    body = rows(tuple(_rows(proof, definition)), _BODY, _LABEL)
    marks: tuple[Mark, ...] = (*name, *number, *body)
    sheet = Sheet(width=WIDTH, height=HEIGHT, backdrop=_BACKDROP, marks=marks)
    return Drawing(sheets=(sheet,))


def _rows(proof: Proof, definition: Definition) -> Iterator[Row]:
    """The face's items in their order, then what else is shown."""
    shown = {each.entry.id: each.entry for each in proof.openings}
    for item in definition.type.items.values():
        entry = shown.pop(item.id, None)
        yield Row(item.label, HIDDEN) if entry is None else _row(entry)
    yield from map(_row, shown.values())


def _row(entry: FaceEntry) -> Row:
    said = entry.text or "\n".join(entry.values)
    return Row(entry.label, said or "（空）", entry.id)


def _centred(size: float, weight: float = 0.0) -> Style:
    floor = min(size, 2.2)
    return Style(lettering=Lettering.HEI, size=size, floor=floor, align=Align.CENTRE, weight=weight)


_FOOT = """本页只示出持证人选定的项目，不是证照，不加盖印章；所示各项由原证照签章保护的承诺逐项证明，证明数据随文件携带。
This page shows chosen items only and bears no seal; the proof under the certificate's own seal is attached."""
_BACKDROP = Backdrop(
    marks=(
        ground(WIDTH, HEIGHT, WHITE),
        frame(Box(12, 12, WIDTH - 24, HEIGHT - 24), BLACK, 0.4),
        *laid("电子证照遮蔽件", Box(20, 17, 170, 12), _centred(8, weight=0.02)),
        *laid("Some items of a certificate, proven", Box(20, 28, 170, 6), _centred(3.4)),
        rule(20, 50, 190, 50, BLACK, 0.4),
        *laid(_FOOT, Box(20, 264, 170, 18), Style(lettering=Lettering.HEI, size=3.0, floor=2.6, colour=GREY)),
    )
)  # fmt: skip
