"""Seals set on OFD documents: two motions, several seals, places, and what is never sealed."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.errors import DocumentRefused, MalformedDocument, SealingFailed, SealRefused
from seals.keys import SM2Key
from seals.levels import Mode
from seals.making import make_seal
from seals.ofd.inspection import inspect
from seals.ofd.package import OFDPackage, packed
from seals.ofd.placing import AcrossPages, AtKeyword, AtPlace, Edge, Placement
from seals.ofd.signatures import Provider, Stamp
from seals.ofd.signing import Signer, embed, prepare
from seals.ofd.verification import Judges, verify
from seals.seal import SealInfo
from seals.sm2 import PrivateKey
from seals.verdicts import Step, Verdict
from tests.world.ofd import (
    IMAGE,
    KEYWORD,
    RECTANGLE,
    document,
    line,
    page,
    parts,
    sealed,
    xml,
)
from tests.world.samples import sample
from tests.world.seals import INFO, MAKER_CERT, MAKER_KEY, NOW, SIGNER_CERT, SIGNER_KEY, seal

HERE = (AtPlace(page=1, x=105, y=150),)
SIGNER = Signer(x509_cert=SIGNER_CERT)
FIRST = "/Doc_0/Pages/Page_0/Content.xml"
PLAIN = parts()


def stamps(whole: bytes, at: int = -1) -> tuple[Stamp, ...]:
    """Where a signature's seal stands."""
    description = inspect(whole).signatures[at].description
    assert description is not None
    return description.stamps


def test_the_key_never_meets_the_document() -> None:
    """What is signed is a few hundred bytes of DER with the document's digest in it; whoever signs
    may be elsewhere. The same input gives the same bytes.
    """
    plain = document()
    prepared = prepare(plain, seal(), HERE, Mode.CONTINUE, SIGNER, NOW)

    assert prepared.to_sign[:1] == b"\x30"
    assert len(prepared.to_sign) < 2000
    assert b"PK" not in prepared.to_sign[:4]
    value = SIGNER_KEY.sign(prepared.to_sign)
    whole = embed(prepared, value)
    assert embed(prepared, value) == whole
    assert verify(whole, NOW).verdict is Verdict.INDETERMINATE


def test_parts_that_are_not_signature_parts_keep_their_bytes() -> None:
    """Only OFD.xml changes, for the link to the list of signatures."""
    plain, whole = document(), sealed()
    before, after = OFDPackage.open(plain), OFDPackage.open(whole)

    for name, old in before.parts.items():
        if name != "/OFD.xml":
            new = after.parts[name]
            assert whole[new.begin : new.end] == plain[old.begin : old.end]
    assert set(after.parts) - set(before.parts) == {
        "/Doc_0/Signs/Signatures.xml",
        "/Doc_0/Signs/Sign_0/Signature.xml",
        "/Doc_0/Signs/Sign_0/Seal.esl",
        "/Doc_0/Signs/Sign_0/SignedValue.dat",
    }


def test_several_seals_one_after_the_other() -> None:
    """Each has its own folder and id and covers those before it; the last one locks the document."""
    whole = sealed(sealed(sealed(), mode=Mode.CONTINUE), mode=Mode.WHOLE)
    facts = inspect(whole)

    assert [each.id for each in facts.signatures] == ["s001", "s002", "s003"]
    assert len({each.part for each in facts.signatures}) == 3
    covered = {each.part for each in facts.signatures[2].references}
    assert {each.part for each in facts.signatures[:2]} < covered
    with pytest.raises(DocumentRefused) as refused:
        sealed(whole)
    assert ("locked", "s003") in refused.value.why


