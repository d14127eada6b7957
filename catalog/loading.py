"""YAML files → one `Catalog`, or every complaint at once.

Three steps: read (`catalog.reading`), check each file against its shape (`catalog.grammar`) and
the files against each other (`catalog.agreement`), and only when nothing at all is wrong, build
the values. Nothing is ever half loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from catalog import agreement, grammar
from catalog.agreement import Vocabulary
from catalog.checked import CheckedFile, Row
from catalog.errors import Complaint, InvalidCatalog, UnknownEntry
from catalog.model import (
    Analysis,
    Authority,
    Bundle,
    Catalog,
    CertificateType,
    Code,
    CodeTable,
    County,
    DataResource,
    Derived,
    ExemptWhen,
    FaceItem,
    Field,
    FieldType,
    FormField,
    How,
    ItemKind,
    LeftCode,
    Material,
    QueryKey,
    Sensitivity,
    ServiceItem,
    Sharing,
    SharingTerms,
    Standing,
    Subject,
    SubjectKind,
    frozen,
)
from catalog.reading import Page, read_page

NATIONAL = Path(__file__).parent / "data"
"""Code tables, certificate types and the vocabulary of resources: part of the program."""

_HERE = Path("deploy/counties")
_SHIPPED = Path(__file__).parents[1] / _HERE
COUNTIES = _HERE if _HERE.is_dir() else _SHIPPED
"""One folder for each county: `deploy/counties` where one stands, else the one beside the program."""

_NATIONAL_FILE = "catalog/data"
_COUNTY_FILES: Mapping[str, tuple[str, grammar.Shape]] = {
    "bundles.yaml": ("bundles", grammar.BUNDLES),
    "materials.yaml": ("bundles", grammar.MATERIALS),
    "resources.yaml": ("resources", grammar.RESOURCES),
    "authorities.yaml": ("authorities", grammar.AUTHORITIES),
}
"""The list each file holds, and its shape. Only the first must be there."""


@dataclass(frozen=True, slots=True)
class _County:
    id: str
    bundles: CheckedFile
    materials: CheckedFile
    resources: CheckedFile
    authorities: CheckedFile

    @property
    def files(self) -> tuple[CheckedFile, ...]:
        return (self.bundles, self.materials, self.resources, self.authorities)


def load(
    counties: Path = COUNTIES, *, only: Collection[str] | None = None, national: Path = NATIONAL
) -> Catalog:
    """Load the national data and every county below `counties`, or `only` some of them.

    Raises:
        InvalidCatalog: something is wrong; all complaints are in it and nothing was loaded.
        UnknownEntry: `only` names a county that has no folder.
    """
    tables = _national(national, "code_tables", grammar.CODE_TABLES)
    types = _national(national, "certificate_types", grammar.CERTIFICATE_TYPES)
    resources = _national(national, "resources", grammar.RESOURCES)
    derived = _derived(national)
    known = agreement.vocabulary(tables, types, resources)
    agreement.check_tables(tables)
    agreement.check_types(types, known)
    agreement.check_resources(resources, known)
    agreement.check_derived(derived, resources)
    complaints = [c for s in (tables, types, resources, derived) for c in s.page.complaints()]
    places = []
    for folder in _folders(counties, only, complaints):
        place = _read_county(folder)
        _check_county(place, known)
        complaints += _unknown_files(folder)
        complaints += [c for file in place.files for c in file.page.complaints()]
        places.append(place)
    complaints += _shared_divisions(places)
    if complaints:
        raise InvalidCatalog(complaints)
    return _build(tables, types, resources, derived, places)


def _national(folder: Path, key: str, shape: grammar.Shape) -> CheckedFile:
    name = f"{key.replace('_', '-')}.yaml"
    return CheckedFile(read_page(folder / name, f"{_NATIONAL_FILE}/{name}"), shape, key)


def _derived(folder: Path) -> CheckedFile:
    """The derived quantities; a vocabulary without any needs no file."""
    name = f"{_NATIONAL_FILE}/derived.yaml"
    if not (folder / "derived.yaml").exists():
        return CheckedFile(Page(name, tree={"derived": []}), grammar.DERIVED, "derived")
    return _national(folder, "derived", grammar.DERIVED)


def _folders(
    counties: Path, only: Collection[str] | None, complaints: list[Complaint]
) -> list[Path]:
    if not counties.is_dir():
        found, expected = "no such folder", "the folder that holds one folder for each county"
        complaints.append(_of_file(counties.name, "missing-folder", found, expected))
        return []
    folders = sorted(p for p in counties.iterdir() if p.is_dir() and p.name[0] not in "._")
    names = [folder.name for folder in folders]
    for name in only or ():
        if name not in names:
            raise UnknownEntry("county", name, names)
    for name in names:
        complaints += [
            _of_file(name, "county-id", p.found, p.expected) for p in grammar.COUNTY_ID(name)
        ]
    return [f for f in folders if only is None or f.name in only]


def _of_file(file: str, rule: str, found: str, expected: str) -> Complaint:
    return Complaint(file=file, line=0, rule=rule, found=found, expected=expected)


def _read_county(folder: Path) -> _County:
    def checked(name: str) -> CheckedFile:
        key, shape = _COUNTY_FILES[name]
        file, path = f"{folder.name}/catalog/{name}", folder / "catalog" / name
        if name != "bundles.yaml" and not path.exists():
            return CheckedFile(Page(file, tree={key: []}), shape, key)
        return CheckedFile(read_page(path, file), shape, key)

    return _County(folder.name, *(checked(name) for name in _COUNTY_FILES))


def _check_county(place: _County, known: Vocabulary) -> None:
    own = known.with_resources(place.resources)
    agreement.check_resources(place.resources, known)
    agreement.check_authorities(place.authorities)
    agreement.check_bundles(place.bundles, place.id)
    agreement.check_materials(place.materials, place.bundles, own)


def _unknown_files(folder: Path) -> Iterator[Complaint]:
    """A misspelt `material.yaml` would be silently not there."""
    for path in sorted((folder / "catalog").glob("*.y*ml")):
        if path.name not in _COUNTY_FILES:
            near = grammar.suggestion(path.name, _COUNTY_FILES)
            expected = f"one of {', '.join(_COUNTY_FILES)}{near}"
            file = f"{folder.name}/catalog/{path.name}"
            yield _of_file(file, "unknown-file", repr(path.name), expected)


def _shared_divisions(places: Iterable[_County]) -> Iterator[Complaint]:
    seen: dict[str, str] = {}
    for place in places:
        division = str(place.bundles.head.get("division_code", place.id))
        if division in seen:
            expected = f"a code of its own; {seen[division]} has this one"
            file = place.bundles.page.file
            yield _of_file(file, "division-twice", repr(division), expected)
        seen.setdefault(division, place.id)


# From here on every row is sound and every reference holds.


def _build(
    tables: CheckedFile,
    types: CheckedFile,
    resources: CheckedFile,
    derived: CheckedFile,
    places: list[_County],
) -> Catalog:
    bundles = [bundle for place in places for bundle in _bundles(place)]
    authorities = [a for place in places for a in _authorities(place, bundles)]
    return Catalog(
        counties=frozen({place.id: _county(place) for place in places}),
        bundles=frozen({bundle.id: bundle for bundle in bundles}),
        items=frozen({item.id: item for bundle in bundles for item in bundle.items}),
        resources=frozen({r["id"]: _resource(r) for r in resources.head["resources"]}),
        certificate_types=frozen({t["id"]: _type(t) for t in types.head["certificate_types"]}),
        code_tables=frozen({t["id"]: _table(t) for t in tables.head["code_tables"]}),
        derived=frozen(
            {r["id"]: Derived(**{**r, "how": How(r["how"])}) for r in derived.head["derived"]}
        ),
        authorities=frozen({authority.id: authority for authority in authorities}),
        county_resources=frozen(
            {
                (place.id, row["id"]): _resource(row)
                for place in places
                for row in place.resources.head["resources"]
            }
        ),
    )


def _table(row: Row) -> CodeTable:
    return CodeTable(
        id=row["id"],
        name=row["name"],
        source=row["source"],
        completeness=row["completeness"],
        verification=row["verification"],
        codes=frozen({code["code"]: _code(code) for code in row["codes"]}),
    )


_OF_A_CODE = frozenset({"code", "label", "valid_from", "valid_to"})


def _code(row: Row) -> Code:
    extra = {key: value for key, value in row.items() if key not in _OF_A_CODE}
    return Code(
        code=row["code"],
        label=row["label"],
        extra=frozen(extra),
        valid_from=_day(row.get("valid_from")),
        valid_to=_day(row.get("valid_to")),
    )


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def _resource(row: Row) -> DataResource:
    return DataResource(
        id=row["id"],
        name=row["name"],
        name_en=row["name_en"],
        provider=row["provider"],
        subject_kind=SubjectKind(row["subject_kind"]),
        many=row["records"] == "many",
        keys=tuple(QueryKey(**key) for key in row["query_keys"]),
        sharing=SharingTerms(kind=Sharing(row["sharing"]), note=row.get("sharing_note", "")),
        update_frequency=row["update_frequency"],
        update_note=row.get("update_note", ""),
        no_record=row["no_record"],
        quirks=tuple(row["quirks"]),
        interface=frozen(row["interface"]),
        fields=frozen({f["id"]: _field(f) for f in row["fields"]}),
        line_key=row.get("line_key"),
        standing=_standing(row["standing"]) if "standing" in row else None,
        happened=tuple(row.get("happened", ())),
    )


def _standing(row: Row) -> Standing:
    states = row.get("states", {})
    return Standing(
        until=row.get("until"),
        states=frozen({name: frozenset(codes) for name, codes in states.items()}),
    )


def _field(row: Row) -> Field:
    return Field(
        id=row["id"],
        label=row["label"],
        type=FieldType(row["type"]),
        sensitivity=Sensitivity(row["sensitivity"]),
        code_table=row.get("code_table"),
        repeated=row.get("repeated", False),
        source=row["source"],
        example=row["example"],
    )


def _type(row: Row) -> CertificateType:
    return CertificateType(
        id=row["id"],
        name=row["name"],
        name_en=row["name_en"],
        issuer=row["issuer"],
        holder_kind=SubjectKind(row["holder_kind"]),
        validity_rule=row["validity_rule"],
        used_as_material_by=tuple(row["used_as_material_by"]),
        items=frozen({item["id"]: _face_item(item) for item in row["items"]}),
    )


def _face_item(row: Row) -> FaceItem:
    return FaceItem(**{**row, "type": FieldType(row["type"])})


def _county(place: _County) -> County:
    head = place.bundles.head
    return County(
        id=place.id,
        name=head["county"],
        division_code=head["division_code"],
        document=head["document"],
        year=head["year"],
    )


def _authorities(place: _County, bundles: Iterable[Bundle]) -> Iterator[Authority]:
    """Everybody who leads a bundle, handles an item or provides a resource of the county's own."""
    own = (b for b in bundles if b.county == place.id)
    names = dict.fromkeys(name for bundle in own for name in _offices(bundle))
    names |= dict.fromkeys(row["provider"] for row in place.resources.head["resources"])
    codes = {row["name"]: row.get("uscc") for row in place.authorities.head["authorities"]}
    for name in {**names, **codes}:
        yield Authority(id=f"{place.id}/{name}", county=place.id, name=name, uscc=codes.get(name))


