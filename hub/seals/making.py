"""`mianti seals collect` and `make`: from an impression to a seal after GB/T 38540."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.seals.desk import By, Organisation, SealArgument, at_desk, found_seal
from hub.settings import read_configuration
from seals.errors import IllegalAct, KeyUnavailable, SealRefused
from seals.keyplaces import key_at
from seals.lifecycle import Lifecycle
from seals.lifecycle import collect as collected
from seals.making import make_seal
from seals.ports import SealRegister, SigningKey
from seals.proportions import Level
from seals.registered import Actor, RegisteredSeal, SealKind
from seals.seal import ListedCertificates, SealInfo
from seals.terminal import PasswordFile, now, password, read_file
from seals.x509 import MAX_BUNDLE, read_bundle

app = typer.Typer()

MAX_UPLOAD = 8 * 1024 * 1024


class Form(StrEnum):
    """What shape an impression is drawn in."""

    ROUND = "round"
    OVAL = "oval"
    """Of a station: `--ring` above, the two `--lower` in the middle and below."""
    SQUARE = "square"
    """Of a person's name, which is `--ring`."""


@app.command("collect")
def collect(
    seal: Annotated[str, typer.Argument(help="给印章一个编号 an id for it in the register")],
    kind: Annotated[SealKind, typer.Option(help="哪类印章 what kind")],
    by: By,
    organisation: Organisation,
    name: Annotated[
        str, typer.Option(help="印章名称，默认取环文 its name; the ring text otherwise")
    ] = "",
    serial: Annotated[str, typer.Option(help="站点编号章的编号 of a numbered station seal")] = "",
    succeeds: Annotated[str, typer.Option(help="为换发哪枚而做 the seal it is to replace")] = "",
    ring: Annotated[str, typer.Option(help="环文，6 至 30 字 the text around")] = "",
    lower: Annotated[
        list[str] | None, typer.Option(help="下方文字，至多两行 below, two lines at most")
    ] = None,
    code: Annotated[str, typer.Option(help="边缘备案编码 the code at the rim")] = "",
    form: Annotated[Form, typer.Option(help="形状 the shape")] = Form.ROUND,
    level: Annotated[
        Level, typer.Option(help="单位级别，定直径与图案 whose, which says how large")
    ] = Level.DEPARTMENT,
    diameter: Annotated[int, typer.Option(help="直径毫米，0 按级别 in mm; 0: by the level")] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="上传印模 PNG 或 SVG an uploaded picture instead")
    ] = None,
    width: Annotated[int, typer.Option(help="上传印模的宽，毫米 its width in mm")] = 42,
    height: Annotated[int, typer.Option(help="上传印模的高，毫米 its height in mm")] = 42,
    show: Annotated[
        Path | None, typer.Option(help="另存印模以便查看 save the picture, to look at it")
    ] = None,
) -> None:
    """印模采集：画一枚，或上传一枚 take an impression: one that is drawn, or one that is uploaded."""
    with at_desk() as (_, register):
        if picture is not None:
            from seals.pictures import checked_picture  # noqa: PLC0415  (imports what paints)

            png = checked_picture(read_file(picture, MAX_UPLOAD), width, height).png
        else:
            png = drawn(kind, form, level, diameter, name, ring, tuple(lower or ()), code)
        made = collected(
            seal_id=seal,
            organisation=organisation,
            kind=kind,
            name=name or ring,
            serial=serial,
            succeeds=succeeds,
            picture_digest=register.keep(png),
            by=Actor(account=by, organisation=organisation),
            at=now(),
        )
        register.put(made)
        if show is not None:
            put_new(show, png)
        typer.echo(f"✔ {made.id} {made.name}：{made.state}")


def drawn(
    kind: SealKind,
    form: Form,
    level: Level,
    diameter: int,
    name: str,
    ring: str,
    lower: tuple[str, ...],
    code: str,
) -> bytes:
    """The PNG of an impression. An approval seal is drawn after its name where no ring text is given.

    Raises:
        SealRefused: What `seals.impression` says of the words and sizes.
        GlyphMissing: The face lacks a character.
    """
    from seals.drawing import png  # noqa: PLC0415  (imports what paints)
    from seals.glyphs import song  # noqa: PLC0415  (as above)
    from seals.impression import (  # noqa: PLC0415  (as above)
        NameSeal,
        OvalSeal,
        RoundSeal,
        approval_seal,
        name_seal,
        oval_seal,
        round_seal,
    )

    match form:
        case Form.OVAL:
            middle, number = (*lower, "", "")[:2]
            return png(oval_seal(OvalSeal(ring=ring, middle=middle, number=number), song()))
        case Form.SQUARE:
            return png(name_seal(NameSeal(name=ring), song()))
        case _ if kind is SealKind.APPROVAL and not ring:
            return png(round_seal(approval_seal(name, code), song()))
        case _:
            told = RoundSeal(ring=ring, level=level, diameter=diameter, lower=lower, code=code)
            return png(round_seal(told, song()))


