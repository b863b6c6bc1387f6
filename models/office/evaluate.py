"""Measure ``local/office`` on held-out items and phrasings.

Run ``python -m models.office.evaluate pipeline`` (or ``surface``); every table prints as it is measured.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from hyperfunc.apps.demo.office_data import (
    BEST,
    BILLING,
    CLAUSES,
    MAX_TOKENS,
    NAIVE,
    STEPS,
    Item,
    Setting,
    Verdict,
    items,
    judge,
    judge_extract,
    judge_reply,
    judge_route,
    render_prompt,
)
from models.office.answerers import Answerer, LocalAnswerer, TorchAnswerer
from models.office.train_tokenizer import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["pipeline_table", "run_pipeline", "run_step", "surface_table", "with_kind"]

Settings = dict[str, Setting]
_JUDGES: dict[str, Callable[[Item, str], Verdict]] = {
    "route": judge_route,
    "extract": judge_extract,
    "reply": judge_reply,
}


def run_step(
    answerer: Answerer, step: str, setting: Setting, chosen: Sequence[Item], seed: int = 0
) -> list[str]:
    """Answers of one step to items; extraction reads the invoice, the others the ticket."""
    sources = [item.invoice.text if step == "extract" else item.ticket.text for item in chosen]
    prompts = [render_prompt(step, setting, source) for source in sources]
    return answerer(prompts, setting, MAX_TOKENS[step], seed * 3 + STEPS.index(step)) if prompts else []


def run_pipeline(
    answerer: Answerer, settings: Settings, chosen: Sequence[Item], seed: int = 0
) -> list[float]:
    """Scores of items: route, read the invoice where the route says billing, reply."""
    routes = run_step(answerer, "route", settings["route"], chosen, seed)
    reached = [i for i, route in enumerate(routes) if route.strip().rstrip(".") == BILLING]
    read = run_step(answerer, "extract", settings["extract"], [chosen[i] for i in reached], seed)
    extracts = dict(zip(reached, read, strict=True))
    replies = run_step(answerer, "reply", settings["reply"], chosen, seed)
    answers = enumerate(zip(chosen, routes, replies, strict=True))
    return [judge(item, route, extracts.get(i), reply).value for i, (item, route, reply) in answers]


def with_kind(
    base: Settings, other: Settings, fields: Sequence[str], steps: Sequence[str] = STEPS
) -> Settings:
    """``base`` with some fields of some steps taken from ``other``."""
    taken = {step: {name: getattr(other[step], name) for name in fields} for step in steps}
    return {step: replace(base[step], **taken.get(step, {})) for step in STEPS}


_SAMPLING = ("temperature", "top_p", "min_p")


def pipeline_table(answerer: Answerer, count: int) -> None:
    """The start, the best known setting, what each kind is worth, and what one change can gain."""
    chosen = items("test", count)
    kinds = {"prompts": ("prompt",), "exemplars": ("exemplars",), "sampling": _SAMPLING}
    naive = _print_scores("naive", answerer, NAIVE, chosen)
    best = _print_scores("best known", answerer, BEST, chosen)
    for name, fields in kinds.items():
        score = _print_scores(f"best, {name} as naive", answerer, with_kind(BEST, NAIVE, fields), chosen)
        print(f"    costs {best - score:.3f}")
    for name, fields in kinds.items():
        score = _print_scores(f"naive, all {name} as best", answerer, with_kind(NAIVE, BEST, fields), chosen)
        print(f"    gains {(score - naive) / (best - naive):.2f} of the gap")
    for step in STEPS:
        for name, fields in kinds.items():
            changed = with_kind(NAIVE, BEST, fields, (step,))
            score = _print_scores(f"naive, {name} of {step} as best", answerer, changed, chosen)
            print(f"    gains {(score - naive) / (best - naive):.2f} of the gap")


def _print_scores(name: str, answerer: Answerer, settings: Settings, chosen: Sequence[Item]) -> float:
    scores = run_pipeline(answerer, settings, chosen)
    print(f"{name:34s} {fmean(scores):.3f} +- {stdev(scores) / len(scores) ** 0.5:.3f}", flush=True)
    return fmean(scores)


def surface_table(answerer: Answerer, count: int) -> None:
    """Each step alone: clauses added one by one, exemplars, and temperature."""
    chosen = items("test", count)
    for step in STEPS:
        print(f"## {step}: clauses (rows) at k = 0 and 3 exemplars, T = 0, 0.7 and 1")
        texts: list[str] = []
        for label, text in _ladder(step):
            texts.append(text)
            prompt = " ".join(texts) if label != "naive" else text
            if label == "naive":
                texts = []
            row = [
                _mean(answerer, step, Setting(prompt, shown, t), chosen)
                for shown in ((), (1, 4, 7))
                for t in (0, 0.7, 1)
            ]
            print(f"  {label:10s} " + " ".join(f"{value:.2f}" for value in row), flush=True)
        full = BEST[step].prompt
        shown_sets: list[tuple[int, ...]] = [
            (),
            (1,),
            (1, 4),
            (1, 4, 7),
            (1, 4, 7, 10),
            (0,),
            (0, 1),
            (0, 1, 4),
            (3, 8),
            (2, 9),
            (2, 1, 4),
        ]
        for prompt in (NAIVE[step].prompt, full):
            cells = [f"{s}:{_mean(answerer, step, Setting(prompt, s, 0.3), chosen):.2f}" for s in shown_sets]
            print(
                f"  exemplars, T = 0.3, {'all clauses' if prompt == full else 'naive'}: " + " ".join(cells),
                flush=True,
            )
        cells = [
            f"{t}:{_mean(answerer, step, Setting(full, (1, 4, 7), t), chosen):.2f}"
            for t in (0, 0.3, 0.5, 0.7, 1, 1.5)
        ]
        extra = [
            f"T=1 {n}={v}:{_mean(answerer, step, Setting(full, (1, 4, 7), 1.0, **{n: v}), chosen):.2f}"
            for n, v in (("top_p", 0.8), ("top_p", 0.5), ("min_p", 0.1), ("min_p", 0.4))
        ]
        print("  best prompt and exemplars by temperature: " + " ".join(cells + extra), flush=True)


def _ladder(step: str) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    for clause in CLAUSES[step]:
        first.setdefault(clause.kind, clause.text)
    kinds = {
        "route": ("task", "bare", "urgent", "care", "role"),
        "extract": ("task", "json", "due", "numeric", "gross", "care", "role"),
        "reply": ("task", "urgent", "sorry", "plan", "short", "care", "role"),
    }[step]
    rows = [("naive", NAIVE[step].prompt), *((kind, first[kind]) for kind in kinds)]
    return [
        *rows,
        ("+verbose", first["verbose"]),
        ("+filler", " ".join([first["weather"], first["values"]] * 3)),
    ]


def _mean(answerer: Answerer, step: str, setting: Setting, chosen: Sequence[Item]) -> float:
    answers = run_step(answerer, step, setting, chosen)
    return fmean(_JUDGES[step](item, answer).value for item, answer in zip(chosen, answers, strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("pipeline", "surface"))
    parser.add_argument("--folder", type=Path, default=WEIGHTS)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--engine", choices=("torch", "numpy"), default="torch")
    given = parser.parse_args()
    engine = LocalAnswerer(given.folder) if given.engine == "numpy" else TorchAnswerer(given.folder)
    (pipeline_table if given.table == "pipeline" else surface_table)(engine, given.count)
