"""What proposers are shown of a run: how a candidate did on examples, and what the metric said about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hyperfunc.errors import BudgetError, InfrastructureError
from hyperfunc.optimizers.base import Ask, Consult
from hyperfunc.optimizers.proposers import Record
from hyperfunc.optimizers.proposers.base import component_of
from hyperfunc.program.graph import Call, CallGraph
from hyperfunc.types import Cell, Exchange, Failure

if TYPE_CHECKING:
    from hyperfunc.evaluation.dataset import Example
    from hyperfunc.evaluation.metrics import Metric
    from hyperfunc.execution import Evaluations
    from hyperfunc.spaces import Candidate, Population

__all__ = ["Evidence"]

_MOST_CELLS = 20_000
_LONGEST = 300


class Evidence:
    """The cells of a run by candidate and example; only so many, the oldest are forgotten first.

    Args:
        metric: that judged them.
        examples: those that asks refer to.
    """

    def __init__(self, metric: Metric, examples: Sequence[Example]) -> None:
        self._metric = metric
        self._examples = examples
        self._cells: dict[tuple[str, int], dict[int, Cell]] = {}

    def keep(self, candidates: Population | Sequence[Candidate], ask: Ask, answer: Evaluations) -> None:
        """Remember the cells of an answer."""
        for candidate, evaluation in zip(candidates, answer, strict=True):
            for item, cell in zip(ask.examples, evaluation.cells, strict=True):
                self._cells.setdefault((candidate.id, item), {})[ask.repeat] = cell
        while len(self._cells) > _MOST_CELLS:
            del self._cells[next(iter(self._cells))]

    async def records(self, consult: Consult, troubles: list[str]) -> tuple[Record, ...]:
        """How the first parent did on the examples that a proposer is to be shown, in their order.

        Args:
            consult: what is wanted.
            troubles: gets the reasons for which feedback about components could not be had.

        Raises:
            BudgetError, InfrastructureError: of a metric that asks models.
        """
        found = [await self._record(consult, n, troubles) for n in consult.examples]
        return tuple(record for record in found if record is not None)

    async def _record(self, consult: Consult, n: int, troubles: list[str]) -> Record | None:
        """The worst of the repeats."""
        scored_as = consult.scored_as.get(n, consult.parents[0])
        cells = self._cells.get((scored_as.id, n), {}).values()
        scored = [(cell.score, cell.repeat, cell) for cell in cells if cell.score is not None]
        if not scored:
            return None
        score, _, cell = min(scored, key=lambda each: each[:2])
        example = self._examples[n]
        failed = score < consult.perfect
        return Record(
            inputs=example.inputs, expected=example.expected, output=cell.prediction, score=float(score),
            feedback=cell.feedback, exchanges=cell.exchanges,
            advice=await self._advice(consult, example, cell, troubles) if failed else {},
        )  # fmt: skip

    async def _advice(
        self, consult: Consult, example: Example, cell: Cell, troubles: list[str]
    ) -> Mapping[str, str]:
        """What the metric says about each component that is rewritten."""
        if not self._metric.per_component or isinstance(cell.prediction, Failure):
            return {}
        graph = _graph(cell.exchanges, example, cell)
        advice = {}
        for name in consult.names:
            component = component_of(name)
            calls = tuple(call for call in graph.calls if call.name == component)
            try:
                about = await self._metric.score(
                    example, cell.prediction, trace=graph, pred_name=component, pred_trace=calls
                )
            except (BudgetError, InfrastructureError):
                raise
            except Exception as error:
                # Feedback about the whole remains; a run is not lost for want of better feedback.
                why = f"the metric gave no feedback about {component}: {type(error).__name__}: {error}"
                troubles.append(why[:_LONGEST])
            else:
                if about.feedback:
                    advice[name] = about.feedback
        return advice


def _graph(exchanges: Sequence[Exchange], example: Example, cell: Cell) -> CallGraph:
    """Calls as metrics know them; data edges are not kept with a cell."""
    calls = tuple(
        Call(number, each.function, (), each.inputs, each.output, each.failure)
        for number, each in enumerate(exchanges)
    )
    return CallGraph(calls, (), example.inputs, cell.prediction)
