"""A small but whole catalog of the invented county 演示县, for tests of every room.

`files()` gives the text of its files, to be changed by a test; `written` writes them into a folder;
`small_catalog` loads them. The county has two bundles: one analysed, one not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from catalog import Catalog, load

COUNTY = "yanshi"
TABLES = "catalog/data/code-tables.yaml"
TYPES = "catalog/data/certificate-types.yaml"
RESOURCES = "catalog/data/resources.yaml"
BUNDLES = f"{COUNTY}/catalog/bundles.yaml"
MATERIALS = f"{COUNTY}/catalog/materials.yaml"
OWN_RESOURCES = f"{COUNTY}/catalog/resources.yaml"
AUTHORITIES = f"{COUNTY}/catalog/authorities.yaml"

_TABLES = """\
# Code tables of the small catalog.
code_tables:
- id: gender
  name: 人的性别代码
  source: GB/T 2261.1
  completeness: full
  verification: seen
  codes:
  - {code: '1', label: 男性}
  - {code: '2', label: 女性, alpha: F}
- id: school-stage
  name: 学段
  source: 演示
  completeness: local
  verification: local
  codes:
  - {code: '01', label: 小学}
"""

_TYPES = """\
certificate_types:
- id: resident-id-card
  name: 居民身份证
  name_en: Resident identity card
  issuer: 县公安局
  holder_kind: person
  validity_rule: 长期
  used_as_material_by: [入学]
  items:
  - {id: name, label: 姓名, type: string, required: true, max_length: 50, example: 赵明示}
  - {id: gender, label: 性别, type: code, code_table: gender, required: true, max_length: 1, example: '1'}
  - {id: id_number, label: 公民身份号码, type: string, required: true, max_length: 18, example: '990101199001010019'}
- id: business-licence
  name: 营业执照
  name_en: Business licence
  issuer: 县市场监管局
  holder_kind: organisation
  validity_rule: 长期
  used_as_material_by: []
  items:
  - {id: uscc, label: 统一社会信用代码, type: string, required: true, max_length: 18, example: 91990101MA0000015C}
"""

_RESOURCES = """\
resources:
- id: hukou.person
  name: 户籍人员基本信息
  name_en: Registered resident
  provider: 县公安局
  subject_kind: person
  records: one
  query_keys: [{id: id_number, type: id-number, required: true}, {id: name, type: string, required: true}]
  sharing: conditional
  sharing_note: 须传事由
  update_frequency: realtime
  interface: {kind: soap, system: 人口库}
  quirks: []
  no_record: 无数据行
  fields:
  - {id: name, label: 姓名, type: string, source: XM, sensitivity: personal, example: 赵明示}
  - {id: id_number, label: 公民身份号码, type: string, source: GMSFHM, sensitivity: personal, example: '990101199001010019'}
  - {id: gender, label: 性别, type: code, code_table: gender, source: XB, sensitivity: personal, example: '1'}
  - {id: photo, label: 相片, type: string, source: XP, sensitivity: sensitive, example: ''}
- id: hukou.household
  name: 户籍家庭成员信息
  name_en: Household
  provider: 县公安局
  subject_kind: person
  records: one
  line_key: member_id_number
  query_keys: [{id: id_number, type: id-number, required: true}]
  sharing: conditional
  update_frequency: realtime
  interface: {kind: soap, system: 人口库}
  quirks: [集体户会返回全部成员]
  no_record: 无数据行
  fields:
  - {id: household_no, label: 户号, type: string, source: HH, sensitivity: personal, example: '990101000001'}
  - {id: member_name, label: 成员姓名, type: string, repeated: true, source: XM, sensitivity: personal, example: 赵小样}
  - {id: member_id_number, label: 成员公民身份号码, type: string, repeated: true, source: GMSFHM, sensitivity: personal, example: '990101201806010032'}
- id: realestate.ownership
  name: 不动产权属登记信息
  name_en: Ownership
  provider: 县自然资源局
  subject_kind: person
  records: many
  query_keys: [{id: id_number, type: id-number, required: true}]
  sharing: conditional
  update_frequency: daily
  update_note: T+1
  interface: {kind: rest, system: 不动产登记系统}
  quirks: []
  no_record: list 为空
  fields:
  - {id: certificate_no, label: 不动产权证号, type: string, source: bdcqzh, sensitivity: personal, example: ''}
  - {id: house_count, label: 住房套数, type: integer, source: ts, sensitivity: personal, example: '1'}
- id: crime.background-check
  name: 背景核查
  name_en: Background check
  provider: 县公安局
  subject_kind: person
  records: one
  query_keys: [{id: id_number, type: id-number, required: true}]
  sharing: conditional
  update_frequency: on-request
  interface: {kind: manual, system: 人工核查}
  quirks: []
  no_record: 未回函
  fields:
  - {id: conclusion, label: 核查结论, type: string, source: jl, sensitivity: sensitive, example: ''}
  - {id: checked_on, label: 核查日期, type: date, source: rq, sensitivity: sensitive, example: ''}
