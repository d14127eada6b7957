"""What the verbs of this room have in common at a terminal: files, passwords, complaints, marks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from seals.complaints import worded
from seals.errors import KeyUnavailable, PolicyRefused, SealError, TrustListRefused
from seals.trust_folder import contents
from seals.verdicts import Verdict

PasswordFile = Annotated[
    Path | None,
    typer.Option(help="口令文件，第一行；不给则提示输入 its first line; asked for otherwise"),
]
EXIT = {Verdict.PASSED: 0, Verdict.FAILED: 1, Verdict.INDETERMINATE: 2}
MARK = {
    Verdict.PASSED: "✔ 通过 passed",
    Verdict.FAILED: "✘ 不通过 failed",
    Verdict.INDETERMINATE: "？ 无法判定 indeterminate",
}


@contextmanager
def told(code: int = 1) -> Iterator[None]:
    """Complaints go to standard error, one a line; nothing prints a stack.

    Args:
        code: The exit code of whatever is complained about.
    """
    try:
        yield
    except SealError as wrong:
        for line in complaint_lines(wrong):
            typer.echo(f"✘ {line}", err=True)
        raise typer.Exit(code) from None


def complaint_lines(wrong: SealError) -> Iterator[str]:
    """A line for each thing that is wrong."""
    if isinstance(wrong, TrustListRefused | PolicyRefused):
        yield from (f"{wrong.code}: {worded(each)}" for each in wrong.why)
    else:
        yield f"{wrong.code}: {wrong}"


def plain(text: str) -> str:
    """What a document says, with nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def now() -> datetime:
    """To the second."""
    return datetime.now(UTC).replace(microsecond=0)


def read_file(file: Path, most: int) -> bytes:
    """What a file holds.

    Raises:
        KeyUnavailable: `file-unreadable`.
        Malformed: `too-large`.
    """
    return contents(file, most)


def write_new(out: Path, text: str) -> None:
    """A new file, never over another.

    Raises:
        KeyUnavailable: `file-exists`, `file-unwritable`.
    """
    try:
        with out.open("x", encoding="ascii") as file:
            file.write(text)
    except FileExistsError:
        raise KeyUnavailable("file-exists") from None
    except OSError:
        raise KeyUnavailable("file-unwritable") from None


def password(file: Path | None, *, anew: bool = False) -> str:
    """The first line of a file, or asked for; twice where it is `anew`."""
    if file is None:
        asked: str = typer.prompt("口令 password", hide_input=True, confirmation_prompt=anew)
        return asked
    return read_file(file, 4096).decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
