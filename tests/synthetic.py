"""A run as the loop would leave it in a ledger, made without running anything."""

from __future__ import annotations

import random
from typing import Any

from hyperfunc.ledger import Ledger

RUN = "office-3f9c2a71d0"

START_PROMPT = "Answer the customer. Say which team handles the message."
BEST_PROMPT = (
    "Read the customer's message and decide which team handles it. "
    "Answer with one word: billing, shipping or tech. When two fit, name the one that can close the case."
)

SPACE: dict[str, Any] = {
    "route.prompt": {"kind": "text", "default": START_PROMPT, "max_chars": None, "doc": ""},
    "route.exemplars": {"kind": "exemplars", "max_items": 8},
    "route.hp.temperature": {
        "kind": "real",
        "low": 0.0,
        "high": 2.0,
        "scale": "linear",
        "unit": "",
        "doc": "How freely tokens are drawn.",
    },
    "reply.hp.max_tokens": {
        "kind": "integer",
        "low": 8,
        "high": 1024,
        "scale": "log",
        "unit": "tokens",
        "doc": "",
    },
    "reply.tone": {"kind": "choice", "options": ["plain", "warm", "formal"], "doc": ""},
    "adapter.weight": {"kind": "matrix", "shape": [16, 4]},
}

START: dict[str, Any] = {
    "route.prompt": START_PROMPT,
    "route.exemplars": [{"input": "Hello?", "output": "I am not sure, maybe tech"}],
    "route.hp.temperature": 1.0,
    "reply.hp.max_tokens": 512,
    "reply.tone": "plain",
    "adapter.weight": {"shape": [16, 4], "float32": ""},
}

BEST: dict[str, Any] = {
    "route.prompt": BEST_PROMPT,
    "route.exemplars": [
        {"input": "I was charged twice in May.", "output": "billing"},
        {"input": "The parcel says delivered, but my porch is empty.", "output": "shipping"},
    ],
    "route.hp.temperature": 0.1847,
    "reply.hp.max_tokens": 64,
    "reply.tone": "warm",
    "adapter.weight": {"shape": [16, 4], "float32": "AA=="},
}

NOTES = (
    "edit route.prompt: add “Answer with one word”",
    "exemplars of route: add 1, drop 1",
    "numbers: 32 candidates around the mean",
    "edit reply.prompt: swap two sentences",
    "reply.tone: warm",
)

ITEMS = (
    ("You took 40 euros from my card, and then again 40.", "billing", "I am not sure, maybe tech", "billing"),
    ("My tracking number has not moved since Tuesday.", "shipping", "tech or shipping", "shipping"),
    ("The app closes as soon as I open the camera.", "tech", "tech", "tech"),
    ("Your driver threw the box over the fence and I want my money back.", "shipping", "billing", "billing"),
)


def meta(**changes: Any) -> dict[str, Any]:
    """What the loop writes down when a run begins."""
    return {
        "system": "Support",
        "program": "9c1d4be2f0a34e77",
        "seed": 0,
        "budget": "2000 calls, 5 min",
        "optimizer": "automatic: edits, exemplars, SNES",
        "metric": "exact match",
        "n_train": 120,
        "n_test": 60,
        "examples_fp": "b7e2a90c11d2",
        "start": START,
        "space": SPACE,
        "argv": ["optimize", "support:system", "--data", "my tickets.jsonl", "--metric", "exact"],
        "demo": None,
        "hyperfunc": "0.1.0.dev0",
        **changes,
    }


def steps(count: int = 60) -> list[dict[str, Any]]:
    """A noisy climb from 0.2 to 0.8, the same every time."""
    rng = random.Random(4)
    incumbent, records, spent = 0.2, [], 0
    for number in range(count):
        lanes = rng.choice((12, 24, 32))
        spent += lanes
        tried = min(1.0, max(0.0, incumbent + rng.gauss(-0.06, 0.09)))
        if tried > incumbent + 0.015 and incumbent < 0.84:
            incumbent = tried
        records.append(
            {
                "step": number,
                "note": NOTES[rng.randrange(len(NOTES))],
                "n_candidates": rng.choice((1, 2, 32)),
                "n_lanes": lanes,
                "best_value": round(tried, 4),
                "incumbent_value": round(incumbent, 4),
                "spend": {
                    "calls": spent,
                    "evaluations": spent,
                    "tokens": spent * 96,
                    "dollars": 0.0,
                    "seconds": spent / 20,
                },
                "seconds": 0.8,
            }
        )
    return records


def result(**changes: Any) -> dict[str, Any]:
    """The final event of a run that went well."""
    rng = random.Random(1)
    before = [float(rng.random() < 0.22) for _ in range(60)]
    after = [1.0 if value and rng.random() < 0.93 else float(rng.random() < 0.8) for value in before]
    score_start, score_best = sum(before) / 60, sum(after) / 60
    return {
        "best": BEST,
        "start": START,
        "recommended_start": False,
        "score_start": score_start,
        "score_best": score_best,
        "gain": {
            "low": score_best - score_start - 0.11,
            "high": score_best - score_start + 0.1,
            "estimate": score_best - score_start,
            "level": 0.95,
            "method": "BCa bootstrap",
        },
        "spend": {"calls": 1731, "evaluations": 1420, "tokens": 160_312, "dollars": 0.0, "seconds": 71.4},
        "stopped": "nothing better was found in 20 steps",
        "warnings": ["The held-out part is small: 60 examples in 41 groups."],
        "changes": [{"name": name, "before": START[name], "after": BEST[name]} for name in SPACE],
        "confirmation": {
            "scores_start": before,
            "scores_best": after,
            "items": [
                {
                    "inputs": {"message": message},
                    "expected": expected,
                    "start": start,
                    "best": best,
                    "feedback_best": "" if best == expected else f"expected {expected!r}, got {best!r}",
                }
                for message, expected, start, best in ITEMS
            ],
        },
        **changes,
    }


def write_run(
    ledger: Ledger,
    run_id: str = RUN,
    *,
    finished: bool = True,
    meta_changes: dict[str, Any] | None = None,
    result_changes: dict[str, Any] | None = None,
) -> str:
    """Puts one run into the ledger and returns its id."""
    ledger.create_run(run_id, meta(**(meta_changes or {})))
    for record in steps():
        ledger.add_event(run_id, "step", record)
    if finished:
        ledger.add_event(run_id, "result", result(**(result_changes or {})))
    ledger.update_run(run_id, status="finished" if finished else "running")
    ledger.flush()
    return run_id
