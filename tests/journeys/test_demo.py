"""The demo as a stranger runs it, and the page it leaves behind in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from catalog.cli import app
from catalog.loading import load
from hub import demo
from hub.client import HubClient
from hub.demo.cases import CASES, Expectation
from hub.demo.casting import cast_for
from hub.demo.counter import Counter, as_sent, plan_failures
from hub.demo.desk import Clerks
from hub.demo.live import live_round
from hub.errors import HubError
from tests.world.hub import COUNTIES


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
    assert live["without_source"] == []
    assert "fillable" not in json.dumps(live)
    for id_, row in live["bundles"].items():
        assert row["figures"]["filled"] <= desk["xinxiang"][id_]["fillable"], id_
        assert row["figures"]["before"] == desk["xinxiang"][id_]["copies"], id_
        assert 0 < row["connected"] <= row["needed"], id_
    for goal, share, least in (("materials", "cut", "0.600"), ("fields", "share", "0.500")):
        reaching = [row[share] >= least for row in live["bundles"].values()]
        assert reaching == [row["reaches"][goal] for row in live["bundles"].values()]
        assert live["reaching"][goal] == sum(reaching)


def test_clerks_type_what_no_interface_answers(ran: Ran) -> None:
    """What a department without an interface knows is typed by two clerks and counts as live; until
    then a plan says that it is being looked up, not that a source is down.
    """
    live = ran.report["live_figures"]["xinxiang"]["bundles"]
    assert live["xinxiang-12"]["typed"] > 0
    waiting = {f["id"]: f["asked_because"] for f in ran.report["cases"][0]["plan"]["form"]}
    assert waiting["disability_category"] == "waiting"
    assert "typed by clerks" in ran.output


def test_credit_comes_from_the_citys_hub(ran: Ran) -> None:
    """The repair of credit is planned for an enterprise that has something to repair; the city's hub
    was asked, and said so with receipts.
    """
    live = ran.report["live_figures"]["xinxiang"]["bundles"]["xinxiang-05"]
    assert live["persona"].startswith("受过行政处罚")
    assert live["figures"]["exempted"] > 3
    assert live["figures"]["filled"] > 3
    lines = (ran.folder / "city" / "hub.log").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines if '"/v1/' in line]
    assert {each["status"] for each in asked} == {200}
    routes = {each["route"] for each in asked}
    assert {"/v1/queries", "/v1/receipts/{receipt_id}"} <= routes


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


def test_seals_are_brought_to_use_and_set_on_a_notice(ran: Ran) -> None:
    """Five impressions, three sealed notices that pass, everything tried that must be refused, and
    pictures of all of it.
    """
    told = ran.report["seals"]
    assert len(told["seals"]) == 5
    for seal in told["seals"]:
        with Image.open(ran.folder / seal["picture"]) as picture:
            assert picture.format == "PNG"
            assert picture.info["dpi"][0] == pytest.approx(600, abs=1)
            assert picture.convert("RGBA").getpixel((0, 0))[3] == 0
    assert [each["verdict"] for each in told["notices"]] == ["passed"] * 3
    assert [each["key"] for each in told["refusals"]] == [
        "same-person", "not-the-bureau", "unfiled", "not-granted", "reason", "per-day", "frozen",
        "same-person",
    ]  # fmt: skip
    assert told["coverage"] == {"covered": 4, "required": 5}
    for notice in told["notices"]:
        assert (ran.folder / notice["file"]).stat().st_size > 20_000
        if notice["picture"]:
            with Image.open(ran.folder / notice["picture"]) as picture:
                x, y = (round(part * 150 / 25.4) for part in (141, 223.5))
                star = picture.convert("RGB").getpixel((x, y))
            assert star[0] > 200
            assert star[1] < 60


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
    never = Expectation(words="凭空的期望", check=lambda _materials, _form: False)
    lapsed = replace(never, words="已接入", while_unconnected="hukou.person")
    folder = tmp_path / "demo"
    assert demo.run(folder, cases=(replace(CASES[0], expected=(never, lapsed)),)) == 1
    assert "与预期不符" in capsys.readouterr().out
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["as_shown"] is False
    assert report["failures"] == [f"{CASES[0].title}：凭空的期望"]
    assert "有与预期不符之处" in (folder / "report.html").read_text(encoding="utf-8")


def test_what_is_not_an_earlier_demo_is_not_thrown_away(tmp_path: Path) -> None:
    """`--folder` may name a folder that holds somebody's work."""
    kept = tmp_path / "work.txt"
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(HubError, match="demo-folder-holds-other-things"):
        demo.run(tmp_path)
    assert kept.read_text(encoding="utf-8") == "mine"


