"""What refers to what in an OFD, and XML that is not read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.errors import MalformedDocument
from seals.ofd.document import Kind, graph, pages
from seals.ofd.markup import MAX_SIZE, box, numbers, parsed
from seals.ofd.names import resolved
from seals.ofd.package import OFDPackage
from tests.world.ofd import document, page, parts, xml


def opened(changes: dict[str, bytes] | None = None) -> OFDPackage:
    """The decision of the invented country, some parts exchanged."""
    return OFDPackage.open(document(changes))


def test_every_part_is_reached_and_known_for_what_it_is() -> None:
    """From OFD.xml to fonts, pictures, attachments, schemas and extensions."""
    package = opened()
    found = graph(package)

    assert found.problems == ()
    assert found.effective == set(package.parts)
    assert found.of(Kind.RESOURCE) == ("/Doc_0/Res/font.otf", "/Doc_0/Res/dot.png")
    assert found.of(Kind.CUSTOM_TAG) == ("/Doc_0/Tags/CustomTag_0.xml", "/Doc_0/Tags/schema.xsd")
    assert found.of(Kind.EXTENSION) == ("/Doc_0/ext.bin",)
    assert found.of(Kind.ANNOTATION) == ("/Doc_0/Annots/Page_0/Annotation.xml",)
    assert [each.id for each in pages(found)] == ["100", "101", "102"]


LOCS: dict[str, tuple[str, str, str | None]] = {
    "beside": ("a.xml", "/Doc_0/", "/Doc_0/a.xml"),
    "from the root": ("/b/a.xml", "/Doc_0/", "/b/a.xml"),
    "upwards": ("../a.xml", "/Doc_0/Pages/", "/Doc_0/a.xml"),
    "itself": ("./a//b.xml", "/Doc_0/", "/Doc_0/a/b.xml"),
    "out of the root": ("../../a.xml", "/Doc_0/", None),
    "nothing": (" ", "/", None),
    "a web address": ("http://a/b", "/", None),
    "a file address": ("file:///a", "/", None),
    "a host": ("//host/a", "/", None),
    "a backslash": ("..\\a", "/", None),
}


@pytest.mark.parametrize(("loc", "folder", "expected"), LOCS.values(), ids=LOCS)
def test_where_references_lead(loc: str, folder: str, expected: str | None) -> None:
    """Relative to the folder of their part, absolute from the root, never out of it."""
    if expected is None:
        with pytest.raises(MalformedDocument):
            resolved(loc, folder)
    else:
        assert resolved(loc, folder) == expected


BODY = parts()["/OFD.xml"]
ROOT = parts()["/Doc_0/Document.xml"]
PROBLEMS: dict[str, tuple[str, str, dict[str, bytes]]] = {
    "a web address": (
        "external",
        "/Doc_0/Document.xml",
        {"/Doc_0/Document.xml": ROOT.replace(b">PublicRes.xml<", b">http://a.example/b.xml<")},
    ),
    "a part that is not there": (
        "missing",
        "/Doc_0/Nowhere.xml",
        {"/Doc_0/Document.xml": ROOT.replace(b">PublicRes.xml<", b">Nowhere.xml<")},
    ),
    "a path out of the root": (
        "loc",
        "/Doc_0/Document.xml",
        {"/Doc_0/Document.xml": ROOT.replace(b">PublicRes.xml<", b">../../x.xml<")},
    ),
    "two roots": (
        "doubled",
        "/OFD.xml",
        {
            "/OFD.xml": BODY.replace(
                b"</ofd:DocRoot>", b"</ofd:DocRoot><ofd:DocRoot>Doc_0/ext.bin</ofd:DocRoot>"
            )
        },
    ),
    "a page that is none": (
        "root",
        "/Doc_0/Pages/Page_1/Content.xml",
        {"/Doc_0/Pages/Page_1/Content.xml": xml("Res", "")},
    ),
    "a page with a DTD": (
        "doctype",
        "/Doc_0/Pages/Page_1/Content.xml",
        {"/Doc_0/Pages/Page_1/Content.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><Page>&b;</Page>'},
    ),
    "a page that ends in the middle": (
        "xml",
        "/Doc_0/Pages/Page_1/Content.xml",
        {"/Doc_0/Pages/Page_1/Content.xml": page()[:-9]},
    ),
    "a page in wide characters": (
        "encoding",
        "/Doc_0/Pages/Page_1/Content.xml",
        {"/Doc_0/Pages/Page_1/Content.xml": "<!DOCTYPE a><Page/>".encode("utf-16")},
    ),
    "a page in UTF-7": (
        "encoding",
        "/Doc_0/Pages/Page_1/Content.xml",
        {"/Doc_0/Pages/Page_1/Content.xml": b'<?xml version="1.0" encoding="UTF-7"?><Page/>'},
    ),
}


@pytest.mark.parametrize(("why", "where", "changes"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_followed(why: str, where: str, changes: dict[str, bytes]) -> None:
    """Told with its key and place; the rest is followed."""
    found = graph(opened(changes))

    assert (why, where) in {(each.why, each.where) for each in found.problems}
    assert "/OFD.xml" in found.kinds


def test_circles_end() -> None:
    """A document that is its own resources, page and attachment list; all else is still found."""
    package = opened(
        {
            "/Doc_0/Document.xml": ROOT.replace(b">PublicRes.xml<", b">Document.xml<").replace(
                b"Pages/Page_0/Content.xml", b"Document.xml"
            )
        }
    )
    found = graph(package)

    assert {Kind.DOCUMENT, Kind.PAGE, Kind.RESOURCES} <= found.kinds["/Doc_0/Document.xml"]
    assert "root" in {each.why for each in found.problems}


def test_what_lenient_readers_find_is_found() -> None:
    """A font that lies at the root although its path is relative."""
    package = opened({"/Doc_0/PublicRes.xml": parts()["/Doc_0/PublicRes.xml"].replace(
        b"font.otf", b"Doc_0/Res/font.otf"
    )})  # fmt: skip

    assert "/Doc_0/Res/font.otf" in graph(package).effective


@pytest.mark.parametrize("namespace", ["http://www.ofdspec.org", "urn:other", ""])
def test_the_namespace_is_written_in_many_ways(namespace: str) -> None:
    """Names are compared without it."""
    changes = {
        name: content.replace(b"http://www.ofdspec.org/2016", namespace.encode())
        if namespace
        else content.replace(b' xmlns:ofd="http://www.ofdspec.org/2016"', b"").replace(b"ofd:", b"")
        for name, content in parts().items()
        if name.endswith(".xml")
    }
    found = graph(opened(changes))

    assert len(found.effective) == len(parts())


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("xml", lambda: b""),
    "no XML": ("xml", lambda: b"OFD"),
    "a million laughs": (
        "doctype",
        lambda: b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    ),
    "an external entity": (
        "doctype",
        lambda: b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ),
    "a bare doctype": ("doctype", lambda: b"<!DOCTYPE html><a/>"),
    "an undeclared entity": ("xml", lambda: b"<a>&b;</a>"),
    "very deep": ("xml", lambda: b"<a>" * 9999 + b"</a>" * 9999),
    "very large": ("too-large", lambda: b"<a>" + b" " * MAX_SIZE + b"</a>"),
    "a long attribute": ("xml", lambda: b'<a b="' + b"x" * 11_000_000 + b'"/>'),
    "two roots": ("xml", lambda: b"<a/><b/>"),
    "wide characters": ("encoding", lambda: "<a/>".encode("utf-16-be")),
    "EBCDIC": ("encoding", lambda: b'<?xml version="1.0" encoding="IBM037"?><a/>'),
    "a surrogate": ("xml", lambda: b"<a>\xed\xa0\x80</a>"),
    "an attribute twice": ("xml", lambda: b'<a b="1" b="2"/>'),
}


@pytest.mark.parametrize(("why", "data"), HOSTILE.values(), ids=HOSTILE)
def test_xml_that_is_not_read(why: str, data: Callable[[], bytes]) -> None:
    """Refused under its key."""
    with pytest.raises(MalformedDocument) as refused:
        parsed(data(), "/a.xml")

    assert refused.value.why == why


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_torn_xml_raises_only_what_is_promised(data: st.DataObject) -> None:
    """Anything cut out or doubled in any part: the graph is told, or has problems."""
    name = data.draw(st.sampled_from([name for name in parts() if name.endswith(".xml")]))
    whole = parts()[name]
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    target = data.draw(st.integers(0, len(whole)))
    torn = whole[:begin] + whole[end:]
    package = opened({name: torn[:target] + whole[begin:end] + torn[target:]})
    found = graph(package)

    assert found.effective <= set(package.parts)
    assert all(each.why and each.where for each in found.problems)
    try:
        told = pages(found)
    except MalformedDocument:
        return
    assert all(each.width > 0 for each in told)


@given(st.text(max_size=40))
def test_numbers_are_numbers(told: str) -> None:
    """Whatever stands there: finite, or none at all."""
    found = numbers(told)

    assert all(abs(each) < float("inf") for each in found)
    assert (box(told) is None) == (len(found) != 4 or min(found[2:]) <= 0)


@pytest.mark.parametrize(
    "told", ["nan nan nan nan", "0 0 inf 1", "1e999 0 1 1", "0 0 1", "a b c d"]
)
def test_boxes_that_are_none(told: str) -> None:
    """Not a number, endless, too few."""
    assert box(told) is None
