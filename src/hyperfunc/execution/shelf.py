"""Finding cells in the ledger and keeping new ones there."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.evaluation.scorers.base import code_of
from hyperfunc.ledger.keys import content_key
from hyperfunc.program.discovery import reach
from hyperfunc.types import Cell, Exchange, Failure, ScoreResult

from .account import Charge, totals
from .encoding import decode, encode
from .exchanges import as_json, from_json

if TYPE_CHECKING:
    from hyperfunc.execution.settings import Settings
    from hyperfunc.ledger import Ledger

__all__ = ["Shelf", "Stored", "metric_fingerprint"]

_UNJUDGED = "$hyperfunc unjudged"


@dataclass(frozen=True, slots=True)
class Stored:
    """What the ledger has of a lane: what it returned and used; the cell only if it was judged too."""

    prediction: Any
    charges: dict[str, Charge]
    reached: tuple[str, ...]
    exchanges: tuple[Exchange, ...]
    cell: Cell | None


class Shelf:
    """The cells of one program, seed and metric in a ledger; empty without a ledger.

    Args:
        ledger: where they are kept.
        program: fingerprint of what made them.
        settings: the seed is part of their names; with ``exchanges``, cells without them do not count.
        metric: that judges them.
        origin: of those that are added.
    """

    def __init__(
        self, ledger: Ledger | None, program: str, settings: Settings, metric: Metric, origin: str
    ) -> None:
        self._ledger = ledger
        self._program = program
        self._seed = settings.seed
        self._exchanges = settings.exchanges
        self._origin = origin
        judges = ledger is not None and metric.per_item
        self._scorer = metric_fingerprint(metric) if judges else None
        self._traced = metric.traced
        self._warned = False

    def find(self, lanes: Sequence[tuple[str, Example, int]]) -> list[Stored | None]:
        """What is there for each lane."""
        if self._ledger is None:
            return [None] * len(lanes)
        keys = [(c, e.key, r) for c, e, r in lanes if e.key is not None]
        rows = self._ledger.get_cells(self._program, self._seed, keys, self._scorer)
        return [self._read(rows.get((c, e.key or "", r)), (c, e, r)) for c, e, r in lanes]

    def _read(self, row: Any, lane: tuple[str, Example, int]) -> Stored | None:
        if row is None or row.prediction is None:
            return None
        kept = decode(row.prediction)
        if self._exchanges and "exchanges" not in kept:
            return None  # its calls are in the ledger, so that it costs nothing to run it again
        charges = {k: Charge(tokens, dollars) for k, (tokens, dollars) in kept["charges"].items()}
        reached = tuple(kept.get("reached", ()))
        exchanges = from_json(kept.get("exchanges", []))
        prediction = Failure(row.failure) if row.failure is not None else kept["value"]
        judged = self._scorer is None or row.score is not None or row.failure is not None
        if not judged:
            # A prediction alone does not say how it came about.
            return None if self._traced else Stored(prediction, charges, reached, exchanges, None)
        score = row.score if self._scorer is not None else None
        if self._scorer is not None and row.failure is not None:
            score = 0.0
        failure, details = row.failure, decode(row.details) if row.details is not None else {}
        if _UNJUDGED in details:
            failure, details = details[_UNJUDGED], {}
        cell = Cell(
            candidate=lane[0], example=lane[1].key or "", repeat=lane[2], score=score,
            feedback=row.feedback or row.failure or "", failure=failure, prediction=prediction,
            reached=reached, details=details, exchanges=exchanges, **totals(charges),
        )  # fmt: skip
        return Stored(prediction, charges, reached, exchanges, cell)

    def keep(
        self, cell: Cell, example: Example, failure: Failure | None, charges: Mapping[str, Charge],
        result: ScoreResult | Failure | None, seconds: float,
    ) -> None:  # fmt: skip
        """Keep one lane; a failure of infrastructure is never kept."""
        if self._ledger is None:
            return
        if example.key is None:
            self._warn("the inputs of an example")
            return
        if failure is not None and failure.kind == "infrastructure":
            return
        failed = isinstance(cell.prediction, Failure)
        known = {k: [c.tokens, c.dollars] for k, c in charges.items()}
        kept: dict[str, Any] = {
            "value": None if failed else cell.prediction,
            "charges": known,
            "reached": list(cell.reached),
        }
        if self._exchanges:
            kept["exchanges"] = as_json(cell.exchanges)
        data = encode(kept)
        if data is None:
            self._warn(f"a prediction of type {type(cell.prediction).__name__}")
            return
        scores = {}
        if self._scorer is not None and isinstance(result, ScoreResult):
            scores[self._scorer] = (result.score, result.feedback, encode(result.details))
        elif self._scorer is not None and isinstance(result, Failure):
            scores[self._scorer] = (0.0, result.reason, encode({_UNJUDGED: result.reason}))
        self._ledger.put_cell(
            self._program, self._seed, cell.candidate, example.key, cell.repeat,
            prediction=data, failure=cell.failure if failed else None, calls=len(charges),
            cost=_total(charges), seconds=seconds, scores=scores,
        )  # fmt: skip

    def _warn(self, what: str) -> None:
        if self._warned:
            return
        self._warned = True
        warnings.warn(
            f"{what} cannot be written as JSON or arrays, so such lanes are not kept: a resumed run makes "
            "them again (paid answers are kept)",
            stacklevel=2,
        )

    def flush(self) -> None:
        """Make everything kept so far durable."""
        if self._ledger is not None:
            self._ledger.flush()


def metric_fingerprint(metric: Metric) -> str:
    """Content key of a metric's code and settings."""
    function = metric.function
    if metric.kind != "scorer":
        seen = ("with the calls",) if metric.traced else ()
        return content_key("metric", metric.name, reach((function,)).fingerprint, *seen)
    settings = repr(function) if dataclasses.is_dataclass(function) else repr(sorted(vars(function).items()))
    return content_key("scorer", type(function).__qualname__, settings, code_of(function))


def _total(charges: Mapping[str, Charge]) -> float | None:
    costs = [c.dollars for c in charges.values()]
    return None if any(c is None for c in costs) else float(sum(c or 0.0 for c in costs))
