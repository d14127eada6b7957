"""`mianti seals …`: a whole authority from the command line, and what it says when something is wrong."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seals.cli import app, key_app
from seals.revocation import read_list
from seals.x509 import read_bundle
from tests.seals.test_keys import openssl

PASSWORD = "open sesame, 印章"


def run(folder: Path, *arguments: str) -> Result:
    """The verb, with names of files meant in `folder` where they begin with @."""
    group, *rest = (str(folder / each[1:]) if each.startswith("@") else each for each in arguments)
    # `mianti keys` stands beside `mianti seals`.
    return CliRunner().invoke(*((key_app, rest) if group == "keys" else (app, [group, *rest])))


def done(folder: Path, *arguments: str) -> str:
    """What it prints when all is well."""
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, a seal maker below it, and a list that revokes nobody."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "pw").write_text(PASSWORD + "\nsecond line\n", encoding="utf-8")
    pw = ("--password-file", "@pw")
    done(folder, "keys", "make", "@root.key", *pw)
    done(folder, "keys", "make", "@maker.key", *pw, "--protection", "sm4-cbc")
    by = ("--key", "@root.key", "--certificate", "@root.pem", *pw)
    done(folder, "ca", "root", "--key", "@root.key", "--out", "@root.pem", "--name", "示例根", *pw)
    done(folder, "ca", "issue", *by, "--public", "@maker.key.pub", "--profile", "seal-maker",
         "--out", "@maker.pem", "--name", "示例制章机构", "--organisation", "示例市数据局")  # fmt: skip
    done(folder, "ca", "revoke", *by, "--out", "@first.crl", "--number", "1")
    (folder / "taken.pub").write_text("somebody's", encoding="ascii")
    return folder


def check(folder: Path, *lists: str) -> Result:
    """The seal maker's chain."""
    given = [part for each in lists for part in ("--revoked", each)]
    return run(folder, "x509", "check", "@maker.pem", "--trust", "@root.pem", *given, "--json")


def test_the_chain_of_what_was_made_passes(office: Path) -> None:
    """Exit code 0; for people with every question in both languages."""
    result = check(office, "@first.crl")
    assert result.exit_code == 0
    assert json.loads(result.output)["verdict"] == "passed"
    told = done(office, "x509", "check", "@maker.pem", "--trust", "@root.pem", "--revoked",
                "@first.crl")  # fmt: skip
    assert told.count("通过 passed") == told.count("\n")
    assert "未被吊销 / It is not revoked: not revoked [revocation:not-revoked]" in told


def test_without_a_list_nobody_can_tell(office: Path) -> None:
    """Exit code 2, and the step that is open."""
    result = check(office)
    assert result.exit_code == 2
    steps = json.loads(result.output)["steps"]
    assert [s["reason"] for s in steps if s["verdict"] != "passed"] == ["no-list"]


def test_what_is_revoked_stays_so_on_the_next_list(office: Path) -> None:
    """Exit code 1; the second list takes over the entries of the first."""
    (maker,) = read_bundle((office / "maker.pem").read_bytes())
    by = ("--key", "@root.key", "--certificate", "@root.pem", "--password-file", "@pw")
    done(office, "ca", "revoke", *by, "--out", "@second.crl", "--number", "2",
         "--serial", f"{maker.serial:x}=superseded", "--previous", "@first.crl")  # fmt: skip
    done(office, "ca", "revoke", *by, "--out", "@third.crl", "--number", "3",
         "--previous", "@second.crl", "--serial", "0A:0B")  # fmt: skip
    result = check(office, "@third.crl")
    assert result.exit_code == 1
    assert {e.serial for e in read_list((office / "third.crl").read_bytes()).revocations()} == {
        maker.serial, 0x0A0B,
    }  # fmt: skip


def test_files_are_for_whom_they_should_be(office: Path) -> None:
    """The private key for its owner, the public one for all; OpenSSL reads the certificate."""
    assert stat.S_IMODE((office / "root.key").stat().st_mode) == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in (office / "root.key").read_bytes()
    said = openssl(office, "x509", "-in", "maker.pem", "-noout", "-text", "-nameopt", "utf8")
    assert "示例制章机构".encode() in said


def test_a_key_and_its_parts_have_one_fingerprint(office: Path) -> None:
    """Shown from the key, the public key and the certificate; never the private number."""
    pw = ("--password-file", "@pw")
    shown = [
        done(office, "keys", "show", "@maker.key", *pw),
        done(office, "keys", "show", "@maker.key.pub"),
        done(office, "keys", "show", "@maker.pem"),
    ]
    assert shown[0] == shown[1] == shown[2]
    assert "sm2, 256 bit" in shown[0]
    assert "示例制章机构" in done(office, "x509", "show", "@maker.pem")


