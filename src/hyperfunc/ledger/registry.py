"""Runs: which there are, how they stand, and who may write them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import LedgerError, did_you_mean
from hyperfunc.ledger import statements as sql
from hyperfunc.ledger.codec import checked, dump_json, load_json, text
from hyperfunc.ledger.database import Database
from hyperfunc.ledger.rows import RunRow

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from hyperfunc.types import JSON

__all__ = ["Runs"]


class Runs(Database):
    """The part of a ledger that knows its runs."""

    def create_run(self, run_id: str, meta: dict[str, JSON]) -> None:
        """Enter a new run with the status ``"running"``.

        Raises:
            LedgerError: there is a run of this id already.
        """
        now = time.time()
        row = checked((run_id, "running", dump_json(meta, f"run {run_id}"), now, now), "runs")
        if any(run.run_id == run_id for run in self.list_runs()):
            raise LedgerError(f"the ledger at {self.path} already has a run {run_id}: resume it or rename")
        self._put([(sql.PUT_RUN, row)])
        self.flush()

    def update_run(self, run_id: str, status: str | None = None, meta: dict[str, JSON] | None = None) -> None:
        """Change the status of a run, and set single entries of its meta.

        Raises:
            LedgerError: there is no such run.
        """
        run = self.get_run(run_id)
        merged = dump_json(run.meta | (meta or {}), f"run {run_id}")
        row = checked((status or run.status, merged, time.time(), run.run_id), "runs")
        self._put([(sql.SET_RUN, row)])

    def get_run(self, prefix: str) -> RunRow:
        """The run with this id, or the only one whose id starts so.

        Raises:
            LedgerError: there is none (the message names the nearest), or more than one.
        """
        runs = {run.run_id: run for run in self.list_runs()}
        near = [prefix] if prefix in runs else [name for name in runs if prefix and name.startswith(prefix)]
        if len(near) == 1:
            return runs[near[0]]
        if near:
            raise LedgerError(f"{prefix!r} may be any of the runs {', '.join(near)}: give more of the id")
        hint = did_you_mean(prefix, runs) or ": list the runs to see which there are"
        raise LedgerError(f"there is no run {prefix!r} in the ledger at {self.path}{hint}")

    def list_runs(self) -> tuple[RunRow, ...]:
        """All runs, oldest first."""
        return tuple(_run(row) for row in self._all(sql.RUNS, (), sql.PUT_RUN, sql.SET_RUN))

    def claim_run(self, run_id: str) -> AbstractContextManager[None]:
        """Be the one writer of a run while inside; the claim dies with the process.

        Raises:
            RunLocked: another process or thread is inside (on entering).
        """
        self._to_write()
        return self._claims.claim(run_id)

    def is_claimed(self, run_id: str) -> bool:
        """Whether someone is writing this run now; a run that is "running" and not claimed was killed."""
        return self._claims.is_claimed(run_id)


def _run(row: tuple[Any, ...]) -> RunRow:
    run_id, status, meta, created, updated = row
    return RunRow(text(run_id), text(status), load_json(meta), created, updated)
