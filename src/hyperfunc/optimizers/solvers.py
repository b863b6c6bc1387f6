"""From a direction to a change of weights: plain steps, or Adam's."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

from hyperfunc.errors import SpaceError

__all__ = ["Moments", "Solver", "check_solver", "solve"]

Solver = Literal["sgd", "adam"]
"""``sgd`` goes along the direction, ``adam`` along its running mean over its running deviation."""

_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8


class Moments(NamedTuple):
    """Adam's running means of a direction and of its square, for one array."""

    mean: Any
    square: Any
    steps: int


def check_solver(name: str) -> None:
    """Refuses a name that is not a solver.

    Raises:
        SpaceError: the name.
    """
    if name not in get_args(Solver):
        raise SpaceError(f"solver is {name!r}; give one of {', '.join(map(repr, get_args(Solver)))}")


def solve(solver: Solver, direction: Any, moments: Moments | None) -> tuple[Any, Moments | None]:
    """The step of size one, and what to remember. Takes numpy arrays or torch tensors.

    Args:
        solver: which.
        direction: uphill.
        moments: what the last call returned.

    Source: Kingma and Ba, "Adam: A method for stochastic optimization" (2015), algorithm 1.
    """
    if solver == "sgd":
        return direction, None
    old = moments or Moments(0.0 * direction, 0.0 * direction, 0)
    steps = old.steps + 1
    mean = _FIRST * old.mean + (1 - _FIRST) * direction
    square = _SECOND * old.square + (1 - _SECOND) * direction**2
    deviation = (square / (1 - _SECOND**steps)) ** 0.5
    return (mean / (1 - _FIRST**steps)) / (deviation + _EPSILON), Moments(mean, square, steps)
