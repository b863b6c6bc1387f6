"""Law: every mode gives the same scores and failures, also for programs and metrics that catch errors, fail,
and look values up, and however often a system was evaluated before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from hyperfunc import (  # noqa: E402
    Example,
    HyperSystem,
    Integer,
    LoRAWeight,
    Real,
    batched_metric,
    hyperfunction,
    over_set,
    per_item,
)
from hyperfunc.types import Failure  # noqa: E402

Square = LoRAWeight.create(4, 4, 1)


@dataclass(frozen=True)
class Numbers:
    a: Annotated[float, Real(-1.0, 1.0)] = 0.3
    b: Annotated[float, Real(0.0, 1.0)] = 0.4
    n: Annotated[int, Integer(1, 3)] = 2


def rooted(x: Any, w: Any, hp: Numbers) -> Any:
    try:
        return torch.linalg.cholesky(w @ w.T + torch.diag(x)).diagonal()
    except torch.linalg.LinAlgError:
        return x * 0 - 1


def careful(x: Any, w: Any, hp: Numbers) -> Any:
    try:
        return x * (0.1 / hp.b)
    except ZeroDivisionError:
        return -x


def picky(x: Any, w: Any, hp: Numbers) -> Any:
    if bool((x > 0.9).any()):
        raise ValueError("too large")
    return x


STEPS: dict[str, Callable[[Any, Any, Numbers], Any]] = {
    "layer": lambda x, w, hp: torch.tanh(w @ x),
    "loop": lambda x, w, hp: torch.sin(x * hp.n),
    "scale": lambda x, w, hp: x * hp.a + hp.b,
    "divide": lambda x, w, hp: (x * (1 / hp.b)).clamp(-3, 3),
    "rows": lambda x, w, hp: torch.nn.functional.embedding((x.abs() * 4).long(), w).mean(0),
    "classes": lambda x, w, hp: torch.nn.functional.one_hot((x.abs() * 2).long(), 4).sum(0).float(),
    "branch": lambda x, w, hp: x * 2 if float(x[0]) > 0 else x,
    "rooted": rooted,
    "careful": careful,
    "picky": picky,
}


def distance(preds: Any, expected: Any) -> float:
    return -sum(float((p - e).abs().sum()) for p, e in zip(preds, expected, strict=True))


METRICS = {
    "batched": batched_metric(lambda preds, expected: -((preds - expected) ** 2).mean((1, 2))),
    "set": over_set(distance),
    "item": per_item(lambda example, pred: float(torch.sigmoid((pred * example.expected).sum()))),
    "among": per_item(lambda example, pred: float(pred.argmax().item() in {0, 2})),
    "ratio": per_item(lambda example, pred: 1 / (1 + abs(1 / (pred > 0).sum().item()))),
}


def build(steps: list[str]) -> HyperSystem:
    @hyperfunction(hp_type=Square, optimize_hparams=True)
    def middle(x: Any, numbers: Numbers, *, hp: Any) -> Any:
        for step in steps:
            x = STEPS[step](x, hp.weight, numbers)
        return x

    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def numbers(*, hp: Numbers) -> Numbers:
        return hp

    class Program(HyperSystem):
        def run(self, x: Any) -> Any:
            return middle(x, numbers())

    return Program([middle, numbers])


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=3),
    metric=st.sampled_from(sorted(METRICS)), count=st.integers(1, 7), seed=st.integers(0, 10_000),
)  # fmt: skip
def test_law_every_mode_gives_the_same(steps: list[str], metric: str, count: int, seed: int) -> None:
    system, rng = build(steps), np.random.default_rng(seed)
    drawn = torch.Generator().manual_seed(seed)
    for size, width in ((3, 0.2), (6, 2.0), (3, 0.2)):
        data = [
            Example({"x": width * torch.randn(4, generator=drawn)}, torch.randn(4, generator=drawn))
            for _ in range(size)
        ]
        chosen = [
            system.space.sample(rng).replace({"numbers.hp.b": 0.0} if rng.random() < 0.2 else {})
            for _ in range(count)
        ]
        found = {}
        for mode in ("plain", "fused", "waves"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[mode] = system.evaluate_population(chosen, data, METRICS[metric], execution=mode)
        plain = found["plain"]
        for mode, other in found.items():
            np.testing.assert_allclose(other.values_K, plain.values_K, rtol=1e-4, atol=1e-4, err_msg=mode)
            for one, want in zip(other, plain, strict=True):
                failed = [[isinstance(c.prediction, Failure) for c in e.cells] for e in (one, want)]
                assert failed[0] == failed[1], mode
