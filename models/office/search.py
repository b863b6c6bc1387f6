"""How many calls random search and a hill climb need on the office, from the naive start.

Run ``python -m models.office.search``. Both see 20 items; equal calls are made, and counted, once.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from hyperfunc.apps.demo.office_data import CLAUSES, NAIVE, STEPS, TEMPERATURES, Setting, exemplar_pool, items
from models.office.answerers import Answerer, LocalAnswerer, Sparing, TorchAnswerer
from models.office.evaluate import Settings, run_pipeline
from models.office.train_tokenizer import WEIGHTS

__all__ = ["edited", "random_settings", "search_table"]


def random_settings(rng: random.Random) -> Settings:
    """One draw of the whole space, as random search makes it."""
    drawn = {}
    for step in STEPS:
        clauses = [clause.text for clause in CLAUSES[step] if rng.random() < 0.2]
        rng.shuffle(clauses)
        shown = rng.sample(range(len(exemplar_pool(step))), rng.choice((0, 0, 1, 2, 3, 4)))
        prompt = " ".join(clauses) or NAIVE[step].prompt
        drawn[step] = Setting(
            prompt, tuple(shown), rng.choice(TEMPERATURES), 1.0, rng.choice((0.0, 0.1, 0.3))
        )
    return drawn


def edited(rng: random.Random, settings: Settings) -> Settings:
    """A neighbor: one step with a clause added or dropped, an exemplar added or dropped, or new sampling."""
    step = rng.choice(STEPS)
    setting = settings[step]
    what = rng.random()
    if what < 0.5:
        text = rng.choice(CLAUSES[step]).text
        prompt = (
            setting.prompt.replace(text, "").replace("  ", " ").strip()
            if text in setting.prompt
            else f"{setting.prompt} {text}"
        )
        changed = replace(setting, prompt=prompt)
    elif what < 0.8:
        index = rng.randrange(len(exemplar_pool(step)))
        kept = tuple(i for i in setting.exemplars if i != index)
        changed = replace(setting, exemplars=kept if index in setting.exemplars else (*kept[-3:], index))
    else:
        changed = replace(setting, temperature=rng.choice(TEMPERATURES), min_p=rng.choice((0.0, 0.1, 0.3)))
    return {**settings, step: changed}


def search_table(answerer: Answerer, calls: int, seeds: Sequence[int]) -> None:
    """What each search reaches on its items and on held-out ones, and the calls at every improvement."""
    test = items("test", 200)
    for seed in seeds:
        for name in ("random", "climb"):
            sparing = Sparing(answerer)
            best, curve = _search(sparing, name, calls, seed)
            held = fmean(run_pipeline(answerer, best, test))
            print(
                f"{name} {seed}: test {held:.3f}; " + " ".join(f"{n}:{v:.2f}" for n, v in curve), flush=True
            )


def _search(sparing: Sparing, name: str, calls: int, seed: int) -> tuple[Settings, list[tuple[int, float]]]:
    rng = random.Random(seed)
    train = items("train", 20 * (seed + 1))[20 * seed :]
    best, score = NAIVE, fmean(run_pipeline(sparing, NAIVE, train, seed))
    curve = [(sparing.calls, score)]
    while sparing.calls < calls:
        tried = random_settings(rng) if name == "random" else edited(rng, best)
        value = fmean(run_pipeline(sparing, tried, train, seed))
        if value > score:
            curve.append((sparing.calls, value))
        if value > score or (name == "climb" and value == score):
            best, score = tried, value
    return best, curve


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=WEIGHTS)
    parser.add_argument("--calls", type=int, default=2400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--engine", choices=("torch", "numpy"), default="torch")
    given = parser.parse_args()
    engine = LocalAnswerer(given.folder) if given.engine == "numpy" else TorchAnswerer(given.folder)
    search_table(engine, given.calls, range(given.seeds))
