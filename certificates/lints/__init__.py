"""What the rulebooks say about a composed certificate. One rule a function, one book a module.

`GB/T` books cite the standard and the thing it is about: only their contents were seen, not the
numbers of clauses. The house's own book has numbers (H-01 …), listed in its docstring.
"""

from __future__ import annotations

from certificates.findings import Finding, Level
from certificates.lints import gbt36903, gbt36904, house
from certificates.lints.case import Case

RULES = (*gbt36903.RULES, *gbt36904.RULES, *house.RULES)
"""Every rule, in the order of the books."""


def lint(case: Case) -> tuple[Finding, ...]:
    """All findings of all rules."""
    return tuple(finding for rule in RULES for finding in rule(case))


def failed(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that stop the issue."""
    return tuple(finding for finding in findings if finding.level is Level.FAIL)


__all__ = ["RULES", "Case", "failed", "lint"]
