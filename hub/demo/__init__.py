"""`mianti demo`: the first journey on real county lists, as a counter's intake system would run it.

Starts the sandbox, the city's hub and the county's as processes of their own, plans seven told cases
and then every bundle of 新乡县 whose sources exist, brings seals to use and sets them on a notice, says
what it expects of each, and fails if anything it shows is not so.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from rich.console import Console

from catalog.figures import Figures, Goals, by_county
from catalog.loading import load
from hub.app import connected_catalog
from hub.city import city_hub
from hub.demo.cases import CASES, Case
from hub.demo.control import personas
from hub.demo.counter import Counter, Shown
from hub.demo.desk import Clerks
from hub.demo.live import connected_resources, live_round
from hub.demo.report import write_report
from hub.demo.sealing import print_seals, seals_shown
from hub.demo.showing import print_case, print_desk, print_live
from hub.demo.wording import Names
from hub.errors import HubError
from hub.processes import HUB_LOG, free_address, hub_process, sandbox_process
from hub.settings import read_configuration

LIVE_COUNTY = "xinxiang"
"""The county whose bundles are all planned; the other one's are told cases only."""


def run(folder: Path, cases: tuple[Case, ...] = CASES) -> int:
    """Run everything; the exit code is 0 only if everything shown is so.

    Raises:
        HubError: The folder holds something that is not an earlier demo's; nothing was touched.
    """
    console = Console(highlight=False)
    began = time.monotonic()
    _clear(folder)
    counties_dir = read_configuration().settings.counties_dir
    catalog = load(counties_dir)
    names = Names(catalog)
    shown: list[Shown] = []
    with sandbox_process() as sandbox, city_hub(folder / "city", counties_dir, sandbox) as city:
        control = sandbox["SANDBOX_CONTROL_URL"]
        people = personas(control)
        url = free_address()
        variables = {**os.environ, **city.variables}
        with hub_process(folder, url, variables, "--admit-intake") as ready:
            city.ready()
            ready()
            counters = {county: Counter.of(url, folder, county) for county in catalog.counties}
            bound = {county: connected_catalog(counties_dir, county) for county in counters}
            for case in cases:
                connected = connected_resources(bound[case.county], case.county)
                counter = counters[case.county]
                shown.append(counter.show(case, people[case.persona], control, connected))
                print_case(shown[-1], names, console)
            clerks = Clerks.of(url, folder, LIVE_COUNTY, control)
            clerks.work()  # what the told cases left on the desk
            live = live_round(
                bound[LIVE_COUNTY], LIVE_COUNTY, counters[LIVE_COUNTY], clerks, people
            )
            clerks.close()
            for counter in counters.values():
                counter.client.close()
    print_live(names.county(LIVE_COUNTY), live, Goals(), console)
    figures = by_county(catalog)
    for county, overview in figures.items():
        print_desk(names.county(county), overview.bundles, names, console)
    seals = seals_shown(folder)
    print_seals(seals, console)
    failures = [f"{s.case.title}：{failure}" for s in shown for failure in s.failures]
    failures += [f"{row.name}：{failure}" for row in live.rows for failure in row.failures]
    failures += seals.failures
    write_report(
        folder, names, shown=shown, live={LIVE_COUNTY: live}, figures=figures, seals=seals,
        total=sum((overview.total for overview in figures.values()), Figures()),
        failures=failures,
    )  # fmt: skip
    receipts = sum(s.receipts for s in shown) + sum(row.receipts for row in live.rows)
    console.print(
        f"\n核验回执 {receipts} 张 / receipts verified off-line：{receipts}"
        f"\n报告 report：{folder / 'report.html'} · {folder / 'report.json'}"
        f"\n用时 took {time.monotonic() - began:.1f} s"
    )
    for failure in failures:
        console.print(f"[red]✘ 与预期不符：{failure}[/]")
    console.print(
        "[red]演示未通过 failed[/]" if failures else "[green]✔ 全部如所示 all as shown[/]"
    )
    return 1 if failures else 0


def _clear(folder: Path) -> None:
    """Make the folder new; only what an earlier demo left there is thrown away."""
    if folder.exists() and any(folder.iterdir()) and not (folder / HUB_LOG).exists():
        raise HubError("demo-folder-holds-other-things")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
