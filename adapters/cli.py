"""`mianti adapters …`: judge manifests offline, and print their grammar."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters import registry
from adapters.errors import InvalidManifest
from adapters.schema import schema as manifest_schema
from catalog.loading import COUNTIES
from catalog.model import Catalog

app = typer.Typer(no_args_is_help=True, help="数据源 sources: check manifests, print their schema.")


@app.command()
def check(
    county: Annotated[str | None, typer.Option(help="只查一个县 only this county")] = None,
    counties: Annotated[Path, typer.Option(help="各县的文件夹 the counties' folder")] = COUNTIES,
) -> None:
    """检查数据源清单：语法、与目录是否一致。不连接任何系统。Check every source manifest, offline."""
    from catalog.errors import InvalidCatalog  # noqa: PLC0415 -- the catalog is loaded for this verb only
    from catalog.loading import load  # noqa: PLC0415 -- as above

    try:
        catalog = load(counties)
    except InvalidCatalog as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    wanted = [county] if county else sorted(catalog.counties)
    wrong = [each for each in wanted if not _checked(counties / each, each, catalog)]
    raise typer.Exit(1 if wrong else 0)


def _checked(folder: Path, county: str, catalog: Catalog) -> bool:
    """Print the verdict on one county; True when nothing is wrong."""
    if county not in catalog.counties:
        typer.echo(f"没有这个县 no such county: {county}", err=True)
        return False
    try:
        bindings = registry.check(
            folder, county=county, catalog=catalog, now=lambda: datetime.now(UTC)
        )
    except InvalidManifest as error:
        for complaint in error.complaints:
            typer.echo(str(complaint), err=True)
        return False
    sources = {binding.source for binding in bindings}
    typer.echo(f"{county}: {len(sources)} 个数据源 sources, {len(bindings)} 个数据资源 resources")
    return True


@app.command()
def schema() -> None:
    """输出清单的 JSON Schema。Print the manifest's JSON Schema."""
    typer.echo(json.dumps(manifest_schema(), ensure_ascii=False, indent=2, sort_keys=True))
