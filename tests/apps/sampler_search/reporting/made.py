"""Result files made for tests, ours with every field and foreign ones with few."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hyperfunc.apps.sampler_search.reporting import Search, read_results

PROMPTS = [f"prompt {number}" for number in range(6)]


def entry(family: str, parameters: Mapping[str, Any], scores: Sequence[Any], **more: Any) -> dict[str, Any]:
    """An entry of ``all_results`` as other tools write it, with what is added."""
    known = [score for score in scores if isinstance(score, int | float)]
    mean = float(np.mean(known)) if known else 0.0
    return {
        "parameters": dict(parameters),
        "sampler_type": family,
        "mean_score": mean,
        "std_score": float(np.std(known)) if known else 0.0,
        "scores": list(scores),
        "evaluation_time": 1.5,
        "sample_count": len(scores),
        **more,
    }


def ours(
    surface: Callable[[str, Mapping[str, float]], float],
    settings: Sequence[tuple[str, Mapping[str, float]]],
    *,
    seed: int = 0,
    noise: float = 0.05,
    repeats: int = 2,
    prompts: int = 6,
) -> list[dict[str, Any]]:
    """Entries of our own searches: every setting on the same prompts and seeds."""
    rng = np.random.default_rng(seed)
    difficulty_P = rng.normal(0, noise, prompts)
    found = []
    for family, parameters in settings:
        where = [(p, k) for p in range(prompts) for k in range(repeats)]
        scores = [surface(family, parameters) + difficulty_P[p] + rng.normal(0, noise) for p, _ in where]
        labels = {"prompts": [p for p, _ in where], "seeds": [k for _, k in where]}
        found.append(entry(family, parameters, [float(score) for score in scores], **labels))
    return found


def write(
    path: Path, results: Sequence[Any], *, metadata: Mapping[str, Any] | None = None, best: Any = None
) -> Path:
    """A result file."""
    meta = {"timestamp": "20260131_093015", "total_configurations": len(results), "best_score": 1.0}
    whole = {
        "search_metadata": {**meta, **(metadata or {})},
        "best_configuration": best or {},
        "all_results": list(results),
    }
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def search_of(tmp_path: Path, results: Sequence[Any], **more: Any) -> Search:
    """The records of entries, by way of a file."""
    return read_results([write(tmp_path / "hyper_search_grid_1.json", results, **more)])


def hill(family: str, parameters: Mapping[str, float]) -> float:
    """A surface with its best at temperature 1.2 and min_p 0.1 or top_p 0.9."""
    center, width = {"min_p": (0.1, 0.15), "top_p": (0.9, 0.3)}[family]
    across = (parameters["temperature"] - 1.2) / 0.8
    up = (parameters[family] - center) / width
    return 0.8 - 0.4 * across**2 - 0.3 * up**2


def grid() -> list[tuple[str, dict[str, float]]]:
    """Settings of two families."""
    values = {"min_p": (0.02, 0.06, 0.1, 0.2), "top_p": (0.7, 0.8, 0.9, 1.0)}
    return [
        (family, {"temperature": temperature, family: value})
        for family, options in values.items()
        for temperature in (0.4, 0.8, 1.2, 1.6)
        for value in options
    ]
