"""The closed table of converters: a raw value becomes a canonical one, or cannot be read.

A converter gets what the document holds and gives the canonical value, or None for “the record has
no value” (nothing, blanks, a date of zeros). What is there but cannot be read raises `Unreadable`:
it is never turned into an empty value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from types import NoneType
from typing import Any, TypeVar

from adapters.model import Scalar
from catalog.model import FieldType

T = TypeVar("T")

CHINA = timezone(timedelta(hours=8))
"""Departments write local time without an offset; China has had one zone and no summer time since
1991."""

Converter = Callable[[Any], Scalar]


class Unreadable(ValueError):
    """A value is there but is not of its kind. Carries no value: it may be personal."""


class As(StrEnum):
    """What a value is read as."""

    STRING = "string"
    DATE = "date"
    DATETIME = "datetime"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    ID18 = "id18"
    AREA = "area"
    MU = "mu"
    HECTARE = "hectare"
    MONEY = "money"
    FEN = "fen"
    WAN = "wan"


DEFAULT: Mapping[FieldType, As] = {
    FieldType.STRING: As.STRING,
    FieldType.CODE: As.STRING,
    FieldType.DATE: As.DATE,
    FieldType.INTEGER: As.INTEGER,
    FieldType.DECIMAL: As.DECIMAL,
    FieldType.BOOLEAN: As.BOOLEAN,
}
"""How a field is read where the manifest does not say."""

FITS: Mapping[FieldType, frozenset[As]] = {
    FieldType.STRING: frozenset({As.STRING, As.DATE, As.DATETIME, As.DECIMAL, As.ID18, As.AREA}),
    FieldType.CODE: frozenset({As.STRING}),
    FieldType.DATE: frozenset({As.DATE}),
    FieldType.INTEGER: frozenset({As.INTEGER}),
    FieldType.DECIMAL: frozenset(
        {As.DECIMAL, As.AREA, As.MU, As.HECTARE, As.MONEY, As.FEN, As.WAN}
    ),
    FieldType.BOOLEAN: frozenset({As.BOOLEAN}),
}
"""What a field of that type may be read as."""

DATE_FORMS = (
    "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
    "%Y年%m月%d日", "%Y.%m.%d", "%Y%m%d%H%M%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S.%f%z",
)  # fmt: skip
DATETIME_FORMS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f", "%Y%m%d%H%M%S", "%Y/%m/%d %H:%M:%S",
    "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日%H时%M分%S秒", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M",
)  # fmt: skip
"""Read where the manifest gives no form."""

_YES = frozenset({"1", "true", "y", "yes", "t", "是", "有"})
_NO = frozenset({"0", "false", "n", "no", "f", "否", "无"})
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_DECIMAL = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")
_ZEROS = re.compile(r"[0\-/. :年月日T]+")
_FOREVER = frozenset({"长期", "长期有效", "永久", "永久有效", "无固定期限"})
FOREVER = "9999-12-31"
"""The canonical date for “no end” (长期), and what registers with date columns write for it."""
_SQUARE_METRES: Mapping[str, Fraction] = {
    "平方米": Fraction(1), "平米": Fraction(1), "㎡": Fraction(1), "m²": Fraction(1),
    "m2": Fraction(1), "M2": Fraction(1), "公顷": Fraction(10_000), "亩": Fraction(2000, 3),
}  # fmt: skip
_YUAN: Mapping[str, int] = {"亿元": 8, "万元": 4, "元": 0, "圆": 0}
"""Unit → power of ten."""
_EXACT = Context(prec=100)
"""Enough for every number that is read here, so that a change of unit rounds nothing."""
_DIRECTIVES = {"Y": r"\d{4}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "M": r"\d{2}",
               "S": r"\d{2}", "f": r"\d{1,9}", "z": r"Z|[+-]\d{2}:?\d{2}"}  # fmt: skip
_EPOCHS = {"epoch-s": 1, "epoch-ms": 1000}
_EXCEL = "excel"
"""Serial numbers of spreadsheets: days since 1899-12-30, the time of day behind the point."""


def _plain(number: Decimal) -> str:
    """Digits without an exponent. What would need a page of zeros is no number of a register."""
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise Unreadable
    return format(number, "f")


_UNHOLDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs: no database and no answer of ours holds them."""


def _stripped(raw: str) -> str | None:
    value = raw.strip()
    if _UNHOLDABLE.search(value):
        raise Unreadable
    return value or None


_TEXTS: Mapping[type, Callable[[Any], str | None]] = {
    str: _stripped,
    NoneType: lambda _: None,
    bool: lambda raw: "true" if raw else "false",
    int: str,
    Decimal: _plain,
    float: lambda raw: _plain(Decimal(repr(raw))),
    datetime: lambda raw: raw.isoformat(sep=" "),
    date: date.isoformat,
}


def text(raw: Any) -> str | None:
    """The value as stripped text; None for nothing and for blanks.

    Raises:
        Unreadable: It is no scalar.
    """
    read = _TEXTS.get(type(raw), _stripped if isinstance(raw, str) else None)
    if read is None:
        raise Unreadable
    return read(raw)


