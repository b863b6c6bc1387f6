"""XOR from two hyperfunctions, learnt without gradients.

``hidden`` and ``output`` each hold one weight matrix whose last column is a bias. Together they are a
network with one hidden layer, and an evolution strategy learns both weights at once from the four
points alone. ``output`` on its own is a linear classifier: no line separates XOR, so whatever its
weights, its best log-likelihood is that of guessing, -log 2, and one point in four is wrong.

    python -m examples.xor
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from hyperfunc import Example, HyperSystem, LoRAWeight, batched_metric, hyperfunction
from hyperfunc.optimizers import Eggroll

POINTS = [([0.0, 0.0], -1.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], -1.0)]
EXAMPLES = [Example({"x": torch.tensor(x)}, torch.tensor(sign)) for x, sign in POINTS]
UNITS = 4


def with_bias(x: Any) -> Any:
    return torch.cat([x, x.new_ones(1)])


@hyperfunction(hp_type=LoRAWeight.create(UNITS, 2 + 1), optimize_hparams=True)
def hidden(x: Any, *, hp: Any) -> Any:
    return torch.tanh(F.linear(with_bias(x), hp.weight))


@hyperfunction(hp_type=LoRAWeight.create(1, UNITS + 1), optimize_hparams=True)
def output(features: Any, *, hp: Any) -> Any:
    return F.linear(with_bias(features), hp.weight).squeeze(-1)


@hyperfunction(hp_type=LoRAWeight.create(1, 2 + 1), optimize_hparams=True)
def alone(x: Any, *, hp: Any) -> Any:
    return F.linear(with_bias(x), hp.weight).squeeze(-1)


class TwoLayers(HyperSystem):
    def run(self, x: Any) -> Any:
        return output(hidden(x))


@batched_metric
def likelihood(preds: Any, expected: Any) -> Any:
    """Mean log-likelihood of the signs, 0 at best: ``preds`` are logits [K, 4], ``expected`` [4]."""
    return F.logsigmoid(preds * expected).mean(-1)


def learn(system: HyperSystem, seed: int) -> dict[str, float]:
    """Train a system on the four points and measure it there."""
    search = Eggroll(population=64, sigma=0.3, lr=0.3, steps=100, sigma_decay=0.97, lr_decay=0.97)
    result = system.optimize(EXAMPLES, likelihood, test=EXAMPLES, optimizer=search, seed=seed)
    # The winner, for four points are too few to confirm a small gain, and the start would stay.
    found = system.evaluate(EXAMPLES, likelihood, candidate=result.winner)
    margins = [float(p * e.expected) for p, e in zip(found.predictions, EXAMPLES, strict=True)]
    return {
        "likelihood": float(found),
        "accuracy": sum(margin > 0 for margin in margins) / len(margins),
        "margin": min(margins),
    }


def main(seed: int = 0) -> dict[str, float]:
    """Train both systems.

    Returns:
        Likelihood, accuracy and smallest margin (a logit, above 0 where the point is right) of each.
    """
    two = learn(TwoLayers(), seed)
    one = learn(HyperSystem([alone]), seed)
    return {f"two_{k}": v for k, v in two.items()} | {f"one_{k}": v for k, v in one.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)  # products this small lose time when cores share them
    figures = main()
    print("           accuracy  smallest margin  log-likelihood")
    for name, label in (("two", "two layers"), ("one", "one layer ")):
        accuracy, margin, value = (figures[f"{name}_{k}"] for k in ("accuracy", "margin", "likelihood"))
        print(f"{label} {accuracy:8.0%} {margin:16.2f} {value:15.3f}")
    print(f"guessing   {0.5:8.0%} {0:16.2f} {-math.log(2):15.3f}")