def test_the_counties_where_one_stands_come_first(tmp_path: Path) -> None:
    """`deploy/counties` of the current folder, else the one beside the program; --help says so."""
    program = Path(sys.executable).parent / "mianti"

    def said(*words: str) -> str:
        done = subprocess.run(
            [program, *words], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
            env={k: v for k, v in os.environ.items() if k != "MIANTI_COUNTIES_DIR"},
        )  # fmt: skip
        return done.stdout

    assert "沈丘县" in said("catalog", "check")
    shutil.copytree(COUNTIES / "xinxiang", tmp_path / "deploy" / "counties" / "xinxiang")
    here = said("catalog", "check")
    assert "新乡县" in here
    assert "沈丘县" not in here
    for verb in ("demo", "serve"):
        assert "MIANTI_COUNTIES_DIR" in said(verb, "--help")


PLAN: dict[str, Any] = {
    "materials": [
        {"id": "a", "copies": 2, "state": "exempted", "reason": None, "by": [{"form": "one-form"}]},
        {"id": "b", "copies": 3, "state": "asked", "reason": "no_source", "by": []},
    ],
    "form": [{"id": "c", "state": "filled", "provenance": {"authority": "x"}}],
    "figures": {
        "materials": {"before": 5, "exempted": 0, "merged": 1, "left": 2},
        "fields": {"total": 1, "filled": 1},
    },
}


@pytest.mark.parametrize(
    ("part", "index", "change", "said"),
    [
        ("materials", 0, {"reason": "no_source"}, ["有材料既无原因又要提交，或既免又要"]),
        ("materials", 1, {"reason": None}, ["有材料既无原因又要提交，或既免又要"]),
        ("materials", 0, {"by": []}, ["有材料免提交而没有凭据"]),
        ("materials", 0, {"copies": 1}, ["数字与逐项清点不符"]),
        ("form", 0, {"provenance": None}, ["有字段自动填写而没有来源"]),
        ("form", 0, {"state": "given"}, ["数字与逐项清点不符"]),
        ("form", 0, {}, []),
    ],
)
def test_a_plan_that_contradicts_itself_is_found(
    part: str, index: int, change: dict[str, Any], said: list[str]
) -> None:
    """The demo believes no plan: figures are counted again, and proofs looked for."""
    plan = deepcopy(PLAN)
    plan[part][index].update(change)
    assert plan_failures(plan) == said


FAMILY = {
    "applicant": {"kind": "person", "number": "1", "name": "甲"},
    "guardian2": {"kind": "person", "number": "2", "name": "乙"},
    "child": {"kind": "person", "number": "3", "name": "丙"},
}
DEBTOR = {
    "debtor": {"kind": "organisation", "number": "9", "name": "某公司"},
    "leader": {"kind": "person", "number": "4", "name": "丁"},
    "agent": {"kind": "person", "number": "5", "name": "戊"},
}
PEOPLE: dict[str, dict[str, Any]] = {
    "complete": {"description": "家庭", "subjects": FAMILY},
    "bankrupt": {"description": "企业", "subjects": DEBTOR},
}
RETIREE = {"retiree": {"description": "退休", "subjects": {"applicant": DEBTOR["leader"]}}}
DRIVER = {"driver": {"description": "司机", "subjects": {"driver": FAMILY["child"]}}}


@pytest.mark.parametrize(
    ("bundle", "more", "lead", "roles"),
    [
        ("xinxiang-10", {}, "complete", {"applicant": "1", "guardian2": "2", "child": "3"}),
        # The case made for a bundle plays it where the sandbox has one, nobody else's roles mixed in.
        ("xinxiang-13", {}, "complete", {"applicant": "1", "spouse": "2"}),
        ("xinxiang-13", RETIREE, "retiree", {"applicant": "4"}),
        # An enterprise: a vehicle is no person, and a driver is another case's, if there is one.
        ("xinxiang-02", {}, "bankrupt", {"enterprise": "9", "legal_rep": "4", "agent": "5"}),
        ("xinxiang-02", DRIVER, "bankrupt",
         {"enterprise": "9", "legal_rep": "4", "agent": "5", "driver": "3"}),
    ],
)  # fmt: skip
def test_roles_are_cast_by_the_stated_rule(
    bundle: str, more: dict[str, Any], lead: str, roles: dict[str, str]
) -> None:
    """Who plays a bundle follows from the bundle and the named cases alone."""
    cast = cast_for(load(COUNTIES).bundles[bundle], {**PEOPLE, **more})
    assert cast.persona == lead
    assert {role: player["number"] for role, player in cast.subjects.items()} == roles


