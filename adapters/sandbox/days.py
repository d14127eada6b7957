"""Dates for an invented population: everything hangs on one given day.

Birthdays hang on the year, so that a person keeps the number all year; permits, payments and moves
hang on the day itself, so that what should be recent is recent whenever the sandbox runs.
"""

from __future__ import annotations

from datetime import date, timedelta

DAYS = 365
"""Birthdays are days of a common year: nobody is born on 29 February."""


def born(today: date, age: int, day_of_year: int) -> date:
    """The birth date of somebody who is `age` on 31 August of this year, the day that decides who
    enters school.

    Args:
        today: Only the year counts.
        age: Whole years, at least 1, so that nobody is born in the future.
        day_of_year: 0 for 1 January to 364 for 31 December.
    """
    day = date(2001, 1, 1) + timedelta(days=day_of_year)
    year = today.year - age - (day > date(2001, 8, 31))
    return day.replace(year=year)


def months_after(day: date, months: int) -> date:
    """`day` some months later (or earlier), on the 28th at most."""
    return month_of(day, months).replace(day=min(day.day, 28))


def month_of(day: date, months: int = 0) -> date:
    """The first day of the month that lies `months` after that of `day`."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def anniversary_before(today: date, day: date) -> date:
    """The last anniversary of `day` that is not after `today`; `day` is at most the 28th."""
    this_year = day.replace(year=today.year)
    return this_year if this_year <= today else day.replace(year=today.year - 1)
