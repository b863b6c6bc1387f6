"""The tree-structured Parzen estimator of Optuna as a proposer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.bayes.rows import rows_of
from hyperfunc.optimizers.extras import needs_extra
from hyperfunc.optimizers.search import Proposer
from hyperfunc.rng import seed_of

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["TPE"]

_TRIES = 64


@dataclass(frozen=True, slots=True)
class TPE(Proposer):
    """Proposes what Optuna's TPE proposes, for numbers, whole numbers and choices.

    Scores are those of the archive, with easy examples and repeats taken into account as for
    :class:`Bayesian`; candidates that are under way are running trials, so that it does not propose them
    again. Numbers are searched on their scale, and a knob only where it matters. Needs the extra
    ``optuna``.

    Args:
        n: how many in all, at least 1; ``None`` never ends.
        first: random ones before the estimator is used, at least 1.
        multivariate: whether knobs are modelled together.

    Raises:
        SpaceError: a count below 1, or the extra is missing.

    Example::

        Search(TPE(), Hyperband())

    Source: Bergstra et al., "Algorithms for hyper-parameter optimization" (2011), section 4.
    """

    n: int | None = None
    first: int = 10
    multivariate: bool = True

    def __post_init__(self) -> None:
        if self.first < 1 or (self.n is not None and self.n < 1):
            raise SpaceError(f"n is {self.n} and first is {self.first}; give at least 1 each")
        needs_extra("TPE", "optuna")

    def propose(
        self,
        problem: Problem,
        archive: Archive,
        own: tuple[int, tuple[Candidate, ...]] | None,
        count: int,
        known: frozenset[str],
    ) -> tuple[tuple[Candidate, ...], tuple[int, tuple[Candidate, ...]]]:
        """New candidates of a study that holds everything known."""
        optuna = _optuna()
        turn, proposed = own or (0, ())
        if self.n is not None:
            count = min(count, self.n - len(proposed))
        if count < 1 or not problem.space.unit_dim:
            return (), (turn, proposed)
        study = self._study(optuna, problem, archive, proposed, turn)
        fresh: dict[str, Candidate] = {}
        for _ in range(count):
            for _ in range(_TRIES):
                member = _asked(study.ask(), problem)
                if member.id not in known and member.id not in fresh:
                    fresh[member.id] = member
                    break
        return tuple(fresh.values()), (turn + 1, proposed + tuple(fresh.values()))

    def _study(
        self,
        optuna: ModuleType,
        problem: Problem,
        archive: Archive,
        proposed: tuple[Candidate, ...],
        turn: int,
    ) -> Any:
        """All that is known, and those that are under way, as trials."""
        seed = seed_of(problem.seed, "tpe", turn) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=self.first, multivariate=self.multivariate,
                group=self.multivariate, constant_liar=True,
            )  # fmt: skip
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            study = optuna.create_study(direction="maximize", sampler=sampler)
        finally:
            optuna.logging.set_verbosity(verbosity)
        rows = rows_of(archive)
        for candidate, value in zip(rows.candidates, rows.means_R.tolist(), strict=True):
            study.add_trial(_trial(optuna, problem, candidate, value))
        scored = {candidate.id for candidate in rows.candidates}
        for candidate in proposed:
            if candidate.id not in scored:
                study.add_trial(_trial(optuna, problem, candidate, None))
        return study


def _optuna() -> ModuleType:
    import optuna

    module: ModuleType = optuna
    return module


def _asked(trial: Any, problem: Problem) -> Candidate:
    """The candidate of a new trial, which is asked for the knobs that matter, as places of the unit cube."""
    space = problem.space
    units: dict[str, Any] = {}
    member = problem.start
    later = [name for name in space.conditions.names if name in space.unit_names]
    for name in (*(name for name in space.unit_names if name not in later), *later):
        if name in space.conditions.inactive(member):
            continue
        knob = space[name]
        if knob.kind == "choice":
            options = knob.options  # type: ignore[attr-defined]
            units[name] = options[trial.suggest_categorical(name, list(range(len(options))))]
        else:
            units[name] = knob.from_unit(trial.suggest_float(name, 0.0, 1.0))
        member = member.replace({name: units[name]})
    return problem.start.replace(units)


def _trial(optuna: ModuleType, problem: Problem, candidate: Candidate, value: float | None) -> Any:
    """A finished trial, or a running one when there is no value."""
    space = problem.space
    params: dict[str, Any] = {}
    distributions: dict[str, Any] = {}
    for name in space.active(candidate):
        if name not in space.unit_names:
            continue
        knob = space[name]
        if knob.kind == "choice":
            options = knob.options  # type: ignore[attr-defined]
            distributions[name] = optuna.distributions.CategoricalDistribution(list(range(len(options))))
            params[name] = min(len(options) - 1, int(knob.to_unit(candidate[name]) * len(options)))
        else:
            distributions[name] = optuna.distributions.FloatDistribution(0.0, 1.0)
            params[name] = knob.to_unit(candidate[name])
    state = optuna.trial.TrialState.RUNNING if value is None else optuna.trial.TrialState.COMPLETE
    return optuna.trial.create_trial(params=params, distributions=distributions, value=value, state=state)
