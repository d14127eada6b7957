"""A demo bureau: its own authority of certificates, its people, and five seals brought to use.

Everything is invented. The keys live as long as the demo does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.seals.making import Form, Wanted, drawn, made_seal
from seals.algorithms import Algorithm
from seals.authority import Authority, Profile
from seals.authority import Wanted as WantedX509
from seals.classical import ClassicalKey
from seals.keys import SM2Key
from seals.lifecycle import Lifecycle, collect
from seals.names import Subject
from seals.ports import SealRegister, SigningKey
from seals.proportions import Level
from seals.registered import Actor, Limits, RegisteredSeal, SealKind
from seals.terminal import now

BUREAU = "示范县政务服务和大数据管理局"
OFFICER = "officer"
"""Who uses the seals."""
YEARS = timedelta(days=1825)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A seal that the demo makes."""

    id: str
    kind: SealKind
    organisation: str
    name: str = ""
    """The ring text where it is empty."""
    serial: str = ""
    form: Form = Form.ROUND
    level: Level = Level.DEPARTMENT
    ring: str = ""
    lower: tuple[str, ...] = ()
    code: str = ""
    diameter: int = 0
    """Millimetres; nought for the largest that its level may have."""
    certificate_types: frozenset[str] = frozenset()
    """The only types it is for; none: all, and documents that are no certificates."""


PLANNED = (
    Planned(
        id="bureau", kind=SealKind.ORGANISATION, organisation=BUREAU, ring=BUREAU,
        code="9901010000001",
    ),
    Planned(
        id="approval", kind=SealKind.APPROVAL, organisation="示例镇人民政府",
        name="示例镇人民政府审批服务专用章",
    ),
    Planned(
        id="station", kind=SealKind.STATION, organisation="示例镇人民政府", serial="（3）",
        form=Form.OVAL, ring="示例镇城关社区便民服务站", lower=("便民服务专用章", "（3）"),
    ),
    Planned(
        id="long", kind=SealKind.ORGANISATION, organisation="示范高新区行政审批服务局",
        ring="示范省示例市示范县高新技术产业开发区管理委员会行政审批服务局",
    ),
    Planned(
        id="short", kind=SealKind.ORGANISATION, organisation="示范县税务局", ring="示范县税务局",
    ),
)  # fmt: skip
"""An organisation's, a township's for approvals, a numbered station's, one of thirty characters and
one of six."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bureau:
    """Its authority and keys, and who is who."""

    root: Authority
    maker: SigningKey
    sm2: SigningKey
    """Of the officer, for GB/T 38540 seals."""
    p256: SigningKey
    """Of the officer, for PAdES."""

    @classmethod
    def founded(cls) -> Bureau:
        """With new keys."""
        at = now()
        root = Authority.root(
            SM2Key.generate(),
            Subject(common_name="示范根证书", organisation="示范市"),
            not_before=at - timedelta(days=1),
            not_after=at + 2 * YEARS,
        )
        maker, sm2 = SM2Key.generate(), SM2Key.generate()
        p256 = ClassicalKey.generate(Algorithm.ECDSA_SHA256)
        of_maker = _issued(root, Profile.SEAL_MAKER, maker, "示范制章中心", at)
        of_sm2 = _issued(root, Profile.ORGANISATION, sm2, BUREAU, at)
        of_p256 = _issued(root, Profile.ORGANISATION, p256, BUREAU, at)
        return cls(
            root=root,
            maker=replace(maker, chain=(of_maker,)),
            sm2=replace(sm2, chain=(of_sm2,)),
            p256=replace(p256, chain=(of_p256,)),
        )

    def trust(self) -> Mapping[str, bytes]:
        """What a stranger needs to judge its seals: its root, and a list on which nobody is."""
        at = now()
        listed = self.root.list_revoked(
            (), this_update=at, next_update=at + timedelta(days=7), number=1
        )
        return {"root.cer": self.root.certificate.der, "root.crl": listed}

    def brought_to_use(self, register: SealRegister, plan: Planned, number: int) -> RegisteredSeal:
        """Collected, applied for, approved by a second person, made, filed, granted."""
        life = Lifecycle(bureau=BUREAU)
        clerk, head = (Actor(account=each, organisation=plan.organisation) for each in STAFF)
        maker, filer = (Actor(account=each, organisation=BUREAU) for each in BUREAU_STAFF)
        png = drawn(
            plan.kind,
            plan.form,
            plan.level,
            plan.diameter,
            plan.name,
            plan.ring,
            plan.lower,
            plan.code,
        )
        seal = collect(
            seal_id=plan.id,
            organisation=plan.organisation,
            kind=plan.kind,
            name=plan.name or plan.ring,
            serial=plan.serial,
            picture_digest=register.keep(png),
            by=clerk,
            at=now(),
        )
        register.put(seal)
        seal = _put(register, life.apply(seal, clerk, now(), register.of(plan.organisation)))
        seal = _put(register, life.approve(seal, head, now()))
        wanted = Wanted(
            number=f"990101{number:08}",
            type=1,
            vendor="MIANTI-DEMO",
            signers=(self.sm2.chain[0], self.p256.chain[0]),
            valid=YEARS,
        )
        seal = made_seal(register, life, seal, maker, wanted, lambda: self.maker)
        seal = _put(register, life.file(seal, filer, now(), f"示备〔2026〕{number}号"))
        if plan.certificate_types:
            limits = Limits(certificate_types=plan.certificate_types)
            seal = _put(register, life.limit(seal, filer, now(), limits, "证照专用"))
        return _put(register, life.grant(seal, head, now(), OFFICER))


STAFF, BUREAU_STAFF = ("clerk", "head"), ("maker", "filer")


def _put(register: SealRegister, seal: RegisteredSeal) -> RegisteredSeal:
    register.put(seal)
    return seal


def _issued(root: Authority, profile: Profile, key: SigningKey, name: str, at: datetime) -> bytes:
    wanted = WantedX509(
        profile=profile,
        subject=Subject(common_name=name, organisation=name),
        spki=key.spki,
        not_before=at - timedelta(hours=1),
        not_after=at + YEARS,
    )
    return root.issue(wanted).der
