"""Paths: what they find, and all that they are not."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.paths import PathRefused, compile_json, compile_xml

DOCUMENT: dict[str, Any] = {
    "a": {"b": [{"c": 1, "d": [1, 2]}, {"c": None, "d": [3, None]}, {"d": "x"}], "空 格": "值"},
    "n": [[1, [2]], [3], 4, None], "s": "text",
}  # fmt: skip

FOUND: dict[str, Any] = {
    "s": "text",
    "a.b[0].c": 1,
    "a.b[-1].d": "x",
    "a.b[7].c": None,
    'a."空 格"': "值",
    "a.b[].c": [1],
    "a.b[].d": [[1, 2], [3, None], "x"],
    "a.b[].d[]": [1, 2, 3, "x"],
    "a.b[].d[0]": [1, 3],
    "n[]": [1, [2], 3, 4],
    "n[][]": [1, 2, 3, 4],
    "a.s": None,
    "s.x": None,
    "s[0]": None,
    "s[]": None,
    "nothing.at.all": None,
    "@": DOCUMENT,
}


@pytest.mark.parametrize("path", FOUND)
def test_a_path_finds_what_jmespath_finds(path: str) -> None:
    """Our walk gives what the expression means to JMESPath itself."""
    assert compile_json(path)(DOCUMENT) == FOUND[path]
    assert jmespath.search(path, DOCUMENT) == FOUND[path]


NAMES = st.sampled_from(["a", "b", "c", '"d e"'])
STEPS = st.one_of(NAMES.map(lambda n: f".{n}"), st.sampled_from(["[0]", "[-1]", "[1]", "[]"]))
PATHS = st.builds(
    lambda head, steps: head + "".join(steps), NAMES, st.lists(STEPS, max_size=5)
).filter(lambda path: path.count("[]") <= 3)
VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.just("s"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "d e"]), inner, max_size=3)
    ),
    max_leaves=25,
)


@given(path=PATHS, document=VALUES)
def test_no_document_tells_our_walk_from_jmespath(path: str, document: Any) -> None:
    """Over any path of the subset and any document, JMESPath is the oracle."""
    assert compile_json(path)(document) == jmespath.search(path, document)


REFUSED_JSON = {
    "nothing": "",
    "filter": "a[?b == `1`]",
    "function": "length(a)",
    "function on a name": "a.b.keys(@)",
    "pipe": "a | b",
    "multiselect list": "[a, b]",
    "the exploding one": "[@,@][]|" * 20 + "@",
    "multiselect hash": "{a: b}",
    "list wildcard": "a[*].b",
    "value wildcard": "a.*",
    "slice": "a[1:2]",
    "or": "a || b",
    "not": "!a",
    "comparison": "a == b",
    "literal": "`1`",
    "raw string": "'a'",
    "expression reference": "&a",
    "parentheses": "(a)",
    "current in the middle": "a.@",
    "10 kB": "a." * 5000 + "a",
    "too many steps": ".".join("a" * 13),
    "too many flattenings": "a[][][][]",
    "brackets all the way": "[" * 500,
    "parentheses all the way": "(" * 500,
    "an open quote": '"a',
    "a trailing dot": "a.",
    "a lone dot": ".",
    "an index of nonsense": "a[x]",
    "a very long index": f"a[{'9' * 400}]",
    "null byte": "a\x00b",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_expressions_that_do_more_than_walk_are_refused(name: str) -> None:
    """Everything of JMESPath beyond names, indexes and flattening is refused when compiled."""
    with pytest.raises(PathRefused):
        compile_json(REFUSED_JSON[name])


XML = etree.fromstring(
    '<r xmlns:p="urn:p" id="7" p:k="v"><a>1</a><a>2<b>3</b>4</a><p:a>5</p:a><e/><c><d>x</d></c>'
    "<c><d>y</d><d>z</d></c></r>"
)
SPACES = {"q": "urn:p"}

TEXTS: dict[str, str | None] = {
    "a": "1",
    "a[2]": "234",
    "a[2]/b": "3",
    "a[3]": None,
    "q:a": "5",
    "e": "",
    "@id": "7",
    "@q:k": "v",
    "@none": None,
    "c/d[2]": "z",
    "c[2]/d[1]": "y",
    "c/@id": None,
    "nothing/here": None,
    ".": "1234" + "5" + "xyz",
}


@pytest.mark.parametrize("path", TEXTS)
def test_location_paths_find_what_xpath_finds(path: str) -> None:
    """The text of the first node; lxml's own XPath agrees."""
    assert compile_xml(path, SPACES).text(XML) == TEXTS[path]
    oracle = XML.xpath(f"string(({path})[1])", namespaces=SPACES)
    assert oracle == (TEXTS[path] or "")


def test_nodes_are_all_nodes() -> None:
    """What repeats is found in document order."""
    assert [node.text for node in compile_xml("c/d", {}).nodes(XML)] == ["x", "y", "z"]


def test_text_after_an_element_is_not_its_own() -> None:
    """The tail of an element belongs to its parent."""
    assert compile_xml(".", {}).text(XML[1][0]) == "3"


REFUSED_XML = {
    "nothing": "",
    "absolute": "/r/a",
    "anywhere": "//a",
    "anywhere below": "a//b",
    "parent": "../a",
    "axis": "ancestor::a",
    "wildcard": "*",
    "attribute wildcard": "@*",
    "function": "text()",
    "count": "count(a)",
    "predicate": "a[b='1']",
    "last": "a[last()]",
    "position zero": "a[0]",
    "union": "a|b",
    "undeclared prefix": "x:a",
    "attribute in the middle": "@a/b",
    "document": "document('http://127.0.0.1:9/')",
    "10 kB": "a/" * 5000 + "a",
    "too many steps": "/".join("a" * 13),
    "arithmetic": "a+b",
    "variable": "$a",
    "space": "a b",
}


@pytest.mark.parametrize("name", REFUSED_XML)
def test_xpath_that_does_more_than_walk_is_refused(name: str) -> None:
    """Only relative child and attribute steps with positions are compiled."""
    with pytest.raises(PathRefused):
        compile_xml(REFUSED_XML[name], SPACES)


@given(st.text(max_size=60))
def test_no_text_breaks_the_compilers(text: str) -> None:
    """Any text is either a path that ends or refused; nothing else is raised."""
    for compiled in (lambda: compile_json(text)(DOCUMENT), lambda: compile_xml(text, {}).text(XML)):
        try:
            compiled()
        except PathRefused:
            continue
