"""The composite check (联合核查): one application, many departments, one result.

Received, assigned, gathered, delivered: departments whose systems answer are asked at once; the
others are assigned their part and answer it by hand; who is late is visible all the time. “No
record from … to …” is an answer of its own.
"""

from hub.checks.gathering import Checks
from hub.checks.model import Check, CheckState, Finding, Part, PartState

__all__ = ["Check", "CheckState", "Checks", "Finding", "Part", "PartState"]
