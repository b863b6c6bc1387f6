"""GEPA's runs, made by an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reflective.curves import HORIZON, Curve
from benchmarks.reflective.world import FILE, rules

__all__ = ["BEST", "CONFIGURATIONS", "Opposing", "missing", "runs"]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venvs" / "gepa" / "bin" / "python"
BEST = "all components, merge, 8 examples"
CONFIGURATIONS = ("default", "current best", "all components", BEST, "4x4 proposals at once")


def missing() -> str:
    """Why GEPA cannot be run; empty when it can."""
    return "" if PYTHON.is_file() else "`make .venvs/gepa/stamp` installs it in an environment of its own"


@dataclass(frozen=True)
class Opposing:
    """One run of GEPA.

    Args:
        configuration: of :data:`CONFIGURATIONS`.
        seed: of the world, the reflector and GEPA.
        curve: held-out score of its best candidate, by its own mean on the validation set.
        calls: rollouts, by the world's own count.
        seconds: of the run.
        reflections: calls of the reflector.
        final: held-out score of what it returned.
    """

    configuration: str
    seed: int
    curve: Curve
    calls: int
    seconds: float
    reflections: int
    final: float


def runs(configurations: Sequence[str], seeds: Sequence[int], **job: Any) -> list[Opposing]:
    """Run some configurations on some seeds.

    Args:
        configurations: of :data:`CONFIGURATIONS`.
        seeds: of the worlds.
        job: further keys of ``gepa_side.py``: ``binary``, ``rollout_s``, ``reflection_s``, ``workers``,
            ``until``, ``plain``.
    """
    full = {
        "world": str(FILE), "calls": HORIZON, "configurations": [*configurations], "seeds": [*seeds], **job,
    }  # fmt: skip
    script = Path(__file__).with_name("gepa_side.py")
    # Nothing of this project is on its path.
    done = subprocess.run(
        [str(PYTHON), "-I", str(script), json.dumps(full)], check=True, stdout=subprocess.PIPE, text=True
    )
    return [_opposing(json.loads(line), job.get("binary", False)) for line in done.stdout.splitlines()]


def _opposing(row: dict[str, Any], binary: bool) -> Opposing:
    world = rules().World(seed=row["seed"], binary=binary)
    steps = tuple((int(calls), float(seconds), float(score)) for calls, seconds, score in row["curve"])
    return Opposing(
        row["configuration"], row["seed"], Curve(steps, world.test_score(world.oracle_candidate)),
        row["calls"], row["seconds"], row["reflections"], row["final"],
    )  # fmt: skip
