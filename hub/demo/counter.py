"""The counter: what an intake system sends, and the check of everything that comes back."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalog.figures import ONE_FORM
from hub.client import HubClient
from hub.demo.cases import Case
from hub.demo.control import fault
from hub.receipts import Verdict, verify_receipt, with_values

WANT_OF_ENTERPRISE = (
    "realestate.ownership[].certificate_no",
    "realestate.ownership[].location",
    "social-insurance.employer.employer_name",
    "social-insurance.employer.arrears",
    "social-insurance.employer.headcount",
    "vehicle.registration[].plate_no",
)


@dataclass(slots=True)
class Shown:
    """What one case showed, and what was not so."""

    case: Case
    plan: dict[str, Any]
    extra: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    elapsed_ms: float = 0.0
    receipts: int = 0


@dataclass(frozen=True, slots=True)
class Counter:
    """The intake system of one county."""

    client: HubClient
    key: bytes
    """The log's public key, as it was told once at the start."""

    @classmethod
    def of(cls, url: str, folder: Path, county: str) -> Counter:
        """The admitted intake system of a county."""
        name = f"{county}-intake"
        client = HubClient(url, name, folder / "hub" / "clients" / f"{name}.jwk")
        return cls(client, base64.b64decode(client.get("/v1/evidence/key")["key"]))

    def show(
        self, case: Case, persona: Mapping[str, Any], control: str, connected: Collection[str]
    ) -> Shown:
        """Run one told case and hold it against what is expected with these resources connected."""
        subjects = {name: as_sent(subject) for name, subject in persona["subjects"].items()}
        basis = {"item": case.bundle, "case": f"DEMO-{case.persona}", "kind": "statutory"}
        body = {"subjects": subjects, "basis": basis, "not_needed": list(case.not_needed)}
        began = time.monotonic()
        with fault(control, case.down):
            plan = self.client.post(f"/v1/bundles/{case.bundle}:plan", body)
        shown = Shown(case=case, plan=plan, elapsed_ms=(time.monotonic() - began) * 1000)
        materials = {m["id"]: m for m in plan["materials"]}
        form = {f["id"]: f for f in plan["form"]}
        shown.failures += [
            expected.words
            for expected in case.expected
            if expected.while_unconnected not in connected and not expected.check(materials, form)
        ]
        shown.failures += plan_failures(plan)
        if case.bundle == "xinxiang-07":
            self._enterprise(shown, subjects["debtor"], basis)
        for subject, receipt in plan["receipts"].items():
            self._verify(shown, receipt, {}, subject)
        return shown

    def verified(self, receipt: str, values: Mapping[str, Any]) -> bool:
        """Does this receipt hold, judged off-line, with these values shown?"""
        document = with_values(self.client.get(f"/v1/receipts/{receipt}"), values)
        report = verify_receipt(json.dumps(document).encode(), trusted_key=self.key)
        return report.verdict is Verdict.PASSED

    def _enterprise(
        self, shown: Shown, debtor: Mapping[str, str], basis: Mapping[str, str]
    ) -> None:
        body = {"subject": debtor, "basis": basis, "want": list(WANT_OF_ENTERPRISE)}
        shown.extra = self.client.post("/v1/queries", body)
        fields = shown.extra["fields"]
        if not fields["realestate.ownership[].certificate_no"].get("value"):
            shown.failures.append("债务人名下不动产应有答复")
        if fields["social-insurance.employer.arrears"]["state"] != "ok":
            shown.failures.append("债务人社保欠费应有答复")
        values = {path: answer["value"] for path, answer in fields.items() if "value" in answer}
        self._verify(shown, shown.extra["receipt"], values, "debtor")

    def _verify(self, shown: Shown, receipt: str, values: Mapping[str, Any], subject: str) -> None:
        shown.receipts += 1
        if not self.verified(receipt, values):
            shown.failures.append(f"回执未通过核验 {subject}")


def as_sent(subject: Mapping[str, str]) -> dict[str, str]:
    """A subject of a persona as the API wants it."""
    usual = "citizen-id" if subject["kind"] == "person" else "uscc"
    return {
        "kind": subject["kind"],
        "id_type": subject.get("id_type", usual),
        "id": subject["number"],
        **({"name": subject["name"]} if subject["name"] else {}),
    }


def plan_failures(plan: Mapping[str, Any]) -> list[str]:
    """What no plan may show, whatever it plans: its figures are counted again from its rows."""
    materials, form = plan["materials"], plan["form"]
    asked = [m for m in materials if m["state"] == "asked"]
    filled = [f for f in form if f["state"] == "filled"]
    m, f = plan["figures"]["materials"], plan["figures"]["fields"]
    counted = (
        (m["before"], sum(row["copies"] for row in materials)),
        (m["exempted"] + m["merged"], len(materials) - len(asked)),
        (m["left"], len(asked) + ONE_FORM),
        (f["total"], len(form)),
        (f["filled"], len(filled)),
    )
    checks = (
        ("有材料既无原因又要提交，或既免又要",
         all((row["state"] == "asked") == bool(row["reason"]) for row in materials)),
        ("有材料免提交而没有凭据", all(row["by"] for row in materials if row not in asked)),
        ("有字段自动填写而没有来源", all(row["provenance"] for row in filled)),
        ("数字与逐项清点不符", all(said == found for said, found in counted)),
    )  # fmt: skip
    return [words for words, holds in checks if not holds]
