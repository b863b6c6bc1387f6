"""Reflective evolution: proposers read how candidates failed, and what they write is tried at small cost.

Every proposal is a trial of its own: its parent is looked at on a batch, a proposer writes, the child is
tried, and validation examples are added until the comparison is settled. Many trials are under way at once
and share their cells; no cell is asked for twice. A child that was accepted against a parent that is not
the best any more is merged with the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.proposers import TextProposer, as_proposer
from hyperfunc.optimizers.proposers.screening import Screen

from .acceptance import Acceptance, Posterior
from .batches import Batches, MixedBatches
from .components import All, Components
from .merging import Merging, Rebase
from .moves import Moves
from .pace import ByGain, Pace
from .parents import CurrentBest, Parents
from .progress import Progress
from .view import View

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.spaces import Candidate, Space

__all__ = ["Reflective"]


@dataclass(frozen=True, slots=True)
class Reflective(Optimizer):
    """Improves texts by reflection on failures.

    Needs a metric that scores examples one by one; feedback from it is what the proposer learns from. All
    strategies can be replaced by objects with the same methods.

    Args:
        proposer: writes new texts.
        parents: whose values are rewritten.
        components: which knobs a proposal rewrites.
        batches: which examples the proposer is shown.
        acceptance: when a child is better than its parent.
        merging: how children of different parents are united; ``None`` lets them stand for themselves.
        pace: how many proposals are under way at once.
        names: of the knobs that may be rewritten; all that the proposer writes by default.
        repeats: how often each candidate runs on each example, under new luck each time, at least 1; more
            than 1 helps only when the program's answers vary.
        perfect: the score at which nothing is left to improve on an example.
        screen: what new texts have to pass: no copies of examples, no instructions from the data, no lost
            placeholders, limits of length; ``None`` lets everything through.
        share: of the budget, what consultations may take in all, in (0, 1].
        others: how many further good candidates a proposer is shown, at least 0.
        patience: ends the run after so many consultations, or batches, in a row that brought nothing.
        max_proposals: consultations in all, at least 1; ``None`` for no limit but the budget.
        workers: simulated workers, at least 1, that decide in what order answers are read.

    Raises:
        SpaceError: a setting is out of range.
        ProposerError: ``proposer`` is none.

    Source: Agrawal et al., "GEPA: reflective prompt evolution can outperform reinforcement learning",
    arXiv:2507.19457. Differs in that trials overlap, parents are never run again, batches mix known
    failures with fresh examples, and comparisons are settled by a posterior instead of full passes.

    Example::

        Reflective(Reflection("openai/gpt-5"), parents=Pareto())
    """

    proposer: TextProposer | Callable[..., Any]
    parents: Parents = field(default_factory=CurrentBest)
    components: Components = field(default_factory=All)
    batches: Batches = field(default_factory=MixedBatches)
    acceptance: Acceptance = field(default_factory=Posterior)
    merging: Merging | None = field(default_factory=Rebase)
    pace: Pace = field(default_factory=ByGain)
    names: tuple[str, ...] | None = None
    repeats: int = 1
    perfect: float = 1.0
    screen: Screen | None = field(default_factory=Screen)
    share: float = 1.0
    others: int = 2
    patience: int = 32
    max_proposals: int | None = None
    workers: int = 16

    def __post_init__(self) -> None:
        if min(self.repeats, self.patience, self.workers) < 1 or self.others < 0:
            raise SpaceError(
                "reflective evolution needs repeats, patience and workers >= 1 and others >= 0, but got "
                f"{self.repeats}, {self.patience}, {self.workers} and {self.others}"
            )
        if not 0 < self.share <= 1:
            raise SpaceError(f"share is a part of the budget in (0, 1], but got {self.share}")
        if self.max_proposals is not None and self.max_proposals < 1:
            raise SpaceError(f"max_proposals is {self.max_proposals}; give at least 1, or None for no limit")
        names: object = self.names
        if names is not None and (not names or isinstance(names, str)):
            raise SpaceError(f"names is {self.names!r}; give a tuple of knob names, or None for all texts")
        # A function is known by its name from here on, so that a run that goes on is known to be the same.
        object.__setattr__(self, "proposer", as_proposer(self.proposer))
        if self.names is not None:
            object.__setattr__(self, "names", tuple(dict.fromkeys(self.names)))

    @property
    def pipelined(self) -> bool:
        """Trials overlap."""
        return True

    @property
    def consults(self) -> bool:
        """Its texts are written by a proposer."""
        return True

    @property
    def ends(self) -> bool:
        """After its last proposal, if their number is limited."""
        return self.max_proposals is not None

    @property
    def writer(self) -> TextProposer:
        """The proposer, also where a plain function was given."""
        assert isinstance(self.proposer, TextProposer)
        return self.proposer

    def names_of(self, space: Space) -> tuple[str, ...]:
        """The knobs of a space that may be rewritten.

        Raises:
            SpaceError: there are none, or one of those that were given is not there or not for this proposer.
        """
        kinds = self.writer.kinds
        written = tuple(name for name, knob in space.items() if knob.kind in kinds)
        for name in self.names or ():
            if name not in space:
                raise SpaceError(f"there is no learnable knob {name!r} to rewrite")
            if name not in written:
                raise SpaceError(
                    f"{name} is of kind {space[name].kind}, and {type(self.proposer).__name__} writes "
                    f"{', '.join(sorted(kinds))} only; leave it out of names"
                )
        if not written:
            raise SpaceError("reflective evolution rewrites texts, and this system has no text to learn")
        return self.names or written

    def _init(self, problem: Problem) -> Progress:
        if not problem.per_item:
            raise SpaceError(
                "reflective evolution compares candidates example by example, and this metric scores whole "
                "sets only; give metric(example, pred)"
            )
        self.names_of(problem.space)
        if len(problem.validation) >= problem.n_examples:
            raise SpaceError("reflective evolution shows examples to a proposer, and all are for validation")
        return Progress(problem.start, {problem.start.id: problem.start}, tried=frozenset({problem.start.id}))

    def _ask(self, state: State) -> tuple[Ask | None, Progress]:
        progress: Progress = state.own.copy()
        ask = Moves(View(self, state.problem, state.archive, progress)).next(state.load)
        return ask, progress

    def _tell(self, state: State, ask: Ask, told: Told) -> Progress:
        progress: Progress = state.own.copy()
        Moves(View(self, state.problem, state.archive, progress)).told(ask, told)
        return progress

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        progress: Progress = state.own
        return tuple(dict.fromkeys((progress.best, *reversed(progress.members.values()))))

    def ended(self, state: State) -> str:
        """Why no further proposal was made."""
        progress: Progress = state.own
        if self.max_proposals is not None and progress.consulted >= self.max_proposals:
            return f"all {self.max_proposals} proposals were made"
        if progress.idle < self.patience:
            why = f": {progress.refusal}" if progress.refusal else ""
            return f"{self.patience} proposals in a row brought nothing new to try{why}"
        if not state.archive.scores.get(progress.best.id):
            return "the best candidate could not be scored on any example"
        return f"{self.patience} batches in a row left nothing to improve"
