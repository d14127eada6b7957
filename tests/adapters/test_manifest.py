"""The grammar: every complaint at once, with its line; secrets never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import located
from adapters.errors import InvalidManifest
from adapters.manifest import substituted
from adapters.registry import check, connect
from adapters.schema import schema
from tests.adapters.dialects import FHIR, SOAP, prepare
from tests.adapters.small import CATALOG, COUNTY, connected, now, write
from tests.adapters.test_rest import MANIFEST

ENVIRONMENT = {"PERMIT_URL": "http://127.0.0.1:9"}


def complaints(folder: Path, text: str, **environment: str) -> list[tuple[str, int]]:
    """Rule and line of everything wrong with a manifest."""
    with pytest.raises(InvalidManifest) as caught:
        connected(folder, {**ENVIRONMENT, **environment}, permit=text)
    return [(complaint.rule, complaint.line) for complaint in caught.value.complaints]


WRONG: dict[str, tuple[str, str, list[tuple[str, int]]]] = {
    "unknown key": ("timeout: 2s", "timeouts: 2s", [("unknown-key", 8)]),
    "missing key": ("authority: 县公安局\n", "", [("missing-key", 2)]),
    "duplicate key": ("timeout: 2s", "timeout: 2s\n  timeout: 3s", [("duplicate-key", 9)]),
    "anchor": ("timeout: 2s", "timeout: &t 2s", [("anchor", 8)]),
    "alias": ("timeout: 2s", "timeout: &t 2s\nbreaker: *t", [("anchor", 8), ("anchor", 9)]),
    "tag": ("timeout: 2s", "timeout: !!str 2s", [("tag", 8)]),
    "python tag": ("timeout: 2s", "timeout: !!python/object/apply:os.system [x]", [("tag", 8)]),
    "merge key": ("timeout: 2s", "<<: {timeout: 2s}", [("unknown-key", 8)]),
    "tabs": ("timeout: 2s", "\ttimeout: 2s", [("yaml", 8)]),
    "a second document": ("resources:", "---\nresources:", [("shape", 9)]),
    "nesting": ("timeout: 2s", "auth: " + "[" * 300 + "]" * 300, [("shape", 8)]),
    "duration without unit": ("timeout: 2s", "timeout: 2", [("value", 8)]),
    "duration of nothing": ("timeout: 2s", "timeout: 0s", [("greater-than", 8)]),
    "size without unit": ("timeout: 2s", "max_bytes: 100", [("value", 8)]),
    "another charset": ("timeout: 2s", "charset: klingon", [("value", 8)]),
    "another scheme": ("timeout: 2s", "auth: { scheme: magic }", [("union-tag-invalid", 8)]),
    "a secret in the file": (
        "timeout: 2s", "auth: { scheme: bearer, token: abc }", [("value", 8)],
    ),
    "an address with a password": (
        "${PERMIT_URL}", "http://u:p@127.0.0.1/", [("value", 7)],
    ),
    "an address of a file": ("${PERMIT_URL}", "file:///etc/passwd", [("value", 7)]),
    "a variable that is not set": ("${PERMIT_URL}", "${NOWHERE}/x", [("missing-variable", 7)]),
    "a broken variable": ("${PERMIT_URL}", "${permit url}", [("variable", 7)]),
    "a name of nothing we know": ("keys.id_number", "subject.id", [("pattern", 14)]),
    "a bare word for a constant": ('{const: "01"}', '"01"', [("pattern", 14)]),
    "a template": ("keys.id_number", '"{{ keys.id_number }}"', [("pattern", 14)]),
    "a method": ("method: GET", "method: DELETE", [("literal-error", 12)]),
    "a GET with a body": ("method: GET", "method: GET\n      json: { a: keys.name }", [("value", 11)]),
    "an address for a path": ("/api/v2/jzz", "http://other/x", [("pattern", 13)]),
    "a path with a query": ("/api/v2/jzz", "/api?x=1", [("pattern", 13)]),
    "at and const": ("{ at: jzzh }", "{ at: jzzh, const: x }", [("value", 23)]),
    "neither at nor const": ("{ at: jzzh }", "{ as: string }", [("value", 23)]),
    "a converter": ("{ at: jzzh }", "{ at: jzzh, as: upper }", [("enum", 23)]),
    "a form": ('form: "%Y-%m-%d %H:%M:%S" }\n        gender', 'form: "%q" }\n        gender', [("value", 25)]),
    "a path with a filter": ("{ at: jzzh }", '{ at: "a[?b]" }', [("path", 23)]),
    "a field": ("permit_no:", "permit_number:", [("unknown-field", 23)]),
    "a resource": ("residence-permit.status:", "residence-permit.nothing:", [("unknown-resource", 10)]),
    "a resource's form": ("residence-permit.status:", "permit:", [("pattern", 10)]),
    "a query key": ("keys.id_number", "keys.passport", [("unknown-query-key", 11)]),
    "no key at all": ("keys.id_number", "call.id", [("no-key", 11)]),
    "a code table": ("table: ethnic-group", "table: tribe", [("code-table", 27), ("unknown-code-table", 27)]),
    "a word for no code": ('{汉: "01"}', '{汉: "77"}', [("unknown-code", 27)]),
    "another file name": ("source: permit", "source: permits", [("file-name", 2)]),
    "a kind": ("kind: rest", "kind: carrier-pigeon", [("unknown-kind", 5)]),
    "no kind": ("kind: rest\n", "", [("unknown-kind", 2)]),
    "a breaker": ("timeout: 2s", "timeout: 2s\nbreaker: { failures: 0 }", [("greater-than-equal", 9)]),
    "no room at all": ("timeout: 2s", "timeout: 2s\nbulkhead: { calls: 0 }", [("greater-than-equal", 9)]),
    "no rate": ("timeout: 2s", "timeout: 2s\nrate: { per_second: 0 }", [("greater-than", 9)]),
    "an age without unit": ("timeout: 2s", "timeout: 2s\ncache: { max_age: 60 }", [("value", 9)]),
    "a time as a number": (
        "timeout: 2s", 'timeout: 2s\nclosed: [{ daily_from: 2330, daily_to: "00:30" }]', [("value", 9)],
    ),
    "a window of nothing": (
        "timeout: 2s", 'timeout: 2s\nclosed: [{ daily_from: "01:00", daily_to: "01:00" }]', [("value", 9)],
    ),
    "an eighth day": (
        "timeout: 2s", 'timeout: 2s\nclosed: [{ daily_from: "01:00", daily_to: "02:00", weekdays: [8] }]',
        [("less-than-equal", 9)],
    ),
    "a move backwards": (
        "timeout: 2s", 'timeout: 2s\nclosed: [{ from: "2026-12-02T00:00", to: "2026-12-01T00:00" }]',
        [("value", 9)],
    ),
    "a second try of nothing": (
        "timeout: 2s", "timeout: 2s\nretry: { share: 0.1 }", [("nothing-idempotent", 9)],
    ),
    "a replica of another grammar": (
        "timeout: 2s", "timeout: 2s\nhedge: { after: 1s, replica: { adress: x } }",
        [("replica", 9), ("nothing-idempotent", 9)],
    ),
    "a file of authorities": ("timeout: 2s", "ca_file: none.pem", [("ca-file", 8)]),
    "a file elsewhere": ("timeout: 2s", "ca_file: ../../x.pem", [("pattern", 8)]),
    "status in ok_when": ('ok_when: { code: "0" }', "ok_when: { status: 200 }", [("value", 16)]),
    "not a mapping": (MANIFEST, "- a\n- b\n", [("shape", 1)]),
    "empty": (MANIFEST, "", [("empty", 1)]),
    "comments only": (MANIFEST, "# nothing\n", [("empty", 1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, name: str) -> None:
    """Each thing that is wrong is one complaint, on its line; nothing is connected."""
    old, new, expected = WRONG[name]
    assert old in MANIFEST
    assert complaints(tmp_path, MANIFEST.replace(old, new, 1)) == expected


def test_every_complaint_of_every_file_comes_at_once(tmp_path: Path) -> None:
    """Two wrong files and three wrong things: all are told."""
    first = MANIFEST.replace("timeout: 2s", "timeouts: 2s").replace(
        "kind: rest", "kind: rest\nx: 1"
    )
    write(tmp_path, permit=first, second="{")
    with pytest.raises(InvalidManifest) as caught:
        connect(tmp_path, county=COUNTY, catalog=CATALOG, environment=ENVIRONMENT, now=now)
    files = [complaint.file for complaint in caught.value.complaints]
    assert files == ["sample/sources/permit.yaml"] * 2 + ["sample/sources/second.yaml"]
    assert "sample/sources/permit.yaml:6: [unknown-key]" in str(caught.value)


def test_one_source_id_in_two_files(tmp_path: Path) -> None:
    """The file's name is the source's id, so a copy under another name is refused."""
    write(tmp_path, permit=MANIFEST, copy=MANIFEST)
    with pytest.raises(InvalidManifest) as caught:
        connect(tmp_path, county=COUNTY, catalog=CATALOG, environment=ENVIRONMENT, now=now)
    assert [c.rule for c in caught.value.complaints] == ["file-name"]


@pytest.mark.parametrize(
    "auth",
    [
        "{ scheme: bearer, token: '${TOKEN}', extra: 1 }",
        "{ scheme: basic, user: \"${TOKEN}\\u0001\", password: '${TOKEN}' }",
        "{ scheme: none, token: '${TOKEN}' }",
        "'${TOKEN}'",
    ],
)
def test_secrets_are_not_shown_in_complaints(tmp_path: Path, auth: str) -> None:
    """Whatever is wrong around a secret, its value is not repeated."""
    text = MANIFEST.replace("timeout: 2s", f"auth: {auth}")
    with pytest.raises(InvalidManifest) as caught:
        connected(tmp_path, {**ENVIRONMENT, "TOKEN": "hush-hush"}, permit=text)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(caught.value.complaints)


def test_secrets_are_not_shown_by_what_is_connected(tmp_path: Path) -> None:
    """Nor by any object that a log might be given."""
    prepare(tmp_path)
    county = connected(
        tmp_path, {"URL": "http://127.0.0.1:9", "TOKEN": "hush-hush"}, immunization=FHIR
    )
    shown = repr(county) + repr(vars(county.sources["immunization"]))
    assert "hush" not in shown


def test_check_needs_no_environment(tmp_path: Path) -> None:
    """All kinds are judged offline; the bindings are those that `connect` makes."""
    write(prepare(tmp_path), permit=MANIFEST, hukou=SOAP, immunization=FHIR)
    bindings = check(tmp_path, county=COUNTY, catalog=CATALOG, now=now)
    environment = {**ENVIRONMENT, "URL": "http://127.0.0.1:9", "TOKEN": "x"}
    county = connect(tmp_path, county=COUNTY, catalog=CATALOG, environment=environment, now=now)
    assert bindings == county.bindings
    found = {binding.source: binding for binding in bindings}
    assert found["permit"].keys == {"id_number"}
    assert found["permit"].authority == "sample/县公安局"
    assert found["permit"].fields == {
        "permit_no", "name", "birth_date", "gender", "ethnic_group", "issuer",
    }  # fmt: skip


def test_a_county_without_sources_is_a_county(tmp_path: Path) -> None:
    """Nothing connected is not wrong."""
    assert check(tmp_path, county=COUNTY, catalog=CATALOG, now=now) == ()


def test_yaml_scalars_mean_what_they_show(tmp_path: Path) -> None:
    """Leading zeros, dates, `no` and sexagesimals stay text."""
    text = "a: 01\nb: 2024-01-01\nc: no\nd: 1:30\ne: 12\nf: true\ng: ~\nh: '7'\ni: 1.5\nj: 1e3\n"
    document, wrong = located.read("x", text)
    assert wrong == ()
    assert document.data == {
        "a": "01", "b": "2024-01-01", "c": "no", "d": "1:30", "e": 12, "f": True, "g": None,
        "h": "7", "i": 1.5, "j": "1e3",
    }  # fmt: skip


def test_variables_are_parts_of_texts_only() -> None:
    """A value may hold text around variables; keys and other scalars are untouched."""
    document, _ = located.read("x", "a: http://${H}:${P}/x\n${K}: 1\nb: [2, '${H}']\n")
    found, wrong = substituted(document, {"H": "h", "P": "8"})
    assert wrong == ()
    assert found.data == {"a": "http://h:8/x", "${K}": 1, "b": [2, "h"]}


def test_the_committed_schema_is_fresh() -> None:
    """Editors complete manifests with it; `make schema` writes it."""
    path = Path(__file__).parents[2] / "adapters" / "manifest.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == schema()


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is a document or a list of complaints."""
    document, wrong = located.read("x", text)
    assert (document.data is None) or not wrong or isinstance(document.data, dict | list)
