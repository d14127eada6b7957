"""Cases about the wire: statuses, redirects, encodings, compression, sizes, pace, and bodies that
are no documents. For kinds without a wire: what a transport may do instead of replying.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from adapters.conformance.cases import Answer, Case, Expect, Pace, Reply, outcome
from adapters.errors import (
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.manifest import Answer as AnswerTerms
from adapters.manifest import Connect
from adapters.model import Outcome

Answers = Mapping[str, Sequence[Answer]]
Changed = Callable[[Answer], Answer]
Made = Callable[[str, Answers, Expect], Case]

ANSWERED, FAILED = Outcome.ANSWERED, Outcome.FAILED
NO_RECORD, REFUSED = Outcome.NO_RECORD, Outcome.REFUSED
TIMED_OUT, UNREACHABLE = Outcome.TIMED_OUT, Outcome.UNREACHABLE

REFUSING = frozenset({401, 403, 407, 429})
ERRORS = (400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 413, 415, 418, 422, 423, 429, 451,
          500, 501, 502, 503, 504, 507, 520, 599)  # fmt: skip
REDIRECTS = (300, 301, 302, 303, 304, 307, 308)


def each(answers: Answers, change: Changed) -> Answers:
    """The same change to every response."""
    return {to: [change(answer) for answer in turns] for to, turns in answers.items()}


def cases(
    terms: AnswerTerms, connect: Connect, good: Answers, recoded: Callable[[str], Answers | None],
    made: Made, unchanged: Expect,
) -> Iterator[Case]:  # fmt: skip
    """The cases about one source's wire.

    Args:
        terms: How the resource's answers are read.
        connect: The source's `connect` section.
        good: The responses as recorded.
        recoded: The same in another charset; None where the charset cannot hold them.
        made: Makes a case of an id, responses and an expectation.
        unchanged: The expectation that all is as in the sample.
    """
    xml = connect.xml_namespaces is not None
    yield from _statuses(terms, good, made, unchanged)
    yield from _types(connect, good, made, unchanged)
    yield from _charsets(connect, good, recoded, made, unchanged)
    yield from _compressions(connect, good, made, unchanged)
    yield from _paces(good, made, unchanged)
    yield from _heads(good, made, unchanged)
    for what, body in (_XML_BODIES if xml else _JSON_BODIES).items():
        allowed = outcome(FAILED, NO_RECORD, records=0)
        yield made(f"body/{what}", each(good, lambda a, body=body: replace(a, body=body)), allowed)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    for what, turned in (_XML_TURNED if xml else _JSON_TURNED).items():
        change, expect = turned
        yield made(f"body/{what}", each(good, change), expect)


# --- statuses and types -----------------------------------------------------------------------


def _with(answers: Answers, **changes: object) -> Answers:
    return each(answers, lambda answer: replace(answer, **changes))  # type: ignore[arg-type]  # replace's keywords


def _statuses(terms: AnswerTerms, good: Answers, made: Made, unchanged: Expect) -> Iterator[Case]:
    known = terms.statuses()
    for status in ERRORS:
        if status in known:
            # The manifest says itself what these mean, with or without a body.
            expect = outcome(NO_RECORD, REFUSED, FAILED, Outcome.CLOSED, records=0)
        else:
            expect = outcome(REFUSED if status in REFUSING else FAILED, records=0)
        body = b'{"error": "x", "trace": "y"}'
        yield made(f"status/{status}", _with(good, status=status, body=body), expect)
    elsewhere = (("Location", "/elsewhere"),)
    for status in REDIRECTS:
        changed = _with(good, status=status, headers=elsewhere, body=b"")
        yield made(f"status/redirect-{status}", changed, outcome(FAILED, records=0))
    for status in (201, 202, 203, 206):
        allowed = replace(unchanged, outcomes=frozenset({ANSWERED, FAILED}))
        yield made(f"status/{status}", _with(good, status=status), allowed)
    nothing = _with(good, status=204, body=b"", length="")
    yield made("status/204", nothing, outcome(FAILED, records=0))
    interim = _with(good, pace=Pace.CONTINUED)
    yield made("status/100-first", interim, unchanged)


def _types(connect: Connect, good: Answers, made: Made, unchanged: Expect) -> Iterator[Case]:
    sure = connect.overruling_charset is not None
    for what, type_ in (("html", "text/html"), ("binary", "application/octet-stream"),
                        ("nonsense", ';;=;"')):  # fmt: skip
        changed = each(good, lambda a, t=type_: replace(a, type=t + _parameter(a)))  # type: ignore[misc]  # as above
        yield made(f"type/{what}", changed, unchanged)
    if sure or all(
        "utf-8" in (a.type.lower() or "utf-8") for turns in good.values() for a in turns
    ):
        yield made("type/none", _with(good, type=""), unchanged)


def _parameter(answer: Answer) -> str:
    """The charset parameter, which stays believed."""
    found = re.search(r";\s*charset=[^;]+", answer.type, re.IGNORECASE)
    return found[0] if found else ""


# --- charsets ---------------------------------------------------------------------------------


def _charsets(
    connect: Connect, good: Answers, recoded: Callable[[str], Answers | None], made: Made,
    unchanged: Expect,
) -> Iterator[Case]:  # fmt: skip
    broken = each(good, lambda a: replace(a, body=_spoiled(a.body)))
    yield made("charset/broken-bytes", broken, outcome(FAILED, records=0))
    if connect.overruling_charset is not None:
        nonsense = each(good, lambda a: replace(a, type="text/plain; charset=x-klingon"))
        yield made("charset/overruled", nonsense, unchanged)
        return
    unknown = each(good, lambda a: replace(a, type="text/plain; charset=x-klingon"))
    yield made("charset/unknown", unknown, outcome(FAILED, records=0))
    for charset in ("utf-8", "gb18030", "gbk", "gb2312", "utf-16le"):
        found = recoded(charset)
        if found is not None:
            yield made(f"charset/{charset}", found, unchanged)
    found = recoded("utf-8")
    if found is not None:
        marked = each(found, lambda a: replace(a, body=b"\xef\xbb\xbf" + a.body))
        yield made("charset/byte-order-mark", marked, unchanged)
        quoted = each(found, lambda a: replace(a, type=a.type.replace("=utf-8", '="UTF-8"')))
        yield made("charset/quoted", quoted, unchanged)
    gb = recoded("gb18030")
    if gb is not None and any(not a.body.isascii() for turns in gb.values() for a in turns):
        lied = each(gb, lambda a: replace(a, type="application/json; charset=utf-8"))
        yield made("charset/lied", lied, outcome(FAILED, records=0))


def _spoiled(body: bytes) -> bytes:
    """Bytes that are of no charset, in the middle."""
    half = len(body) // 2
    return body[:half] + b"\xff\xfe\xff\x80" + body[half:]


# --- compression and size ---------------------------------------------------------------------


def _compressions(connect: Connect, good: Answers, made: Made, unchanged: Expect) -> Iterator[Case]:
    limit = getattr(connect, "max_bytes", 1 << 20)
    gzipped = (("Content-Encoding", "gzip"),)

    def squeezed(change: Callable[[bytes], bytes]) -> Answers:
        return each(good, lambda a: replace(a, headers=gzipped, body=change(a.body)))

    yield made("gzip/whole", squeezed(gzip.compress), unchanged)
    failed, gone = outcome(FAILED, records=0), outcome(FAILED, UNREACHABLE, records=0)
    yield made("gzip/bomb", squeezed(lambda _: _bomb(limit)), failed)
    yield made("gzip/cut", squeezed(lambda b: gzip.compress(b)[:-9]), gone)
    yield made("gzip/none", squeezed(lambda b: b), failed)
    yield made("gzip/head-only", squeezed(lambda b: gzip.compress(b)[:10]), gone)
    for coding in ("deflate", "br", "zstd", "gzip, gzip"):
        changed = _with(good, headers=(("Content-Encoding", coding),))
        yield made(f"coding/{coding.replace(', ', '-')}", changed, failed)
    large = each(good, lambda a: replace(a, body=a.body + b" " * (limit + 1)))
    yield made("size/over-the-limit", large, failed)
    padded = each(good, lambda a: replace(a, body=a.body + b" \n" * min(1000, limit // 4)))
    yield made("size/padded", padded, unchanged)


def _bomb(limit: int) -> bytes:
    """A few kilobytes that become more than the limit."""
    packer = zlib.compressobj(9, wbits=31)
    piece = b"\x20" * 65_536
    body = b"".join(packer.compress(piece) for _ in range(limit // 65_536 + 2))
    return body + packer.flush()


# --- pace and heads ---------------------------------------------------------------------------


def _paces(good: Answers, made: Made, unchanged: Expect) -> Iterator[Case]:
    gone = outcome(UNREACHABLE, records=0)
    broken = outcome(UNREACHABLE, FAILED, records=0)
    late = outcome(TIMED_OUT, records=0)
    expected: Mapping[Pace, Expect] = {
        Pace.LATE: unchanged, Pace.PIECES: unchanged,
        Pace.HALF: gone, Pace.HALF_CHUNKED: gone, Pace.CLOSE: gone, Pace.RESET: gone,
        Pace.DRIP_HEAD: late, Pace.DRIP_BODY: late, Pace.HANG: late,
    }  # fmt: skip
    for pace, expect in expected.items():
        yield made(f"pace/{pace}", _with(good, pace=pace), expect)
    for what, raw in (("garbage", b"\x00\x01\x02\xff" * 50), ("other-protocol", b"220 smtp ready\r\n"),
                      ("half-a-status-line", b"HTTP/1.1 2")):  # fmt: skip
        yield made(f"pace/{what}", _with(good, pace=Pace.RAW, body=raw), broken)


def _heads(good: Answers, made: Made, unchanged: Expect) -> Iterator[Case]:
    lax = replace(unchanged, outcomes=frozenset({ANSWERED, FAILED, UNREACHABLE}), records=None)
    broken = outcome(UNREACHABLE, FAILED, TIMED_OUT, records=0)
    yield made("head/length-too-large", _with(good, length="9999999"), broken)
    yield made("head/length-no-number", _with(good, length="zwölf"), broken)
    yield made("head/length-negative", _with(good, length="-1"), broken)
    yield made(
        "head/length-too-small", _with(good, length="3"), outcome(FAILED, UNREACHABLE, records=0)
    )
    huge = (("X-Filler", "x" * 200_000),)
    yield made("head/huge", _with(good, headers=huge), lax)
    many = tuple((f"X-{number}", "1") for number in range(500))
    yield made("head/many", _with(good, headers=many), lax)
    cookie = (("Set-Cookie", "session=1; Path=/; HttpOnly"),)
    yield made("head/cookie", _with(good, headers=cookie), unchanged)


# --- bodies -----------------------------------------------------------------------------------

_HTML = "<html><body>您访问的系统正在维护 please log in<br></body></html>".encode()
_JSON_BODIES: Mapping[str, bytes] = {
    "empty": b"", "blank": b" \r\n\t", "null": b"null", "list": b"[]", "number": b"0",
    "text": b'""', "true": b"true", "html": _HTML, "words": "系统繁忙".encode(), "half": b'{"a": [1, 2',
    "single-quotes": b"{'code': '0'}", "nan": b'{"code": NaN}', "infinity": b'{"code": -Infinity}',
    "twice-a-key": b'{"code": "0", "code": "0"}', "two-documents": b'{"code":"0"}{"code":"0"}',
    "trailing-comma": b'{"code": "0",}', "comment": b'{"code": "0" /* ok */}',
    "deep-lists": b"[" * 100_000 + b"]" * 100_000, "deep-objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "endless-number": b'{"code": ' + b"9" * 50_000 + b"}", "great-exponent": b'{"code": 1e999999999}',
    "nul": b"\x00" * 64, "xml": b"<r><code>0</code></r>", "jsonp": b'callback({"code":"0"})',
    "byte-order-mark-only": b"\xef\xbb\xbf",
}  # fmt: skip
_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9))
    + b"]><r>&j;</r>"
)
_XXE = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r>&x;</r>'
_XML_BODIES: Mapping[str, bytes] = {
    "empty": b"", "blank": b" \r\n", "html": _HTML, "words": "系统繁忙".encode(), "half": b"<r><code>0</co",
    "entity-bomb": _BOMB, "external-entity": _XXE, "doctype": b"<!DOCTYPE r><r/>",
    "two-roots": b"<r/><r/>", "text-behind": b"<r/>x", "no-quotes": b"<r a=1/>",
    "undeclared-prefix": b"<x:r/>", "deep": b"<a>" * 20_000 + b"</a>" * 20_000, "nul": b"\x00" * 64,
    "other-root": b"<r><a>1</a></r>", "json": b'{"code": "0"}', "control-character": b"<r>\x01</r>",
    "bad-reference": b"<r>&#0;</r>", "unknown-entity": b"<r>&nbsp;</r>",
    "empty-envelope": b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>',
    "empty-body": b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
}  # fmt: skip


def _text(answer: Answer, change: Callable[[str], str]) -> Answer:
    """A change of the body's text, in its own charset."""
    found = re.search(r"charset=\"?([A-Za-z0-9-]+)", answer.type)
    codec = found[1] if found else "utf-8"
    return replace(answer, body=change(answer.body.decode(codec)).encode(codec))


