"""A hyperfunction with a module inside, through ``evaluate_population``, against pure inference."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.population.modules import CASES, PURE_CHUNKS, SIGMA
from benchmarks.population.timing import interleaved, ratios
from hyperfunc import Example, HyperSystem, ModuleParam, batched_metric, hyperfunction
from hyperfunc.optimizers.lowrank import FactorNoise
from hyperfunc.spaces import Population

__all__ = ["speed"]


@batched_metric
def level(preds: Any, expected: Any) -> Any:
    """As good as no work: one number of each prediction."""
    return preds.flatten(2)[..., 0].mean(1)


def speed(case: str, members: int, examples: int, rounds: int) -> tuple[list[float], dict[str, int]]:
    """Speed of ``evaluate_population`` relative to pure inference of members x examples rows.

    Noise is drawn on the way and every round is a population that was not seen before. Matrices differ
    between members, biases and normalization do not. All members see the same examples.

    Args:
        case: of :data:`~benchmarks.population.modules.CASES`.
        members: P.
        examples: E.
        rounds: how often each way is timed.

    Returns:
        Ratios, and which operations needed matrices written out.
    """
    torch.manual_seed(0)
    make, shape = CASES[case]
    net = make().eval()

    @hyperfunction(hp_type=ModuleParam.create(net), optimize_hparams=True)
    def model(x: Any, *, hp: Any) -> Any:
        return hp(x)

    system = HyperSystem([model])
    data = [Example({"x": x}, torch.tensor(0.0)) for x in torch.randn(examples, *shape)]
    rows = torch.stack([e.inputs["x"] for e in data]).expand(members, examples, *shape).flatten(0, 1)
    rounds_seen = 0

    def population() -> Population:
        nonlocal rounds_seen
        rounds_seen += 1
        columns = {
            name: FactorNoise(
                1000 * rounds_seen + key, value.shape, 1, members // 2, kept=False
            ).column(value, SIGMA, mirrored=True)
            for key, (name, value) in enumerate(system.candidate.items())
        }  # fmt: skip
        return system.space.population(columns, system.candidate, throwaway=True)

    def evaluate() -> Any:
        return system.evaluate_population(population(), data, level, execution="fused")

    def pure(chunk: int) -> torch.Tensor:
        return torch.cat([net(part) for part in torch.split(rows, chunk * examples)])

    with torch.no_grad():
        ways: dict[str, Callable[[], object]] = {
            f"pure, {chunk} members at once": functools.partial(pure, chunk)
            for chunk in (*PURE_CHUNKS, members)
            if chunk <= members
        }
        ways["population"] = evaluate
        found = ratios(interleaved(ways, rounds))["population"]
    execution = evaluate().execution
    assert execution.mode == "fused", execution
    return found, dict(execution.materialized)
