"""How long an example of a property takes is nobody's business here: other tests run beside it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
