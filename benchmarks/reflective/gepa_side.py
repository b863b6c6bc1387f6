"""GEPA itself on HiddenRules, by its public API; run by the interpreter of ``.venvs/gepa``, never imported.

Reads one JSON job from the command line and prints one JSON line for each run::

    .venvs/gepa/bin/python benchmarks/reflective/gepa_side.py \\
        '{"world": ".../hidden_rules.py", "configurations": ["default"], "seeds": [0], "calls": 2000}'

Further keys: ``binary``, ``rollout_s``, ``reflection_s``, ``workers`` (threads), ``until`` (a share of
the oracle's score at which a run may end), and ``plain`` (reflections are made one after the other).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# The project's own environment does not have it.
gepa: Any = importlib.import_module("gepa")
EvaluationBatch: Any = importlib.import_module("gepa.core.adapter").EvaluationBatch
PxNSampling: Any = importlib.import_module("gepa.strategies.proposal_sampling").PxNSampling

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "current best": {"candidate_selection_strategy": "current_best"},
    "all components": {"module_selector": "all"},
    "all components, merge, 8 examples": {
        "module_selector": "all", "use_merge": True, "reflection_minibatch_size": 8,
    },
    "4x4 proposals at once": {"sampling_strategy": PxNSampling(4, 4)},
}  # fmt: skip


class Adapter:
    """HiddenRules for GEPA: rollouts in threads, one record of feedback a component.

    Args:
        world: the task, which keeps its own count of rollouts.
        pool: threads that make them.
    """

    propose_new_texts = None

    def __init__(self, world: Any, pool: ThreadPoolExecutor) -> None:
        self.world = world
        self.pool = pool

    def evaluate(self, batch: list[Any], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        """Roll out one candidate."""
        return self.batch_evaluate([(candidate, batch)], capture_traces=capture_traces)[0]

    def batch_evaluate(
        self, items: list[tuple[dict[str, str], list[Any]]], *, capture_traces: bool = True
    ) -> list[Any]:
        """Roll out several candidates at once."""
        cells = [
            [self.pool.submit(self.world.rollout, candidate, example) for example in batch]
            for candidate, batch in items
        ]
        answers = [[cell.result() for cell in row] for row in cells]
        return [
            EvaluationBatch(
                outputs=[score for score, _ in row],
                scores=[score for score, _ in row],
                trajectories=[
                    {"id": example.id, "score": score, "feedback": feedback}
                    for example, (score, feedback) in zip(batch, row, strict=True)
                ]
                if capture_traces
                else None,
            )
            for (_, batch), row in zip(items, answers, strict=True)
        ]

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """What the reflector is shown of each component."""
        return {
            name: [
                {"Inputs": row["id"], "Generated Outputs": row["score"], "Feedback": row["feedback"][name]}
                for row in eval_batch.trajectories or []
            ]
            for name in components
        }


class Reflector:
    """The scripted reflector as a model that answers several prompts at once, in the time of one.

    GEPA's own clients do that; a plain function is asked one prompt after the other.

    Args:
        scripted: without a latency of its own.
        seconds: of an answer.
        plain: whether it is like a plain function.
    """

    total_cost = 0.0

    def __init__(self, scripted: Any, seconds: float, plain: bool) -> None:
        self.scripted = scripted
        self.seconds = seconds
        if not plain:
            self.batch_complete = self.answers

    def __call__(self, prompt: Any) -> str:
        """One answer."""
        return self.answers([prompt])[0]

    def answers(self, prompts: list[Any]) -> list[str]:
        """Answers to all."""
        if self.seconds:
            time.sleep(self.seconds)
        return [self.scripted(prompt) for prompt in prompts]


class Watch:
    """Notes the engine's best candidate, by its own mean on the validation set, as calls and time go on."""

    def __init__(self, world: Any, began: float) -> None:
        self.world = world
        self.began = began
        self.curve = [(0, 0.0, world.test_score(world.seed_candidate))]

    def on_valset_evaluated(self, event: Any) -> None:
        """A candidate was tried on the whole validation set."""
        if event["is_best_program"]:
            now = time.perf_counter() - self.began
            self.curve.append((self.world.calls, now, self.world.test_score(event["candidate"])))


class Quiet:
    """No log."""

    def log(self, message: str) -> None:
        """Say nothing."""


def measured(rules: Any, name: str, seed: int, job: dict[str, Any]) -> dict[str, Any]:
    """One run of one configuration."""
    world = rules.World(seed=seed, binary=job.get("binary", False), latency=job.get("rollout_s", 0.0))
    reflector = Reflector(
        rules.ScriptedReflector(seed=seed), job.get("reflection_s", 0.0), job.get("plain", False)
    )
    goal = job.get("until", 2.0) * world.test_score(world.oracle_candidate)
    began = time.perf_counter()
    watch = Watch(world, began)
    with ThreadPoolExecutor(job.get("workers", 1)) as pool:
        result = gepa.optimize(
            world.seed_candidate, trainset=world.train, valset=world.val, adapter=Adapter(world, pool),
            reflection_lm=reflector, max_metric_calls=job["calls"], seed=seed, logger=Quiet(),
            callbacks=[watch], stop_callbacks=[lambda state: watch.curve[-1][2] >= goal],
            **CONFIGURATIONS[name],
        )  # fmt: skip
    return {
        "configuration": name,
        "seed": seed,
        "curve": watch.curve,
        "calls": world.calls,
        "seconds": time.perf_counter() - began,
        "reflections": reflector.scripted.calls,
        "final": world.test_score(result.best_candidate),
    }


def _load(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("hidden_rules", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hidden_rules"] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Every configuration of the job on every seed."""
    job = json.loads(sys.argv[1])
    rules = _load(job["world"])
    for name in job["configurations"]:
        for seed in job["seeds"]:
            print(json.dumps(measured(rules, name, seed, job)), flush=True)


if __name__ == "__main__":
    main()
