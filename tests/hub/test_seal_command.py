"""`mianti seal`: OFD and PDF under a seal of the register, judged before and after, written whole."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.seals.sealing import write_whole
from seals import keyfiles
from seals.authority import Profile
from seals.encoding import pem
from seals.errors import KeyUnavailable
from seals.keys import SM2Key
from seals.names import Subject
from seals.ofd.verification import verify as verify_ofd
from seals.pdf import verify as verify_pdf
from seals.registered import content_digest
from seals.report import Question, Report
from seals.tsa import TSA
from seals.tsa_serving import listening
from seals.using import BEIJING
from seals.verdicts import Verdict
from tests.world import pki
from tests.world.bureau import HEAD, PASSWORD, Bureau, furnished, in_use, made
from tests.world.ofd import document, packed, parts
from tests.world.pages import Draft
from tests.world.poppler import Poppler
from tests.world.sealing_service import TOKEN, sealing_service

WITH = {
    name: ("--key", f"@{name}.key", "--certificate", f"@{name}.pem", "--password-file", "@pw")
    for name in ("sm2", "other", "p256", "rsa")
}
BY = ("--by", "officer", "--reason", "新教决〔2026〕7号")
"""Who may use the seal, and the matter."""
PLACE = ("--at", "1,105,150")
_TRUST = {Question.SIGNER_CHAIN, Question.MAKER_CHAIN, Question.TIME}
"""What nobody is asked here."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Bureau:
    """A seal that `officer` may use, and documents."""
    bureau = furnished(tmp_path_factory.mktemp("bureau"))
    in_use(bureau)
    bureau.file("table.ofd").write_bytes(document())
    bureau.file("decision.pdf").write_bytes(Draft().pdf())
    return bureau


@pytest.fixture
def bureau(office: Bureau, tmp_path: Path) -> Bureau:
    """The same, to oneself."""
    for each in office.folder.rglob("*"):
        place = tmp_path / each.relative_to(office.folder)
        if each.is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(each.read_bytes())
            place.chmod(stat.S_IMODE(each.stat().st_mode))
    return Bureau(tmp_path)


def proper(report: Report) -> None:
    """One seal, and nothing against it but that nobody judges the chains."""
    assert report.verdict is not Verdict.FAILED
    assert len(report.seals) == 1
    assert {Question(each.step.number) for each in report.complaints} <= _TRUST


def test_an_ofd_is_sealed_at_the_console(bureau: Bureau) -> None:
    """With OpenSSL's SM2 key; a new file beside the input, which stays as it was; the use is logged
    with digest, account and reason.
    """
    before = bureau.file("table.ofd").read_bytes()
    done = bureau.console("seal", "@table.ofd", "--seal", "office", *PLACE, *WITH["sm2"], *BY)

    assert (done.returncode, done.stderr) == (0, "")
    assert bureau.file("table.ofd").read_bytes() == before
    report = verify_ofd(bureau.file("table-sealed.ofd").read_bytes(), datetime.now(UTC))
    proper(report)
    assert report.seals[0].seal_name == "业务专用章office"
    ((use, against),) = bureau.register().uses("office")
    assert (use.account, use.reason, against) == ("officer", "新教决〔2026〕7号", ())
    assert use.digest == content_digest(before)


def test_a_pdf_takes_a_national_seal(bureau: Bureau) -> None:
    """With an SM2 key; over a keyword, with a timestamp of an authority on the network."""
    key = SM2Key.generate()
    made = pki.pki().issuer.issue(pki.wanted(Profile.TSA, key))
    with listening(TSA(key=replace(key, chain=(made.der,)), clock=lambda: now)) as url:
        now = datetime.now(UTC)
        bureau.done(
            "seal", "@decision.pdf", "--seal", "office", "--keyword", "演示证照", "--level", "B-T",
            "--tsa", url, *WITH["sm2"], *BY,
        )  # fmt: skip
    report = verify_pdf(bureau.file("decision-sealed.pdf").read_bytes(), datetime.now(UTC))
    proper(report)
    assert report.seals[0].seal_number == "99010100000001"
    assert {each.step.reason for each in report.complaints} == {
        "chain-not-judged", "timestamp-not-judged",
    }  # fmt: skip


