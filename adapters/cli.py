"""`mianti adapters …`: judge manifests offline, ask one live question, record and rehearse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from adapters import agreeing, asked, conformance, recording, registry, rehearsal, showing, trying
from adapters.asked import NotAskable, Place
from adapters.errors import AdapterError, InvalidManifest
from adapters.invented import CONTROL, UNKNOWN, Candidate, NoSandbox, People
from adapters.model import Outcome
from adapters.registry import Agreed
from adapters.schema import schema as manifest_schema
from catalog.loading import COUNTIES
from catalog.model import Catalog

app = typer.Typer(
    no_args_is_help=True, help="数据源 sources: check, try, record, rehearse; print their schema."
)

CountiesOption = Annotated[Path, typer.Option(help="各县的文件夹 the counties' folder")]
CountyOption = Annotated[str | None, typer.Option(help="只这一个县 only this county")]
EnvironmentOption = Annotated[
    Path | None,
    typer.Option(help="NAME=value 行的文件 a file of variables, as the sandbox writes it"),
]
KeyOption = Annotated[
    list[str] | None,
    typer.Option(help="查询键：id_number=- 从提示读，=@文件 从文件读 a key, from prompt or file"),
]
SandboxOption = Annotated[
    bool, typer.Option("--sandbox", help="现起一个沙盒来答 start a sandbox for this question")
]
MOST = 60
"""Invented people that are asked about until one has a record."""


@app.command()
def check(county: CountyOption = None, counties: CountiesOption = COUNTIES) -> None:
    """检查数据源清单：语法、与目录一致、重放样例、一致性测试仍有效。不联网。Check every manifest, offline."""
    catalog = _catalog(counties)
    wanted = [county] if county else sorted(catalog.counties)
    wrong = [each for each in wanted if not _checked(counties / each, each, catalog)]
    raise typer.Exit(1 if wrong else 0)


def _catalog(counties: Path) -> Catalog:
    from catalog.errors import InvalidCatalog  # noqa: PLC0415 -- the catalog is loaded by verbs that need it
    from catalog.loading import load  # noqa: PLC0415 -- as above

    try:
        return load(counties)
    except InvalidCatalog as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _checked(folder: Path, county: str, catalog: Catalog) -> bool:
    """Print the verdict on one county; True when nothing is wrong."""
    if county not in catalog.counties:
        typer.echo(f"没有这个县 no such county: {county}", err=True)
        return False
    try:
        bindings = registry.check(folder, county=county, catalog=catalog, now=asked.now)
        replayed = rehearsal.check(folder, county=county, catalog=catalog, now=asked.now)
        conformance.check(folder, county=county, catalog=catalog, now=asked.now)
    except InvalidManifest as error:
        for complaint in error.complaints:
            typer.echo(str(complaint), err=True)
        return False
    sources = {binding.source for binding in bindings}
    typer.echo(
        f"{county}: {len(sources)} 个数据源 sources, {len(bindings)} 个数据资源 resources, "
        f"{replayed} 个样例重放一致 samples replayed, 一致性测试有效 conformance up to date"
    )
    return True


@app.command()
def schema() -> None:
    """输出清单的 JSON Schema。Print the manifest's JSON Schema."""
    typer.echo(json.dumps(manifest_schema(), ensure_ascii=False, indent=2, sort_keys=True))


