"""`mianti seals …`: the life of a seal from its impression to its end, and every way it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seals.drawing import Drawing, Shape, ellipse, png
from seals.lifecycle import Lifecycle, collect
from seals.registered import Act, Actor, RegisteredSeal, SealKind, State
from seals.seal_reading import read_seal
from tests.world.bureau import (
    BUREAU,
    CLERK,
    FILER,
    HEAD,
    MAKER,
    OFFICE,
    Bureau,
    collected,
    furnished,
    in_use,
    made,
    make,
)


@pytest.fixture(scope="module")
def furniture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates, made once."""
    folder = tmp_path_factory.mktemp("bureau")
    furnished(folder)
    return folder


@pytest.fixture
def bureau(furniture: Path, tmp_path: Path) -> Bureau:
    """A bureau with an empty register."""
    for each in furniture.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
        (tmp_path / each.name).chmod(0o600)
    return Bureau(tmp_path)


def test_a_whole_life_at_the_console(bureau: Bureau) -> None:
    """From the impression to the destroyed seal, by the console script: who did what stands in the
    history, and the files that were asked for are there.
    """
    steps = (
        ("collect", "one", "--kind", "approval", "--name", "示例镇人民政府审批服务专用章", *CLERK,
         "--show", "@impression.png"),
        ("apply", "one", *CLERK),
        ("reject", "one", *HEAD, "--reason", "名称有误"),
        ("apply", "one", *CLERK),
        ("approve", "one", *HEAD),
        ("make", "one", *MAKER, "--number", "99010100000009", "--key", "@maker.key",
         "--certificate", "@maker.pem", "--signer", "@sm2.pem", "--password-file", "@pw",
         "--days", "30", "--out", "@one.esl"),
        ("file", "one", *FILER, "--filing", "备〔2026〕1号"),
        ("grant", "one", "officer", *HEAD),
        ("grant", "one", "second", *HEAD),
        ("withdraw", "one", "second", *HEAD),
        ("limit", "one", *HEAD, "--reason", "限时", "--opens", "08:30", "--closes", "18:00",
         "--per-day", "5", "--certificate-type", "营业执照"),
        ("suspend", "one", *HEAD, "--reason", "保管人休假"),
        ("resume", "one", *CLERK, "--reason", "保管人回岗"),
        ("revoke", "one", *FILER, "--reason", "机构合并"),
        ("destroy", "one", *FILER, "--reason", "机构合并"),
    )  # fmt: skip
    for step in steps:
        if step[0] in {"collect", "make", "destroy"}:  # a process each; the others in this one
            done = bureau.console("seals", *step)
            assert done.returncode == 0, (step, done.stderr)
        else:
            result = bureau.run("seals", *step)
            assert result.exit_code == 0, (step, result.output)
        assert done.stderr == ""
        assert done.stdout.startswith("✔ one 示例镇人民政府审批服务专用章：")
    kept = bureau.register().get("one")
    assert [entry.act for entry in kept.history] == [Act(step[0]) for step in steps]
    assert kept.state is State.DESTROYED
    assert kept.history[2].reason == "名称有误"
    assert bureau.file("impression.png").read_bytes().startswith(b"\x89PNG")
    seal = read_seal(bureau.file("one.esl").read_bytes())
    assert seal.info.name == "示例镇人民政府审批服务专用章"
    assert (seal.info.picture.width, seal.info.picture.height) == (42, 42)
    assert seal.info.picture.data == bureau.file("impression.png").read_bytes()
    shown = bureau.console("seals", "show", "one")
    assert "备〔2026〕1号" in shown.stdout
    assert "reject → 已采集 head（xinxiang/县教体局） 名称有误" in shown.stdout


