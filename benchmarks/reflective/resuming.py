"""Runs that are killed and gone on with: same result, nothing rolled out again.

``python -m benchmarks.reflective.resuming SEED FOLDER JOURNAL`` is the run that gets killed from outside.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reflective.running import Models, Outcome, Plan, played, side_by_side
from benchmarks.report_table import Table
from hyperfunc.runs.callbacks import Callback
from hyperfunc.runs.result import StepRecord

__all__ = ["Resumed", "kill_at_every_step", "kill_from_outside", "measure"]

PARTS = 8
_POLL_S = 0.001
_LONGEST_S = 120


def measure(table: Table) -> None:
    """Kills at every step, and from outside at any moment."""
    found = kill_at_every_step(0, 60 if table.quick else 600)
    note = f"broken off after each of {len(found)} steps"
    table.add("results that a kill and a resume change", sum(e.differs for e in found), at_most=0, note=note)
    most = max(each.again for each in found)
    table.add("rollouts made again after a resume, the most", most, at_most=0, note=note)
    seeds, kills = (range(1, 2), 2) if table.quick else (range(1, 5), 4)
    hard = [kill_from_outside(seed, 300, kills) for seed in seeds]
    note = f"{len(hard)} runs, {kills} times SIGKILL each"
    table.add("results that SIGKILL changes", sum(each.differs for each in hard), at_most=0, note=note)
    lost = max(each.again for each in hard)
    note += "; at most what is in flight"
    table.add("rollouts made again after SIGKILL, the most", lost, at_most=16 * kills, note=note)


@dataclass(frozen=True)
class Resumed:
    """What a run that was broken off and gone on with did otherwise than the one that was not.

    Args:
        differs: its result is another one.
        again: rollouts that the other did not need.
    """

    differs: bool
    again: int


class _Killed(Exception):
    """The run ends here."""


class _Kill(Callback):
    """Breaks a run off after a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step(self, record: StepRecord) -> None:
        """One ask was answered."""
        if record.step == self._step:
            raise _Killed


def _plan(seed: int, evaluations: int) -> Plan:
    # Long enough for others to be in flight whenever it is killed.
    return Plan(seed, budget=f"{evaluations} evaluations", rollout_s=0.001, reflection_s=0.01)


def _whole(seed: int, evaluations: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return played(_plan(seed, evaluations), Path(folder))


def kill_at_every_step(seed: int, evaluations: int) -> list[Resumed]:
    """Break one run off after each of its steps in turn, and go on with it by the same ledger."""
    whole = _whole(seed, evaluations)
    history = whole.row["history"]
    assert isinstance(history, list)
    jobs = [(whole, range(first, len(history), PARTS)) for first in range(PARTS)]
    return [each for part in side_by_side(_kills, jobs) for each in part]


def _kills(job: tuple[Outcome, range]) -> list[Resumed]:
    return [_kill(job[0], step) for step in job[1]]


def _kill(whole: Outcome, step: int) -> Resumed:
    first, second = Models(whole.plan), Models(whole.plan)
    with tempfile.TemporaryDirectory() as folder:
        try:
            played(whole.plan, Path(folder), (_Kill(step),), first)
        except _Killed:
            outcome = played(whole.plan, Path(folder), models=second)
        else:
            raise AssertionError(f"the run was not broken off at step {step}")
    made = first.rollouts.calls + second.rollouts.calls
    return Resumed(outcome.row != whole.row, made - whole.calls)


def kill_from_outside(seed: int, evaluations: int, kills: int) -> Resumed:
    """Kill the process of a run (SIGKILL) at random moments, going on each time, and let it end.

    What was in flight at a kill may have been rolled out without an answer, so up to as many rollouts as
    there are workers may be made again for each kill.
    """
    whole = _whole(seed, evaluations)
    with tempfile.TemporaryDirectory() as name:
        folder, journal = Path(name, "ledger"), Path(name, "journal")
        rng = random.Random(seed)
        for at in sorted(rng.sample(range(1, whole.calls), kills)):
            _killed_at(at, (str(seed), str(evaluations), str(folder), str(journal)), journal)
        outcome = played(whole.plan, folder, models=Models(whole.plan, journal))
        made = len(journal.read_text().splitlines())
    return Resumed(outcome.row != whole.row, made - whole.calls)


def _killed_at(rollouts: int, words: tuple[str, ...], journal: Path) -> None:
    """Start or go on with the run in a process of its own, and kill it after so many rollouts in all."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.reflective.resuming", *words])
    until = time.monotonic() + _LONGEST_S
    while process.poll() is None and time.monotonic() < until:
        if journal.exists() and journal.read_bytes().count(b"\n") >= rollouts:
            break
        time.sleep(_POLL_S)
    process.send_signal(signal.SIGKILL)
    process.wait()


def main() -> None:
    """The run that gets killed."""
    seed, evaluations, folder, journal = sys.argv[1:]
    plan = _plan(int(seed), int(evaluations))
    played(plan, Path(folder), models=Models(plan, Path(journal)))


if __name__ == "__main__":
    main()
