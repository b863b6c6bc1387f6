"""The minimal example of the older library's README, word for word but for the printing."""

from __future__ import annotations

import os
import tempfile

__all__ = ["final_score"]


def final_score() -> float:
    """The score that the example ends at; the optimum is 0."""
    import torch

    from hyperfunc import Example, HyperSystem, LMParam, TorchEggrollSystemOptimizer, hyperfunction

    @hyperfunction(model="my-llm", hp_type=LMParam, optimize_hparams=True)
    def score_answer(x: float, hp: LMParam) -> float:
        """
        A toy objective: we want hp.temperature to be close to 0.5.
        """
        return -abs(hp.temperature - 0.5)

    train_data = [Example("score_answer", {"x": 0.0}, 0.0)]

    def metric_fn(preds: list[float], expected: list[float]) -> float:
        # We just average the objective values.
        return sum(preds) / len(preds)

    system = HyperSystem(
        [score_answer],
        # Use ES to tune LMParam fields (through HyperModel.hp).
        system_optimizer=TorchEggrollSystemOptimizer(steps=20, pop_size=20, sigma=0.1, lr=0.1),
    )

    # Initialise temperature far from the optimum
    with torch.no_grad():
        system.model.hp[0] = 0.0

    before = os.environ.get("HYPERFUNC_LEDGER")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPERFUNC_LEDGER"] = folder
        try:
            system.optimize(train_data, metric_fn)
        finally:
            os.environ.pop("HYPERFUNC_LEDGER")
            if before is not None:
                os.environ["HYPERFUNC_LEDGER"] = before
    return float(system.evaluate(train_data, metric_fn))
