"""From bytes to documents: charsets and what parsers must not do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.documents import decode, parse_json, parse_xml
from adapters.errors import SourceAnswerInvalid

NAME = "𠮷·赵㐂"

DECODED: dict[str, tuple[bytes, str | None, str | None]] = {
    "UTF-8 by default": (NAME.encode(), None, None),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + NAME.encode(), None, None),
    "GB2312 is GB18030": (NAME.encode("gb18030"), "GB2312", None),
    "GBK is GB18030": (NAME.encode("gb18030"), '"gbk"', None),
    "the manifest overrules": (NAME.encode("gb18030"), "utf-8", "gb18030"),
    "the mark overrules what is declared": (b"\xef\xbb\xbf" + NAME.encode(), "gbk", None),
    "UTF-16 with a mark": ("\ufeff".encode("utf-16-le") + NAME.encode("utf-16-le"), None, None),
    "a container's Latin-1": (NAME.encode(), "ISO-8859-1", None),
}


@pytest.mark.parametrize("name", DECODED)
def test_charsets(name: str) -> None:
    """Manifest, then mark, then declaration, then UTF-8."""
    body, declared, overruled = DECODED[name]
    assert decode(body, declared=declared, overruled=overruled) == NAME


UNDECODABLE: dict[str, tuple[bytes, str | None]] = {
    "GB18030 that says UTF-8": (NAME.encode("gb18030"), "utf-8"),
    "GB18030 that says Latin-1": (NAME.encode("gb18030"), "latin1"),
    "cut in a character": (NAME.encode()[:-1], None),
    "a charset nobody knows": (b"x", "x-martian"),
    "a codec that is none for text": (b"x", "zlib"),
}


@pytest.mark.parametrize("name", UNDECODABLE)
def test_undecodable_bytes_are_no_answer(name: str) -> None:
    """Nothing is replaced or guessed."""
    body, declared = UNDECODABLE[name]
    with pytest.raises(SourceAnswerInvalid, match=r"^encoding$"):
        decode(body, declared=declared, overruled=None)


def test_json_numbers_are_not_rounded() -> None:
    """Floats stay decimals, integers stay whole."""
    assert parse_json('{"a": 98.50, "b": 12345678901234567890123}') == {
        "a": Decimal("98.50"),
        "b": 12345678901234567890123,
    }


BAD_JSON = {
    "not JSON": ("<html>", "json"),
    "half": ('{"a":', "json"),
    "two": ("{} {}", "json"),
    "NaN": ("[NaN]", "json-nan"),
    "infinity": ("[-Infinity]", "json-nan"),
    "a key twice": ('{"a":1,"b":{"c":1,"c":2}}', "json-duplicate-key"),
    "65 levels": ("[" * 65 + "]" * 65, "json-depth"),
    "a hundred thousand levels": ("[" * 100_000, "json"),
    "a number of 5,000 digits": ("9" * 5000, "json"),
    "an exponent beyond all": ("[1E99999999999999999999]", "json"),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_hostile_json(name: str) -> None:
    """Each is refused with its own key."""
    text, why = BAD_JSON[name]
    with pytest.raises(SourceAnswerInvalid) as caught:
        parse_json(text)
    assert caught.value.why == why


def test_64_levels_are_read() -> None:
    """The limit itself is allowed, however many brackets there are."""
    assert parse_json("[" * 64 + "]" * 64)
    assert len(parse_json("[" + ",".join(["{}"] * 100) + "]")) == 100


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
BAD_XML = {
    "not XML": ("{}", "xml"),
    "two roots": ("<a/><b/>", "xml"),
    "document type": ("<!DOCTYPE a><a/>", "xml-doctype"),
    "billion laughs": (f'<!DOCTYPE a [<!ENTITY l0 "x">{LAUGHS}]><a>&l8;</a>', "xml-doctype"),
    "external entity": ('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "xml-doctype"),
    "external subset": ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "xml-doctype"),
    "an entity nobody declared": ("<a>&e;</a>", "xml"),
    "a thousand levels": ("<a>" * 1000 + "</a>" * 1000, "xml"),
    "null character": ("<a>\x00</a>", "xml"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_XML)
def test_hostile_xml(name: str) -> None:
    """No document type at all, no depth, nothing external."""
    text, why = BAD_XML[name]
    with pytest.raises(SourceAnswerInvalid) as caught:
        parse_xml(text.encode())
    assert caught.value.why == why


def test_a_document_type_cannot_hide_in_another_charset() -> None:
    """UTF-16 and UTF-7 do not get past the check: it reads what the parser reads."""
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a><a/>'
    for body in (
        text.encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a>',
    ):
        with pytest.raises(SourceAnswerInvalid):
            parse_xml(body)


def test_xml_is_read_in_its_declared_charset() -> None:
    """The declaration counts where HTTP says nothing, and HTTP counts before it."""
    text = f'<?xml version="1.0" encoding="GBK"?><a>{NAME}</a>'
    assert parse_xml(text.encode("gb18030")).text == NAME
    assert parse_xml(text.encode(), declared="utf-8").text == NAME


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_no_bytes_break_the_readers(body: bytes) -> None:
    """Any bytes are a document or no answer."""
    readers: list[Any] = [
        lambda: parse_xml(body),
        lambda: parse_json(decode(body, declared=None, overruled=None)),
    ]
    for read in readers:
        try:
            read()
        except SourceAnswerInvalid:
            continue
