"""``evaluate_population`` on a composition of two matrices, against a batched product written by hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from hyperfunc import Example, HyperSystem, LoRAWeight, batched_metric, hyperfunction

__all__ = ["affine"]

POPULATION, EXAMPLES = 1024, 50
IN_A_ROW = 5
"""Evaluations of one way before the next has its turn, as in a search."""
Square = LoRAWeight.create(2, 2, 1)


@hyperfunction(hp_type=Square, optimize_hparams=True)
def rotate(x: Any, *, hp: Any) -> Any:
    """One matrix."""
    return hp.weight @ x


@hyperfunction(hp_type=Square, optimize_hparams=True)
def scale(x: Any, *, hp: Any) -> Any:
    """Another one."""
    return hp.weight @ x


class Affine(HyperSystem):
    """Rotation, then scale, for one candidate and one point."""

    def run(self, x: Any) -> Any:
        """Where a point comes to lie."""
        return scale(rotate(x))


@batched_metric
def closeness(preds: Any, expected: Any) -> Any:
    """Mean squared error of every candidate."""
    return -((preds - expected) ** 2).mean(dim=(1, 2))


def plain_closeness(preds: Sequence[Any], expected: Sequence[Any]) -> float:
    """The same, as somebody writes it who knows nothing of populations."""
    errors = [((p - e) ** 2).mean().item() for p, e in zip(preds, expected, strict=True)]
    return -sum(errors) / len(errors)


def affine(rounds: int) -> dict[str, list[float]]:
    """Time of ``evaluate_population`` over the time by hand, in one process on one thread.

    Args:
        rounds: how often each way is timed, with values it has not seen; the ways take turns.

    Returns:
        Ratios per way: ``batched`` (a stacked population and a batched metric), ``plain metric``, and
        ``list`` (candidates one by one, with the batched metric).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _affine(rounds)
    finally:
        torch.set_num_threads(threads)


def _affine(rounds: int) -> dict[str, list[float]]:
    rng = np.random.default_rng(0)
    drawn = torch.Generator().manual_seed(0)
    points, targets = (torch.randn(EXAMPLES, 2, generator=drawn) for _ in "xy")
    data = [Example({"x": x}, y) for x, y in zip(points, targets, strict=True)]
    system = Affine()
    names = [f"{fn.name}.hp.weight" for fn in (rotate, scale)]

    def fresh() -> list[np.ndarray]:
        return [rng.normal(size=(POPULATION, 2, 2)).astype(np.float32) for _ in names]

    def by_hand(values: Sequence[np.ndarray]) -> torch.Tensor:
        one, two = map(torch.from_numpy, values)
        turned = torch.bmm(points.expand(POPULATION, EXAMPLES, 2), one.transpose(1, 2))
        return -((torch.bmm(turned, two.transpose(1, 2)) - targets) ** 2).mean(dim=(1, 2))

    def population(values: Sequence[np.ndarray]) -> Any:
        return system.space.population(dict(zip(names, values, strict=True)))

    ways: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "by hand": (lambda values: values, by_hand),
        "batched": (population, lambda p: system.evaluate_population(p, data, closeness)),
        "plain metric": (population, lambda p: system.evaluate_population(p, data, plain_closeness)),
        "list": (
            lambda values: list(population(values)),
            lambda members: system.evaluate_population(members, data, closeness),
        ),
    }
    values = fresh()
    expected = by_hand(values).numpy()
    for name, (prepare, evaluate) in ways.items():
        got = evaluate(prepare(values))
        np.testing.assert_allclose(getattr(got, "values_K", got), expected, rtol=1e-4, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        unseen = [fresh() for _ in range(IN_A_ROW)]
        for name, (prepare, evaluate) in ways.items():
            prepared = [prepare(values) for values in unseen]
            began = time.process_time()
            for population_or_values in prepared:
                evaluate(population_or_values)
            times[name].append((time.process_time() - began) / IN_A_ROW)
    by_hand_s = statistics.median(times.pop("by hand"))
    return {name: [t / by_hand_s for t in taken] for name, taken in times.items()}
