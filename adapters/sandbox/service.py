"""Veterans and what they are given when they leave the army."""

from __future__ import annotations

from adapters.model import Record
from adapters.sandbox.county import County
from adapters.sandbox.days import month_of
from adapters.sandbox.draws import Draws
from adapters.sandbox.names import MALE
from adapters.sandbox.people import Person
from adapters.sandbox.places import HERE
from adapters.sandbox.shapes import Trait


def veteran(county: County, person: Person) -> tuple[Record, ...]:
    """The veteran's record of `person`. Months only: nobody wrote days down."""
    shape, draws = county.home_of(person).shape, Draws(county.seed, "veteran", person.serial)
    told = Trait.VETERAN in shape.traits and person.role is shape.living_head
    age = person.age(county.today)
    drawn = person.gender == MALE and 24 <= age < 60 and draws.chance("served", 3)
    if not person.alive or not (told or drawn):
        return ()
    months = draws.number("months", 24, 60)
    left = month_of(county.today, -(12 if told else draws.number("left", 6, 12 * (age - 23))))
    joined = month_of(left, -months)
    return (
        Record(
            values={
                "name": person.name,
                "id_number": person.id_number,
                "service_from": f"{joined.year}.{joined.month:02d}",
                "service_to": f"{left.year}.{left.month:02d}",
                "service_months": months,
                "enlistment_place": HERE.name,
                "placement": "4",
                "discharge_no": f"退字第99{person.serial:07d}号",
                "card_no": f"990101{person.serial:07d}",
                "honours": draws.weighted("honours", {None: 80, "嘉奖一次": 20}),
                "receive_notice_no": f"示退接〔{left.year}〕{person.serial:07d}号",
                "bank_account": f"999{person.serial:016d}",
                "state": "在册",
            }
        ),
    )
