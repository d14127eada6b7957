"""What the commands around seals share: the register, who acts, and how refusals are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from hub.settings import Settings, read_configuration
from seals.errors import MalformedDocument, SealError, SealRefused, UnknownSeal
from seals.ports import SealRegister
from seals.registered import ENDED, RegisteredSeal
from seals.report import Format
from seals.terminal import plain

REFUSED, UNREADABLE = 1, 3
"""Exit codes; nought is done."""

SealArgument = Annotated[str, typer.Argument(help="印章编号或名称 the seal's id or name")]
By = Annotated[str, typer.Option(help="经办人账号 the account that acts")]
Organisation = Annotated[str, typer.Option(help="经办人所在单位 the organisation it acts for")]
Reason = Annotated[str, typer.Option(help="事由 why")]
AsJSON = Annotated[bool, typer.Option("--json", help="机器可读 for machines")]


@contextmanager
def at_desk() -> Iterator[tuple[Settings, SealRegister]]:
    """The settings and the register they name; what is refused within is told, and ends the command.

    Raises:
        EvidenceUnavailable: The database does not answer.
    """
    settings = read_configuration().settings
    with refusals_told(), opened_register(settings.database) as register:
        yield settings, register


@contextmanager
def opened_register(address: str) -> Iterator[SealRegister]:
    """The register in the database at that address.

    Raises:
        EvidenceUnavailable: The database does not answer.
    """
    from hub.database import migrate, open_database  # noqa: PLC0415  (keeps `mianti --help` quick)
    from seals.store import SQLRegister  # noqa: PLC0415  (as above)

    database = open_database(address)
    try:
        migrate(database)
        yield SQLRegister(database)
    finally:
        database.close()


def found_seal(register: SealRegister, told: str) -> RegisteredSeal:
    """A seal by its identifier, or by its name where only one living seal has it.

    Raises:
        UnknownSeal: There is none.
        SealRefused: `ambiguous`: several have that name.
    """
    try:
        return register.get(told)
    except UnknownSeal:
        every = register.every()
    named = [each for each in every if each.name == told and each.state not in ENDED]
    if len(named) > 1:
        raise SealRefused("ambiguous", "、".join(each.id for each in named))
    if not named:
        raise UnknownSeal(told)
    return named[0]


@contextmanager
def refusals_told(kind: Format | None = None) -> Iterator[None]:
    """Refusals go to standard error, every reason on a line of its own, and end the command."""
    try:
        yield
    except SealError as refused:
        from seals.refusals import reasons  # noqa: PLC0415  (imports the PDF library)

        for reason in reasons(refused, kind):
            typer.echo(plain(f"✘ {reason}"), err=True)
        unreadable = isinstance(refused, MalformedDocument)
        raise typer.Exit(UNREADABLE if unreadable else REFUSED) from None
