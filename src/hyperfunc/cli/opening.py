"""Opening a ledger for a command, and finding a run in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hyperfunc.errors import LedgerError

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = ["find", "reading", "report_path"]

LAST = "last"


@contextmanager
def reading(path: str | None) -> Iterator[Ledger]:
    """A ledger that is only read, so that a live run in another process goes on undisturbed.

    Raises:
        LedgerError: there is none, or it cannot be used.
    """
    from hyperfunc.ledger import Ledger

    ledger = Ledger.open(path, readonly=True)
    try:
        yield ledger
    finally:
        ledger.close()


def find(ledger: Ledger, run: str) -> str:
    """The id of a run from the beginning of it, or of the newest run from ``last``.

    Raises:
        LedgerError: there is no such run, or more than one.
    """
    if run != LAST:
        from hyperfunc.analysis.experiment import heads_in

        heads = heads_in(ledger)
        if run in heads or any(run and head["name"] == run for head in heads.values()):
            raise LedgerError(f"{run} is an experiment: show, export, compare and gate take it; name a run")
        return ledger.get_run(run).run_id
    runs = ledger.list_runs()
    if not runs:
        raise LedgerError("this ledger has no runs yet: make one with hyperfunc demo")
    return max(runs, key=lambda row: row.created).run_id


def report_path(ledger: Ledger, run_id: str) -> Path:
    """Where a run's report goes when nobody says where: beside the ledger."""
    return ledger.path.parent / "reports" / f"{Path(run_id).name}.html"