@pytest.mark.parametrize("algorithm", ["ecdsa-sha256", "ed25519", "rsa-sha256", "rsa-pss-sha256"])
def test_other_kinds_of_keys_are_made(algorithm: str, office: Path, tmp_path: Path) -> None:
    """And may hold a certificate of an SM2 authority."""
    pw = ("--password-file", str(office / "pw"))
    made = done(tmp_path, "keys", "make", "@k", "--algorithm", algorithm, *pw)
    assert done(tmp_path, "keys", "show", "@k", *pw) in made
    done(tmp_path, "ca", "issue", "--key", str(office / "root.key"), "--certificate",
         str(office / "root.pem"), "--public", "@k.pub", "--profile", "tsa", "--out", "@c.pem",
         "--name", "示例时间戳", *pw)  # fmt: skip
    result = run(tmp_path, "x509", "check", "@c.pem", "--trust", str(office / "root.pem"),
                 "--revoked", str(office / "first.crl"), "--purpose", "timestamping")  # fmt: skip
    assert result.exit_code == 0, result.output


def test_the_password_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    """Twice when it is new."""
    result = CliRunner().invoke(
        key_app, ["make", str(tmp_path / "k")], input=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    result = CliRunner().invoke(key_app, ["show", str(tmp_path / "k")], input=f"{PASSWORD}\n")
    assert "sm2" in result.output


WRONG: dict[str, tuple[list[str], str]] = {
    "another password": (
        ["keys", "show", "@root.key", "--password-file", "@root.pem"], "seals.invalid-key",
    ),
    "no such file": (["keys", "show", "@nothing"], "file-unreadable"),
    "a folder": (["x509", "show", "@."], "file-unreadable"),
    "no key": (["keys", "show", "@pw"], "seals.malformed"),
    "over another file": (
        ["keys", "make", "@root.key", "--password-file", "@pw"], "file-exists",
    ),
    "beside another public key": (
        ["keys", "make", "@taken", "--password-file", "@pw"], "file-exists",
    ),
    "an algorithm that is only verified": (
        ["keys", "make", "@new.key", "--algorithm", "rsa-sha1", "--password-file", "@pw"],
        "seals.invalid-key",
    ),
    "no certificate": (["x509", "check", "@pw", "--trust", "@root.pem"], "seals.malformed"),
    "trust in a list": (
        ["x509", "check", "@maker.pem", "--trust", "@first.crl"], "seals.malformed",
    ),
    "a maker that issues": (
        ["ca", "issue", "--key", "@maker.key", "--certificate", "@maker.pem", "--public",
         "@root.key.pub", "--profile", "person", "--out", "@x.pem", "--name", "x",
         "--password-file", "@pw"], "may-not-issue",
    ),
    "longer than the root": (
        ["ca", "issue", "--key", "@root.key", "--certificate", "@root.pem", "--public",
         "@maker.key.pub", "--profile", "person", "--out", "@x.pem", "--name", "x",
         "--days", "9000", "--password-file", "@pw"], "not-within-ours",
    ),
    "a serial that is none": (
        ["ca", "revoke", "--key", "@root.key", "--certificate", "@root.pem", "--out", "@x.crl",
         "--number", "9", "--serial", "xyz", "--password-file", "@pw"], "serials",
    ),
    "a reason that is none": (
        ["ca", "revoke", "--key", "@root.key", "--certificate", "@root.pem", "--out", "@x.crl",
         "--number", "9", "--serial", "5=boredom", "--password-file", "@pw"], "serials",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_one_line(name: str, office: Path) -> None:
    """With a stable key, exit code 1, and nothing left behind."""
    arguments, why = WRONG[name]
    before = sorted(each.name for each in office.iterdir())
    result = run(office, *arguments)
    assert result.exit_code == 1
    assert why in result.output
    assert result.output.count("\n") == 1
    assert isinstance(result.exception, SystemExit)
    assert sorted(each.name for each in office.iterdir()) == before


def test_it_is_a_verb_of_mianti(office: Path) -> None:
    """Through the console script, as an operator has it."""
    program = Path(sys.executable).parent / "mianti"
    said = subprocess.run(
        [program, "seals", "x509", "check", office / "maker.pem", "--trust", office / "root.pem"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 2
    assert "没有它的吊销列表" in said.stdout
    assert said.stderr == ""