def test_a_provider_and_the_time_are_written() -> None:
    """As they were given."""
    signer = replace(SIGNER, provider=Provider(name="软件", version="2", company="<公司>"))
    prepared = prepare(document(), seal(), HERE, Mode.WHOLE, signer, NOW)
    whole = embed(prepared, SIGNER_KEY.sign(prepared.to_sign), b"a token")
    signature = inspect(whole).signatures[0]

    assert signature.description is not None
    assert signature.description.provider == signer.provider
    assert signature.description.claimed_at == "20261124060000Z"
    assert signature.seal_signature is not None
    assert signature.seal_signature.timestamp == b"a token"


def page_named(name: str) -> dict[str, bytes]:
    """The first page under this name."""
    body = PLAIN["/Doc_0/Document.xml"].replace(b'Page ID="100"', f'Page ID="{name}"'.encode())
    return {"/Doc_0/Document.xml": body}


@pytest.mark.parametrize("name", ["&lt;&quot;&amp;'", "a b", "页"])
def test_a_page_of_an_odd_name(name: str) -> None:
    """Written so that readers get the very same name back."""
    facts = inspect(sealed(document(page_named(name))))
    description = facts.signatures[0].description

    assert description is not None
    assert description.stamps[0].page_id == facts.pages[0].id


@pytest.mark.parametrize("name", ["a&#10;b", "a&#9;b", "a&#13;b", "a\u2028b"])
def test_a_page_whose_name_cannot_be_shown(name: str) -> None:
    """Does not leave sealed: our own verifier would not find the page again."""
    with pytest.raises(SealingFailed, match="no-such-page"):
        sealed(document(page_named(name)))


def test_a_provider_that_no_xml_can_hold() -> None:
    """Is refused before anything is signed."""
    signer = replace(SIGNER, provider=Provider(name="a\x00b", version="1", company="c"))
    with pytest.raises(ValueError, match="no text"):
        prepare(document(), seal(), HERE, Mode.WHOLE, signer, NOW)


def test_what_another_key_signed_does_not_leave() -> None:
    """Nor what is no signature, nor what the judges who are at hand do not trust."""
    prepared = prepare(document(), seal(), HERE, Mode.CONTINUE, SIGNER, NOW)
    bad = Step(number=1, key="path", verdict=Verdict.FAILED, reason="x", zh="", en="", why_zh="",
               why_en="")  # fmt: skip

    for value in (SM2Key(private=PrivateKey(99)).sign(prepared.to_sign), bytes(64), b""):
        with pytest.raises(SealingFailed):
            embed(prepared, value)
    with pytest.raises(SealingFailed):
        embed(prepared, SIGNER_KEY.sign(prepared.to_sign), judges=Judges(chain=lambda *_: (bad,)))


def other(**changes: object) -> SealInfo:
    """Another seal."""
    return replace(INFO, **changes)  # type: ignore[arg-type]


NOT_USED: dict[str, tuple[str, Callable[[], SealInfo], Signer]] = {
    "expired": ("seal-expired", lambda: other(valid_until=NOW - timedelta(days=1)), SIGNER),
    "of tomorrow": (
        "seal-not-valid-yet",
        lambda: other(valid_from=NOW + timedelta(days=1)),
        SIGNER,
    ),
    "another's": ("signer-not-listed", lambda: INFO, Signer(x509_cert=MAKER_CERT)),
}


@pytest.mark.parametrize(("why", "info", "signer"), NOT_USED.values(), ids=NOT_USED)
def test_seals_that_may_not_be_used(why: str, info: Callable[[], SealInfo], signer: Signer) -> None:
    """Refused before anything is signed."""
    made = make_seal(info(), MAKER_KEY, MAKER_CERT)
    with pytest.raises(SealRefused) as refused:
        prepare(document(), made, HERE, Mode.CONTINUE, signer, NOW)

    assert refused.value.why == why


# --- where ------------------------------------------------------------------------------------

