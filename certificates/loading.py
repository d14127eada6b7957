"""`data/definitions.yaml` + the catalog's types → how every type is issued, or every complaint at
once with its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from catalog import Catalog, CertificateType, FieldType, InvalidCode, uscc
from catalog.checked import CheckedFile, Row
from catalog.checked import Path as At
from catalog.grammar import (
    NAME,
    SLUG,
    Shape,
    filled,
    integer,
    listed,
    one_of,
    optional,
    row,
    text,
    word,
    written,
)
from catalog.model import frozen
from catalog.reading import Problem, Tree, read_page
from certificates.errors import FaceRefused, InvalidDefinitions
from certificates.face import compose, sample
from certificates.model import (
    Category,
    CheckKind,
    Definer,
    Definition,
    End,
    HolderItems,
    Mask,
    Tier,
    ValidityRule,
)

DATA = Path(__file__).parent / "data" / "definitions.yaml"
"""The 68 national types: part of the program."""
FAR_FUTURE = date(9999, 12, 31)
"""Examples are invented; whether their dates lie ahead is nobody's business."""

CODE = written("[0-9A-Z]{18}[0-9]{3}", "the definer's unified code and three digits, in quotes")
"""证照类型代码."""
_INITIALS = written("[A-Z][A-Z0-9]{0,39}", "capital initials")


def _pair(value: Tree) -> tuple[Problem, ...]:
    """`[below this age, years]`."""
    if isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value):
        return ()
    found, expected = "no pair of numbers", "[below this age, years]"
    return (Problem(path=(), rule="ill-formed", found=found, expected=expected),)


_DATED = row(
    {
        "until": optional(NAME),
        "years": optional(integer(1, 70)),
        "ages": optional(filled(_pair)),
    }
)
_WORDS = word(End.PERMANENT, End.GIVEN)


def _validity(value: Tree) -> tuple[Problem, ...]:
    shape: Shape = _DATED if isinstance(value, dict) else _WORDS
    return tuple(shape(value))


DEFINITIONS = row(
    {
        "definitions": listed(
            row(
                {
                    "id": SLUG,
                    "category": one_of(Category),
                    "definer": row({"name": text, "level": one_of(Tier)}),
                    "code": optional(CODE),
                    "issuer_level": one_of(Tier),
                    "number": NAME,
                    "holders": filled(row({"name": NAME, "code": optional(NAME)})),
                    "authority": optional(NAME),
                    "issued_on": optional(NAME),
                    "valid_from": optional(NAME),
                    "validity": _validity,
                    "initials": row({}, others=_INITIALS),
                    "checks": optional(row({}, others=one_of(CheckKind))),
                    "masks": optional(row({}, others=one_of(Mask))),
                }
            )
        )
    }
)


def load(catalog: Catalog, path: Path = DATA) -> Mapping[str, Definition]:
    """How the catalog's certificate types are issued, by id.

    Raises:
        InvalidDefinitions: Something is wrong; all complaints are in it, nothing was loaded.
    """
    file = CheckedFile(read_page(path, path.name), DEFINITIONS, "definitions")
    types = catalog.certificate_types
    file.unique(file.rows(file.head, "definitions"))
    _check_codes(file)
    for at, entry in file.rows(file.head, "definitions"):
        file.refer((*at, "id"), entry["id"], types, "certificate type")
        if entry["id"] in types:
            _check_items(file, at, entry, types[entry["id"]])
    if not file.lost:
        for missing in sorted(types.keys() - file.known(file.head, "definitions")):
            file.complain((), "type-undefined", repr(missing), f"an entry with id: {missing}")
    if not file.page.problems:
        _check_samples(file, catalog)
    if complaints := tuple(file.page.complaints()):
        raise InvalidDefinitions(complaints)
    rows = (entry for _, entry in file.rows(file.head, "definitions"))
    return frozen({entry["id"]: _definition(entry, types[entry["id"]]) for entry in rows})


def _check_codes(file: CheckedFile) -> None:
    """Codes are there once, and each begins with a body's identifier."""
    coded = [(at, r) for at, r in file.rows(file.head, "definitions") if "code" in r]
    file.unique(iter(coded), "code")
    for at, entry in coded:
        try:
            uscc(entry["code"][:18])
        except InvalidCode as wrong:
            found = "a definer's code that is none"
            file.complain((*at, "code"), "definer-code", found, wrong.expected)


