"""What a source has passed, written down beside the manifests: `sources/conformance.json`.

The record names the source's files by a digest over all of them, so that a manifest that was
touched afterwards has to pass again. It is committed together with the manifest; `adapters check`
compares the two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adapters import samples
from adapters.conformance.running import Result
from adapters.errors import Complaint, InvalidManifest
from adapters.kinds import Now
from adapters.registry import FOLDER, Agreed, read, rehearsed
from catalog.model import Catalog

FILE = "conformance.json"
KIT = 1
"""Raised when the kit asks for more than it did; then every source has to pass again."""


def digest(agreed: Agreed) -> str:
    """Over the manifest, its samples, and the WSDL it names."""
    sources, source = agreed.folder, agreed.manifest.source
    files = [sources / f"{source}.yaml", *sorted(samples.folder_of(sources, source).glob("*.yaml"))]
    wsdl = getattr(agreed.manifest.connect, "wsdl", None)
    if isinstance(wsdl, str):
        files.append(sources / wsdl)
    whole = hashlib.sha256()
    for file in files:
        name = file.relative_to(sources).as_posix().encode()
        content = file.read_bytes()
        whole.update(
            len(name).to_bytes(4, "big") + name + len(content).to_bytes(8, "big") + content
        )
    return f"sha256:{whole.hexdigest()}"


def check(folder: Path, *, county: str, catalog: Catalog, now: Now) -> None:
    """Have all sources of a county passed as they stand?

    Raises:
        InvalidManifest: A manifest is wrong, or has not passed. With every complaint.
    """
    agreed = read(folder, county=county, catalog=catalog, environment=None, now=now)
    complaints = list(unproven(agreed))
    if complaints:
        raise InvalidManifest(complaints)


def unproven(agreed: Sequence[Agreed]) -> Iterator[Complaint]:
    """Complaints about the sources of a county that have not passed as they stand."""
    for each in agreed:
        if not rehearsed(each):
            continue
        known = _rows(each.folder / FILE).get(each.manifest.source)
        expected = f"mianti adapters conform {each.manifest.source} --county {each.county}"
        if not isinstance(known, dict):
            yield _complaint(
                each, "conformance-missing", "never passed the conformance kit", expected
            )
        elif known.get("kit") != KIT or known.get("digest") != digest(each):
            yield _complaint(each, "conformance-stale", "changed since it passed the kit", expected)
        elif known.get("passed") != known.get("cases"):
            yield _complaint(each, "conformance-failed", "did not pass the kit", expected)


def _complaint(agreed: Agreed, rule: str, found: str, expected: str) -> Complaint:
    file = f"{agreed.county}/{FOLDER}/{agreed.manifest.source}.yaml"
    return Complaint(file=file, line=1, rule=rule, found=found, expected=expected)


def _rows(path: Path) -> dict[str, Any]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return rows if isinstance(rows, dict) else {}


def written(agreed: Agreed, result: Result) -> Path:
    """Write the result down; gives the file. A source that is not there any more is left out."""
    path = agreed.folder / FILE
    rows = _rows(path)
    cases = len(result.verdicts) + len(result.unsampled)
    rows[agreed.manifest.source] = {
        "kit": KIT,
        "digest": digest(agreed),
        "cases": cases,
        "passed": cases - len(result.failures) - len(result.unsampled),
    }
    kept = {name: rows[name] for name in sorted(rows) if (agreed.folder / f"{name}.yaml").is_file()}
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path
