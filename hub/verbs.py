"""Verbs of the rooms, imported when they are called: whoever calls one does not wait for the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

Verb = Any
"""A command as Typer has it; its root class is not public."""


def _app(module: str, *beside: str, attached: str = "", name: str = "app") -> Callable[[], Verb]:
    """The verbs of a module, with those of others and one of `hub.attached` beside them."""

    @cache  # others are added to the app: once
    def loaded() -> Verb:
        app: typer.Typer = getattr(import_module(module), name)
        for each in beside:
            app.add_typer(import_module(each).app)
        if attached:
            app.command(attached)(getattr(import_module("hub.attached"), attached))
        return get_group(app)

    return loaded


def _command(module: str, name: str) -> Callable[[], Verb]:
    """A single verb."""

    @cache
    def loaded() -> Verb:
        app = typer.Typer(add_completion=False)
        app.command(name)(getattr(import_module(module), name))
        return get_command(app)

    return loaded


class Later(TyperGroup):
    """A verb of which only name and help are known."""

    def __init__(self, name: str, told: str, load: Callable[[], Verb]) -> None:
        super().__init__(name=name, help=told)
        self._load = load

    def make_context(self, *given: Any, **also: Any) -> Any:
        """Where it begins to be carried out: from here on it is the verb itself."""
        return self._load().make_context(*given, **also)


VERBS: Mapping[str, tuple[str, Callable[[], Verb]]] = {
    "catalog": ("目录 the catalog: check, show, figures, import", _app("catalog.cli")),
    "adapters": (
        "数据源 sources: check, try, record, rehearse; how they drift",
        _app("adapters.cli", attached="drift"),
    ),
    "sandbox": ("沙盒 the sandbox: simulated departments", _app("adapters.sandbox.cli")),
    "seals": (
        "电子印章 electronic seals: their life, X.509 certificates, trust, timestamps",
        _app("seals.cli", "hub.seals.making", "hub.seals.acts", "hub.seals.listing"),
    ),
    "seal": ("签章 set a seal on an OFD or a PDF", _command("hub.seals.sealing", "seal")),
    "verify": ("核验 judge sealed documents", _command("seals.verifying_cli", "verify")),
    "keys": ("密钥 keys: make, show, rotate", _app("seals.cli", attached="rotate", name="key_app")),
    "template": ("证照模板 certificate templates: preview, check", _app("certificates.cli")),
    "desk": ("经办台 the clerk's desk", _app("hub.clerk")),
}
"""Name → what it is for, and how to come by it."""


class Verbs(TyperGroup):
    """All verbs: those of the hub, and the rooms' behind them."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, (told, load) in VERBS.items():
            self.add_command(Later(name, told, load), name)
