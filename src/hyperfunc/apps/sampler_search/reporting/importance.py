"""Which parameters matter: functional analysis of variance of the surrogate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.rng import generator

from .surrogate import Axis, Surrogate

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Effect", "effects"]

_POINTS = 400
_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Effect:
    """What one parameter, or two beyond what each does alone, explain of the surface.

    Args:
        names: one parameter, or two for an interaction.
        share: of the variance of the predicted surface over the box that was tried, in [0, 1].
        low, high: the middle 90 % of that share over surfaces that the scores allow, with ``share`` itself,
            which may lie below: single surfaces are rougher than their mean.
    """

    names: tuple[str, ...]
    share: float
    low: float
    high: float


def effects(surrogate: Surrogate, axes: Sequence[Axis]) -> tuple[Effect, ...]:
    r"""Main effects and pairwise interactions by marginal variance.

    On a grid over the box of the values tried, ``V_i = Var(E[f | x_i])`` and
    ``V_ij = Var(E[f | x_i, x_j]) - V_i - V_j``, as shares of ``Var(f)``; what is left belongs to
    interactions of three or more. Coordinates count evenly, logarithmic ones in their logarithm.

    Args:
        surrogate: of one family.
        axes: its parameters that vary, in the order of the surrogate's coordinates.

    Returns:
        The effects, largest first; empty for a surface without any variance.

    Example::

        effects(fit(points, means, noise), axes)[0].names

    Source: Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance",
    ICML (2014), with marginals summed over a grid where theirs are exact sums over trees.
    """
    nodes = max(2, int(_POINTS ** (1 / len(axes)) + 1e-9))
    middle = (np.arange(nodes) + 0.5) / nodes
    at_MK = np.stack([part.ravel() for part in np.meshgrid(*[middle] * len(axes), indexing="ij")], 1)
    shape = (nodes,) * len(axes)
    predicted = _shares(surrogate.mean(at_MK).reshape(1, *shape))
    if predicted is None:
        return ()
    drawn = surrogate.draws(at_MK, _DRAWS, generator("sampler importance", 0)).reshape(_DRAWS, *shape)
    spread = _shares(drawn)
    found = []
    for place, parts in enumerate(_parts(len(axes))):
        share = float(predicted[place, 0])
        low, high = (share, share) if spread is None else np.quantile(spread[place], [0.05, 0.95])
        names = tuple(axes[k].name for k in parts)
        found.append(Effect(names, share, min(share, float(low)), max(share, float(high))))
    return tuple(sorted(found, key=lambda effect: (-effect.share, effect.names)))


def _parts(count: int) -> list[tuple[int, ...]]:
    return [*((k,) for k in range(count)), *combinations(range(count), 2)]


def _shares(surfaces_CG: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Shares of each part, shape ``(parts, C)``; ``None`` when a surface is flat."""
    every = tuple(range(1, surfaces_CG.ndim))
    total_C = surfaces_CG.var(axis=every)
    if (total_C <= 1e-12 * (1e-300 + np.mean(surfaces_CG**2, axis=every))).any():
        return None
    found: dict[tuple[int, ...], NDArray[np.float64]] = {}
    for parts in _parts(surfaces_CG.ndim - 1):
        others = tuple(k + 1 for k in range(surfaces_CG.ndim - 1) if k not in parts)
        marginal = surfaces_CG.mean(axis=others) if others else surfaces_CG
        inner = tuple(range(1, marginal.ndim))
        alone = sum(found[(k,)] for k in parts) if len(parts) > 1 else 0.0
        found[parts] = np.maximum(marginal.var(axis=inner) - alone, 0.0)
    return np.asarray(np.stack(list(found.values())) / total_C, np.float64)
