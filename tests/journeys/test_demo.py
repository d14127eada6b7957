"""The demo as a stranger runs it, and the page it leaves behind in a real browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from catalog.cli import app
from catalog.loading import load
from hub import demo
from hub.demo.cases import CASES


@dataclass(frozen=True, slots=True)
class Ran:
    """A demo that has ended."""

    folder: Path
    output: str
    code: int

    @property
    def report(self) -> Any:
        """Its `report.json`."""
        return json.loads((self.folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """`mianti demo`, from a folder that is not the project's."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    program = Path(sys.executable).parent / "mianti"
    done = subprocess.run(
        [program, "demo"], cwd=elsewhere, env={**os.environ, "COLUMNS": "80"},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    return Ran(elsewhere / "var" / "demo", done.stdout + done.stderr, done.returncode)


def test_everything_shown_is_so(ran: Ran) -> None:
    """Exit code 0, from any folder; seven told cases, and every receipt verified."""
    assert ran.code == 0, ran.output[-2000:]
    assert "全部如所示" in ran.output
    assert ran.report["as_shown"] is True
    assert len(ran.report["cases"]) == len(CASES) == 7
    assert all(case["receipts_verified"] and not case["failures"] for case in ran.report["cases"])


def test_live_and_desk_figures_stand_apart(ran: Ran) -> None:
    """All 21 bundles of 新乡 are planned live; the desk knows all 81; neither is in the other."""
    live = ran.report["live_figures"]["xinxiang"]
    desk = ran.report["desk_figures"]
    assert len(live["bundles"]) == 21
    assert sum(len(bundles) for bundles in desk.values()) == 81
    assert "fillable" not in json.dumps(live)
    for id_, row in live["bundles"].items():
        assert row["figures"]["filled"] <= desk["xinxiang"][id_]["fillable"], id_
        assert row["figures"]["before"] == desk["xinxiang"][id_]["copies"], id_
    assert live["reaching"]["materials"] == sum(
        row["cut"] >= 0.6 for row in live["bundles"].values()
    )


def test_the_catalog_shows_live_figures_beside_the_desk_ones(ran: Ran) -> None:
    """`mianti catalog figures --live`: a table of its own under the county's."""
    file = str(ran.folder / "report.json")
    shown = CliRunner().invoke(app, ["figures", "--county", "xinxiang", "--live", file])
    assert shown.exit_code == 0, shown.output
    assert "桌面测算" in shown.output
    assert "按实时答复，21 件中" in shown.output
    printed = json.loads(CliRunner().invoke(app, ["figures", "--json", "--live", file]).output)
    assert printed["kind"] == "desk"
    assert len(printed["live"]["xinxiang"]) == 21


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"live_figures": {"x": {"bundles": {"y": {}}}}}']
)
def test_what_is_no_file_of_live_figures_is_said_so(tmp_path: Path, text: str) -> None:
    """A usage complaint, not a stack."""
    file = tmp_path / "x.json"
    file.write_text(text, encoding="utf-8")
    shown = CliRunner().invoke(app, ["figures", "--live", str(file)])
    assert shown.exit_code == 2
    assert "not a file of live figures" in " ".join(shown.output.split())


def test_nothing_printed_is_wider_than_the_terminal(ran: Ran) -> None:
    """Tables fit 80 columns; a Chinese character takes two."""
    wide = [
        line
        for line in ran.output.splitlines()
        if sum(2 if ord(c) > 0x2E7F else 1 for c in line) > 80 and "http" not in line
    ]
    assert wide == []


def test_an_expectation_that_does_not_hold_fails_the_demo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is not decoration."""
    wrong = replace(CASES[0], expected=(("凭空的期望", lambda _materials, _form: False),))
    assert demo.run(tmp_path / "demo", cases=(wrong,)) == 1
    assert "与预期不符" in capsys.readouterr().out


def test_no_number_of_a_person_is_in_the_hubs_log(ran: Ran) -> None:
    """What the hub wrote to standard error during the whole demo names nobody."""
    written = (ran.folder / "hub.log").read_text(encoding="utf-8")
    names = {
        str(field["value"])
        for case in ran.report["cases"]
        for field in case["plan"]["form"]
        if isinstance(field["value"], str) and len(field["value"]) > 5
    }
    assert "request" in written
    assert re.findall(r"(?<!\d)99\d{15}[\dX](?!\d)", written) == []
    assert [name for name in names if name in written] == []


WIDTHS = {"desktop": 1280, "phone": 390}


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, chromium: Browser, ran: Ran) -> Iterator[Page]:
    """The report in a browser that has no network."""
    context = chromium.new_context(
        viewport={"width": WIDTHS[request.param], "height": 900}, offline=True
    )
    opened = context.new_page()
    opened.goto((ran.folder / "report.html").as_uri())
    yield opened
    context.close()


def test_the_report_reads_well_at_any_width(page: Page) -> None:
    """Nothing is cut off at the side, and nothing has to be fetched."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0


def test_the_report_is_in_a_clerks_words(page: Page) -> None:
    """Resources, bundles and counties by name, never by the ids of the program."""
    text = page.inner_text("main")
    catalog = load()
    ids = [*catalog.resources, *catalog.counties, *catalog.bundles]
    assert "不动产权属登记信息" in text
    assert [id_ for id_ in ids if id_ in text] == []
    assert "None" not in text
