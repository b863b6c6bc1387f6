"""EGGROLL: weight matrices under low-rank noise and numbers under SNES, moved by one population."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.memory import check_memory
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.generations import centre_first, minibatch
from hyperfunc.optimizers.lowrank import EntryNoise, noise_of
from hyperfunc.optimizers.probe import choose_sigma, probe_column
from hyperfunc.optimizers.rule import Rule, Unit, is_above_zero
from hyperfunc.optimizers.snes import Gaussian
from hyperfunc.rng import seed_of
from hyperfunc.spaces import Matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.optimizers.lowrank import Noise
    from hyperfunc.optimizers.shaping import Shaping
    from hyperfunc.optimizers.solvers import Moments, Solver
    from hyperfunc.spaces import Candidate, Population

__all__ = ["Eggroll", "Search"]

_RULE = tuple(item.name for item in fields(Rule))


@dataclass(frozen=True, slots=True)
class Search:
    """Where EGGROLL stands.

    Args:
        arrays: the centre of every matrix knob, float32.
        knobs: the distribution of the numbers; its ``generation`` counts the updates of both.
        sigma: first width of the matrices' noise; ``None`` before it was probed.
        moments: what the solver remembers of each matrix.
        missing: members that had no value so far, all generations together.
        noise: of the generation that was asked for last.
    """

    arrays: Mapping[str, NDArray[np.float32]]
    knobs: Gaussian
    sigma: float | None
    moments: Mapping[str, Moments | None] = field(default_factory=dict)
    missing: int = 0
    noise: Mapping[str, Noise] = field(default_factory=dict, repr=False)

    @property
    def generation(self) -> int:
        """Updates so far."""
        return self.knobs.generation

    @property
    def dim(self) -> int:
        """Entries of all matrices."""
        return sum(array.size for array in self.arrays.values())


@dataclass(frozen=True, slots=True)
class Eggroll(Optimizer):
    """Evolution strategy for matrices and numbers at nearly the cost of inference.

    Member k perturbs every matrix by a low-rank product and every number in the unit cube; one vector
    of values then moves both: matrices along the weighted mean of their noise (one matrix product for
    each), numbers by :class:`SNES`. Members are never written out as matrices, and their noise depends
    on the seed, the generation, the knob and the member alone, so that any part of a population can be
    made anywhere. What is recommended is the centre, which no single evaluation chose.

    **Units.** Widths and steps of a matrix are in units of its weights' scale, 1 / sqrt(columns).

    **Step size.** ``lr`` is the root mean square, over the entries of all matrices, of one change on a
    linear function under the solver ``sgd``, whatever the population, sigma, rank and number of entries.
    When nothing helps it is about 0.7 of that or less. Within sigma of an optimum it shrinks with the
    distance. At the bottom of a round bowl of d entries a search of n pairs comes to rest if lr is below
    about ``sigma * sqrt(2 n / (n + d + 1))``; otherwise it hovers at a distance until ``lr_decay`` has
    shortened the steps. Shaping ``group`` shortens them where examples disagree.

    Args:
        population: members of a generation, at least 2; even when mirrored.
        sigma: width of the matrices' noise; ``auto`` spends a first ask on finding the largest that
            leaves the start alive (:func:`~hyperfunc.optimizers.probe.choose_sigma`).
        lr: length of a step, see above; ``None`` takes half of sigma.
        rank: of the noise of a matrix; ``None`` takes each knob's own, which is 1 unless it says
            otherwise. A matrix no larger than the rank, and an array of one axis, get full noise.
        steps: generations; ``None`` goes on until the budget ends.
        mirrored: members 2p and 2p + 1 have opposite noise.
        shaping: ``z`` standardises values, ``rank`` spreads ranks over [-0.5, 0.5] and ignores
            outliers, ``group`` compares members example by example and needs scores per example.
        solver: ``sgd`` or ``adam``.
        unit: of sigma and lr: ``columns`` as above, or ``raw`` entries.
        reuse: generations that share the noise of matrices, at least 1; numbers always get fresh noise.
        sigma_decay: factor on sigma per generation, in (0, 1].
        lr_decay: factor on lr per generation, in (0, 1].
        weight_decay: share of each matrix that lr takes away per generation, at least 0.
        knob_sigma: first width of the numbers, as a share of their ranges.
        examples: examples per generation, the same for all members; ``None`` takes all.
        noise_memory: bytes of noise that are kept from asking to telling; more is made twice.

    Raises:
        SpaceError: a setting out of its range; at the start, shaping ``group`` for a metric that sees
            whole sets only, and members that do not fit into memory.

    Example::

        >>> from hyperfunc.optimizers import Problem
        >>> from hyperfunc.spaces import Matrix, Space
        >>> space = Space({"w": Matrix((8, 4))})
        >>> eggroll = Eggroll(population=6, sigma=0.1)
        >>> ask, state = eggroll.ask(eggroll.init(Problem(space, space.default, n_examples=1)))
        >>> ask.population.columns["w"]
        LowRankStack(6 of (8, 4), rank 1)

    Source: Sarkar et al., "Evolution strategies at the hyperscale" (2025), equation 6 and section 4.
    The paper's step is this one with alpha = lr * rate / sigma; see
    :func:`~hyperfunc.optimizers.rule.rate`.
    """

    population: int = 64
    sigma: float | Literal["auto"] = "auto"
    lr: float | None = None
    rank: int | None = None
    steps: int | None = None
    mirrored: bool = True
    shaping: Shaping = "z"
    solver: Solver = "sgd"
    unit: Unit = "columns"
    reuse: int = 1
    sigma_decay: float = 1.0
    lr_decay: float = 1.0
    weight_decay: float = 0.0
    knob_sigma: float = 0.2
    examples: int | None = None
    noise_memory: int = 1 << 28

    def __post_init__(self) -> None:
        _ = self.rule
        if not is_above_zero(self.knob_sigma):
            raise SpaceError(f"knob_sigma is {self.knob_sigma}; give a number above 0")
        if self.steps is not None and self.steps < 0:
            raise SpaceError(f"steps is {self.steps}; give at least 0, or None for no limit")
        if self.examples is not None and self.examples < 1:
            raise SpaceError(f"examples is {self.examples}; give at least 1, or None for all")

    @property
    def rule(self) -> Rule:
        """The settings that do not depend on what is searched.

        Raises:
            SpaceError: one of them is out of its range.
        """
        return Rule(**{name: getattr(self, name) for name in _RULE})

    def _init(self, problem: Problem) -> Search:
        if self.shaping == "group" and not problem.per_item:
            raise SpaceError(
                "shaping is 'group', which needs scores per example, but the metric sees whole sets only; "
                "use 'z' or 'rank'"
            )
        start = problem.start
        arrays = {name: start[name] for name, knob in problem.space.items() if isinstance(knob, Matrix)}
        for name, array in arrays.items():
            self._check_memory(name, noise_of(0, array.shape, self._rank(problem, name), self.rule.groups, 0))
        sigma = None if isinstance(self.sigma, str) else self.sigma
        return Search(arrays, Gaussian.around(start, self.knob_sigma), sigma)

    def _ask(self, state: State) -> tuple[Ask | None, Search]:
        search: Search = state.own
        problem, generation = state.problem, search.generation
        nothing = not search.arrays and not len(search.knobs.mean_D)
        if nothing or (self.steps is not None and generation >= self.steps):
            return None, search
        batch = minibatch(problem, self.examples, "eggroll", generation)
        if search.arrays and search.sigma is None:
            return Ask(self._probe(problem, search), batch, 0, "EGGROLL looks how wide noise may be"), search
        search = replace(search, noise=self._noise(problem, search))
        members = self._members(problem, search)
        return Ask(members, batch, generation, f"EGGROLL generation {generation + 1}"), search

    def _tell(self, state: State, ask: Ask, told: Told) -> Search:
        search: Search = state.own
        missing = search.missing + int(np.isnan(told.values_K).sum())
        if search.arrays and search.sigma is None:
            return replace(search, sigma=choose_sigma(told.values_K), missing=missing)
        rule = self.rule
        weights_K = rule.weights(told.values_K, told.scores_KN)
        weights_G = rule.folded(weights_K, told.values_K, search.dim)
        arrays, moments = self._moved(state.problem, search, weights_G)
        fitness_K = weights_K if self.shaping == "group" else told.values_K
        counted_K = np.isfinite(rule.judged(told.values_K))
        noise_KU = search.knobs.noise(state.problem.seed, self.population, self.mirrored)
        knobs = search.knobs.moved(noise_KU, np.where(counted_K, fitness_K, np.nan))
        return Search(arrays, knobs, search.sigma, moments, missing)

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        search: Search = state.own
        start = state.problem.start
        placed = start.space.from_unit(search.knobs.mean_D, start)
        return centre_first(start, start.space.candidate(search.arrays, (start.id,), placed))

    # A generation

    def _probe(self, problem: Problem, search: Search) -> Population:
        columns = {}
        for name, array in search.arrays.items():
            key, unit = seed_of(problem.seed, "eggroll", "probe", name), self.rule.unit_of(array.shape)
            columns[name] = probe_column(key, array, self._rank(problem, name), unit)
        return problem.space.population(columns, problem.start, throwaway=True)

    def _members(self, problem: Problem, search: Search) -> Population:
        columns = {}
        for name, array in search.arrays.items():
            assert search.sigma is not None
            width = self.rule.width(array.shape, search.sigma, search.generation)
            columns[name] = search.noise[name].column(array, width, self.mirrored)
        points_KU = search.knobs.points(search.knobs.noise(problem.seed, self.population, self.mirrored))
        return problem.space.unit_population(points_KU, problem.start, columns, throwaway=True)

    def _noise(self, problem: Problem, search: Search) -> dict[str, Noise]:
        """Of every matrix, kept in memory as far as it may."""
        left, made = self.noise_memory, {}
        for name, array in search.arrays.items():
            key = seed_of(problem.seed, "eggroll", search.generation // self.reuse, name)
            made[name] = noise_of(key, array.shape, self._rank(problem, name), self.rule.groups, left)
            left -= made[name].memory
        return made

    def _moved(
        self, problem: Problem, search: Search, weights_G: NDArray[np.float64]
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, Moments | None]]:
        """The matrices after a generation, and what the solver remembers."""
        arrays, moments = dict(search.arrays), dict(search.moments)
        for name, noise in (search.noise or self._noise(problem, search)).items():
            assert search.sigma is not None
            moved, moments[name] = self.rule.moved(
                arrays[name], noise.fold(weights_G), moments.get(name), search.sigma, search.generation
            )
            moved.flags.writeable = False
            arrays[name] = moved
        return arrays, moments

    def _check_memory(self, name: str, noise: Noise) -> None:
        """Refuse what would have to be written out for all members and cannot be.

        Raises:
            DoesNotFit: names the knob and the population.
        """
        if not isinstance(noise, EntryNoise):
            return
        check_memory(
            8 * self.population * math.prod(noise.shape),
            f"{name!r} has full noise, and population={self.population} members of it with their noise",
            "give a smaller population, or a rank below the sides of the matrix",
        )

    def _rank(self, problem: Problem, name: str) -> int | None:
        knob = problem.space[name]
        assert isinstance(knob, Matrix)
        return knob.noise_rank if self.rank is None else self.rank