def _check_items(file: CheckedFile, at: At, entry: Row, of: CertificateType) -> None:
    for place, item, fits in _references(entry):
        file.refer((*at, *place), item, of.items, "face item")
        if item in of.items:
            _check_fit(file, (*at, *place), of, item, fits)
    for key in ("initials", "checks", "masks"):
        for item in entry.get(key, {}):
            file.refer((*at, key, item), item, of.items, "face item")
    for item in of.items:
        if item not in entry["initials"]:
            file.complain((*at, "initials"), "initials-missing", f"no {item}", f"{item}: …")
    seen: dict[str, str] = {}
    for item, initials in entry["initials"].items():
        if seen.setdefault(initials, item) != item:
            found = f"{initials} of {seen[initials]} as well"
            file.complain((*at, "initials", item), "initials-twice", found, "initials of its own")
    _check_checks(file, at, entry, of)
    _check_validity(file, (*at, "validity"), entry["validity"])


def _references(entry: Row) -> Iterator[tuple[At, str, frozenset[FieldType]]]:
    """Every face item that an entry names, where, and the types that fit there."""
    text_only, days = frozenset({FieldType.STRING}), frozenset({FieldType.DATE})
    yield ("number",), entry["number"], text_only
    for index, holder in enumerate(entry["holders"]):
        for key, item in holder.items():
            yield ("holders", index, key), item, text_only
    if "authority" in entry:
        yield ("authority",), entry["authority"], text_only
    for key in ("issued_on", "valid_from"):
        if key in entry:
            yield (key,), entry[key], days
    validity = entry["validity"]
    if isinstance(validity, dict) and "until" in validity:
        yield ("validity", "until"), validity["until"], days | text_only


def _check_fit(
    file: CheckedFile, at: At, of: CertificateType, item: str, fits: frozenset[FieldType]
) -> None:
    row_ = of.items[item]
    if row_.type not in fits or row_.repeated or row_.max_length == 0:
        expected = f"one that is {' or '.join(sorted(fits))}, no picture and not repeated"
        file.complain(at, "unfit-item", f"{item}, which is {row_.type}", expected)


def _check_checks(file: CheckedFile, at: At, entry: Row, of: CertificateType) -> None:
    for item in entry.get("checks", {}):
        if item in of.items and of.items[item].type is not FieldType.STRING:
            found = f"{item}, which is {of.items[item].type}"
            file.complain((*at, "checks", item), "unfit-item", found, "one that is string")


def _check_validity(file: CheckedFile, at: At, validity: Tree) -> None:
    if not isinstance(validity, dict):
        return
    if "until" not in validity:
        file.complain(at, "missing-key", "no until", "until: and the face item with the last day")
    ages = [pair[0] for pair in validity.get("ages", ())]
    if ages != sorted(set(ages)):
        file.complain(
            (*at, "ages"), "ages-disorder", "ages out of order", "each age above the last"
        )


def _check_samples(file: CheckedFile, catalog: Catalog) -> None:
    """The examples of every type make a face: what is shipped can be issued."""
    for at, entry in file.rows(file.head, "definitions"):
        definition = _definition(entry, catalog.certificate_types[entry["id"]])
        try:
            compose(definition, sample(definition), catalog.code_tables, today=FAR_FUTURE)
        except FaceRefused as refused:
            for finding in refused.findings:
                found = f"the example of {finding.item}: {finding.rule}"
                file.complain(at, "example-face", found, finding.expected)


def _definition(entry: Row, of: CertificateType) -> Definition:
    return Definition(
        type=of,
        category=Category(entry["category"]),
        definer=Definer(name=entry["definer"]["name"], tier=Tier(entry["definer"]["level"])),
        code=entry.get("code"),
        issuer_tier=Tier(entry["issuer_level"]),
        number=entry["number"],
        holders=tuple(HolderItems(name=h["name"], code=h.get("code")) for h in entry["holders"]),
        authority=entry.get("authority"),
        issued_on=entry.get("issued_on"),
        valid_from=entry.get("valid_from"),
        validity=_rule(entry["validity"]),
        initials=frozen(entry["initials"]),
        checks=frozen({item: CheckKind(kind) for item, kind in entry.get("checks", {}).items()}),
        masks=frozen({item: Mask(mask) for item, mask in entry.get("masks", {}).items()}),
    )


def _rule(validity: Tree) -> ValidityRule:
    if not isinstance(validity, dict):
        return ValidityRule(end=End(str(validity)))
    return ValidityRule(
        end=End.ITEM,
        item=validity["until"],
        years=validity.get("years"),
        ages=tuple((below, years) for below, years in validity.get("ages", ())),
    )