REFUSED: dict[str, tuple[str, tuple[str, ...], str]] = {
    "the bureau applies for a department": ("collected", ("apply", "office", *MAKER), "not-the-owner"),
    "another takes the impression": (
        "", ("collect", "x", "--kind", "approval", "--name", "局审批章", *CLERK), "name",
    ),
    "whoever applied approves": ("applied", ("approve", "office", *CLERK), "same-person"),
    "whoever applied sends it back": (
        "applied", ("reject", "office", *CLERK, "--reason", "x"), "same-person",
    ),
    "sent back without a reason": ("applied", ("reject", "office", *HEAD), "reason"),
    "approved before it is applied for": ("collected", ("approve", "office", *HEAD), "state"),
    "filed before it is made": (
        "approved", ("file", "office", *FILER, "--filing", "1"), "state",
    ),
    "a department files its own": ("made", ("file", "office", *HEAD, "--filing", "1"), "not-the-bureau"),
    "filed without a number": ("made", ("file", "office", *FILER, "--filing", ""), "filing"),
    "granted before it is filed": ("made", ("grant", "office", "officer", *HEAD), "state"),
    "granted to the maker": ("filed", ("grant", "office", "maker", *HEAD), "maker-is-no-user"),
    "granted to oneself": ("filed", ("grant", "office", "head", *HEAD), "same-person"),
    "granted by the bureau": ("filed", ("grant", "office", "officer", *FILER), "not-the-owner"),
    "granted twice": ("in use", ("grant", "office", "officer", *HEAD), "user"),
    "withdrawn from nobody": ("in use", ("withdraw", "office", "nobody", *HEAD), "user"),
    "hours turned round": (
        "in use", ("limit", "office", *HEAD, "--reason", "x", "--opens", "18:00", "--closes",
                   "08:00"), "limits",
    ),
    "hours that are none": (
        "in use", ("limit", "office", *HEAD, "--reason", "x", "--opens", "dawn"), "limits",
    ),
    "hours with a zone": (
        "in use", ("limit", "office", *HEAD, "--reason", "x", "--opens", "08:00+08:00"), "limits",
    ),
    "suspended without a reason": ("in use", ("suspend", "office", *HEAD), "reason"),
    "suspended by strangers": (
        "in use", ("suspend", "office", "--by", "x", "--organisation", "elsewhere", "--reason", "x"),
        "not-the-owner",
    ),
    "resumed by whoever suspended": (
        "suspended", ("resume", "office", *HEAD, "--reason", "x"), "same-person",
    ),
    "destroyed while on file": ("in use", ("destroy", "office", *HEAD, "--reason", "x"), "state"),
    "replaced by one that is not for it": (
        "in use", ("replace", "office", "--successor", "office", *HEAD, "--reason", "x"), "successor",
    ),
    "replaced by one that is not there": (
        "in use", ("replace", "office", "--successor", "none", *HEAD, "--reason", "x"),
        "seals.unknown",
    ),
    "a seal that is not there": ("", ("apply", "none", *CLERK), "seals.unknown"),
    "an identifier that is taken": (
        "collected", ("collect", "office", "--kind", "business", "--ring", "示范县教育体育局", *CLERK),
        "seals.conflict",
    ),
    "a name that several have": (
        "two", ("show", "示范县教育体育局"), "ambiguous",
    ),
    "frozen without a reason": ("", ("freeze", "--by", "duty"), "reason"),
    "thawed by whoever froze": ("frozen", ("thaw", "--by", "duty", "--reason", "x"), "same-person"),
    "thawed without a reason": ("frozen", ("thaw", "--by", "other"), "reason"),
    "a ring of five": (
        "", ("collect", "x", "--kind", "business", "--ring", "示范县局章", *CLERK), "ring-length",
    ),
    "a character that the face lacks": (
        "", ("collect", "x", "--kind", "business", "--ring", "示范县教育体育局𰻝", *CLERK),
        "seals.glyph-missing",
    ),
    "an emblem": (
        "", ("collect", "x", "--kind", "organisation", "--ring", "示范县人民政府", "--level", "county",
             *CLERK), "emblem-not-drawn",
    ),
    "a station without a number": (
        "", ("collect", "x", "--kind", "station", "--ring", "示范县便民服务站", *CLERK), "serial",
    ),
    "a picture that is not there": (
        "", ("collect", "x", "--kind", "business", "--name", "章", "--picture", "@none.png", *CLERK),
        "file-unreadable",
    ),
    "show over another file": ("two", ("show", "first", "--picture", "@pw"), "file-exists"),
    "the data of a seal that is not made": (
        "collected", ("show", "office", "--data", "@x.esl"), "seals.unknown",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_not_be_is_refused(bureau: Bureau, case: str) -> None:
    """In Chinese and English with a stable key, exit code 1, and the register as it was."""
    at, command, key = REFUSED[case]
    brought_to(bureau, at)
    before = list(bureau.register().every()) if at else []
    result = bureau.run("seals", *command)

    assert result.exit_code == 1, result.output
    told = result.stderr.strip().splitlines()
    assert len(told) == 1
    assert told[0].startswith("✘ ")
    assert " / " in told[0]
    assert told[0].endswith(f"[{key}]")
    assert list(bureau.register().every()) == before


def brought_to(bureau: Bureau, state: str) -> None:
    """The seal `office`, so far in its life; straight in the register, for that is not what is tried."""
    if state == "two":
        collected(bureau, "first")
        collected(bureau, "second")
    elif state == "frozen":
        bureau.done("seals", "freeze", "--by", "duty", "--reason", "演练")
    elif state:
        bureau.done("seals", "list")  # makes the tables
        register = bureau.register()
        for step in STEPS[: LENGTHS[state]]:
            register.put(step)


def life() -> list[RegisteredSeal]:
    """From its impression to its suspension."""
    clerk, head = (Actor(account=each, organisation=OFFICE) for each in ("clerk", "head"))
    maker, filer = (Actor(account=each, organisation=BUREAU) for each in ("maker", "filer"))
    rules, at = Lifecycle(bureau=BUREAU), datetime.now(UTC) - timedelta(hours=1)
    first = collect(
        seal_id="office", organisation=OFFICE, kind=SealKind.BUSINESS, name="业务专用章",
        picture_digest="sm3:00", by=clerk, at=at,
    )  # fmt: skip
    found = [first, rules.apply(first, clerk, at, ())]
    found.append(rules.approve(found[-1], head, at))
    until = at + timedelta(days=30)
    found.append(
        rules.make(found[-1], maker, at, number="1", seal_digest="sm3:11", valid_until=until)
    )
    found.append(rules.file(found[-1], filer, at, "备"))
    found.append(rules.grant(found[-1], head, at, "officer"))
    found.append(rules.suspend(found[-1], head, at, "停用"))
    return found


STEPS = life()
LENGTHS = {
    "collected": 1, "applied": 2, "approved": 3, "made": 4, "filed": 5, "in use": 6, "suspended": 7,
}  # fmt: skip


def test_only_the_bureau_makes_and_never_for_itself(bureau: Bureau) -> None:
    """A department makes no seal; whoever took the impression makes none; a bureau that is not
    configured makes none. The maker's key is not even opened: its password is not asked for.
    """
    collected(bureau)
    bureau.done("seals", "apply", "office", *CLERK)
    bureau.done("seals", "approve", "office", *HEAD)
    (bureau.folder / "pw").write_text("not the password at all", encoding="utf-8")
    for by, key in (
        (HEAD, "not-the-bureau"),
        (("--by", "clerk", "--organisation", BUREAU), "same-person"),
    ):
        result = make(bureau, "office", "99010100000001", by)
        assert result.exit_code == 1
        assert f"[{key}]" in result.stderr
    assert bureau.register().get("office").state is State.APPROVED


def test_a_number_is_given_once(bureau: Bureau) -> None:
    """Two seals never have the same `esID`."""
    made(bureau, "first", "99010100000001")
    collected(bureau, "second", "--name", "第二枚")
    bureau.done("seals", "apply", "second", *CLERK)
    bureau.done("seals", "approve", "second", *HEAD)
    result = make(bureau, "second", "99010100000001")

    assert result.exit_code == 1
    assert "[number-taken]" in result.stderr
    assert make(bureau, "second", "99010100000002").exit_code == 0


def test_another_password_makes_no_seal(bureau: Bureau) -> None:
    """The register stays as it was, and nothing of the key is said."""
    collected(bureau)
    bureau.done("seals", "apply", "office", *CLERK)
    bureau.done("seals", "approve", "office", *HEAD)
    (bureau.folder / "pw").write_text("not the password at all", encoding="utf-8")
    result = make(bureau, "office", "99010100000001")

    assert result.exit_code == 1
    assert "[seals.invalid-key]" in result.stderr
    assert "not the password" not in result.output
    assert bureau.register().get("office").state is State.APPROVED


def test_a_seal_is_replaced_by_one_made_for_it(bureau: Bureau) -> None:
    """The successor is on file first; afterwards the old one names it, and is used by nobody."""
    in_use(bureau)
    collected(bureau, "next", "--name", "新章", "--succeeds", "office")
    bureau.done("seals", "apply", "next", *CLERK)
    bureau.done("seals", "approve", "next", *HEAD)
    assert make(bureau, "next", "99010100000002").exit_code == 0
    bureau.done("seals", "file", "next", *FILER, "--filing", "备2")
    bureau.done("seals", "replace", "office", "--successor", "next", *HEAD, "--reason", "更名")
    old = bureau.register().get("office")

    assert (old.state, old.successor, old.users) == (State.REPLACED, "next", frozenset())


def test_an_uploaded_picture_is_looked_through(bureau: Bureau) -> None:
    """Everything that is wrong with it is said; a right one becomes the impression, rebuilt."""
    blue = Drawing(
        width=42, height=42, colour=(0, 0, 200),
        shapes=(Shape(path=ellipse(21, 21, 19, 19), filled=False, stroke=1.5),),
    )  # fmt: skip
    red = Drawing(width=42, height=42, colour=(230, 0, 18), shapes=blue.shapes)
    bureau.file("blue.png").write_bytes(png(blue, 200))
    bureau.file("red.png").write_bytes(png(red))
    upload = ("collect", "up", "--kind", "business", "--name", "上传章", *CLERK, "--picture")
    refused = bureau.run("seals", *upload, "@blue.png")

    assert refused.exit_code == 1
    keys = [line.rpartition("[")[2] for line in refused.stderr.strip().splitlines()]
    assert keys == ["resolution]", "colour]"]
    assert bureau.run("seals", "show", "up").exit_code == 1
    bureau.done("seals", *upload, "@red.png")
    bureau.done("seals", "show", "up", "--picture", "@kept.png")
    assert bureau.file("kept.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "size"),
    [
        (("--kind", "station", "--serial", "（3）", "--form", "oval", "--ring", "示范县便民服务站",
          "--lower", "便民服务", "--lower", "编号：03"), (1063, 709)),
        (("--kind", "personal", "--form", "square", "--ring", "张三", "--name", "法定代表人章"),
         (472, 472)),
        (("--kind", "organisation", "--ring", "示范县教育体育局", "--code", "9901010000001",
          "--diameter", "40"), (945, 945)),
    ],
)  # fmt: skip
def test_every_form_can_be_drawn(
    bureau: Bureau, more: tuple[str, ...], size: tuple[int, int]
) -> None:
    """Oval for stations, square for a person's name, round with a code; at 600 dpi."""
    bureau.done("seals", "collect", "x", *more, *CLERK, "--show", "@x.png")
    header = bureau.file("x.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == size


def test_the_register_can_be_read_by_machines_and_people(bureau: Bureau) -> None:
    """`list` and `show`, as JSON and as text; by identifier and by name; by organisation."""
    in_use(bureau)
    collected(bureau, "second", "--name", "第二枚")
    listed = json.loads(bureau.done("seals", "list", "--json"))
    assert [(each["id"], each["state"]) for each in listed] == [
        ("office", "in-use"), ("second", "collected"),
    ]  # fmt: skip
    assert json.loads(bureau.done("seals", "list", "--organisation", "elsewhere", "--json")) == []
    table = bureau.done("seals", "list", "--organisation", OFFICE)
    assert "第二枚" in table
    assert "在用" in table
    shown = json.loads(bureau.done("seals", "show", "第二枚", "--json"))
    assert shown["history"] == [
        {"act": "collect", "account": "clerk", "organisation": OFFICE,
         "at": shown["history"][0]["at"], "reason": "", "after": "collected"},
    ]  # fmt: skip


def test_the_coverage_is_computed_over_the_catalog(bureau: Bureau) -> None:
    """Over the authorities of the counties, or over a file; a seal of nobody known is told apart."""
    in_use(bureau)
    whole = json.loads(bureau.done("seals", "coverage", "--json"))
    assert whole["covered"] == 1
    assert whole["required"] > 20
    assert OFFICE not in whole["missing"]
    assert len(whole["missing"]) == whole["required"] - 1
    bureau.file("must.txt").write_text(f"# 须备案\n{OFFICE}\n\nx/镇政府\n", encoding="utf-8")
    some = bureau.done("seals", "coverage", "--required", "@must.txt")
    assert "1 / 2 = 50.0%" in some
    assert "尚无备案印章 none on file：x/镇政府" in some
    bureau.file("none.txt").write_text("", encoding="utf-8")
    nobody = json.loads(bureau.done("seals", "coverage", "--required", "@none.txt", "--json"))
    assert nobody["share"] is None


def test_seals_of_nobody_known_are_told_apart(bureau: Bureau) -> None:
    """An organisation that is in no catalog is not counted, and said to be so."""
    in_use(bureau)
    empty = bureau.file("counties") / "xinxiang"
    empty.mkdir(parents=True)
    result = bureau.run(
        "seals", "coverage", "--required", "@none.txt", more={"MIANTI_COUNTIES": "shenqiu"}
    )
    assert result.exit_code == 1
    bureau.file("none.txt").write_text("", encoding="utf-8")
    told = bureau.run(
        "seals",
        "coverage",
        "--required",
        "@none.txt",
        "--json",
        more={"MIANTI_COUNTIES": "shenqiu"},
    )
    assert json.loads(told.output)["unmatched"] == ["office"]
