"""Work that outlives a request: a ledger of jobs and chunks, and the engine that works it off.

The ledger is the truth: a chunk is done when its outcomes stand there, and not before. The engine
holds nothing of its own, so that any process may go on where another was killed.
"""

from hub.jobs.engine import ChunkWork, JobEngine
from hub.jobs.model import Chunk, Job, JobState

__all__ = ["Chunk", "ChunkWork", "Job", "JobEngine", "JobState"]
