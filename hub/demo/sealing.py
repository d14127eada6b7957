"""The demo's seals: five are brought to use, a notice is sealed as OFD and as PDF, what may not be is
refused, and what was changed is found out. Pictures of all of it go to the folder.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from catalog.tables import plain_table
from hub.demo.bureau import BUREAU, OFFICER, PLANNED, Bureau
from hub.seals.desk import opened_register
from hub.seals.listing import KINDS
from hub.seals.sealing import place_new, write_whole
from seals.errors import IllegalAct, SealError, SealRefused
from seals.glyphs import song
from seals.judging import Judges
from seals.lifecycle import Lifecycle, collect
from seals.ofd.showing import shown
from seals.ports import SealRegister, SigningKey
from seals.registered import Actor, Limits, RegisteredSeal, SealKind
from seals.report import Format
from seals.sealing import AtKeyword, Order, Sealer
from seals.terminal import now
from seals.trust_folder import gathered
from seals.using import Freeze, coverage
from seals.verdicts import Verdict
from seals.verifying import format_of, verify

DOCUMENTS = Path(__file__).parent / "documents"
PLACE = AtKeyword(keyword="2026年11月24日", down=-7)
"""Over the date, and up to the name above it (骑年盖月)."""
REASON = "示政数〔2026〕7号"
TRUST = Path("seals/trust")
"""In the demo's folder: what `mianti verify --trust` wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedNotice:
    """A notice under its seal."""

    file: Path
    picture: Path | None
    """None where nothing here can paint it."""
    verdict: Verdict
    kind: str
    """What was set on it, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealsShown:
    """What the demo did with seals."""

    seals: tuple[tuple[RegisteredSeal, Path], ...] = ()
    """Each with the file of its impression."""
    notices: tuple[SealedNotice, ...] = ()
    refusals: tuple[tuple[str, str], ...] = ()
    """What was tried, and the key it was refused with."""
    covered: tuple[int, int] = (0, 0)
    """Organisations with a seal on file, of those that must have one."""
    failures: tuple[str, ...]
    seconds: float = 0.0


def seals_shown(folder: Path) -> SealsShown:
    """Run it all; whatever is not as it should be is among the failures, even that nothing can be
    sealed here.
    """
    try:
        return _shown(folder)
    except SealError as problem:
        return SealsShown(failures=(f"{problem.code}：{problem}",))


def _shown(folder: Path) -> SealsShown:
    began = time.monotonic()
    with opened_register(f"sqlite:///{folder / 'seals' / 'seals.sqlite3'}") as register:
        bureau = Bureau.founded()
        seals = tuple(
            (bureau.brought_to_use(register, plan, number), folder / f"seal-{plan.id}.png")
            for number, plan in enumerate(PLANNED, 1)
        )
        for seal, file in seals:
            file.write_bytes(register.kept(seal.picture_digest))
        judges = _trusting(folder / TRUST, bureau)
        notices = tuple(_notices(folder, register, bureau, judges))
        refusals = tuple(_refusals(register, bureau))
        organisations = {plan.organisation for plan in PLANNED}
        found = coverage(register.every(), organisations | {"示范县档案馆"}, organisations, now())
    failures = [f"{each.file.name}：{each.verdict}" for each in notices if not _passed(each)]
    failures += [f"未被拒绝 not refused：{what}" for what, key in refusals if not key]
    failures += [
        f"改动未被发现 a change went unnoticed：{each}" for each in _unnoticed(notices, judges)
    ]
    return SealsShown(
        seals=seals,
        notices=notices,
        refusals=refusals,
        covered=(found.covered, found.required),
        failures=tuple(failures),
        seconds=time.monotonic() - began,
    )


def _trusting(folder: Path, bureau: Bureau) -> Judges:
    """Those who trust the bureau's root, by the very files that are left for others to try."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in bureau.trust().items():
        (folder / name).write_bytes(content)
    return gathered([folder], now()).judges()


def print_seals(result: SealsShown, console: Console) -> None:
    """Tables for people."""
    table = plain_table(
        "印章 seal", "种类 kind", "编码 esID", "备案号 filing", title="电子印章 seals"
    )
    for seal, _ in result.seals:
        table.add_row(f"{seal.name}{seal.serial}", KINDS[seal.kind], seal.number, seal.filing)
    console.print(table)
    notices = plain_table("文件 file", "签章 seal", "核验 verdict")
    for each in result.notices:
        notices.add_row(
            each.file.name, each.kind, "[green]✔ 通过[/]" if _passed(each) else "[red]✘[/]"
        )
    console.print(notices)
    refused = plain_table("试过而被拒绝 tried and refused", "理由 key", unbroken=1)
    for what, key in result.refusals:
        refused.add_row(what, key or "[red]✘[/]")
    console.print(refused)
    covered, required = result.covered
    pictures = sum(1 for each in result.notices if each.picture)
    console.print(
        f"备案覆盖率 coverage：{covered} / {required}\n"
        f"印模 impressions：seal-*.png；签章页 sealed pages：sealed-*.png（{pictures}）\n"
        f"自己试 try：mianti verify var/demo/sealed-ofd.ofd --trust var/demo/{TRUST}\n"
        f"用时 took {result.seconds:.1f} s\n"
    )