def _offices(bundle: Bundle) -> Iterator[str]:
    yield from bundle.lead_departments
    for item in bundle.items:
        yield from item.departments


def _bundles(place: _County) -> Iterator[Bundle]:
    analyses = {row["id"]: row for row in place.materials.head["bundles"]}
    for row in place.bundles.head["bundles"]:
        analysed = analyses.get(row["id"])
        yield Bundle(
            id=row["id"],
            number=_number(row["id"]),
            county=place.id,
            name=row["name"],
            lead_departments=_departments(row, "lead_department"),
            items=_items(row, analysed),
            deadline=row.get("deadline"),
            source_note=row.get("source_note", ""),
            lead_as_printed=row.get("lead_as_printed"),
            analysis=None if analysed is None else _analysis(analysed),
        )


def _number(row_id: str) -> int:
    return int(row_id.rpartition("-")[2])


def _departments(row: Row, key: str) -> tuple[str, ...]:
    if row[key] is None:
        return ()
    return tuple(row.get(f"{key}s") or (row[key],))


def _items(row: Row, analysed: Row | None) -> tuple[ServiceItem, ...]:
    """The published items, enriched by the analysis, after the ones the list leaves out."""
    more = {} if analysed is None else {item["id"]: item for item in analysed["items"]}
    unlisted = [item for item in more.values() if not item.get("listed", True)]
    items = [_item(item, item) for item in unlisted]
    items += [_item(item, more.get(item["id"], {})) for item in row["items"]]
    return tuple(sorted(items, key=lambda item: item.seq))


