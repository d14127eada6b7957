"""`mianti adapters agree`: the live catalog of another hub, held against ours, over HTTP."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.cli import app
from tests.journeys.test_peers_trust import PERMITS, RESOURCE, Permits, on
from tests.world.department import listening
from tests.world.hub import RunningHub, county_with, grant, running_hub
from tests.world.peers import (
    SOURCE,
    Change,
    admitted_below,
    between,
    granted_below,
    manifest,
    pinned_key,
)

RUN = CliRunner()
FIELDS = "permit_no, name, endorsed_until"


@dataclass(frozen=True, slots=True)
class Upper:
    """A hub with one department, and the key of a lower hub."""

    hub: RunningHub
    key: Path

    def agree(
        self, folder: Path, text: str, pinned: dict[str, str] | None = None, url: str = ""
    ) -> Result:
        """The verb, over a county with this manifest."""
        counties = county_with(folder / "counties", {SOURCE: text})
        sources = counties / "xinxiang" / "sources"
        pin = pinned or pinned_key(self.hub)
        (sources / "upper.key.json").write_text(json.dumps(pin), encoding="utf-8")
        environment = folder / "environment"
        environment.write_text(
            f"UPPER_URL={url or self.hub.url}\nUPPER_KEY_FILE={self.key}\n", encoding="utf-8"
        )
        return RUN.invoke(
            app,
            ["agree", SOURCE, "--counties", str(counties), "--environment-file", str(environment)],
            env=dict(os.environ),
        )


@pytest.fixture(scope="module")
def upper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upper]:
    """Its own catalog differs from the national one: see `changed`."""
    folder = tmp_path_factory.mktemp("upper")
    counties = county_with(folder / "counties", {"residence-permit": PERMITS})
    changed(counties / "xinxiang" / "catalog" / "resources.yaml")
    with (
        listening(Permits) as url,
        running_hub(
            folder, counties, environment={"PERMIT_URL": url}, grants=[grant(RESOURCE)]
        ) as running,
    ):
        yield Upper(running, admitted_below(running, folder, [granted_below(RESOURCE)]))


def changed(file: Path) -> None:
    """Up there the county has an income tax of its own, with other fields, types and keys."""
    file.write_text(
        """\
resources:
- id: tax.personal-income
  name: 个人所得税
  name_en: Income tax
  provider: 县税务局
  subject_kind: person
  records: many
  query_keys: [{id: id_number, type: id-number, required: true}, {id: period, type: string, required: true}]
  sharing: unconditional
  update_frequency: realtime
  interface: {kind: rest, system: 县系统}
  quirks: []
  no_record: 无
  fields:
  - {id: year, label: 年度, type: code, code_table: gender, source: nd, sensitivity: personal, example: ''}
  - {id: income_total, label: 收入, type: string, source: sr, sensitivity: personal, example: ''}
""",
        encoding="utf-8",
    )


def test_what_agrees_is_said_in_one_line(upper: Upper, tmp_path: Path) -> None:
    """One resource, connected there with all the fields taken."""
    found = upper.agree(tmp_path, manifest(upper.hub.url, [RESOURCE], ask=f"fields: [{FIELDS}]"))

    assert found.exit_code == 0, found.output
    assert "xinxiang/upper: 1 个数据资源一致" in found.output


def test_every_difference_is_a_line(upper: Upper, tmp_path: Path) -> None:
    """Fields nobody has there, a type that differs, a resource that is not connected: each with its
    file and line, and the exit says so.
    """
    text = manifest(upper.hub.url, [RESOURCE, "tax.personal-income"])
    found = upper.agree(tmp_path, text)
    lines = found.output.splitlines()

    assert found.exit_code == 1
    assert all(re.match(r"xinxiang/sources/upper\.yaml:\d+: \[[a-z-]+\] ", each) for each in lines)
    assert any("[not-connected] no source there has 'residence_address'" in each for each in lines)
    assert any("[not-connected] nothing answers for it in xinxiang" in each for each in lines)
    assert any("[type] income_total: type string there — decimal, as here" in e for e in lines)
    assert any("[code-table] year: code_table gender there — None, as here" in e for e in lines)
    assert any("[missing-field] no field for our 'tax_paid' there" in each for each in lines)
    assert any("[key] it is asked by period there" in each for each in lines)


def test_another_name_is_looked_for_under_that_name(upper: Upper, tmp_path: Path) -> None:
    """A resource that is not there under the name that the manifest gives."""
    ask = f"resource: residence-permit.stand, fields: [{FIELDS}]"
    found = upper.agree(tmp_path, manifest(upper.hub.url, [RESOURCE], ask=ask))

    assert found.exit_code == 1
    assert "[missing-resource] no resource 'residence-permit.stand' there" in found.output


def test_another_key_is_told(upper: Upper, tmp_path: Path) -> None:
    """The key that is pinned is not the one it signs with."""
    pinned = {**pinned_key(upper.hub), "key": f"{'A' * 43}="}
    text = manifest(upper.hub.url, [RESOURCE], ask=f"fields: [{FIELDS}]")
    found = upper.agree(tmp_path, text, pinned)

    assert found.exit_code == 1
    assert "[pinned-key]" in found.output


def test_a_department_is_no_hub(upper: Upper, tmp_path: Path) -> None:
    """The verb is for hubs, and says so."""
    counties = county_with(tmp_path / "counties", {"residence-permit": PERMITS})
    found = RUN.invoke(
        app,
        ["agree", "residence-permit", "--counties", str(counties)],
        env={**os.environ, "PERMIT_URL": upper.hub.url},
    )

    assert found.exit_code == 2
    assert "不是另一枢纽" in found.output


def other_codes(said: dict[str, Any]) -> None:
    """One code less, one more, and one that is called otherwise."""
    del said["codes"]["0"]
    said["codes"]["7"] = {"code": "7", "label": "其他"}
    said["codes"]["1"]["label"] = "男"


TABLES = "/v1/catalog/code-tables/"
RESOURCES = "/v1/catalog/resources/"
OTHER: dict[str, tuple[Change, int, tuple[str, ...]]] = {
    "other codes": (
        on(TABLES, other_codes),
        1,
        ("gender: 7 only there", "gender: 0 only here", "gender: 1 otherwise called"),
    ),
    "no table": (
        lambda path, status, body: (404, b"{}") if TABLES in path else (status, body),
        1,
        ("[missing-table] no code table 'gender' there",),
    ),
    "a table that is none": (on(TABLES, lambda _: {"codes": [1]}), 2, ("catalog-shape",)),
    "a resource that is none": (on(RESOURCES, lambda _: {"fields": {}}), 2, ("catalog-shape",)),
    "garbage": (lambda _p, status, _b: (status, b"<html>"), 2, ("json",)),
    "status 500": (lambda _p, _s, body: (500, body), 2, ("status-500",)),
}


@pytest.mark.parametrize(("change", "code", "said"), OTHER.values(), ids=OTHER.keys())
def test_other_codes_and_no_catalog(
    upper: Upper, tmp_path: Path, change: Change, code: int, said: tuple[str, ...]
) -> None:
    """Tables are compared code by code; what is no catalog ends the verb with its key."""
    text = manifest(upper.hub.url, [RESOURCE], ask="fields: [permit_no, gender]")
    with between(upper.hub.url) as middle:
        middle.change = change
        found = upper.agree(tmp_path, text, url=middle.url)

    assert found.exit_code == code, found.output
    assert all(each in found.output for each in said), found.output
