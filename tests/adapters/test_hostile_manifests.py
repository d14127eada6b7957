"""A manifest is data. Whatever it holds, it is judged in bounded time and space, contacts nobody,
reads no file it should not, and computes nothing.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import located, paths
from adapters.compiling import Compiler
from adapters.errors import Complaint, InvalidManifest
from adapters.manifest import Answer, Connect
from adapters.model import Outcome, RawReply
from adapters.registry import check, connect
from tests.adapters.small import CATALOG, COUNTY, now, write
from tests.adapters.test_rest import MANIFEST

RESOURCE = CATALOG.resources["sample.everything"]
MOST = 200
"""Complaints about one manifest; a person reads them."""
MEMORY = 96 * 1024 * 1024


def complaints(folder: Path, text: str | bytes) -> tuple[Complaint, ...]:
    """Everything that is wrong with a manifest."""
    write(folder, permit="")
    raw = text.encode() if isinstance(text, str) else text
    (folder / "sources" / "permit.yaml").write_bytes(raw)
    with pytest.raises(InvalidManifest) as caught:
        check(folder, county=COUNTY, catalog=CATALOG, now=now)
    return caught.value.complaints


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
FIELD = "        permit_no: { at: jzzh }\n"


def with_fields(rows: str) -> str:
    """The manifest with other fields."""
    return MANIFEST.replace(FIELD, rows)


def with_path(path: str) -> str:
    """The manifest with another path for its first field."""
    return with_fields(f"        permit_no: {{ at: {json.dumps(path)} }}\n")


FILES: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "a billion laughs": (lambda: MANIFEST + LAUGHS, "anchor"),
    "an anchor that holds itself": (lambda: MANIFEST + "x: &x [*x]\n", "anchor"),
    "a merge key": (lambda: MANIFEST + "x: {<<: {a: 1}}\n", "unknown-key"),
    "ten megabytes": (lambda: MANIFEST + "# " + "x" * 10_000_000, "too-large"),
    "ten megabytes of keys": (
        lambda: "".join(f"k{at}: 1\n" for at in range(1_000_000)), "too-large",
    ),
    "a hundred thousand keys": (
        lambda: "".join(f"{at:x}: 1\n" for at in range(100_000)), "too-large",
    ),
    "as many keys as fit": (
        lambda: MANIFEST + "".join(f"k{at}: 1\n" for at in range(20_000)), "unknown-key",
    ),
    "as many fields as fit": (
        lambda: with_fields("".join(f"        f{at}: {{ at: a }}\n" for at in range(8_000))),
        "unknown-field",
    ),
    "a hundred thousand levels": (lambda: "[" * 100_000, "shape"),
    "levels of mappings": (lambda: "a: " + "{a: " * 5_000 + "1" + "}" * 5_000, "shape"),
    "levels of indentation": (
        lambda: "".join(" " * at + "a:\n" for at in range(600)), "shape",
    ),
    "a Python object": (lambda: MANIFEST + "x: !!python/object/apply:os.system [id]\n", "tag"),
    "a tag of somebody's own": (lambda: MANIFEST + "x: !include other.yaml\n", "tag"),
    "a binary": (lambda: MANIFEST + "x: !!binary aGk=\n", "tag"),
    "two documents": (lambda: MANIFEST + "---\nsource: other\n", "shape"),
    "a directive": (lambda: "%YAML 9.9\n---\n" + MANIFEST, "yaml"),
    "a list for a mapping": (lambda: "- a\n- b\n", "shape"),
    "a text for a mapping": (lambda: "hello\n", "shape"),
    "nothing": (lambda: "", "empty"),
    "a comment": (lambda: "# nothing\n", "empty"),
    "no UTF-8": (lambda: b"\xff\xfe" + "source: x".encode("utf-16-le"), "unreadable"),
    "NUL": (lambda: MANIFEST + "x: a\x00b\n", "yaml"),
    "a key that is a mapping": (lambda: MANIFEST + "{a: 1}: 2\n", "key"),
    "a key that is a list": (lambda: MANIFEST + "[a, b]: 2\n", "key"),
    "the same key twice": (lambda: MANIFEST + "source: other\n", "duplicate-key"),
    "keys of Python": (
        lambda: MANIFEST.replace("connect:\n", "connect:\n  __class__: x\n"), "unknown-key",
    ),
    "a number without end": (lambda: MANIFEST.replace("2s", "9" * 5_000 + "s"), "timeout"),
    "not a number": (lambda: MANIFEST.replace("timeout: 2s", "timeout: .nan"), "value"),
    "an infinite deadline": (lambda: MANIFEST.replace("timeout: 2s", "timeout: .inf"), "value"),
    "a deadline before it began": (lambda: MANIFEST.replace("2s", "-2s"), "value"),
    "a source that is a path": (
        lambda: MANIFEST.replace("source: permit", "source: ../../etc/passwd"), "pattern",
    ),
    "an authority file elsewhere": (
        lambda: MANIFEST.replace("timeout: 2s", "ca_file: ../../../etc/ssl/cert.pem"), "pattern",
    ),
    "an address that is a file": (
        lambda: MANIFEST.replace("${PERMIT_URL}", "file:///etc/hostname"), "value",
    ),
    "an address with a user": (
        lambda: MANIFEST.replace("${PERMIT_URL}", "http://u:p@h/"), "value",
    ),
    "a kind that is a module": (lambda: MANIFEST.replace("kind: rest", "kind: os.system"), "unknown-kind"),
    "a kind that is a path": (lambda: MANIFEST.replace("kind: rest", "kind: ../x"), "unknown-kind"),
    "a request line": (
        lambda: MANIFEST.replace("path: /api/v2/jzz", 'path: "/a HTTP/1.1\\r\\nX: y"'), "pattern",
    ),
    "a header line": (
        lambda: MANIFEST.replace("X-Reason:", '"X-Reason: y\\r\\nX":'), "value",
    ),
    "a method of one's own": (lambda: MANIFEST.replace("method: GET", "method: DELETE"), "literal-error"),
    "what nobody knows": (
        lambda: MANIFEST.replace("keys.id_number", "environ.HOME"), "pattern",
    ),
    "an attribute of the call": (
        lambda: MANIFEST.replace("keys.id_number", "keys.__class__"), "pattern",
    ),
    "an expression": (lambda: MANIFEST.replace("keys.id_number", "keys.a + keys.b"), "pattern"),
    "a template": (lambda: MANIFEST.replace("keys.id_number", '"{{ keys.id_number }}"'), "pattern"),
}  # fmt: skip
ELSEWHERE = {
    "a number without end": {"finite-number"},
    "a header line": {"value", "pattern", "unknown-key"},
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_a_complaint(name: str, tmp_path: Path) -> None:
    """With its rule, in bounded memory, and few enough to read."""
    make, rule = FILES[name]
    text = make()
    tracemalloc.start()
    try:
        found = complaints(tmp_path, text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    rules = {each.rule for each in found}
    assert rules & ELSEWHERE.get(name, {rule}), found[:3]
    assert peak < MEMORY
    assert all(len(str(each)) < 2_000 for each in found)


PATHS = {
    "a function": "length(data)",
    "a function that is slow": "sort_by(data, &a)",
    "a filter": "data[?a == 'b']",
    "a filter that is always true": "data[?`true`]",
    "a wildcard": "data[*].a",
    "a wildcard over keys": "data.*",
    "a pipe": "data | [0]",
    "a choice": "a || b",
    "a conjunction": "a && b",
    "a negation": "!a",
    "a literal": "`{}`",
    "a raw literal": "'x'",
    "a multiselect": "[a, b]",
    "a multiselect of names": "{a: b}",
    "one that doubles": "[@,@][]|" * 20 + "@",
    "a slice": "data[0:1000]",
    "a slice without end": "data[::-1]",
    "the current node inside": "a.@.b",
    "an expression reference": "&a",
    "a comparison": "a == b",
    "arithmetic": "a + b",
    "the environment": "$ENV",
    "a let expression": "let $a = b in $a",
    "too long": "a." * 300 + "a",
    "too many steps": ".".join("abcdefghijklmnop"),
    "too many flattenings": "a[][][][]",
    "brackets without end": "[" * 400,
    "an index without end": "a[" + "9" * 400 + "]",
    "quotes without end": '"' * 401,
    "a quote that is not closed": '"a',
    "an escape that is none": '"\\u"',
    "nothing": "",
    "blanks": "   ",
    "a parent": "a/../b",
    "an axis": "ancestor::a",
    "anywhere below": "//a",
    "a variable": "$a",
    "control characters": "a\x00b",
}


@pytest.mark.parametrize("name", PATHS)
def test_a_path_only_walks(name: str, tmp_path: Path) -> None:
    """What could filter, call, choose, repeat or look upwards is refused when it is loaded."""
    found = complaints(tmp_path, with_path(PATHS[name]))
    assert {each.rule for each in found} <= {"path", "yaml"}
    assert found


XPATHS = ["//a", "/a", "..", "a/..", "ancestor::a", "a[b]", "a[last()]", "a[position()<9]", "a|b",
          "document('x')", "a[.='x']", "*", "@*", "a/text()", "string(a)", "id('x')", "a[0]", "x:a",
          "a[1000000000000]", "a/" * 40 + "a", "namespace::a", "$v", "a and b", "processing-instruction()"]  # fmt: skip


@pytest.mark.parametrize("path", XPATHS)
def test_a_location_path_only_walks(path: str) -> None:
    """The same for XML: no axis, no predicate but a position, no function, no union."""
    with pytest.raises(paths.PathRefused):
        paths.compile_xml(path, {})


@given(st.text(alphabet="ab.[]@*|&`'\"()!=<>$ 019?:,{}/\\", max_size=40))
def test_any_path_is_compiled_or_refused(text: str) -> None:
    """Nothing else is raised, and what is compiled ends at once on any value."""
    try:
        get = paths.compile_json(text)
    except paths.PathRefused:
        return
    assert get({}) is None or text.strip() == "@"


FORMS = {
    "unknown directives": "%Q%Y",
    "a regular expression": "(%Y)+%m",
    "nested repetition": "(a+)+%Y",
    "a very long one": "%Y" + "-" * 100_000,
    "nothing": "",
    "only percent": "%" * 50,
    "a group": "(?P<x>%Y)",
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_no_regular_expression(name: str, tmp_path: Path) -> None:
    """It is refused, or its characters stand for themselves and no text makes it slow."""
    form = FORMS[name]
    text = MANIFEST.replace(
        'form: "%Y-%m-%d %H:%M:%S" }\n        gender',
        f"form: {json.dumps(form)} }}\n        gender",
    )
    assert text != MANIFEST
    write(tmp_path, permit=text)
    rules: set[str] = set()
    try:
        check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    except InvalidManifest as error:
        rules = {each.rule for each in error.complaints}
    assert rules <= {"value", "form"}
    if rules:
        return
    made = answering({"fields": {"day": {"at": "d", "form": form}}})
    for value in ("a" * 50_000, "(" * 50_000, "-" * 50_000 + "1", "2024" * 10_000):
        reading = made({"d": value})
        assert dict(reading.records[0].bad) == {"day": "date"}


def answering(answer: dict[str, Any]) -> Callable[[Any], Any]:
    """How an `answer` section reads a document."""
    maker = Compiler(
        at=("resources", RESOURCE.id), connect=Connect(), resource=RESOURCE,
        tables=CATALOG.code_tables,
    )  # fmt: skip
    plan = maker.plan(Answer.model_validate(answer))
    assert maker.findings == []
    return lambda document: plan.read(RawReply(body=json.dumps(document).encode(), status=200))


def test_the_environment_is_read_for_connections_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable may stand in `connect`; as a key, a constant or a path it is text like any
    other, and nothing outside the mapping that is given is looked at.
    """
    monkeypatch.setenv("TEST_SECRET", "from-the-environment")
    text = MANIFEST.replace("PERMIT_URL", "TEST_SECRET")
    write(tmp_path, permit=text)
    with pytest.raises(InvalidManifest) as caught:
        connect(tmp_path, county=COUNTY, catalog=CATALOG, environment={}, now=now)
    assert [each.rule for each in caught.value.complaints] == ["missing-variable"]
    assert "from-the-environment" not in str(caught.value)


