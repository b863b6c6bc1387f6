"""Ask and tell: what every optimizer is.

An optimizer is a frozen record of settings. What it knows is a :class:`State`; every method is a
function of its arguments alone, so that a run can be replayed from what it was told. Optimizers do
not evaluate, keep no budget and own no loop. Everything is maximised.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from hyperfunc.errors import MetricError
from hyperfunc.optimizers.archive import Archive, Block
from hyperfunc.optimizers.proposers.base import Proposed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.proposers.base import Rejected, TextProposer
    from hyperfunc.optimizers.proposers.screening import Screen
    from hyperfunc.spaces import Candidate, Population, Space

__all__ = ["Ask", "Consult", "Delegate", "NoOp", "Optimizer", "Problem", "Proposed", "State", "Told"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What an optimizer may know.

    Args:
        space: the learnable knobs.
        start: where the search begins.
        n_examples: number of training examples; asks refer to them as 0 to n_examples - 1.
        seed: of everything random.
        per_item: whether examples are scored one by one; False when the metric sees whole sets only.
        calls_per_lane: model calls of one candidate on one example, measured on the start.
        lanes: about how many evaluations of one candidate on one example the budget pays; ``None`` when
            nothing limits them.
        groups: what each example belongs to, N entries; ``None`` when every example stands for itself.
        validation: indices of examples that serve comparisons only and are never shown to a proposer.
    """

    space: Space
    start: Candidate
    n_examples: int
    seed: int = 0
    per_item: bool = True
    calls_per_lane: float = 0.0
    lanes: int | None = None
    groups: tuple[str, ...] | None = None
    validation: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Consult:
    """A wish for new values, which a proposer writes.

    Args:
        proposer: who writes them.
        parents: whose values are rewritten; changes are made to the first, others are to be borrowed from.
        names: of the knobs to rewrite.
        examples: what the proposer is shown: examples that the first parent was scored on.
        rejected: earlier values by knob, each with why it was not taken.
        number: tells it from the other consultations of the run; its luck depends on it.
        share: of the budget, what consultations may take in all, in (0, 1].
        perfect: the score at which nothing is left to improve.
        screen: what new values have to pass; ``None`` lets everything through.
        scored_as: by example, the candidate that was scored on it in place of the first parent: one that has
            the same values for ``names`` and others elsewhere.
    """

    proposer: TextProposer
    parents: tuple[Candidate, ...]
    names: tuple[str, ...]
    examples: tuple[int, ...]
    rejected: Mapping[str, tuple[Rejected, ...]] = field(default_factory=dict)
    number: int = 0
    share: float = 1.0
    perfect: float = 1.0
    screen: Screen | None = None
    scored_as: Mapping[int, Candidate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """What an optimizer wants to know next.

    Args:
        population: the candidates, all different unless they are throwaway: at a bound those may meet.
        examples: indices of training examples, the same for all candidates.
        repeat: which luck; candidates are compared under the same one.
        note: a few words for the history.
        consult: values that are wanted in place of scores; the population is then empty.
        tag: for the optimizer itself, to know its asks apart.
    """

    population: Population | tuple[Candidate, ...]
    examples: tuple[int, ...]
    repeat: int = 0
    note: str = ""
    consult: Consult | None = None
    tag: int = 0


def _no_feedback(_candidate: int, _example: int) -> str:
    return ""


def _no_details(_candidate: int, _example: int) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to an ask.

    Args:
        values_K: the metric of each candidate on these examples; NaN where it could not be had.
        scores_KN: per example; NaN where missing; ``None`` for a metric over sets.
        feedback: of the scorer, for (candidate, example) by place in the ask.
        details: of the scorer, likewise.
        proposed: the values, if values were asked for.
    """

    values_K: NDArray[np.float64]
    scores_KN: NDArray[np.float64] | None = None
    feedback: Callable[[int, int], str] = _no_feedback
    details: Callable[[int, int], Mapping[str, Any]] = _no_details
    proposed: Proposed | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What an optimizer knows.

    Args:
        problem: what it works on.
        step: asks that were told so far.
        archive: scores of every candidate that is not throwaway.
        own: what the algorithm itself keeps.
        load: how much work waits already, in rounds of all workers; 0 when somebody is idle.
    """

    problem: Problem
    step: int = 0
    archive: Archive = field(default_factory=Archive)
    own: Any = None
    load: float = 0.0


class Optimizer(ABC):
    """The common part of all optimizers; an algorithm fills in the four methods with an underscore.

    An optimizer that is ``pipelined`` may be asked again before earlier asks are answered. It must then tell
    them apart, and give ``None`` while it wants to hear answers first; others are asked and told in turn.

    Example::

        state = optimizer.init(problem)
        while True:
            ask, state = optimizer.ask(state)
            if ask is None:
                break
            state = optimizer.tell(state, ask, evaluate(ask))
        best = optimizer.recommend(state)[0]
    """

    @property
    def pipelined(self) -> bool:
        """Whether it may be asked again before earlier asks are answered."""
        return False

    @property
    def consults(self) -> bool:
        """Whether it has values written by proposers."""
        return False

    @property
    def workers(self) -> int:
        """How many simulated workers decide the order in which a pipelined optimizer reads its answers."""
        return 16

    @property
    def ends(self) -> bool:
        """Whether it ends by itself, whatever it finds."""
        return getattr(self, "steps", None) is not None

    def init(self, problem: Problem) -> State:
        """The state before the first ask."""
        return State(problem, own=self._init(problem))

    def ask(self, state: State) -> tuple[Ask | None, State]:
        """What to do next, or ``None`` when there is nothing to do before an answer comes, or at all."""
        ask, own = self._ask(state)
        return ask, replace(state, own=own)

    def tell(self, state: State, ask: Ask, told: Told) -> State:
        """The state after an answer.

        Raises:
            MetricError: the answer has another shape than the ask.
        """
        told = _checked(ask, told)
        known = replace(state, archive=_recorded(state.archive, ask, told))
        return replace(known, step=state.step + 1, own=self._tell(known, ask, told))

    def recommend(self, state: State) -> tuple[Candidate, ...]:
        """Candidates worth shipping, best first, by evidence and never by one lucky short run."""
        return self._recommend(state)

    def ended(self, state: State) -> str:
        """Why there was nothing left to ask, in a few words."""
        return "the optimizer had nothing left to try"

    @abstractmethod
    def _init(self, problem: Problem) -> Any:
        """What the algorithm keeps before the first ask."""

    @abstractmethod
    def _ask(self, state: State) -> tuple[Ask | None, Any]:
        """The next ask and what the algorithm keeps now."""

    @abstractmethod
    def _tell(self, state: State, ask: Ask, told: Told) -> Any:
        """What the algorithm keeps after an answer that is already in the archive."""

    @abstractmethod
    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        """Best first."""


class Delegate(Optimizer):
    """An optimizer that is another one under a name of its own."""

    @abstractmethod
    def inner(self) -> Optimizer:
        """The optimizer that does the work."""

    @property
    def pipelined(self) -> bool:
        """As the inner one."""
        return self.inner().pipelined

    @property
    def consults(self) -> bool:
        """As the inner one."""
        return self.inner().consults

    @property
    def workers(self) -> int:
        """As the inner one."""
        return self.inner().workers

    @property
    def ends(self) -> bool:
        """As the inner one."""
        return self.inner().ends

    def ended(self, state: State) -> str:
        """What the inner one says."""
        return self.inner().ended(state)

    @final
    def _init(self, problem: Problem) -> Any:
        return self.inner()._init(problem)

    @final
    def _ask(self, state: State) -> tuple[Ask | None, Any]:
        return self.inner()._ask(state)

    @final
    def _tell(self, state: State, ask: Ask, told: Told) -> Any:
        return self.inner()._tell(state, ask, told)

    @final
    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        return self.inner()._recommend(state)


@dataclass(frozen=True, slots=True)
class NoOp(Optimizer):
    """Changes nothing: asks for nothing and recommends the start."""

    def _init(self, problem: Problem) -> Any:
        return None

    def _ask(self, state: State) -> tuple[Ask | None, Any]:
        return None, None

    def _tell(self, state: State, ask: Ask, told: Told) -> Any:
        return None

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        return (state.problem.start,)


def _checked(ask: Ask, told: Told) -> Told:
    """The answer as float64 arrays, with NaN for everything that is not a finite number."""
    values_K = _finite(told.values_K)
    if values_K.shape != (len(ask.population),):
        raise MetricError(
            f"an ask of {len(ask.population)} candidates was told values of shape {values_K.shape}"
        )
    if told.scores_KN is None:
        return replace(told, values_K=values_K)
    scores_KN = _finite(told.scores_KN)
    if scores_KN.shape != (len(ask.population), len(ask.examples)):
        raise MetricError(
            f"an ask of {len(ask.population)} candidates on {len(ask.examples)} examples "
            f"was told scores of shape {scores_KN.shape}"
        )
    return replace(told, values_K=values_K, scores_KN=scores_KN)


def _finite(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    array = np.asarray(numbers, np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def _recorded(archive: Archive, ask: Ask, told: Told) -> Archive:
    if getattr(ask.population, "throwaway", False):
        return archive
    members = tuple(ask.population)
    if told.scores_KN is None:
        blocks: tuple[Block, ...] = ((tuple(sorted(ask.examples)), ask.repeat),)
        return archive.add(members, blocks, told.values_K[:, None])
    return archive.add(members, tuple(((i,), ask.repeat) for i in ask.examples), told.scores_KN)
