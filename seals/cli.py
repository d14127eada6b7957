"""`mianti seals …` and `mianti keys …`: make and look at keys, issue X.509 certificates and lists,
judge a chain. The hub adds its own master key's verb to the latter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from seals import keyfiles
from seals.algorithms import Algorithm
from seals.authority import Authority, Profile, Wanted
from seals.chains import ChainReport, Purpose, chain
from seals.classical import ClassicalKey
from seals.encoding import MAX_PEM, from_pem, pem
from seals.errors import KeyUnavailable, NotIssuable
from seals.keyfiles import Protection
from seals.keys import SM2Key, VerifyingKey, verifying_key
from seals.names import Subject
from seals.revocation import MAX_LIST, Reason, Revocation, RevocationList, read_list
from seals.terminal import (
    EXIT,
    MARK,
    PasswordFile,
    now,
    password,
    read_file,
    told,
    write_new,
)
from seals.trust_cli import app as trust_app
from seals.tsa_cli import app as tsa_app
from seals.x509 import MAX_BUNDLE, KeyUsage, X509Certificate, read_bundle

app = typer.Typer(
    no_args_is_help=True, help="印章 seals: their life, keys, X.509 certificates, trust."
)
key_app = typer.Typer(
    no_args_is_help=True,
    help="密钥：签章密钥的新建、查看，主密钥的更换 / keys that seal, the master key",
)
ca_app = typer.Typer(no_args_is_help=True, help="自建签发机构 an authority of one's own")
x509_app = typer.Typer(no_args_is_help=True, help="数字证书 X.509 certificates")
app.add_typer(ca_app, name="ca")
app.add_typer(x509_app, name="x509")
app.add_typer(tsa_app, name="tsa")
app.add_typer(trust_app, name="trust")

OutFile = Annotated[Path, typer.Option(help="写到哪里，不覆盖 where to; never over another file")]
KeyFile = Annotated[Path, typer.Option(help="签发机构的密钥文件 the authority's key file")]
AuthorityFile = Annotated[
    Path, typer.Option(help="签发机构的数字证书 the authority's X.509 certificate")
]
NameOption = Annotated[str, typer.Option(help="名称 the common name")]
OrganisationOption = Annotated[str, typer.Option(help="机构 the organisation")]
DaysOption = Annotated[int, typer.Option(min=1, max=36500, help="有效几天 for how many days")]

_SIGNS = (
    Algorithm.SM2,
    Algorithm.ECDSA_SHA256,
    Algorithm.ED25519,
    Algorithm.RSA_SHA256,
    Algorithm.RSA_PSS_SHA256,
)


@key_app.command("make")
def make_key(
    out: Annotated[Path, typer.Argument(help="密钥文件 the key file; never over another")],
    algorithm: Annotated[
        Algorithm, typer.Option(help=f"算法 one of {', '.join(_SIGNS)}")
    ] = Algorithm.SM2,
    protection: Annotated[
        Protection, typer.Option(help="密钥文件的加密 what the file is encrypted with")
    ] = Protection.INTERNATIONAL,
    password_file: PasswordFile = None,
) -> None:
    """新建密钥：加密的 PKCS #8，仅属主可读；公钥另存 .pub。A new key, encrypted; its public key beside it."""
    with told():
        keyfiles.no_dumps()
        new_password = password(password_file, anew=True)
        key: SM2Key | ClassicalKey = (
            SM2Key.generate() if algorithm is Algorithm.SM2 else ClassicalKey.generate(algorithm)
        )
        public = out.with_name(out.name + ".pub")
        if public.exists():
            raise KeyUnavailable("file-exists")
        keyfiles.save(out, keyfiles.encrypted(key, new_password, protection))
        write_new(public, pem("PUBLIC KEY", key.spki))
        typer.echo(f"✔ {out}  {public}")
        _show_key(verifying_key(key.spki))


