"""What the hub says about its interface is so: Schemathesis makes requests from the OpenAPI document
of a running hub, fitting and unfitting ones, and holds every answer against it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2

from hub.http.problems import MEDIA_TYPE, TABLE
from tests.journeys.conftest import County

TOOL = Path(sys.executable).parent / "schemathesis"
UNSAYABLE = "positive_data_acceptance"
"""The one check that is left out: check digits, signatures and the catalog are no JSON Schema, so
that most of what fits the document is refused all the same."""
HOOKS = """
import json
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return (value if isinstance(value, str) else json.dumps(value)).encode(errors="replace")
"""
"""JSON lines, of which the tool has not heard."""
REACHED = (
    "/v1/queries",
    "/v1/queries:explain",
    "/v1/bundles/{bundle_id}:plan",
    "/v1/catalog/{kind}",
    "/v1/catalog/{kind}/{entry_id:path}",
    "/v1/evidence/consistency",
)


def test_answers_are_as_the_document_says(county: County, tmp_path: Path) -> None:
    """No failure of ours, no status, type, body or header that is not described, no bad request
    that is taken, no route that answers a stranger; the log is whole after it. It got past the
    door: every route has also answered.
    """
    command = [
        str(TOOL), "run", f"{county.hub.url}/openapi.json",
        "--header", f"Authorization: Bearer {county.hub.client.token()}",
        "--max-examples", "25", "--seed", "20261124", "--workers", "1", "--continue-on-failure",
        "--exclude-checks", UNSAYABLE, "--generation-database", "none", "--no-color",
    ]  # fmt: skip
    hooks = tmp_path / "hooks.py"
    hooks.write_text(HOOKS)
    known = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=known, capture_output=True, text=True, check=False, timeout=100
    )
    lines = county.hub.lines()

    assert done.returncode == 0, done.stdout
    assert re.search(r"(\d+) selected / \1 total", done.stdout), done.stdout
    for route in REACHED:
        assert f'"route": "{route}", "status": 200' in lines, route
    assert '"status": 5' not in lines
    assert "990101199001010019" not in lines
    assert county.hub.log.audit() == []


def test_every_refusal_is_described_as_a_problem(county: County) -> None:
    """Each route names the statuses of its refusals, in the form they come in and in no other."""
    document = httpx2.get(f"{county.hub.url}/openapi.json", trust_env=False).json()
    statuses = {str(entry.status) for entry in TABLE.values()}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            described = operation["responses"]
            assert {"400", "422", "500"} <= set(described) <= {"200", "201", "202", *statuses}, path
            if path == "/oauth2/token":
                continue
            for status in set(described) - {"200", "201", "202", "503"}:
                assert list(described[status]["content"]) == [MEDIA_TYPE], (path, status)
    assert "Problem" in document["components"]["schemas"]
