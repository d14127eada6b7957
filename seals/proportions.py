"""How large a seal is and what stands in it (国发〔1999〕25号), and the proportions that it leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Whose seal it is, as 国发〔1999〕25号 tells them apart."""

    STATE_COUNCIL = "state-council"
    PROVINCE = "province"
    """Governments of provinces, the State Council's office, ministries and commissions."""
    NATIONAL_BUREAU = "national-bureau"
    """Administered by a ministry."""
    CITY = "city"
    """Governments of prefectures and cities with districts."""
    COUNTY = "county"
    """Governments of counties, county-level cities and districts."""
    PREFECTURE_OFFICE = "prefecture-office"
    """地区行政公署."""
    TOWNSHIP = "township"
    DEPARTMENT = "department"
    """Departments, inner organs, agencies and branch offices of governments."""
    INSTITUTION = "institution"
    """Enterprises, institutions and social organisations."""


class Centre(StrEnum):
    """What stands in the middle of a round seal."""

    STAR = "star"
    EMBLEM = "emblem"
    """The state emblem is not drawn here: such an impression is uploaded."""
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Diameter in mm and centre; where the rule says `at most`, the diameter is the largest."""

    diameter: int
    centre: Centre
    at_most: bool = False


SMALLEST = 16
"""Millimetres: a seal for the certificates of one type has to stand on a card (54 mm high)."""

SIZES: dict[Level, Size] = {
    Level.STATE_COUNCIL: Size(diameter=60, centre=Centre.EMBLEM),
    Level.PROVINCE: Size(diameter=50, centre=Centre.EMBLEM),
    Level.NATIONAL_BUREAU: Size(diameter=45, centre=Centre.EMBLEM),
    Level.CITY: Size(diameter=45, centre=Centre.EMBLEM),
    Level.COUNTY: Size(diameter=45, centre=Centre.EMBLEM),
    Level.PREFECTURE_OFFICE: Size(diameter=45, centre=Centre.STAR),
    Level.TOWNSHIP: Size(diameter=42, centre=Centre.STAR),
    Level.DEPARTMENT: Size(diameter=45, centre=Centre.STAR, at_most=True),
    Level.INSTITUTION: Size(diameter=45, centre=Centre.STAR, at_most=True),
}
"""国发〔1999〕25号, diameters and centres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportions:
    """What the rule leaves open, as parts of the diameter. Settled by looking; each city may differ."""

    border: float = 0.027
    gap: float = 0.022
    """Between border and ring text."""
    tall: tuple[tuple[int, float], ...] = (
        (6, 0.154),
        (10, 0.142),
        (14, 0.132),
        (18, 0.122),
        (24, 0.108),
        (30, 0.095),
    )
    """Height of the ring text by the number of its characters, straight lines between."""
    span: tuple[tuple[int, float], ...] = (
        (6, 182),
        (8, 215),
        (10, 236),
        (12, 252),
        (16, 274),
        (20, 290),
        (24, 302),
        (30, 316),
    )
    """Degrees that the ring text takes."""
    widest: float = 0.78
    """Width of a ring character by its height, at most."""
    star: float = 0.165
    """Radius of the star."""
    lower: float = 0.086
    """Height of the lower text."""
    code: float = 0.030
    """Height of the code at the bottom."""
    weight: float = 0.0026
    """Line added around characters: ink spreads, and condensed strokes grow thin."""


USUAL = Proportions()
