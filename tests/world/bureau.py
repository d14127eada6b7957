"""A bureau, a department and their people at the terminal: keys made by OpenSSL, commands run for real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner, Result

from hub.cli import app
from hub.database import open_database
from seals.store import SQLRegister

OFFICE, BUREAU = "xinxiang/县教体局", "xinxiang/县政务服务和大数据管理局"
CLERK = ("--by", "clerk", "--organisation", OFFICE)
HEAD = ("--by", "head", "--organisation", OFFICE)
MAKER = ("--by", "maker", "--organisation", BUREAU)
FILER = ("--by", "filer", "--organisation", BUREAU)
PASSWORD = "open sesame, 印章"


@dataclass(frozen=True, slots=True)
class Bureau:
    """A folder with the register, the keys and the documents."""

    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What the commands are told beside their arguments."""
        return {
            "MIANTI_DATA_DIR": str(self.folder / "hub"),
            "MIANTI_SEALS_BUREAU": BUREAU,
            "COLUMNS": "200",
        }

    def run(self, *arguments: str, more: Mapping[str, str] | None = None) -> Result:
        """The verb in this process; names that begin with @ are files of the folder."""
        given = [str(self.folder / each[1:]) if each[:1] == "@" else each for each in arguments]
        return CliRunner().invoke(app, given, env={**self.environment, **(more or {})})

    def done(self, *arguments: str) -> str:
        """What it prints when all is well."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def console(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The verb by the console script, as an operator runs it."""
        program = Path(sys.executable).parent / "mianti"
        given = [str(self.folder / each[1:]) if each[:1] == "@" else each for each in arguments]
        return subprocess.run(
            [program, *given], env={**os.environ, **self.environment},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def register(self) -> SQLRegister:
        """What the commands have left; a new connection each time."""
        return SQLRegister(open_database(f"sqlite:///{self.folder / 'hub' / 'hub.sqlite3'}"))

    def file(self, name: str) -> Path:
        """One of the folder."""
        return self.folder / name


def furnished(folder: Path) -> Bureau:
    """A bureau with a maker's key, and signers whose keys OpenSSL made: SM2, P-256 and RSA."""
    (folder / "pw").write_text(PASSWORD + "\n", encoding="utf-8")
    for name, key in {
        "maker": ("-algorithm", "SM2"),
        "sm2": ("-algorithm", "SM2"),
        "other": ("-algorithm", "SM2"),
        "p256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    }.items():
        _openssl(folder, "genpkey", *key, "-out", f"{name}.plain")
        _openssl(
            folder, "pkcs8", "-topk8", "-in", f"{name}.plain", "-out", f"{name}.key",
            "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", "1000",
            "-passout", "file:pw",
        )  # fmt: skip
        (folder / f"{name}.key").chmod(0o600)
        digest = "-sm3" if key[1] == "SM2" else "-sha256"
        identity = ("-sigopt", "distid:1234567812345678") if key[1] == "SM2" else ()
        _openssl(
            folder, "req", "-x509", "-key", f"{name}.plain", "-out", f"{name}.pem", digest,
            *identity, "-days", "800", "-subj", f"/C=CN/O=Demo/CN={name}",
            "-addext", "keyUsage=critical,digitalSignature,nonRepudiation",
        )  # fmt: skip
        (folder / f"{name}.plain").unlink()
    return Bureau(folder)


def collected(bureau: Bureau, seal: str = "office", *more: str) -> None:
    """An impression, taken by the department."""
    kind = ("--kind", "business") if "--kind" not in more else ()
    ring = ("--ring", "示范县教育体育局", "--lower", "业务专用章") if "--ring" not in more else ()
    bureau.done("seals", "collect", seal, *kind, *ring, *CLERK, *more)


def made(bureau: Bureau, seal: str = "office", number: str = "99010100000001") -> None:
    """A seal that the bureau has made; SM2, P-256 and RSA signers are listed."""
    collected(bureau, seal, "--name", f"业务专用章{seal}")
    bureau.done("seals", "apply", seal, *CLERK)
    bureau.done("seals", "approve", seal, *HEAD)
    make(bureau, seal, number)


def make(bureau: Bureau, seal: str, number: str, by: tuple[str, ...] = MAKER) -> Result:
    """The bureau makes it."""
    listed = [part for each in ("sm2", "p256", "rsa") for part in ("--signer", f"@{each}.pem")]
    return bureau.run(
        "seals", "make", seal, *by, "--number", number, "--key", "@maker.key", "--certificate",
        "@maker.pem", "--password-file", "@pw", *listed,
    )  # fmt: skip


def in_use(bureau: Bureau, seal: str = "office", number: str = "99010100000001") -> None:
    """A seal that `officer` may use."""
    made(bureau, seal, number)
    bureau.done("seals", "file", seal, *FILER, "--filing", f"备{number}")
    bureau.done("seals", "grant", seal, "officer", *HEAD)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