def test_a_newborn_is_asked_about_under_its_mothers_number() -> None:
    """It has none of its own yet, and a name only perhaps; whoever has one is asked by that."""
    couple = {"father": {"kind": "person", "number": "1", "name": "甲"},
              "mother": {"kind": "person", "number": "2", "name": "乙"}}  # fmt: skip
    bundle = load(COUNTIES).bundles["xinxiang-09"]
    newborn = {"newborn": {"description": "新生儿", "subjects": couple}}
    cast = cast_for(bundle, {**PEOPLE, **newborn})
    assert as_sent(cast.subjects["newborn"]) == {
        "kind": "person", "id_type": "mother-citizen-id", "id": "2",
    }  # fmt: skip
    assert as_sent(cast.subjects["mother"])["id_type"] == "citizen-id"
    assert as_sent(cast_for(bundle, PEOPLE).subjects["newborn"])["id_type"] == "citizen-id"


def test_a_bundle_that_nobody_answers_for_is_not_run(tmp_path: Path) -> None:
    """What runs follows from the bindings: with none, every analysed bundle is told as left out."""
    nobody = Counter(HubClient("http://127.0.0.1:1", "nobody", tmp_path / "none.jwk"), b"")
    left_out = live_round(load(COUNTIES), "xinxiang", nobody, Clerks((), ""), PEOPLE)
    assert left_out.rows == ()
    assert len(left_out.without_source) == 21


def test_every_analysed_bundle_can_be_cast() -> None:
    """Nobody's bundle is left without a single subject."""
    bundles = [b for b in load(COUNTIES).bundles.values() if b.analysis is not None]
    assert [b.id for b in bundles if not cast_for(b, PEOPLE).subjects] == []


def test_no_number_of_a_person_is_in_the_hubs_log(ran: Ran) -> None:
    """What the hub wrote to standard error during the whole demo names nobody."""
    written = (ran.folder / "hub.log").read_text(encoding="utf-8")
    written += (ran.folder / "city" / "hub.log").read_text(encoding="utf-8")
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
    """The report in a browser that has no network; it may complain of nothing and ask for nothing."""
    context = chromium.new_context(
        viewport={"width": WIDTHS[request.param], "height": 900}, offline=True
    )
    opened = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    address = (ran.folder / "report.html").as_uri()
    opened.goto(address)
    yield opened
    context.close()
    assert (complaints, asked) == ([], [address])


SIDEWAYS = """() => [...document.querySelectorAll("main *")]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline"
        || e.getBoundingClientRect().right > innerWidth)
    .map(e => e.tagName + ": " + e.textContent.slice(0, 40))"""


@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_has_to_be_pushed_sideways(page: Page, media: Literal["screen", "print"]) -> None:
    """The page and everything in it fit the width, a table's last column too."""
    page.emulate_media(media=media)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]
    assert page.evaluate(SIDEWAYS) == []


def test_the_report_names_all_bundles_without_a_click(page: Page) -> None:
    """Desk figures of all 81 and live figures of all 21 are to be seen, on paper too."""
    page.emulate_media(media="print")
    catalog = load(COUNTIES)
    desk, live = page.inner_text("#desk"), page.inner_text("#live-1")
    assert [b.id for b in catalog.bundles.values() if b.name not in desk] == []
    ours = [b for b in catalog.bundles.values() if b.county == "xinxiang"]
    assert [b.id for b in ours if b.name not in live] == []


def test_the_report_is_in_a_clerks_words(page: Page) -> None:
    """Resources, bundles and counties by name, never by the ids of the program."""
    text = page.inner_text("main")
    catalog = load()
    ids = [*catalog.resources, *catalog.counties, *catalog.bundles]
    assert "不动产权属登记信息" in text
    assert [id_ for id_ in ids if id_ in text] == []
    assert re.findall(r"None|True|False|T\d\d:\d\d", text) == []
