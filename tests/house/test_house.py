"""About the house itself: contracts, documents, locks, and mistakes we do not want to make twice."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from hub.errors import HubError
from hub.evidence import EvidenceKind
from hub.http import (
    batches,
    bundles,
    catalog,
    checks,
    health,
    oauth,
    query,
    receipts,
    sources,
    tasks,
)
from hub.http.context import caller_of
from hub.http.problems import TABLE
from hub.settings import Settings

ROOT = Path(__file__).parents[2]
ROOMS = ("hub", "adapters", "certificates", "seals", "catalog")
PUBLIC = {
    "/oauth2/token",
    "/livez",
    "/readyz",
    "/v1/catalog/{kind}",
    "/v1/catalog/{kind}/{entry_id:path}",
    "/v1/evidence/checkpoint",
    "/v1/evidence/key",
    "/v1/evidence/consistency",
}


def leaves(root: type[HubError]) -> list[type[HubError]]:
    """All errors below a root."""
    return [leaf for child in root.__subclasses__() for leaf in (child, *leaves(child))]


def test_import_contracts_hold() -> None:
    """The staircase and the library table."""
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_every_route_declares_its_authentication() -> None:
    """A route asks for a caller, or stands on the list of public ones."""
    for part in (batches, bundles, catalog, checks, health, oauth, query, receipts, sources, tasks):
        for route in part.router.routes:
            assert isinstance(route, APIRoute)
            asks = any(d.call is caller_of for d in route.dependant.dependencies)

            assert asks != (route.path in PUBLIC), route.path


def test_every_error_that_reaches_a_caller_is_in_the_problem_table() -> None:
    """A leaf without a line would be a 500 without words."""
    start_up = {"hub.invalid-settings"}
    missing = {leaf.code for leaf in leaves(HubError)} - set(TABLE) - start_up

    assert missing == set()


def test_documents_name_every_setting_problem_and_evidence_kind() -> None:
    """What an operator or caller can meet is written down."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    settings = {f"MIANTI_{name.upper()}" for name in Settings.model_fields}
    wanted = {*settings, *TABLE, *(str(kind) for kind in EvidenceKind)}

    assert {name for name in wanted if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_its_door_sign(room: str) -> None:
    """A README, Chinese first."""
    text = (ROOT / room / "README.md").read_text(encoding="utf-8")

    assert re.search(r"[一-鿿]", text.splitlines()[0])


def test_locks_hold_hashes_and_no_address() -> None:
    """Whoever installs decides where from."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")

        assert "://" not in text
        assert text.count("--hash=sha256:") > 100


def test_no_test_patches_our_own_code() -> None:
    """Simulators and real sockets; patching ties tests to where things are imported from."""
    words = re.compile(r"monkeypatch\.setattr|mock\.patch|MagicMock|unittest\.mock")
    found = [
        path.name
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__) and words.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_product_code_names_no_machine_path_and_no_foreign_number() -> None:
    """No path of a developer's machine; citizen numbers only of the unassigned division 99."""
    path = re.compile(r"(?:^|[^\w.])/(?:work|root|farm)/")
    number = re.compile(r"\b[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d\d{3}[\dX]\b")
    for room in (*ROOMS, "deploy"):
        for file in (ROOT / room).rglob("*"):
            if file.suffix in {".py", ".md", ".yaml", ".json", ".wsdl"}:
                text = file.read_text(encoding="utf-8")

                assert not path.search(text), file
                assert not number.search(text), file
