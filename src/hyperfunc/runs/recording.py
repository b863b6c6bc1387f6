"""What a run writes into the ledger, and what it tells those who watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from hyperfunc import __version__
from hyperfunc.analysis.certificate import Certificate
from hyperfunc.evaluation.dataset import Example, Sealed
from hyperfunc.ledger import Ledger, Spend
from hyperfunc.ledger.keys import content_key
from hyperfunc.llm.rendering import request_templates
from hyperfunc.spaces import Candidate, Population, Space

from .certify import Outcome
from .job import Job
from .result import Result, StepRecord, as_json

__all__ = ["Recorder"]

# A run that goes on should differ from its beginning in none of these.
_IDENTITY = ("program", "seed", "examples_fp", "metric", "optimizer")


class Recorder:
    """The writing side of one run.

    Args:
        job: of the run.
        ledger: where it is kept.
        run_id: its name there.
    """

    def __init__(self, job: Job, ledger: Ledger, run_id: str) -> None:
        self._job = job
        self._ledger = ledger
        self.run_id = run_id
        self.began = time.monotonic()
        self._kept: set[str] = set()
        self.tried = 0

    @property
    def known(self) -> Mapping[str, Any] | None:
        """What the ledger says of this run, if it was begun before."""
        return next((row.meta for row in self._ledger.list_runs() if row.run_id == self.run_id), None)

    def start(
        self, space: Space, start: Candidate, train: Sequence[Example], held: Sealed | None, **facts: Any
    ) -> list[str]:
        """Write the run down, or go on with it; returns warnings."""
        job = self._job
        row: dict[str, Any] = {
            "system": type(job.system).__name__,
            "seed": job.seed,
            "metric": job.metric.name,
            "n_train": len(train) - len(job.validation),
            "n_validation": len(job.validation),
            "n_test": 0 if held is None else held.size,
            "examples_fp": content_key([e.key for e in train], None if held is None else held.version),
            "start": start.to_json(),
            "space": space.describe(),
            "created": time.time(),
            "hyperfunc": __version__,
            **facts,
            **job.notes,
        }
        known = self.known
        if known is None:
            self._ledger.create_run(self.run_id, row)
            return []
        self._ledger.update_run(self.run_id, status="running")
        changed = [name for name in _IDENTITY if known.get(name) != row[name]]
        return [
            f"this run was begun with another {n}; cells that no longer fit are made anew" for n in changed
        ]

    def candidates(self, tried: Population | Sequence[Candidate], origin: str) -> None:
        """Keep the values of what was tried, once; throwaway members can be drawn again from the seed."""
        if isinstance(tried, Population) and tried.throwaway:
            self.tried += len(tried)
            return
        for candidate in tried:
            if candidate.id not in self._kept:
                self._kept.add(candidate.id)
                self.tried += 1
                self._ledger.put_candidate(
                    self.run_id, candidate.to_json(), candidate.id, candidate.parents, origin
                )

    def step(self, record: StepRecord) -> None:
        """One step was told."""
        self._ledger.add_event(self.run_id, "step", _finite(asdict(record)))
        self.tell("on_step", record)

    def broke_off(self, status: str, error: BaseException) -> None:
        """The run ended by an error or an interruption."""
        if self.known is not None:
            self._ledger.update_run(self.run_id, status=status)
        for callback in self._job.callbacks:
            try:
                callback.on_break(error)
            except Exception as another:  # the error that the user must see is the first
                error.add_note(f"{type(callback).__name__}.on_break failed, too: {another!r}")

    def looks_before(self, version: str | None) -> int:
        """How often other runs have looked at the held-out examples; that this one looks is noted once."""
        known = self._ledger.events(self.run_id, "look")
        if known:
            return int(known[0].payload["before"])
        before = self._ledger.looks_at(version)
        self._ledger.add_event(self.run_id, "look", {"version": version, "before": before})
        return before

    def certify(self, certificate: Certificate) -> Certificate:
        """Keep a certificate with the seals of all rows of the run, and return it.

        A run that is gone through again gets the certificate that it has, when nothing in it has changed.
        """
        known = self._ledger.events(self.run_id, "certificate")
        if known:
            before = Certificate.from_json(known[-1].payload)
            if _claim(before) == _claim(_kept(certificate)):
                return before
        self._ledger.flush()
        seals = self._ledger.seals(
            self.run_id, program=certificate.program, seed=certificate.seed, scorer=certificate.scorer
        )
        sealed = replace(certificate, seals=seals)
        self._ledger.add_event(self.run_id, "certificate", _finite(sealed.to_json()), sealed.created)
        self._ledger.flush()
        return _kept(sealed)

    def end(self, result: Result, outcome: Outcome, failures: Mapping[str, int]) -> None:
        """What came out, before the certificate is made."""
        changes = result.start.diff(result.winner)
        row = {
            "best": result.best.to_json(),
            "kinds": {name: result.best.space.knob(name).kind for name in result.best},
            "requests": request_templates(self._job.system.hyperfunctions, result.best),
            "start": result.start.to_json(),
            "winner": result.winner.to_json(),
            "recommended_start": result.recommended_start,
            "score_start": result.score_start,
            "score_best": result.score_best,
            "gain": as_json(result.gain),
            "spend": asdict(result.spend),
            "paid_calls": result.paid_calls,
            "stopped": result.stopped,
            "warnings": list(result.warnings),
            "changes": [
                {"name": c.name, "before": _plain(c.before), "after": _plain(c.after)} for c in changes
            ],
            "confirmation": outcome.to_json(),
        }
        for reason, count in failures.items():
            self._ledger.add_event(self.run_id, "failure", {"reason": reason, "count": count})
        self._ledger.add_event(self.run_id, "result", _finite(row))

    def done(self, result: Result) -> None:
        """The run is over."""
        self._ledger.update_run(self.run_id, status="done")
        self._ledger.flush()
        self.tell("on_end", result)

    async def closed(self) -> tuple[str, ...]:
        """Let callbacks finish; returns what they have to say."""
        return tuple([word for callback in self._job.callbacks for word in await callback.on_close()])

    def tell(self, name: str, payload: Any) -> None:
        """Call one method of every callback."""
        for callback in self._job.callbacks:
            getattr(callback, name)(payload)

    @contextlib.asynccontextmanager
    async def watched(self, spent: Callable[[], Spend]) -> AsyncIterator[None]:
        """Report the spend a few times a second while cells are filled."""
        if not self._job.callbacks:
            yield
            return

        async def watch() -> None:
            while True:
                await asyncio.sleep(0.2)
                self.tell("on_calls", spent())

        task = asyncio.get_running_loop().create_task(watch())
        try:
            yield
        finally:
            task.cancel()


def _claim(certificate: Certificate) -> Certificate:
    """Without what the clock and the state of the ledger say."""
    spend = {name: amount for name, amount in certificate.spend.items() if name != "seconds"}
    return replace(certificate, created=0.0, spend=spend, seals={})


def _kept(certificate: Certificate) -> Certificate:
    """As the ledger gives it back."""
    return Certificate.from_json(json.loads(json.dumps(_finite(certificate.to_json()))))


def _plain(value: Any) -> Any:
    """A knob's value as JSON for the report."""
    if isinstance(value, tuple):
        return [{"input": e.input, "output": e.output} for e in value]
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape)}
    return value


def _finite(row: Any) -> Any:
    """JSON has no infinity; such numbers become null."""
    if isinstance(row, dict):
        return {k: _finite(v) for k, v in row.items()}
    if isinstance(row, list | tuple):
        return [_finite(v) for v in row]
    return None if isinstance(row, float) and not math.isfinite(row) else row
