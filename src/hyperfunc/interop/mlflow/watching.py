"""A callback that tells MLflow of a run."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hyperfunc import __version__
from hyperfunc.runs.callbacks import Callback
from hyperfunc.spaces import Candidate

from .sending import Sender

if TYPE_CHECKING:
    from hyperfunc.runs.result import Result, RunInfo, StepRecord

    from .tracking import Point, Tracking

__all__ = ["RunLog"]

_MOST_POINTS = 100_000
_PATIENCE_S = 1.0
_SHOWN = (int, float, str, bool)


class RunLog(Callback):
    """Logs one run; every method returns at once and raises nothing.

    Args:
        prompts: whether learnt prompts are registered.
        artifacts: whether files are uploaded.
        deadline_s: seconds that :meth:`on_close` waits at most.
        into: id of a run of MLflow that takes the metrics alone, and that others begin and end.
    """

    def __init__(
        self, *, prompts: bool = True, artifacts: bool = True, deadline_s: float = 10.0,
        into: str | None = None,
    ) -> None:  # fmt: skip
        self._prompts = prompts and into is None
        self._artifacts = artifacts and into is None
        self._deadline_s = deadline_s
        self._into = into
        self._sender = Sender()
        self._points: list[Point] = []
        self._lock = threading.Lock()
        self._info: RunInfo | None = None
        self._parent: tuple[str, str] | None = None
        self._tracking: Tracking | None = None
        self._guarded("the active run", self._find_parent)

    def on_start(self, info: RunInfo) -> None:
        """Begin a run there."""
        self._info = info
        self._put("the start of the run", lambda: self._begin(info), vital=True)
        if self._into is None:
            self._put("the parameters", lambda: self._there.params(_params(info)))
            for context, rows in (("train", info.n_train), ("test", info.n_test)):
                self._put("the data", functools.partial(self._data, info, context, rows))
        if info.start is not None:
            self._register(info, info.start, "start")

    def on_step(self, record: StepRecord) -> None:
        """Log values and spend."""
        spend = record.spend
        figures = {
            "best_value": record.best_value, "incumbent_value": record.incumbent_value,
            "candidates": record.n_new, "lanes": record.n_lanes,
            "spend.calls": spend.calls, "spend.tokens": spend.tokens, "spend.dollars": spend.dollars,
            "spend.evaluations": spend.evaluations, "spend.seconds": spend.seconds,
        }  # fmt: skip
        self._measure(figures, record.step)

    def on_end(self, result: Result) -> None:
        """Log what came out."""
        figures = {"score_start": result.score_start, "score_winner": result.score_best}
        if result.gain is not None:
            gain = result.gain
            figures |= {"gain": gain.estimate, "gain_low": gain.low, "gain_high": gain.high}
        self._measure(figures, max(0, len(result.history) - 1))
        if self._into is not None:
            return
        tags = {"stopped": result.stopped, "recommended_start": str(result.recommended_start).lower()}
        self._put("the tags", lambda: self._there.tags({f"hyperfunc.{k}": v for k, v in tags.items()}))
        best = _values("best", result.best, [change.name for change in result.changes()])
        if best:
            self._put("the recommended values", lambda: self._there.params(best))
        if self._info is not None:
            self._register(self._info, result.best, "recommended")
        if self._artifacts:
            self._guarded("the files", lambda: self._upload(result))
        self._put("the end of the run", lambda: self._there.close("FINISHED"))

    async def on_close(self) -> Sequence[str]:
        """Wait for what is not logged yet, as long as somebody is there and the deadline allows it."""
        sender = self._sender
        sender.close()
        began = time.monotonic()
        if not await sender.drained(min(_PATIENCE_S, self._deadline_s)) and await self._is_there():
            await sender.drained(self._deadline_s - (time.monotonic() - began))
        complaints = sender.complaints()
        sender.give_up()
        if not complaints:
            return ()
        run = "" if self._info is None else f" of run {self._info.run_id}"
        return (f"the log{run} in MLflow is incomplete: {'; '.join(complaints)}",)

    def on_break(self, error: BaseException) -> None:
        """End the run there; nobody waits for it."""
        if self._info is not None and self._into is None:
            killed = isinstance(error, KeyboardInterrupt | asyncio.CancelledError)
            self._put("the end of the run", lambda: self._there.close("KILLED" if killed else "FAILED"))
        self._sender.close()

    @property
    def _there(self) -> Tracking:
        assert self._tracking is not None, "the run was begun"
        return self._tracking

    def _find_parent(self) -> None:
        from .tracking import active_run

        self._parent = active_run()

    def _begin(self, info: RunInfo) -> None:
        from .tracking import Tracking

        self._tracking = Tracking()
        if self._into is not None:
            self._tracking.join(self._into)
            return
        tags = {"hyperfunc.run_id": info.run_id, "hyperfunc.version": __version__}
        name = f"{info.system} {info.run_id}".strip()
        self._tracking.open(name, self._parent, {**tags, "hyperfunc.resumed": str(info.resumed).lower()})

    def _data(self, info: RunInfo, part: str, rows: int) -> None:
        version = info.data.get(part)
        if version:
            self._there.data(f"{info.system or 'system'} {part}", part, version, rows)

    def _register(self, info: RunInfo, values: Candidate, role: str) -> None:
        """Register the learnt texts of a candidate."""
        if not self._prompts:
            return
        tags = {"hyperfunc.run_id": info.run_id, "hyperfunc.role": role}
        message = f"{role} of run {info.run_id}"
        for name in info.knobs:
            if values.space.knob(name).kind == "text" and values[name].strip():
                full = f"{info.system}.{name}" if info.system else name
                self._put("the prompts", functools.partial(self._prompt, full, values[name], message, tags))

    def _prompt(self, name: str, text: str, message: str, tags: Mapping[str, str]) -> None:
        self._there.prompt(name, text, message, tags)

    def _upload(self, result: Result) -> None:
        from hyperfunc.analysis.artifact import artifact, written
        from hyperfunc.analysis.report.data import build
        from hyperfunc.analysis.report.page import render_html

        assert result.ledger is not None, "a run has a ledger"
        # Made here, in the thread that the ledger belongs to.
        files = {
            "artifact.json": written(artifact(result.ledger, result.run_id)),
            "report.html": render_html(build(result.ledger, result.run_id)),
        }
        if result.certificate is not None:
            files["certificate.json"] = json.dumps(result.certificate.to_json(), indent=2) + "\n"
        for file, text in files.items():
            self._put(file, functools.partial(self._file, file, text))

    def _file(self, file: str, text: str) -> None:
        self._there.text(file, text)

    def _measure(self, figures: Mapping[str, float | None], step: int) -> None:
        """Let metrics wait for the sender, which takes all that wait at once."""
        when = int(time.time() * 1000)
        points = [(n, float(v), step, when) for n, v in figures.items() if v is not None]
        with self._lock:
            waited = bool(self._points)
            if len(self._points) < _MOST_POINTS:
                self._points += points
        if not waited:
            self._put("the metrics", self._send_points)

    def _send_points(self) -> None:
        with self._lock:
            points, self._points = self._points, []
        self._there.metrics(points)

    async def _is_there(self) -> bool:
        """Whether it is worth waiting for the server."""
        from .tracking import check_reachable

        try:
            await asyncio.get_running_loop().run_in_executor(None, check_reachable)
        except ConnectionError as error:
            self._sender.fail("the connection", error)
            return False
        return True

    def _put(self, what: str, work: Callable[[], None], *, vital: bool = False) -> None:
        self._sender.put(what, work, vital=vital)

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # a log that fails is a warning and no more
            self._sender.fail(what, error)


def _params(info: RunInfo) -> dict[str, Any]:
    """What a run is begun with."""
    given = {
        "optimizer": info.optimizer, "budget": str(info.budget), "seed": info.seed, "metric": info.metric,
        "system": info.system, "n_train": info.n_train, "n_test": info.n_test, "knobs": ", ".join(info.knobs),
    }  # fmt: skip
    return given if info.start is None else given | _values("start", info.start, info.knobs)


def _values(role: str, values: Candidate, names: Sequence[str]) -> dict[str, Any]:
    """Values that stand on one line; prompts, exemplars and matrices are in the artefact."""
    short = {n: values[n] for n in names if values.space.knob(n).kind in ("real", "integer", "choice")}
    return {f"{role}.{name}": value for name, value in short.items() if isinstance(value, _SHOWN)}
