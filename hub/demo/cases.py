"""Who comes to the counter in the demo, and what has to come out.

The told cases have expectations that are checked one by one. The live round plans every bundle of a
county for a fitting persona and expects nothing but what the answers bear out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.model import Bundle, SubjectKind

Check = Callable[[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]], bool]
"""`(materials by id, form fields by id)` → is it as it should be?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One applicant at the counter, and what has to come out."""

    title: str
    county: str
    bundle: str
    persona: str
    expected: tuple[tuple[str, Check], ...]
    down: str = ""
    """A department that is switched off for this case."""
    not_needed: tuple[str, ...] = ()


def _state(material: str, state: str, reason: str | None = None) -> Check:
    return lambda materials, _form: (
        materials[material]["state"] == state and materials[material]["reason"] == reason
    )


def _filled(*names: str) -> Check:
    return lambda _materials, form: all(form[name]["state"] == "filled" for name in names)


CASES = (
    Case(
        title="新乡县 教育入学：材料齐全的本县家庭",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="complete",
        expected=(
            ("户口簿免提交", _state("household-register-applicant", "exempted")),
            ("不动产权证书免提交", _state("property-certificate", "exempted")),
            ("社保证明免提交", _state("si-proof", "exempted")),
            ("接种证免提交", _state("immunization", "exempted")),
            ("儿童信息已填", _filled("child_name", "child_birth_date", "immunization_complete")),
        ),
        not_needed=("residence-permit", "business-licence", "student-status"),
    ),
    Case(
        title="新乡县 教育入学：不动产登记系统停机",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="realestate-down",
        down="realestate",
        expected=(
            (
                "不动产权证书仍要，因为数源停机",
                _state("property-certificate", "asked", "source_down"),
            ),
            ("其他部门不受影响", _state("household-register-applicant", "exempted")),
        ),
        not_needed=("residence-permit", "business-licence", "student-status"),
    ),
    Case(
        title="新乡县 教育入学：儿童没有接种档案",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="no-record",
        expected=(
            ("接种证仍要，因为查无记录", _state("immunization", "asked", "no_match")),
            ("户口簿免提交", _state("household-register-applicant", "exempted")),
        ),
        not_needed=("residence-permit", "business-licence", "student-status"),
    ),
    Case(
        title="新乡县 教育入学：外县户籍、持居住证的家庭",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="from-elsewhere",
        expected=(
            ("居住证免提交", _state("residence-permit", "exempted")),
            ("无房证明由登记机构的答复代替", _state("no-house", "exempted")),
            ("居住证号已填", _filled("residence_permit_no", "residence_address")),
        ),
        not_needed=("property-certificate", "business-licence", "student-status"),
    ),
    Case(
        title="沈丘县 我要上小学（进城务工人员随迁子女）",
        county="shenqiu",
        bundle="shenqiu-16",
        persona="migrant-worker",
        expected=(
            ("居住证免提交", _state("residence-permit", "exempted")),
            ("接种证免提交", _state("immunization", "exempted")),
        ),
        not_needed=("property-certificate", "business-licence"),
    ),
    Case(
        title="新乡县 申请公租房",
        county="xinxiang",
        bundle="xinxiang-19",
        persona="renter",
        expected=(
            ("家庭无房证明由登记机构的答复代替", _state("no-house", "exempted")),
            ("社保缴费证明免提交", _state("si-proof", "exempted")),
            ("车辆情况证明仍要，因为还没有来源", _state("vehicle-proof", "asked", "no_source")),
        ),
    ),
    Case(
        title="新乡县 企业破产信息核查（仅已接入的来源）",
        county="xinxiang",
        bundle="xinxiang-07",
        persona="bankrupt",
        expected=(
            ("裁定书仍要，因为法院还没有接入", _state("acceptance-ruling", "asked", "no_source")),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """A persona of the sandbox in the roles of a bundle."""

    persona: str
    roles: Mapping[str, str] = field(default_factory=dict)
    """Subject of the bundle → subject of the persona, where they are not called the same."""


_FAMILY = Cast(
    persona="complete",
    roles={
        "father": "applicant",
        "mother": "guardian2",
        "newborn": "child",
        "household": "applicant",
        "guardian": "guardian2",
        "spouse": "guardian2",
        "family": "guardian2",
    },
)
_ENTERPRISE = Cast(
    persona="bankrupt",
    roles={"enterprise": "debtor", "legal_rep": "leader", "new_legal_rep": "agent"},
)


def cast_for(bundle: Bundle) -> Cast:
    """Who stands for the subjects of a bundle: a family that has everything, or an enterprise."""
    subjects = bundle.analysis.subjects.values() if bundle.analysis else ()
    of_enterprises = any(s.kind is SubjectKind.ORGANISATION for s in subjects)
    by_persons = bundle.analysis is not None and "applicant" in bundle.analysis.subjects
    return _ENTERPRISE if of_enterprises and not by_persons else _FAMILY
