"""Log lines: JSON, static event names, and nothing personal.

The redactor denies by default: a value is kept only when its key is on the list below. A key that
is missing here shows up as `…`, which is a nuisance; a person's number in a log file is a breach.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping

import structlog

_KEPT = frozenset(
    {
        "event", "level", "timestamp", "trace", "method", "route", "status", "elapsed_ms",
        "code", "why", "source", "resource", "county", "outcome", "consumer", "query",
        "receipt", "states", "counties", "sources", "bundles", "port", "version", "error",
        "size", "breaker", "database", "change", "place", "fields",
    }
)  # fmt: skip


def keep_known(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Replace the value of every key that is not known to be harmless."""
    return {key: value if key in _KEPT else "…" for key, value in event.items()}


def configure(level: int = logging.INFO) -> None:
    """JSON lines on standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_known,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
