"""The main job, as people run it: how long, how much it gains, and what a kill does to it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["kill_and_resume", "run_demo"]

START_UP = 1.0

_RUN = """
import dataclasses, json, sys, time
from hyperfunc.apps.demo import office_demo
GAIN = ("low", "estimate", "high")
began = time.perf_counter()
result = office_demo.run(seed=int(sys.argv[1]), budget=sys.argv[2], ledger=sys.argv[3], run_id=sys.argv[4])
row = {
    "best": result.best.to_json(), "winner": result.winner.to_json(), "start": result.score_start,
    "score": result.score_best, "gain": result.gain and [getattr(result.gain, n) for n in GAIN],
    "calls": result.spend.calls, "stopped": result.stopped, "warnings": result.warnings,
    "history": [[r.note, r.best_value, r.incumbent_value, r.spend.calls] for r in result.history],
}
print(json.dumps({"row": row, "paid": result.paid_calls, "seconds": time.perf_counter() - began}))
"""


def _command(seed: int, budget: str, ledger: Path, run_id: str) -> list[str]:
    return [sys.executable, "-c", _RUN, str(seed), budget, str(ledger), run_id]


def run_demo(seed: int, budget: str, ledger: Path, run_id: str) -> dict[str, Any]:
    """Run the office demo in a process of its own.

    Returns:
        ``row`` (everything in the result that is not a time), ``paid`` calls and ``seconds``.
    """
    done = subprocess.run(_command(seed, budget, ledger, run_id), check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def kill_and_resume(
    seed: int, budget: str, ledger: Path, kills: int, seconds: float
) -> tuple[dict[str, Any], int]:
    """Kill a run at random moments, go on with it each time, and let it end.

    Args:
        seed: of the run.
        budget: of the run.
        ledger: a folder of its own.
        kills: how often.
        seconds: what an uninterrupted run takes; kills are spread over it.

    Returns:
        What :func:`run_demo` returns for the last attempt, and how many attempts were really killed.
    """
    rng = random.Random(seed)
    killed = 0
    for _ in range(kills):
        process = subprocess.Popen(
            _command(seed, budget, ledger, "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # What was paid for before comes back at once, so each attempt gets its share of the whole run.
        time.sleep(START_UP + rng.random() * seconds / kills)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    return run_demo(seed, budget, ledger, "killed"), killed
