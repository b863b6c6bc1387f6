"""What a run leaves behind: candidates, steps, events, states."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hyperfunc.ledger import statements as sql
from hyperfunc.ledger.codec import checked, dump_arrays, dump_json, load_arrays, load_json, text
from hyperfunc.ledger.database import Database
from hyperfunc.ledger.rows import CandidateRow, EventRow, StateRow, StepRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

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

    def put_step(
        self, run_id: str, step: int, digest: str, scores: np.ndarray, note: dict[str, JSON]
    ) -> None:
        """Keep what the optimizer was told in one step. A step that is there stays as it is.

        Args:
            run_id: which run.
            step: from 0.
            digest: content key of what was asked, to notice a replay that went another way.
            scores: [K, N] or [K], any numeric type.
            note: further values, JSON only.
        """
        what = f"step {step} of run {run_id}"
        kept, words = dump_arrays({"scores": scores}, what), dump_json(note, what)
        self._put([(sql.PUT_STEP, checked((run_id, step, digest, kept, words, time.time()), "steps"))])

    def get_step(self, run_id: str, step: int) -> StepRow | None:
        """One step, when it is there."""
        rows = self._all(sql.GET_STEP, (run_id, step), sql.PUT_STEP)
        return _step(rows[0]) if rows else None

    def steps(self, run_id: str) -> tuple[StepRow, ...]:
        """The steps of a run, in order."""
        return tuple(_step(row) for row in self._all(sql.STEPS, (run_id,), sql.PUT_STEP))

    def add_event(self, run_id: str, kind: str, payload: dict[str, JSON]) -> None:
        """Note that something happened in a run."""
        document = dump_json(payload, f"event {kind!r} of run {run_id}")
        self._put([(sql.PUT_EVENT, checked((run_id, kind, document, time.time()), "events"))])

    def events(self, run_id: str, kind: str | None = None) -> tuple[EventRow, ...]:
        """The events of a run (of one kind), in order."""
        query, values = (sql.EVENTS, (run_id,)) if kind is None else (sql.EVENTS_OF_KIND, (run_id, kind))
        return tuple(_event(row) for row in self._all(query, values, sql.PUT_EVENT))

    def put_state(self, run_id: str, name: str, json: JSON, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the latest value of a named state of a run; the one before is replaced.

        Args:
            run_id: which run.
            name: which state.
            json: its plain part.
            arrays: its arrays, any shape and numeric type.
        """
        what = f"state {name!r} of run {run_id}"
        row = (run_id, name, dump_json(json, what), dump_arrays(arrays, what), time.time())
        self._put([(sql.PUT_STATE, checked(row, "states"))])

    def get_state(self, run_id: str, name: str) -> StateRow | None:
        """The latest value of a named state."""
        rows = self._all(sql.GET_STATE, (run_id, name), sql.PUT_STATE)
        return _state(rows[0]) if rows else None


def _candidate(row: tuple[Any, ...]) -> CandidateRow:
    name, run_id, value, parents, born, created = row
    return CandidateRow(name, text(run_id), load_json(value), tuple(load_json(parents)), text(born), created)


def _step(row: tuple[Any, ...]) -> StepRow:
    step, digest, scores, note, created = row
    return StepRow(step, digest, load_arrays(scores)["scores"], load_json(note), created)


def _event(row: tuple[Any, ...]) -> EventRow:
    seq, kind, payload, created = row
    return EventRow(seq, text(kind), load_json(payload), created)


def _state(row: tuple[Any, ...]) -> StateRow:
    name, value, arrays, updated = row
    return StateRow(text(name), load_json(value), load_arrays(arrays), updated)
