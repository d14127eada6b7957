"""The veterans' office: XML in GB18030, carried over once a week, with a line of name, count and MD5.

Service is told by month. The number is an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from adapters.sandbox.dropping import Export, Row, Table, Told
from adapters.sandbox.population import Population
from adapters.sandbox.service import veteran

STEM = "tyjr"
_NAMES = {
    "id_number": "身份证号", "name": "姓名", "service_from": "入伍时间", "service_to": "退役时间",
    "service_months": "服役月数", "enlistment_place": "入伍地", "placement": "安置方式",
    "discharge_no": "退役证号", "card_no": "优待证号", "honours": "立功受奖",
    "receive_notice_no": "接收通知", "bank_account": "银行账号", "state": "状态",
}  # fmt: skip


def _tables(population: Population) -> Sequence[Table]:
    rows: list[Row] = [
        tuple("" if record.values[field] is None else str(record.values[field]) for field in _NAMES)
        for person in population.people
        for record in veteran(population, person)
    ]
    return (Table(stem=STEM, head=tuple(_NAMES.values()), rows=rows),)


def _written(table: Table) -> bytes:
    key, *others = table.head
    rows = (
        f"<退役军人 {key}={quoteattr(number)}>"
        + "".join(
            f"<{name}>{escape(cell)}</{name}>" for name, cell in zip(others, cells, strict=True)
        )
        + "</退役军人>\n"
        for number, *cells in table.rows
    )
    text = (
        f'<?xml version="1.0" encoding="GB18030"?>\n<导出><名单>\n{"".join(rows)}</名单></导出>\n'
    )
    return text.encode("gb18030")


def _beside(told: Told) -> Mapping[str, bytes]:
    return {f"{told.name}.chk": f"{told.name}|{told.rows}|{told.digest('md5')}\n".encode()}


EXPORT = Export(
    ending=".xml", first=_tables, again=_tables, written=_written, beside=_beside, xml=True
)  # fmt: skip
