"""Who comes to the counter in the demo, and what has to come out.

The expectations of each case are checked one by one. An expectation that something has no source
holds while nobody is connected for it, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]], bool]
"""`(materials by id, form fields by id)` → is it as it should be?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What has to be so, in words and as a check."""

    words: str
    check: Check
    while_unconnected: str = ""
    """A resource: nothing is expected once somebody is connected for it. Empty: always expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One applicant at the counter, and what has to come out."""

    title: str
    county: str
    bundle: str
    persona: str
    expected: tuple[Expectation, ...]
    down: str = ""
    """A department that is switched off for this case."""
    not_needed: tuple[str, ...] = ()


def _state(material: str, state: str, reason: str | None = None) -> Check:
    return lambda materials, _form: (
        materials[material]["state"] == state and materials[material]["reason"] == reason
    )


def _filled(*names: str) -> Check:
    return lambda _materials, form: all(form[name]["state"] == "filled" for name in names)


_NOT_THEIRS = ("residence-permit", "business-licence", "student-status")
"""Papers of other situations than that of a local family with a home of its own."""

CASES = (
    Case(
        title="新乡县 教育入学：材料齐全的本县家庭",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="complete",
        expected=(
            Expectation(
                words="户口簿免提交", check=_state("household-register-applicant", "exempted")
            ),
            Expectation(
                words="不动产权证书免提交", check=_state("property-certificate", "exempted")
            ),
            Expectation(words="社保证明免提交", check=_state("si-proof", "exempted")),
            Expectation(words="接种证免提交", check=_state("immunization", "exempted")),
            Expectation(
                words="儿童信息已填",
                check=_filled("child_name", "child_birth_date", "immunization_complete"),
            ),
        ),
        not_needed=("no-house", *_NOT_THEIRS),
    ),
    Case(
        title="新乡县 教育入学：不动产登记系统停机",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="realestate-down",
        down="realestate",
        expected=(
            Expectation(
                words="不动产权证书仍要，因为数源停机",
                check=_state("property-certificate", "asked", "source_down"),
            ),
            Expectation(
                words="其他部门不受影响", check=_state("household-register-applicant", "exempted")
            ),
        ),
        not_needed=("no-house", *_NOT_THEIRS),
    ),
    Case(
        title="新乡县 教育入学：儿童没有接种档案",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="no-record",
        expected=(
            Expectation(
                words="接种证仍要，因为查无记录", check=_state("immunization", "asked", "no_match")
            ),
            Expectation(
                words="户口簿免提交", check=_state("household-register-applicant", "exempted")
            ),
        ),
        not_needed=("no-house", *_NOT_THEIRS),
    ),
    Case(
        title="新乡县 教育入学：外县户籍、持居住证的家庭",
        county="xinxiang",
        bundle="xinxiang-10",
        persona="from-elsewhere",
        expected=(
            Expectation(words="居住证免提交", check=_state("residence-permit", "exempted")),
            Expectation(words="无房证明由登记机构的答复代替", check=_state("no-house", "exempted")),
            Expectation(
                words="居住证号已填", check=_filled("residence_permit_no", "residence_address")
            ),
        ),
        not_needed=("property-certificate", "business-licence", "student-status"),
    ),
    Case(
        title="沈丘县 我要上小学（进城务工人员随迁子女）",
        county="shenqiu",
        bundle="shenqiu-16",
        persona="migrant-worker",
        expected=(
            Expectation(words="居住证免提交", check=_state("residence-permit", "exempted")),
            Expectation(words="接种证免提交", check=_state("immunization", "exempted")),
        ),
        not_needed=("property-certificate", "business-licence"),
    ),
    Case(
        title="新乡县 申请公租房",
        county="xinxiang",
        bundle="xinxiang-19",
        persona="renter",
        expected=(
            Expectation(
                words="家庭无房证明由登记机构的答复代替", check=_state("no-house", "exempted")
            ),
            Expectation(words="社保缴费证明免提交", check=_state("si-proof", "exempted")),
            Expectation(
                words="车辆情况证明仍要，因为还没有来源",
                check=_state("vehicle-proof", "asked", "no_source"),
                while_unconnected="vehicle.registration",
            ),
        ),
    ),
    Case(
        title="新乡县 企业破产信息核查（仅已接入的来源）",
        county="xinxiang",
        bundle="xinxiang-07",
        persona="bankrupt",
        expected=(
            Expectation(
                words="裁定书仍要，因为法院还没有接入",
                check=_state("acceptance-ruling", "asked", "no_source"),
                while_unconnected="court.bankruptcy",
            ),
        ),
    ),
)
