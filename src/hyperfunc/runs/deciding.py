"""Decisions that repeat to the last bit: an optimizer's arithmetic runs on one thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hyperfunc.blas import one_blas_thread

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Ask, Optimizer, Problem, State, Told
    from hyperfunc.spaces import Candidate

__all__ = ["Decider"]


class Decider:
    """One optimizer at work in one run.

    How a matrix product is shared between threads changes its last bits, and how many threads there
    are depends on what else runs; a resumed run must decide the same.

    Args:
        optimizer: what decides.
        problem: what about.
    """

    def __init__(self, optimizer: Optimizer, problem: Problem) -> None:
        self._optimizer = optimizer
        self._recommended: tuple[Candidate, ...] | None = None
        with one_blas_thread():
            self.state: State = optimizer.init(problem)

    @property
    def pipelined(self) -> bool:
        """Whether it may be asked again before it was told."""
        return self._optimizer.pipelined

    @property
    def consults(self) -> bool:
        """Whether it has values written by proposers."""
        return self._optimizer.consults

    @property
    def workers(self) -> int:
        """How many simulated workers decide the order of its answers."""
        return self._optimizer.workers

    def ask(self, load: float = 0.0) -> Ask | None:
        """What to do next, when so much work waits already."""
        with one_blas_thread():
            ask, self.state = self._optimizer.ask(replace(self.state, load=load))
        return ask

    def tell(self, ask: Ask, told: Told) -> None:
        """Take an answer in."""
        self._recommended = None
        with one_blas_thread():
            self.state = self._optimizer.tell(self.state, ask, told)

    def recommend(self) -> tuple[Candidate, ...]:
        """Candidates worth shipping, best first; worked out once for each answer."""
        if self._recommended is None:
            with one_blas_thread():
                self._recommended = self._optimizer.recommend(self.state)
        return self._recommended

    @property
    def ended(self) -> str:
        """Why there was nothing left to ask."""
        return self._optimizer.ended(self.state)

    @property
    def incumbent(self) -> str | None:
        """Id of the candidate that it would recommend now."""
        return next((candidate.id for candidate in self.recommend()), None)

    @property
    def incumbent_value(self) -> float | None:
        """Mean of what is known of the recommended candidate, on its own examples."""
        best = self.recommend()[:1]
        scores = [s for c in best for s in self.state.archive.scores.get(c.id, {}).values()]
        return sum(scores) / len(scores) if scores else None
