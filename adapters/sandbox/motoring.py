"""Vehicles, whose owners are people and enterprises of the county, and driving licences."""

from __future__ import annotations

from datetime import date, timedelta

from adapters.model import Record, Scalar
from adapters.sandbox.county import County
from adapters.sandbox.days import months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.enterprises import Enterprise
from adapters.sandbox.people import Person
from adapters.sandbox.shapes import Trait

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def licence(county: County, person: Person) -> tuple[Record, ...]:
    """The driving licence of `person`; whoever owns a car holds one."""
    draws, age = Draws(county.seed, "licence", person.serial), person.age(county.today)
    if not person.alive or not 18 <= age < 70:
        return ()
    if not (_owns(county, person) or draws.chance("drives", 45)):
        return ()
    first = months_after(county.today, -draws.number("months", 1, max(2, (age - 18) * 12)))
    turns = (county.today.year - first.year) // 6
    since = first.replace(year=first.year + 6 * turns)
    if since > county.today:
        since = since.replace(year=since.year - 6)
    return (
        Record(
            values={
                "licence_no": person.id_number,
                "file_no": f"9901{person.serial:08d}",
                "name": person.name,
                "class": draws.weighted("class", {"C1": 75, "C2": 15, "B2": 8, "A2": 2}),
                "first_issue_date": first.isoformat(),
                "valid_from": since.isoformat(),
                "valid_to": since.replace(year=since.year + 6).isoformat(),
                "issuer": "演A",
                "state": "A",
                "penalty_points": draws.weighted("points", {0: 80, 3: 12, 6: 6, 9: 2}),
                "full_points_cycles": False,
            }
        ),
    )


def _owns(county: County, person: Person) -> bool:
    shape = county.home_of(person).shape
    if not person.alive or not 18 <= person.age(county.today) < 70:
        return False
    told = Trait.MOTORIST in shape.traits and person.role is shape.living_head
    parent = person.role in shape.parents
    return told or (parent and Draws(county.seed, "car", person.serial).chance("owns", 30))


def cars(county: County, person: Person) -> tuple[Record, ...]:
    """The car of `person`."""
    if not _owns(county, person):
        return ()
    draws = Draws(county.seed, "car", person.serial)
    electric = draws.chance("electric", 20)
    age = person.age(county.today)
    months = draws.number("months", 1, max(2, min(150, (age - 18) * 12)))
    return (
        _registered(
            county, draws, person.serial, months, person.name, person.id_number,
            {
                "plate_kind": "52" if electric else "02",
                "vehicle_type": "K33",
                "brand_model": "示例牌EV100" if electric else "示例牌SL7150",
                "use_nature": "A",
                "seats": 5,
                "gross_mass": 1850,
                "curb_mass": 1420,
                "load_mass": None,
                "length_mm": 4650,
                "width_mm": 1810,
                "height_mm": 1490,
                "axles": 2,
                "fuel": "电" if electric else "汽油",
                "wheelbase_mm": 2700,
                "purchase_price": f"{draws.number('price', 60, 300) * 1000}.00",
            },
        ),
    )  # fmt: skip


def lorries(county: County, enterprise: Enterprise) -> tuple[Record, ...]:
    """The lorries of an enterprise; haulage firms have several."""
    draws = Draws(county.seed, "lorry", enterprise.index)
    count = 3 if "物流" in enterprise.name else draws.weighted("count", {0: 75, 1: 25})
    return tuple(_lorry(county, enterprise, at) for at in range(count))


def _lorry(county: County, enterprise: Enterprise, at: int) -> Record:
    draws = Draws(county.seed, "lorry", enterprise.index, at)
    serial = 9_000_000 + enterprise.index * 4 + at
    return _registered(
        county, draws, serial, draws.number("months", 3, 90), enterprise.name, enterprise.uscc,
        {
            "plate_kind": "01",
            "vehicle_type": "H11",
            "brand_model": "示例牌SL1250A",
            "use_nature": "F",
            "seats": 3,
            "gross_mass": 25000,
            "curb_mass": 9800,
            "load_mass": 15070,
            "length_mm": 11980,
            "width_mm": 2550,
            "height_mm": 3900,
            "axles": 3,
            "fuel": "柴油",
            "wheelbase_mm": 5800,
            "purchase_price": "386000.00",
        },
    )  # fmt: skip


def _plate(serial: int) -> str:
    """`演A` and five signs; 24² times 1000 of them, then the next letter of the province."""
    rest, number = divmod(serial, 1000)
    rest, second = divmod(rest, len(_LETTERS))
    office, first = divmod(rest, len(_LETTERS))
    return f"演{_LETTERS[office % 24]}{_LETTERS[first]}{_LETTERS[second]}{number:03d}"


def _registered(
    county: County, draws: Draws, serial: int, months: int, owner: str, code: str,
    what: dict[str, Scalar],
) -> Record:  # fmt: skip
    first = months_after(county.today, -months)
    checked = county.today + timedelta(days=draws.number("checked", 20, 700))
    insured = county.today + timedelta(days=draws.number("insured", 5, 360))
    return Record(
        values={
            "plate_no": _plate(serial),
            "owner_name": owner,
            "owner_code": code,
            "vin": f"L99DEM0A{serial:09d}",
            "engine_no": f"DEMO{serial:07d}",
            **what,
            "first_registered": first.isoformat(),
            "inspection_valid_to": checked.isoformat(),
            "compulsory_insurance_to": insured.isoformat(),
            "scrap_date": date(first.year + 15, first.month, first.day).isoformat(),
            "mortgaged": draws.chance("mortgaged", 15),
            "state": "A",
        }
    )