# Pages say 第1页（盖章） at 60: the keyword begins behind three characters of 5 mm, its baseline is
# 5 mm below, and its middle 0.35 of 5 mm above that.
PLACES: dict[str, tuple[Sequence[Placement], list[tuple[str, tuple[float, ...]]]]] = {
    "a place": (HERE, [("100", (84, 129, 42, 42))]),
    "two places": (
        (AtPlace(page=1, x=21, y=21), AtPlace(page=3, x=189, y=276)),
        [("100", (0, 0, 42, 42)), ("102", (168, 255, 42, 42))],
    ),
    "a keyword": ((AtKeyword(keyword=KEYWORD),), [("100", (24, 42.25, 42, 42))]),
    "its second occurrence": (
        (AtKeyword(keyword=KEYWORD, occurrence=2),),
        [("101", (24, 42.25, 42, 42))],
    ),
    "its last one, moved": (
        (AtKeyword(keyword=KEYWORD, occurrence=-1, right=20, down=30),),
        [("102", (44, 72.25, 42, 42))],
    ),
    "a keyword over two objects": ((AtKeyword(keyword="左右"),), [("100", (4, 82.25, 42, 42))]),
}


@pytest.mark.parametrize(("placements", "expected"), PLACES.values(), ids=PLACES)
def test_places(
    placements: Sequence[Placement], expected: list[tuple[str, tuple[float, ...]]]
) -> None:
    """The seal's middle is where it was asked for, in its own size."""
    right = line("右", 100, 32).replace('Boundary="20', 'Boundary="25')
    first = PLAIN[FIRST].replace(
        b"</ofd:Layer>", f"{line('左', 100, 31)}{right}</ofd:Layer>".encode()
    )
    found = stamps(sealed(document({FIRST: first}), placements))

    assert [each.page_id for each in found] == [page_id for page_id, _ in expected]
    for each, (_, boundary) in zip(found, expected, strict=True):
        assert each.boundary == pytest.approx(boundary, abs=0.01)


@pytest.mark.parametrize("edge", Edge)
def test_a_seal_across_pages(edge: Edge) -> None:
    """Slices that are equal, follow one another, lie at the edge and make up the whole."""
    whole = sealed(document(pages=4), (AcrossPages(edge=edge, y=100),))
    found = stamps(whole)

    assert [each.page_id for each in found] == ["100", "101", "102", "103"]
    for at, each in enumerate(found):
        assert each.boundary is not None
        assert each.clip is not None
        assert each.boundary[1:] == (79, 42, 42)
        assert each.clip == pytest.approx((at * 10.5, 0, 10.5, 42))
        shown = each.boundary[0] + each.clip[0]
        assert shown == pytest.approx(0 if edge is Edge.LEFT else 210 - 10.5)


NOWHERE: dict[str, tuple[str, Sequence[Placement]]] = {
    "nowhere": ("no-placement", ()),
    "no such page": ("no-such-page", (AtPlace(page=4, x=100, y=100),)),
    "page nought": ("no-such-page", (AtPlace(page=0, x=100, y=100),)),
    "over the edge": ("off-page", (AtPlace(page=1, x=200, y=100),)),
    "above the page": ("off-page", (AtPlace(page=1, x=100, y=1),)),
    "not a number": ("off-page", (AtPlace(page=1, x=float("nan"), y=100),)),
    "no such word": ("keyword-not-found", (AtKeyword(keyword="无此词"),)),
    "a fourth time": ("keyword-not-found", (AtKeyword(keyword=KEYWORD, occurrence=4),)),
    "no word": ("keyword", (AtKeyword(keyword=" "),)),
    "one page": ("one-page", (AcrossPages(first=2, last=2),)),
    "backwards": ("one-page", (AcrossPages(first=3, last=1),)),
    "across, below": ("off-page", (AcrossPages(y=290),)),
    "across, not a number": ("off-page", (AcrossPages(y=float("nan")),)),
    "an endless way": ("off-page", (AtKeyword(keyword=KEYWORD, right=float("inf")),)),
}


