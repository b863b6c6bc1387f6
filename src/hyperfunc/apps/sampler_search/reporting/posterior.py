"""How good each setting is, given all of them: surrogates, shrunk means, chances to be the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.llm.providers.parameters import NEUTRAL
from hyperfunc.rng import generator

from .adjusting import Means
from .records import Setting
from .surrogate import Axis, Surrogate, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Beliefs", "Surface", "axes_of", "beliefs", "points_of"]

_DRAWS = 4000
_FEWEST = 4
"""Fewer settings than this make no surface."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The surrogate of a family over its parameters that vary."""

    axes: tuple[Axis, ...]
    surrogate: Surrogate


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """What all texts together say about each setting.

    Args:
        mean_S, deviation_S: posterior mean and standard deviation.
        p_best_S: the chance of each to be the best of those tried.
        surfaces: by family; a family with fewer than four settings, or nothing that varies, has none.
    """

    mean_S: NDArray[np.float64]
    deviation_S: NDArray[np.float64]
    p_best_S: NDArray[np.float64]
    surfaces: dict[str, Surface]


def axes_of(settings: Sequence[Setting]) -> tuple[Axis, ...]:
    """Parameters of a family that are numbers and vary, temperature first, then by name."""
    values = [setting.numbers() for setting in settings]
    names = sorted({name for numbers in values for name in numbers}, key=lambda n: (n != "temperature", n))
    axes = [Axis.of(name, [_value(numbers, name) for numbers in values]) for name in names]
    return tuple(axis for axis in axes if axis.high > axis.low)


def points_of(settings: Sequence[Setting], axes: Sequence[Axis]) -> NDArray[np.float64]:
    """The settings as coordinates, shape ``(settings, axes)``."""
    columns = [axis.unit(np.array([_value(s.numbers(), axis.name) for s in settings])) for axis in axes]
    return np.stack(columns, 1)


def _value(numbers: dict[str, float], name: str) -> float:
    """A parameter that a setting does not name is neutral."""
    return numbers.get(name, float(NEUTRAL.get(name, 0.0)))


def beliefs(settings: Sequence[Setting], means: Means) -> Beliefs:
    """Posterior of every setting from the surrogate of its family.

    Settings of a family without a surface are drawn towards the mean of all by as much as noise explains
    their spread.

    Args:
        settings: all of the search.
        means: from :func:`adjusted`.

    Example::

        beliefs(search.settings, adjusted(search.settings)).p_best_S.sum()  # 1.0
    """
    count = len(settings)
    mean_S, deviation_S = _shrunk(means)
    draws_CS = mean_S + deviation_S * _normal("alone", count)
    surfaces = {}
    for family in sorted({setting.family for setting in settings}):
        index = np.array([place for place, setting in enumerate(settings) if setting.family == family])
        own = [settings[place] for place in index]
        axes = axes_of(own)
        if len(own) < _FEWEST or not axes:
            continue
        points_NK = points_of(own, axes)
        noise = None if means.variance_S is None else means.variance_S[index]
        surrogate = fit(points_NK, means.mean_S[index], _above_zero(noise, means.mean_S))
        surfaces[family] = Surface(axes, surrogate)
        mean_S[index] = surrogate.mean(points_NK)
        deviation_S[index] = np.sqrt(surrogate.variance(points_NK))
        draws_CS[:, index] = surrogate.draws(points_NK, _DRAWS, generator(f"sampler draws {family}", 0))
    # Settings of which nothing is known apart share their chance.
    draws_CS = draws_CS + 1e-9 * (float(np.abs(mean_S).max()) + 1e-9) * _normal("ties", count)
    p_best_S = np.bincount(draws_CS.argmax(1), minlength=count) / _DRAWS
    return Beliefs(mean_S, deviation_S, p_best_S, surfaces)


def _normal(name: str, count: int) -> NDArray[np.float64]:
    return generator(f"sampler draws, {name}", 0).standard_normal((_DRAWS, count))


def _above_zero(noise: NDArray[np.float64] | None, mean_S: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Texts that all agree do not make a mean exact."""
    return None if noise is None else np.maximum(noise, 1e-6 * float(mean_S.var()))


def _shrunk(means: Means) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Empirical Bayes: Morris, "Parametric empirical Bayes inference", JASA 78 (1983), by moments."""
    mean_S = means.mean_S.copy()
    spread = float(mean_S.var(ddof=1)) if len(mean_S) > 1 else 0.0
    noise_S = np.full(len(mean_S), spread) if means.variance_S is None else means.variance_S
    if len(mean_S) < 3:
        return mean_S, np.sqrt(noise_S)
    between = max(spread - float(noise_S.mean()), 0.0)
    total_S = between + noise_S
    weight_S = np.divide(between, total_S, out=np.ones_like(total_S), where=total_S > 0)
    return mean_S.mean() + weight_S * (mean_S - mean_S.mean()), np.sqrt(weight_S * noise_S)
