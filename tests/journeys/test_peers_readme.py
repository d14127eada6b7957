"""The door sign's example of another hub as a source: the file as printed, on real hubs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import adapters
from hub.cli import app
from tests.journeys.test_peers_trust import PERMITS, RESOURCE, Permits, question
from tests.world.department import listening
from tests.world.hub import RunningHub, county_with, grant, running_hub
from tests.world.peers import admitted_below, granted_below, pinned_key

README = (Path(adapters.__file__).parent / "README.md").read_text(encoding="utf-8")
EXAMPLE = README.split("## 接另一个枢纽")[1].split("\n## ")[0]
MANIFEST = re.findall(r"```yaml\n(.*?)```", EXAMPLE, re.DOTALL)[0]
CLIENT = "xinxiang-hub"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningHub, Path]]:
    """The city's hub, and the private key of the county's."""
    folder = tmp_path_factory.mktemp("city")
    with (
        listening(Permits) as url,
        running_hub(
            folder,
            county_with(folder / "counties", {"residence-permit": PERMITS}),
            environment={"PERMIT_URL": url},
        ) as running,
    ):
        granted = [granted_below(each, CLIENT) for each in (RESOURCE, "hukou.person")]
        yield running, admitted_below(running, folder, granted, CLIENT)


@pytest.fixture
def counties(city: tuple[RunningHub, Path], tmp_path: Path) -> Path:
    """The county's folder: the manifest as printed, and the city's key beside it."""
    folder = county_with(tmp_path / "counties", {"city-hub": MANIFEST})
    pin = folder / "xinxiang" / "sources" / "city-hub.key.json"
    pin.write_text(json.dumps(pinned_key(city[0])), encoding="utf-8")
    return folder


def environment(city: tuple[RunningHub, Path]) -> dict[str, str]:
    """The two variables."""
    return {"CITY_HUB_URL": city[0].url, "CITY_HUB_KEY_FILE": str(city[1])}


def test_the_city_is_one_file(
    city: tuple[RunningHub, Path], counties: Path, tmp_path: Path
) -> None:
    """A value through the city's hub, and a resource that nobody answers for there."""
    granted = [grant(RESOURCE), grant("hukou.person")]
    want = [f"{RESOURCE}.permit_no", f"{RESOURCE}.name", "hukou.person.name"]
    with running_hub(tmp_path, counties, environment=environment(city), grants=granted) as county:
        asked = question(want=want)
        asked["subject"]["name"] = "赵明示"
        fields = county.client.post("/v1/queries", asked)["fields"]

    assert fields[want[0]]["value"] == "J1"
    assert fields[want[0]]["provenance"]["via"] == [city[0].log.origin]
    assert (fields[want[1]]["state"], fields[want[1]]["why"]) == (
        "not_applicable",
        "exchange.field-not-offered",
    )
    assert (fields[want[2]]["state"], fields[want[2]]["why"]) == (
        "not_applicable",
        "hub.exchange.no-source",
    )


def test_the_verbs_of_the_example(city: tuple[RunningHub, Path], counties: Path) -> None:
    """`check` is green without an environment; `agree` names what the city has not connected; `try`
    shows a proven answer once an item is named that the city knows.
    """
    run, folder = CliRunner(), ["--counties", str(counties)]
    checked = run.invoke(app, ["adapters", "check", *folder])
    assert checked.exit_code == 0, checked.output
    agreed = run.invoke(app, ["adapters", "agree", "city-hub", *folder], env=environment(city))
    assert agreed.exit_code == 1
    (said,) = [line for line in agreed.output.splitlines() if line.startswith("xinxiang/")]
    assert "[not-connected] nothing answers for it in xinxiang" in said
    file = counties / "xinxiang" / "sources" / "city-hub.yaml"
    named = MANIFEST.replace(
        "  timeout: 3s", "  timeout: 3s\n  items: { rehearsal: xinxiang-10-03 }"
    )
    file.write_text(named, encoding="utf-8")
    tried = run.invoke(
        app,
        ["adapters", "try", "city-hub", "--resource", RESOURCE, "--key", "id_number=-", *folder],
        env=environment(city),
        input="990101199001010019\n",
    )
    assert tried.exit_code == 0, tried.output
    assert "有记录 answered" in tried.output
    assert "990101199001010019" not in tried.output