def _string(raw: Any) -> Scalar:
    return text(raw)


def _integer(raw: Any) -> Scalar:
    value = text(raw)
    if value is None:
        return None
    whole = value.removesuffix(".0")
    if isinstance(raw, bool) or not _INTEGER.fullmatch(whole):
        raise Unreadable
    return int(whole)


def _decimal(raw: Any) -> Scalar:
    """Canonical text with the digits as received: `+098.50` is `98.50`, nothing is rounded."""
    value = text(raw)
    if value is None:
        return None
    if isinstance(raw, bool) or not _DECIMAL.fullmatch(value):
        raise Unreadable
    try:
        return _plain(Decimal(value))
    except InvalidOperation:
        raise Unreadable from None


def _boolean(raw: Any) -> Scalar:
    value = text(raw)
    if value is None:
        return None
    word = value.lower()
    if word not in _YES and word not in _NO:
        raise Unreadable
    return word in _YES


def _id18(raw: Any) -> Scalar:
    """Citizen numbers: 15 digits become 18 (GB 11643: 19 inserted, check digit of ISO 7064
    MOD 11-2). Only the shape is checked: what a register holds is not refused for its digit.
    """
    value = text(raw)
    if value is None:
        return None
    number = value.upper()
    if re.fullmatch(r"[0-9]{15}", number):
        body = f"{number[:6]}19{number[6:]}"
        total = sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(body))
        return body + "10X98765432"[total % 11]
    if re.fullmatch(r"[0-9]{17}[0-9X]", number):
        return number
    raise Unreadable


def _fen(raw: Any) -> Scalar:
    """Money in fen (分), as core systems of funds and taxes keep it, becomes yuan."""
    whole = _integer(raw)
    return None if whole is None else _plain(Decimal(int(whole)).scaleb(-2))


def _wan(raw: Any) -> Scalar:
    """Money in 万元, as registers of capital keep it, becomes yuan."""
    return _scaled(_decimal(raw), 4)


def _money(raw: Any) -> Scalar:
    """Money as it is written for people, with unit and thousands marks, becomes yuan."""
    number, unit = _with_unit(text(raw), _YUAN)
    return _scaled(_decimal(number and number.lstrip("¥￥ ")), _YUAN.get(unit, 0))


def _scaled(value: Scalar, power: int) -> Scalar:
    """The decimal text times a power of ten."""
    if value is None or not power:
        return value
    return _plain(Decimal(str(value)).scaleb(power, _EXACT))


def _area(raw: Any) -> Scalar:
    """Square metres; 公顷 and 亩 are converted where they stand behind the number."""
    number, unit = _with_unit(text(raw), _SQUARE_METRES)
    return _metres(_decimal(number), _SQUARE_METRES.get(unit, Fraction(1)))


def _mu(raw: Any) -> Scalar:
    """An area in 亩 (2000/3 ㎡) becomes square metres."""
    return _metres(_decimal(raw), _SQUARE_METRES["亩"])


def _hectare(raw: Any) -> Scalar:
    """An area in 公顷 becomes square metres."""
    return _metres(_decimal(raw), _SQUARE_METRES["公顷"])


def _metres(value: Scalar, unit: Fraction) -> Scalar:
    """`value` in square metres: as received where nothing has to be converted, else to the
    hundredth, as areas are registered.
    """
    if value is None or unit == 1:
        return value
    hundredths = round(Fraction(Decimal(str(value))) * unit * 100)
    return _plain(Decimal(hundredths).scaleb(-2, _EXACT))


def _with_unit(value: str | None, units: Iterable[str]) -> tuple[str | None, str]:
    """The number without thousands marks, and the unit behind it; empty for none."""
    if value is None:
        return None, ""
    unit = next((each for each in units if value.endswith(each)), "")
    return value.removesuffix(unit).rstrip().replace(",", "").replace("，", ""), unit


