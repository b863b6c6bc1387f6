"""How requests reach a model server: connections, limits that all callers share, attempts, streams."""

from .attempts import Answered, Attempts, Fault, attempt, unreadable
from .endpoint import Endpoint, Limits, endpoint_for
from .pool import Pool, shared_pool

__all__ = [
    "Answered",
    "Attempts",
    "Endpoint",
    "Fault",
    "Limits",
    "Pool",
    "attempt",
    "endpoint_for",
    "shared_pool",
    "unreadable",
]
