"""The hub's tables, and named functions on them. Nothing outside a store writes SQL.

One module an idea; what the rest of the hub needs is named here.
"""

from hub.store.consumers import all_consumers, all_grants, put_consumer, put_grants
from hub.store.deferred import DeferredBook
from hub.store.evidence import (
    TILE_HEIGHT,
    Growth,
    StoredLeaf,
    checkpoint_table,
    count_evidence,
    evidence,
    evidence_head,
    ids_by_blind_index,
    keep_checkpoint,
    kept_checkpoints,
    last_checkpoint_size,
    places_outside,
    read_head,
    read_leaf,
    read_leaves,
    read_tile,
    stored_subtrees,
    write_leaves,
)
from hub.store.idempotency import recall_response, remember_response, request_digest
from hub.store.keys import StoredDataKeys
from hub.store.rows import metadata
from hub.store.tasks import TaskBook
from hub.store.thresholds import ThresholdBook

__all__ = [
    "TILE_HEIGHT",
    "DeferredBook",
    "Growth",
    "StoredDataKeys",
    "StoredLeaf",
    "TaskBook",
    "ThresholdBook",
    "all_consumers",
    "all_grants",
    "checkpoint_table",
    "count_evidence",
    "evidence",
    "evidence_head",
    "ids_by_blind_index",
    "keep_checkpoint",
    "kept_checkpoints",
    "last_checkpoint_size",
    "metadata",
    "places_outside",
    "put_consumer",
    "put_grants",
    "read_head",
    "read_leaf",
    "read_leaves",
    "read_tile",
    "recall_response",
    "remember_response",
    "request_digest",
    "stored_subtrees",
    "write_leaves",
]
