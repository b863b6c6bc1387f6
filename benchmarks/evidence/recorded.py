"""Recorded outcomes of real models, replayed. They lie beside the project, never in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

__all__ = ["FOLDER", "Table", "factorial", "missing", "sampler_tables"]

FOLDER = Path(__file__).parents[3] / "shared" / "data"


def missing() -> str:
    """Why recordings cannot be used; empty when they can."""
    return "" if (FOLDER / "jhu_llm_temperature.parquet").is_file() else "the recorded outcomes are not here"


@dataclass(frozen=True)
class Table:
    """Scores of samplers on the same items by one model.

    Args:
        name: of the model and the task.
        samplers: K names, the model's default first.
        groups: what each item belongs to, N names.
        scores_KN: in [0, 1].
    """

    name: str
    samplers: tuple[str, ...]
    groups: tuple[str, ...]
    scores_KN: NDArray[np.float64]


def factorial() -> NDArray[np.float64]:
    """55 settings (5 prompts x 11 temperatures) x 100 questions x 10 repeats, 1 for right; see its README."""
    rows = parquet.read_table(FOLDER / "jhu_llm_temperature.parquet").to_pylist()
    rows = [
        r for r in rows
        if (r["model"], r["exam"]) == ("gpt-35-turbo", "comprehensive-100") and r["temp"] <= 1.0
    ]  # fmt: skip
    settings = sorted({(r["agent"], r["temp"]) for r in rows})
    items = sorted({r["item"] for r in rows})
    scores_KNR = np.full((len(settings), len(items), 10), np.nan)
    for r in rows:
        place = settings.index((r["agent"], r["temp"])), items.index(r["item"])
        scores_KNR[place] = [r[f"r{repeat}"] for repeat in range(10)]
    if scores_KNR.shape != (55, 100, 10) or np.isnan(scores_KNR).any():
        raise ValueError(f"the factorial has shape {scores_KNR.shape}; it should be whole, (55, 100, 10)")
    return scores_KNR


def sampler_tables() -> list[Table]:
    """Per model: right or wrong on 50 questions, and the judges' mean on 20 stories for 5 prompts."""
    return [*_questions(), *_stories()]


def _questions() -> list[Table]:
    rows = parquet.read_table(FOLDER / "samplerbench_mmlu.parquet").to_pylist()
    made = []
    for model in sorted({r["model"] for r in rows}):
        mine = [r for r in rows if r["model"] == model]
        items = sorted({r["item"] for r in mine})
        found = {(r["sampler"], r["item"]): float(r["correct"]) for r in mine}
        made.append(_table(f"{model} questions", found, items, items))
    return made


def _stories() -> list[Table]:
    rows = parquet.read_table(FOLDER / "samplerbench_writing.parquet").to_pylist()
    made = []
    for model in sorted({r["model"] for r in rows}):
        sums: dict[tuple[str, int], list[float]] = {}
        for r in rows:
            if r["model"] == model:
                # Numbered through: samplers, in each five prompts, for each prompt four stories.
                story = (r["sampler"], (int(r["sample"]) - 1) % 20)
                sums.setdefault(story, []).append(float(r["score"]) / 10)
        found = {key: float(np.mean(scores)) for key, scores in sums.items()}
        items = sorted({item for _, item in found})
        made.append(_table(f"{model} stories", found, items, [f"prompt {item // 4}" for item in items]))
    return made


def _table(name: str, found: dict[Any, float], items: list[Any], groups: list[str]) -> Table:
    names = sorted({sampler for sampler, _ in found}, key=lambda s: (s != "model_default", s))
    whole = [n for n, item in enumerate(items) if all((s, item) in found for s in names)]
    scores_KN = np.array([[found[s, items[n]] for n in whole] for s in names])
    return Table(name, tuple(names), tuple(groups[n] for n in whole), scores_KN)
