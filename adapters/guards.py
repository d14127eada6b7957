"""Everything a manifest can put between a caller and a transport, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.breaker import Breaker
from adapters.budgets import Bulkhead, ShareOfCalls, TokenBucket
from adapters.caching import CacheRules, ReplyCache
from adapters.closing import Window
from adapters.model import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """Where a slow call is put a second time, and when."""

    replica: Transport
    after: float | None
    """Seconds; None: when it has taken longer than 95 of 100 answers of the last minutes, and not
    before there were enough of them to say so."""
    share: ShareOfCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a call that brought nothing back is put again."""

    jitter: float
    """The longest random wait in seconds."""
    share: ShareOfCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What stands between a caller and a transport."""

    breaker: Breaker
    bulkhead: Bulkhead = field(default_factory=lambda: Bulkhead(32))
    rate: TokenBucket | None = None
    windows: tuple[Window, ...] = ()
    idempotent: frozenset[str] = frozenset()
    """Resources that may be asked twice for one call."""
    retry: Retry | None = None
    hedge: Hedge | None = None
    cache: ReplyCache | None = None
    cache_rules: Mapping[str, CacheRules] = field(default_factory=dict)
    """Resource → what its provider allows; those that are not there are never kept."""
