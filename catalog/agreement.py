"""What the files of the catalog say about each other, and where they disagree.

The checks run over the sound rows of files whose shape was checked (`catalog.checked`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from catalog.checked import CheckedFile, Path, Row
from catalog.codes import citizen_id, uscc
from catalog.errors import InvalidCode
from catalog.grammar import suggestion

FAR_FUTURE = date(9999, 12, 31)
"""Examples are invented; whether their birth dates lie ahead is nobody's business."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The ids that may be referred to. None in place of the fields: they are not known."""

    tables: Collection[str] | None
    types: Mapping[str, Collection[str] | None] | None
    resources: Mapping[str, Collection[str] | None] | None

    def with_resources(self, file: CheckedFile) -> Vocabulary:
        """The vocabulary of a county that describes resources of its own."""
        own = _members(file, "resources", "fields")
        both = None if self.resources is None or own is None else {**self.resources, **own}
        return Vocabulary(self.tables, self.types, both)


def _members(file: CheckedFile, key: str, inner: str) -> dict[str, Collection[str] | None] | None:
    if file.lost:
        return None
    known: dict[str, Collection[str] | None] = dict.fromkeys(file.known(file.head, key))
    for _, row in file.rows(file.head, key):
        known[row["id"]] = {*(known[row["id"]] or ()), *file.known(row, inner)}
    return known


def vocabulary(tables: CheckedFile, types: CheckedFile, resources: CheckedFile) -> Vocabulary:
    """What the national files offer to refer to."""
    return Vocabulary(
        None if tables.lost else tables.known(tables.head, "code_tables"),
        _members(types, "certificate_types", "items"),
        _members(resources, "resources", "fields"),
    )


def check_tables(file: CheckedFile) -> None:
    """Ids and codes are there once."""
    file.unique(file.rows(file.head, "code_tables"))
    for at, table in file.rows(file.head, "code_tables"):
        file.unique(file.rows(table, "codes", at), "code")
        for place, code in file.rows(table, "codes", at):
            if code.get("valid_to", "9999-12-31") < code.get("valid_from", ""):
                found, expected = "valid_to before valid_from", "a first and a last day"
                file.complain((*place, "valid_to"), "validity-reversed", found, expected)


def check_types(file: CheckedFile, known: Vocabulary) -> None:
    """Certificate types: ids, code tables and examples of their items."""
    file.unique(file.rows(file.head, "certificate_types"))
    for at, row in file.rows(file.head, "certificate_types"):
        _check_typed_rows(file, file.rows(row, "items", at), known)
        file.unique(file.rows(row, "items", at))


def check_resources(file: CheckedFile, known: Vocabulary) -> None:
    """Data resources: ids, keys, line key, code tables and examples of their fields."""
    file.unique(file.rows(file.head, "resources"))
    for at, row in file.rows(file.head, "resources"):
        _check_typed_rows(file, file.rows(row, "fields", at), known)
        file.unique(file.rows(row, "fields", at))
        file.unique(file.rows(row, "query_keys", at))
        _check_line_key(file, at, row)
        _check_standing(file, at, row)
        _check_happened(file, at, row)


def check_derived(file: CheckedFile, resources: CheckedFile) -> None:
    """Derived quantities: ids, and fields that can give them."""
    file.unique(file.rows(file.head, "derived"))
    known = {row["id"]: row for _, row in resources.rows(resources.head, "resources")}
    fits = {"years": {"date"}, "value": {"integer", "decimal", "date", "boolean", "code"}}
    for at, row in file.rows(file.head, "derived"):
        file.refer((*at, "resource"), row["resource"], known, "resource")
        if row["resource"] not in known:
            continue
        fields = {f["id"]: f for f in known[row["resource"]]["fields"]}
        file.refer((*at, "field"), row["field"], fields, "field")
        type_ = fields.get(row["field"], {}).get("type")
        if type_ is not None and type_ not in fits.get(row["how"], {type_}):
            expected = f"a field of type {', '.join(sorted(fits[row['how']]))}"
            file.complain((*at, "field"), "unfit-field", repr(row["field"]), expected)


def _check_line_key(file: CheckedFile, at: Path, row: Row) -> None:
    fields = {f["id"]: f for _, f in file.rows(row, "fields") if isinstance(f.get("id"), str)}
    key = row.get("line_key")
    if key is None or (key not in fields and key in file.known(row, "fields")):
        return
    if key not in fields:
        file.refer((*at, "line_key"), key, fields, "field")
    elif not fields[key].get("repeated", False):
        expected = "a field with repeated: true"
        file.complain((*at, "line_key"), "line-key-not-repeated", repr(key), expected)


