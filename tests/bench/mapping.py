"""What reading a reply costs beside plain parsing of the same bytes."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lxml import etree

from adapters.compiling import Compiler
from adapters.manifest import Answer
from adapters.mapping import Plan
from adapters.model import Outcome, RawReply
from adapters.rest import RestConnect
from catalog.loading import load
from tests.bench.processes import Rows

RECORDS, ROUNDS = 1000, 15
RESOURCE = "hukou.person"
"""A resource of twenty fields: names, numbers, codes, dates, addresses."""
VALUES = {
    "date": "2018-06-01", "code": "1", "integer": "7", "decimal": "98.50", "boolean": "是",
    "string": "演示省样例市示范县样例路12号院3号楼2单元501室",
}  # fmt: skip


def bench_mapping(_folder: Path, rows: Rows) -> dict[str, float]:
    """A thousand records as JSON and as XML."""
    catalog = load()
    resource = catalog.resources[RESOURCE]
    fields = list(resource.fields.values())[:20]
    source = {f"ZD{at:02d}": VALUES[str(field.type)] for at, field in enumerate(fields)}
    answer = {
        "records": "data.list",
        "ok_when": {"code": "0"},
        "fields": {field.id: {"at": name} for name, field in zip(source, fields, strict=True)},
    }

    def plan(kind: str) -> Plan:
        connect = RestConnect.model_validate({"base_url": "http://x.invalid", "format": kind})
        if kind == "xml":
            answer["records"] = "data/list"
        maker = Compiler(at=(), connect=connect, resource=resource, tables=catalog.code_tables)
        made = maker.plan(Answer.model_validate(answer))
        if maker.findings:
            raise RuntimeError(str(maker.findings))
        return made

    whole = {"code": "0", "data": {"list": [source] * RECORDS}}
    as_json = json.dumps(whole, ensure_ascii=False).encode()
    found = _beside("JSON", plan("json"), as_json, json.loads, rows)
    record = "".join(f"<{name}>{value}</{name}>" for name, value in source.items())
    as_xml = f"<r><code>0</code><data>{f'<list>{record}</list>' * RECORDS}</data></r>".encode()
    return found | _beside("XML", plan("xml"), as_xml, etree.fromstring, rows)


def _beside(
    name: str, plan: Plan, body: bytes, parse: Callable[[bytes], Any], rows: Rows
) -> dict[str, float]:
    reply = RawReply(body=body, status=200)
    reading = plan.read(reply)
    if reading.outcome is not Outcome.ANSWERED or len(reading.records) != RECORDS:
        raise RuntimeError(str(reading.why))
    gc.freeze()  # as the hub does: the catalog is not looked through again and again
    # In turns, so that what else the machine does falls on all three alike.
    timed = [(_cost(parse, body), _cost(plan.document, reply), _cost(plan.read, reply))
             for _ in range(ROUNDS)]  # fmt: skip
    plain, document, whole = (statistics.median(each) for each in zip(*timed, strict=True))
    mapping = (whole - document) / plain
    rows += [
        (f"mapping 1,000 records of 20 fields, {name} ÷ plain parsing", f"{mapping:.1f} ×", "≤ 3"),
        ("  with our own stricter parsing ÷ plain parsing", f"{whole / plain:.1f} ×", ""),
        ("  records a second, from bytes to records", f"{RECORDS / whole:,.0f}", ""),
    ]
    return {
        f"{name}_mapping_ratio": mapping, f"{name}_whole_ratio": whole / plain,
        f"{name}_records_per_second": RECORDS / whole,
    }  # fmt: skip


def _cost(work: Callable[[Any], Any], of: Any) -> float:
    """Processor seconds of this thread."""
    began = time.thread_time()
    work(of)
    return time.thread_time() - began
