"""A run over tensors: fused, deterministic, resumable, and honest about members without a value."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfunc import (  # noqa: E402
    ESHybridSystemOptimizer,
    Example,
    HyperSystem,
    LoRAWeight,
    Real,
    batched_metric,
    hyperfunction,
)

Square = LoRAWeight.create(2, 2, 1)
TARGET = torch.tensor([[0.0, -1.5], [1.5, 0.0]])


@hyperfunction(hp_type=Square, optimize_hparams=True)
def turn(x: Any, *, hp: Any) -> Any:
    return hp.weight @ x


class Affine(HyperSystem):
    shift = Real(-1.0, 1.0, default=0.8)

    def run(self, x: Any) -> Any:
        return turn(x) + self.shift


@batched_metric
def closeness(preds: Any, expected: Any) -> Any:
    return -((preds - expected) ** 2).mean(dim=(1, 2))


def data() -> list[Example]:
    points = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    return [Example({"x": x}, TARGET @ x) for x in points]


def train(ledger: Path, metric: Any = closeness, **options: Any) -> Any:
    optimizer = ESHybridSystemOptimizer(steps=60, pop_size=32, sigma=0.1, lr=0.2)
    return Affine(ledger=ledger).optimize(data(), metric, optimizer=optimizer, **options)


def test_one_population_moves_numbers_and_matrices(tmp_path: Path) -> None:
    result = train(tmp_path)
    assert result.score_best > -0.01 > result.score_start
    np.testing.assert_allclose(result.best["turn.hp.weight"], TARGET.numpy(), atol=0.1)
    assert abs(result.best["shift"]) < 0.1


def test_chunks_and_threads_do_not_change_a_run(tmp_path: Path) -> None:
    whole = train(tmp_path / "a")
    chunked = train(tmp_path / "b", max_batch_size=80)
    threads = torch.get_num_threads()
    torch.set_num_threads(2 if threads == 1 else 1)
    try:
        threaded = train(tmp_path / "c")
    finally:
        torch.set_num_threads(threads)
    for other in (chunked, threaded):
        np.testing.assert_allclose(
            other.best["turn.hp.weight"], whole.best["turn.hp.weight"], rtol=1e-6, atol=1e-6
        )
        assert other.best["shift"] == pytest.approx(whole.best["shift"], rel=1e-6, abs=1e-6)


def test_a_run_that_goes_on_computes_nothing_twice(tmp_path: Path) -> None:
    seen = SimpleNamespace(times=0)

    @batched_metric
    def counted(preds: Any, expected: Any) -> Any:
        seen.times += 1
        return -((preds - expected) ** 2).mean(dim=(1, 2))

    first = train(tmp_path, counted)
    once, seen.times = seen.times, 0
    second = train(tmp_path, counted)
    # What is left is the bootstrap over held-out examples.
    assert seen.times < once - 60
    assert second.best == first.best
    assert second.gain == first.gain


def test_members_without_a_value_move_nothing_and_are_counted(tmp_path: Path) -> None:
    @batched_metric
    def broken(preds: Any, expected: Any) -> Any:
        values = -((preds - expected) ** 2).mean(dim=(1, 2))
        if len(values) == 32:
            values[5] = math.nan
        return values

    with pytest.warns(UserWarning, match="NaN for 1 of 32"):
        result = train(tmp_path, broken)
    assert any("60 evaluations gave no finite value" in text for text in result.warnings)
    assert result.score_best > -0.05


def test_what_cannot_be_fused_is_charged_once(tmp_path: Path) -> None:
    class Plain(HyperSystem):
        scale = Real(0.0, 2.0, default=0.5)

        def run(self, x: float) -> float:
            return x * self.scale

    def total(preds: list[float], expected: list[None]) -> float:
        return sum(preds)

    pairs = [({"x": 1.0}, None)] * 8
    search = ESHybridSystemOptimizer(steps=3, pop_size=4)
    result = Plain(ledger=tmp_path).optimize(pairs, total, optimizer=search, budget="100 evaluations")
    assert len(result.history) == 3
    assert result.spend.evaluations <= sum(step.n_lanes for step in result.history) + 3 * len(pairs)
