"""How to ask one authoritative source one question and bring back canonical fields.

A source is a YAML file (`manifest`), a dialect is a class (`kinds`: rest, soap, sql, fhir, files, manual,
hub). A call goes through `asking` → transport → `mapping` and comes back as a `SourceReply`;
`resilience` sees to it that it comes back in time and never as an exception. `registry` joins the
parts for a county.
This room never knows who asked or why, and decides nothing about what may be seen.
"""

from adapters.errors import (
    AdapterError,
    Complaint,
    InvalidManifest,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.model import (
    BreakerState,
    Fate,
    Freshness,
    Outcome,
    RawReply,
    Reason,
    Record,
    Relayed,
    Scalar,
    Source,
    SourceCall,
    SourceReply,
    Transport,
)
from adapters.ports import (
    Desk,
    DeskAnswer,
    DeskTask,
    Keep,
    MemoryKeep,
    ReceiptCheck,
    Sealer,
    Surroundings,
)
from adapters.registry import Connected, check, connect

__all__ = [
    "AdapterError",
    "BreakerState",
    "Complaint",
    "Connected",
    "Desk",
    "DeskAnswer",
    "DeskTask",
    "Fate",
    "Freshness",
    "InvalidManifest",
    "Keep",
    "MemoryKeep",
    "Outcome",
    "RawReply",
    "Reason",
    "ReceiptCheck",
    "Record",
    "Relayed",
    "Scalar",
    "Sealer",
    "Source",
    "SourceAnswerInvalid",
    "SourceCall",
    "SourceRefused",
    "SourceReply",
    "SourceTimedOut",
    "SourceUnavailable",
    "Surroundings",
    "Transport",
    "check",
    "connect",
]
