"""The scalars of a manifest, and the base of its sections.

A manifest is written by people: a duration is `800ms`, a size `1MiB`, a secret only ever `${NAME}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    WithJsonSchema,
)

from adapters.converters import Form
from adapters.documents import CHARSETS
from adapters.egress import forbidden


class FromEnvironment(str):
    """A text in which `${NAME}` was replaced; it is not shown in complaints."""

    __slots__ = ()


class Placeholder(FromEnvironment):
    """Stands where a variable will stand; `check` runs without an environment."""

    __slots__ = ()


PLACEHOLDER = "placeholder"
"""What a placeholder reads; a secret that reads so is not there yet."""


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", value)):
        return float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0}[found[2]]
    raise ValueError("a duration is a number with ms, s or m, such as 800ms or 2s")


def _long(value: Any) -> Any:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)(s|m|h|d)", value)):
        return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]]
    raise ValueError("an age is a whole number with s, m, h or d, such as 15m or 30d")


def _size(value: Any) -> Any:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)(B|KiB|MiB)", value)):
        return int(found[1]) * {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}[found[2]]
    raise ValueError("a size is a whole number with B, KiB or MiB, such as 1MiB")


def _secret(value: Any) -> Any:
    if not isinstance(value, FromEnvironment):
        raise ValueError("a secret does not stand in a file; write ${NAME}")  # noqa: TRY004 -- pydantic takes ValueError
    return value


def _url(value: Any) -> Any:
    if isinstance(value, Placeholder):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", value):
        raise ValueError("an address is http(s)://host[:port][/path], without user, query or #")
    if forbidden(value):
        raise ValueError("a link-local or metadata address is no department's system")
    return value


def _charset(value: Any) -> Any:
    if not isinstance(value, str) or value.lower() not in CHARSETS:
        raise ValueError(f"a charset is one of {', '.join(CHARSETS)}")
    return value.lower()


def _networks(value: Any) -> Any:
    if isinstance(value, Placeholder):
        return value
    if not isinstance(value, str):
        raise ValueError("a network is written like 10.20.0.0/16")  # noqa: TRY004 -- pydantic takes ValueError
    parsed_networks((value,))
    return value


def parsed_networks(texts: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks in `texts`; one text may hold several, with commas between (a variable can).

    Raises:
        ValueError: One is none.
    """
    parts = [part.strip() for text in texts if PLACEHOLDER not in text for part in text.split(",")]
    return tuple(ip_network(part) for part in parts if part)


def _form(value: Any) -> Any:
    if isinstance(value, str):
        Form(value)
    return value


def shape_of(value: Any) -> str:
    """Tells the members of a union apart: `mapping`, `list` or `one`."""
    if isinstance(value, Mapping | BaseModel):
        return "mapping"
    return "list" if isinstance(value, list | tuple) else "one"


def _text_schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


Seconds = Annotated[
    float, BeforeValidator(_duration), Field(gt=0, le=600), _text_schema(r"^\d+(\.\d+)?(ms|s|m)$")
]
Long = Annotated[
    int, BeforeValidator(_long), Field(gt=0, le=366 * 86_400), _text_schema(r"^\d+(s|m|h|d)$")
]
"""An age in seconds, written with s, m, h or d."""
Bytes = Annotated[int, BeforeValidator(_size), Field(gt=0, le=64 * 1024 * 1024),
                  _text_schema(r"^\d+(B|KiB|MiB)$")]  # fmt: skip
Secret = Annotated[SecretStr, BeforeValidator(_secret), _text_schema(r"\$\{[A-Z][A-Z0-9_]*\}")]
URL = Annotated[str, BeforeValidator(_url), _text_schema(r"^(https?://|\$\{)")]
Charset = Annotated[str, BeforeValidator(_charset), WithJsonSchema({"enum": sorted(CHARSETS)})]
Networks = tuple[
    Annotated[str, BeforeValidator(_networks), WithJsonSchema({"type": "string"})], ...
]
"""Networks, written like `10.20.0.0/16`."""
OneForm = Annotated[str, BeforeValidator(_form)]
Forms = Annotated[
    Annotated[OneForm, Tag("one")] | Annotated[tuple[OneForm, ...], Tag("list")],
    Discriminator(shape_of),
]
"""A form, or several of which the first that fits counts."""
Value = str | int | float | bool | None
"""A literal a reply is compared with."""


class Section(BaseModel):
    """Base of everything in a manifest: frozen, unknown keys refused, inputs never shown."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False,
        protected_namespaces=(),
    )  # fmt: skip


def addresses(section: Section) -> tuple[str, ...]:
    """The names of those of a section's values that are a `URL`."""
    return tuple(
        name
        for name, field in type(section).model_fields.items()
        if any(isinstance(each, BeforeValidator) and each.func is _url for each in field.metadata)
    )
