"""Texts of the embedded prose model at every cell of a grid, written once and kept.

One file for each family and value of its parameter, ``<family>-<value>.npz`` under
``$HYPERFUNC_BENCH`` or ``~/.cache/hyperfunc/bench``, in a folder named after the model's weights. It holds
for T temperatures, P prompts and K takes what the metric needs of a text: ``counts`` (T, P, K, 6) as int32:
words, pairs, known pairs, known words, triples, 1 when it has five words; ``logs`` (T, P, K), the summed
log-probability of its pairs; and ``triples``, 32-bit hashes of its different triples, all texts one after
the other, with ``sizes`` (T, P, K). Texts that are too short count for nothing but the share that answered.
Files that are there are not written again, so an interrupted run goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from hyperfunc.apps.demo.prose_metric import PROMPTS, ProseMetric, prose_metric, word_hash, words_of
from hyperfunc.llm.client import Message, Sampling
from hyperfunc.llm.local.engine import Engine
from hyperfunc.llm.local.jobs import Job
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.registry import local_model

__all__ = [
    "FAMILIES", "LENGTH", "TAKES", "TEMPERATURES", "Row", "folder", "missing", "path_of", "rows",
    "statistics_of", "write_row",
]  # fmt: skip

TEMPERATURES = (0.4, 0.55, 0.7, 0.85, 1.0, 1.1, 1.2, 1.3, 1.4, 1.55, 1.7, 1.85, 2.0)
FAMILIES: dict[str, tuple[float, ...]] = {
    "min_p": (0.005, 0.0075, 0.011, 0.016, 0.024, 0.035, 0.05, 0.075, 0.11, 0.16, 0.22, 0.3),
    "top_p": (0.5, 0.6, 0.7, 0.76, 0.82, 0.86, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99),
    "top_n_sigma": (0.5, 0.7, 0.9, 1.1, 1.25, 1.4, 1.55, 1.7, 1.85, 2.05, 2.25, 2.5),
}
TAKES = 8
"""Texts of each prompt."""
LENGTH = 40
_ROWS = 96

Row = tuple[str, float]
"""A family and the value of its parameter: all temperatures of one file."""


def folder() -> Path:
    """Where the texts are kept."""
    base = os.environ.get("HYPERFUNC_BENCH")
    root = Path(base) if base else Path.home() / ".cache" / "hyperfunc" / "bench"
    return root / f"prose-{local_model('local/prose').fingerprint[:12]}-{TAKES}x{LENGTH}"


def rows() -> Iterator[Row]:
    """All files that the surface needs."""
    for family, values in FAMILIES.items():
        for value in values:
            yield family, value


def path_of(row: Row) -> Path:
    """The file of a row."""
    return folder() / f"{row[0]}-{row[1]:g}.npz"


def missing() -> list[Row]:
    """Rows that were not written yet."""
    return [row for row in rows() if not path_of(row).is_file()]


def write_row(row: Row) -> None:
    """Writes the texts of one file; it appears whole or not at all.

    A text's seed depends on its prompt and take, so all cells have the same luck.
    """
    family, value = row
    cells = [(t, p, k) for t in range(len(TEMPERATURES)) for p in range(len(PROMPTS)) for k in range(TAKES)]
    model = local_model("local/prose")
    engine = Engine(model.transformer, model.tokenizer, PrefixCache(1 << 22), max_rows=_ROWS)
    ids = [model.encode((Message("user", prompt),)) for prompt in PROMPTS]
    settings = [
        Sampling(temperature=temperature, max_tokens=LENGTH, **{family: value})  # type: ignore[arg-type]
        for temperature in TEMPERATURES
    ]
    jobs = [Job(ids=ids[p], sampling=settings[t], seed=1000 * p + k, stop=model.stop) for t, p, k in cells]
    texts = [generation.text for generation in engine.generate(jobs)]
    metric = prose_metric()
    counts, logs, triples = zip(*[statistics_of(metric, text) for text in texts], strict=True)
    shape = (len(TEMPERATURES), len(PROMPTS), TAKES)
    path = path_of(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            counts=np.array(counts, np.int32).reshape(*shape, 6),
            logs=np.array(logs).reshape(shape),
            sizes=np.array([len(hashes) for hashes in triples], np.int32).reshape(shape),
            triples=np.concatenate([np.array(hashes, np.uint32) for hashes in triples]),
        )
    partial.replace(path)


def statistics_of(metric: ProseMetric, text: str) -> tuple[list[int], float, list[int]]:
    """What the metric of a set needs of one text."""
    words = words_of(text)
    if len(words) < 5:
        return [0] * 6, 0.0, []
    pairs = list(pairwise(words))
    triples = list(zip(words, words[1:], words[2:], strict=False))
    one = metric.measure([text])
    known_pairs, known_words = round(one.fluency * len(pairs)), round(one.spelling * len(words))
    counts = [len(words), len(pairs), known_pairs, known_words, len(triples), 1]
    return counts, one.log_probability * len(pairs), sorted({word_hash(*t) for t in triples})
