"""A small image classifier, trained end to end by an evolution strategy from pixels drawn here.

The images are 12 x 12: a circle, a square, a triangle or a cross, of varied size and place, with uneven
ink and noise. The network is an ordinary ``torch.nn.Module`` that knows nothing of hyperfunc, and
``classify`` is written for one image. No gradient is ever taken: in each of 300 generations, 128
networks that differ by rank-1 changes of every weight look at the same 64 images, as one batch.

    python -m examples.shapes
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hyperfunc import Example, HyperSystem, ModuleParam, batched_metric, hyperfunction
from hyperfunc.optimizers import Eggroll

SIZE = 12
NAMES = ("circle", "square", "triangle", "cross")


def draw(kind: int, rng: np.random.Generator) -> np.ndarray:
    """One image, float32 [12, 12], ink about 1 on paper about 0."""
    radius = rng.uniform(2.6, 4.2)
    y, x = np.mgrid[0:SIZE, 0:SIZE] - rng.uniform(4.0, 7.0, 2)[:, None, None]
    far = np.maximum(abs(x), abs(y))
    distances = (
        abs(np.hypot(x, y) - radius),
        abs(far - 0.9 * radius),
        abs(np.maximum(y, 0.87 * abs(x) - 0.5 * y) - 0.6 * radius),
        np.where(far <= radius, np.minimum(abs(x), abs(y)), SIZE),
    )
    ink = np.clip(1.2 - distances[kind], 0.0, 1.0) * rng.uniform(0.7, 1.0)
    return (ink + rng.normal(0.0, 0.1, ink.shape)).astype(np.float32)


def picture(pixels: np.ndarray) -> str:
    """The image as text."""
    inks = (9 * pixels.clip(0.0, 1.0)).astype(int)
    return "\n".join("".join(" .:-=+*#%@"[ink] for ink in row) for row in inks)


def images(count: int, seed: int) -> list[Example]:
    """Examples with an image [1, 12, 12] and the number of its shape."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(len(NAMES), size=count).tolist()
    return [Example({"image": torch.tensor(draw(k, rng))[None]}, torch.tensor(k)) for k in kinds]


def network(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, kernel_size=5),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(0),
        torch.nn.Linear(8 * 4 * 4, len(NAMES)),
    )


def classifier(net: torch.nn.Module) -> HyperSystem:
    """A system that learns the weights of the network."""

    @hyperfunction(hp_type=ModuleParam.create(net), optimize_hparams=True)
    def classify(image: Any, *, hp: Any) -> Any:
        return hp(image)

    return HyperSystem([classify])


@batched_metric
def likelihood(preds: Any, expected: Any) -> Any:
    """Mean log-likelihood of the right shape: ``preds`` are logits [K, N, 4], ``expected`` [N]."""
    return preds.log_softmax(-1).gather(-1, expected.expand(preds.shape[:2])[..., None]).mean((1, 2))


@batched_metric
def accuracy(preds: Any, expected: Any) -> Any:
    """Share of right answers: ``preds`` are logits [K, N, 4], ``expected`` [N]."""
    return (preds.argmax(-1) == expected).float().mean(-1)


def main(seed: int = 0, steps: int = 300) -> dict[str, float]:
    """Train a network.

    Returns:
        Accuracy on 1,000 fresh images, before and after.
    """
    system = classifier(network(seed))
    fresh = images(1000, seed=2 * seed + 1)
    before = system.evaluate(fresh, accuracy)
    search = Eggroll(population=128, examples=64, steps=steps)
    system.optimize(images(2000, seed=2 * seed), likelihood, optimizer=search, seed=seed)
    return {"before": float(before), "after": float(system.evaluate(fresh, accuracy))}


if __name__ == "__main__":
    torch.set_num_threads(1)  # products this small lose time when cores share them
    for kind, name in enumerate(NAMES):
        print(name, picture(draw(kind, np.random.default_rng(kind))), sep="\n")
    figures = main()
    print(f"accuracy on 1,000 fresh images: {figures['before']:.1%} before, {figures['after']:.1%} after")
