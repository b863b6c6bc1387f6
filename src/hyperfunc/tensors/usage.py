"""What one run over a population has used so far."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field

__all__ = ["USAGE", "Usage"]


@dataclass
class Usage:
    """Collected while members run.

    Args:
        materialized: operations that needed perturbed matrices written out, by name.
        rows: the most rows that a member has put through one matrix.
    """

    materialized: Counter[str] = field(default_factory=Counter)
    rows: int = 0


USAGE: ContextVar[Usage | None] = ContextVar("hyperfunc_tensor_usage", default=None)
