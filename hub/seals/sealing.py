"""`mianti seal FILE`: set a seal of the register on an OFD or a PDF, and write a new file.

The register's word comes before the signature, our own verifier's before the file. What is written
is written whole or not at all: beside its place first, then moved there.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.seals.desk import By, Reason, found_seal, opened_register, refusals_told
from hub.settings import Configuration, read_configuration
from seals.errors import KeyUnavailable, Malformed, MalformedDocument, SealRefused
from seals.judging import NOBODY
from seals.keyplaces import key_at
from seals.levels import Intent, Level, Mode
from seals.placing import AcrossPages, AtKeyword, AtPlace, Edge, Placement
from seals.revocation import MAX_LIST, read_list
from seals.terminal import PasswordFile, now, password, read_file
from seals.trust_folder import gathered
from seals.tsa_client import TSAClient, TSAService

if TYPE_CHECKING:
    from seals.pdf.model import Revocation

MAX_DOCUMENT = 512 * 1024 * 1024
Put = Callable[[Path, Path], None]
"""A finished file beside its place, and its place → there it is."""


def seal(
    file: Annotated[Path, typer.Argument(help="OFD 或 PDF，看内容不看名字 told by what is in it")],
    name: Annotated[str, typer.Option("--seal", help="印章编号或名称 the seal's id or name")],
    by: By,
    reason: Reason = "",
    at: Annotated[
        list[str] | None,
        typer.Option(
            help="页,x,y：印章中心，毫米，自左上 page,x,y: its middle in mm from top left"
        ),
    ] = None,
    keyword: Annotated[
        list[str] | None,
        typer.Option(help="盖在关键字上，#n 第几处 over a keyword, #n for which of them"),
    ] = None,
    cross_page: Annotated[
        list[Edge] | None, typer.Option(help="骑缝 across the edges of all pages")
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="OFD：whole 此后不能再加 nothing may follow")
    ] = Mode.CONTINUE,
    intent: Annotated[
        Intent, typer.Option(help="PDF：certified、closing 之后不得改动 nothing may change")
    ] = Intent.APPROVAL,
    level: Annotated[Level, typer.Option(help="留多少备查 what is kept for later")] = Level.B,
    certificate_type: Annotated[
        str, typer.Option(help="证照类型，不是证照不填 the type, if it is a certificate")
    ] = "",
    key: Annotated[
        Path | None,
        typer.Option(
            help="密钥文件，或设备、服务的说明（TOML）；默认 MIANTI_SEALS_KEY a key or a description"
        ),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="签章人的数字证书及上级 the signer's X.509 certificates")
    ] = None,
    tsa: Annotated[
        str, typer.Option(help="时间戳服务地址，B-T 起 a timestamp authority, from B-T on")
    ] = "",
    revoked: Annotated[
        list[Path] | None,
        typer.Option(help="随 PDF 存入的吊销列表 lists of revoked ones that a PDF takes along"),
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            help="自验所凭的根证书、吊销列表、信任名单或其目录；判为不可信的不写出 "
            "what the result is judged by; what fails is not written"
        ),
    ] = None,
    password_file: PasswordFile = None,
    out: Annotated[
        Path | None, typer.Option(help="写到哪里，默认 …-sealed where to; never over the input")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="可覆盖已有的文件 another file may be written over")
    ] = False,
) -> None:
    """签章：登记先于签名，自验先于写出。Set a seal; exit code 0 sealed, 1 refused, 3 unreadable.

    SM2 密钥签国密印章（OFD、PDF）；P-256、RSA、Ed25519 签 PAdES（PDF），印章图取自登记。
    An SM2 key sets a GB/T 38540 seal, in OFD and PDF; others sign PAdES under its picture, in PDF.
    """
    from seals.sealing import Order, Sealer  # noqa: PLC0415  (imports the PDF library)
    from seals.verifying import format_of  # noqa: PLC0415  (as above)

    configuration = read_configuration()
    with refusals_told():
        document = _document(file)
        kind = format_of(document)
    with refusals_told(kind):
        target = out or file.with_name(f"{file.stem}-sealed.{kind.lower()}")
        put = place_over if force else place_new
        _check_place(file, target, put)
        judges = gathered(trust, now()).judges() if trust else NOBODY
        placements = _placements(at or (), keyword or (), cross_page or ())
        signing_key = key_at(
            key or _configured(configuration),
            certificate,
            lambda: password(password_file),
            configuration.environment,
        )
        with opened_register(configuration.settings.database) as register:
            order = Order(
                seal_id=found_seal(register, name).id,
                account=by,
                reason=reason,
                placements=placements,
                certificate_type=certificate_type,
                mode=mode,
                intent=intent,
                level=level,
            )
            sealer = Sealer(
                register=register,
                key=signing_key,
                now=now,
                timestamps=TSAClient(TSAService(url=tsa)) if tsa else None,
                revocation=_revocation(signing_key.chain, revoked or ()),
                judges=judges,
            )
            write_whole(target, sealer.sealed(document, order), put)
    typer.echo(f"✔ {target}")


def write_whole(target: Path, data: bytes, put: Put) -> None:
    """Write a file whole or not at all; a crash leaves at most a hidden file beside it.

    Raises:
        KeyUnavailable: `file-exists`, `file-unwritable`.
    """
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        try:
            with beside.open("xb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            put(beside, target)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise KeyUnavailable("file-exists") from None
    except OSError:
        raise KeyUnavailable("file-unwritable") from None


def place_new(beside: Path, target: Path) -> None:
    """Where there is no file yet."""
    os.link(beside, target)


def place_over(beside: Path, target: Path) -> None:
    """In the place of whatever is there."""
    beside.replace(target)


def _check_place(file: Path, target: Path, put: Put) -> None:
    """Before anything is counted: may the file be written there?"""
    if target.exists() and (put is place_new or target.samefile(file)):
        raise KeyUnavailable("file-exists")
    if not os.access(target.parent, os.W_OK):
        raise KeyUnavailable("file-unwritable")


def _document(file: Path) -> bytes:
    try:
        return read_file(file, MAX_DOCUMENT)
    except (KeyUnavailable, Malformed) as wrong:
        raise MalformedDocument(str(wrong)) from None


def _configured(configuration: Configuration) -> Path:
    if not configuration.settings.seals_key:
        raise KeyUnavailable("no-key")
    return Path(configuration.settings.seals_key)


def _revocation(
    chain: tuple[bytes, ...], lists: list[Path] | tuple[Path, ...]
) -> Revocation | None:
    """What a PDF takes along: the signer's chain and the lists."""
    from seals.pdf.model import Revocation  # noqa: PLC0415  (imports the PDF library)

    if not lists:
        return None
    found = tuple(read_list(read_file(each, MAX_LIST)).der for each in lists)
    return Revocation(certificates=chain, lists=found)


def _placements(
    at: list[str] | tuple[str, ...],
    keywords: list[str] | tuple[str, ...],
    edges: list[Edge] | tuple[Edge, ...],
) -> tuple[Placement, ...]:
    return (
        *map(_place, at),
        *map(_keyword, keywords),
        *(AcrossPages(edge=edge) for edge in edges),
    )


def _place(told: str) -> AtPlace:
    try:
        page, x, y = told.split(",")
        return AtPlace(page=int(page), x=float(x), y=float(y))
    except ValueError:
        raise SealRefused("place", told) from None


def _keyword(told: str) -> AtKeyword:
    keyword, _, which = told.rpartition("#")
    if keyword and which.lstrip("-").isdecimal():
        return AtKeyword(keyword=keyword, occurrence=int(which))
    return AtKeyword(keyword=told)
