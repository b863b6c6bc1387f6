"""How fast the embedded engine writes, and whether it agrees with its references."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hyperfunc.llm.client import Message, Sampling
from hyperfunc.llm.local.engine import Engine
from hyperfunc.llm.local.jobs import Job
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.registry import local_model

__all__ = ["failing_references", "seconds_a_token"]

_ROOT = Path(__file__).parents[2]
_REFERENCES = (
    "tests/llm/local/test_engine.py::test_greedy_output_equals_torch_token_for_token",
    "tests/llm/local/test_samplers.py::test_supports_and_probabilities_equal_the_plain_definitions",
)


def seconds_a_token(batch: int = 64, length: int = 48) -> Callable[[], float]:
    """Measures one core's processor time for a token of the prose model, in an engine that is in use."""
    model = local_model("local/prose")
    ids = model.encode((Message("user", "And it came to pass in those days,"),))
    engine = Engine(model.transformer, model.tokenizer, PrefixCache(1 << 20), max_rows=batch)
    sampling = Sampling(temperature=1.0, min_p=0.05, max_tokens=length)
    seeds = itertools.count()

    def once() -> float:
        jobs = [
            Job(ids=ids, sampling=sampling, seed=seed, stop=(), logprobs=None)
            for seed in itertools.islice(seeds, batch)
        ]
        began = time.thread_time()
        written = sum(len(generation.ids) for generation in engine.generate(jobs))
        return (time.thread_time() - began) / written

    once()
    return once


def failing_references() -> int:
    """How many comparisons with the torch reference and the plain samplers fail (0: all agree)."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_REFERENCES],
        cwd=_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run the references: {done.stdout[-500:]}{done.stderr[-500:]}")
    words = done.stdout.strip().splitlines()[-1].split()
    return int(words[words.index("failed") - 1].strip("= ")) if "failed" in words else 0
