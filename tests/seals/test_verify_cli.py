"""`mianti verify` and `mianti seals trust|tsa`, by the command that is installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from seals.authority import Profile
from seals.encoding import pem
from seals.keyfiles import Protection, encrypted, load, save
from seals.keys import SM2Key
from seals.ofd import wording as ofd_wording
from seals.pdf import wording as pdf_wording
from seals.report import QUESTIONS
from seals.timestamps import read_token
from seals.trust import Listed, Service, Standing, TrustStore
from seals.trust_list import Operator, TrustList, publish
from seals.tsa_client import TSAClient, TSAService
from tests.seals.test_timestamped_documents import DIGEST, LISTS, WORLD, with_token
from tests.world.pki import DAY, NOW, root
from tests.world.samples import SAMPLES
from tests.world.sealed import seal as sealed_pdf
from tests.world.signers import NOW as PDF_NOW
from tests.world.signers import revocation_list
from tests.world.signers import root as pdf_root
from tests.world.stamps import stamped, tsa

MIANTI = Path(sys.executable).parent / "mianti"
AT = ("--at", "2026-06-02T12:00:00+08:00")


def mianti(*arguments: str | Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """The command in a terminal of that width."""
    environment = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [MIANTI, *map(str, arguments)], capture_output=True, text=True, check=False,
        timeout=60, env=environment,
    )  # fmt: skip


def here(*arguments: str | Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """The same verb within this process, for the many small cases."""
    result = CliRunner(env={"COLUMNS": str(columns), "NO_COLOR": "1"}).invoke(
        app, [str(each) for each in arguments]
    )
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return subprocess.CompletedProcess((), result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents, and what they are judged by."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "决定.ofd").write_bytes(with_token(stamped(tsa(), DIGEST, "sm3")))
    (folder / "other.ofd").write_bytes(with_token(stamped(tsa(), bytes(32), "sm3")))
    (folder / "page.pdf").write_bytes(sealed_pdf())
    trust = folder / "trust"
    trust.mkdir()
    known = (WORLD.root.certificate, WORLD.issuer.certificate)
    (trust / "all.pem").write_text("".join(pem("CERTIFICATE", each.der) for each in known))
    for at, each in enumerate(LISTS):
        (trust / f"{at}.crl").write_bytes(each.der)
    (folder / "strict.yaml").write_text("policy: 1\nofd: {extents: [all-effective]}\n")
    (folder / "wrong.yaml").write_text("policy: 1\nofd: {extents: [gaps], colour: red}\n")
    (folder / "note.txt").write_text("not a document")
    return folder


def test_a_document_that_passes(desk: Path) -> None:
    """A band, then every question with its answer, in both languages; exit code 0."""
    done = mianti("verify", desk / "决定.ofd", "--trust", desk / "trust", *AT, columns=120)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(" ✔ 通过 PASSED")
    assert "示范市演示局" in done.stdout
    for question in (1, 2, 3, *range(10, 23)):
        zh, en = QUESTIONS[question]  # type: ignore[index]  # an IntEnum is its number
        assert zh in done.stdout
        assert en in done.stdout
    numbers = [int(found[1]) for line in lines if (found := re.match(r" {0,2}(\d+) [✔✘?] ", line))]
    assert numbers == [1, 2, 3, *range(10, 23)]
    assert "2026-06-01 12:00:00 +08:00" in done.stdout


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_it_fits_the_terminal(desk: Path, columns: int) -> None:
    """No line is longer than the terminal is wide; a Chinese character takes two places."""
    done = here("verify", desk / "other.ofd", "--trust", desk / "trust", *AT, columns=columns)
    wide = {line: sum(1 + (ord(c) > 0x2E7F) for c in line) for line in done.stdout.splitlines()}

    assert done.returncode == 1
    assert {line for line, size in wide.items() if size > columns} == set()
    assert "imprint:other-bytes" in done.stdout


VERDICTS: dict[str, tuple[int, tuple[str, ...], str]] = {
    "passed": (0, ("决定.ofd", "--trust", "trust"), "passed"),
    "failed": (1, ("other.ofd", "--trust", "trust"), "failed"),
    "no trust": (2, ("决定.ofd",), "indeterminate"),
    "by a policy": (1, ("决定.ofd", "--trust", "trust", "--policy", "strict.yaml"), "failed"),
    "before it was sealed": (1, ("决定.ofd", "--trust", "trust", "--at", "2026-05-01T00:00:00Z"),
                             "failed"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "arguments", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_exit_codes_and_json(
    desk: Path, code: int, arguments: tuple[str, ...], verdict: str
) -> None:
    """The verdict three times: in the exit code, in JSON, and in its steps."""
    told = [str(desk / each) if (desk / each).exists() else each for each in arguments]
    done = here("verify", *((*told, *AT) if "--at" not in told else told), "--json")
    report = json.loads(done.stdout)
    steps = [*report["steps"], *(step for seal in report["seals"] for step in seal["steps"])]

    assert done.returncode == code
    assert (report["report"], report["format"], report["verdict"]) == (1, "OFD", verdict)
    assert (verdict == "passed") == all(step["verdict"] == "passed" for step in steps)
    assert {tuple(sorted(step)) for step in steps} == {
        ("answer", "because", "key", "number", "question", "reason", "verdict", "where")
    }
    assert all(step["question"]["zh"] and step["answer"]["en"] for step in steps)


def test_several_files_of_both_kinds(desk: Path) -> None:
    """One line of JSON each; a failure before what could not be read."""
    trust = desk / "pdf.pem"
    trust.write_text(pem("CERTIFICATE", pdf_root().chain[0]))
    (desk / "pdf.crl").write_bytes(revocation_list())
    at = f"{PDF_NOW:%Y-%m-%dT%H:%M:%SZ}"
    done = here(
        "verify", desk / "page.pdf", desk / "note.txt", desk / "absent.ofd", "--json", "--at", at,
        "--trust", trust, "--trust", desk / "pdf.crl",
    )  # fmt: skip
    pdf, note, absent = map(json.loads, done.stdout.splitlines())

    assert done.returncode == 3
    assert (pdf["format"], pdf["verdict"]) == ("PDF", "passed")
    assert note["error"] == "seals.malformed-document"
    assert absent["error"] == "seals.key-unavailable"
    assert "no-document" in done.stderr
    worst = here("verify", desk / "note.txt", desk / "other.ofd", "--trust", desk / "trust", *AT)
    assert worst.returncode == 1


UNREAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no such trust": (("--trust", "absent"), "file-unreadable"),
    "a trust that is none": (("--trust", "note.txt"), "malformed"),
    "a policy with two faults": (("--policy", "wrong.yaml"), "ofd.colour"),
    "no such policy": (("--policy", "absent.yaml"), "file-unreadable"),
    "a time without a zone": (("--at", "2026-06-01T00:00:00"), "time-without-zone"),
    "no time": (("--at", "yesterday"), "not-a-time"),
}


@pytest.mark.parametrize(("arguments", "said"), UNREAD.values(), ids=UNREAD)
def test_what_it_cannot_be_judged_by_is_told(
    desk: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Exit code 3, a line for each complaint, no verdict."""
    told = [str(desk / each) if "." in each or each == "absent" else each for each in arguments]
    done = here("verify", desk / "决定.ofd", *told)

    assert done.returncode == 3
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert all(line.startswith("✘ ") for line in done.stderr.splitlines())


