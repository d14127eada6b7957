"""Words for people: every key that this room refuses with has them, in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from seals import errors, refusals
from seals.errors import (
    DocumentRefused,
    GlyphMissing,
    IllegalAct,
    KeyUnavailable,
    MalformedDocument,
    PictureRefused,
    SealError,
    SealRefused,
)
from seals.report import Format

ROOM = Path(errors.__file__).parent
TABLES = {
    "IllegalAct": refusals.ACTS,
    "SealRefused": refusals.SEALS,
    "PictureRefused": refusals.PICTURES,
    "KeyUnavailable": refusals.KEYS,
}


def raised() -> Iterator[tuple[str, str]]:
    """Each error and key that stand literally in this room and in the hub's commands."""
    for file in (*ROOM.rglob("*.py"), *(ROOM.parent / "hub" / "seals").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(key)), *_]) if (
                    name in TABLES
                ):
                    yield name, key


def yielded(module: str) -> Iterator[str]:
    """The keys that functions of a module yield one by one."""
    tree = ast.parse((ROOM / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Yield(value=ast.Constant(value=str(key))):
                yield key
            case ast.Yield(value=ast.Tuple(elts=[ast.Constant(value=str(key)), _])):
                yield key


def test_every_key_has_words() -> None:
    """Those that are raised and those that are collected."""
    found = list(raised())
    assert len(found) > 100
    missing = {(name, key) for name, key in found if key not in TABLES[name]}
    for module, table in (
        ("using.py", refusals.SEALS),
        ("making.py", refusals.SEALS),
        ("pictures.py", refusals.PICTURES),
        ("ofd/preflight.py", refusals.OFD),
        ("ofd/fonts.py", refusals.OFD),
    ):
        keys = list(yielded(module))
        assert keys
        missing |= {(module, key) for key in keys if key not in table}
    assert missing == set()


@pytest.mark.parametrize("table", [*TABLES.values(), refusals.OFD, refusals.FILES, refusals.WHOLE])
def test_the_words_are_chinese_and_english(table: dict[str, tuple[str, str]]) -> None:
    """And no key has the words of another."""
    for key, (zh, en) in table.items():
        assert any("一" <= each <= "鿿" for each in zh), key
        assert en.isascii(), key


SAID: dict[str, tuple[SealError, Format | None, list[str]]] = {
    "all reasons of the register": (
        SealRefused("frozen", "frozen, not-granted"), None, ["frozen", "not-granted"],
    ),
    "a reason and a place": (SealRefused("off-page", "3"), Format.OFD, ["off-page"]),
    "all of a document": (
        DocumentRefused(("hidden", "/a.xml"), ("white", "/b.xml")), Format.OFD, ["hidden", "white"],
    ),
    "of a PDF": (DocumentRefused(("font-lies", "page 1")), Format.PDF, ["font-lies"]),
    "a container": (MalformedDocument("bytes-behind"), Format.OFD, ["bytes-behind"]),
    "no document": (MalformedDocument("no-document"), None, ["no-document"]),
    "a picture": (PictureRefused("blank", "shape"), None, ["blank", "shape"]),
    "an act": (IllegalAct("state"), None, ["state"]),
    "a key": (KeyUnavailable("service-too-slow"), None, ["service-too-slow"]),
    "a character": (GlyphMissing("𰻝"), None, ["seals.glyph-missing"]),
    "a conflict": (errors.RegisterConflict("one"), None, ["seals.conflict"]),
    "a key without words": (SealRefused("brand-new"), None, ["brand-new"]),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_every_reason_of_an_error_is_told(case: str) -> None:
    """In order, with its place where it has one."""
    error, kind, keys = SAID[case]
    told = refusals.reasons(error, kind)

    assert [each.key for each in told] == keys
    assert all(str(each).endswith(f"[{each.key}]") for each in told)


def test_the_same_key_means_what_its_format_means() -> None:
    """Something unused is a part of an OFD and an object of a PDF."""
    error = DocumentRefused(("unreferenced", "x"))
    ofd, pdf = (refusals.reasons(error, kind)[0] for kind in (Format.OFD, Format.PDF))

    assert str(ofd) == "x：有没用到的部件 / a part that nothing uses [unreferenced]"
    assert str(pdf) == "x：有没用到的对象 / an object that nothing uses [unreferenced]"


def test_every_error_without_keys_of_its_own_has_words() -> None:
    """By its code."""
    keyed = {
        IllegalAct, SealRefused, PictureRefused, DocumentRefused, MalformedDocument, KeyUnavailable,
    }  # fmt: skip
    codes = {each.code for each in leaves(SealError) if each not in keyed}

    assert codes - set(refusals.WHOLE) == set()


def leaves(root: type[SealError]) -> Iterator[type[SealError]]:
    """All errors below a root."""
    for each in root.__subclasses__():
        yield each
        yield from leaves(each)
