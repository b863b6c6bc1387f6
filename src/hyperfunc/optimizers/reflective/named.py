"""Reflective evolution under the names and settings that people know from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Delegate, Optimizer
from hyperfunc.optimizers.proposers import PromptLearning, Reflection

from .batches import MixedBatches
from .components import All, Components, RoundRobin
from .merging import Rebase
from .pace import Constant
from .parents import CurrentBest, EpsilonGreedy, Parents, Pareto, TopK
from .reflective import Reflective

__all__ = ["GEPAPromptOptimizer", "PromptLearningOptimizer"]

_CHARS_PER_TOKEN = 3
Strategy = Literal["pareto", "current_best", "epsilon_greedy", "top_k_pareto"]
_PARENTS: dict[str, Parents] = {
    "pareto": Pareto(best=0.0), "current_best": CurrentBest(), "epsilon_greedy": EpsilonGreedy(),
    "top_k_pareto": TopK(),
}  # fmt: skip
_COMPONENTS: dict[str, Components] = {"all": All(), "round_robin": RoundRobin()}


@dataclass(frozen=True, slots=True)
class PromptLearningOptimizer(Delegate):
    """A few rounds of prompt learning: one meta-prompt with rich feedback rewrites all texts at once.

    Args:
        model: that writes the texts.
        max_iterations: rounds, at least 1.
        context_size: tokens of examples that the model is shown, at least 500.
        scorer: judges predictions when ``optimize`` is given no metric.
        examples: of a round, at least 1.

    Raises:
        SpaceError: a setting out of its range.

    Example::

        system.optimize(train, optimizer=PromptLearningOptimizer("openai/gpt-5", scorer=ExactMatch()))
    """

    model: str
    max_iterations: int = 3
    context_size: int = 8000
    scorer: Any = None
    examples: int = 16

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.context_size < 500 or self.examples < 1:
            raise SpaceError(
                "prompt learning needs max_iterations >= 1, context_size >= 500 and examples >= 1, but got "
                f"{self.max_iterations}, {self.context_size} and {self.examples}"
            )

    def inner(self) -> Optimizer:
        """One proposal at a time, from a large batch."""
        proposer = PromptLearning(
            self.model, max_records=self.examples, max_chars=_CHARS_PER_TOKEN * self.context_size
        )
        return Reflective(
            proposer, batches=MixedBatches(self.examples), pace=Constant(1), max_proposals=self.max_iterations
        )


@dataclass(frozen=True, slots=True)
class GEPAPromptOptimizer(Delegate):
    """Reflective evolution with a Pareto frontier, with the settings that users of GEPA know.

    Args:
        model: that writes the texts.
        reflection_minibatch_size: examples of a proposal, at least 1.
        candidate_selection_strategy: ``"pareto"``, ``"current_best"``, ``"epsilon_greedy"``, or
            ``"top_k_pareto"``.
        module_selector: ``"all"`` components at once, or ``"round_robin"``.
        use_merge: unite what different lineages found.
        perfect_score: at which nothing is left to improve on an example.
        max_proposals: consultations in all; ``None`` for no limit but the budget.

    Raises:
        SpaceError: a setting out of its range.

    Source: Agrawal et al., arXiv:2507.19457; see :class:`Reflective` for what differs.

    Example::

        system.optimize(train, metric, budget="$5", optimizer=GEPAPromptOptimizer("openai/gpt-5"))
    """

    model: str
    reflection_minibatch_size: int = 8
    candidate_selection_strategy: Strategy = "pareto"
    module_selector: Literal["all", "round_robin"] = "all"
    use_merge: bool = True
    perfect_score: float = 1.0
    max_proposals: int | None = None

    def __post_init__(self) -> None:
        _one_of("candidate_selection_strategy", self.candidate_selection_strategy, _PARENTS)
        _one_of("module_selector", self.module_selector, _COMPONENTS)
        self.inner()

    def inner(self) -> Optimizer:
        """The strategies that the settings name."""
        return Reflective(
            Reflection(self.model),
            parents=_PARENTS[self.candidate_selection_strategy],
            components=_COMPONENTS[self.module_selector],
            batches=MixedBatches(self.reflection_minibatch_size),
            merging=Rebase() if self.use_merge else None,
            perfect=self.perfect_score,
            max_proposals=self.max_proposals,
        )


def _one_of(name: str, value: str, known: dict[str, Any]) -> None:
    if value not in known:
        raise SpaceError(f"{name} is {value!r}; choose one of {', '.join(known)}")
