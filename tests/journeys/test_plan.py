"""The plan of 教育入学 over HTTP: exempted with proof, filled with provenance, asked with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from catalog.loading import load
from hub.bundles import FormState, PlanRequest, assemble_plan
from hub.model import Basis, BasisKind, IdType, Subject
from tests.world.department import Department, listening
from tests.world.hub import COUNTIES, RunningHub, county_with, grant, running_hub

FATHER, CHILD = "990101199001010019", "990101201806010032"
LAPSED, HOMELESS, BROKEN = "990101199001010027", "990101201806010040", "990101198207070127"

MANIFEST = """
source: {source}
name: {source}
authority: 县公安局
kind: rest
connect: {{base_url: "${{DEPARTMENT_URL}}", timeout: 500ms}}
resources:
  {resource}:
    ask: {{method: GET, path: /{resource}, query: {{id: keys.id_number}}}}
    answer:
      ok_when: {{code: "0"}}
      empty_when: {{data: []}}
      records: data
{more}
      fields: {fields}
"""
MEMBERS = ("member_name", "member_id_number", "member_relation")
RESOURCES: dict[str, tuple[str, ...]] = {
    "hukou.household": ("household_no", "head_name", "address", *MEMBERS),
    "residence-permit.status": (
        "permit_no",
        "residence_address",
        "registered_since",
        "endorsed_until",
    ),
    "realestate.ownership": ("certificate_no", "owner_name", "location", "area"),
    "housing.lease-filing": ("filing_no", "location"),
}
UNGRANTED = "housing.lease-filing"


def manifests() -> dict[str, str]:
    """One source for each resource, all at the same address."""
    out = {}
    for resource, fields in RESOURCES.items():
        source = resource.replace(".", "-")
        mapped = ", ".join(f"{name}: {{at: {name}}}" for name in fields)
        more = "      lines: members" if resource == "hukou.household" else ""
        out[source] = MANIFEST.format(
            source=source, resource=resource, more=more, fields="{" + mapped + "}"
        )
    return out


def records(resource: str, number: str) -> list[dict[str, Any]]:
    """What the departments hold."""
    if resource == "hukou.household":
        return [
            {
                "household_no": "990101000001",
                "head_name": "赵明示",
                "address": "示例路1号",
                "members": [
                    {"member_name": "赵明示", "member_id_number": FATHER, "member_relation": "02"},
                    {"member_name": "赵小样", "member_id_number": CHILD, "member_relation": "21"},
                ],
            }
        ]
    if resource == "residence-permit.status":
        until = "2020-01-01" if number == LAPSED else "2099-01-01"
        address = None if number == HOMELESS else "示例路8号"
        permit = {"permit_no": "J1", "residence_address": address, "endorsed_until": until}
        return (
            [{**permit, "registered_since": "2019-01-01"}] if number in {LAPSED, HOMELESS} else []
        )
    if number == HOMELESS:
        return []
    homes = [
        {"certificate_no": "演(2025)1", "owner_name": "赵明示", "location": "甲", "area": "98.50"}
    ]
    return (
        [*homes, {**homes[0], "certificate_no": "演(2025)2", "location": "乙"}]
        if number == LAPSED
        else homes
    )


class Told(Department):
    """All departments behind one socket."""

    def answer(self) -> None:
        """Answer from `records`; fail for the real estate of one."""
        parts = urlsplit(self.path)
        resource, number = parts.path[1:], parse_qs(parts.query)["id"][0]
        broken = number == BROKEN and resource == "realestate.ownership"
        self.say({"code": "0", "data": records(resource, number)}, 500 if broken else 200)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with four sources, all but one granted for 教育入学."""
    folder: Path = tmp_path_factory.mktemp("plan")
    with (
        listening(Told) as url,
        running_hub(
            folder,
            county_with(folder / "counties", manifests()),
            environment={"DEPARTMENT_URL": url},
            grants=[grant(resource) for resource in RESOURCES if resource != UNGRANTED],
        ) as running,
    ):
        yield running