def _check_standing(file: CheckedFile, at: Path, row: Row) -> None:
    fields = {f["id"]: f for _, f in file.rows(row, "fields") if isinstance(f.get("id"), str)}
    standing = row.get("standing")
    if not isinstance(standing, dict):
        return
    until, states = standing.get("until"), standing.get("states")
    if isinstance(until, str) and until not in fields:
        file.refer((*at, "standing", "until"), until, fields, "field")
    for name in states if isinstance(states, dict) else ():
        if name not in fields:
            file.refer((*at, "standing", "states"), name, fields, "field")


def _check_happened(file: CheckedFile, at: Path, row: Row) -> None:
    fields = {f["id"]: f for _, f in file.rows(row, "fields") if isinstance(f.get("id"), str)}
    named = row.get("happened")
    for number, name in enumerate(named if isinstance(named, list) else ()):
        if name not in fields:
            file.refer((*at, "happened", number), name, fields, "field")
        elif fields[name].get("type") != "date":
            expected = "a field of type date"
            file.complain((*at, "happened", number), "happened-no-date", repr(name), expected)


def _check_typed_rows(
    file: CheckedFile, rows: Iterator[tuple[Path, Row]], known: Vocabulary
) -> None:
    for at, row in rows:
        _check_code_table(file, at, row, known)
        _check_example(file, (*at, "example"), row)


def _check_code_table(file: CheckedFile, at: Path, row: Row, known: Vocabulary) -> None:
    table = row.get("code_table")
    if row["type"] == "code" and table is None:
        file.complain(at, "code-table-missing", "type: code", "code_table: and its id")
    elif row["type"] != "code" and table is not None:
        found = f"type: {row['type']} with a code_table"
        file.complain((*at, "code_table"), "code-table-unused", found, "type: code, or no table")
    elif table is not None and known.tables is not None:
        file.refer((*at, "code_table"), table, known.tables, "code table")


_PERSON_LABEL = re.compile("身份号码|身份证件号|身份证号|证件号码|社会保障号码")
_PERSON_NUMBER = re.compile(r"[0-9]{6}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]{4}[0-9Xx]")


def _check_example(file: CheckedFile, at: Path, row: Row) -> None:
    """Identity numbers in examples are invented ones with a right check digit."""
    example = row["example"]
    named = row["id"].endswith("id_number") or _PERSON_LABEL.search(row["label"])
    if _PERSON_NUMBER.fullmatch(example) and (named or not example.startswith("99")):
        _check_person(file, at, example)
    elif row["id"].endswith("id_number") and example:
        file.complain(at, "example-identifier", "no citizen number", "18 digits, division 99")
    elif row["id"] == "uscc" or row["id"].endswith("_uscc"):
        _check_uscc(file, at, example)


def _check_person(file: CheckedFile, at: Path, example: str) -> None:
    try:
        citizen_id(example, today=FAR_FUTURE)
    except InvalidCode as wrong:
        file.complain(at, "example-identifier", "a citizen number", wrong.expected)
    if not example.startswith("99"):
        found = "a citizen number that may be somebody's"
        file.complain(at, "example-person", found, "an invented one, division 99")


def _check_uscc(file: CheckedFile, at: Path, example: str) -> None:
    try:
        if example:
            uscc(example)
    except InvalidCode as wrong:
        file.complain(
            at, "example-identifier", "a unified social credit identifier", wrong.expected
        )


def check_authorities(file: CheckedFile) -> None:
    """Names are there once and identifiers are right."""
    file.unique(file.rows(file.head, "authorities"), "name")
    for at, row in file.rows(file.head, "authorities"):
        _check_uscc(file, (*at, "uscc"), row.get("uscc", ""))


def check_bundles(file: CheckedFile, county: str) -> None:
    """The published list: ids that belong to the county and the bundle, departments."""
    file.unique(file.rows(file.head, "bundles"))
    for at, row in file.rows(file.head, "bundles"):
        if not re.fullmatch(rf"{county}-[0-9]+", row["id"]):
            found = repr(row["id"])
            file.complain((*at, "id"), "foreign-id", found, f"{county}- and the bundle's number")
        _check_departments(file, at, row, "lead_department")
        for item_at, item in file.rows(row, "items", at):
            _check_item_id(file, item_at, item, row["id"])
            _check_departments(file, item_at, item, "department")
        file.unique(file.rows(row, "items", at))


def _check_item_id(file: CheckedFile, at: Path, item: Row, bundle: str) -> None:
    if item["id"].rpartition("-")[0] != bundle:
        expected = f"{bundle}- and the seq of the item"
        file.complain((*at, "id"), "foreign-id", repr(item["id"]), expected)


