"""The container: what is opened, what is refused, and what is written."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import Buffer

from seals.errors import MalformedDocument
from seals.ofd.package import CHUNK, Limits, OFDPackage, packed
from tests.world.samples import SAMPLES

PLAIN = {"/OFD.xml": b"<OFD/>" * 40, "/Doc_0/a.bin": b"\x00\xff" * 9, "/Doc_0/b.txt": b"text"}
WHOLE = packed(PLAIN)


def zipped(*names: str, mode: int = 0o100644, comment: bytes = b"", content: bytes = b"x") -> bytes:
    """A zip by the standard library, which lets more pass."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as writer:
        for name in names:
            info = zipfile.ZipInfo()
            info.filename = name
            info.external_attr = mode << 16
            writer.writestr(info, content, zipfile.ZIP_DEFLATED)
        writer.comment = comment
    return out.getvalue()


class Pipe(io.RawIOBase):
    """Cannot be sought: who writes a zip to it has to use data descriptors."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        piece = bytes(data)
        self.written += piece
        return len(piece)


def renamed(old: str, new: str, whole: bytes) -> bytes:
    """Both headers of an entry under a name of the same length."""
    assert len(old.encode()) == len(new.encode())
    assert whole.count(old.encode()) == 2
    return whole.replace(old.encode(), new.encode())


def central(whole: bytes, field: int, form: str, value: int, record: int = 0) -> bytes:
    """One field of a record of the central directory changed."""
    at = int.from_bytes(whole[-6:-2], "little")
    for _ in range(record):
        name, extra, comment = struct.unpack_from("<3H", whole, at + 28)
        at += 46 + name + extra + comment
    changed = bytearray(whole)
    struct.pack_into(form, changed, at + field, value)
    return bytes(changed)


def both(field: int, form: str, value: int, whole: bytes = WHOLE) -> bytes:
    """A field of the first entry changed in its local and its central header."""
    changed = bytearray(central(whole, field + 2, form, value))
    struct.pack_into(form, changed, field, value)
    return bytes(changed)


def inserted(piece: bytes) -> bytes:
    """Something between the second and the third entry, all offsets put right."""
    entries = OFDPackage.open(WHOLE).entries
    at, start = entries[2].begin, int.from_bytes(WHOLE[-6:-2], "little")
    whole = bytearray(WHOLE[:at] + piece + WHOLE[at:])
    struct.pack_into("<I", whole, len(whole) - 6, start + len(piece))
    return central(bytes(whole), 42, "<I", at + len(piece), record=2)


def shifted(piece: bytes) -> bytes:
    """Something before the first entry, all offsets put right."""
    whole = bytearray(piece + WHOLE)
    start = int.from_bytes(WHOLE[-6:-2], "little") + len(piece)
    struct.pack_into("<I", whole, len(whole) - 6, start)
    changed = bytes(whole)
    for record, entry in enumerate(OFDPackage.open(WHOLE).entries):
        changed = central(changed, 42, "<I", entry.begin + len(piece), record)
    return changed


def extra(kind: int, field: bytes) -> bytes:
    """An entry with an extra field."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as writer:
        info = zipfile.ZipInfo("OFD.xml")
        info.extra = struct.pack("<2H", kind, len(field)) + field
        writer.writestr(info, b"x")
    return out.getvalue()


def torn_extra() -> bytes:
    """An extra field that is longer than it can be."""
    whole = bytearray(extra(0x9999, b"abcd"))
    at = whole.index(b"\x99\x99\x04\x00")
    whole[at + 2] = 9
    at = whole.index(b"\x99\x99\x04\x00")
    whole[at + 2] = 9
    return bytes(whole)


def bomb(size: int) -> bytes:
    """Nought after nought."""
    return zipped("OFD.xml", content=bytes(size))


REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("no-zip", lambda: b""),
    "a picture": ("no-zip", lambda: b"\x89PNG" * 40),
    "half": ("no-zip", lambda: WHOLE[: len(WHOLE) // 2]),
    "bytes before": ("bytes-before", lambda: b"#!" + WHOLE),
    "bytes before, offsets right": ("bytes-before", lambda: shifted(b"%PDF-1.7")),
    "bytes between": ("bytes-between", lambda: inserted(b"hidden")),
    "an entry the directory does not tell": ("bytes-between", lambda: inserted(WHOLE[:60])),
    "bytes behind": ("bytes-behind", lambda: WHOLE + b"\x00"),
    "another zip behind": ("bytes-before", lambda: WHOLE + packed({"/x": b"y"})),
    "a comment": ("comment", lambda: zipped("OFD.xml", comment=b"hidden")),
    "the same name twice": ("duplicate-name", lambda: zipped("OFD.xml", "ofd.XML")),
    "a name in other letters": ("duplicate-name", lambda: zipped("Doc_0/a", "DOC_0/A")),
    "a folder in other letters": ("duplicate-name", lambda: zipped("Doc_0/a", "DOC_0/b")),
    "a wide letter": ("duplicate-name", lambda: zipped("a.xml", "ａ.xml")),
    "another normal form": ("duplicate-name", lambda: zipped("é", "e\u0301")),
    "a part that is a folder": ("name-clash", lambda: zipped("a", "a/b")),
    "a part and an empty folder": ("duplicate-name", lambda: zipped("a", "a/", content=b"")),
    "a folder with content": ("folder", lambda: zipped("a/")),
    "an absolute path": ("absolute-path", lambda: renamed("OFD.xml", "/FD.xml", zipped("OFD.xml"))),
    "a drive": ("absolute-path", lambda: renamed("OFD.xml", "C:D.xml", zipped("OFD.xml"))),
    "a path upwards": ("parent-path", lambda: zipped("a/../../OFD.xml")),
    "a path to itself": ("name", lambda: zipped("./OFD.xml")),
    "two slashes": ("name", lambda: zipped("a//OFD.xml")),
    "a dot behind": ("name", lambda: zipped("OFD.xml.")),
    "a stream": ("name", lambda: zipped("a/OFD.xml:stream")),
    "a backslash": ("backslash", lambda: renamed("a+b.xml", "a\\b.xml", zipped("a+b.xml"))),
    "a nought in a name": ("name", lambda: renamed("OFD.xml", "OFD\x00xml", zipped("OFD.xml"))),
    "right to left": ("name", lambda: zipped("lmx.\u202edfo")),
    "a long name": ("name-too-long", lambda: zipped("a" * 600)),
    "deep folders": ("too-deep", lambda: zipped("a/" * 40 + "b")),
    "a symbolic link": ("symlink", lambda: zipped("OFD.xml", mode=0o120777)),
    "a device": ("special-file", lambda: zipped("OFD.xml", mode=0o020644)),
    "encrypted": ("encrypted", lambda: both(6, "<H", 0x0801)),
    "encrypted headers": ("encrypted", lambda: both(6, "<H", 0x2800)),
    "patched data": ("flags", lambda: both(6, "<H", 0x0820)),
    "LZMA": ("method", lambda: both(8, "<H", 14)),
    "another size in front": ("headers-disagree", lambda: WHOLE[:22] + b"\x01" + WHOLE[23:]),
    "another name in front": ("headers-disagree", lambda: WHOLE[:30] + b"X" + WHOLE[31:]),
    "another method in front": ("headers-disagree", lambda: WHOLE[:8] + b"\x00" + WHOLE[9:]),
    "another method behind": ("headers-disagree", lambda: central(WHOLE, 10, "<H", 0)),
    "one entry untold": (
        "directory",
        lambda: WHOLE[:-14] + b"\x02\x00\x02\x00" + WHOLE[-10:],
    ),
    "entries that overlap": ("overlap", lambda: central(WHOLE, 42, "<I", 0, record=1)),
    "an offset beyond": ("bytes-before", lambda: central(zipped("a"), 42, "<I", 0xFFFFFF)),
    "a size beyond": ("overlap", lambda: both(18, "<I", 0xFFFFFF)),
    "a stored part of two sizes": ("size", lambda: both(22, "<I", 3, packed({"/a": b"1"}))),
    "many disks": ("several-disks", lambda: WHOLE[:-18] + b"\x01" + WHOLE[-17:]),
    "zip64": ("zip64", lambda: central(WHOLE, 20, "<I", 0xFFFFFFFF)),
    "a zip64 field": ("zip64", lambda: extra(1, bytes(16))),
    "a second name": ("name-twice", lambda: extra(0x7075, b"\x01\x00\x00\x00\x00evil.xml")),
    "a torn extra field": ("extra", torn_extra),
    "a ratio": ("ratio", lambda: bomb(3 << 20)),
    "a ratio of many": (
        "ratio",
        lambda: zipped(*(f"{at}.xml" for at in range(70)), content=bytes(1 << 20)),
    ),
}


@pytest.mark.parametrize(("why", "whole"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_opened(why: str, whole: Callable[[], bytes]) -> None:
    """Refused under its key, before anything is unpacked."""
    with pytest.raises(MalformedDocument) as refused:
        OFDPackage.open(whole())

    assert refused.value.why == why


BOUNDS: dict[str, tuple[str, Limits]] = {
    "bytes": ("too-large", Limits(size=10)),
    "entries": ("too-many", Limits(entries=2)),
    "a part": ("too-large", Limits(part=200)),
    "all parts": ("too-large", Limits(total=250)),
}


@pytest.mark.parametrize(("why", "limits"), BOUNDS.values(), ids=BOUNDS)
def test_bounds(why: str, limits: Limits) -> None:
    """One more than is read is refused; as many as are read are not."""
    with pytest.raises(MalformedDocument) as refused:
        OFDPackage.open(WHOLE, limits)

    assert refused.value.why == why
    exact = Limits(size=len(WHOLE), entries=3, part=240, total=240 + 18 + 4)
    assert len(OFDPackage.open(WHOLE, exact).parts) == 3


def damaged(whole: bytes, at: int) -> OFDPackage:
    """A byte of the first part's packed content changed."""
    begin = OFDPackage.open(whole).entries[0].content
    return OFDPackage.open(whole[: begin + at] + b"\xaa" + whole[begin + at + 1 :])


def told_size(size: int) -> bytes:
    """The first part declared otherwise than it is."""
    return both(22, "<I", size)


CONTENTS: dict[str, tuple[set[str], Callable[[], OFDPackage]]] = {
    "a byte changed": ({"damaged", "checksum", "size"}, lambda: damaged(WHOLE, 4)),
    "more than declared": ({"size"}, lambda: OFDPackage.open(told_size(100))),
    "less than declared": ({"size"}, lambda: OFDPackage.open(told_size(1000))),
    "another checksum": ({"checksum"}, lambda: OFDPackage.open(both(14, "<I", 1))),
    "data behind its end": ({"damaged"}, lambda: OFDPackage.open(trailing(b"hidden"))),
    "no end": ({"damaged"}, lambda: OFDPackage.open(trailing(b"", cut=3))),
}


def trailing(behind: bytes, cut: int = 0) -> bytes:
    """One deflated part with something behind its last block, or without its last bytes."""
    content = b"text" * 99
    state = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = state.compress(content) + state.flush()
    body = body[: len(body) - cut] + behind
    known = struct.pack("<5H3I", 20, 0, 8, 0, 0x21, zlib.crc32(content), len(body), len(content))
    local = b"PK\x03\x04" + known + struct.pack("<2H", 1, 0) + b"a" + body
    head = b"PK\x01\x02\x14\x00" + known + struct.pack("<5H2I", 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(head), len(local), 0)
    return local + head + end


@pytest.mark.parametrize(("why", "package"), CONTENTS.values(), ids=CONTENTS)
def test_contents_that_are_not_as_declared(
    why: set[str], package: Callable[[], OFDPackage]
) -> None:
    """Noticed when they are read, and never given out as whole."""
    opened = package()
    part = next(iter(opened.parts))
    with pytest.raises(MalformedDocument) as refused:
        opened.read(part)

    assert refused.value.why in why


def test_a_bomb_that_lies_about_its_size_stops_at_what_it_declared() -> None:
    """No more is unpacked than one piece beyond the declaration."""
    whole = both(22, "<I", 1000, bomb(200 << 20))
    opened = OFDPackage.open(whole)
    tracemalloc.start()
    with pytest.raises(MalformedDocument):
        opened.read("/OFD.xml")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * CHUNK


def test_parts_come_in_pieces() -> None:
    """None larger than it may be, together the whole, stored or deflated."""
    noise = bytes(zlib.crc32(bytes((at & 255, at >> 8 & 255))) & 255 for at in range(70_000)) * 9
    words = b"".join(b"%d " % at for at in range(200_000))
    for content in (noise, words, bytes(3 << 20)):
        opened = OFDPackage.open(packed({"/a": content}))
        pieces = list(opened.chunks("/a"))

        assert b"".join(pieces) == content
        assert len(pieces) > 1
        assert max(map(len, pieces)) <= CHUNK


def test_what_others_zip_is_read() -> None:
    """With data descriptors, with their signature or without, and folders told or not."""
    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("Doc_0/", b"")
        writer.writestr("OFD.xml", b"<OFD/>" * 9)
    whole = bytes(out.written)
    assert b"PK\x07\x08" in whole

    opened = OFDPackage.open(whole)

    assert opened.read("/OFD.xml") == b"<OFD/>" * 9
    assert list(opened.parts) == ["/OFD.xml"]
    at = whole.rindex(b"PK\x07\x08") + 5
    with pytest.raises(MalformedDocument) as refused:
        OFDPackage.open(whole[:at] + b"\x55" + whole[at + 1 :])
    assert refused.value.why == "headers-disagree"


def test_writing_repeats_itself() -> None:
    """The same parts give the same bytes, and the standard library reads them."""
    assert packed(PLAIN) == WHOLE
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as reader:
        assert reader.testzip() is None
        assert {f"/{name}": reader.read(name) for name in reader.namelist()} == PLAIN


def test_untouched_entries_keep_their_bytes() -> None:
    """One part exchanged where it stands and one added: the others are packed as they were."""
    foreign = zipped("OFD.xml", "Doc_0/x.bin", "Doc_0/y.bin", content=b"abc" * 50)
    opened = OFDPackage.open(foreign)

    again = opened.rewritten({"/OFD.xml": b"new", "/Doc_0/z.bin": b"more"})

    written = OFDPackage.open(again)
    for name in ("/Doc_0/x.bin", "/Doc_0/y.bin"):
        old, new = opened.parts[name], written.parts[name]
        assert again[new.begin : new.end] == foreign[old.begin : old.end]
    assert written.read("/OFD.xml") == b"new"
    assert list(written.parts) == ["/OFD.xml", "/Doc_0/x.bin", "/Doc_0/y.bin", "/Doc_0/z.bin"]
    assert opened.rewritten({}) == foreign


def test_files_of_others_open() -> None:
    """Every sample that lies beside the project, byte for byte as the standard library has it."""
    found = sorted(SAMPLES.glob("*.ofd"))
    if not found:
        pytest.skip("no samples beside the project")
    for path in found:
        opened = OFDPackage.open(path.read_bytes())
        with zipfile.ZipFile(path) as reader:
            names = [name for name in reader.namelist() if not name.endswith("/")]
            assert {f"/{name}" for name in names} == set(opened.parts)
            assert all(opened.read(f"/{name}") == reader.read(name) for name in names)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_opens_to_the_same_or_is_refused(data: st.DataObject) -> None:
    """No byte of the container can be changed so that other contents come out."""
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = WHOLE[:at] + bytes((WHOLE[at] ^ flip,)) + WHOLE[at + 1 :]
    try:
        opened = OFDPackage.open(changed)
        found = {name: opened.read(name) for name in opened.parts}
    except MalformedDocument:
        return

    assert found == PLAIN


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_torn_containers_raise_only_what_is_promised(data: st.DataObject) -> None:
    """A piece cut out or doubled somewhere."""
    begin = data.draw(st.integers(0, len(WHOLE)))
    end = data.draw(st.integers(begin, len(WHOLE)))
    target = data.draw(st.integers(0, len(WHOLE)))
    torn = WHOLE[:begin] + WHOLE[end:]
    for hostile in (torn, torn[:target] + WHOLE[begin:end] + torn[target:], WHOLE[begin:end]):
        try:
            opened = OFDPackage.open(hostile)
            found = {name: opened.read(name) for name in opened.parts}
        except MalformedDocument:
            continue
        assert found == PLAIN or not found


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_what_is_promised(hostile: bytes) -> None:
    """With an end record behind them or without."""
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(hostile), 0, 0)
    for whole in (hostile, hostile + end):
        with pytest.raises(MalformedDocument):
            OFDPackage.open(whole)
