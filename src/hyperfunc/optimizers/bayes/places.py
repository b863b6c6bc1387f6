"""Where a model looks for what to try next: over the whole space, then closer and closer to the best."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hyperfunc.optimizers.sobol import even_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.base import Problem
    from hyperfunc.optimizers.bayes.encoding import Encoding
    from hyperfunc.spaces import Candidate

__all__ = ["ALL_PLACES", "Bounds", "best_new", "nearby", "searched"]

ALL_PLACES = 2048
"""Spaces of so many places or fewer are looked at in full."""

_CENTRES = 6
_ROUNDS = 3


class Bounds(Protocol):
    """A part of the unit cube that places are kept in."""

    def spread(self, units_NU: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Places of the whole cube, drawn together."""

    def confined(self, units_NU: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Places of the cube, those outside moved inside."""


def searched(
    encoding: Encoding,
    measured_RU: NDArray[np.float64],
    means_R: NDArray[np.float64],
    worth: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    pool: int,
    rng: np.random.Generator,
    bounds: Bounds | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Settled places and what each is worth: spread over the space, then around the best of them.

    Args:
        encoding: of the space.
        measured_RU: places that were measured.
        means_R: what they are expected to score.
        worth: of settled places.
        pool: how many are spread over the space.
        rng: of the places.
        bounds: what they are kept in; ``None`` for the whole cube.
    """
    centres = measured_RU[np.argsort(-means_R, kind="stable")[:_CENTRES]]
    even = even_points(encoding.space.unit_dim, pool, int(rng.integers(1 << 62)))
    close = nearby(encoding, centres, pool // 8, 0.1, rng)
    if bounds is not None:
        even, close = bounds.spread(even, rng), bounds.confined(close, rng)
    units_NU = encoding.settled(np.concatenate([even, close]))
    worth_N = worth(units_NU)
    for shrink in range(_ROUNDS):
        top = units_NU[np.argsort(-worth_N, kind="stable")[:_CENTRES]]
        closer = nearby(encoding, top, pool // 16, 0.05 / 3.0**shrink, rng)
        closer = encoding.settled(closer if bounds is None else bounds.confined(closer, rng))
        units_NU, worth_N = np.concatenate([units_NU, closer]), np.concatenate([worth_N, worth(closer)])
    return units_NU, worth_N


def nearby(
    encoding: Encoding, centres_NU: NDArray[np.float64], each: int, width: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """``each`` places around every centre, [N * each, U], not yet settled.

    Each changes one knob or some; a number by a normal step of about ``width``, a choice to any option.
    """
    origin = np.repeat(centres_NU, each, axis=0)
    count, dim = origin.shape
    share = rng.choice([1.0 / dim, 0.5, 1.0], (count, 1))
    moves = rng.random((count, dim)) < share
    moves[np.arange(count), rng.integers(dim, size=count)] = True
    widths = width * np.exp(rng.normal(0.0, 1.0, (count, 1)))
    steps = origin + widths * rng.normal(size=(count, dim))
    # A number that would leave the cube turns back at its bound half of the time, and stays on it else.
    turned = np.where(steps < 0.0, -steps, np.where(steps > 1.0, 2.0 - steps, steps))
    steps = np.where(rng.random((count, dim)) < 0.5, turned, steps)
    drawn = np.where(encoding.is_choice_U, rng.random((count, dim)), steps)
    return np.where(moves, drawn, origin)


def best_new(
    problem: Problem, units_NU: NDArray[np.float64], worth_N: NDArray[np.float64], known: frozenset[str]
) -> Candidate | None:
    """The best place whose candidate nobody has proposed."""
    for place in np.argsort(-worth_N, kind="stable").tolist():
        member = problem.space.from_unit(units_NU[place], problem.start)
        if member.id not in known:
            return member
    return None
