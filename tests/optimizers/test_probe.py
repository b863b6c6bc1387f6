from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from hyperfunc.optimizers.probe import LADDER, PROBES, choose_sigma, probe_column

START = np.random.default_rng(0).normal(size=(12, 10)).astype(np.float32) / math.sqrt(10)


def chosen(value: Callable[[np.ndarray], float], rank: int | None = 1, key: int = 0) -> float:
    column = probe_column(key, START, rank, 1 / math.sqrt(10))
    return choose_sigma(np.array([value(column[k]) for k in range(PROBES)]))


@pytest.mark.parametrize("rank", [1, 2, None])
def test_a_probe_is_the_start_and_mirrored_pairs_of_every_width(rank: int | None) -> None:
    column = probe_column(3, START, rank, 0.5)
    assert len(column) == PROBES == 1 + 6 * len(LADDER)
    members = np.stack([column[k] for k in range(PROBES)])
    twice = np.broadcast_to(2 * START, (30, 12, 10))
    np.testing.assert_array_equal(members[0], START)
    np.testing.assert_allclose(members[1::2] + members[2::2], twice, atol=1e-6)
    widths = (members[1:] - START).reshape(len(LADDER), -1).std(axis=1) / 0.5
    np.testing.assert_allclose(widths, LADDER, rtol=0.5)


@pytest.mark.parametrize("key", range(5))
def test_the_width_follows_the_scale_of_the_landscape(key: int) -> None:
    target = START + np.random.default_rng(1).normal(size=START.shape) / math.sqrt(10)

    def landscape(size: float) -> Callable[[np.ndarray], float]:
        """How far the start is from the best, and how soon things break, in units of the weights."""
        best = START + size * (target - START)
        return lambda w: -float(((w - best) ** 2).sum())

    sigmas = [chosen(landscape(size), key=key) for size in (0.01, 0.1, 1.0)]
    for size, sigma in zip((0.01, 0.1, 1.0), sigmas, strict=True):
        assert size / 15 < sigma < size * 1.5


def test_a_trained_start_is_not_destroyed() -> None:
    inputs = np.random.default_rng(2).normal(size=(200, 10))
    labels = (inputs @ START.T).argmax(1)

    def accuracy(w: np.ndarray) -> float:
        return float(((inputs @ w.T).argmax(1) == labels).mean())

    sigma = chosen(accuracy)
    noise = np.random.default_rng(3).normal(size=(20, 12, 10)) / math.sqrt(10)
    assert np.mean([accuracy(START + sigma * change) for change in noise]) > 0.7
    assert len({accuracy(START + sigma * change) for change in noise}) > 1


def test_a_start_with_nothing_to_lose_is_looked_at_from_afar() -> None:
    rng = np.random.default_rng(0)
    assert choose_sigma(rng.normal(size=PROBES)) >= LADDER[2]
    assert choose_sigma(np.full(PROBES, 0.1)) == LADDER[0]


def test_widths_without_values_are_not_taken() -> None:
    values_K = np.random.default_rng(0).normal(size=PROBES)
    values_K[1:25] = math.nan
    assert choose_sigma(values_K) <= LADDER[4]
    assert choose_sigma(np.full(PROBES, math.nan)) in LADDER


def test_the_unit_of_the_metric_does_not_matter() -> None:
    values_K = np.random.default_rng(5).normal(size=PROBES) - np.linspace(5, 0, PROBES)
    assert choose_sigma(values_K) == choose_sigma(1000 * values_K) == choose_sigma(values_K - 3)
