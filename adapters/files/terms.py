"""The sections of a manifest of the kind `files`.

What files are called, how a table is written in them and how a department says that a file is whole
differs from one department to the next (standards-cn §7.2), so all of it is configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from adapters import manifest
from adapters.converters import As
from adapters.documents import CHARSETS
from adapters.manifest import Const, Known, Leaf
from adapters.values import (
    Forms,
    FromEnvironment,
    Long,
    Networks,
    Placeholder,
    Seconds,
    Secret,
    Section,
    shape_of,
)

BY_LINES = frozenset({"utf-8", "gb18030", "big5hkscs"})
"""Codecs in which a line feed is never a part of another character."""
ENDINGS = r"[A-Za-z0-9._-]{1,40}"
MAX_COLUMNS = 512


def _folder(value: Any) -> Any:
    if isinstance(value, Placeholder):
        return value
    if not isinstance(value, FromEnvironment):
        raise ValueError("a machine's folder does not stand in a file; write ${NAME}")  # noqa: TRY004 -- pydantic takes ValueError
    if not value.startswith("/") or ".." in value.split("/"):
        raise ValueError("a folder is an absolute path without ..")
    return value


def _pattern(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[^/\\\x00-\x1f\[\]]{1,200}", value):
        raise ValueError("a file pattern is a name with * and ?, without folders")
    return value


def _file_size(value: Any) -> Any:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,4})(KiB|MiB|GiB)", value)):
        return int(found[1]) * 1024 ** {"KiB": 1, "MiB": 2, "GiB": 3}[found[2]]
    raise ValueError("a size is a whole number with KiB, MiB or GiB, such as 512MiB")


def _share(value: Any) -> Any:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?)%", value)):
        return float(found[1]) / 100
    raise ValueError("a share is a number with %, such as 1%")


def _charset(value: Any) -> Any:
    if not isinstance(value, str) or CHARSETS.get(value.lower()) not in BY_LINES:
        raise ValueError("the charset of a file is utf-8, gb18030 or big5")
    return CHARSETS[value.lower()]


def _text(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


Folder = Annotated[str, BeforeValidator(_folder), _text(r"^\$\{[A-Z][A-Z0-9_]*\}")]
Pattern = Annotated[str, BeforeValidator(_pattern), _text(r"^[^/\\\[\]]{1,200}$")]
FileSize = Annotated[int, BeforeValidator(_file_size), Field(gt=0, le=16 * 1024**3),
                     _text(r"^\d{1,4}(KiB|MiB|GiB)$")]  # fmt: skip
Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1),
                  _text(r"^\d{1,3}(\.\d{1,3})?%$")]  # fmt: skip
FileCharset = Annotated[str, BeforeValidator(_charset), WithJsonSchema(
    {"enum": sorted(name for name, codec in CHARSETS.items() if codec in BY_LINES)}
)]  # fmt: skip
Beside = Annotated[str, Field(pattern=r"^\{(file|stem)\}" + ENDINGS + "$")]
"""Name of a file beside the data file: `{file}` is the whole name, `{stem}` is it without its last
ending."""


class ControlTerms(Section):
    """The file beside the data file that says how many rows it has and what its digest is."""

    name: Beside
    format: Literal["properties", "json", "line"] = "properties"
    """`properties`: lines of `name=value`; `line`: one line of values, found as `values[0]`."""
    delimiter: str = Field(default="|", min_length=1, max_length=1)
    """Of a `line`."""
    file: str | None = None
    """Path to the data file's name, which then has to be that."""
    count: str | None = None
    """Path to the number of rows, without the head."""
    digest: str | None = None
    """Path to the digest in hex."""
    algorithm: Literal["sm3", "sha256", "md5"] = "sm3"

    @model_validator(mode="after")
    def _says_something(self) -> ControlTerms:
        if self.count is None and self.digest is None:
            raise ValueError("a control file gives a count, a digest or both")
        return self


class FileAsOf(Section):
    """Where a drop says when its data stood so."""

    where: Literal["name", "control", "column"]
    at: str | None = None
    """Path into the control file, or the column; of all rows the latest counts."""
    form: Forms

    @model_validator(mode="after")
    def _one_place(self) -> FileAsOf:
        if (self.at is None) != (self.where == "name"):
            raise ValueError("`at` goes with control and column, and is needed there")
        return self

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms as a tuple."""
        return (self.form,) if isinstance(self.form, str) else self.form


class SFTPTerms(Section):
    """Where new drops are fetched from into the folder."""

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(min_length=1, max_length=64)
    password: Secret | None = None
    private_key: Secret | None = None
    """The key itself, in OpenSSH or PEM form, not the name of a file."""
    host_key: str = Field(pattern=r"^(\$\{.*|(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+)$")
    """The server's public key as one line; no other server is spoken to."""
    folder: str = Field(pattern=r"^/[^\x00-\x1f]*$")
    """On the server."""
    allow_networks: Networks = ()
    """Private networks that the *name* of the host may lead to; see `adapters.egress`."""

    @model_validator(mode="after")
    def _one_proof(self) -> SFTPTerms:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("password or private_key, one of them")
        return self


