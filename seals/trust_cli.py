"""`mianti seals trust …`: look at trust, publish a trust list, import one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import yaml

from seals import keyfiles
from seals.errors import KeyUnavailable, Malformed, TrustListRefused
from seals.mapped import Complaint, Mapped
from seals.revocation import MAX_LIST, read_list
from seals.terminal import PasswordFile, now, password, plain, read_file, told, write_new
from seals.trust import Listed, Ruling, Service, Standing, TrustStore
from seals.trust_folder import LIST_FILE, gathered, import_list
from seals.trust_list import (
    MAX_FILE,
    MAX_MATERIAL,
    MAX_SEQUENCE,
    MAX_SERVICES,
    Operator,
    TrustList,
    is_trust_list,
    publish,
    read_trust_list,
    signer_of,
)
from seals.x509 import MAX_BUNDLE, X509Certificate, read_bundle

app = typer.Typer(no_args_is_help=True, help="信任名单 whom to trust")

OperatorFile = Annotated[
    Path | None,
    typer.Option(help="发布者的数字证书 the scheme operator's X.509 certificate"),
]
_T = TypeVar("_T")
_SERVICE = {
    Service.ANCHOR: "信任根 anchor",
    Service.SEAL_MAKER: "制章机构 seal maker",
    Service.TSA: "时间戳机构 TSA",
}
_STANDING = {
    Standing.TRUSTED: "受信任 trusted",
    Standing.SUSPENDED: "暂停 suspended",
    Standing.WITHDRAWN: "撤销 withdrawn",
}
_RULING = {
    Ruling.TRUSTED: "✔",
    Ruling.SUSPENDED: "✘ 暂停 suspended",
    Ruling.WITHDRAWN: "✘ 撤销 withdrawn",
    Ruling.NOT_YET: "✘ 未到 not yet",
    Ruling.NO_LONGER: "✘ 已过 no longer",
    Ruling.NOT_LISTED: "✘ 不在名单 not listed",
}


@app.command("show")
def show(
    files: Annotated[
        list[Path],
        typer.Argument(help="证书、吊销列表、信任名单，或其目录 files or folders of trust"),
    ],
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ"], help="按何时看（UTC）as of when; now"),
    ] = None,
    operator: OperatorFile = None,
) -> None:
    """看信任谁，当时如何 whom these files trust, and how that stood at a time."""
    with told():
        asked = now() if at is None else at.replace(tzinfo=now().tzinfo)
        store = gathered(files, now(), _operators(operator))
        for file in files:
            _show_head(file / LIST_FILE if (file / LIST_FILE).exists() else file)
        _show_store(store, asked)


@app.command("publish")
def publish_list(
    source: Annotated[
        Path, typer.Argument(help="名单内容（YAML），证书以文件名列出 what it lists, in YAML")
    ],
    out: Annotated[Path, typer.Option(help="写到哪里，不覆盖 where to; never over another")],
    sequence: Annotated[int, typer.Option(min=1, help="序号，比上一份大 higher than the last")],
    key: Annotated[Path, typer.Option(help="发布者的密钥文件 the operator's key file")],
    certificate: Annotated[
        Path, typer.Option(help="发布者的数字证书 the operator's X.509 certificate")
    ],
    days: Annotated[
        int, typer.Option(min=1, max=366, help="几天内有效 for how many days it holds")
    ] = 30,
    password_file: PasswordFile = None,
) -> None:
    """发布信任名单：签名、带序号、有期限 a trust list, signed, numbered and dated."""
    with told():
        keyfiles.no_dumps()
        drafted = _drafted(source, sequence, days)
        chain = tuple(each.der for each in read_bundle(read_file(certificate, MAX_BUNDLE)))
        own = replace(keyfiles.load(key, password(password_file)), chain=chain)
        write_new(out, publish(drafted, own).decode())
        typer.echo(f"✔ {out}  #{sequence}")


@app.command("import")
def import_published(
    file: Annotated[Path, typer.Argument(help="收到的信任名单 the list that was published")],
    into: Annotated[
        Path, typer.Option(help="存放目录，`--trust` 用它 the folder that is then trusted")
    ],
    operator: OperatorFile = None,
) -> None:
    """导入信任名单：签名人、序号、期限都对才收 refused unless operator, number and dates are right."""
    with told():
        data = read_file(file, MAX_FILE)
        read = import_list(into, data, now(), _operators(operator))
        typer.echo(f"✔ #{read.sequence} → {into}")
        _show_list(read, data)


def _show_head(file: Path) -> None:
    if file.is_dir():
        return
    data = read_file(file, MAX_LIST)
    if is_trust_list(data):
        _show_list(read_trust_list(data, [signer_of(data)], now()), data)


def _show_list(read: TrustList, data: bytes) -> None:
    operator = " / ".join(filter(None, (read.operator.zh, read.operator.en)))
    typer.echo(f"发布者 operator    {operator}")
    typer.echo(f"序号 sequence      {read.sequence}")
    typer.echo(f"发布 issued        {_time(read.issued_at)}")
    typer.echo(f"下次更新 next      {_time(read.next_update)}")
    typer.echo(f"签名人 signed by   sm3 {hashlib.new('sm3', signer_of(data).der).hexdigest()}")


def _show_store(store: TrustStore, at: datetime) -> None:
    for each in store.listed:
        then = _RULING[store.ruling(each.certificate, each.service, at)]
        names = " / ".join(filter(None, (each.zh, each.en))) or str(each.certificate.subject)
        until = "…" if each.until is None else _time(each.until)
        digest = hashlib.new("sm3", each.certificate.der).hexdigest()
        typer.echo(f"{then}  {_SERVICE[each.service]}  {plain(names)}")
        typer.echo(f"    {_STANDING[each.standing]}  {_time(each.since)} – {until}")
        typer.echo(f"    sm3 {digest}")
    typer.echo(f"中间证书 intermediates  {len(store.intermediates)}")
    typer.echo(f"吊销列表 lists          {len(store.lists)}")


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _operators(file: Path | None) -> list[X509Certificate]:
    return [] if file is None else read_bundle(read_file(file, MAX_BUNDLE))


def _drafted(source: Path, sequence: int, days: int) -> TrustList:
    """What the YAML says; files in it are beside it."""
    complaints: list[Complaint] = []
    try:
        loaded = yaml.safe_load(read_file(source, MAX_FILE))
    except (yaml.YAMLError, RecursionError, ValueError):
        raise TrustListRefused(("not-yaml", "")) from None
    whole = Mapped.of(loaded, "", complaints)
    operator = whole.inside("operator")
    named = Operator(zh=operator.text("zh"), en=operator.text("en", least=0))
    operator.done()
    folder = source.parent
    listed = [_service(each, folder) for each in whole.each("services", most=MAX_SERVICES)]
    above = _each_file(whole, "intermediates", folder, read_bundle)
    lists = _each_file(whole, "revocation_lists", folder, lambda data: [read_list(data)])
    whole.done()
    if complaints:
        raise TrustListRefused(*dict.fromkeys(complaints))
    issued = now()
    if sequence > MAX_SEQUENCE:
        raise TrustListRefused(("not-a-number", "sequence"))
    return TrustList(
        sequence=sequence,
        issued_at=issued,
        next_update=issued + timedelta(days=days),
        operator=named,
        store=TrustStore(
            listed=tuple(each for each in listed if each is not None),
            intermediates=tuple(above),
            lists=tuple(lists),
        ),
    )


def _service(entry: Mapped, folder: Path) -> Listed | None:
    found = _from_file(entry, folder, entry.text("file"), "file", read_bundle)
    service = entry.choice("service", Service, Service.ANCHOR)
    if not entry.has("service"):
        entry.complain("missing", "service")
    standing = entry.choice("standing", Standing, Standing.TRUSTED)
    since = entry.moment("since")
    until = entry.moment("until") if entry.has("until") else None
    zh, en = entry.text("zh"), entry.text("en", least=0)
    entry.done()
    if not found:
        return None
    return Listed(
        service=service, certificate=found[0], since=since, until=until, standing=standing,
        zh=zh, en=en,
    )  # fmt: skip


def _each_file(
    whole: Mapped, name: str, folder: Path, read: Callable[[bytes], list[_T]]
) -> list[_T]:
    found: list[_T] = []
    for at, (file, _) in enumerate(whole.words(name, most=MAX_MATERIAL)):
        found += _from_file(whole, folder, file, f"{name}[{at}]", read)
    return found


def _from_file(
    entry: Mapped, folder: Path, file: str, name: str, read: Callable[[bytes], list[_T]]
) -> list[_T]:
    if not file:
        return []
    try:
        return read(read_file(folder / file, MAX_LIST))
    except KeyUnavailable:
        entry.complain("file-unreadable", name)
    except Malformed:
        entry.complain("unreadable", name)
    return []