def plan(hub: RunningHub, applicant: str = FATHER, **changes: Any) -> httpx2.Response:
    """Ask for the plan of one family."""

    def person(number: str, name: str) -> dict[str, str]:
        return {"kind": "person", "id_type": "citizen-id", "id": number, "name": name}

    body = {
        "subjects": {"applicant": person(applicant, "赵明示"), "child": person(CHILD, "赵小样")},
        "basis": {"item": "xinxiang-10", "case": "41072120261124000123", "kind": "statutory"},
        **changes,
    }
    with httpx2.Client(trust_env=False, timeout=20) as http:
        return http.post(
            f"{hub.url}/v1/bundles/xinxiang-10:plan",
            json=body,
            headers={"Authorization": f"Bearer {hub.client.token()}"},
        )


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows by id, each once."""
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def test_a_family_that_is_all_there(hub: RunningHub) -> None:
    """Exempted with the register's answer as proof, filled with provenance, the rest with reasons."""
    answer = plan(hub).json()
    materials, form = by_id(answer["materials"]), by_id(answer["form"])

    assert materials["property-certificate"]["state"] == "exempted"
    assert materials["property-certificate"]["by"][0]["finding"] == "record"
    assert materials["property-certificate"]["by"][0]["receipt"] == answer["receipts"]["applicant"]
    assert materials["residence-permit"]["reason"] == "no_match"
    assert materials["id-card-applicant"]["reason"] == "no_source"
    assert materials["lease-contract"]["reason"] == "not_granted"
    assert materials["photo-child"]["left_code"] == "photo"
    assert materials["form-1"]["merged"] is True
    assert form["child_name"]["value"] == "赵小样"
    assert form["child_relation"]["value_label"] == "独生子"
    assert form["child_name"]["provenance"]["source"] == "hukou-household"
    assert form["applicant_id_number"]["state"] == "given"
    assert form["live_address"]["asked_because"] == "statement_required"


def test_every_asked_has_a_reason_and_nothing_is_both(hub: RunningHub) -> None:
    """The closed lists hold, and the figures are those of the rows."""
    answer = plan(hub).json()
    materials, figures = answer["materials"], answer["figures"]
    asked = [m for m in materials if m["state"] == "asked"]

    assert all((m["state"] == "asked") == bool(m["reason"]) for m in materials)
    assert all((m["state"] == "asked") == (not m["by"]) for m in materials)
    assert all((f["state"] == "asked") == bool(f["asked_because"]) for f in answer["form"])
    assert figures["materials"]["before"] == sum(m["copies"] for m in materials) == 29
    assert figures["materials"]["left"] == len(asked) + 1
    assert figures["fields"]["filled"] == sum(f["state"] == "filled" for f in answer["form"])
    before, left = figures["materials"]["before"], figures["materials"]["left"]
    assert figures["materials"]["cut"] == f"{(before - left) / before:.3f}"


def test_the_answer_itself_proves_that_there_is_no_home(hub: RunningHub) -> None:
    """无房证明 is replaced by the register saying so; the property certificate is not."""
    materials = by_id(plan(hub, HOMELESS).json()["materials"])

    assert materials["no-house"]["by"][0]["finding"] == "no_record"
    assert materials["property-certificate"]["reason"] == "no_match"


def test_a_record_without_a_value_is_not_no_record(hub: RunningHub) -> None:
    """Both are asked of the applicant, and the words keep them apart."""
    notes = {
        number: by_id(plan(hub, number).json()["form"])["residence_address"]
        for number in (HOMELESS, FATHER)
    }

    assert {each["asked_because"] for each in notes.values()} == {"no_match"}
    assert notes[HOMELESS]["note"].startswith("记录存在，但该项为空")
    assert notes[FATHER]["note"].startswith("数源答复查无记录")


def test_a_lapsed_permit_and_two_homes_are_conflicts(hub: RunningHub) -> None:
    """A record that is no longer in force exempts nothing; of two homes none is chosen for the form."""
    answer = plan(hub, LAPSED).json()
    materials, form = by_id(answer["materials"]), by_id(answer["form"])

    assert materials["residence-permit"]["reason"] == "conflict"
    assert materials["property-certificate"]["state"] == "exempted"
    assert form["house_location"]["asked_because"] == "conflict"
    assert form["house_owner"]["value"] == "赵明示"


def test_one_department_down_fails_only_its_own(hub: RunningHub) -> None:
    """Its materials and fields are asked with that reason; everything else stands."""
    answer = plan(hub, BROKEN).json()
    materials, form = by_id(answer["materials"]), by_id(answer["form"])

    assert materials["property-certificate"]["reason"] == "source_down"
    assert form["house_location"]["asked_because"] == "source_down"
    assert materials["household-register-applicant"]["state"] == "exempted"