def _check_departments(file: CheckedFile, at: Path, row: Row, key: str) -> None:
    """Several departments are listed one by one, and the joined name says the same."""
    joined, several = row[key], row.get(f"{key}s")
    if several is None and joined is not None and "、" in joined:
        expected = f"{key}s: and the list of them"
        file.complain((*at, key), "departments-missing", repr(joined), expected)
    if several is not None and joined != "、".join(several):
        expected = f"{key}: {'、'.join(several)}"
        file.complain((*at, key), "departments-differ", repr(joined), expected)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a row of an analysed bundle may refer to."""

    seqs: Collection[int] | None
    """None: the published items could not be read."""
    subjects: Collection[str]
    known: Vocabulary
    published: Mapping[str, Row] = field(default_factory=dict)


def check_materials(file: CheckedFile, published: CheckedFile, known: Vocabulary) -> None:
    """Materials and forms: everything they refer to exists and agrees with the published list."""
    bundles = {row["id"]: row for _, row in published.rows(published.head, "bundles")}
    ids = published.known(published.head, "bundles")
    file.unique(file.rows(file.head, "bundles"))
    for at, row in file.rows(file.head, "bundles"):
        bundle = bundles.get(row["id"])
        if not published.lost and bundle is None:
            file.refer((*at, "id"), row["id"], ids, "bundle")
        if bundle is not None:
            _same(file, (*at, "name"), row["name"], bundle["name"], "name")
            lead = bundle["lead_department"]
            _same(file, (*at, "lead_department"), row["lead_department"], lead, "department")
        if row["number"] != int(row["id"].rpartition("-")[2]):
            found, expected = str(row["number"]), "the number in the id"
            file.complain((*at, "number"), "number-differs", found, expected)
        _check_analysis(file, at, row, _frame(file, row, bundle, published, known))


def _frame(
    file: CheckedFile, row: Row, bundle: Row | None, published: CheckedFile, known: Vocabulary
) -> _Frame:
    items: dict[str, Row] = {}
    seqs: set[int] | None = None
    if bundle is not None:
        items = {item_id: {} for item_id in published.known(bundle, "items")}
        items |= {item["id"]: item for _, item in published.rows(bundle, "items")}
        seqs = {int(item_id.rpartition("-")[2]) for item_id in items if _NUMBERED_ID(item_id)}
        seqs |= file.known_seqs(row)
    return _Frame(seqs, file.known(row, "subjects"), known, items)


_NUMBERED_ID = re.compile(r".*-[0-9]+").fullmatch


def _same(file: CheckedFile, at: Path, here: str | None, listed: str | None, kind: str) -> None:
    if here is not None and listed is not None and here != listed:
        expected = f"{listed!r}, as in bundles.yaml"
        file.complain(at, f"{kind}-differs", repr(here), expected)


def _check_analysis(file: CheckedFile, at: Path, row: Row, frame: _Frame) -> None:
    for item_at, item in file.rows(row, "items", at):
        _check_item(file, item_at, item, row["id"], frame)
    for material_at, material in file.rows(row, "materials", at):
        _check_material(file, material_at, material, frame)
    for field_at, form_field in file.rows(row, "fields", at):
        file.refer((*field_at, "subject"), form_field["subject"], frame.subjects, "subject")
        _check_code_table(file, field_at, form_field, frame.known)
        _check_fill(file, (*field_at, "fill_from"), form_field["fill_from"], frame.known)
    for key in ("items", "subjects", "materials", "fields"):
        file.unique(file.rows(row, key, at))
    file.unique(file.rows(row, "items", at), "seq")


def _check_item(file: CheckedFile, at: Path, item: Row, bundle: str, frame: _Frame) -> None:
    _check_item_id(file, at, item, bundle)
    if item["seq"] != int(item["id"].rpartition("-")[2]):
        file.complain((*at, "seq"), "number-differs", str(item["seq"]), "the seq in the id")
    printed = frame.published.get(item["id"])
    if not printed or printed["department"] is None:
        _check_departments(file, at, item, "department")
    if item.get("listed", True):
        if frame.published and printed is None:
            file.refer((*at, "id"), item["id"], frame.published, "item")
        if printed:
            _same(file, (*at, "name"), item["name"], printed["name"], "name")
            office = printed["department"]
            _same(file, (*at, "department"), item["department"], office, "department")
    elif printed is not None:
        expected = "an id that bundles.yaml does not list, or no listed: false"
        file.complain((*at, "id"), "listed-twice", repr(item["id"]), expected)
    _check_names(
        file, (*at, "issues"), item.get("issues", ()), frame.known.types, "certificate type"
    )
    answers = item.get("answered_by", ())
    _check_names(file, (*at, "answered_by"), answers, frame.known.resources, "resource")


def _check_names(
    file: CheckedFile, at: Path, names: Sequence[str], known: Collection[str] | None, kind: str
) -> None:
    for index, name in enumerate(names):
        if known is not None:
            file.refer((*at, index), name, known, kind)
    _check_once(file, at, names)


def _check_once(file: CheckedFile, at: Path, entries: Sequence[str | int]) -> None:
    seen = set()
    for index, entry in enumerate(entries):
        if entry in seen:
            file.complain((*at, index), "listed-twice", repr(entry), "every entry once")
        seen.add(entry)


def _check_material(file: CheckedFile, at: Path, row: Row, frame: _Frame) -> None:
    file.refer((*at, "subject"), row["subject"], frame.subjects, "subject")
    _check_once(file, (*at, "items"), row["items"])
    for index, seq in enumerate(row["items"]):
        _check_seq(file, (*at, "items", index), seq, frame)
    if "produced_by_item" in row:
        _check_seq(file, (*at, "produced_by_item"), row["produced_by_item"], frame)
    if row["exempt_by"] is None:
        _check_left(file, at, row)
    else:
        _check_exempted(file, at, row, frame.known)


def _check_seq(file: CheckedFile, at: Path, seq: int, frame: _Frame) -> None:
    if frame.seqs is not None and seq not in frame.seqs:
        expected = f"the seq of an item: {', '.join(map(str, sorted(frame.seqs)[:50]))}"
        file.complain(at, "unknown-item", str(seq), expected)


_ONLY_EXEMPTED = ("exempt_mode", "exempt_when", "coverage", "condition")
_ONLY_LEFT = ("merged_into", "left_code")


def _check_left(file: CheckedFile, at: Path, row: Row) -> None:
    for key in _ONLY_EXEMPTED:
        if key in row:
            expected = f"no {key}, because exempt_by is null"
            file.complain((*at, key), "not-exempted", f"{key}: {row[key]}", expected)
    if ("merged_into" in row) == ("left_code" in row):
        found = "both of them" if "left_code" in row else "neither"
        expected = "merged_into or left_code, because exempt_by is null"
        file.complain(at, "left-unexplained", found, expected)
    if "left_code" in row and "reason" not in row:
        file.complain(at, "reason-missing", "left_code without reason", "reason: in a few words")


def _check_exempted(file: CheckedFile, at: Path, row: Row, known: Vocabulary) -> None:
    names: list[str] = row["exempt_by"]
    for key in _ONLY_LEFT:
        if key in row:
            expected = f"no {key}, because exempt_by says what replaces it"
            file.complain((*at, key), "exempted-and-left", f"{key}: {row[key]}", expected)
    for index, name in enumerate(names):
        _check_exemption(file, (*at, "exempt_by", index), name, known)
    _check_once(file, (*at, "exempt_by"), names)
    _check_coverage(file, at, row)
    if row.get("exempt_mode") == "all" and len(names) == 1:
        file.complain((*at, "exempt_mode"), "mode-of-one", "all", "two entries or more, or no mode")
    if row.get("exempt_when", "record") != "record" and not any("." in name for name in names):
        found, expected = f"exempt_when: {row['exempt_when']}", "a resource in exempt_by"
        file.complain((*at, "exempt_when"), "nothing-answers", found, expected)


def _check_exemption(file: CheckedFile, at: Path, name: str, known: Vocabulary) -> None:
    """One dot names a resource, no dot a certificate type."""
    if "." in name and known.resources is not None:
        file.refer(at, name, known.resources, "resource")
    elif "." not in name and known.types is not None:
        file.refer(at, name, known.types, "certificate type")


def _check_coverage(file: CheckedFile, at: Path, row: Row) -> None:
    coverage, condition = row.get("coverage"), row.get("condition")
    if coverage is None:
        file.complain(at, "coverage-missing", "exempt_by without coverage", "coverage: full")
    elif coverage == "conditional" and condition is None:
        found, expected = "coverage: conditional", "condition: when it holds"
        file.complain((*at, "coverage"), "condition-missing", found, expected)
    elif coverage == "full" and condition is not None:
        found, expected = "coverage: full with a condition", "coverage: conditional"
        file.complain((*at, "condition"), "condition-unused", found, expected)


def _check_fill(file: CheckedFile, at: Path, reference: str, known: Vocabulary) -> None:
    """`applicant`, `<resource>.<field>` with two dots, or `<certificate type>.<item>` with one."""
    if reference == "applicant":
        return
    holder, dot, name = reference.rpartition(".")
    if not dot or holder.count(".") > 1:
        near = suggestion(reference, ("applicant",))
        expected = f"applicant, a resource's field or a certificate type's item{near}"
        file.complain(at, "fill-ill-formed", repr(reference), expected)
        return
    holders = known.resources if "." in holder else known.types
    kind = "resource" if "." in holder else "certificate type"
    if holders is None:
        return
    file.refer(at, holder, holders, kind)
    fields = holders.get(holder)
    if fields is not None and name not in fields:
        found = f"{name!r} of {holder}"
        expected = f"a field of it{suggestion(name, fields)}"
        file.complain(at, "unknown-field", found, expected)
