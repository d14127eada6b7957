"""`mianti adapters …` as an operator sees it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from typer.testing import CliRunner

from adapters.cli import app
from adapters.schema import schema
from catalog.loading import COUNTIES
from tests.adapters.small import write
from tests.adapters.test_rest import MANIFEST

RUN = CliRunner()


def county(folder: Path, manifest: str) -> Path:
    """A folder of counties with one real county and one manifest."""
    shutil.copytree(COUNTIES / "xinxiang" / "catalog", folder / "xinxiang" / "catalog")
    write(folder / "xinxiang", permit=manifest)
    return folder


def test_a_county_in_order(tmp_path: Path) -> None:
    """What is connected is counted; nothing needs an environment."""
    shutil.copytree(COUNTIES / "xinxiang", tmp_path / "xinxiang")
    found = RUN.invoke(app, ["check", "--counties", str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert re.search(
        r"xinxiang: \d+ 个数据源 sources, \d+ 个数据资源 resources, \d+ 个样例", found.output
    )


def test_a_source_without_samples_is_a_complaint(tmp_path: Path) -> None:
    """A manifest that agrees with everything is still not one that was ever seen to work."""
    found = RUN.invoke(app, ["check", "--counties", str(county(tmp_path, MANIFEST))])
    assert found.exit_code == 1
    assert "xinxiang/sources/permit.yaml:1: [no-sample]" in found.output


def test_a_county_with_complaints(tmp_path: Path) -> None:
    """Each complaint is a line with file and line number, and the exit says so."""
    wrong = MANIFEST.replace("permit_no:", "permit_number:").replace("timeout: 2s", "breaker: {}")
    found = RUN.invoke(app, ["check", "--counties", str(county(tmp_path, wrong))])
    assert found.exit_code == 1
    assert "xinxiang/sources/permit.yaml:8: [unknown-key]" in found.output


def test_a_county_that_is_not_there(tmp_path: Path) -> None:
    """Asking for a county without a folder is an error, not silence."""
    folder = str(county(tmp_path, MANIFEST))
    found = RUN.invoke(app, ["check", "--counties", folder, "--county", "atlantis"])
    assert found.exit_code == 1
    assert "atlantis" in found.output


def test_the_schema_is_printed() -> None:
    """What is printed is what is committed."""
    found = RUN.invoke(app, ["schema"])
    assert json.loads(found.output) == schema()
