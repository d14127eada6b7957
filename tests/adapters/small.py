"""A catalog small enough to read, a county folder around it, and a call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from adapters.model import Reason, SourceCall
from adapters.registry import Connected, connect
from catalog.model import (
    Catalog,
    Code,
    CodeTable,
    DataResource,
    Field,
    FieldType,
    QueryKey,
    Sensitivity,
    Sharing,
    SharingTerms,
    SubjectKind,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ID_NUMBER = "990101199001010019"
NAME = "赵明示"
COUNTY = "sample"


def now() -> datetime:
    """The clock of these tests stands still."""
    return NOW


def field(
    id_: str, type_: FieldType = FieldType.STRING, *, table: str | None = None, line: bool = False
) -> Field:
    """One field of a resource."""
    return Field(
        id=id_, label=id_, type=type_, sensitivity=Sensitivity.PERSONAL, code_table=table,
        repeated=line,
    )  # fmt: skip


def resource(
    id_: str, *fields: Field, keys: tuple[str, ...] = ("id_number", "name")
) -> DataResource:
    """One data resource asked by `keys`, of which the first is required."""
    return DataResource(
        id=id_, name=id_, name_en=id_, provider="县公安局", subject_kind=SubjectKind.PERSON,
        many=True, sharing=SharingTerms(kind=Sharing.CONDITIONAL), update_frequency="daily",
        keys=tuple(QueryKey(id=k, type="string", required=k == keys[0]) for k in keys),
        no_record="", quirks=(), interface={}, fields={f.id: f for f in fields},
    )  # fmt: skip


def table(id_: str, **codes: str) -> CodeTable:
    """A code table; keyword `c1="男性"` is code `1`."""
    rows = {code[1:]: Code(code=code[1:], label=label) for code, label in codes.items()}
    return CodeTable(
        id=id_, name=id_, source="GB/T", completeness="full", verification="seen", codes=rows
    )


CATALOG = Catalog(
    counties={}, bundles={}, items={}, certificate_types={}, authorities={},
    resources={
        each.id: each
        for each in (
            resource(
                "residence-permit.status",
                field("permit_no"), field("name"), field("id_number"),
                field("gender", FieldType.CODE, table="gender"),
                field("ethnic_group", FieldType.CODE, table="ethnic-group"),
                field("birth_date", FieldType.DATE), field("endorsed_until", FieldType.DATE),
                field("residence_address"), field("issuer"), field("state"),
            ),
            resource(
                "hukou.household",
                field("household_no"), field("address"), field("issue_date", FieldType.DATE),
                field("member_name", line=True),
                field("member_gender", FieldType.CODE, table="gender", line=True),
                field("member_birth_date", FieldType.DATE, line=True),
            ),
            resource(
                "immunization.record",
                field("child_name"), field("birth_date", FieldType.DATE),
                field("certificate_no"), field("vaccine", line=True),
                field("dose_number", FieldType.INTEGER, line=True),
                field("occurrence_date", FieldType.DATE, line=True),
                keys=("id_number",),
            ),
            resource(
                "social-insurance.payment-history",
                field("personal_no"), field("name"), field("period", line=True),
                field("base", FieldType.DECIMAL, line=True),
            ),
            resource(
                "sample.everything",
                field("text"), field("day", FieldType.DATE), field("whole", FieldType.INTEGER),
                field("amount", FieldType.DECIMAL), field("flag", FieldType.BOOLEAN),
                field("gender", FieldType.CODE, table="gender"),
                field("line_text", line=True), field("line_day", FieldType.DATE, line=True),
            ),
        )
    },
    code_tables={
        "gender": table("gender", c0="未知", c1="男性", c2="女性"),
        "ethnic-group": table("ethnic-group", c01="汉族", c02="蒙古族"),
    },
)  # fmt: skip


def write(folder: Path, **manifests: str) -> Path:
    """Write `sources/<name>.yaml` below `folder` (`_` in a name becomes `-`)."""
    sources = folder / "sources"
    sources.mkdir(exist_ok=True)
    for name, text in manifests.items():
        (sources / f"{name.replace('_', '-')}.yaml").write_text(text, encoding="utf-8")
    return folder


def connected(folder: Path, environment: Mapping[str, str], **manifests: str) -> Connected:
    """Connect the manifests given as text."""
    return connect(
        write(folder, **manifests), county=COUNTY, catalog=CATALOG, environment=environment, now=now
    )


def call(resource_: str, **keys: str) -> SourceCall:
    """A call about our sample person; `key=""` leaves a key out."""
    known = {"id_number": ID_NUMBER, "name": NAME, **keys}
    reason = Reason(
        consumer="edu", item="xinxiang-10-02", item_name="新生入学信息采集", case="CASE-1"
    )
    return SourceCall(
        resource=resource_, keys={k: v for k, v in known.items() if v}, fields=(), reason=reason,
        call_id="call-1",
    )  # fmt: skip
