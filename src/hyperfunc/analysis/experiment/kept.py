"""Experiments in a ledger: a small head each, which lists read, and the scores, which comparisons read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import LedgerError

from .record import Experiment

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = ["HEAD", "SCORES", "experiment_in", "heads_in"]

HEAD = "experiment"
SCORES = "experiment scores"
"""Kinds of events."""


def heads_in(ledger: Ledger) -> dict[str, Mapping[str, Any]]:
    """All experiments of a ledger without their scores and values, by id, oldest first."""
    return {run_id: event.payload for run_id, event in ledger.events_of_all(HEAD)}


def experiment_in(ledger: Ledger, experiment_id: str) -> Experiment:
    """One experiment.

    Raises:
        LedgerError: there is none of this id.
    """
    heads = ledger.events(experiment_id, HEAD)
    scores = ledger.events(experiment_id, SCORES)
    if not heads or not scores:
        raise LedgerError(f"there is no experiment {experiment_id!r} in the ledger at {ledger.path}")
    head = heads[-1].payload
    kept = ledger.get_candidate(str(head.get("candidate")))
    return Experiment.from_json(head, scores[-1].payload.get("cells", ()), kept.value if kept else {})