def _item(row: Row, more: Row) -> ServiceItem:
    named = row if row["department"] is not None or not more else more
    return ServiceItem(
        id=row["id"],
        seq=_number(row["id"]),
        name=row["name"],
        departments=_departments(named, "department"),
        kind=ItemKind(row.get("kind", ItemKind.HANDLE)),
        level=row.get("level"),
        listed=more.get("listed", True),
        issues=tuple(more.get("issues", ())),
        answered_by=tuple(more.get("answered_by", ())),
        as_printed=row.get("as_printed"),
        department_as_printed=row.get("department_as_printed"),
    )


def _analysis(row: Row) -> Analysis:
    return Analysis(
        basis=row["basis"],
        notes=tuple(row["notes"]),
        subjects=frozen(
            {s["id"]: Subject(**{**s, "kind": SubjectKind(s["kind"])}) for s in row["subjects"]}
        ),
        materials=tuple(_material(material) for material in row["materials"]),
        form=tuple(_form_field(form_field) for form_field in row["fields"]),
    )


def _material(row: Row) -> Material:
    left = row.get("left_code")
    return Material(
        id=row["id"],
        name=row["name"],
        items=tuple(row["items"]),
        issuer=row["issuer"],
        kind=row["kind"],
        subject=row["subject"],
        exempt_by=tuple(row["exempt_by"] or ()),
        exempt_all=row.get("exempt_mode") == "all",
        exempt_when=ExemptWhen(row.get("exempt_when", ExemptWhen.RECORD)),
        condition=row.get("condition"),
        produced_by_item=row.get("produced_by_item"),
        merged_into=row.get("merged_into"),
        left_code=None if left is None else LeftCode(left),
        reason=row.get("reason", ""),
    )


def _form_field(row: Row) -> FormField:
    source = row["fill_from"]
    return FormField(
        id=row["id"],
        label=row["label"],
        type=FieldType(row["type"]),
        required=row["required"],
        subject=row["subject"],
        fill_from=None if source == "applicant" else source,
        code_table=row.get("code_table"),
    )
