"""The values of this room: how a type is issued, and what stands on the face of one certificate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from catalog import CertificateType


class Category(StrEnum):
    """目录类别, as national directories use it beside GB/T 36902."""

    LICENCE = "licence"
    """证照."""
    APPROVAL = "approval"
    """批文."""
    PROOF = "proof"
    """证明."""
    MATERIAL = "material"
    """材料; also a sealed result document that is no licence."""
    DOCUMENT = "document"
    """证件."""


class Tier(StrEnum):
    """机构级别 (GB/T 36902)."""

    NATIONAL = "national"
    PROVINCIAL = "provincial"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    OTHER = "other"


ISSUED_ABOVE = frozenset({Tier.NATIONAL, Tier.PROVINCIAL})
"""国家部委、省局统一签发: no city makes a template for these."""


class CheckKind(StrEnum):
    """A number on a face that proves itself."""

    CITIZEN_ID = "citizen-id"
    USCC = "uscc"
    REAL_ESTATE_UNIT = "real-estate-unit"
    FOOD_LICENCE = "food-licence"
    BIRTH_CERTIFICATE_NO = "birth-certificate-no"


class Mask(StrEnum):
    """What a masked view leaves of a value."""

    NAME = "name"
    """The first character."""
    NUMBER = "number"
    """Six in front and four at the end of a long one; the last two of a short one."""
    ADDRESS = "address"
    """The first six characters: about the county."""
    HIDDEN = "hidden"
    """Nothing."""


class ItemType(StrEnum):
    """The type of a face item. A picture stands on the face as the digest of its bytes."""

    STRING = "string"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CODE = "code"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definer:
    """Who defines a type (证照定义机构)."""

    name: str
    tier: Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderItems:
    """Where on the face a holder stands."""

    name: str
    code: str | None = None
    """None: the number is not on the face and has to be given."""


class End(StrEnum):
    """Where the last day of a certificate comes from."""

    PERMANENT = "permanent"
    GIVEN = "given"
    """Whoever issues says so; the face has no date for it."""
    ITEM = "item"
    """A face item says so: a date, or 长期 where the item is text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidityRule:
    """How long certificates of a type are valid."""

    end: End
    item: str | None = None
    """The face item, where `end` is `ITEM`."""
    years: int | None = None
    """The longest term."""
    ages: tuple[tuple[int, int], ...] = ()
    """(below this age, years), in order; whoever is older gets 长期."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """How one type is issued: the catalog's type, and what makes a certificate of it."""

    type: CertificateType
    category: Category
    definer: Definer
    code: str | None
    """类型代码, 18 + 3; None: not seen in public, so it comes with a claim."""
    issuer_tier: Tier
    number: str
    """The face item that is the certificate's number (ZZBH)."""
    holders: tuple[HolderItems, ...]
    authority: str | None
    """The face item with the issuing authority's name."""
    issued_on: str | None
    valid_from: str | None
    validity: ValidityRule
    initials: Mapping[str, str]
    """Item → pinyin initials; `KZ_` and these name it in the metadata."""
    checks: Mapping[str, CheckKind]
    masks: Mapping[str, Mask]

    @property
    def id(self) -> str:
        """The catalog's id."""
        return self.type.id

    @property
    def issued_above(self) -> bool:
        """Is it issued by a ministry or the province, so that no local template may exist?"""
        return self.issuer_tier in ISSUED_ABOVE


LONG_TERM = "长期"
"""How the face says that there is no last day."""
FOREVER = date(9999, 12, 31)
"""How the metadata say it."""


class HolderKind(StrEnum):
    """持证主体代码类型代码 (GB/T 36903, as implementations have it)."""

    USCC = "001"
    OTHER_ORGANISATION = "099"
    CITIZEN_ID = "111"
    OFFICER = "114"
    POLICE_OFFICER = "115"
    SOLDIER = "118"
    POLICE_SOLDIER = "119"
    CIVILIAN = "120"
    POLICE_CIVILIAN = "122"
    DIPLOMATIC_PASSPORT = "411"
    SERVICE_PASSPORT = "412"
    PUBLIC_PASSPORT = "413"
    PASSPORT = "414"
    TAIWAN_PERMIT = "511"
    HONGKONG_MACAO_PERMIT = "516"
    HONGKONG_MACAO_RESIDENCE = "551"
    TAIWAN_RESIDENCE = "552"
    OTHER_PERSON = "999"

    @property
    def label(self) -> str:
        """持证主体代码类型."""
        return _HOLDER_LABELS[self]


_HOLDER_LABELS = {
    HolderKind.USCC: "统一社会信用代码",
    HolderKind.OTHER_ORGANISATION: "其他法人或其他组织有效证件代码",
    HolderKind.CITIZEN_ID: "公民身份号码",
    HolderKind.OFFICER: "解放军军官证",
    HolderKind.POLICE_OFFICER: "武警警官证",
    HolderKind.SOLDIER: "解放军士兵证",
    HolderKind.POLICE_SOLDIER: "武警士兵证",
    HolderKind.CIVILIAN: "解放军文职人员证",
    HolderKind.POLICE_CIVILIAN: "武警文职人员证",
    HolderKind.DIPLOMATIC_PASSPORT: "外交护照",
    HolderKind.SERVICE_PASSPORT: "公务护照",
    HolderKind.PUBLIC_PASSPORT: "公务普通护照",
    HolderKind.PASSPORT: "普通护照",
    HolderKind.TAIWAN_PERMIT: "台湾居民来往大陆通行证",
    HolderKind.HONGKONG_MACAO_PERMIT: "港澳居民来往内地通行证",
    HolderKind.HONGKONG_MACAO_RESIDENCE: "港澳居民居住证",
    HolderKind.TAIWAN_RESIDENCE: "台湾居民居住证",
    HolderKind.OTHER_PERSON: "其他自然人有效证件",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose certificate it is (持证主体). Its name and number never stand in a log."""

    name: str = field(repr=False)
    code: str = field(repr=False)
    kind: HolderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A body by its legal name and unified social credit identifier."""

    name: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEntry:
    """One item of a face as it will be painted and embedded (照面项)."""

    id: str
    label: str
    type: ItemType
    values: tuple[str, ...] = field(repr=False)
    """One for each line, a single one unless repeated, none where it is empty. Dates as
    `2025-03-12`, codes as codes, booleans as `true`, pictures as `sm3:` and 64 digits."""
    texts: tuple[str, ...] = field(repr=False)
    """The same as people read them: `2025年3月12日`, the label of the code, 是. A picture has ""."""
    repeated: bool = False

    @property
    def text(self) -> str:
        """The painted text; lines of a repeated item one below the other."""
        return "\n".join(self.texts)

    @property
    def value(self) -> str:
        """The value of an item that is not repeated; empty where there is none."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """The face of one certificate: every item of its type, in the type's order."""

    type_id: str
    items: tuple[FaceEntry, ...]

    def get(self, item_id: str) -> FaceEntry:
        """Raises:
        KeyError: The type has no such item.
        """
        for item in self.items:
            if item.id == item_id:
                return item
        raise KeyError(item_id)


PICTURE_FORM = re.compile(r"sm3:[0-9a-f]{64}")
"""How a face refers to a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: an account, and the organisation it acts for, by its identifier. Never a citizen."""

    account: str
    organisation: str