@key_app.command("show")
def show_key(
    file: Annotated[
        Path,
        typer.Argument(help="密钥、公钥或数字证书 a key, a public key or an X.509 certificate"),
    ],
    password_file: PasswordFile = None,
) -> None:
    """看一把钥匙：种类、长度、指纹；从不显示私钥。What a key is; never the private part."""
    with told():
        text = read_file(file, MAX_PEM)
        if b"ENCRYPTED PRIVATE KEY" in text:
            spki = keyfiles.load(file, password(password_file)).spki
        elif b"PUBLIC KEY" in text:
            _, spki = from_pem(text.decode("ascii", "replace"))
        else:
            spki = read_bundle(text)[0].spki
        _show_key(verifying_key(spki))


@ca_app.command("root")
def make_root(
    key: KeyFile,
    out: OutFile,
    name: NameOption,
    organisation: OrganisationOption = "",
    days: DaysOption = 3650,
    password_file: PasswordFile = None,
) -> None:
    """自签根证书 a root, signed by itself."""
    with told():
        authority = Authority.root(
            keyfiles.load(key, password(password_file)),
            Subject(common_name=name, organisation=organisation),
            not_before=now(),
            not_after=now() + timedelta(days=days),
        )
        _hand_out(authority.certificate, out)


@ca_app.command("issue")
def issue(
    key: KeyFile,
    certificate: AuthorityFile,
    public: Annotated[Path, typer.Option(help="持有者的公钥 PEM the holder's public key")],
    profile: Annotated[Profile, typer.Option(help="用途 what it is for")],
    out: OutFile,
    name: NameOption,
    organisation: OrganisationOption = "",
    organisation_id: Annotated[
        str, typer.Option(help="统一社会信用代码 the organisation's identifier")
    ] = "",
    days: DaysOption = 365,
    password_file: PasswordFile = None,
) -> None:
    """签发数字证书：下级机构、制章机构、机构、个人、时间戳 issue one; the private key stays with its holder."""
    with told():
        authority = _authority(key, certificate, password_file)
        label, spki = from_pem(read_file(public, MAX_PEM).decode("ascii", "replace"))
        if label != "PUBLIC KEY":
            raise NotIssuable("key-unknown")
        subject = Subject(
            common_name=name, organisation=organisation, organisation_id=organisation_id
        )
        made = authority.issue(
            Wanted(
                profile=profile,
                subject=subject,
                spki=spki,
                not_before=now(),
                not_after=now() + timedelta(days=days),
            )
        )
        _hand_out(made, out)


@ca_app.command("revoke")
def revoke(
    key: KeyFile,
    certificate: AuthorityFile,
    out: OutFile,
    number: Annotated[int, typer.Option(min=1, help="列表序号，只增不减 grows from list to list")],
    serial: Annotated[
        list[str] | None,
        typer.Option(help="十六进制序列号，可加 =原因 a serial in hex, =reason if known"),
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="上一份列表，条目带过来 the last list; its entries stay")
    ] = None,
    days: DaysOption = 7,
    password_file: PasswordFile = None,
) -> None:
    """签发吊销列表 a list of what is revoked: that of the last list and what is named now."""
    with told():
        authority = _authority(key, certificate, password_file)
        entries = {} if previous is None else _entries(read_list(read_file(previous, MAX_LIST)))
        for each in serial or ():
            added = _revocation(each)
            entries.setdefault(added.serial, added)
        made = authority.list_revoked(
            list(entries.values()),
            this_update=now(),
            next_update=now() + timedelta(days=days),
            number=number,
        )
        write_new(out, pem("X509 CRL", made))
        typer.echo(f"✔ {out}  {len(entries)}")


@x509_app.command("show")
def show(file: Annotated[Path, typer.Argument(help="数字证书 an X.509 certificate")]) -> None:
    """数字证书里写了什么 what it says; nothing is judged."""
    with told():
        for each in read_bundle(read_file(file, MAX_BUNDLE)):
            _show_x509(each)