def _passed(notice: SealedNotice) -> bool:
    return notice.verdict is Verdict.PASSED


def _notices(
    folder: Path, register: SealRegister, bureau: Bureau, judges: Judges
) -> Iterator[SealedNotice]:
    """The same notice three times: OFD, PDF after GB/T 38540, PDF after PAdES."""
    for name, source, key, kind in (
        ("sealed-ofd", "decision.ofd", bureau.sm2, "OFD，国密印章 GB/T 38540"),
        ("sealed-pdf-sm2", "decision.pdf", bureau.sm2, "PDF，国密印章 GB/T 38540"),
        ("sealed-pdf", "decision.pdf", bureau.p256, "PDF，PAdES B-B"),
    ):
        document = (DOCUMENTS / source).read_bytes()
        made = _sealer(register, key, judges).sealed(document, _order())
        file = folder / f"{name}{Path(source).suffix}"
        write_whole(file, made, place_new)
        yield SealedNotice(
            file=file,
            picture=_picture(made, file.with_name(f"{name}.png")),
            verdict=verify(made, now(), judges=judges).verdict,
            kind=kind,
        )


def _sealer(register: SealRegister, key: SigningKey, judges: Judges) -> Sealer:
    return Sealer(register=register, key=key, now=now, judges=judges)


def _order(seal_id: str = "bureau", account: str = OFFICER, reason: str = REASON) -> Order:
    return Order(seal_id=seal_id, account=account, reason=reason, placements=(PLACE,))


def _unnoticed(notices: Sequence[SealedNotice], judges: Judges) -> Iterator[str]:
    """Change one byte in the middle of each; whose verdict is not failed?"""
    for each in notices:
        document = bytearray(each.file.read_bytes())
        document[len(document) // 3] ^= 1
        if verify(bytes(document), now(), judges=judges).verdict is not Verdict.FAILED:
            yield each.file.name


def _picture(document: bytes, file: Path) -> Path | None:
    """The first page, painted: an OFD by this project's own means, a PDF by poppler where it is."""
    if format_of(document) is Format.OFD:
        file.write_bytes(shown(document, song()))
        return file
    program = shutil.which("pdftoppm")
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603  (our own file)
        [program, "-png", "-r", "150", "-singlefile", "-", str(file.with_suffix(""))],
        input=document, check=False, capture_output=True, timeout=30,
    )  # fmt: skip
    return file if done.returncode == 0 else None


# --- what may not be --------------------------------------------------------------------------


def _refusals(register: SealRegister, bureau: Bureau) -> Iterator[tuple[str, str]]:
    """Everything that a bureau must not be able to do, tried."""
    life = Lifecycle(bureau=BUREAU)
    owner = "示范县档案馆"
    clerk, head = (Actor(account=each, organisation=owner) for each in ("clerk", "head"))
    seal = collect(
        seal_id="archive", organisation=owner, kind=SealKind.ORGANISATION, name=owner,
        picture_digest=register.get("short").picture_digest, by=clerk, at=now(),
    )  # fmt: skip
    register.put(seal)
    applied = life.apply(seal, clerk, now(), ())
    register.put(applied)
    document = (DOCUMENTS / "decision.ofd").read_bytes()
    sealer = _sealer(register, bureau.sm2, Judges())

    def use(order: Order) -> Callable[[], object]:
        return lambda: sealer.sealed(document, order)

    yield (
        "申请人自己审批 / the applicant approves",
        _refused(lambda: life.approve(applied, clerk, now())),
    )
    approved = life.approve(applied, head, now())
    yield "部门自己制章 / a department makes its own", _refused(
        lambda: life.make(
            approved, head, now(), number="1", seal_digest="x",
            valid_until=now() + timedelta(days=1),
        )
    )  # fmt: skip
    yield "未备案的章签章 / an unfiled seal signs", _refused(use(_order(seal_id="archive")))
    yield "未授权的人用章 / somebody without a grant", _refused(use(_order(account="stranger")))
    yield "不写事由 / no reason is told", _refused(use(_order(reason="")))
    chief = Actor(account="head", organisation=BUREAU)
    limited = life.limit(register.get("bureau"), chief, now(), Limits(per_day=1), "演示")
    register.put(limited)
    yield "超过当日次数 / more often than a day's limit", _refused(use(_order()))
    register.freeze(Freeze(organisations=frozenset(), by="duty", at=now(), reason="演示"))
    yield "冻结时用章 / while sealing is frozen", _refused(use(_order(seal_id="short")))
    yield (
        "冻结的人自己解冻 / whoever froze thaws",
        _refused(lambda: register.thaw("duty", now(), "演示")),
    )


def _refused(attempt: Callable[[], object]) -> str:
    """The key of the refusal; empty where it went through."""
    try:
        attempt()
    except (SealRefused, IllegalAct) as refusal:
        return refusal.why
    except SealError as other:
        return other.code
    return ""
