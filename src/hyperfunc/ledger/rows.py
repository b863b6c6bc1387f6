"""What the ledger hands out: frozen rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hyperfunc.types import JSON

__all__ = [
    "CandidateRow",
    "CellKey",
    "CellRow",
    "EventRow",
    "LedgerStats",
    "NewCell",
    "RunRow",
    "Score",
    "StoredResponse",
]

CellKey = tuple[str, str, int]
"""Candidate id, example key, repeat."""

Score = tuple[float, str, bytes | None]
"""Score, feedback, details as JSON bytes."""


@dataclass(frozen=True, slots=True)
class NewCell:
    """One finished lane, to be stored; see :meth:`hyperfunc.ledger.Ledger.put_cell`."""

    candidate: str
    example: str
    repeat: int
    prediction: bytes | None
    failure: str | None
    calls: int
    cost: float | None
    seconds: float
    scores: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class CellRow:
    """A stored lane; ``score`` is None when the asked scorer has not judged it."""

    prediction: bytes | None
    failure: str | None
    calls: int
    cost: float | None
    seconds: float
    score: float | None
    feedback: str
    details: bytes | None


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A paid model request and its answer, both as JSON bytes."""

    key: str
    run_id: str
    model: str
    request_json: bytes
    response_json: bytes
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    created: float


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A candidate's JSON, the ids it came from, and which step or proposer made it."""

    id: str
    run_id: str
    value: JSON
    parents: tuple[str, ...]
    born: str
    created: float


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; times are seconds since the epoch."""

    run_id: str
    status: str
    meta: dict[str, JSON]
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened in a run; ``seq`` grows in order of arrival."""

    seq: int
    kind: str
    payload: dict[str, JSON]
    created: float


@dataclass(frozen=True, slots=True)
class LedgerStats:
    """How much a ledger holds.

    Args:
        path: the file, or ``:memory:``.
        file_bytes: of the file and its write-ahead log.
        rows: number of rows by table.
        content_bytes: bytes of predictions, responses and values by table; the rest of the file is
            keys and indices.
    """

    path: str
    file_bytes: int
    rows: Mapping[str, int]
    content_bytes: Mapping[str, int]
