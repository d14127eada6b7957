"""Desk figures: the arithmetic, and the numbers of the shipped counties."""

from __future__ import annotations

from fractions import Fraction

import pytest

from catalog import Figures, Goals, Reached, by_county, load, of_bundle, overview
from tests.world.catalogs import small_catalog


def test_a_bundle_counted_by_hand() -> None:
    """Ten copies before; one form and a photo are left, and the register where it does not hold."""
    figures = of_bundle(small_catalog().bundles["yanshi-01"])
    assert figures == Figures(
        items=3,
        bundles=1,
        analysed=1,
        kinds=6,
        copies=10,
        exempted=4,
        conditional=1,
        merged=1,
        left=1,
        fields_total=4,
        fillable=3,
    )
    assert figures.left_total == 2
    assert figures.cut_at_most == Fraction(8, 10)
    assert figures.cut_at_least == Fraction(7, 10)
    assert figures.filled_share == Fraction(3, 4)


def test_a_bundle_not_analysed_is_no_success() -> None:
    """It is counted as a bundle and nowhere else, and reaches no goal."""
    figures = of_bundle(small_catalog().bundles["yanshi-02"])
    assert figures == Figures(items=1, bundles=1)
    assert figures.not_analysed == 1
    assert figures.left_total == 0
    assert figures.materials_goal(Goals()) is Reached.NO
    assert figures.fields_goal(Goals()) is Reached.NO
    total = overview(small_catalog().bundles.values())
    assert total.total.analysed == 1
    assert sum(sum(counted.values()) for counted in total.counted(Goals())) == 2


GOALS = {
    "reached by all": (Goals(material_cut=Fraction(70, 100)), Reached.YES),
    "reached under the condition": (Goals(material_cut=Fraction(80, 100)), Reached.CONDITIONAL),
    "a little more than the lower bound": (
        Goals(material_cut=Fraction(7001, 10000)),
        Reached.CONDITIONAL,
    ),
    "not reached": (Goals(material_cut=Fraction(81, 100)), Reached.NO),
}


@pytest.mark.parametrize("name", GOALS)
def test_goals_of_materials(name: str) -> None:
    """Exact at the border: 60 % means 60 %."""
    goals, reached = GOALS[name]
    assert of_bundle(small_catalog().bundles["yanshi-01"]).materials_goal(goals) is reached


def test_goals_of_fields() -> None:
    """Three of four fields are 75 %, not more."""
    figures = of_bundle(small_catalog().bundles["yanshi-01"])
    assert figures.fields_goal(Goals(filled_share=Fraction(3, 4))) is Reached.YES
    assert figures.fields_goal(Goals(filled_share=Fraction(751, 1000))) is Reached.NO


def test_nothing_before_is_no_cut() -> None:
    """A bundle without materials cannot be cut, and one that got worse is shown so."""
    assert Figures(bundles=1, analysed=1).cut_at_most == 0
    assert Figures(bundles=1, analysed=1).filled_share == 0
    assert Figures(bundles=1, analysed=1, copies=1, left=1).cut_at_most == -1


def test_the_goals_are_those_of_the_reform() -> None:
    """60 % of materials (G-27) and 50 % of fields (G-26), as defaults and not in the arithmetic."""
    assert Goals() == Goals(material_cut=Fraction(3, 5), filled_share=Fraction(1, 2))


def test_the_shipped_counties() -> None:
    """The figures the reading guide of the data gives, over the 41 analysed bundles."""
    catalog = load()
    everything = overview(catalog.bundles.values())
    assert everything.total == Figures(
        items=143 + 410,
        bundles=21 + 60,
        analysed=41,
        kinds=866,
        copies=1829,
        exempted=436,
        conditional=84,
        merged=188,
        left=242,
        fields_total=1701,
        fillable=1190,
    )
    assert everything.total.not_analysed == 40
    counties = by_county(catalog)
    assert counties["xinxiang"].total.analysed == 21
    assert counties["shenqiu"].total.analysed == 20
    assert sum((c.total for c in counties.values()), Figures()) == everything.total
    materials, form = everything.counted(Goals())
    assert sum(materials.values()) == sum(form.values()) == 41


def test_the_kinds_add_up() -> None:
    """Every kind is exempted, merged or left, in every bundle."""
    for figures in overview(load().bundles.values()).bundles.values():
        assert figures.kinds == figures.exempted + figures.merged + figures.left
        assert figures.conditional <= figures.exempted
        assert figures.cut_at_least <= figures.cut_at_most
