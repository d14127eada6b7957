"""Named cases: families and people who are the same in every run, for the demo and for tests.

A script writes down the shape of one household; its place in `SCRIPTS` is its index in the
population, so scripts are only ever added at the end. What a script does not say is drawn as for
everybody else. `adapters.sandbox.population` gives the numbers to ask with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.sandbox.names import UYGHUR
from adapters.sandbox.shapes import Origin, Role, Shape, Trait

FATHER, MOTHER, CHILD = Role.FATHER, Role.MOTHER, Role.CHILD_1
GRANDFATHER, GRANDMOTHER = Role.GRANDFATHER, Role.GRANDMOTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One named case that is a household."""

    id: str
    description: str
    """One line, for people."""
    shape: Shape
    subjects: Mapping[str, Role]
    """Subject id of a bundle → who of the household it is."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Subject id of a bundle → the case whose applicant it is."""


GUARDIANS: Mapping[str, Role] = {"applicant": FATHER, "guardian2": MOTHER, "child": CHILD}
_PROPER = frozenset({Trait.INSURED, Trait.ALL_DOSES, Trait.JOINT})
_SMALL: Mapping[Role, int] = {FATHER: 34, MOTHER: 32, CHILD: 6}

SCRIPTS: tuple[Script, ...] = (
    Script(
        id="complete",
        description="本县家庭，户口、房产、社保、接种齐全",
        shape=Shape(ages=_SMALL, head=FATHER, homes=1, traits=_PROPER),
        subjects=GUARDIANS,
    ),
    Script(
        id="realestate-down",
        description="材料同样齐全的另一家庭，演示时不动产登记系统停机",
        shape=Shape(ages={**_SMALL, Role.CHILD_2: 3}, head=FATHER, homes=1, traits=_PROPER),
        subjects=GUARDIANS,
    ),
    Script(
        id="no-record",
        description="儿童在免疫规划系统中没有档案",
        shape=Shape(
            ages={FATHER: 37, MOTHER: 36, CHILD: 6}, head=MOTHER, homes=1,
            traits=frozenset({Trait.INSURED, Trait.NO_FILE, Trait.JOINT}),
        ),
        subjects=GUARDIANS,
    ),
    Script(
        id="from-elsewhere",
        description="外县户籍家庭，持有效居住证，在本县参保，无房",
        shape=Shape(ages={FATHER: 33, MOTHER: 33, CHILD: 6}, head=FATHER,
                    origin=Origin.ELSEWHERE, traits=_PROPER),
        subjects=GUARDIANS,
    ),
    Script(
        id="migrant-worker",
        description="进城务工人员，子女随迁入小学，持居住证",
        shape=Shape(ages={FATHER: 36, MOTHER: 35, CHILD: 6, Role.CHILD_2: 2}, head=FATHER,
                    origin=Origin.ELSEWHERE, traits=_PROPER),
        subjects=GUARDIANS,
    ),
    Script(
        id="renter",
        description="申请公租房的夫妻，本县无房，连续参保",
        shape=Shape(ages={FATHER: 29, MOTHER: 28}, head=FATHER, traits=_PROPER),
        subjects={"applicant": FATHER, "family": MOTHER},
    ),
    Script(
        id="homonym",
        description="同名同姓的两个人：只有号码能分清",
        shape=Shape(ages={FATHER: 41, MOTHER: 40}, head=FATHER, homes=1, traits=_PROPER,
                    surname="王", given={FATHER: "伟"}),
        subjects={"applicant": FATHER},
    ),
    Script(
        id="homonym-other",
        description="与上一人同名的另一个人，无房",
        shape=Shape(ages={FATHER: 45, MOTHER: 44}, head=FATHER, traits=frozenset(),
                    surname="王", given={FATHER: "伟"}),
        subjects={"applicant": FATHER},
    ),
    Script(
        id="rare-character",
        description="姓名含基本平面以外的汉字（四字节 GB18030）",
        shape=Shape(ages=_SMALL, head=FATHER, homes=1, traits=_PROPER, surname="𠅤",
                    given={FATHER: "𬱟", MOTHER: "𩽾", CHILD: "𫘜"}),
        subjects=GUARDIANS,
    ),
    Script(
        id="middle-dot",
        description="少数民族姓名，带间隔号",
        shape=Shape(ages=_SMALL, head=FATHER, homes=1, traits=_PROPER, ethnic_group=UYGHUR),
        subjects=GUARDIANS,
    ),
    Script(
        id="moved-last-week",
        description="上周才从外地迁入本户",
        shape=Shape(ages=_SMALL, head=FATHER, traits=_PROPER | {Trait.MOVED_LAST_WEEK}),
        subjects=GUARDIANS,
    ),
    Script(
        id="minor",
        description="未成年人自己来办事",
        shape=Shape(ages={FATHER: 44, MOTHER: 42, CHILD: 15}, head=FATHER, homes=1, traits=_PROPER),
        subjects={"applicant": CHILD, "guardian2": MOTHER},
    ),
    Script(
        id="deceased",
        description="户中老人已死亡注销，仍在户内成员中返回",
        shape=Shape(
            ages={FATHER: 40, MOTHER: 38, CHILD: 11, GRANDFATHER: 68, GRANDMOTHER: 65},
            head=GRANDFATHER, homes=1, traits=_PROPER | {Trait.DECEASED},
        ),
        subjects={"applicant": GRANDFATHER, "family": GRANDMOTHER},
    ),
    Script(
        id="lapsed-permit",
        description="居住证逾期未签注，使用功能中止",
        shape=Shape(ages=_SMALL, head=FATHER, origin=Origin.ELSEWHERE,
                    traits=_PROPER | {Trait.LAPSED_PERMIT}),
        subjects=GUARDIANS,
    ),
    Script(
        id="two-permits",
        description="两个县各有一张居住证，第一张已经失效",
        shape=Shape(ages=_SMALL, head=FATHER, origin=Origin.ELSEWHERE,
                    traits=_PROPER | {Trait.TWO_PERMITS}),
        subjects=GUARDIANS,
    ),
    Script(
        id="two-accounts",
        description="社保有两个个人编号，缴费有中断和补缴",
        shape=Shape(ages={FATHER: 42, MOTHER: 41}, head=FATHER, homes=2,
                    traits=_PROPER | {Trait.TWO_ACCOUNTS, Trait.BROKEN, Trait.BACK_PAYMENT}),
        subjects={"applicant": FATHER, "family": MOTHER},
    ),
    Script(
        id="unlisted",
        description="户内列有其人，人口基本信息服务却查无此人",
        shape=Shape(ages=_SMALL, head=FATHER, homes=1, traits=_PROPER | {Trait.UNLISTED}),
        subjects=GUARDIANS,
    ),
    Script(
        id="no-doses",
        description="有接种档案，但一剂都没有登记",
        shape=Shape(ages=_SMALL, head=FATHER, homes=1,
                    traits=frozenset({Trait.INSURED, Trait.JOINT, Trait.NO_DOSES})),
        subjects=GUARDIANS,
    ),
    Script(
        id="refused-dose",
        description="有一剂因家长拒绝未种，不能算接种",
        shape=Shape(ages=_SMALL, head=FATHER, homes=1,
                    traits=frozenset({Trait.INSURED, Trait.JOINT, Trait.REFUSED_DOSE})),
        subjects=GUARDIANS,
    ),
    Script(
        id="newborn",
        description="新生儿上周出生，有出生医学证明，还没有公民身份号码",
        shape=Shape(ages={FATHER: 31, MOTHER: 29}, head=FATHER, homes=1,
                    traits=_PROPER | {Trait.NEWBORN}),
        subjects={"applicant": FATHER, "father": FATHER, "mother": MOTHER},
    ),
    Script(
        id="retiree",
        description="已退休，领取养老金，与老伴同住",
        shape=Shape(ages={FATHER: 63, MOTHER: 61}, head=FATHER, homes=1,
                    traits=frozenset({Trait.RETIRED, Trait.JOINT})),
        subjects={"applicant": FATHER, "spouse": MOTHER},
    ),
    Script(
        id="disabled",
        description="持残疾人证，全家享受最低生活保障",
        shape=Shape(ages={FATHER: 41, MOTHER: 39, CHILD: 12}, head=FATHER, homes=1,
                    traits=frozenset({Trait.DISABLED, Trait.ASSISTED, Trait.UNINSURED})),
        subjects={"applicant": FATHER, "guardian": MOTHER, "family": CHILD},
    ),
    Script(
        id="veteran",
        description="去年退役、自主就业的军人",
        shape=Shape(ages={FATHER: 25}, head=FATHER, traits=frozenset({Trait.VETERAN})),
        subjects={"applicant": FATHER},
    ),
    Script(
        id="graduate",
        description="今夏毕业的本科生，已登记失业，正在求职",
        shape=Shape(ages={FATHER: 23}, head=FATHER,
                    traits=frozenset({Trait.GRADUATE, Trait.UNINSURED})),
        subjects={"applicant": FATHER},
    ),
    Script(
        id="to-marry",
        description="准备登记结婚的一对，双方都未婚",
        shape=Shape(ages={FATHER: 27}, head=FATHER, traits=_PROPER),
        subjects={"applicant": FATHER},
        others={"spouse": "to-marry-other"},
    ),
    Script(
        id="to-marry-other",
        description="上一对中的女方，户口在自己家",
        shape=Shape(ages={MOTHER: 26}, head=MOTHER, traits=_PROPER),
        subjects={"applicant": MOTHER},
    ),
    Script(
        id="driver",
        description="有驾驶证、名下有车的司机",
        shape=Shape(ages={FATHER: 35, MOTHER: 33}, head=FATHER, homes=1,
                    traits=_PROPER | {Trait.MOTORIST}),
        subjects={"applicant": FATHER, "driver": FATHER},
    ),
)  # fmt: skip

ENDS_WITH_X = "号码末位为 X 的居民"
UNKNOWN = "校验位正确、但没有人使用的号码"
BANKRUPT = "法院已受理破产的企业，欠缴社保，名下有不动产"
ENTERPRISE = "经营正常、有职工、无欠缴的企业"
PUNISHED = "受过行政处罚、已经履行、申请信用修复的企业"
CLOSING = "准备注销的企业：税款结清，已无职工"
"""Descriptions of the cases that are no household of their own."""
