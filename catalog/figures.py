"""Desk figures: what the data would allow if every source were connected.

Copies are counted before the reform, kinds after it: every item asked for its own copy, the one
window takes what is left once. The combined form itself is handed in too, so it is counted as one
more. A condition is taken as never true for the lower bound and as always true for the upper.
What sources really answered is counted by the hub and never mixed with these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction

from catalog.model import Bundle, Catalog, Material, frozen

ONE_FORM = 1
"""The combined form of a bundle, handed in once."""


class Reached(StrEnum):
    """Is a goal reached? `conditional`: only for applicants for whom the conditions hold."""

    YES = "yes"
    CONDITIONAL = "conditional"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What a reform asks for, as shares.

    The defaults are those of 新政文〔2024〕62号: 申请材料压减60%以上 and 办理“一件事”50%以上的表单信息自动生成.
    """

    material_cut: Fraction = Fraction(60, 100)
    filled_share: Fraction = Fraction(50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one bundle, or the sums over several."""

    items: int = 0
    """Items of the published lists."""
    bundles: int = 0
    analysed: int = 0
    """Bundles whose materials are known; only they are counted below."""
    kinds: int = 0
    """Kinds of material before the reform."""
    copies: int = 0
    """Copies handed in before the reform."""
    exempted: int = 0
    """Kinds that data can replace, the conditional ones among them."""
    conditional: int = 0
    merged: int = 0
    """Forms of the departments that the one form replaces."""
    left: int = 0
    """Kinds that are still handed in, whatever is connected."""
    fields_total: int = 0
    fillable: int = 0

    @property
    def not_analysed(self) -> int:
        """Bundles of which only the published list is known (尚未梳理)."""
        return self.bundles - self.analysed

    @property
    def left_total(self) -> int:
        """What is handed in where every condition holds: the kinds left and the one forms."""
        return self.left + self.analysed * ONE_FORM

    @property
    def cut_at_most(self) -> Fraction:
        """The share of copies cut where every condition holds."""
        return _cut(self.copies, self.left_total)

    @property
    def cut_at_least(self) -> Fraction:
        """The share of copies cut where no condition holds."""
        return _cut(self.copies, self.left_total + self.conditional)

    @property
    def filled_share(self) -> Fraction:
        """The share of form fields that data can fill."""
        return Fraction(self.fillable, self.fields_total) if self.fields_total else Fraction(0)

    def materials_goal(self, goals: Goals) -> Reached:
        """Is the cut of materials reached?"""
        if not self.analysed or self.cut_at_most < goals.material_cut:
            return Reached.NO
        return Reached.YES if self.cut_at_least >= goals.material_cut else Reached.CONDITIONAL

    def fields_goal(self, goals: Goals) -> Reached:
        """Is the share of filled fields reached?"""
        reached = self.analysed and self.filled_share >= goals.filled_share
        return Reached.YES if reached else Reached.NO

    def __add__(self, other: Figures) -> Figures:
        names = [field.name for field in fields(Figures)]
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in names})


def _cut(before: int, after: int) -> Fraction:
    """The share cut, below 0 where more is handed in than before; 0 where nothing was."""
    return 1 - Fraction(after, before) if before else Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The figures of several bundles, one by one and summed."""

    bundles: Mapping[str, Figures]
    total: Figures

    def counted(self, goals: Goals) -> tuple[Mapping[Reached, int], Mapping[Reached, int]]:
        """How many analysed bundles reach the goal of materials, and that of fields."""
        analysed = [figures for figures in self.bundles.values() if figures.analysed]
        materials = [figures.materials_goal(goals) for figures in analysed]
        form = [figures.fields_goal(goals) for figures in analysed]
        return (
            frozen({word: materials.count(word) for word in Reached}),
            frozen({word: form.count(word) for word in Reached}),
        )


def of_bundle(bundle: Bundle) -> Figures:
    """The figures of one bundle; all nought below `analysed` where it is not yet analysed."""
    listed = len(bundle.listed_items)
    if bundle.analysis is None:
        return Figures(items=listed, bundles=1)
    materials, form = bundle.analysis.materials, bundle.analysis.form
    return Figures(
        items=listed,
        bundles=1,
        analysed=1,
        kinds=len(materials),
        copies=sum(material.copies for material in materials),
        exempted=sum(material.exemptible for material in materials),
        conditional=sum(material.exemptible and material.conditional for material in materials),
        merged=sum(material.merged_into is not None for material in materials),
        left=sum(_left(material) for material in materials),
        fields_total=len(form),
        fillable=sum(field.fill_from is not None for field in form),
    )


def _left(material: Material) -> bool:
    return not material.exemptible and material.merged_into is None


def overview(bundles: Iterable[Bundle]) -> Overview:
    """The figures of these bundles and their sums."""
    each = {bundle.id: of_bundle(bundle) for bundle in bundles}
    return Overview(bundles=frozen(each), total=sum(each.values(), Figures()))


def by_county(catalog: Catalog) -> Mapping[str, Overview]:
    """An overview for each county of the catalog."""
    return frozen(
        {
            county: overview(b for b in catalog.bundles.values() if b.county == county)
            for county in catalog.counties
        }
    )