def test_the_result_is_judged_by_what_is_trusted(bureau: Bureau) -> None:
    """Where both certificates are trusted it is written; where the trusted one of the signer's name has
    another key, the finished document is thrown away; trust that cannot be read counts nothing.
    """
    order = ("seal", "@table.ofd", "--seal", "office", *PLACE, *WITH["sm2"], *BY)
    same_name = Subject(common_name="sm2", organisation="Demo")
    bureau.file("namesake.pem").write_text(
        pem("CERTIFICATE", pki.Authority.root(
            SM2Key.generate(), same_name, not_before=pki.NOW, not_after=pki.NOW + 2600 * pki.DAY
        ).certificate.der), encoding="ascii",
    )  # fmt: skip
    bureau.file("broken.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="ascii")
    for name, used in (("broken", 0), ("namesake", 1)):
        refused = bureau.run(*order, "--trust", f"@{name}.pem")
        assert refused.exit_code != 0
        assert "Traceback" not in refused.output
        assert not bureau.file("table-sealed.ofd").exists()
        assert len(bureau.register().uses("office")) == used
    bureau.done(*order, "--trust", "@sm2.pem", "--trust", "@maker.pem")
    assert bureau.file("table-sealed.ofd").exists()


def test_an_authority_that_is_away_leaves_no_file(bureau: Bureau) -> None:
    """The use was counted: a signature was made, and thrown away."""
    result = bureau.run(
        "seal", "@table.ofd", "--seal", "office", *PLACE, "--level", "B-T", "--tsa",
        "http://127.0.0.1:9/", *WITH["sm2"], *BY,
    )  # fmt: skip
    assert result.exit_code == 1
    assert "[seals.timestamp-unavailable]" in result.stderr
    assert not bureau.file("table-sealed.ofd").exists()


@pytest.mark.parametrize("key", ["p256", "rsa"])
def test_a_pdf_is_sealed_whatever_its_name_says(bureau: Bureau, key: str, poppler: Poppler) -> None:
    """Told by its content; poppler finds the signature and no change after it."""
    bureau.file("decision.ofd").write_bytes(bureau.file("decision.pdf").read_bytes())
    bureau.done("seal", "@decision.ofd", "--seal", "业务专用章office", *PLACE, *WITH[key], *BY)
    made = bureau.file("decision-sealed.pdf")

    proper(verify_pdf(made.read_bytes(), datetime.now(UTC)))
    said = poppler("pdfsig", "-nocert", made)
    assert "Signature is Valid" in said
    assert "Total document signed" in said


def test_several_places_keywords_and_edges(bureau: Bureau) -> None:
    """Two places, a keyword that is asked for by its number, and the edges of all pages."""
    bureau.done(
        "seal", "@table.ofd", "--seal", "office", *PLACE, "--at", "2,105,200", "--keyword",
        "（盖章）#3", "--keyword", "关于示范事项的决定", "--cross-page", "right", "--mode", "whole",
        *WITH["sm2"], *BY,
    )  # fmt: skip
    report = verify_ofd(bureau.file("table-sealed.ofd").read_bytes(), datetime.now(UTC))
    proper(report)
    assert report.seals[0].coverage == "whole"
    again = bureau.run("seal", "@table-sealed.ofd", "--seal", "office", *PLACE, *WITH["sm2"], *BY)
    assert again.exit_code == 1
    assert "[locked]" in again.stderr


def test_one_seal_after_another(bureau: Bureau) -> None:
    """`continue` in an OFD, `approval` in a PDF; a closing seal is the last."""
    for first, second, key in (
        ("table.ofd", "table-sealed.ofd", "sm2"), ("decision.pdf", "decision-sealed.pdf", "p256"),
    ):  # fmt: skip
        bureau.done("seal", f"@{first}", "--seal", "office", *PLACE, *WITH[key], *BY)
        bureau.done(
            "seal", f"@{second}", "--seal", "office", "--at", "1,60,250", "--intent",
            "closing" if key == "p256" else "approval", "--out", f"@twice-{second}", *WITH[key], *BY,
        )  # fmt: skip
    assert len(verify_ofd(
        bureau.file("twice-table-sealed.ofd").read_bytes(), datetime.now(UTC)
    ).seals) == 2  # fmt: skip
    closed = bureau.run(
        "seal", "@twice-decision-sealed.pdf", "--seal", "office", *PLACE, *WITH["p256"], *BY
    )
    assert closed.exit_code == 1
    assert "[certified-already]" in closed.stderr


def limits(*more: str) -> tuple[str, ...]:
    """Other limits from now on."""
    return ("seals", "limit", "office", *HEAD, "--reason", "限制", *more)


_LATER = (datetime.now(BEIJING) + timedelta(hours=6)).hour
ELSEWHEN = ("--opens", f"{_LATER:02}:00", "--closes", f"{_LATER:02}:59")
"""An hour of the day that it is not now, in Beijing."""
REGISTER: dict[str, tuple[tuple[str, ...], tuple[str, ...], list[str]]] = {
    "frozen": (("seals", "freeze", "--by", "duty", "--reason", "演练"), (), ["frozen"]),
    "suspended": (("seals", "suspend", "office", *HEAD, "--reason", "停用"), (), ["suspended"]),
    "revoked": (
        ("seals", "revoke", "office", *HEAD, "--reason", "注销"), (), ["ended", "not-granted"],
    ),
    "outside hours": (limits(*ELSEWHEN), (), ["hours"]),
    "another type": (limits("--certificate-type", "营业执照"), (), ["certificate-type"]),
    "not granted": ((), ("--by", "stranger"), ["not-granted"]),
    "withdrawn": (("seals", "withdraw", "office", "officer", *HEAD), (), ["not-granted"]),
    "no reason": ((), ("--reason", " "), ["reason"]),
    "several": (
        limits(*ELSEWHEN, "--certificate-type", "营业执照"), ("--by", "stranger"),
        ["not-granted", "hours", "certificate-type"],
    ),
}  # fmt: skip
"""What is done before, how the seal is then asked for, and what is said."""


@pytest.mark.parametrize("document", ["table.ofd", "decision.pdf"])
@pytest.mark.parametrize("case", REGISTER)
def test_the_register_refuses_and_logs_it(bureau: Bureau, case: str, document: str) -> None:
    """All reasons, in both languages; nothing is written, and the log holds the refused wish."""
    before, more, keys = REGISTER[case]
    if before:
        bureau.done(*before)
    refused(bureau, document, "office", more, keys)


@pytest.mark.parametrize("document", ["table.ofd", "decision.pdf"])
def test_an_unfiled_seal_signs_nothing(bureau: Bureau, document: str) -> None:
    """Made, with a signer that it lists, and not on file."""
    made(bureau, "new", "99010100000002")
    refused(bureau, document, "new", (), ["unfiled", "not-granted"])


def test_as_often_as_it_may_be_used_today(bureau: Bureau) -> None:
    """Uses of OFD and PDF are counted together; what was refused is not."""
    bureau.done(*limits("--per-day", "2"))
    refused(bureau, "table.ofd", "office", ("--by", "stranger"), ["not-granted"])
    for name, key in (("decision.pdf", "rsa"), ("table.ofd", "sm2")):
        bureau.done("seal", f"@{name}", "--seal", "office", *PLACE, *WITH[key], *BY)
    refused(bureau, "decision.pdf", "office", (), ["per-day"])


def refused(
    bureau: Bureau, document: str, seal: str, more: tuple[str, ...], keys: list[str]
) -> None:
    """The register does not allow it: said, logged, and nothing written."""
    before = len(list(bureau.register().uses(seal)))
    key = "sm2" if document.endswith("ofd") else "p256"
    result = bureau.run(
        "seal", f"@{document}", "--seal", seal, *PLACE, *WITH[key], *BY, *more, "--out", "@out"
    )
    assert result.exit_code == 1, result.output
    told = result.stderr.strip().splitlines()
    assert [line.rpartition("[")[2][:-1] for line in told] == keys
    assert all(line.startswith("✘ ") and " / " in line for line in told)
    assert not bureau.file("out").exists()
    log = list(bureau.register().uses(seal))
    assert len(log) == before + 1
    assert list(log[-1][1]) == keys


HIDDEN = parts()["/Doc_0/Pages/Page_0/Content.xml"].replace(
    b"<ofd:TextObject ", b'<ofd:TextObject Visible="false" ', 1
)
OTHERWISE: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "no place": (1, ("@table.ofd", *WITH["sm2"]), ("no-placement",)),
    "no place in a PDF": (1, ("@decision.pdf", *WITH["p256"]), ("no-placement",)),
    "a place that is none": (1, ("@table.ofd", "--at", "1,2", *WITH["sm2"]), ("place",)),
    "off the page": (1, ("@table.ofd", "--at", "1,5,5", *WITH["sm2"]), ("off-page",)),
    "off the page of a PDF": (1, ("@decision.pdf", "--at", "1,5,5", *WITH["rsa"]), ("off-page",)),
    "no such page": (1, ("@table.ofd", "--at", "9,100,100", *WITH["sm2"]), ("no-such-page",)),
    "no such keyword": (1, ("@table.ofd", "--keyword", "查无", *WITH["sm2"]), ("keyword-not-found",)),
    "an OFD with a key for PDF": (1, ("@table.ofd", *PLACE, *WITH["p256"]), ("key-algorithm",)),
    "a signer whom the seal does not list, of a PDF": (
        1, ("@decision.pdf", *PLACE, *WITH["other"]), ("signer-not-listed",),
    ),
    "a signer whom the seal does not list": (
        1, ("@table.ofd", *PLACE, *WITH["other"]), ("signer-not-listed",),
    ),
    "a signer whom it does not list, of a PDF": (
        1, ("@decision.pdf", *PLACE, "--key", "@p256.key", "--certificate", "@again.pem",
            "--password-file", "@pw"), ("signer-not-listed",),
    ),
    "no certificate": (
        1, ("@table.ofd", *PLACE, "--key", "@sm2.key", "--password-file", "@pw"), ("no-certificate",),
    ),
    "another's certificate": (
        1, ("@table.ofd", *PLACE, "--key", "@sm2.key", "--certificate", "@other.pem",
            "--password-file", "@pw"), ("seals.invalid-key",),
    ),
    "no key": (1, ("@table.ofd", *PLACE), ("no-key",)),
    "a key that others may read": (
        1, ("@table.ofd", *PLACE, "--key", "@open.key", "--certificate", "@sm2.pem",
            "--password-file", "@pw"), ("key-file-readable-by-others",),
    ),
    "no such seal": (
        1, ("@table.ofd", *PLACE, *WITH["sm2"], "--seal", "none"), ("seals.unknown",),
    ),
    "a level without an authority": (
        1, ("@decision.pdf", *PLACE, *WITH["p256"], "--level", "B-T"), ("timestamps-missing",),
    ),
    "a level that an OFD has not": (
        1, ("@table.ofd", *PLACE, *WITH["sm2"], "--level", "B-LTA"), ("level-not-for-seal",),
    ),
    "over the input": (1, ("@table.ofd", *PLACE, *WITH["sm2"], "--out", "@table.ofd"), ("file-exists",)),
    "over the input by force": (
        1, ("@table.ofd", *PLACE, *WITH["sm2"], "--out", "@link.ofd", "--force"), ("file-exists",),
    ),
    "over another file": (1, ("@table.ofd", *PLACE, *WITH["sm2"], "--out", "@pw"), ("file-exists",)),
    "into no folder": (
        1, ("@table.ofd", *PLACE, *WITH["sm2"], "--out", "@none/x.ofd"), ("file-unwritable",),
    ),
    "a document that hides something": (
        1, ("@hidden.ofd", *PLACE, *WITH["sm2"]), ("unreferenced", "hidden"),
    ),
    "a PDF that hides something": (
        1, ("@hidden.pdf", *PLACE, *WITH["p256"]), ("action", "annotation", "white-text"),
    ),
    "neither OFD nor PDF": (3, ("@pw", *PLACE, *WITH["sm2"]), ("no-document",)),
    "an empty file": (3, ("@empty", *PLACE, *WITH["sm2"]), ("no-document",)),
    "no file": (3, ("@none.ofd", *PLACE, *WITH["sm2"]), ("file-unreadable",)),
    "a folder": (3, ("@hub", *PLACE, *WITH["sm2"]), ("file-unreadable",)),
    "half an OFD": (3, ("@half.ofd", *PLACE, *WITH["sm2"]), ("no-zip",)),
    "a ZIP that is no OFD": (1, ("@zip.ofd", *PLACE, *WITH["sm2"]), ("document",)),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERWISE)