def test_hostile_files_print_no_stack_and_nothing_a_terminal_obeys(
    desk: Path, tmp_path: Path
) -> None:
    """Cut off, mangled, empty, deep; names that would clear the screen."""
    ofd, pdf = (desk / "决定.ofd").read_bytes(), (desk / "page.pdf").read_bytes()
    hostile = [
        b"", b"PK", b"%PDF-", b"%PDF-1.7\n" + b"[" * 50_000, ofd[:5000], ofd[1:], pdf[:3000],
        pdf.replace(b"/Seal", b"/\x1b[2J"), pdf.replace(b"(Seal1)", b"(\x1b[2Jx)"),
        ofd.replace(b"Doc_0", b"Do\x1b_0"), pdf[:-9] + bytes(9), bytes(range(256)) * 64,
    ]  # fmt: skip
    files = []
    for at, each in enumerate(hostile):
        files.append(tmp_path / f"{at}\x1b[2J.bin")
        files[-1].write_bytes(each)
    for form in ((), ("--json",)):
        done = mianti("verify", *files, *form)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr + done.stdout
        assert "internal" not in done.stderr
        assert "\x1b" not in done.stderr + done.stdout


SAMPLED: dict[str, tuple[int, set[str]]] = {
    "helloworld.ofd": (2, {"unsigned"}),
    "SESV4SignDoc.ofd": (1, {"seal-expired", "chain-not-judged"}),
    "allprotected.ofd": (2, {"chain-not-judged"}),
    "V4RideRight.ofd": (2, {"chain-not-judged", "missing"}),
    "DigitalSign.ofd": (2, {"no-certificate", "plain-signature"}),
}