VARIABLES = ["${a}", "${A:-b}", "${A", "$${A}", "${A}${", "${${A}}", "${A;id}", "${}"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_is_a_name_and_nothing_else(variable: str, tmp_path: Path) -> None:
    """No default, no nesting, no command."""
    text = MANIFEST.replace("${PERMIT_URL}", json.dumps(variable))
    write(tmp_path, permit=text)
    with pytest.raises(InvalidManifest) as caught:
        connect(
            tmp_path, county=COUNTY, catalog=CATALOG, environment={"A": "${B}", "B": "x"}, now=now
        )
    assert {each.rule for each in caught.value.complaints} <= {
        "variable",
        "missing-variable",
        "value",
    }


def test_what_comes_from_the_environment_is_not_read_again(tmp_path: Path) -> None:
    """A value that looks like a variable stays a value."""
    write(tmp_path, permit=MANIFEST)
    with pytest.raises(InvalidManifest) as caught:
        connect(
            tmp_path, county=COUNTY, catalog=CATALOG,
            environment={"PERMIT_URL": "${SECRET}", "SECRET": "http://elsewhere.invalid"}, now=now,
        )  # fmt: skip
    assert "elsewhere" not in str(caught.value)


def test_includes_are_not_known(tmp_path: Path) -> None:
    """A file beside the manifest is another manifest, and nothing of it comes in here."""
    write(tmp_path, permit=MANIFEST.replace("source: permit", "include: other.yaml"))
    (tmp_path / "sources" / "other.txt").write_text("source: permit\n", encoding="utf-8")
    with pytest.raises(InvalidManifest) as caught:
        check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    assert {each.rule for each in caught.value.complaints} == {"unknown-key", "missing-key"}


def test_a_mapping_costs_no_more_than_its_paths_times_the_document() -> None:
    """The deepest and widest path there may be, over a document made for it: still an answer."""
    answer = {"lines": "a[].b[].c[]", "fields": {"text": {"at": "t"}, "line_text": {"at": "@"}}}
    rows = [{"b": [{"c": list(range(20))} for _ in range(20)]} for _ in range(20)]
    reading = answering(answer)({"t": "x", "a": rows})
    assert reading.outcome is Outcome.ANSWERED
    assert len(reading.records[0].lines) == 20 * 20 * 20


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
))  # fmt: skip
def test_anything_that_is_yaml_is_a_manifest_or_complaints(data: Any) -> None:
    """The reader of files never raises."""
    document, wrong = located.read("x.yaml", json.dumps(data))
    assert wrong or document.data is not None or data in (None, "", [], {})


def test_a_folder_for_a_file(tmp_path: Path) -> None:
    """What cannot be read is one complaint."""
    (tmp_path / "sources" / "permit.yaml").mkdir(parents=True)
    with pytest.raises(InvalidManifest) as caught:
        check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    assert [each.rule for each in caught.value.complaints] == ["unreadable"]
