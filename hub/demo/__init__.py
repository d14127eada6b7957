"""`mianti demo`: the first journey on real county lists, as a counter's intake system would run it.

Starts the sandbox and the hub as processes of their own, plans seven told cases and then every
bundle of 新乡县, says what it expects of each, and fails if anything it shows is not so.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from rich.console import Console

from catalog.figures import Figures, Goals, by_county
from catalog.loading import load
from hub.demo.cases import CASES, Case
from hub.demo.counter import Counter, Shown
from hub.demo.live import LiveRow, live_round
from hub.demo.processes import hub_process, personas
from hub.demo.report import write_report
from hub.demo.showing import print_case, print_desk, print_live
from hub.running import sandbox_process
from hub.settings import read_configuration

LIVE_COUNTY = "xinxiang"
"""The county whose bundles are all planned; the other one's are told cases only."""


def run(folder: Path, cases: tuple[Case, ...] = CASES) -> int:
    """Run everything; the exit code is 0 only if everything shown is so."""
    console = Console(highlight=False)
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    catalog = load(read_configuration().settings.counties_dir)
    names = {**{r.id: r.name for r in catalog.resources.values()},
             **{b.id: b.name for b in catalog.bundles.values()}}  # fmt: skip
    shown: list[Shown] = []
    live: list[LiveRow] = []
    with sandbox_process() as environment:
        control = environment["SANDBOX_CONTROL_URL"]
        people = personas(control)
        with hub_process(folder, environment) as url:
            counters = {county: Counter.of(url, folder, county) for county in catalog.counties}
            for case in cases:
                shown.append(counters[case.county].show(case, people[case.persona], control))
                print_case(shown[-1], names, console)
            live = live_round(catalog, LIVE_COUNTY, counters[LIVE_COUNTY], people)
            for counter in counters.values():
                counter.client.close()
    print_live(catalog.counties[LIVE_COUNTY].name, live, Goals(), console)
    figures = by_county(catalog)
    for county, overview in figures.items():
        print_desk(catalog.counties[county].name, overview.bundles, names, console)
    failures = [f"{s.case.title}：{failure}" for s in shown for failure in s.failures]
    failures += [f"{row.name}：{failure}" for row in live for failure in row.failures]
    write_report(
        folder, catalog, shown=shown, live={LIVE_COUNTY: live}, figures=figures,
        total=sum((overview.total for overview in figures.values()), Figures()),
        failures=failures,
    )  # fmt: skip
    receipts = sum(s.receipts for s in shown) + sum(row.receipts for row in live)
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
