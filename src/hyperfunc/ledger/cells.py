"""Cells: what lanes returned, and how scorers judged it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyperfunc.ledger import statements as sql
from hyperfunc.ledger.codec import checked, text
from hyperfunc.ledger.database import Database
from hyperfunc.ledger.rows import CellRow, NewCell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hyperfunc.ledger.codec import Storable
    from hyperfunc.ledger.rows import CellKey, Score

__all__ = ["Cells"]


class Cells(Database):
    """The part of a ledger that holds lanes under (program, seed, candidate, example, repeat)."""

    def get_cells(
        self, program: str, seed: int, keys: Iterable[CellKey], scorer: str | None
    ) -> dict[CellKey, CellRow]:
        """Those of the lanes that are there.

        Args:
            program: fingerprint of the program.
            seed: the user's.
            keys: (candidate id, example key, repeat) of the wanted lanes.
            scorer: fingerprint of the scorer whose judgements are wanted; ``None`` for none.

        Returns:
            A row for each lane that was stored; its score is None when this scorer has not judged it.
        """
        place = (scorer, program, str(seed))
        with self._reader(sql.PUT_CELL, sql.PUT_SCORE) as query:
            rows = ((key, query(sql.GET_CELL, (*place, *key)).fetchone()) for key in keys)
            return {key: _cell(row) for key, row in rows if row}

    def put_cell(
        self,
        program: str,
        seed: int,
        candidate_id: str,
        example_key: str,
        repeat: int,
        *,
        prediction: bytes | None,
        failure: str | None,
        calls: int,
        cost: float | None,
        seconds: float,
        scores: Mapping[str, Score],
    ) -> None:
        """Store one finished lane.

        A lane that is there keeps its first prediction; scores are added when they judge that prediction.

        Args:
            program: fingerprint of the program.
            seed: the user's.
            candidate_id: content id of the candidate.
            example_key: content key of the example.
            repeat: which repetition, from 0.
            prediction: JSON bytes, or None when the lane failed or its value cannot be encoded.
            failure: the reason when the program failed. Failures of infrastructure are never stored.
            calls: paid model calls of the lane.
            cost: US dollars; None when unknown.
            seconds: how long it took.
            scores: by the scorer's fingerprint: score, feedback, details as JSON bytes.

        Raises:
            LedgerError: a value that cannot be stored, or the file cannot be written.
        """
        cell = NewCell(candidate_id, example_key, repeat, prediction, failure, calls, cost, seconds, scores)
        self.put_cells(program, seed, (cell,))

    def put_cells(self, program: str, seed: int, cells: Iterable[NewCell]) -> None:
        """Store many finished lanes of one program and seed; see :meth:`put_cell`."""
        rows: list[tuple[str, tuple[Storable, ...]]] = []
        place = (program, str(seed))
        for cell in cells:
            key = (*place, cell.candidate, cell.example, cell.repeat)
            outcome = (cell.prediction, cell.failure)
            lane = (*key, cell.calls, cell.seconds, *outcome, cell.cost)
            rows.append((sql.PUT_CELL, checked(lane, "cells", nullable=3)))
            for scorer, (score, feedback, details) in cell.scores.items():
                judged = (*key, scorer, score, feedback, *outcome, details)
                rows.append((sql.PUT_SCORE, checked(judged, "scores", nullable=3)))
        self._put(rows)


def _cell(row: tuple[Any, ...]) -> CellRow:
    prediction, failure, calls, cost, seconds, score, feedback, details = row
    return CellRow(
        prediction,
        None if failure is None else text(failure),
        calls,
        cost,
        seconds,
        score,
        "" if feedback is None else text(feedback),
        details,
    )