@pytest.mark.parametrize(("why", "placements"), NOWHERE.values(), ids=NOWHERE)
def test_places_that_are_none(why: str, placements: Sequence[Placement]) -> None:
    """Refused under a key."""
    with pytest.raises(SealRefused) as refused:
        sealed(document(), placements)

    assert refused.value.why == why


def test_a_seal_cannot_be_cut_thinner_than_it_can_be_seen() -> None:
    """42 mm make 42 slices, not 43."""
    assert len(stamps(sealed(document(pages=42), (AcrossPages(),)))) == 42
    with pytest.raises(SealRefused):
        sealed(document(pages=43), (AcrossPages(),))


def test_a_keyword_is_looked_for_as_it_is_seen() -> None:
    """Not where it is hidden, turned away from its neighbours, or off the page."""
    word = line("关键", 250, 41)
    for hostile in (
        line("关", 250, 41) + line("键", 120, 42),
        word.replace('Boundary="20', 'Boundary="-500'),
    ):
        whole = document({FIRST: page(line("正文", 40), hostile)})
        with pytest.raises((SealRefused, DocumentRefused)):
            sealed(whole, (AtKeyword(keyword="关键"),))
    assert stamps(sealed(document({FIRST: page(word)}), (AtKeyword(keyword="关键"),)))[0]


# --- what is not sealed -----------------------------------------------------------------------

ROOT = PLAIN["/Doc_0/Document.xml"]
ANNOTATION = "/Doc_0/Annots/Page_0/Annotation.xml"


def annotated(annotation: str) -> dict[str, bytes]:
    """A page with an annotation over it."""
    return {ANNOTATION: xml("PageAnnot", annotation)}


def annotation(attributes: str, objects: str = "", box: str = "0 0 210 297") -> str:
    """One annotation."""
    return (
        f'<ofd:Annot ID="90" Creator="a" LastModDate="2026-11-24" {attributes}>'
        f'<ofd:Appearance Boundary="{box}">{objects}</ofd:Appearance></ofd:Annot>'
    )


def body(*objects: str) -> dict[str, bytes]:
    """Another first page."""
    return {FIRST: page(*objects)}


TEXT = line("金额一百元", 40)
COMPOSITE = '<ofd:CompositeObject ID="33" Boundary="20 38 100 9" ResourceID="34"/>'


def composite(*objects: str) -> dict[str, bytes]:
    """Resources with a composite unit of these objects."""
    unit = (
        '<ofd:CompositeGraphicUnits><ofd:CompositeGraphicUnit ID="34" Width="9" Height="9">'
        f"<ofd:Content>{''.join(objects)}</ofd:Content></ofd:CompositeGraphicUnit>"
        "</ofd:CompositeGraphicUnits></ofd:Res>"
    )
    resources = PLAIN["/Doc_0/DocumentRes.xml"]
    return {"/Doc_0/DocumentRes.xml": resources.replace(b"</ofd:Res>", unit.encode())}


