"""`mianti template …` as a person uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from certificates.drawing import agreement
from hub.cli import app


def run(*arguments: str | Path) -> Result:
    """Run a command of `mianti template`."""
    return CliRunner().invoke(app, ["template", *map(str, arguments)])


@pytest.mark.parametrize("which", ["usual", "longest", "rare", "empty"])
def test_a_preview_is_written(which: str, tmp_path: Path) -> None:
    """As PNG where it is asked for."""
    out = tmp_path / "licence.png"
    result = run("preview", "business-licence", "--sample", which, "--out", out)

    assert result.exit_code == 0, result.output
    with Image.open(out) as image:
        assert image.format == "PNG"
        assert image.width > image.height > 1000
    assert list(tmp_path.iterdir()) == [out]


def test_the_documents_may_be_had_as_well(tmp_path: Path) -> None:
    """The OFD and the PDF that the picture was made of, and they agree."""
    out = tmp_path / "card.png"
    result = run("preview", "resident-id-card", "--out", out, "--documents")

    assert result.exit_code == 0, result.output
    files = [out.with_suffix(each).read_bytes() for each in (".ofd", ".pdf")]
    assert agreement.differences(*files) == ()


def test_lint_says_what_may_be_published() -> None:
    """A line for each type, and exit code 0."""
    result = run("lint", "passport", "marriage-certificate")

    assert result.exit_code == 0, result.output
    assert "✔ passport" in result.stdout
    assert "✔ marriage-certificate" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("preview", "no-such-type"), "没有这种证照类型"),
        (("lint", "no-such-type"), "没有这种证照类型"),
        (("preview", "passport", "--out", "/no-such-folder/x.png"), "写不了"),
        (("preview", "passport", "--counties", "/no-such-folder"), "目录有误"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    """On stderr, with exit code 1 and no stack."""
    result = run(*arguments)

    assert result.exit_code == 1
    assert told in result.stderr
    assert "Traceback" not in result.output