@app.command("try")
def try_(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="数据源编号 the source's id")],
    county: CountyOption = None,
    resource: Annotated[str | None, typer.Option(help="数据资源 which resource")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="查询键：id_number=- 从提示读，=@文件 从文件读 a key, from prompt or file"
        ),
    ] = None,
    persona: Annotated[str, typer.Option(help="沙盒人物 an invented person of the sandbox")] = "",
    sandbox: SandboxOption = False,
    environment_file: EnvironmentOption = None,
    within: Annotated[float, typer.Option(min=0.1, max=60, help="秒 seconds")] = 5.0,
    counties: CountiesOption = COUNTIES,
) -> None:
    """真问一次，逐步显示：发了什么、收到什么、怎样映射。个人信息和密钥遮盖。One live question, step by step."""
    place = Place(counties=counties, catalog=_catalog(counties))
    try:
        with asked.environment(environment_file, people=_people(sandbox)) as variables:
            agreed = place.agreed(place.holding(source, county), source, variables)
            wanted = _resource(agreed, resource)
            candidate = _candidate(agreed, wanted, key or [], persona, variables.get(CONTROL))
            trial = asyncio.run(
                trying.ask(
                    agreed,
                    wanted,
                    candidate.keys,
                    now=asked.now,
                    within=within,
                    # The hub's command says how receipts of other hubs are judged.
                    surroundings=replace(asked.surroundings(variables), receipts=context.obj),
                )
            )
            Console().print(showing.shown(trial, asked.secrets(agreed, variables)))
    except (NotAskable, NoSandbox, AdapterError) as error:
        _fail(error)
    raise typer.Exit(0 if trial.reply.outcome in {Outcome.ANSWERED, Outcome.NO_RECORD} else 1)


@app.command()
def agree(
    source: Annotated[str, typer.Argument(help="数据源编号（kind: hub）the source's id")],
    county: CountyOption = None,
    environment_file: EnvironmentOption = None,
    counties: CountiesOption = COUNTIES,
) -> None:
    """与另一枢纽的实时目录比对：缺的资源和信息项、不同的类型和代码表、签名密钥。Compare another hub's live catalog."""
    place = Place(counties=counties, catalog=_catalog(counties))
    try:
        with asked.environment(environment_file, people="real") as variables:
            agreed = _other_hub(place.agreed(place.holding(source, county), source, variables))
            found = asyncio.run(
                agreeing.complaints(
                    agreed,
                    place.catalog,
                    now=asked.now,
                    surroundings=asked.surroundings(variables),
                )
            )
    except (NotAskable, AdapterError) as error:
        _fail(error)
    for complaint in found:
        typer.echo(str(complaint), err=True)
    if not found:
        taken = len(agreed.manifest.resources)
        typer.echo(f"{agreed.county}/{source}: {taken} 个数据资源一致 resources agree")
    raise typer.Exit(1 if found else 0)


def _other_hub(agreed: Agreed) -> Agreed:
    if not agreeing.is_hub(agreed):
        raise NotAskable(f"{agreed.manifest.source} 不是另一枢纽 is no other hub")
    return agreed


def _resource(agreed: Agreed, wanted: str | None) -> str:
    """The resource that is meant: the named one, or the source's first."""
    known = list(agreed.manifest.resources)
    if wanted is not None and wanted not in known:
        raise NotAskable(f"没有资源 no resource {wanted}（{', '.join(known)}）")
    return wanted or known[0]


def _people(sandbox: bool) -> str:
    return "invented" if sandbox else "real"


def _fail(error: Exception) -> None:
    lines = asked.complaint_lines(error) if isinstance(error, InvalidManifest) else [str(error)]
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(2)


def _candidate(
    agreed: Agreed, resource: str, key: list[str], persona: str, control: str | None
) -> Candidate:
    """Whom to ask about: the keys given, else somebody of the sandbox, else whom the prompt says."""
    keys = asked.keys_of(agreed, resource)
    if key or not control:
        return asked.typed(asked.given_keys(key or [f"{name}=-" for name in sorted(keys.needed)]))
    found = People(control).candidates(resource, needed=keys.needed, optional=keys.optional)
    candidate = next((each for each in found if persona in {"", each.persona}), None)
    if candidate is None:
        raise NotAskable(f"沙盒里没有合适的人物 nobody in the sandbox has {', '.join(keys.needed)}")
    return candidate