NOT_SEALED: dict[str, tuple[str, dict[str, bytes]]] = {
    "a part nobody refers to": ("unreferenced", {"/Doc_0/more.bin": b"x"}),
    "an old signature nobody lists": (
        "unreferenced", {"/Doc_0/Signs/Sign_0/Signature.xml": xml("Signature", "")}),
    "encryption": ("encrypted", {"/Encryptions.xml": xml("Encryptions", "")}),
    "a web address": (
        "external", {"/Doc_0/Document.xml": ROOT.replace(b">PublicRes.xml", b">http://a/b")}),
    "a part that is not there": (
        "missing", {"/Doc_0/Document.xml": ROOT.replace(b">PublicRes.xml", b">No.xml")}),
    "a DTD": ("doctype", {FIRST: b"<!DOCTYPE a><Page/>"}),
    "two documents": (
        "several-documents",
        {"/OFD.xml": PLAIN["/OFD.xml"].replace(
            b"</ofd:OFD>", b"<ofd:DocBody><ofd:DocRoot>/Doc_0/Other.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"),
         "/Doc_0/Other.xml": ROOT}),
    "versions": (
        "versions",
        {"/OFD.xml": PLAIN["/OFD.xml"].replace(
            b"</ofd:DocBody>",
            b'<ofd:Versions><ofd:Version BaseLoc="Doc_0/V.xml"/></ofd:Versions></ofd:DocBody>'),
         "/Doc_0/V.xml": xml("DocVersion", "")}),
    "two pages of one id": (
        "page-twice", {"/Doc_0/Document.xml": ROOT.replace(b'Page ID="101"', b'Page ID="100"')}),
    "a page twice": (
        "page-twice", {"/Doc_0/Document.xml": ROOT.replace(b"Page_1/C", b"Page_0/C"),
                       "/Doc_0/PublicRes.xml": PLAIN["/Doc_0/PublicRes.xml"]}),
    "an action": (
        "action",
        {"/Doc_0/Document.xml": ROOT.replace(
            b"</ofd:Pages>",
            b'</ofd:Pages><ofd:Actions><ofd:Action Event="DO"><ofd:URI URI="http://a/"/></ofd:Action></ofd:Actions>')}),
    "a script on a page": (
        "action",
        {FIRST: page(TEXT).replace(
            b"</ofd:Page>",
            b'<ofd:Actions><ofd:Action Event="PO"><ofd:JavaScript>x</ofd:JavaScript></ofd:Action></ofd:Actions></ofd:Page>')}),
    "hidden text": ("hidden", body(TEXT.replace("Font", 'Visible="false" Font'))),
    "a hidden annotation": ("hidden", annotated(annotation('Type="Path" Visible="false"'))),
    "an annotation not printed": ("hidden", annotated(annotation('Type="Path" Print="false"'))),
    "a painted seal": ("painted-stamp", annotated(annotation('Type="Stamp"'))),
    "faint text": ("transparent", body(TEXT.replace("Font", 'Alpha="0" Font'))),
    "text without colour": ("transparent", body(TEXT.replace("Font", 'Fill="false" Font'))),
    "text of faint colour": (
        "transparent", body(TEXT.replace("<ofd:TextCode", '<ofd:FillColor Alpha="0"/><ofd:TextCode'))),
    "text too small": ("transparent", body(TEXT.replace('Size="5"', 'Size="0.1"'))),
    "white text": (
        "white", body(TEXT.replace("<ofd:TextCode", '<ofd:FillColor Value="255 255 255"/><ofd:TextCode'))),
    "hidden text in a composite": (
        "hidden", composite(TEXT.replace("Font", 'Visible="false" Font'))),
    "faint text in a composite": ("transparent", composite(TEXT.replace("Font", 'Alpha="0" Font'))),
    "text under a composite": (
        "covered",
        {**composite(TEXT), **body(TEXT, COMPOSITE)}),
    "text off the page": ("off-page", body(TEXT.replace('Boundary="20', 'Boundary="220'))),
    "the last character off the page": (
        "off-page", body(TEXT.replace('DeltaX="g 4 5"', 'DeltaX="5 5 5 500"'))),
    "text under a rectangle": ("covered", body(TEXT, RECTANGLE.format(id=30, box="20 38 100 9"))),
    "one character under a rectangle": (
        "covered", body(TEXT, RECTANGLE.format(id=30, box="30.2 38 4.6 9"))),
    "text under a picture": ("covered", body(TEXT, IMAGE.format(id=30, box="20 38 100 9"))),
    "a picture under a picture": (
        "covered", body(IMAGE.format(id=30, box="20 38 10 9"), IMAGE.format(id=31, box="20 38 10 9"))),
    "text under an annotation": (
        "covered",
        annotated(annotation('Type="Path"', RECTANGLE.format(id=91, box="0 0 100 20"), "20 30 100 20"))),
    "text under a block": (
        "covered", body(TEXT, f'<ofd:PageBlock ID="1">{IMAGE.format(id=30, box="20 38 100 9")}</ofd:PageBlock>')),
    "text under the foreground": (
        "covered",
        {FIRST: xml("Page", '<ofd:Content>'
            f'<ofd:Layer ID="1" Type="Foreground">{RECTANGLE.format(id=30, box="20 38 100 9")}</ofd:Layer>'
            f'<ofd:Layer ID="2">{TEXT}</ofd:Layer></ofd:Content>')}),
    "text under a foreground template": (
        "covered",
        {FIRST: page(TEXT, head='<ofd:Template TemplateID="50" ZOrder="Foreground"/>'),
         "/Doc_0/Tpls/Tpl_0/Content.xml": page(IMAGE.format(id=30, box="0 0 210 297"))}),
    "blocks in blocks": (
        "objects", body('<ofd:PageBlock ID="1">' * 60 + TEXT + "</ofd:PageBlock>" * 60)),
    "more covers than are compared": (
        "objects", body(RECTANGLE.format(id=1, box="20 40 9 9") * 2500, TEXT * 400)),
    "more characters than are looked at": ("objects", body(line("字" * 300_001, 40))),
    "more covers than fit in cells": (
        "objects", body(RECTANGLE.format(id=1, box="0 0 210 297") * 10_000)),
    "numbers beyond reason": (
        "off-page", body(TEXT.replace('DeltaX="g 4 5"', 'DeltaX="9e8 9e8"'))),
    "no size": (
        "no-pages", {"/Doc_0/Document.xml": ROOT.replace(b"0 0 210 297", b"0 0 0 0")}),
}  # fmt: skip