@pytest.mark.skipif(not SAMPLES.exists(), reason="the files made by others are not here")
@pytest.mark.parametrize(("name", "expected"), SAMPLED.items(), ids=SAMPLED)
def test_files_made_by_others(name: str, expected: tuple[int, set[str]]) -> None:
    """What is known of each comes out; without their roots nothing is failed for its chain."""
    done = here("verify", SAMPLES / name, "--json")
    report = json.loads(done.stdout)
    steps = [*report["steps"], *(step for seal in report["seals"] for step in seal["steps"])]

    assert (done.returncode, {s["reason"] for s in steps if s["verdict"] != "passed"}) == expected


def test_the_form_of_every_reason() -> None:
    """Keys that machines read are words with dashes."""
    for table in (ofd_wording.REASONS, pdf_wording.REASONS):
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key) for key in table)


# --- trust lists and the authority ------------------------------------------------------------

PASSWORD = "open sesame, please"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operator of a list and what it lists; a timestamp authority; key files of both."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "pw").write_text(PASSWORD + "\n")
    operator = SM2Key.generate()
    save(folder / "operator.key", encrypted(operator, PASSWORD, Protection.INTERNATIONAL))
    own = root(operator, "示例名单发布者", not_after=PDF_NOW + 9000 * DAY)
    (folder / "operator.pem").write_text(pem("CERTIFICATE", own.certificate.der))
    stamps = SM2Key.generate()
    save(folder / "tsa.key", encrypted(stamps, PASSWORD, Protection.INTERNATIONAL))
    (folder / "root.pem").write_text(pem("CERTIFICATE", WORLD.root.certificate.der))
    (folder / "issuer.pem").write_text(pem("CERTIFICATE", WORLD.issuer.certificate.der))
    (folder / "maker.pem").write_text(pem("CERTIFICATE", WORLD.signers[Profile.SEAL_MAKER].der))
    for at, each in enumerate(LISTS):
        (folder / f"{at}.crl").write_bytes(each.der)
    return folder


def source(folder: Path, standing: str = "trusted") -> Path:
    """What the operator writes."""
    written = folder / f"{standing}.yaml"
    written.write_text(
        f"""
operator: {{zh: 示例省数据局, en: Data bureau}}
services:
  - {{service: anchor, file: root.pem, since: 2024-01-01T00:00:00Z, zh: 示例根, en: Root}}
  - service: seal-maker
    file: maker.pem
    zh: 示例制章机构
    since: 2024-01-01T00:00:00Z
    standing: {standing}
intermediates: [issuer.pem]
revocation_lists: [0.crl, 1.crl]
""",
        encoding="utf-8",
    )
    return written


