"""Simulated department systems on real sockets over one invented county.

The departments answer as the real ones do, each in its own dialect and with its own bad habits,
about the same people: `population` says who there is, `truth` what everybody should answer, and
`faults` what can go wrong. The demo, the tests and a provider's rehearsal use it; it is part of the
product and never of a county in production.
"""

from adapters.sandbox.county import County
from adapters.sandbox.departments import (
    DROPPING,
    NAMES,
    ON_SOCKETS,
    FaultNotThere,
    UnknownDepartment,
)
from adapters.sandbox.faults import Fault
from adapters.sandbox.population import Persona, Population, Subject
from adapters.sandbox.premises import can_have
from adapters.sandbox.running import Sandbox, sandbox, write_environment
from adapters.sandbox.truth import mortgages, truth

__all__ = [
    "DROPPING",
    "NAMES",
    "ON_SOCKETS",
    "County",
    "Fault",
    "FaultNotThere",
    "Persona",
    "Population",
    "Sandbox",
    "Subject",
    "UnknownDepartment",
    "can_have",
    "mortgages",
    "sandbox",
    "truth",
    "write_environment",
]