@pytest.mark.parametrize(("why", "changes"), NOT_SEALED.values(), ids=NOT_SEALED)
def test_documents_that_are_not_sealed(why: str, changes: dict[str, bytes]) -> None:
    """Each under its key."""
    with pytest.raises(DocumentRefused) as refused:
        sealed(document(changes))

    assert why in {key for key, _ in refused.value.why}


SEALED: dict[str, dict[str, bytes]] = {
    "a background under the text": body(RECTANGLE.format(id=30, box="0 0 210 297"), TEXT),
    "white text on something": body(
        RECTANGLE.format(id=30, box="0 0 210 297").replace("255 255 255", "200 0 0"),
        TEXT.replace("<ofd:TextCode", '<ofd:FillColor Value="255 255 255"/><ofd:TextCode'),
    ),
    "a line beneath the text": body(TEXT, RECTANGLE.format(id=30, box="20 47 100 0.5")),
    "a half transparent picture over the text": body(
        TEXT, IMAGE.format(id=30, box="0 0 210 297").replace("Res", 'Alpha="40" Res')
    ),
    "a frame around the text": body(
        TEXT,
        RECTANGLE.format(id=30, box="10 30 190 30").replace(
            "M 0 0 L 9 0 L 9 9 C", "M 0 0 L 9 0 L 9 9 C M 1 1 L 8 1 L 8 8 C"
        ),
    ),
    "a composite beside the text": {
        **composite(TEXT),
        **body(TEXT, COMPOSITE.replace("20 38", "20 138")),
    },
    "an action that turns a page": {
        "/Doc_0/Document.xml": ROOT.replace(
            b"</ofd:Pages>",
            b"</ofd:Pages><ofd:Outlines><ofd:OutlineElem Title='a'><ofd:Actions>"
            b"<ofd:Action Event='CLICK'><ofd:Goto/></ofd:Action></ofd:Actions>"
            b"</ofd:OutlineElem></ofd:Outlines>",
        )
    },
}