_AS_IS = Expect(outcomes=frozenset({ANSWERED}), unchanged=True)
_NO_ANSWER = outcome(FAILED, records=0)
_JSON_TURNED: Mapping[str, tuple[Changed, Expect]] = {
    "cut-short": (lambda a: replace(a, body=a.body[:-1]), _NO_ANSWER),
    "rest-behind": (lambda a: replace(a, body=a.body + b"x"), _NO_ANSWER),
    "blanks-around": (lambda a: _text(a, lambda t: f"\r\n {t} \r\n"), _AS_IS),
    "escaped": (lambda a: _text(a, lambda t: t.replace("/", "\\/")), _AS_IS),
    "in-a-list": (lambda a: replace(a, body=b"[" + a.body + b"]"), _NO_ANSWER),
    "in-a-text": (lambda a: _text(a, lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"'),
                  _NO_ANSWER),
}  # fmt: skip


def _fault(code: str) -> Changed:
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        f"<faultcode>s:{code}</faultcode><faultstring>张三 990101199001010019</faultstring>"
        "</s:Fault></s:Body></s:Envelope>"
    )
    return lambda a: replace(
        a, type="text/xml; charset=utf-8", body=body.encode("ascii", "xmlcharrefreplace")
    )


_XML_TURNED: Mapping[str, tuple[Changed, Expect]] = {
    "cut-short": (lambda a: replace(a, body=a.body[:-1]), _NO_ANSWER),
    "rest-behind": (lambda a: replace(a, body=a.body + b"x"), _NO_ANSWER),
    "comment-inside": (lambda a: _text(a, lambda t: re.sub(r"(</)", r"<!-- c -->\1", t)), _AS_IS),
    "instruction-inside": (lambda a: _text(a, lambda t: re.sub(r"(</)", r"<?p x?>\1", t)), _AS_IS),
    "cdata": (lambda a: _text(a, lambda t: re.sub(r">([^<>&]+)</", r"><![CDATA[\1]]></", t)), _AS_IS),
    "references": (
        lambda a: _text(a, lambda t: re.sub(r"(?<=>)[\u4e00-\u9fff]", lambda f: f"&#{ord(f[0])};", t)),
        _AS_IS,
    ),
    "blanks-between": (lambda a: _text(a, lambda t: re.sub(r"><(?=[^/!])", ">\n  <", t)), _AS_IS),
    "fault-of-ours": (_fault("Client"), outcome(REFUSED, FAILED, NO_RECORD, records=0)),
    "fault-of-theirs": (_fault("Server"), outcome(FAILED, NO_RECORD, records=0)),
}  # fmt: skip


