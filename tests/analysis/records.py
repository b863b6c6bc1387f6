"""Experiments made from scores alone, without running anything."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from hyperfunc.analysis.experiment import ExampleScore, Experiment
from hyperfunc.evaluation.statistics import Interval

__all__ = ["experiment", "of_scores"]

_NUMBERS = itertools.count()


def experiment(cells: Sequence[ExampleScore], **changes: Any) -> Experiment:
    """A record with these cells; its score is not theirs."""
    values: dict[str, Any] = {
        "id": f"20260131-093015-{next(_NUMBERS):04x}", "name": "", "created": 1769851815.5,
        "system": "Support", "metric": "ExactMatch", "scorer": "a" * 32, "program": "b" * 32,
        "candidate": "c" * 16, "values": {"route.prompt": "Say which team."}, "data": "d" * 32,
        "score": Interval(0.4, 0.6, 0.5, 0.95, "BCa bootstrap"), "repeats": 1, "missing": 0, "failed": 0,
        "seed": 0, "budget": "unlimited", "spend": {"calls": 60, "dollars": 0.5, "seconds": 3.0},
        "paid": {"calls": 60, "dollars": 0.5}, "environment": {"python": "3.11"},
    }  # fmt: skip
    return Experiment(**{**values, **changes, "cells": tuple(cells)})


def of_scores(
    scores: Sequence[float | None] | Mapping[str, float | None], groups: Sequence[str] = (), **changes: Any
) -> Experiment:
    """A record with one cell a score; examples of two records are the same where their places are."""
    named = scores if isinstance(scores, Mapping) else {f"{n:032x}": s for n, s in enumerate(scores)}
    labels = groups or list(named)
    cells = [ExampleScore(k, g, 1.0, s) for (k, s), g in zip(named.items(), labels, strict=True)]
    return experiment(cells, **changes)
