"""Which settings are tried: an optimizer for the strategy of a configuration, and why it is this one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import Fixed, Given, Random, Search
from hyperfunc.optimizers.base import Ask, Delegate, Optimizer, State, Told
from hyperfunc.optimizers.bayes import Bayesian
from hyperfunc.rng import generator
from hyperfunc.spaces import Candidate

from .config import SearchConfig
from .families import WHOLE, Range, Setting, Span
from .space import SettingSpace

__all__ = ["Plan", "Watched", "grid_of", "plan_for"]

DEFAULT_SETTINGS = 30
_LARGEST_GRID = 100_000
_BATCH = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be tried.

    Args:
        strategy: ``grid``, ``random`` or ``bayesian``.
        optimizer: that does it.
        start: the first setting; ``None`` for the middle of the space.
        settings: how many are tried at most.
        why: why it is this strategy, in a few words.
    """

    strategy: str
    optimizer: Optimizer
    start: Setting | None
    settings: int
    why: str


def plan_for(config: SearchConfig, space: SettingSpace) -> Plan:
    """The plan of a configuration.

    Raises:
        SpaceError: the grid is too large.
    """
    strategy, why = config.search_strategy, "it was asked for"
    if strategy == "auto":
        strategy, why = _automatic(config, space)
    if strategy == "grid":
        points = _chosen(grid_of(space), config)
        changes = [space.changes(point) for point in points]
        return Plan("grid", Search(Given(changes), Fixed(batch=_BATCH)), points[0], len(points), why)
    count = config.n_iterations or DEFAULT_SETTINGS
    # The start is the first of them.
    if strategy == "random":
        return Plan("random", Search(Random(count - 1), Fixed(batch=_BATCH)), None, count, why)
    return Plan("bayesian", Search(Bayesian(count - 1), Fixed(batch=_BATCH)), None, count, why)


def _automatic(config: SearchConfig, space: SettingSpace) -> tuple[str, str]:
    """A small grid of values somebody listed is tried in full; everything else needs a model of the noise."""
    listed = all(not isinstance(r, Span) for ranges in space.ranges.values() for r in ranges.values())
    count = config.n_iterations or DEFAULT_SETTINGS
    if listed and _size(space) <= count:
        return "grid", f"the {_size(space)} listed settings can all be tried"
    return "bayesian", "a text costs a model call and scores are noisy, so a model decides what to try"


def _size(space: SettingSpace) -> int:
    return sum(math.prod(len(_points(n, r)) for n, r in ranges.items()) for ranges in space.ranges.values())


def grid_of(space: SettingSpace) -> list[Setting]:
    """Every combination of points in each family, once.

    Raises:
        SpaceError: there are more than 100,000.
    """
    if (size := _size(space)) > _LARGEST_GRID:
        raise SpaceError(f"the grid has {size:,} settings; list fewer values, or give ranges fewer points")
    found = []
    for family in space.families:
        axes = {name: _points(name, range_) for name, range_ in space.ranges[family].items()}
        found += [
            Setting(family, dict(zip(axes, values, strict=True)))
            for values in itertools.product(*axes.values())
        ]
    return found


def _points(name: str, range_: Range) -> tuple[float, ...]:
    if not isinstance(range_, Span):
        return range_
    low, high, count = range_.low, range_.high, range_.points
    shares = [0.5] if count == 1 else [step / (count - 1) for step in range(count)]
    if range_.log:
        values = [low ** (1 - share) * high**share for share in shares]
    else:
        values = [low + (high - low) * share for share in shares]
    rounded = [round(value) if name in WHOLE else float(f"{value:.6g}") for value in values]
    return tuple(dict.fromkeys(min(max(value, low), high) for value in rounded))


def _chosen(points: list[Setting], config: SearchConfig) -> list[Setting]:
    """All points, or as many as were asked for, drawn without looking."""
    if config.n_iterations is None or config.n_iterations >= len(points):
        return points
    rng = generator(config.seed, "sampler grid")
    kept = sorted(rng.choice(len(points), config.n_iterations, replace=False).tolist())
    return [points[place] for place in kept]


Seen = Callable[[Ask, Told, tuple[Candidate, ...]], None]


@dataclass(frozen=True, slots=True)
class Watched(Delegate):
    """Another optimizer that lets somebody see each answer, and its order of recommendation then.

    Args:
        watched: the optimizer that does the work.
        seen: called with what was asked, what was told, and candidates by recommendation, best first.
    """

    watched: Optimizer
    seen: Seen

    def inner(self) -> Optimizer:
        """The one that does the work."""
        return self.watched

    def tell(self, state: State, ask: Ask, told: Told) -> State:
        """As the inner one, and then it is shown."""
        after = Delegate.tell(self, state, ask, told)
        self.seen(ask, told, self.recommend(after))
        return after

    def __repr__(self) -> str:
        return repr(self.watched)