@app.command()
def record(
    source: Annotated[str | None, typer.Argument(help="数据源；不写就是全部 all of them")] = None,
    county: CountyOption = None,
    resource: Annotated[str | None, typer.Option(help="只这一个资源 only this resource")] = None,
    key: KeyOption = None,
    again: Annotated[bool, typer.Option("--again", help="已有样例的也重录 known ones too")] = False,
    sandbox: SandboxOption = False,
    environment_file: EnvironmentOption = None,
    counties: CountiesOption = COUNTIES,
) -> None:
    """向沙盒录制样例（只录虚构的人）。Record samples from a sandbox, of invented people only."""
    place = Place(counties=counties, catalog=_catalog(counties))
    lost = 0
    try:
        with asked.environment(environment_file, people=_people(sandbox)) as variables:
            people = People(asked.control(variables))
            for agreed in _wanted(place, source, county, variables):
                for each in _unrecorded(agreed, again):
                    if resource in {None, each}:
                        lost += not _recorded(agreed, each, people, asked.given_keys(key or []))
    except (NotAskable, NoSandbox, AdapterError) as error:
        _fail(error)
    raise typer.Exit(1 if lost else 0)


def _wanted(
    place: Place, source: str | None, county: str | None, variables: Mapping[str, str] | None
) -> Iterator[Agreed]:
    wanted = [county] if county else sorted(place.catalog.counties)
    for each in wanted:
        if source is None:
            yield from place.all(each, variables)
        elif (place.counties / each / registry.FOLDER / f"{source}.yaml").is_file():
            yield place.agreed(each, source, variables)


def _unrecorded(agreed: Agreed, again: bool) -> list[str]:
    return list(recording.recordable(agreed) if again else recording.missing(agreed))


def _recorded(agreed: Agreed, resource: str, people: People, given: Mapping[str, str]) -> bool:
    """Record one answered sample, and one of nobody where a resource is asked by number."""
    keys = asked.keys_of(agreed, resource)
    candidates = list(people.candidates(resource, needed=keys.needed, optional=keys.optional))
    if given:
        candidates = [asked.typed(given)]
    known = next(
        (each for each in candidates[:MOST] if _sample(agreed, resource, each, Outcome.ANSWERED)),
        None,
    )
    for nobody in (each for each in candidates if each.persona == UNKNOWN):
        _sample(agreed, resource, nobody, Outcome.NO_RECORD)
    if known is None:
        typer.echo(f"{agreed.county}/{resource}: 没有人物有记录 nobody has a record", err=True)
    return known is not None


def _sample(agreed: Agreed, resource: str, candidate: Candidate, outcome: Outcome) -> bool:
    """Ask about one person, and keep the answer if it is of the wanted kind."""
    trial = asyncio.run(
        trying.ask(agreed, resource, candidate.keys, now=asked.now, within=rehearsal.WITHIN)
    )
    if trial.reply.outcome is not outcome:
        return False
    try:
        name = asyncio.run(recording.record(trial, candidate, now=asked.now))
    except recording.NotRecorded as error:
        typer.echo(f"{agreed.county}/{resource}: {error}", err=True)
        return False
    typer.echo(f"{agreed.county}/{agreed.manifest.source}: {name}")
    return True


@app.command()
def conform(
    source: Annotated[str | None, typer.Argument(help="数据源；不写就是全部 all of them")] = None,
    county: CountyOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for machines")] = False,
    counties: CountiesOption = COUNTIES,
) -> None:
    """一致性测试：由清单和样例生成数百个用例，对本机脚本服务器真跑。Run the conformance kit, write down what passed."""
    place = Place(counties=counties, catalog=_catalog(counties))
    results = []
    try:
        for agreed in _wanted(place, source, county, None):
            if registry.rehearsed(agreed):
                result = asyncio.run(conformance.run(agreed, now=asked.now))
                conformance.written(agreed, result)
                results.append(result)
    except (NotAskable, AdapterError) as error:
        _fail(error)
    if as_json:
        typer.echo(json.dumps([showing.result_row(each) for each in results], ensure_ascii=False))
    else:
        Console().print(showing.results(results))
    raise typer.Exit(0 if results and all(each.passed for each in results) else 1)
