"""One live question, step by step, with nothing personal and no secret in what is shown."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from adapters import asked, masking, rehearsal, showing, trying
from adapters.cli import app
from adapters.invented import CONTROL, NoSandbox, People
from adapters.model import Outcome
from adapters.registry import Agreed, read
from adapters.sandbox import Sandbox, sandbox
from adapters.trying import Mapped
from catalog import loading
from tests.adapters.dialects import DIALECTS, prepare
from tests.adapters.servers import http, says, serve
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, now, write
from tests.adapters.test_rest import MANIFEST, PERMIT, envelope

RUN = CliRunner()
TOKEN = "a-secret-token-of-the-hub"
CLOSED = "http://127.0.0.1:9"


def agreed(folder: Path, url: str, manifest: str, source: str) -> Agreed:
    """A source of the small catalog at that address."""
    write(folder, **{source: manifest})
    environment = {"URL": url, "PERMIT_URL": url, "TOKEN": TOKEN}
    (found,) = read(
        folder, county=COUNTY, catalog=CATALOG, environment=environment, now=now, only=source
    )
    return found


def printed(trial: trying.Trial) -> str:
    """What a person sees."""
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(showing.shown(trial, [TOKEN]))
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO


@pytest.mark.anyio
@pytest.mark.parametrize("kind", DIALECTS)
async def test_a_trial_shows_every_step_and_nobody(kind: str, tmp_path: Path) -> None:
    """Address, status, headers, bodies, fields, outcome; no number, no name, no token."""
    dialect = DIALECTS[kind]
    async with serve(says(dialect.good)) as server:
        source = agreed(prepare(tmp_path), server.url, dialect.manifest, dialect.source)
        trial = await trying.ask(
            source, dialect.resource, {"id_number": ID_NUMBER, "name": NAME}, now=now, within=3
        )
    text = printed(trial)
    assert trial.reply.outcome is Outcome.ANSWERED, trial.reply
    assert [step.status for step in trial.steps] == [200] * len(server.requests)
    assert all(step.whole_ms is not None for step in trial.steps)
    assert server.url in text
    for word in ("发出 sent", "收到 received", "HTTP 200", "逐项映射", "有记录 answered"):
        assert word in text
    for field in source.manifest.resources[dialect.resource].answer.fields:
        assert field in text
    for personal in (ID_NUMBER, NAME, "赵小样", TOKEN, "买买提"):
        assert personal not in text


FIELDS: dict[str, tuple[dict[str, Any], str, Mapped]] = {
    "read": ({}, "birth_date", Mapped.READ),
    "null": ({"csrq": None}, "birth_date", Mapped.EMPTY),
    "blank": ({"csrq": "  "}, "birth_date", Mapped.EMPTY),
    "a date of zeros": ({"csrq": "0000-00-00"}, "birth_date", Mapped.EMPTY),
    "nowhere": ({"csrq": ...}, "birth_date", Mapped.NOWHERE),
    "unreadable": ({"csrq": "尚未登记"}, "birth_date", Mapped.BAD),
    "of another type": ({"csrq": {"a": 1}}, "birth_date", Mapped.BAD),
    "not in the table": ({"xb": "7"}, "gender", Mapped.ODD),
    "a word for a code": ({"mz": "汉"}, "ethnic_group", Mapped.READ),
    "a constant": ({}, "issuer", Mapped.CONSTANT),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", FIELDS)
async def test_each_field_says_what_became_of_it(name: str, tmp_path: Path) -> None:
    """“The path leads nowhere” and “there is nothing” are two things."""
    changes, field, mapped = FIELDS[name]
    row = {k: v for k, v in {**PERMIT, **changes}.items() if v is not ...}
    async with serve(says(envelope(row))) as server:
        source = agreed(tmp_path, server.url, MANIFEST, "permit")
        trial = await trying.ask(
            source, "residence-permit.status", {"id_number": ID_NUMBER}, now=now, within=3
        )
    shown = {each.id: each.mapped for each in trial.fields}
    assert shown[field] is mapped
    assert "尚未登记" not in printed(trial)


@pytest.mark.anyio
async def test_a_trial_that_fails_says_how_far_it_came(tmp_path: Path) -> None:
    """Nothing received, an error status, and an answer that is none."""
    source = agreed(tmp_path, CLOSED, MANIFEST, "permit")
    keys = {"id_number": ID_NUMBER}
    trial = await trying.ask(source, "residence-permit.status", keys, now=now, within=3)
    assert (trial.reply.outcome, trial.fields) == (Outcome.UNREACHABLE, [])
    assert "没有收到 nothing received" in printed(trial)
    for response, word in (
        (http(f"<p>{ID_NUMBER}</p>", status="500 Oops"), "rest.status-500"),
        (http(f'{{"code": "0", "data": "{ID_NUMBER}"'), "rest.json"),
        (envelope(code=f"E{ID_NUMBER}"), "rest.not-ok"),
    ):
        async with serve(says(response)) as server:
            source = agreed(tmp_path, server.url, MANIFEST, "permit")
            trial = await trying.ask(source, "residence-permit.status", keys, now=now, within=3)
        text = printed(trial)
        assert trial.reply.outcome is Outcome.FAILED
        assert word in text
        assert ID_NUMBER not in text


BODIES: dict[str, str] = {
    "JSON": f'{{"xm": "{NAME}", "sfzh": "{ID_NUMBER}", "n": {ID_NUMBER[:15]}, "a": ["{NAME}"]}}',
    "JSON with escapes": f'{{"x": "say \\"{NAME}\\" {ID_NUMBER}", "y": "b"}}',
    "half of JSON": f'{{"xm": "{NAME}", "sfzh": "{ID_NUMBER}',
    "JSON keyed by number": f'{{"{ID_NUMBER}": {{"xm": "{NAME}"}}}}',
    "XML": f"<r><xm a='{NAME}' b=\"{ID_NUMBER}\">{NAME}</xm><n>{ID_NUMBER}</n></r>",
    "half of XML": f"<r><xm>{NAME}",
    "half of an attribute": f"<r a='{NAME} {ID_NUMBER}",
    "CDATA": f"<r><![CDATA[{NAME}{ID_NUMBER}]]></r>",
    "a comment": f"<r><!-- {NAME} {ID_NUMBER} --></r>",
    "a form": f"sfzh={ID_NUMBER}&xm={NAME}",
    "words": f"{NAME}（{ID_NUMBER}）",
    "words with brackets": f"[{NAME}] <{ID_NUMBER}>",
    "a list": f'["{NAME}", "{ID_NUMBER}"]',
    "without quotes": f"{{xm: {NAME}, sfzh: {ID_NUMBER}}}",
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_are_masked_whatever_they_are(name: str) -> None:
    """Well-formed, cut off, or nothing of the kind."""
    shown = masking.body(BODIES[name])
    assert NAME not in shown
    assert ID_NUMBER not in shown
    assert ID_NUMBER[:15] not in shown


def test_structure_and_short_codes_stay() -> None:
    """What a person needs to see a mapping go wrong."""
    shown = masking.body('{"code": "0000", "data": [{"xb": "1", "n": 12, "ok": true}]}')
    assert shown == '{"code": "0000", "data": [{"xb": "1", "n": 12, "ok": true}]}'
    shown = masking.body('<r xmlns="urn:x"><Code>000</Code><XM/></r>')
    assert shown == '<r xmlns="urn:x"><Code>000</Code><XM/></r>'
    assert masking.body('{"app_secret": "abcdef", "sign":"x"}').count(masking.HIDDEN) == 2


@pytest.mark.parametrize(
    "text", ["<" * 50_000, '"' * 50_000, '{"a":' * 20_000, "<a b=" * 20_000, "a=" * 50_000]
)
def test_masking_ends(text: str) -> None:
    """Hostile text costs no more than its length."""
    assert masking.body(text) is not None


# --- the verbs --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Any:
    """A sandbox of the named cases."""
    with sandbox(people=1) as started:
        yield started


@pytest.fixture
def variables(running: Sandbox, tmp_path: Path) -> Path:
    """The file of variables that a sandbox writes."""
    rows = {**running.environment, CONTROL: running.control_url}
    file = tmp_path / "sandbox.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in rows.items()), encoding="utf-8")
    return file


COUNTIES = str(loading.COUNTIES)


@pytest.mark.parametrize(
    "source", ["hukou", "realestate", "social-insurance", "immunization", "residence-permit"]
)
def test_try_asks_the_running_sandbox(source: str, variables: Path) -> None:
    """Every kind, with somebody invented; no number of theirs is shown."""
    found = RUN.invoke(
        app, ["try", source, "--counties", COUNTIES, "--environment-file", str(variables)]
    )
    assert found.exit_code == 0, found.output
    assert "有记录 answered" in found.output
    assert not re.search(r"99\d{15}[\dX]", found.output)
    environment = dict(line.split("=", 1) for line in variables.read_text().splitlines())
    for name, value in environment.items():
        assert value not in found.output or name.endswith(("_URL", "_ID", "_RID", "_SID")), name


def test_keys_come_from_standard_input_or_a_file(running: Sandbox, variables: Path) -> None:
    """Never from the arguments, where every process of the machine sees them."""
    number = running.population.personas["unknown"].subjects["applicant"].number
    asked_ = ["try", "immunization", "--counties", COUNTIES, "--environment-file", str(variables)]
    found = RUN.invoke(app, [*asked_, "--key", "id_number=-"], input=f"{number}\n")
    assert (found.exit_code, "查无记录 no record" in found.output) == (0, True), found.output
    file = variables.with_name("number")
    file.write_text(f"{number}\n", encoding="utf-8")
    found = RUN.invoke(app, [*asked_, "--key", f"id_number=@{file}"])
    assert (found.exit_code, "查无记录 no record" in found.output) == (0, True), found.output
    found = RUN.invoke(app, [*asked_, "--key", f"id_number={number}"])
    assert found.exit_code == 2
    assert number not in found.output


WRONG: dict[str, tuple[list[str], str]] = {
    "no such source": (["try", "atlantis"], "没有这个数据源"),
    "no such resource": (["try", "hukou", "--sandbox", "--resource", "hukou.x"], "没有资源"),
    "no such persona": (["try", "hukou", "--sandbox", "--persona", "nemo"], "没有合适的人物"),
    "no variables": (["try", "hukou"], "--sandbox"),
    "no such file": (["try", "hukou", "--environment-file", "nowhere.env"], "nowhere.env"),
    "nothing to record from": (["record", "hukou"], "只对沙盒"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_asked_says_what_to_do(name: str) -> None:
    """A line, exit code 2, and no stack."""
    arguments, word = WRONG[name]
    found = RUN.invoke(app, [*arguments, "--counties", COUNTIES])
    assert found.exit_code == 2, found.output
    assert word in found.output
    assert "Traceback" not in found.output


def test_record_writes_samples_that_check_accepts(tmp_path: Path, variables: Path) -> None:
    """Nothing secret is in them: how we identified ourselves is left out."""
    shutil.copytree(loading.COUNTIES / "xinxiang", tmp_path / "c" / "xinxiang")
    folder = tmp_path / "c" / "xinxiang" / "sources" / "samples"
    shutil.rmtree(folder / "realestate-enterprise")
    shutil.rmtree(folder / "immunization")
    arguments = ["--counties", str(tmp_path / "c"), "--environment-file", str(variables)]
    found = RUN.invoke(app, ["record", *arguments])
    assert found.exit_code == 0, found.output
    written = sorted(
        path.name
        for path in folder.glob("*/*.yaml")
        if path.parent.name in {"realestate-enterprise", "immunization"}
    )
    assert written == ["ownership-bankrupt.yaml", "record-complete.yaml", "record-unknown.yaml"]
    text = (folder / "realestate-enterprise" / "ownership-bankrupt.yaml").read_text(
        encoding="utf-8"
    )
    assert "secret" not in text
    assert "127.0.0.1" not in text
    catalog = loading.load(tmp_path / "c")
    rehearsal.check(tmp_path / "c" / "xinxiang", county="xinxiang", catalog=catalog, now=asked.now)


def test_without_a_sandbox_there_is_nobody() -> None:
    """A control socket that does not answer is said in one word."""
    with pytest.raises(NoSandbox):
        next(People(CLOSED).candidates("hukou.person", needed=frozenset(), optional=frozenset()))


@pytest.mark.anyio
async def test_a_call_without_a_trace_reports_to_nobody(tmp_path: Path) -> None:
    """A trace ends with its block; the next call is watched by nobody."""
    async with serve(says(envelope(PERMIT))) as server:
        source = agreed(tmp_path, server.url, MANIFEST, "permit")
        trial = await trying.ask(
            source, "residence-permit.status", {"id_number": ID_NUMBER}, now=now, within=3
        )
        steps = len(trial.steps)
        again = await trying.ask(
            source, "residence-permit.status", {"id_number": ID_NUMBER}, now=now, within=3
        )
    assert (steps, len(trial.steps), len(again.steps)) == (1, 1, 1)
