"""Invented enterprises: who they are, who stands for them, what they own and owe.

Six hundred households bring forty enterprises: each is run by the head of one of them, and their
members work in these forty. So an enterprise is computed without any other, and a county of 10⁶
people has 2×10⁴ of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stdnum.cn import uscc as stdnum_uscc

from adapters.sandbox.days import months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.homes import Owner, Property, factory_of
from adapters.sandbox.people import Person

COUNT = 40
"""How many stand together."""
AMONG = 600
"""Households that bring them."""
_FIRST_HEAD = 60
"""The first of those households whose head runs one; those before may be named cases."""
SETTLED = _FIRST_HEAD + COUNT
"""Households after which the forty of a neighbourhood are there."""
BANKRUPT = 0
"""Index of the enterprise whose bankruptcy the court has accepted; the first of all."""

PUNISHED = 1
"""Index of the one that was punished, has done what it had to, and wants its credit repaired."""

_WORDS = ("样例", "示范", "示例", "模板", "标兵", "范本", "典型", "样本")
_TRADES = ("制造", "纺织", "食品", "建材", "机械", "置业", "物流", "商贸", "餐饮", "电子")
_MARKS = "宏德信达恒泰兴隆裕丰嘉和瑞祥安顺"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11714."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    """An enterprise as the social-insurance register and the real-estate register know it."""

    index: int
    name: str
    uscc: str
    employer_no: str
    address: str
    legal_rep: Person
    contact: Person
    established: date
    arrears: str
    """In yuan, two decimals."""
    injury_rate: str
    state: str
    """Enrolment state of the catalog's table."""
    uscc_recorded: bool
    """False: the social-insurance register has the enterprise without its identifier, as old
    stock has."""
    property: Property | None


def is_closing(index: int) -> bool:
    """Enterprise number `index` is about to be struck off: all paid, nobody employed."""
    return index % COUNT == COUNT - 1


def run_by(index: int) -> int:
    """Index of the household whose head runs enterprise number `index`."""
    return index // COUNT * AMONG + _FIRST_HEAD + index % COUNT


def hiring(household: int) -> range:
    """Indexes of the enterprises in which the members of a household may work. The last of forty
    is about to close and employs nobody any more.
    """
    first = max(0, (household - SETTLED) // AMONG) * COUNT
    return range(first, first + COUNT - 1)


def count_of(households: int) -> int:
    """How many enterprises so many households bring."""
    return (max(0, households - SETTLED) // AMONG + 1) * COUNT


def name_of(index: int) -> str:
    """The name of enterprise number `index`; no two are the same."""
    word = _WORDS[index % len(_WORDS)]
    trade = _TRADES[(index % len(_WORDS) * 3 + index // len(_WORDS)) % len(_TRADES)]
    again = index // (len(_WORDS) * len(_TRADES))
    mark = _MARKS[again // len(_MARKS)] + _MARKS[again % len(_MARKS)] if again else ""
    return f"示范县{mark}{word}{trade}有限公司"


def employer_no_of(index: int) -> str:
    """Its number in social insurance."""
    return f"9901{index + 1:06d}"


def uscc_of(index: int) -> str:
    """Its unified social credit identifier (GB 32100), organisation code included (GB 11714)."""
    base = f"MA{index + _BASE:06d}"
    pairs = zip(base, _ORGANISATION_WEIGHTS, strict=True)
    rest = 11 - sum(int(sign, 36) * weight for sign, weight in pairs) % 11
    body = f"91990101{base}" + {10: "X", 11: "0"}.get(rest, str(rest))
    return f"{body}{stdnum_uscc.calc_check_digit(body)}"


def index_of(uscc: str) -> int | None:
    """Which enterprise has that identifier; None where none has."""
    base = uscc[10:16]
    if not (len(base) == 6 and base.isascii() and base.isdecimal() and int(base) >= _BASE):
        return None
    index = int(base) - _BASE
    return index if uscc_of(index) == uscc else None


_BASE = 100


def enterprise(
    seed: str, today: date, index: int, legal_rep: Person, contact: Person
) -> Enterprise:
    """Enterprise number `index`, run by people of the population."""
    draws = Draws(seed, "enterprise", index)
    bankrupt = index == BANKRUPT
    name, uscc = name_of(index), uscc_of(index)
    address = f"示范县示例产业园{index + 1}号"
    owns = bankrupt or draws.chance("owns", 60)
    owner = Owner(name=name, code=uscc, share="全部")
    closing = is_closing(index)
    owes = bankrupt or (draws.chance("owes", 15) and not closing)
    return Enterprise(
        index=index,
        name=name,
        uscc=uscc,
        employer_no=employer_no_of(index),
        address=address,
        legal_rep=legal_rep,
        contact=contact,
        established=months_after(today, -draws.number("months", 130, 300)),
        arrears=f"{draws.number('arrears', 8_000, 900_000)}.50" if owes else "0.00",
        injury_rate=draws.one_of("rate", ("0.002", "0.007", "0.012")),
        state="2" if bankrupt else "1",
        uscc_recorded=bankrupt
        or closing
        or index == PUNISHED
        or not draws.chance("unrecorded", 10),
        property=factory_of(seed, today, index, owner, address) if owns else None,
    )