def test_what_the_caller_rules_out_is_counted_nowhere(hub: RunningHub) -> None:
    """Not needed, given, and objected to: each is respected."""
    answer = plan(
        hub,
        not_needed=["residence-permit", "business-licence"],
        answers={"live_address": "示例路1号"},
        objects=["realestate.ownership"],
    ).json()
    materials, form = by_id(answer["materials"]), by_id(answer["form"])

    assert "residence-permit" not in materials
    assert answer["not_needed"] == ["business-licence", "residence-permit"]
    assert answer["figures"]["materials"]["before"] == 29 - 3
    assert form["live_address"]["state"] == "given"
    assert materials["property-certificate"]["reason"] == "subject_objects"


def test_who_the_case_is_about_is_given_and_not_asked(hub: RunningHub) -> None:
    """Name and number of a subject the caller named count as given where no source says them."""
    second = {"kind": "person", "id_type": "citizen-id", "id": HOMELESS, "name": "钱示例"}
    child = {"kind": "person", "id_type": "citizen-id", "id": CHILD, "name": "赵小样"}
    form = by_id(plan(hub, subjects={"guardian2": second, "child": child}).json()["form"])

    assert (form["guardian2_name"]["state"], form["guardian2_name"]["value"]) == ("given", "钱示例")
    assert form["guardian2_id_number"]["value"] == HOMELESS
    assert form["child_name"]["state"] == "filled"
    assert form["guardian2_mobile"]["state"] == "asked"


def test_only_the_chosen_items_are_planned(hub: RunningHub) -> None:
    """Choosing item 4 asks for the materials of item 4 only, one copy each."""
    answer = plan(hub, items=[4]).json()

    assert {m["id"] for m in answer["materials"]} == {
        "property-certificate", "no-house", "purchase-contract",
    }  # fmt: skip
    assert answer["figures"]["materials"]["before"] == 3


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "a subject the bundle does not know": (
        {"subjects": {"uncle": {"kind": "person", "id_type": "citizen-id", "id": FATHER}}},
        422, "hub.invalid-request",
    ),
    "an enterprise for a person": (
        {"subjects": {"child": {"kind": "organisation", "id_type": "uscc", "id": "91990101MA0000015C"}}},
        422, "hub.invalid-request",
    ),
    "a material of another bundle": ({"not_needed": ["charter"]}, 422, "hub.invalid-request"),
    "an item of another bundle": (
        {"basis": {"item": "xinxiang-19-01", "case": "1", "kind": "statutory"}},
        404, "catalog.unknown-entry",
    ),
    "an item number that is none": ({"items": [77]}, 422, "hub.invalid-request"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_requests_that_do_not_fit_the_bundle(
    hub: RunningHub, changes: dict[str, Any], status: int, code: str
) -> None:
    """Each is a problem document and asks nobody."""
    answer = plan(hub, **changes)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("bundle", "named", "given"),
    [
        # The second guardian's name stands in the applicant's marriage record, and is still theirs.
        ("xinxiang-10", {"guardian2": "person"}, {"guardian2_name", "guardian2_id_number"}),
        ("xinxiang-07", {"debtor": "organisation"}, {"debtor_name", "debtor_uscc"}),
        # The fields are about the enterprise; whose name it is, their ids say.
        ("xinxiang-01", {"legal_rep": "person"}, {"legal_rep_name", "legal_rep_id_number"}),
        ("shenqiu-20", {"shop": "organisation"}, {"uscc", "shop_name"}),
        # A certificate's number identifies no enterprise and no person.
        ("shenqiu-20", {"shop": "object"}, {"shop_name"}),
        ("xinxiang-10", {}, set()),
    ],
)
def test_only_the_own_name_and_number_of_who_was_named_is_given(
    bundle: str, named: dict[str, str], given: set[str]
) -> None:
    """Where no source answered: nothing of anybody else, and no number of another kind."""
    id_types = {"person": IdType.CITIZEN_ID, "organisation": IdType.USCC}
    subjects = {
        role: Subject(kind=kind, id_type=id_types.get(kind, IdType.CERTIFICATE_NO), number="1",
                      name="某")
        for role, kind in named.items()
    }  # fmt: skip
    catalog = load(COUNTIES)
    found = catalog.bundles[bundle]
    assert found.analysis is not None
    basis = Basis(item=bundle, case="1", kind=BasisKind.STATUTORY)
    request = PlanRequest(bundle=found, subjects=subjects, basis=basis)
    planned = assemble_plan(request, found.analysis, {}, catalog, date(2026, 11, 24))
    assert {f.id for f in planned.form if f.state is FormState.GIVEN} == given
    assert planned.field_figures.filled == 0
