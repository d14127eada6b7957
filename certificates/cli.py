"""`mianti template …`: look at templates, and find what keeps them from being published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from catalog import Catalog, CertificateType, InvalidCatalog
from catalog.loading import COUNTIES, load
from certificates.drawing.ofd import ofd
from certificates.drawing.pdf import pdf
from certificates.drawing.preview import png
from certificates.embedding import CertificateData
from certificates.loading import load as definitions
from certificates.rendering import content
from certificates.templates.composing import composed
from certificates.templates.errors import FaceRejected, TemplateInvalid
from certificates.templates.grammar import Book, extended, shipped
from certificates.templates.lint import lint
from certificates.templates.model import Complaint, Template
from certificates.templates.planning import template
from certificates.templates.samples import IDENTIFIER, Sample, sample

app = typer.Typer(
    name="template",
    help="证照模板：预览、检查 / certificate templates: look at them, check them",
    no_args_is_help=True,
    add_completion=False,
)

Folder = Annotated[
    Path, typer.Option("--counties", help="县目录所在文件夹 / folder of the counties")
]
Templates = Annotated[
    Path | None,
    typer.Option(
        help="另加的模板文件夹，优先 / a folder of templates on top of those that come along"
    ),
]
Type = Annotated[str, typer.Argument(help="证照类型编号 / id of a certificate type")]


@app.command()
def preview(
    type_id: Type,
    which: Annotated[
        Sample, typer.Option("--sample", help="样例：常见、最长、生僻、空项 / which sample row")
    ] = Sample.USUAL,
    out: Annotated[
        Path | None, typer.Option(help="写到哪里 / where to; TYPE.png otherwise")
    ] = None,
    beside: Annotated[
        bool, typer.Option("--documents", help="另存 OFD 和 PDF / write OFD and PDF beside it")
    ] = False,
    counties: Folder = COUNTIES,
    templates: Templates = None,
) -> None:
    """用样例数据画一张，存为 PNG / draw a sample and write it as PNG."""
    catalog = _loaded(counties)
    book = _book(templates)
    kind = _kind(catalog, type_id)
    plan = _planned(kind, catalog, book)
    try:
        made = sample(definitions(catalog)[type_id], which, plan, catalog.code_tables)
        drawing = composed(plan, made.face, made.pictures, IDENTIFIER)
    except FaceRejected as rejected:
        _stop(type_id, rejected.complaints)
    data = CertificateData(type_id=type_id, edition=1, metadata={}, face=made.face)
    told = content(plan, data)
    document = pdf(drawing, told)
    target = out or Path(f"{type_id}.png")
    written = {target: png(document)}
    if beside:
        written[target.with_suffix(".pdf")] = document
        written[target.with_suffix(".ofd")] = ofd(drawing, told)
    for file, painted in written.items():
        try:
            file.write_bytes(painted)
        except OSError:
            typer.echo(f"✘ 写不了 / cannot write: {file.name}", err=True)
            raise typer.Exit(1) from None
        typer.echo(f"✔ {file}  {len(painted):,} 字节 bytes")


@app.command("lint")
def check(
    type_ids: Annotated[
        list[str] | None,
        typer.Argument(help="证照类型编号，默认全部 / ids of types; all otherwise"),
    ] = None,
    counties: Folder = COUNTIES,
    templates: Templates = None,
) -> None:
    """样例逐一排版、写出、读回、比对 / draw, write, read back and compare every sample."""
    catalog = _loaded(counties)
    book = _book(templates)
    kinds = (
        [_kind(catalog, each) for each in type_ids]
        if type_ids
        else list(catalog.certificate_types.values())
    )
    wrong, every = 0, definitions(catalog)
    for kind in kinds:
        complaints = lint(_planned(kind, catalog, book), every[kind.id], catalog.code_tables)
        wrong += bool(complaints)
        if complaints:
            _tell(kind.id, complaints)
        else:
            typer.echo(f"✔ {kind.id}  {kind.name}")
    typer.echo(f"{len(kinds)} 个模板 templates，{wrong} 个有问题 with complaints")
    if wrong:
        raise typer.Exit(1)


def _loaded(counties: Path) -> Catalog:
    try:
        return load(counties)
    except InvalidCatalog as invalid:
        typer.echo(f"✘ 目录有误 / the catalog is invalid: {len(invalid.complaints)}", err=True)
        raise typer.Exit(1) from None


def _kind(catalog: Catalog, type_id: str) -> CertificateType:
    kind = catalog.certificate_types.get(type_id)
    if kind is None:
        typer.echo(f"✘ 没有这种证照类型 / no such certificate type: {type_id}", err=True)
        raise typer.Exit(1)
    return kind


def _book(folder: Path | None) -> Book:
    try:
        return shipped() if folder is None else extended(shipped(), folder)
    except TemplateInvalid as invalid:
        _stop("templates", invalid.complaints)


def _planned(kind: CertificateType, catalog: Catalog, book: Book) -> Template:
    try:
        return template(kind, book, catalog.code_tables)
    except TemplateInvalid as invalid:
        _stop(kind.id, invalid.complaints)


def _tell(type_id: str, complaints: tuple[Complaint, ...]) -> None:
    for each in complaints:
        which = f" [{each.sample}]" if each.sample else ""
        typer.echo(f"✘ {type_id}.{each.where}: {each.rule}{which} {each.found}", err=True)


def _stop(type_id: str, complaints: tuple[Complaint, ...]) -> NoReturn:
    _tell(type_id, complaints)
    raise typer.Exit(1)
