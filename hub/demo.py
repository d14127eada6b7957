"""`mianti demo`: the first journey on real county lists, as a counter's intake system would run it.

Starts the sandbox and the hub as processes of their own, asks for the plans of seven families,
couples and enterprises, says what it expects of each, and fails if anything it shows is not so.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from catalog.figures import Figures, by_county
from catalog.loading import load
from hub.client import HubClient
from hub.errors import HubError
from hub.receipts import Verdict, verify_receipt, with_values
from hub.report import write_report
from hub.running import START_SECONDS, sandbox_process

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


@dataclass(slots=True)
class Shown:
    """What one case showed, and what was not so."""

    case: Case
    plan: dict[str, Any]
    extra: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    elapsed_ms: float = 0.0
    receipts: int = 0


def run(folder: Path) -> int:
    """Run everything; the exit code is 0 only if everything shown is so."""
    console = Console()
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with sandbox_process() as environment:
        control = environment["SANDBOX_CONTROL_URL"]
        personas = {p["id"]: p for p in httpx2.get(f"{control}/personas", trust_env=False).json()}
        with _hub_process(folder, environment) as url:
            clients = {
                county: HubClient(
                    url, f"{county}-intake", folder / "hub" / "clients" / f"{county}-intake.jwk"
                )
                for county in ("xinxiang", "shenqiu")
            }
            shown = [
                _show(case, clients[case.county], personas, control, console) for case in CASES
            ]
            for client in clients.values():
                client.close()
    figures = by_county(load(Path(os.environ.get("MIANTI_COUNTIES_DIR", "deploy/counties"))))
    total = sum((overview.total for overview in figures.values()), Figures())
    for county, overview in figures.items():
        _print_figures(county, overview.bundles, console)
    failures = [f"{s.case.title}：{failure}" for s in shown for failure in s.failures]
    elapsed = time.monotonic() - began
    write_report(folder, shown, figures, total, failures)
    receipts = sum(s.receipts for s in shown)
    console.print(
        f"\n核验回执 {receipts} 张 / receipts verified off-line：{receipts}"
        f"\n报告 report：{folder / 'report.html'} · {folder / 'report.json'}"
        f"\n用时 took {elapsed:.1f} s"
    )
    for failure in failures:
        console.print(f"[red]✘ 与预期不符：{failure}[/]")
    console.print(
        "[red]演示未通过 failed[/]" if failures else "[green]✔ 全部如所示 all as shown[/]"
    )
    return 1 if failures else 0


@contextmanager
def _hub_process(folder: Path, sandbox: Mapping[str, str]) -> Iterator[str]:
    """The hub as a process of its own, with the intake systems of both counties admitted."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        **sandbox,
        "MIANTI_DATA_DIR": str(folder / "hub"),
        "MIANTI_PORT": str(port),
        "MIANTI_PUBLIC_URL": url,
    }
    with (folder / "hub.log").open("wb") as log:
        command = [sys.executable, "-m", "hub", "serve", "--admit-intake"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603  (our own module)
        try:
            _wait_until_ready(process, url)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=15)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > until:
            raise HubError("hub-did-not-start")
        try:
            if httpx2.get(f"{url}/readyz", trust_env=False, timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)


def _show(
    case: Case,
    client: HubClient,
    personas: Mapping[str, Any],
    control: str,
    console: Console,
) -> Shown:
    if case.down:
        _control(control, {"department": case.down, "fault": "hang"})
    began = time.monotonic()
    subjects = {k: _subject(v) for k, v in personas[case.persona]["subjects"].items()}
    basis = {"item": case.bundle, "case": f"DEMO-{case.persona}", "kind": "statutory"}
    body = {"subjects": subjects, "basis": basis, "not_needed": list(case.not_needed)}
    plan = client.post(f"/v1/bundles/{case.bundle}:plan", body)
    shown = Shown(case=case, plan=plan, elapsed_ms=(time.monotonic() - began) * 1000)
    if case.down:
        _control(control, None)
    _check(shown)
    if case.bundle == "xinxiang-07":
        shown.extra = _enterprise(client, subjects["debtor"], basis)
        _check_enterprise(shown, client)
    _verify_receipts(shown, client)
    _print(shown, console)
    return shown


def _subject(subject: Mapping[str, str]) -> dict[str, str]:
    person = subject["kind"] == "person"
    return {
        "kind": subject["kind"],
        "id_type": "citizen-id" if person else "uscc",
        "id": subject["number"],
        "name": subject["name"],
    }


def _control(control: str, fault: Mapping[str, str] | None) -> None:
    if fault is None:
        answer = httpx2.delete(f"{control}/faults", trust_env=False)
    else:
        answer = httpx2.post(f"{control}/faults", json=fault, trust_env=False)
    answer.raise_for_status()


def _check(shown: Shown) -> None:
    materials = {m["id"]: m for m in shown.plan["materials"]}
    form = {f["id"]: f for f in shown.plan["form"]}
    shown.failures.extend(
        words for words, check in shown.case.expected if not check(materials, form)
    )
    if any((m["state"] == "asked") != bool(m["reason"]) for m in materials.values()):
        shown.failures.append("有材料既无原因又要提交，或既免又要")


