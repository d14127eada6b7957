"""Log lines: JSON, static event names, and nothing personal.

The redactor denies by default: a value is kept only when its key is on the list below. A key that
is missing here shows up as `…`, which is a nuisance; a person's number in a log file is a breach.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import TextIO

import structlog

_KEPT = frozenset(
    {
        "event", "level", "timestamp", "trace", "method", "route", "status", "elapsed_ms",
        "code", "why", "source", "resource", "county", "outcome", "consumer", "query",
        "receipt", "states", "counties", "sources", "bundles", "port", "version", "error",
        "size", "breaker", "database", "where", "logger", "job", "change", "place", "fields",
    }
)  # fmt: skip


def keep_known(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Replace the value of every key that is not known to be harmless."""
    return {key: value if key in _KEPT else "…" for key, value in event.items()}


class Foreign(logging.Handler):
    """Log records of libraries. Their texts may hold anything: an address with a number in it, a
    row that was refused. Kept are who spoke, from where, and the type of the exception.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line about the record."""
        error = record.exc_info[0] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno,
            "library",
            logger=record.name,
            where=f"{record.filename}:{record.lineno}",
            error=error.__name__ if error else None,
        )


def configure(file: TextIO, level: int = logging.INFO) -> None:
    """Write our own lines to `file`, as JSON."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_known,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=file),
        cache_logger_on_first_use=True,
    )


def quiet_libraries() -> None:
    """Of libraries write only warnings, and those without their words."""
    logging.basicConfig(level=logging.WARNING, handlers=[Foreign()], force=True)
