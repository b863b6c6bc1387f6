"""Whether the embedded samplers do what llama.cpp's do, on the real server and the same weights."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.llm.real.gguf import write_local_model
from tests.llm.real.llamacpp import LlamaServer, llama_server

from benchmarks.report_table import Table
from hyperfunc.llm.client import Message, Sampling
from hyperfunc.llm.local.prefill import Text, prefill
from hyperfunc.llm.local.registry import local_model
from hyperfunc.llm.local.samplers import distribution

MODEL = "local/prose"
PROMPTS = (
    "In the beginning God created the heaven and the earth. And the earth was without form; and God created",
    "And it came to pass",
    "the LORD said unto Moses, Speak unto the children of Israel, and the children of Israel did according",
)
CASES: dict[str, Sampling] = {
    "cool": Sampling(temperature=0.7),
    "hot": Sampling(temperature=1.5),
    "greedy": Sampling(temperature=0.0),
    "top_k 5": Sampling(top_k=5),
    "top_k 50, hot": Sampling(top_k=50, temperature=1.5),
    "top_p 0.5": Sampling(top_p=0.5),
    "top_p 0.9, hot": Sampling(top_p=0.9, temperature=1.5),
    "top_p 0.98, cool": Sampling(top_p=0.98, temperature=0.8),
    "min_p 0.1": Sampling(min_p=0.1),
    "min_p 0.05, hot": Sampling(min_p=0.05, temperature=2.0),
    "typical_p 0.5": Sampling(typical_p=0.5),
    "typical_p 0.9": Sampling(typical_p=0.9),
    "top_n_sigma 1": Sampling(top_n_sigma=1.0),
    "top_n_sigma 0.5, hot": Sampling(top_n_sigma=0.5, temperature=2.0),
    "top_n_sigma 1.5": Sampling(top_n_sigma=1.5),
    "frequency 0.5": Sampling(frequency_penalty=0.5),
    "presence 0.7": Sampling(presence_penalty=0.7),
    "frequency, presence, top_p": Sampling(frequency_penalty=0.3, presence_penalty=-0.4, top_p=0.95),
    "repetition 1.3": Sampling(repetition_penalty=1.3),
    "all truncations": Sampling(
        top_k=40, top_p=0.95, min_p=0.05, typical_p=0.97, top_n_sigma=2.0, temperature=0.8
    ),
}
NAMES = {"repetition_penalty": "repeat_penalty"}
NEUTRAL: dict[str, Any] = {
    "temperature": 1.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "top_n_sigma": -1,
    "xtc_probability": 0,
    "dry_multiplier": 0,
    "repeat_penalty": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    # The embedded samplers count the whole text: longer than any prompt here.
    "repeat_last_n": 1024,
    "n_predict": 1,
    "seed": 1,
    "cache_prompt": False,
}


@dataclass(frozen=True)
class Figures:
    """What was found.

    Args:
        logprob_gap: largest difference of a log-probability between the embedded engine and the server.
        distances: total variation between the server's final distribution and ours, by case and prompt.
    """

    logprob_gap: float
    distances: dict[tuple[str, str], float]

    def worst(self, *, repetition: bool) -> float:
        """The largest distance among the cases with a repetition penalty, or among the others."""
        return max(d for (case, _), d in self.distances.items() if _repeats(case) == repetition)


def figures(server: LlamaServer, prompts: tuple[str, ...] = PROMPTS) -> Figures:
    """Compare everything on a running server."""
    gap = 0.0
    distances = {}
    for prompt in prompts:
        ids = local_model(MODEL).encode((Message("user", prompt),))
        scores = embedded_scores(ids)
        raw = _ask(server, ids, Sampling(), "logprob", after=False)
        gap = max(gap, float(np.abs(raw - _log_softmax(scores)).max()))
        for case, sampling in CASES.items():
            # The repetition penalty looks at the sign of a score, which log-probabilities have lost.
            given = scores if _repeats(case) else raw
            ours = distribution(given, sampling, ids)
            theirs = _ask(server, ids, sampling, "prob", after=True)
            distances[case, prompt] = float(np.abs(ours - theirs).sum() / 2)
    return Figures(gap, distances)


def embedded_scores(ids: tuple[int, ...]) -> NDArray[np.float64]:
    """The embedded engine's scores of the token after a text."""
    network = local_model(MODEL).transformer
    last, _ = prefill(network, [Text(ids)])[0]
    scores: NDArray[np.float64] = network.logits(last[None])[0]
    return scores


def measure(table: Table) -> None:
    """Enter the figures."""
    if importlib.util.find_spec("xllamacpp") is None:
        for name in ("log-probabilities against llama.cpp", "samplers against llama.cpp"):
            table.not_measured(name, "pip install 'hyperfunc[llamacpp]'")
        return
    prompts = PROMPTS[:1] if table.quick else PROMPTS
    with tempfile.TemporaryDirectory() as folder:
        file = write_local_model(MODEL, Path(folder) / "prose.gguf")
        with llama_server(file) as server:
            found = figures(server, prompts)
    table.add("log-probabilities, embedded against llama.cpp", found.logprob_gap, "nats", at_most=0.01)
    note = f"{len(CASES)} settings, {len(prompts)} prompts"
    table.add(
        "samplers against llama.cpp, total variation", found.worst(repetition=False), at_most=1e-5, note=note
    )
    table.add("the same with a repetition penalty", found.worst(repetition=True), at_most=1e-3)


def _repeats(case: str) -> bool:
    return CASES[case].repetition_penalty is not None


def _ask(
    server: LlamaServer, ids: tuple[int, ...], sampling: Sampling, value: str, *, after: bool
) -> NDArray[np.float64]:
    """The server's distribution of the next token, before or after its samplers."""
    vocab = local_model(MODEL).transformer.architecture.vocab
    named = {NAMES.get(name, name): number for name, number in sampling.given().items()}
    body = {**NEUTRAL, **named, "prompt": list(ids), "n_probs": vocab, "post_sampling_probs": after}
    entry = server.post("/completion", body)["completion_probabilities"][0]
    values = np.full(vocab, 0.0 if after else -np.inf)
    for token in entry["top_probs" if after else "top_logprobs"]:
        values[token["id"]] = token[value]
    return values


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted: NDArray[np.float64] = scores - scores.max()
    shifted -= np.log(np.exp(shifted).sum())
    return shifted