"""

_BUNDLES = """\
county: 演示县
division_code: '990101'
document: 演政文〔2024〕1号
year: 2024
bundles:
  - id: yanshi-01
    name: 教育入学“一件事”
    lead_department: 县教体局
    deadline: 12月底以前
    items:
      - {id: yanshi-01-01, name: 新生入学信息采集, department: 县教体局, level: null, kind: handle}
      - {id: yanshi-01-02, name: 居住证, department: 县公安局, level: null, kind: verify}
      - {id: yanshi-01-03, name: 不动产登记信息查询, department: null, level: null, kind: query}
    source_note: 演示
  - id: yanshi-02
    name: 开办餐饮店“一件事”
    lead_department: 县市场监管局、县教体局
    lead_departments: [县市场监管局, 县教体局]
    items:
      - id: yanshi-02-01
        name: 食品经营许可
        department: 县市场监管局、县消防救援大队
        departments: [县市场监管局, 县消防救援大队]
        kind: handle
"""

_MATERIALS = """\
bundles:
- id: yanshi-01
  number: 1
  name: 教育入学“一件事”
  lead_department: 县教体局
  basis: practice
  notes:
  - 演示
  items:
  - {id: yanshi-01-00, seq: 0, name: 入学报名（牵头部门受理）, department: 县教体局, listed: false}
  - {id: yanshi-01-01, seq: 1, name: 新生入学信息采集, department: 县教体局, issues: [resident-id-card]}
  - {id: yanshi-01-03, seq: 3, name: 不动产登记信息查询, department: 县自然资源局, answered_by: [realestate.ownership]}
  subjects:
  - {id: guardian, label: 监护人, kind: person, key_from: 登录账号}
  - {id: child, label: 入学儿童, kind: person, key_from: 户籍家庭成员信息}
  materials:
  - {id: form-1, name: 采集表, items: [1], issuer: 办理机关, kind: statement, subject: guardian, exempt_by: null, merged_into: one-form, reason: 并入一张表}
  - {id: id-card, name: 监护人居民身份证, items: [1, 2], issuer: 公安机关, kind: licence, subject: guardian, exempt_by: [resident-id-card, hukou.person], coverage: full}
  - {id: register, name: 户口簿, items: [1, 2, 3], issuer: 公安机关, kind: licence, subject: child, exempt_by: [hukou.household, hukou.person], exempt_mode: all, coverage: conditional, condition: 已迁入本县}
  - {id: no-house, name: 无房证明, items: [0, 3], issuer: 不动产登记机构, kind: data, subject: guardian, exempt_by: [realestate.ownership], exempt_when: answer, coverage: full, produced_by_item: 3}
  - {id: no-crime, name: 无犯罪记录证明, items: [1], issuer: 公安机关, kind: data, subject: guardian, exempt_by: [crime.background-check], coverage: full}
  - id: photo
    name: 近期照片
    items: [1]
    issuer: 申请人
    kind: photo
    subject: child
    exempt_by: null
    left_code: photo
    reason: 照片须上传
  fields:
  - {id: stage, label: 学段, type: code, code_table: school-stage, required: true, fill_from: applicant, subject: child}
  - {id: child_name, label: 儿童姓名, type: string, required: true, fill_from: hukou.household.member_name, subject: child}
  - {id: guardian_name, label: 监护人姓名, type: string, required: true, fill_from: resident-id-card.name, subject: guardian}
  - {id: child_gender, label: 儿童性别, type: code, code_table: gender, required: false, fill_from: hukou.person.gender, subject: child}
"""

_OWN_RESOURCES = """\
resources:
- id: realestate.ownership
  name: 演示县不动产登记信息
  name_en: Ownership in this county
  provider: 县不动产登记中心
  subject_kind: person
  records: many
  query_keys: [{id: id_number, type: id-number, required: true}]
  sharing: unconditional
  update_frequency: realtime
  interface: {kind: rest, system: 县系统}
  quirks: []
  no_record: 无
  fields:
  - {id: certificate_no, label: 不动产权证号, type: string, source: zh, sensitivity: personal, example: ''}
  - {id: location, label: 坐落, type: string, source: zl, sensitivity: personal, example: ''}
"""

_AUTHORITIES = """\
authorities:
- {name: 县教体局, uscc: 11990000000000107Q}
- {name: 县司法局}
"""

Files = dict[str, str]


def files() -> Files:
    """The text of every file, by the name that complaints give it."""
    return {
        TABLES: _TABLES,
        TYPES: _TYPES,
        RESOURCES: _RESOURCES,
        BUNDLES: _BUNDLES,
        MATERIALS: _MATERIALS,
        OWN_RESOURCES: _OWN_RESOURCES,
        AUTHORITIES: _AUTHORITIES,
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of a catalog were written."""

    counties: Path
    national: Path

    def load(self) -> Catalog:
        """The catalog of these files, or `InvalidCatalog`."""
        return load(self.counties, national=self.national)


def written(folder: Path, texts: Mapping[str, str | bytes]) -> Place:
    """Write the files below `folder`: the national ones and one folder for each county."""
    place = Place(folder / "counties", folder / "national")
    place.counties.mkdir(parents=True)
    place.national.mkdir()
    for name, text in texts.items():
        national = name.startswith("catalog/data/")
        path = place.national / Path(name).name if national else place.counties / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return place


@cache
def small_catalog() -> Catalog:
    """The small catalog, loaded once."""
    with tempfile.TemporaryDirectory() as folder:
        return written(Path(folder), files()).load()
