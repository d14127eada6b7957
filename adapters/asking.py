"""From a call to the parameters a source wants. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from adapters.errors import AdapterError
from adapters.manifest import Const
from adapters.model import SourceCall

Resolver = Callable[[SourceCall], Any]
"""Call → value; None: not known, and not needed."""


_UNSAYABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class NotAsked(AdapterError):
    """The call cannot be put to the source, which is not contacted: `key-missing`, a key the ask
    needs is not there; `unaskable`, something in the call cannot be said in its terms.
    """

    code = "adapters.not-asked"
    origin = "caller"


def check(call: SourceCall) -> None:
    """Refuse control characters and halves of surrogate pairs. They are no part of a name or a
    number, and each dialect would fail over them in its own way, as if the source had failed.

    Raises:
        NotAsked: There are some in a key, the reason or the call's number.
    """
    reason = call.reason
    said = "".join(call.keys.values()) + reason.consumer + reason.item + reason.item_name
    if _UNSAYABLE.search(said + reason.case + reason.legal_basis + call.call_id):
        raise NotAsked("unaskable")


def leaf(terms: Any) -> Resolver:
    """The resolver for one leaf: a known name or a constant."""
    if isinstance(terms, Const):
        constant = terms.const
        return lambda _: constant
    root, _, name = str(terms).partition(".")
    match root:
        case "keys":
            return _needed(name)
        case "optional":
            return lambda call: call.keys.get(name) or None
        case "reason":
            return lambda call: getattr(call.reason, name) or None
    return lambda call: call.call_id


def _needed(name: str) -> Resolver:
    def needed(call: SourceCall) -> str:
        value = call.keys.get(name)
        if not value:
            raise NotAsked("key-missing")
        return value

    return needed


def row(terms: Mapping[str, Any]) -> Callable[[SourceCall], dict[str, str]]:
    """Leaves by name → texts by name; what is not known is left out."""
    resolvers = tuple((name, leaf(each)) for name, each in terms.items())

    def resolved(call: SourceCall) -> dict[str, str]:
        found = ((name, resolve(call)) for name, resolve in resolvers)
        return {name: as_text(value) for name, value in found if value is not None}

    return resolved


def as_text(value: Any) -> str:
    """A constant as it is written on the wire; booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def tree(terms: Any) -> Resolver:
    """Nested leaves → nested values. A name that is not known is left out of its mapping, and is
    None in a list.
    """
    if isinstance(terms, Mapping):
        inner = {name: tree(each) for name, each in terms.items()}

        def mapping(call: SourceCall) -> Any:
            found = {name: resolve(call) for name, resolve in inner.items()}
            return {
                name: value
                for name, value in found.items()
                if value is not None or isinstance(terms[name], Const)
            }

        return mapping
    if isinstance(terms, tuple | list):
        items = tuple(tree(each) for each in terms)
        return lambda call: [resolve(call) for resolve in items]
    return leaf(terms)
