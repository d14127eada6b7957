"""A department that drops files: a manifest, and files as it would write them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl

from adapters.model import SourceReply
from adapters.ports import Surroundings
from adapters.registry import Connected, connect
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, call, now, write

MANIFEST = """
source: permit
name: 居住证夜间下发文件
authority: 县公安局
kind: files
connect:
  folder: ${DROP_FOLDER}
  timeout: 5s
  format: csv
  charset: gb18030
  flag: "{file}.ok"
  control: { name: "{stem}.ctl", count: rows, digest: digest, algorithm: sm3 }
  as_of: { where: name, form: "%Y%m%d" }
  bad_rows: 30%
  every: 50ms
resources:
  residence-permit.status:
    ask:
      file: "jzz_*.csv"
      columns: [证号, 姓名, 身份证号, 性别, 出生日期]
      key: { 身份证号: { is: keys.id_number, as: id18 }, 姓名: optional.name }
    answer:
      records: rows
      empty_when: { records: none }
      fields:
        permit_no: { at: '"证号"' }
        name: { at: '"姓名"' }
        id_number: { at: '"身份证号"', as: id18 }
        gender: { at: '"性别"', codes: { table: gender, map: { 男: "1" } } }
        birth_date: { at: '"出生日期"', form: ["%Y%m%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"] }
"""
XLSX = MANIFEST.replace("format: csv", "format: xlsx").replace("jzz_*.csv", "jzz_*.xlsx")
FIXED = MANIFEST.replace("format: csv", "format: fixed").replace(
    "[证号, 姓名, 身份证号, 性别, 出生日期]",
    "{ 证号: 4, 姓名: 20, 身份证号: 18, 性别: 2, 出生日期: 8 }",
)
XML = (
    MANIFEST.replace("format: csv", "format: xml")
    .replace("jzz_*.csv", 'jzz_*.xml"\n      record: "rows/row')
    .replace("证号, 姓名", '"@证号", 姓名')
    .replace("""'"证号"'""", """'"@证号"'""")
)
PLACES = MANIFEST.replace("charset: gb18030", "charset: gb18030\n  header: none").replace(
    "[证号, 姓名, 身份证号, 性别, 出生日期]",
    "{ 证号: 2, 姓名: 1, 身份证号: 3, 性别: 4, 出生日期: 5 }",
)
CHANGES = MANIFEST.replace(
    'file: "jzz_*.csv"',
    'file: "jzz_*.csv"\n      changes: "inc_*.csv"\n      identity: [证号]\n'
    "      operation: { column: 操作, upsert: [I, U], delete: [D] }",
).replace("性别, 出生日期]", "性别, 出生日期, 操作]")
SOURCE, RESOURCE = "permit", "residence-permit.status"
HEAD = ("证号", "姓名", "身份证号", "性别", "出生日期")
OTHER = "990101199203030037"
ROW = ("J1", NAME, ID_NUMBER, "男", "19900101")
ROWS = (ROW, ("J2", "钱𠮷·买买提", OTHER, "女", "19920303"))
TODAY = "jzz_20261124.csv"


def csv_of(*rows: Sequence[str], head: Sequence[str] = HEAD) -> str:
    """Rows without quoting."""
    return "".join(",".join(row) + "\r\n" for row in (head, *rows))


def fixed_of(*rows: tuple[str, ...]) -> bytes:
    """Lines in which each column has its width in bytes."""
    widths = (4, 20, 18, 2, 8)
    cells = ([c.encode("gb18030").ljust(w) for c, w in zip(r, widths, strict=True)] for r in rows)
    return b"".join(b"".join(row) + b"\n" for row in cells)


def xml_of(*rows: tuple[str, ...]) -> str:
    """Records as elements; the first column is an attribute."""
    written = (
        f'<row 证号="{row[0]}">'
        + "".join(f"<{n}>{c}</{n}>" for n, c in zip(HEAD[1:], row[1:], strict=True))
        + "</row>"
        for row in rows
    )
    return f'<?xml version="1.0" encoding="GB18030"?><data><rows>{"".join(written)}</rows></data>'


def xlsx_of(*rows: Sequence[Any], head: Sequence[str] = HEAD, merge: str = "") -> bytes:
    """A workbook with one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (head, *rows):
        sheet.append(list(row))
    if merge:
        sheet.merge_cells(merge)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def drop(
    folder: Path,
    body: str | bytes,
    name: str = TODAY,
    *,
    rows: int | None = None,
    digest: str | None = None,
    flag: bool = True,
    charset: str = "gb18030",
) -> Path:
    """Drop a data file, its control file and its flag, in that order."""
    folder.mkdir(exist_ok=True)
    raw = body if isinstance(body, bytes) else body.encode(charset)
    path = folder / name
    path.write_bytes(raw)
    count = raw.count(b"\n") - 1 if rows is None else rows
    said = digest or hashlib.new("sm3", raw).hexdigest()
    path.with_suffix(".ctl").write_text(f"rows={count}\ndigest={said}\n", encoding="utf-8")
    if flag:
        (folder / f"{name}.ok").touch()
    return path


def county_of(
    folder: Path, manifest: str = MANIFEST, surroundings: Surroundings | None = None
) -> Connected:
    """Connect a manifest whose drop folder is `folder`/drop, its indexes in `folder`/data."""
    return connect(
        write(folder, permit=manifest), county=COUNTY, catalog=CATALOG, now=now,
        environment={"DROP_FOLDER": str(folder / "drop")},
        surroundings=surroundings or Surroundings(data_dir=folder / "data"),
    )  # fmt: skip


async def asked(folder: Path, manifest: str = MANIFEST, **keys: str) -> SourceReply:
    """Connect, ask once, close."""
    county = county_of(folder, manifest)
    reply = await county.sources[SOURCE].answer(call(RESOURCE, **keys), within=20)
    await county.aclose()
    return reply


def reason_of(folder: Path, name: str = TODAY) -> str | None:
    """The rule by which a data file went to quarantine; None where it did not."""
    path = folder / "drop" / "quarantine" / f"{name}.reason.txt"
    return path.read_text(encoding="utf-8").splitlines()[0] if path.exists() else None


def errors_of(folder: Path, name: str = TODAY) -> list[str]:
    """The lines of a row error file, without its head."""
    path = folder / "drop" / f"{name}.errors.csv"
    return path.read_text(encoding="utf-8-sig").splitlines()[1:] if path.exists() else []
