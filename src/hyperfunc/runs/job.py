"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperfunc.evaluation.dataset import Dataset, Example, Sealed, split_examples
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.execution import Settings
from hyperfunc.ledger import Budget, Ledger
from hyperfunc.optimizers import Chosen, Slots, chosen
from hyperfunc.optimizers.base import Optimizer
from hyperfunc.optimizers.slots import WORDS
from hyperfunc.spaces import Space

from .callbacks import Callback
from .stopping import StopCondition

if TYPE_CHECKING:
    from .trainable import Trainable

__all__ = ["Job"]

_FEWEST_HELD_OUT = 6


@dataclass(frozen=True)
class Job:
    """Everything a run needs to know; see ``HyperSystem.aoptimize``."""

    system: Trainable
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: Sealed | None
    metric: Metric
    budget: str | Budget | None
    optimizer: Optimizer | None
    seed: int
    ledger: str | Path | Ledger | None
    run_id: str | None
    settings: Settings
    callbacks: tuple[Callback, ...] = ()
    stop: tuple[StopCondition, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    self_test: bool = False

    def split(self) -> tuple[tuple[Example, ...], Sealed | None]:
        """Examples to learn from, and those that are sealed: none when there are too few, or none wanted."""
        if self.test is not None:
            return self.train, self.test if self.test.size else None
        rest, held = split_examples(self.train, 1 / 3, self.seed)
        if len(held) < _FEWEST_HELD_OUT:
            return self.train, None
        return rest, Sealed(Dataset.part(held))

    @property
    def learns_from_calls(self) -> bool:
        """Whether an optimizer reads the calls of lanes."""
        given = (
            (self.optimizer,)
            if self.optimizer
            else (self.system.prompt_optimizer, self.system.system_optimizer)
        )
        return any(each is not None and each.consults for each in given)

    def choose_optimizer(self, space: Space, calls_per_lane: float, lanes: int | None = None) -> Chosen:
        """The one that was given, those in the system's slots, or what fits the space; and why."""
        if self.optimizer is not None:
            return Chosen(self.optimizer, "it was given")
        words, numbers = self.system.prompt_optimizer, self.system.system_optimizer
        fitting = chosen(space, calls_per_lane=calls_per_lane, lanes=lanes, per_item=self.metric.per_item)
        rest = fitting.optimizer
        kinds = {knob.kind in WORDS for knob in space.values()}
        if words is None and numbers is None:
            return fitting
        if kinds == {False}:
            return fitting if numbers is None else Chosen(numbers, "it is the system's own for numbers")
        if kinds == {True}:
            return fitting if words is None else Chosen(words, "it is the system's own for words")
        return Chosen(Slots(words or rest, numbers or rest), "words and numbers have the system's own")