# --- without a wire ---------------------------------------------------------------------------


def without(
    reply: Reply, made: Callable[[str, Reply, Expect], Case], unchanged: Expect
) -> Iterator[Case]:
    """What a transport may do instead of replying, or reply besides."""
    for what, error, expect in (
        ("unreachable", SourceUnavailable, outcome(UNREACHABLE, records=0)),
        ("timed-out", SourceTimedOut, outcome(TIMED_OUT, records=0)),
        ("refused", SourceRefused, outcome(REFUSED, records=0)),
        ("invalid", SourceAnswerInvalid, outcome(FAILED, records=0)),
        ("bug", ZeroDivisionError, outcome(FAILED, records=0)),
        ("memory", MemoryError, outcome(FAILED, records=0)),
        ("recursion", RecursionError, outcome(FAILED, records=0)),
    ):
        yield made(f"reply/{what}", Reply(error=error), expect)
    yield made("reply/hangs", Reply(hangs=True), outcome(TIMED_OUT, records=0))
    if reply.rows is None:
        return
    rows = [dict(row) for row in reply.rows]
    more = [{**row, "mianti_extra": object()} for row in rows]
    yield made("reply/more-columns", Reply(rows=more), unchanged)
    turned = [dict(reversed(row.items())) for row in rows]
    yield made("reply/another-order", Reply(rows=turned), unchanged)
    other = outcome(FAILED, records=0)
    yield made("reply/other-columns", Reply(rows=[{"x": 1} for _ in rows]), other)
    yield made("reply/no-columns", Reply(rows=[{} for _ in rows]), other)
    nulls = [dict.fromkeys(row) for row in rows]
    yield made("reply/all-null", Reply(rows=nulls), other)
