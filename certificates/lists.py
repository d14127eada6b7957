"""A list of certificate types that a superior hands down (《省级证照类型清单》), read and matched.

Such a list knows names and codes, not our ids: a row belongs to the type of the same name. Rows
that no type here answers to are kept and shown, for they are types that nobody can claim yet.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path

from catalog.checked import CheckedFile
from catalog.grammar import filled, row, text
from catalog.model import frozen
from catalog.reading import read_page
from certificates.errors import InvalidDefinitions
from certificates.loading import CODE
from certificates.model import Definition
from certificates.typelist import SuperiorList, is_type_code

DEMONSTRATION = Path(__file__).parent / "data" / "demonstration-list.yaml"
"""Of the invented province: its definer and codes exist nowhere, two public ones apart."""

LIST = row({"name": text, "types": filled(row({"name": text, "code": CODE}))})


def read_list(path: Path, definitions: Mapping[str, Definition]) -> SuperiorList:
    """The list in a YAML file.

    Raises:
        InvalidDefinitions: All complaints with their lines: codes that are none or stand twice,
            names that stand twice, a code that is not the one publicly known.
    """
    file = CheckedFile(read_page(path, path.name), LIST, "types")
    ids = {_plain(of.type.name): of.id for of in definitions.values()}
    file.unique(file.rows(file.head, "types"), "name")
    file.unique(file.rows(file.head, "types"), "code")
    codes: dict[str, str] = {}
    unmatched = []
    for at, entry in file.rows(file.head, "types"):
        type_id = ids.get(_plain(entry["name"]))
        if not is_type_code(entry["code"]):
            expected = "a body's unified code with its check character, and 001 to 999"
            file.complain((*at, "code"), "type-code", repr(entry["code"]), expected)
        elif type_id is None:
            unmatched.append(entry["name"])
        elif definitions[type_id].code not in {None, entry["code"]}:
            expected = f"{definitions[type_id].code}, as it is publicly known"
            file.complain((*at, "code"), "code-differs", repr(entry["code"]), expected)
        else:
            codes[type_id] = entry["code"]
    if complaints := tuple(file.page.complaints()):
        raise InvalidDefinitions(complaints)
    return SuperiorList(
        name=str(file.head["name"]), codes=frozen(codes), unmatched=tuple(unmatched)
    )


def _plain(name: str) -> str:
    """A name without blanks, its brackets in one form: lists write 证（副本） and 证(副本)."""
    return "".join(unicodedata.normalize("NFKC", name).split())
