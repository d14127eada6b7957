"""Recorded questions and answers: the files in `sources/samples/<source>/`.

A sample holds what was asked (keys), what came over the wire (exchanges, or rows of a result set)
and what has to come of it (the records). It is a file for people too: bodies are text wherever they
can be. Samples are about invented people only (division 99), because they are committed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from adapters import located
from adapters.documents import CHARSETS
from adapters.errors import Complaint
from adapters.manifest import RESOURCE
from adapters.model import Outcome, RawReply, Record
from adapters.values import Section

FOLDER = "samples"
ORIGIN = "http://rehearsal.invalid"
"""Stands in bodies and addresses for where the source was."""

_REAL = re.compile(
    r"(?<![0-9A-Za-z])(?!99)[1-8]\d{5}(?:18|19|20)\d{2}[01]\d[0-3]\d{4}[\dXx](?![0-9A-Za-z])"
)
"""A citizen number of a division that exists."""


class Exchange(Section):
    """One request and its response."""

    to: str = Field(pattern=r"^[A-Z]+ /\S*$")
    """Method and path."""
    status: int = Field(ge=100, le=599)
    type: str = ""
    """The Content-Type as received."""
    charset: str = "utf-8"
    """The encoding in which `text` came."""
    text: str | None = Field(default=None, repr=False)
    base64: str | None = Field(default=None, repr=False)
    """Instead of `text` where the body is none."""

    @model_validator(mode="after")
    def _one_body(self) -> Exchange:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("either text or base64")
        if self.charset not in CHARSETS:
            raise ValueError(f"a charset is one of {', '.join(CHARSETS)}")
        return self

    def body(self) -> bytes:
        """The bytes as received.

        Raises:
            ValueError: The text is not of the charset, or the Base64 is broken.
        """
        if self.text is not None:
            return self.text.encode(CHARSETS[self.charset])
        return base64.b64decode(self.base64 or "", validate=True)


class Typed(Section):
    """A value of a result set that YAML has no type for."""

    decimal: str | None = None
    date: str | None = None
    datetime: str | None = None


Cell = str | int | float | bool | None | Typed


class Expected(Section):
    """What has to come of the answer."""

    values: dict[str, str | int | bool | None] = Field(default_factory=dict, repr=False)
    lines: tuple[dict[str, str | int | bool | None], ...] = Field(default=(), repr=False)
    odd: tuple[str, ...] = ()
    bad: dict[str, str] = Field(default_factory=dict)


class Sample(Section):
    """One file."""

    resource: str = Field(pattern=RESOURCE)
    title: str = Field(default="", max_length=100)
    keys: dict[str, str] = Field(min_length=1, repr=False)
    base: str = ""
    """The path of the source's address when this was recorded."""
    exchanges: tuple[Exchange, ...] = Field(default=(), max_length=64)
    rows: tuple[dict[str, Cell], ...] | None = None
    rows_as_of: str | None = None
    """When the rows stood so, where the transport says it."""
    document: Any = None
    """What a kind without a wire replies with."""
    outcome: Outcome
    as_of: str | None = None
    why: str | None = None
    records: tuple[Expected, ...] = ()

    @model_validator(mode="after")
    def _one_answer(self) -> Sample:
        given = (bool(self.exchanges), self.rows is not None, self.document is not None)
        if sum(given) != 1:
            raise ValueError("one of exchanges, rows and document")
        return self

    def given(self) -> RawReply:
        """What the transport replied with, where there was no wire.

        Raises:
            ValueError: A typed cell, or the time of the rows, is none.
        """
        if self.rows is None:
            return RawReply(document=self.document)
        return RawReply(
            rows=[{name: _cell(value) for name, value in row.items()} for row in self.rows],
            as_of=datetime.fromisoformat(self.rows_as_of) if self.rows_as_of else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A sample and where it stands."""

    file: str
    """County and path, for complaints."""
    path: Path
    sample: Sample = field(repr=False)

    def complaint(self, rule: str, found: str, expected: str) -> Complaint:
        """A complaint about the whole file."""
        return Complaint(file=self.file, line=1, rule=rule, found=found, expected=expected)


def folder_of(sources: Path, source: str) -> Path:
    """Where the samples of a source stand."""
    return sources / FOLDER / source


def load(sources: Path, source: str, *, county: str) -> tuple[list[Found], list[Complaint]]:
    """The samples of a source, with everything that is wrong in their files."""
    found: list[Found] = []
    complaints: list[Complaint] = []
    for path in sorted(folder_of(sources, source).glob("*.yaml")):
        file = f"{county}/{path.relative_to(sources.parent).as_posix()}"
        sample, wrong = _read(file, path)
        complaints.extend(wrong)
        if sample is not None:
            found.append(Found(file=file, path=path, sample=sample))
    return found, complaints


def _read(file: str, path: Path) -> tuple[Sample | None, list[Complaint]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None, [Complaint(file=file, line=0, rule="unreadable",
                                found="not readable as UTF-8", expected="UTF-8 text")]  # fmt: skip
    if _REAL.search(text):
        return None, [Complaint(file=file, line=0, rule="real-number", found="a citizen number",
                                expected="invented people only, numbers of division 99")]  # fmt: skip
    document, wrong = located.read(file, text)
    if wrong:
        return None, list(wrong)
    try:
        sample = Sample.model_validate(document.data)
        _ = [each.body() for each in sample.exchanges], sample.given()
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return None, [
            document.complaint(each["loc"], "sample", ".".join(map(str, each["loc"])), each["msg"])
            for each in details
        ]
    except (ValueError, InvalidOperation, binascii.Error):
        return None, [document.complaint((), "sample", "a body or a cell that is none of its kind",
                                         "text of its charset, Base64, typed cells")]  # fmt: skip
    return sample, []


def _cell(value: Cell) -> Any:
    if not isinstance(value, Typed):
        return value
    if value.decimal is not None:
        return Decimal(value.decimal)
    if value.date is not None:
        return date.fromisoformat(value.date)
    return datetime.fromisoformat(value.datetime) if value.datetime is not None else None


# --- writing ----------------------------------------------------------------------------------


def exchange(to: str, status: int, type_: str, body: bytes, *, codec: str) -> dict[str, Any]:
    """An exchange as it is written: text where the body is text of `codec`, else Base64."""
    row: dict[str, Any] = {"to": to, "status": status, "type": type_}
    name = codec if codec in CHARSETS else "utf-8"
    try:
        text = body.decode(CHARSETS[name])
        legible = text.encode(CHARSETS[name]) == body and not re.search(
            r"[\x00-\x08\x0e-\x1f\r\ufeff]", text
        )
    except ValueError:
        legible = False
    if not legible:
        return {**row, "base64": base64.b64encode(body).decode()}
    return {**row, "charset": name, "text": text}


def rows_of(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A result set as it is written."""
    return [{name: _written(value) for name, value in row.items()} for row in rows]


def _written(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case datetime():
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
    return {"decimal": str(value)}


def records_of(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Records as they are written; what is empty is left out."""
    return [
        {
            "values": dict(record.values),
            **({"lines": [dict(line) for line in record.lines]} if record.lines else {}),
            **({"odd": list(record.odd)} if record.odd else {}),
            **({"bad": dict(record.bad)} if record.bad else {}),
        }
        for record in records
    ]


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> Literal[True]:  # noqa: ARG002 -- PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value and value == value.strip("\n \t") else None
    if style is None and located.plain(value) != value:
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def write(path: Path, document: Mapping[str, Any], note: str) -> None:
    """Write a sample file.

    Raises:
        ValueError: It names a citizen number of a division that exists, or is too large.
    """
    text = f"# {note}\n" + yaml.dump(
        dict(document), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=4096
    )
    if _REAL.search(text):
        raise ValueError("a citizen number of a division that exists")
    if len(text.encode()) > located.MAX_BYTES:
        raise ValueError("too large for a sample")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
