"""What searches share that try a generation and move a centre: their examples, and what they recommend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperfunc.rng import generator

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["centre_first", "minibatch"]


def minibatch(problem: Problem, size: int | None, *names: object) -> tuple[int, ...]:
    """All examples, or a random ``size`` of them, in order; the names address the random stream."""
    if size is None or size >= problem.n_examples:
        return tuple(range(problem.n_examples))
    rng = generator(problem.seed, "minibatch", *names)
    return tuple(sorted(rng.choice(problem.n_examples, size, replace=False).tolist()))


def centre_first(start: Candidate, centre: Candidate) -> tuple[Candidate, ...]:
    """What a search that moves a centre recommends: the centre, which no single evaluation chose."""
    return (start,) if centre == start else (centre, start)
