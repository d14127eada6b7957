"""An invented county and its neighbour: divisions, addresses, offices.

No division code begins with 99 in GB/T 2260, so nothing here can be mistaken for a real place.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.sandbox.draws import Draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A county."""

    code: str
    name: str
    path: str
    """Province, city and county, as addresses begin."""

    @property
    def police(self) -> str:
        """Its public security bureau."""
        return f"{self.name}公安局"


HERE = Division(code="990101", name="示范县", path="演示省示范市示范县")
"""The county whose departments the sandbox simulates."""
NEIGHBOUR = Division(code="990102", name="邻近县", path="演示省示范市邻近县")
FAR = Division(code="990202", name="远方县", path="演示省远方市远方县")
"""Where families come from that live here without being registered here."""

_STREETS = ("示例街道", "样例街道", "城关街道")
_TOWNS = ("示例镇", "样例镇", "模板乡")
_ROADS = ("样例路", "示例路", "人民路", "文化路", "建设街")
_ESTATES = ("示例小区", "样例花园", "示范家园", "书香苑")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where somebody lives."""

    division: Division
    street: str
    """Street office, town or township."""
    rest: str

    @property
    def full(self) -> str:
        """As a register writes it."""
        return f"{self.division.path}{self.street}{self.rest}"

    @property
    def short(self) -> str:
        """From the county downwards, as certificates of real estate write it."""
        return f"{self.division.name}{self.street}{self.rest}"

    @property
    def police_station(self) -> str:
        """The station that keeps the register of that street."""
        return f"{self.division.police}{self.street}派出所"

    @property
    def clinic(self) -> str:
        """Where children of that street are vaccinated."""
        kind = "社区卫生服务中心" if self.street.endswith("街道") else "卫生院"
        return f"{self.division.name}{self.street}{kind}"


def flat(draws: Draws, name: str, division: Division) -> Address:
    """A flat in a block. Its house number is drawn from many, so that addresses differ."""
    road, number = draws.one_of(f"{name}-road", _ROADS), draws.number(f"{name}-number", 1, 288)
    estate = draws.one_of(f"{name}-estate", _ESTATES)
    block, stair = draws.number(f"{name}-block", 1, 24), draws.number(f"{name}-stair", 1, 4)
    room = draws.number(f"{name}-floor", 1, 18) * 100 + draws.number(f"{name}-room", 1, 4)
    return Address(
        division=division,
        street=draws.one_of(f"{name}-street", _STREETS),
        rest=f"{road}{number}号{estate}{block}幢{stair}单元{room}室",
    )


def farmhouse(draws: Draws, name: str, division: Division) -> Address:
    """A house in a village."""
    group, number = draws.number(f"{name}-group", 1, 9), draws.number(f"{name}-house", 1, 199)
    return Address(
        division=division,
        street=draws.one_of(f"{name}-town", _TOWNS),
        rest=f"样例村{group}组{number}号",
    )
