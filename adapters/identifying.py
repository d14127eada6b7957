"""What every scheme of identification has in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from adapters.kinds import Now
from adapters.model import RawReply
from adapters.ports import Keep
from adapters.question import Ask, Identification

PATH = r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$"
"""A path as it stands in an address (RFC 3986), without query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a scheme needs besides its terms."""

    address: str
    """The source's address: tells our accounts apart."""
    ask: Ask
    keep: Keep
    now: Now
    folder: Path
    """Where the manifest stands."""


class Authenticator(Protocol):
    """One scheme at work."""

    @property
    def expires_at(self) -> datetime | None:
        """When the certificate or secret we have now ends, where it is known."""
        ...

    async def identify(self, method: str, path: str, /) -> Identification:
        """What goes with a request.

        Raises:
            SourceRefused: The source gives us no secret.
        """
        ...

    def outdated(self, used: Identification, reply: RawReply, /) -> bool:
        """Did the source refuse because of an outdated secret? Then that secret is forgotten, and
        one more try is worth it.
        """
        ...


def epoch_ms(moment: datetime) -> str:
    """Epoch milliseconds as text, as the headers want it."""
    return str(int(moment.timestamp() * 1000))