def published(folder: Path, name: str, number: int, standing: str = "trusted") -> Path:
    """By the command."""
    done = here(
        "seals", "trust", "publish", source(folder, standing), "--out", folder / name,
        "--sequence", str(number), "--key", folder / "operator.key", "--certificate",
        folder / "operator.pem", "--password-file", folder / "pw",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder / name


def test_a_list_is_published_imported_and_decides(office: Path, desk: Path) -> None:
    """From the operator's YAML to a verdict; then the seal maker is suspended, and it fails."""
    into, document = office / "trust", desk / "决定.ofd"
    first = published(office, "first.json", 1)
    refused = here("seals", "trust", "import", first, "--into", into)
    assert refused.returncode == 1
    assert "operator-unknown" in refused.stderr
    imported = mianti("seals", "trust", "import", first, "--into", into,
                      "--operator", office / "operator.pem")  # fmt: skip
    assert (imported.returncode, imported.stderr) == (0, "")
    passed = here("verify", document, "--trust", into, *AT)
    assert (passed.returncode, passed.stderr) == (0, "")

    second = published(office, "second.json", 2, "suspended")
    assert here("seals", "trust", "import", second, "--into", into).returncode == 0
    done = mianti("verify", document, "--trust", into, *AT)
    assert done.returncode == 1
    assert "standing:suspended" in done.stdout
    again = here("seals", "trust", "import", first, "--into", into)
    assert again.returncode == 1
    assert "rolled-back" in again.stderr
    shown = here("seals", "trust", "show", into)
    assert "✘ 暂停 suspended  制章机构 seal maker  示例制章机构" in shown.stdout
    assert "✔  信任根 anchor  示例根 / Root" in shown.stdout


def test_a_trust_list_alone_is_trusted_as_a_bundle_would_be(office: Path, desk: Path) -> None:
    """By whoever names it; or by its operator, who may be named, too."""
    file = published(office, "alone.json", 3)
    document = desk / "决定.ofd"
    alone = here("verify", document, "--trust", file, *AT)

    assert alone.returncode == 0
    assert "--operator" in alone.stderr
    named = here("verify", document, "--trust", file, "--operator", office / "root.pem", *AT)
    assert named.returncode == 3
    assert "not-the-operator" in named.stderr


def test_a_draft_with_faults_is_refused_with_all_of_them(office: Path) -> None:
    """Every complaint at once; nothing is written."""
    (office / "bad.yaml").write_text(
        "services: [{service: x, file: absent.pem, zh: a}]\nextra: 1\n"
    )
    common = ("--key", office / "operator.key", "--certificate", office / "operator.pem",
              "--password-file", office / "pw")  # fmt: skip
    result = here("seals", "trust", "publish", office / "bad.yaml", "--out", office / "bad.json",
                  "--sequence", "1", *common)  # fmt: skip

    assert result.returncode == 1
    for said in (
        "extra",
        "services[0].service",
        "services[0].since",
        "services[0].file",
        "operator",
    ):
        assert said in result.stderr
    assert not (office / "bad.json").exists()


def test_an_expired_list_is_no_trust(office: Path, desk: Path) -> None:
    """Exit code 3: get a new one."""
    key = SM2Key.generate()
    key = replace(key, chain=(root(key, "示例名单发布者").certificate.der,))
    listed = Listed(
        service=Service.ANCHOR, certificate=WORLD.root.certificate, since=NOW - DAY,
        standing=Standing.TRUSTED, zh="示例根",
    )  # fmt: skip
    old = TrustList(
        sequence=1, issued_at=NOW - 900 * DAY, next_update=NOW - 899 * DAY,
        operator=Operator(zh="示例"), store=TrustStore(listed=(listed,)),
    )  # fmt: skip
    (office / "old.json").write_bytes(publish(old, key))
    done = here("verify", desk / "决定.ofd", "--trust", office / "old.json", *AT)

    assert done.returncode == 3
    assert "list.next_update：已过下次更新时间" in done.stderr


@contextmanager
def serving(*arguments: str | Path) -> Iterator[str]:
    """The authority as its own process; its address."""
    process = subprocess.Popen(
        [MIANTI, "seals", "tsa", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        told = re.search(r"http://\S+", process.stdout.readline())
        assert told is not None, process.communicate(timeout=10)
        yield told[0]
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=20)
        assert (process.returncode, complaints) == (0, "")


def test_the_authority_serves_until_it_is_stopped(office: Path) -> None:
    """A certificate by `ca issue`, an authority by `tsa serve`, a timestamp by our client."""
    pw = ("--password-file", office / "pw")
    (office / "tsa.pub").write_text(public_key(office))
    made = [
        here("seals", "ca", "root", "--key", office / "operator.key", "--out",
               office / "top.pem", "--name", "示例根", *pw),
        here("seals", "ca", "issue", "--key", office / "operator.key", "--certificate",
               office / "top.pem", "--public", office / "tsa.pub", "--profile", "tsa", "--out",
               office / "tsa.pem", "--name", "示例时间戳", *pw),
    ]  # fmt: skip
    assert [each.returncode for each in made] == [0, 0], made
    common = ("--key", office / "tsa.key", "--port", "0", *pw)
    with serving(*common, "--certificate", office / "tsa.pem") as url:
        token = TSAClient(TSAService(url=url)).token(DIGEST, "sm3")
    wrong = here("seals", "tsa", "serve", *common, "--certificate", office / "top.pem")

    assert read_token(token).info.imprint.value == DIGEST
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr


def public_key(folder: Path) -> str:
    """The public key of the authority's key file."""
    return pem("PUBLIC KEY", load(folder / "tsa.key", PASSWORD).spki)