@x509_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="要判断的数字证书 the one that is judged")],
    trust: Annotated[list[Path], typer.Option(help="可信的根 the trusted ones")],
    between: Annotated[
        list[Path] | None, typer.Option(help="中间的数字证书 those that lead there")
    ] = None,
    revoked: Annotated[
        list[Path] | None, typer.Option(help="吊销列表 lists of revoked ones")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(help="判断的时间，UTC，默认现在 the time that is asked about; now otherwise"),
    ] = None,
    purpose: Annotated[Purpose, typer.Option(help="用途 what for")] = Purpose.SIGNING,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 for machines")] = False,
) -> None:
    """判断证书链，不联网；退出码 0、1、2。Judge a chain, offline; exit code 0, 1 or 2."""
    with told():
        first, *more = read_bundle(read_file(file, MAX_BUNDLE))
        report = chain(
            first,
            [*more, *_all(between or ())],
            _all(trust),
            now() if at is None else at.replace(tzinfo=UTC),
            lists=[read_list(read_file(each, MAX_LIST)) for each in revoked or ()],
            purpose=purpose,
        )
    typer.echo(_as_json(report) if as_json else _as_text(report))
    raise typer.Exit(EXIT[report.verdict])


def _authority(key: Path, certificate: Path, password_file: Path | None) -> Authority:
    own = read_bundle(read_file(certificate, MAX_BUNDLE))[0]
    return Authority(key=keyfiles.load(key, password(password_file)), certificate=own)


def _all(files: Sequence[Path]) -> list[X509Certificate]:
    return [each for file in files for each in read_bundle(read_file(file, MAX_BUNDLE))]


def _entries(given: RevocationList) -> dict[int, Revocation]:
    return {each.serial: each for each in given.revocations()}


def _revocation(text: str) -> Revocation:
    serial, _, reason = text.partition("=")
    try:
        known = Reason[(reason or "unspecified").upper().replace("-", "_")]
        return Revocation(serial=int(serial.replace(":", ""), 16), at=now(), reason=known)
    except (KeyError, ValueError):
        raise NotIssuable("serials") from None


def _hand_out(made: X509Certificate, out: Path) -> None:
    write_new(out, pem("CERTIFICATE", made.der))
    typer.echo(f"✔ {out}")
    _show_x509(made)


def _show_key(key: VerifyingKey) -> None:
    typer.echo(f"种类 kind      {key.kind}, {key.bits} bit")
    for name in ("sm3", "sha256"):
        typer.echo(f"{f'指纹 {name}':<12} {hashlib.new(name, key.spki).hexdigest()}")


def _show_x509(cert: X509Certificate) -> None:
    names = (
        each.name.lower().replace("_", "-") for each in KeyUsage if each in (cert.key_usage or ())
    )
    rows = (
        ("主体 subject", str(cert.subject)),
        ("签发者 issuer", str(cert.issuer)),
        ("序列号 serial", f"{cert.serial:x}"),
        (
            "有效期 valid",
            f"{cert.not_before:%Y-%m-%dT%H:%M:%SZ} – {cert.not_after:%Y-%m-%dT%H:%M:%SZ}",
        ),
        ("密钥用途 key usage", " ".join(names) or "-"),
        ("不规范 oddities", " ".join(sorted(cert.oddities)) or "-"),
        ("疑点 flaws", " ".join(sorted(cert.flaws)) or "-"),
        ("指纹 sm3", hashlib.new("sm3", cert.der).hexdigest()),
    )
    for head, value in rows:
        typer.echo(f"{head}：{value}")


def _as_text(report: ChainReport) -> str:
    return "\n".join(
        (
            MARK[report.verdict],
            *(
                f"{step.number:>2}.{step.at} {MARK[step.verdict]}  {step.zh}：{step.why_zh}"
                f" / {step.en}: {step.why_en} [{step.key}:{step.reason}]"
                for step in report.steps
            ),
        )
    )


def _as_json(report: ChainReport) -> str:
    steps = [
        {"number": s.number, "at": s.at, "key": s.key, "verdict": s.verdict, "reason": s.reason}
        for s in report.steps
    ]
    return json.dumps({"verdict": report.verdict, "steps": steps}, ensure_ascii=False)
