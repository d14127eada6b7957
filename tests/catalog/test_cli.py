"""`mianti catalog …` as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from catalog import COUNTIES
from catalog.cli import app
from tests.world.catalogs import BUNDLES, MATERIALS, files, written


def run(*arguments: str, columns: int = 100) -> Result:
    """Run a command in a terminal of that width."""
    return CliRunner().invoke(app, arguments, env={"COLUMNS": str(columns), "TERM": "dumb"})


def small(folder: Path) -> str:
    """The counties' folder of a small catalog on top of the national data we ship.

    Its county refers only to what the national data hold, too.
    """
    texts = files()
    texts[MATERIALS] = texts[MATERIALS].replace("school-stage", "gender")
    return str(written(folder, texts).counties)


def test_check_says_that_all_is_well() -> None:
    """Both counties with their counts; what is not yet analysed is shown as such."""
    result = run("check")
    assert result.exit_code == 0, result.output
    assert "目录完好" in result.stdout
    assert "尚未梳理" in result.stdout
    assert not result.stderr


def test_check_of_one_county() -> None:
    """The folder of one county may be given too."""
    result = run("check", str(COUNTIES / "xinxiang"))
    assert result.exit_code == 0, result.output
    assert "新乡县" in result.stdout
    assert "沈丘县" not in result.stdout


def test_check_lists_every_complaint(tmp_path: Path) -> None:
    """On stderr, with file, line and what would be right, and exit code 1."""
    folder = small(tmp_path)
    path = Path(folder) / BUNDLES
    path.write_text(path.read_text().replace("kind: query", "kind: ask").replace("2024", "24"))
    result = run("check", folder, columns=80)
    assert result.exit_code == 1
    assert not result.stdout
    assert "2 处" in result.stderr
    assert f"{BUNDLES}:13: [unknown-word]" in result.stderr
    assert "'ask' — one of query, verify, handle" in result.stderr
    assert f"{BUNDLES}:4: [out-of-range]" in result.stderr


def test_check_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A mistyped folder is no empty catalog."""
    result = run("check", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "missing-folder" in result.stderr


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("bundle", ["xinxiang-10", "xinxiang-19", "shenqiu-13", "shenqiu-01"])
def test_show_fits_the_terminal(bundle: str, columns: int) -> None:
    """No line is wider than the terminal, and nothing of a name is cut off."""
    result = run("show", bundle, columns=columns)
    assert result.exit_code == 0, result.output
    assert max(cell_len(line) for line in result.stdout.splitlines()) <= columns
    assert "…" not in result.stdout


def test_show_says_what_exempts_and_what_fills() -> None:
    """Materials with proof, condition or reason; fields with their source."""
    shown = run("show", "xinxiang-19", columns=200).stdout
    for said in ("免提交", "有条件免提交", "并入一张表", "仍需提交", "条件：已办理房屋租赁网签备案",
                 "居民身份证（证照），或户籍人员基本信息", "户籍人员基本信息·民族", "申请人填写",
                 "数据答复：机动车登记信息", "须签名"):  # fmt: skip
        assert said in shown, said


def test_show_of_a_bundle_not_analysed() -> None:
    """Its items are shown, its figures are not."""
    shown = run("show", "shenqiu-01")
    assert shown.exit_code == 0
    assert "尚未梳理" in shown.stdout
    assert "变更民族成分" in shown.stdout
    assert "压减" not in shown.stdout


def test_show_by_name_and_unknown_names() -> None:
    """A name that only one bundle has is enough; else the near ones are offered."""
    assert "xinxiang-16" in run("show", "大件").stdout
    several = run("show", "退役军人")
    assert several.exit_code == 1
    assert "xinxiang-20" in several.stderr
    assert "shenqiu-47" in several.stderr
    unknown = run("show", "xinxiang-91")
    assert unknown.exit_code == 1
    assert "是否指" in unknown.stderr


@pytest.mark.parametrize("columns", [80, 120])
def test_figures_fit_the_terminal(columns: int) -> None:
    """Every bundle of both counties, the goals and the sums."""
    result = run("figures", columns=columns)
    assert result.exit_code == 0, result.output
    assert max(cell_len(line) for line in result.stdout.splitlines()) <= columns
    said = "".join(result.stdout.split())
    assert "866种1829份" in said
    assert "已梳理41，尚未梳理40" in said


def test_figures_as_json() -> None:
    """Numbers for other programs, desk figures marked as such."""
    told = json.loads(run("figures", "--json").stdout)
    assert told["kind"] == "desk"
    assert told["goals"] == {"material_cut": 0.6, "filled_share": 0.5}
    assert told["total"]["materials"]["exempted"] == 436
    assert told["total"]["fields"] == {
        "total": 1701,
        "fillable": 1190,
        "share": 0.6995,
        "goal": "yes",
    }
    assert "materials" not in told["counties"]["shenqiu"]["bundles"]["shenqiu-01"]


def test_figures_of_one_county() -> None:
    """The other is left out; an unknown one is an error."""
    told = json.loads(run("figures", "--json", "--county", "xinxiang").stdout)
    assert list(told["counties"]) == ["xinxiang"]
    assert told["total"]["bundles"] == 21
    wrong = run("figures", "--county", "xinxian")
    assert wrong.exit_code == 1
    assert "xinxiang" in wrong.stderr


def imported(folder: Path, *more: str) -> Result:
    """Import a small list into `folder`."""
    path = folder / "list.csv"
    path.write_text("序号,一件事名称,事项名称,牵头部门,联办部门,备注\n1,甲,1.居住证,县教体局,,无\n")
    place = ("--county", "daoru", "--name", "导入县", "--division", "990102")
    paper = ("--document", "导政文〔2026〕1号", "--year", "2026", "--out", str(folder / "counties"))
    return run("import", str(path), *place, *paper, *more)


def test_import_makes_a_county_that_check_accepts(tmp_path: Path) -> None:
    """From the list to a checked folder, with what was passed over; a second time is refused."""
    first = imported(tmp_path)
    assert first.exit_code == 0, first.output
    assert "备注" in first.stdout
    assert run("check", str(tmp_path / "counties")).exit_code == 0
    second = imported(tmp_path)
    assert second.exit_code == 1
    assert "county-exists" in second.stderr


def test_import_of_a_wrong_list(tmp_path: Path) -> None:
    """Complaints on stderr, and nothing is written."""
    result = imported(tmp_path, "--division", "12")
    assert result.exit_code == 1
    assert "ill-formed" in result.stderr
    assert not list((tmp_path / "counties").iterdir())


def test_it_runs_where_nothing_but_ascii_was_expected() -> None:
    """Piped, without a terminal and in the C locale, the Chinese still comes out as UTF-8."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", "from catalog.cli import app; app()", "check"],
        capture_output=True,
        env=environment,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "目录完好" in done.stdout.decode("utf-8")
