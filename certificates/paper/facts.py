"""What a paper code says of one certificate, as values and as CBOR.

```text
1 type id            2 edition                3 [type code, issuer, serial, version, check]
4 {position: value}  of the face items, positions from nought in the order of the edition's items
5 [position]         items that are filled and not told; absent where there are none
6 issuing authority; absent where the face says it
7 [list, place]      on a status list; absent where it has none
8 [issued, first day, last day, printed]
value = day | text | [value], one for each line of a repeated item
day   = days since 1970-01-01
text  = CBOR text; where that is shorter, bytes in GB 18030
```

GB 18030 writes a Chinese character in two bytes where UTF-8 takes three. The few characters whose
place differs between its editions (2000, 2005, 2022) stay UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from catalog import CertificateIdentifier, InvalidCode, parse_certificate_id
from catalog.codes import CERTIFICATE_ROOT
from certificates.errors import MalformedData
from certificates.face import DAY
from certificates.paper import cbor
from certificates.paper.cbor import Plain

EPOCH = date(1970, 1, 1)
MAX_POSITION = 999
MAX_TEXT = 4096
"""Characters; more than a QR code holds."""
MAX_LINES = 200
MAX_EDITION = 999_999
_UNSURE = re.compile(
    "[\\u1e3f\\u9fb4-\\u9fbb\\ue000-\\uf8ff\\ufe10-\\ufe19"
    "\\U00020087\\U00020089\\U000200cc\\U000215d7\\U0002298f\\U000241fe]"
)
"""Characters that editions of GB 18030 put in different places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPlace:
    """Where a status list tells of the certificate."""

    list_id: str
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFacts:
    """Everything that a paper code says."""

    type_id: str
    edition: int
    identifier: CertificateIdentifier
    items: Mapping[int, tuple[str, ...]] = field(repr=False)
    """Position of a face item → its values as `FaceEntry` has them, one a line."""
    left_out: tuple[int, ...]
    """Items that are filled and stand on paper alone, in order."""
    authority: str
    """Empty where the face says it."""
    status: StatusPlace | None
    issued_on: date
    valid_from: date
    valid_to: date
    printed_on: date

    def __bytes__(self) -> bytes:
        """The one form."""
        return cbor.written(_payload(self))


def read_facts(content: bytes) -> PaperFacts:
    """The facts.

    Raises:
        MalformedData: `cbor`, `not-plain`, `not-canonical`, `shape`.
    """
    tree = cbor.read(content)
    try:
        facts = _facts(tree)
    except (AttributeError, InvalidCode, KeyError, OverflowError, TypeError, ValueError):
        raise MalformedData("shape") from None
    if bytes(facts) != content:
        raise MalformedData("not-canonical")
    return facts


# --- writing ----------------------------------------------------------------------------------


def _payload(facts: PaperFacts) -> dict[int, Plain]:
    of = facts.identifier
    days = (facts.issued_on, facts.valid_from, facts.valid_to, facts.printed_on)
    made: dict[int, Plain] = {
        1: facts.type_id,
        2: facts.edition,
        3: [of.type_code, of.issuer, of.serial, of.version, of.check],
        4: {position: _item(lines) for position, lines in facts.items.items()},
        8: [_days(day) for day in days],
    }
    if facts.left_out:
        made[5] = list(facts.left_out)
    if facts.authority:
        made[6] = _text(facts.authority)
    if facts.status is not None:
        made[7] = [facts.status.list_id, facts.status.place]
    return made


def _days(day: date) -> int:
    return (day - EPOCH).days


def _item(lines: Sequence[str]) -> Plain:
    """A single line stands alone; several, or none, are a list."""
    return _value(lines[0]) if len(lines) == 1 else [_value(line) for line in lines]


def _value(line: str) -> Plain:
    if DAY.fullmatch(line):
        try:
            return _days(date.fromisoformat(line))
        except ValueError:
            pass
    return _text(line)


def _text(text: str) -> str | bytes:
    plain = text.encode()
    if _UNSURE.search(text):
        return text
    packed = text.encode("gb18030")
    return packed if len(packed) < len(plain) else text


# --- reading ----------------------------------------------------------------------------------


def _facts(tree: Plain) -> PaperFacts:
    if not isinstance(tree, dict) or set(tree) - set(range(1, 9)):
        raise TypeError
    issued_on, valid_from, valid_to, printed_on = map(_day, tree[8])
    left_out, status = tuple(tree.get(5, ())), tree.get(7)
    items = {_position(position): _lines(value) for position, value in tree[4].items()}
    if set(map(_position, left_out)) & set(items) or list(left_out) != sorted(set(left_out)):
        raise ValueError
    return PaperFacts(
        type_id=_bounded(tree[1]),
        edition=_within(tree[2], 1, MAX_EDITION),
        identifier=_identifier(*tree[3]),
        items=items,
        left_out=left_out,
        authority=_told(tree[6]) if 6 in tree else "",
        status=None if status is None else _status(*status),
        issued_on=issued_on,
        valid_from=valid_from,
        valid_to=valid_to,
        printed_on=printed_on,
    )


def _identifier(
    type_code: Plain, issuer: Plain, serial: Plain, version: Plain, check: Plain
) -> CertificateIdentifier:
    number = f"{_within(version, 0, 999):03d}"
    parts = (CERTIFICATE_ROOT, *map(_bounded, (type_code, issuer, serial)), number, _bounded(check))
    found = parse_certificate_id(".".join(parts))
    if not found.check_ok:
        raise ValueError
    return found


def _status(list_id: Plain, place: Plain) -> StatusPlace:
    return StatusPlace(list_id=_bounded(list_id), place=_within(place, 0, 1 << 32))


def _lines(value: Plain) -> tuple[str, ...]:
    if isinstance(value, list):
        if len(value) > MAX_LINES:
            raise ValueError
        return tuple(_line(each) for each in value)
    return (_line(value),)


def _line(value: Plain) -> str:
    return _day(value).isoformat() if isinstance(value, int) else _told(value)


def _told(value: Plain) -> str:
    return _bounded(value.decode("gb18030") if isinstance(value, bytes) else value)


def _bounded(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise TypeError
    return value


def _day(value: Plain) -> date:
    if not isinstance(value, int):
        raise TypeError
    return EPOCH + timedelta(days=value)


def _position(value: Plain) -> int:
    return _within(value, 0, MAX_POSITION)


def _within(value: Plain, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError
    return value