class FilesConnect(manifest.Connect):
    """Where files are dropped, what is written in them, and when one is whole."""

    folder: Folder
    """The drop folder; `quarantine/` in it takes what cannot be used."""
    sftp: SFTPTerms | None = None
    format: Literal["csv", "xlsx", "xml", "fixed"]
    charset: FileCharset = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    """Empty: quotes are letters like any others."""
    header: Literal["names", "none"] = "names"
    """csv, xlsx: does the first row name the columns?"""
    skip: int = Field(default=0, ge=0, le=100)
    """csv, xlsx, fixed: lines above the table."""
    namespaces: dict[str, str] = Field(default_factory=dict)
    """xml: prefix → namespace, for `record`."""
    flag: Beside | None = None
    """The file that is written last, and only says that the drop is whole."""
    control: ControlTerms | None = None
    as_of: FileAsOf | None = None
    settle: Long | None = None
    """A data file written to in the last so many seconds is left alone: some departments write the
    flag before the data is whole."""
    every: Seconds = 60.0
    """How often the folder is looked at."""
    max_age: Long | None = None
    too_old: Literal["label", "refuse"] = "label"
    """What becomes of answers from data older than `max_age`; they carry their `as_of` anyway."""
    bad_rows: Share = 0.01
    """The share of unusable rows up to which the others are used."""
    max_bytes: FileSize = 1024**3

    @model_validator(mode="after")
    def _whole(self) -> FilesConnect:
        if self.flag is None and self.control is None:
            raise ValueError("nothing tells when a file is whole: flag, control or both")
        if self.as_of and self.as_of.where == "control" and self.control is None:
            raise ValueError("as_of from a control file needs control")
        if self.max_age is not None and self.as_of is None:
            raise ValueError("max_age needs as_of")
        if self.delimiter == self.quote or re.search(
            r"[^\x20-\uffff\t]", self.delimiter + self.quote
        ):
            raise ValueError("delimiter and quote are two different signs, and no line ends")
        return self


class KeyTerms(Section):
    """A key column whose values are first brought into one form, on both sides."""

    is_: Known = Field(alias="is")
    as_: As = Field(alias="as")


def _key(value: Any) -> str:
    if isinstance(value, KeyTerms) or (isinstance(value, Mapping) and "const" not in value):
        return "terms"
    return "const" if isinstance(value, Mapping | Const) else "name"


KeyColumn = Annotated[
    Annotated[Known, Tag("name")]
    | Annotated[Const, Tag("const")]
    | Annotated[KeyTerms, Tag("terms")],
    Discriminator(_key),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]


Columns = Annotated[
    Annotated[Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_COLUMNS)], Tag("list")]
    | Annotated[
        Annotated[
            dict[Name, Annotated[int, Field(ge=1, le=50_000)]],
            Field(min_length=1, max_length=MAX_COLUMNS),
        ],
        Tag("mapping"),
    ],
    Discriminator(shape_of),
]


class OperationTerms(Section):
    """The column in files of changes that says what happened to a row."""

    column: Name
    upsert: tuple[str, ...] = ("I", "U")
    delete: tuple[str, ...] = ("D",)

    @model_validator(mode="after")
    def _apart(self) -> OperationTerms:
        if not self.upsert or set(self.upsert) & set(self.delete):
            raise ValueError("upsert says something, and nothing that delete says")
        return self


class FilesAsk(manifest.Ask):
    """Which files hold a resource, which of their columns are taken, and by which a row is found."""

    file: Pattern
    """Files that hold everything; the newest one counts."""
    changes: Pattern | None = None
    """Files of changes, applied on top of it in order of their as_of."""
    operation: OperationTerms | None = None
    sheet: str | None = Field(default=None, max_length=100)
    """xlsx: the sheet's name; the first one where it is not said."""
    record: str | None = None
    """xml: path from below the root to what repeats, e.g. `rows/row`."""
    columns: Columns
    """Names that have to be there (in the head; child elements or `@attributes`), or name →
    position, or name → width in bytes in the order of the line. Others are not kept."""
    key: dict[Name, KeyColumn] = Field(min_length=1)
    """Column → what its value has to be. `optional.x` and constants narrow what `keys.x` finds."""
    identity: tuple[Name, ...] = ()
    """Columns that tell one row from all others; needed for changes."""
    max_rows: int = Field(default=1000, ge=1, le=100_000)

    @property
    def numbers(self) -> Mapping[str, int]:
        """Column → position or width; empty where names tell which column is which."""
        return self.columns if isinstance(self.columns, Mapping) else {}

    @property
    def names_of_columns(self) -> tuple[str, ...]:
        """The columns in the order in which they are kept."""
        return tuple(self.columns)

    def used(self) -> Iterator[tuple[str, str]]:
        """(where, column) for each place of this section that names a column."""
        yield from (("key", name) for name in self.key)
        yield from (("identity", name) for name in self.identity)
        if self.operation:
            yield "operation", self.operation.column


def leaf_of(terms: Leaf | KeyTerms) -> Leaf:
    """What a key column is compared with."""
    return terms.is_ if isinstance(terms, KeyTerms) else terms
