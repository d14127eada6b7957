"""Files made to harm: each ends quickly in a complaint."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from catalog import InvalidCatalog
from tests.world.catalogs import AUTHORITIES, BUNDLES, MATERIALS, Place, files, written

LAUGHS = "a: &a [ha, ha]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

HOSTILE: dict[str, tuple[bytes, str]] = {
    "billion laughs": (LAUGHS.encode(), "anchor"),
    "an alias to itself": (b"authorities: &a [*a]", "anchor"),
    "an alias to nothing": (b"authorities: [*nobody]", "anchor"),
    "merge key": (b"authorities: []\n<<: {county: x}", "key-not-text"),
    "too large": (b"# " + b"x" * (8 * 1024 * 1024), "file-too-large"),
    "NUL": (b"authorities: [\0]", "yaml-syntax"),
    "control characters": (b"authorities: ['\x07']", "yaml-syntax"),
    "GB18030": ("authorities: [{name: 县教体局}]".encode("gb18030"), "encoding"),
    "UTF-16": ("authorities: []".encode("utf-16"), "encoding"),
    "half a character": ("authorities: [{name: 县".encode()[:-1], "encoding"),
    "surrogates": (b'authorities: [{name: "\\ud800"}]', "yaml-syntax"),
    "tabs": (b"authorities:\n\t- name: x", "yaml-syntax"),
    "deep flow": (b"authorities: " + b"[" * 100_000, "nesting"),
    "deep mappings": (b"authorities: " + b"{a: " * 100_000, "nesting"),
    "deep blocks": (b"- " * 100_000, "nesting"),
    "deep keys": (b"? " * 100_000, "nesting"),
    "mapping as key": (b"{authorities: []}: x", "key-not-text"),
    "list as key": (b"? [a, b]\n: x", "key-not-text"),
    "number as key": (b"1: x", "key-not-text"),
    "python object": (b"authorities: !!python/object/apply:os.getcwd []", "tag"),
    "own tag": (b"authorities: !x []", "tag"),
    "nothing": (b"", "documents"),
    "only a remark": (b"# nothing\n", "documents"),
    "a list": (b"- a\n- b\n", "not-a-mapping"),
    "a word": (b"authorities", "not-a-mapping"),
    "null": (b"null", "not-a-mapping"),
    "an empty document": (b"---\n", "not-a-mapping"),
    "many values": (b"[" + b"a," * 1_100_000 + b"]", "too-many-values"),
    "unclosed": (b"authorities: [", "yaml-syntax"),
    "directive": (b"%YAML 9.9\n---\nauthorities: []", "yaml-syntax"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, name: str) -> None:
    """Every trick of YAML ends in a complaint about that file, and nothing else is wrong."""
    data, rule = HOSTILE[name]
    place = written(tmp_path, {**files(), AUTHORITIES: data})
    with pytest.raises(InvalidCatalog) as caught:
        place.load()
    assert {c.file for c in caught.value.complaints} == {AUTHORITIES}
    assert rule in {c.rule for c in caught.value.complaints}
    assert all(len(str(c)) < 600 for c in caught.value.complaints)


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    texts = {**files(), BUNDLES: b"\xef\xbb\xbf" + files()[BUNDLES].encode()}
    assert written(tmp_path, texts).load().counties["yanshi"].name == "演示县"


def test_windows_line_ends_are_no_harm(tmp_path: Path) -> None:
    """Nor do their line ends move the line of a complaint."""
    text = files()[BUNDLES].replace("kind: query", "kind: ask")
    line = text[: text.index("kind: ask")].count("\n") + 1
    place = written(tmp_path, {**files(), BUNDLES: text.replace("\n", "\r\n")})
    with pytest.raises(InvalidCatalog) as caught:
        place.load()
    assert [(c.line, c.rule) for c in caught.value.complaints] == [(line, "unknown-word")]


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    """What cannot be opened is a complaint, not an exception of the system."""
    place = written(tmp_path, {k: v for k, v in files().items() if k != MATERIALS})
    (place.counties / MATERIALS).mkdir()
    with pytest.raises(InvalidCatalog) as caught:
        place.load()
    assert [(c.file, c.rule) for c in caught.value.complaints] == [(MATERIALS, "unreadable")]


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_never_escape(tmp_path: Path, seed: int) -> None:
    """A file with random damage loads or is refused with complaints; nothing else happens."""
    dice = random.Random(seed)  # noqa: S311 - reproducible damage, no secret
    texts: dict[str, str | bytes] = dict(files())
    name = dice.choice(sorted(texts))
    data = bytearray(files()[name].encode())
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(data))
        match dice.randrange(3):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + dice.randint(1, 30)]
            case _:
                data[at:at] = dice.choice([b"{", b"[", b": ", b"\n", b"'", b"- ", b"null", b"\t"])
    place = written(tmp_path, {**texts, name: bytes(data)})
    assert _outcome(place) in {"loaded", "refused"}


def _outcome(place: Place) -> str:
    try:
        return "loaded" if place.load().counties else "empty"
    except InvalidCatalog as error:
        return "refused" if error.complaints else "refused without a word"