WANT_OF_ENTERPRISE = (
    "realestate.ownership[].certificate_no",
    "realestate.ownership[].location",
    "social-insurance.employer.employer_name",
    "social-insurance.employer.arrears",
    "social-insurance.employer.headcount",
    "vehicle.registration[].plate_no",
)


def _enterprise(
    client: HubClient, debtor: Mapping[str, str], basis: Mapping[str, str]
) -> dict[str, Any]:
    body = {"subject": debtor, "basis": basis, "want": list(WANT_OF_ENTERPRISE)}
    return client.post("/v1/queries", body)


def _check_enterprise(shown: Shown, client: HubClient) -> None:
    fields = shown.extra["fields"]
    if not fields["realestate.ownership[].certificate_no"].get("value"):
        shown.failures.append("债务人名下不动产应有答复")
    if fields["social-insurance.employer.arrears"]["state"] != "ok":
        shown.failures.append("债务人社保欠费应有答复")
    values = {path: answer["value"] for path, answer in fields.items() if "value" in answer}
    _verify(shown, client, shown.extra["receipt"], values)


def _verify_receipts(shown: Shown, client: HubClient) -> None:
    for subject, receipt in shown.plan["receipts"].items():
        _verify(shown, client, receipt, {}, subject)


def _verify(
    shown: Shown, client: HubClient, receipt: str, values: Mapping[str, Any], subject: str = ""
) -> None:
    key = base64.b64decode(client.get("/v1/evidence/key")["key"])
    document = with_values(client.get(f"/v1/receipts/{receipt}"), values)
    report = verify_receipt(json.dumps(document).encode(), trusted_key=key)
    shown.receipts += 1
    if report.verdict is not Verdict.PASSED:
        shown.failures.append(f"回执未通过核验 {subject}")


_STATE = {
    "exempted": "[green]免提交[/]",
    "fetched": "[green]已调取[/]",
    "asked": "[yellow]需提交[/]",
    "filled": "[green]已填[/]",
    "given": "已给",
}


def _print(shown: Shown, console: Console) -> None:
    m, f = shown.plan["figures"]["materials"], shown.plan["figures"]["fields"]
    console.rule(f"[bold]{shown.case.title}[/]", align="left")
    table = Table("材料 material", "份", "结论", "凭什么 / 为什么", expand=False)
    for row in shown.plan["materials"]:
        table.add_row(row["name"], str(row["copies"]), _STATE[row["state"]], basis_of(row))
    console.print(table)
    table = Table("一张表 form", "结论", "来源 source", "时间 as of / retrieved")
    for row in shown.plan["form"]:
        if row["state"] == "asked" and row["asked_because"] == "statement_required":
            continue
        p = row["provenance"] or {}
        moment = p.get("as_of") or p.get("retrieved_at") or ""
        filled = row["state"] == "filled"
        source = p["authority"].rpartition("/")[2] if filled else row["note"].split(" / ")[0]
        mark = "[yellow]需填写[/]" if row["state"] == "asked" else _STATE[row["state"]]
        table.add_row(row["label"], mark, source, moment[:19] if filled else "")
    console.print(table)
    console.print(
        f"材料 {m['before']} 份 → {m['left']} 份（压减 {float(m['cut']):.0%}）；"
        f"字段 {f['total']} 项，自动填 {f['filled']} 项（{float(f['share']):.0%}），"
        f"登录已给 {f['given']} 项；用时 {shown.elapsed_ms:.0f} ms\n"
    )
    for path, answer in shown.extra.get("fields", {}).items():
        console.print(f"  {path}: {answer['state']} {answer.get('value', answer.get('fix', ''))}")


def basis_of(row: Mapping[str, Any]) -> str:
    """What a material is exempted by, or why it is asked, in one line for people."""
    if row["state"] == "asked":
        return str(row["note"]).split(" / ")[0]
    by = row["by"][0]
    if "form" in by:
        return "并入一张表"
    if "item" in by:
        return "由本“一件事”内的事项产生"
    finding = "有记录" if by["finding"] == "record" else "答复：无登记"
    return f"{by['provenance']['authority'].rpartition('/')[2]} · {by['resource']} · {finding}"


def _print_figures(county: str, figures: Mapping[str, Figures], console: Console) -> None:
    table = Table(
        "一件事", "改前份", "可免种", "其中有条件", "并表", "余（含一张表）", "字段", "可填",
        title=f"桌面测算 desk figures · {county}", title_justify="left",
    )  # fmt: skip
    for bundle, f in figures.items():
        if not f.analysed:
            table.add_row(bundle, *["尚未梳理", "", "", "", "", "", ""])
            continue
        cells = (
            f.copies,
            f.exempted,
            f.conditional,
            f.merged,
            f.left + 1,
            f.fields_total,
            f.fillable,
        )
        table.add_row(bundle, *map(str, cells))
    console.print(table)