@pytest.mark.parametrize("changes", SEALED.values(), ids=SEALED)
def test_documents_that_look_odd_and_are_sealed(changes: dict[str, bytes]) -> None:
    """Nothing in them is hidden."""
    assert inspect(sealed(document(changes))).signatures


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_pages_of_any_kind(data: st.DataObject) -> None:
    """Numbers, words and whole pieces exchanged on a page: sealed and right, or refused."""
    whole = page(
        TEXT, IMAGE.format(id=30, box="20 60 10 9"), RECTANGLE.format(id=31, box="0 0 9 9")
    )
    words = re.findall(rb'"[^"]*"', whole)
    for _ in range(data.draw(st.integers(1, 4))):
        old = data.draw(st.sampled_from(words))
        new = data.draw(st.sampled_from([*words, b'"-1e9"', b'"1e8 1e8 1e8 1e8 1e8 1e8"', b'"g"',
                                         b'"g 99999999999 1"', b'""', b'"NaN"', b'"true"']))  # fmt: skip
        whole = whole.replace(old, new)
    try:
        made = sealed(document({FIRST: whole}), (AtKeyword(keyword="金额"), *HERE))
    except (DocumentRefused, MalformedDocument, SealRefused):
        return

    assert verify(made, NOW).verdict is Verdict.INDETERMINATE


def test_all_reasons_are_told() -> None:
    """Not the first one only."""
    changes = {"/Doc_0/a.bin": b"", "/Doc_0/b.bin": b""}
    hidden = body(TEXT.replace("Font", 'Visible="false" Font'))
    with pytest.raises(DocumentRefused) as refused:
        sealed(document({**changes, **hidden}))

    assert set(refused.value.why) >= {
        ("unreferenced", "/Doc_0/a.bin"), ("unreferenced", "/Doc_0/b.bin"), ("hidden", FIRST),
    }  # fmt: skip


def test_nothing_is_sealed_over_a_broken_seal() -> None:
    """Who seals a changed document would vouch for the change."""
    broken = OFDPackage.open(sealed()).rewritten({"/Doc_0/ext.bin": b"changed"})
    with pytest.raises(DocumentRefused) as refused:
        sealed(broken)

    assert ("signature-failed", "s001") in refused.value.why


@pytest.mark.parametrize("behind", [b"\x00", b"PK\x05\x06" + bytes(18)])
def test_bytes_behind_are_not_sealed(behind: bytes) -> None:
    """The container is not opened at all."""
    with pytest.raises(MalformedDocument):
        sealed(document() + behind)


def test_files_of_others_are_sealed() -> None:
    """The plain sample gets a seal at its keyword; one signed by others gets a second one."""
    for name, count in (("helloworld.ofd", 1), ("DigitalSign.ofd", 2)):
        whole = sealed(sample(name), (AtKeyword(keyword="OFD Reader", down=30),))

        assert len(inspect(whole).signatures) == count
        assert verify(whole, NOW).verdict is Verdict.INDETERMINATE


def test_a_large_document_stays_small_in_memory() -> None:
    """24 MB of pictures, stored as they are: sealed and verified with no more than the result and
    a little beside the document itself.
    """
    noise = PrivateKey(7).sign(b"").raw * (1 << 16)
    big = {f"/Doc_0/Res/big{at}.png": bytes((at,)) + noise for at in range(6)}
    media = "".join(
        f'<ofd:MultiMedia ID="{900 + at}" Type="Image"><ofd:MediaFile>big{at}.png</ofd:MediaFile>'
        "</ofd:MultiMedia>"
        for at in range(6)
    )
    resources = PLAIN["/Doc_0/DocumentRes.xml"].replace(
        b"<ofd:MultiMedias>", b"<ofd:MultiMedias>" + media.encode()
    )
    plain = packed({**PLAIN, "/Doc_0/DocumentRes.xml": resources, **big})
    assert len(plain) > 24 << 20
    tracemalloc.start()
    whole = sealed(plain)
    report = verify(whole, NOW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert report.verdict is Verdict.INDETERMINATE
    assert peak < 1.5 * len(plain)