def test_what_does_not_fit_is_refused_and_not_counted(bureau: Bureau, case: str) -> None:
    """Exit code 1, or 3 for what cannot be read; every reason; no use, no file, no stack."""
    code, arguments, keys = OTHERWISE[case]
    oddities(bureau)
    before = {each.name for each in bureau.folder.iterdir()}
    contents = bureau.file("table.ofd").read_bytes(), bureau.file("pw").read_bytes()
    result = bureau.run("seal", "--seal", "office", *BY, *arguments)

    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    told = result.stderr.strip().splitlines()
    assert set(keys) <= {line.rpartition("[")[2][:-1] for line in told}
    assert all(line.startswith("✘ ") and " / " in line for line in told)
    assert PASSWORD not in result.output
    assert {each.name for each in bureau.folder.iterdir()} == before
    assert (bureau.file("table.ofd").read_bytes(), bureau.file("pw").read_bytes()) == contents
    assert list(bureau.register().uses("office")) == []


def oddities(bureau: Bureau) -> None:
    """Files that something is wrong with."""
    folder = bureau.folder
    (folder / "empty").touch()
    (folder / "half.ofd").write_bytes(document()[:2000])
    (folder / "zip.ofd").write_bytes(packed({"/hello.txt": b"hello"}))
    hidden = {"/Doc_0/Pages/Page_0/Content.xml": HIDDEN, "/Doc_0/left.bin": b"?"}
    (folder / "hidden.ofd").write_bytes(document(hidden))
    wrong = Draft(
        content="BT 1 g /F1 12 Tf 72 600 Td <0001> Tj ET",
        page="/Annots [<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (x) >>]",
        root="/OpenAction << /S /JavaScript /JS (1) >>",
    )
    (folder / "hidden.pdf").write_bytes(wrong.pdf())
    (folder / "link.ofd").hardlink_to(folder / "table.ofd")
    (folder / "open.key").write_bytes((folder / "sm2.key").read_bytes())
    (folder / "open.key").chmod(0o644)
    subprocess.run(
        ["openssl", "req", "-x509", "-key", "p256.key", "-passin", "file:pw", "-out", "again.pem",
         "-subj", "/CN=again"], cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def test_force_writes_over_another_file(bureau: Bureau) -> None:
    """And only then."""
    bureau.file("old.ofd").write_bytes(b"old")
    bureau.done(
        "seal", "@table.ofd", "--seal", "office", *PLACE, *WITH["sm2"], *BY, "--out", "@old.ofd",
        "--force",
    )  # fmt: skip
    proper(verify_ofd(bureau.file("old.ofd").read_bytes(), datetime.now(UTC)))


def test_a_remote_service_signs(bureau: Bureau) -> None:
    """A description says where it is; the token comes from the environment, the key from settings."""
    key = keyfiles.load(bureau.file("sm2.key"), PASSWORD)
    with sealing_service(key, key) as service:
        bureau.file("service.toml").write_text(
            f'kind = "service"\nurl = "{service.url}"\nname = "office"\nalgorithm = "sm2-sm3"\n'
            'token = "SEALING_TOKEN"\ncertificate = "sm2.pem"\n',
            encoding="utf-8",
        )
        result = bureau.run(
            "seal", "@table.ofd", "--seal", "office", *PLACE, *BY,
            more={"SEALING_TOKEN": TOKEN, "MIANTI_SEALS_KEY": str(bureau.file("service.toml"))},
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    proper(verify_ofd(bureau.file("table-sealed.ofd").read_bytes(), datetime.now(UTC)))


def test_a_key_that_is_away_leaves_a_logged_use_and_no_file(bureau: Bureau) -> None:
    """The use was allowed and counted; the signature never came."""
    bureau.file("service.toml").write_text(
        'kind = "service"\nurl = "http://127.0.0.1:9/sign"\nname = "office"\n'
        'algorithm = "sm2-sm3"\ntoken = "SEALING_TOKEN"\ncertificate = "sm2.pem"\n',
        encoding="utf-8",
    )
    result = bureau.run(
        "seal", "@table.ofd", "--seal", "office", *PLACE, *BY, "--key", "@service.toml",
        more={"SEALING_TOKEN": "t"},
    )  # fmt: skip
    assert result.exit_code == 1
    assert "[service-unreachable]" in result.stderr
    assert not bureau.file("table-sealed.ofd").exists()
    assert [against for _, against in bureau.register().uses("office")] == [()]


# --- the file ---------------------------------------------------------------------------------

DYING = """
import os, sys
from pathlib import Path
from hub.seals.sealing import write_whole
def die(beside, target):
    assert beside.read_bytes() == b"new" * 1000
    os._exit(9)
write_whole(Path(sys.argv[1]), b"new" * 1000, die)
"""
FULL = """
import resource, sys
from pathlib import Path
from hub.seals.sealing import write_whole
from seals.authority import Profile
from seals.errors import KeyUnavailable
from seals.keys import SM2Key
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_whole(Path(sys.argv[1]), b"new" * 10000, lambda beside, target: beside.replace(target))
except KeyUnavailable as wrong:
    sys.exit(f"{wrong}")
"""


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_crash_leaves_no_part_of_a_file(tmp_path: Path, old: bytes | None) -> None:
    """A process that dies before the file is in its place leaves there what was there."""
    target = tmp_path / "out.ofd"
    if old is not None:
        target.write_bytes(old)
    died = subprocess.run([sys.executable, "-c", DYING, target], check=False, timeout=60)

    assert died.returncode == 9
    assert (target.read_bytes() if target.exists() else None) == old


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Neither a part of the file nor what was begun beside it."""
    target = tmp_path / "out.ofd"
    done = subprocess.run(
        [sys.executable, "-c", FULL, target],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.strip() == "file-unwritable"
    assert list(tmp_path.iterdir()) == []


def test_of_two_who_write_one_file_one_does(tmp_path: Path) -> None:
    """A file that came into being meanwhile is not written over."""
    target = tmp_path / "out.ofd"

    def late(beside: Path, place: Path) -> None:
        place.write_bytes(b"another's")
        os.link(beside, place)

    with pytest.raises(KeyUnavailable, match="file-exists"):
        write_whole(target, b"ours", late)
    assert target.read_bytes() == b"another's"
    assert list(tmp_path.iterdir()) == [target]
