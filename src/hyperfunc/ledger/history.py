"""What a run leaves behind: candidates and events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hyperfunc.ledger import statements as sql
from hyperfunc.ledger.codec import checked, dump_json, load_json, text
from hyperfunc.ledger.database import Database
from hyperfunc.ledger.rows import CandidateRow, EventRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hyperfunc.types import JSON

__all__ = ["History"]


class History(Database):
    """The part of a ledger from which a run is resumed and explained."""

    def put_candidate(
        self, run_id: str, candidate_json: JSON, candidate_id: str, parents: Iterable[str], born: str
    ) -> None:
        """Keep a candidate of a run.

        Args:
            run_id: which run tried it.
            candidate_json: its values.
            candidate_id: its content id.
            parents: ids of the candidates that it came from.
            born: what made it, such as ``"start"`` or ``"step 3, edit route.prompt"``.
        """
        what = f"candidate {candidate_id}"
        value, origin = dump_json(candidate_json, what), dump_json(list(parents), what)
        row = (candidate_id, run_id, value, origin, born, time.time())
        self._put([(sql.PUT_CANDIDATE, checked(row, "candidates"))])

    def get_candidate(self, candidate_id: str) -> CandidateRow | None:
        """The candidate with this id, as the first run that had it kept it."""
        rows = self._all(sql.GET_CANDIDATE, (candidate_id,), sql.PUT_CANDIDATE)
        return _candidate(rows[0]) if rows else None

    def candidates(self, run_id: str) -> tuple[CandidateRow, ...]:
        """The candidates of a run, oldest first."""
        return tuple(_candidate(row) for row in self._all(sql.CANDIDATES_OF, (run_id,), sql.PUT_CANDIDATE))

    def add_event(
        self, run_id: str, kind: str, payload: dict[str, JSON], created: float | None = None
    ) -> None:
        """Note that something happened in a run, now or at another time."""
        document = dump_json(payload, f"event {kind!r} of run {run_id}")
        row = (run_id, kind, document, time.time() if created is None else created)
        self._put([(sql.PUT_EVENT, checked(row, "events"))])

    def events(self, run_id: str, kind: str | None = None) -> tuple[EventRow, ...]:
        """The events of a run (of one kind), in order."""
        query, values = (sql.EVENTS, (run_id,)) if kind is None else (sql.EVENTS_OF_KIND, (run_id, kind))
        return tuple(_event(row) for row in self._all(query, values, sql.PUT_EVENT))

    def events_of_all(self, kind: str) -> tuple[tuple[str, EventRow], ...]:
        """The events of one kind of all runs, in order, each with the id of its run."""
        rows = self._all(sql.ALL_EVENTS_OF_KIND, (kind,), sql.PUT_EVENT)
        return tuple((text(row[4]), _event(row[:4])) for row in rows)

    def looks_at(self, version: str | None) -> int:
        """How often these held-out examples were looked at, by content version; 0 for ``None``."""
        looks = self.events_of_all("look")
        return sum(event.payload["version"] == version for _, event in looks) if version is not None else 0


def _candidate(row: tuple[Any, ...]) -> CandidateRow:
    name, run_id, value, parents, born, created = row
    return CandidateRow(name, text(run_id), load_json(value), tuple(load_json(parents)), text(born), created)


def _event(row: tuple[Any, ...]) -> EventRow:
    seq, kind, payload, created = row
    return EventRow(seq, text(kind), load_json(payload), created)
