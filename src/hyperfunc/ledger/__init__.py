"""What is paid and kept: the ledger, budgets and content keys."""

from hyperfunc.ledger.budget import Budget, Spend
from hyperfunc.ledger.evidence import Seal
from hyperfunc.ledger.keys import canonical_json, content_key
from hyperfunc.ledger.meter import Meter, Reservation
from hyperfunc.ledger.rows import (
    CandidateRow,
    CellKey,
    CellRow,
    EventRow,
    LedgerStats,
    NewCell,
    RunRow,
    Score,
    StoredResponse,
)
from hyperfunc.ledger.store import Ledger

__all__ = [
    "Budget",
    "CandidateRow",
    "CellKey",
    "CellRow",
    "EventRow",
    "Ledger",
    "LedgerStats",
    "Meter",
    "NewCell",
    "Reservation",
    "RunRow",
    "Score",
    "Seal",
    "Spend",
    "StoredResponse",
    "canonical_json",
    "content_key",
]
