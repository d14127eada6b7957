"""What may be shown of a question and its answer: the shape, and never the person.

Structure stays (names of elements, keys, short codes, punctuation); of everything that could be
about somebody the first character stays. What identifies us to the source does not stay at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

HIDDEN = "●●●"
_KEPT_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "connection", "content-encoding", "content-length",
        "content-type", "date", "host", "server", "soapaction", "transfer-encoding", "user-agent",
        "cache-control", "vary",
    }
)  # fmt: skip
_WORDS = re.compile(r"[^\W_]+", re.UNICODE)
_CODE = re.compile(r"[A-Za-z]{0,4}-?[0-9]{0,4}|true|false|null", re.ASCII)
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"?(\s*:)?|-?[0-9][0-9.eE+\-]*')
_SECRET = re.compile(
    r'("[^"]*(?:secret|sign|token|password|passwd|key)"\s*:\s*)"[^"]*"?', re.IGNORECASE
)
"""A short-lived secret or a signature in a JSON body."""
_XML = re.compile(
    r"<\?xml[^<>?]{0,100}\?>|</?[^\W\d][\w.:\-]{0,80}"
    r"|[\w.:\-]{1,80}=(?:\"[^\"<]*\"?|'[^'<]*'?)"
)


def value(text: str) -> str:
    """A value: short codes as they are, of everything else the first character of each word."""
    if _CODE.fullmatch(text):
        return text
    return _WORDS.sub(_starred, text)


def _starred(found: re.Match[str]) -> str:
    return found[0][0] + "*" * min(len(found[0]) - 1, 17)


def header(name: str, text: str) -> str:
    """A header's value, where the header is one that says nothing about us or anybody."""
    return text if name.lower() in _KEPT_HEADERS else HIDDEN


def without(text: str, secrets: Iterable[str]) -> str:
    """`text` without our secrets, wherever they stand."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    return text


def body(text: str) -> str:
    """A body, or the beginning of one: JSON, XML, or anything else."""
    start = text.lstrip("\ufeff \r\n\t")[:1]
    if start in {"{", "["}:
        return _SECRET.sub(rf'\1"{HIDDEN}"', _between(_JSON, _json, text))
    if start == "<":
        return _between(_XML, _xml, text)
    return value(text)


def query(rows: Mapping[str, str]) -> Mapping[str, str]:
    """Parameters with their values masked."""
    return {name: value(text) for name, text in rows.items()}


def _json(found: re.Match[str]) -> str:
    text = found[0]
    if found[1] is not None:
        name = text[: text.rindex('"') + 1]
        return (name if _name(name.strip('"')) else f'"{value(name.strip(chr(34)))}"') + found[1]
    return f'"{value(text.strip(chr(34)))}"' if text.startswith('"') else value(text)


def _name(text: str) -> bool:
    """Is this the name of something, and no number of somebody?"""
    return len(text) <= 80 and not re.search(r"\d{6}", text)


def _xml(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] == "<":
        return text if _name(text) else f"<{value(text[1:])}"
    name, _, quoted = text.partition("=")
    kept = name.startswith("xmlns") or name == "encoding"
    quote = quoted[:1]
    return text if kept else f"{name}={quote}{value(quoted.strip(quote))}{quote}"


def _between(tokens: re.Pattern[str], shown: Callable[[re.Match[str]], str], text: str) -> str:
    """Tokens as `shown` has them; what stands between them word by word."""
    parts, end = [], 0
    for found in tokens.finditer(text):
        parts += [_words(text[end : found.start()]), shown(found)]
        end = found.end()
    return "".join([*parts, _words(text[end:])])


def _words(text: str) -> str:
    return _WORDS.sub(lambda found: value(found[0]), text)
