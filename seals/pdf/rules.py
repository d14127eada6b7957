"""Which changes after sealing are harmless: pyHanko's rules, less what it is too kind about.

Its own policy takes for harmless a form field that was filled in again, and any change of what the
document says of itself. Here neither is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DocInfoRule,
    DSSCompareRule,
    FormUpdatingRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)
from pyhanko.sign.diff_analysis.rules_api import ReferenceUpdate

_KEPT_UP = {"/ModDate", "/Producer"}
_UPKEEP = ModificationLevel.LTA_UPDATES


class KeptUpInfo(DocInfoRule):
    """The information dictionary may get a new date and producer, as most programs write them."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        """What pyHanko allows, if nothing else in it is other than before."""
        before, after = (_said(each) for each in (old, new))
        if before is not None and before != after:
            raise SuspiciousModification("the document says otherwise of itself")
        return super().apply(old, new)


def _said(revision: HistoricalResolver) -> dict[str, str] | None:
    reference: Any = revision.trailer_view.get_value_as_reference("/Info", optional=True)
    if reference is None:
        return None
    # By hand: the trailer's own look-up gives what the newest revision says.
    held = revision.get_object(reference)
    return {str(key): repr(held[key]) for key in held if key not in _KEPT_UP}


POLICY = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(),
        KeptUpInfo().as_qualified(_UPKEEP),
        XrefStreamRule().as_qualified(_UPKEEP),
        ObjectStreamRule().as_qualified(_UPKEEP),
        DSSCompareRule().as_qualified(_UPKEEP),
    ],
    form_rule=FormUpdatingRule(field_rules=[SigFieldCreationRule(), SigFieldModificationRule()]),
)