class Form:
    """A compiled date form: a subset of `strptime` that is as strict as it looks.

    `strptime` reads `2024115` with `%Y%m%d`, one way or the other; here months and days have one
    digit only where a separator stands on both sides.
    """

    def __init__(self, form: str) -> None:
        """Compile `form`.

        Raises:
            ValueError: A directive is unknown or twice there, or there is no `%Y`.
        """
        self.per_second = _EPOCHS.get(form, 0)
        self.serial = form == _EXCEL
        self.names: tuple[str, ...] = ()
        self.pattern = re.compile(self._number() or self._pattern(form))

    def _number(self) -> str:
        """The pattern of a form that is a number; empty for one that is written with digits."""
        if self.serial:
            return r"[1-9]\d{0,6}(\.\d{1,12})?"
        return r"-?\d{1,15}" if self.per_second else ""

    def _pattern(self, form: str) -> str:
        pieces = re.findall(r"%.|[^%]+|%$", form)
        parts: list[str] = []
        for at, piece in enumerate(pieces):
            if not piece.startswith("%"):
                parts.append(re.escape(piece))
                continue
            shape = _DIRECTIVES.get(piece[1:])
            if shape is None or piece[1:] in self.names:
                raise ValueError(f"{piece} is not known or is there twice")
            self.names += (piece[1:],)
            beside = pieces[at - 1 : at] + pieces[at + 1 : at + 2] if at else pieces[1:2]
            if any(each.startswith("%") for each in beside):
                shape = shape.replace(r"\d{1,2}", r"\d{2}")
            parts.append(f"({shape})")
        if "Y" not in self.names or ("d" in self.names and "m" not in self.names):
            raise ValueError("a form has %Y, and %m where it has %d")
        return "".join(parts)

    def parts(self, value: str) -> Mapping[str, str] | None:
        """Directive → digits, or None where the text has another form."""
        found = self.pattern.fullmatch(value)
        return dict(zip(self.names, found.groups(), strict=True)) if found else None

    def moment(self, value: str) -> datetime | None:
        """The moment `value` names, aware; None where the text has another form.

        Raises:
            ValueError: The form fits but there is no such day or time.
        """
        if self.per_second:
            if not self.pattern.fullmatch(value):
                return None
            epoch = datetime(1970, 1, 1, tzinfo=CHINA) + timedelta(hours=8)
            return epoch + timedelta(milliseconds=int(value) * 1000 // self.per_second)
        if self.serial:
            return _serial(value) if self.pattern.fullmatch(value) else None
        parts = self.parts(value)
        if parts is None:
            return None
        zone = CHINA
        if offset := parts.get("z"):
            zone = timezone(_offset(offset))
        micro = int(parts.get("f", "0")[:6].ljust(6, "0"))
        hour, minute, second = (int(parts.get(name, 0)) for name in "HMS")
        return datetime(
            int(parts["Y"]), int(parts.get("m", 1)), int(parts.get("d", 1)),
            hour, minute, second, micro, zone,
        )  # fmt: skip

    def day(self, value: str) -> str | None:
        """The ISO date `value` names, no more precise than the form: `2018-07`, `2018`."""
        moment = self.moment(value)
        if moment is None:
            return None
        day = moment.date().isoformat()
        if self.per_second or self.serial or "d" in self.names:
            return day
        return day[:7] if "m" in self.names else day[:4]


def _serial(value: str) -> datetime:
    """The moment of a spreadsheet's serial number.

    Raises:
        ValueError: It lies before March 1900: a spreadsheet believes that 1900 was a leap year.
    """
    days, _, fraction = value.partition(".")
    if int(days) <= 60:
        raise ValueError("before the day that never was")
    seconds = round(Fraction(f"0.{fraction or 0}") * 86_400)
    return datetime(1899, 12, 30, tzinfo=CHINA) + timedelta(days=int(days), seconds=seconds)


def _offset(text_: str) -> timedelta:
    if text_ == "Z":
        return timedelta()
    sign = -1 if text_[0] == "-" else 1
    return sign * timedelta(hours=int(text_[1:3]), minutes=int(text_[-2:]))


def _date_reader(forms: tuple[Form, ...]) -> Converter:
    def read(raw: Any) -> Scalar:
        if isinstance(raw, date):  # a datetime is one too
            return raw.isoformat()[:10]
        value = text(raw)
        if value is None or _ZEROS.fullmatch(value):
            return None
        return FOREVER if value in _FOREVER else _first(forms, value, Form.day)

    return read


def _datetime_reader(forms: tuple[Form, ...]) -> Converter:
    def read(raw: Any) -> Scalar:
        moment = moment_of(raw, forms)
        return moment.isoformat() if moment else None

    return read


def moment_of(raw: Any, forms: tuple[Form, ...]) -> datetime | None:
    """The moment `raw` names, with an offset (China's where it says none).

    Raises:
        Unreadable: It is neither empty nor in one of the forms.
    """
    if isinstance(raw, datetime):
        return raw if raw.tzinfo else raw.replace(tzinfo=CHINA)
    value = text(raw)
    if value is None or _ZEROS.fullmatch(value):
        return None
    return _first(forms, value, Form.moment)


def _first(forms: tuple[Form, ...], value: str, read: Callable[[Form, str], T | None]) -> T:
    """What the first form that fits makes of `value`."""
    for form in forms:
        try:
            found = read(form, value)
        except (ValueError, OverflowError):
            continue
        if found is not None:
            return found
    raise Unreadable


_PLAIN: Mapping[As, Converter] = {
    As.STRING: _string,
    As.INTEGER: _integer,
    As.DECIMAL: _decimal,
    As.BOOLEAN: _boolean,
    As.ID18: _id18,
    As.AREA: _area,
    As.MU: _mu,
    As.HECTARE: _hectare,
    As.MONEY: _money,
    As.FEN: _fen,
    As.WAN: _wan,
}


def converter(kind: As, forms: tuple[str, ...] = ()) -> Converter:
    """The converter for `kind`; `forms` are for dates and times.

    Raises:
        ValueError: A form is not one of ours.
    """
    if kind is As.DATE:
        return _date_reader(tuple(Form(form) for form in forms or DATE_FORMS))
    if kind is As.DATETIME:
        return _datetime_reader(tuple(Form(form) for form in forms or DATETIME_FORMS))
    return _PLAIN[kind]