@app.command("make")
def make(
    seal: SealArgument,
    by: By,
    organisation: Organisation,
    number: Annotated[str, typer.Option(help="印章编码 esID its number, unique")],
    key: Annotated[Path, typer.Option(help="制章人的密钥文件或说明 the maker's key")],
    certificate: Annotated[Path, typer.Option(help="制章人的数字证书 its X.509 certificate")],
    signer: Annotated[
        list[Path], typer.Option(help="谁可以签：签章人的数字证书 who may sign: certificates")
    ],
    days: Annotated[int, typer.Option(min=1, max=36500, help="有效几天 for how many days")] = 1825,
    vendor: Annotated[str, typer.Option(help="制章系统标识 Vid the maker's mark")] = "MIANTI",
    type_code: Annotated[
        int | None,
        typer.Option("--type", help="印章类型码，默认单位 1、个人 2 the platform's code"),
    ] = None,
    password_file: PasswordFile = None,
    out: Annotated[Path | None, typer.Option(help="另存 Seal.esl save the seal as well")] = None,
) -> None:
    """制作印章（GB/T 38540），只有主管局 make the seal; the bureau only."""
    with at_desk() as (settings, register):
        found = found_seal(register, seal)
        usual = 2 if found.kind is SealKind.PERSONAL else 1
        wanted = Wanted(
            number=number,
            type=usual if type_code is None else type_code,
            vendor=vendor,
            signers=tuple(map(_certificate, signer)),
            valid=timedelta(days=days),
        )
        environment = read_configuration().environment
        made = made_seal(
            register,
            Lifecycle(bureau=settings.seals_bureau),
            found,
            Actor(account=by, organisation=organisation),
            wanted,
            lambda: key_at(key, certificate, lambda: password(password_file), environment),
        )
        if out is not None:
            put_new(out, register.kept(made.seal_digest))
        typer.echo(f"✔ {made.id} {made.name}：{made.state} {number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a seal is to hold beside its name and picture."""

    number: str
    """`esID`."""
    type: int
    vendor: str
    signers: tuple[bytes, ...]
    """X.509 certificates of those who may sign."""
    valid: timedelta
    """For how long, from now."""


def made_seal(
    register: SealRegister,
    life: Lifecycle,
    seal: RegisteredSeal,
    by: Actor,
    wanted: Wanted,
    maker: Callable[[], SigningKey],
) -> RegisteredSeal:
    """Make a seal and keep it. Whether it may be made is asked before the maker's key is opened.

    Raises:
        IllegalAct: See `Lifecycle.make`; `number-taken`.
        SealRefused: See `seals.making.make_seal`; `no-certificate`.
        SealError: What opening the key raises.
    """
    from seals.pictures import kept_picture  # noqa: PLC0415  (imports what paints)

    at = now()
    until = at + wanted.valid
    if any(other.number == wanted.number for other in register.every()):
        raise IllegalAct("number-taken")
    made = life.make(seal, by, at, number=wanted.number, seal_digest="to come", valid_until=until)
    info = SealInfo(
        number=wanted.number,
        name=seal.name,
        type=wanted.type,
        signers=ListedCertificates(x509_certs=wanted.signers),
        created_at=at,
        valid_from=at,
        valid_until=until,
        picture=kept_picture(register.kept(seal.picture_digest)),
        vendor=wanted.vendor,
    )
    key = maker()
    if not key.chain:
        raise SealRefused("no-certificate")
    digest = register.keep(make_seal(info, key, key.chain[0]).der)
    finished = dataclasses.replace(made, seal_digest=digest)
    register.put(finished)
    return finished


def put_new(file: Path, data: bytes) -> None:
    """Save something to look at, never over another file.

    Raises:
        KeyUnavailable: `file-exists`, `file-unwritable`.
    """
    try:
        with file.open("xb") as opened:
            opened.write(data)
    except FileExistsError:
        raise KeyUnavailable("file-exists") from None
    except OSError:
        raise KeyUnavailable("file-unwritable") from None


def _certificate(file: Path) -> bytes:
    return read_bundle(read_file(file, MAX_BUNDLE))[0].der
