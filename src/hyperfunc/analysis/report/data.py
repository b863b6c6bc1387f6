"""What a report says, read from the ledger and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.analysis.certificate.record import Certificate
from hyperfunc.evaluation.statistics import Interval
from hyperfunc.types import JSON

if TYPE_CHECKING:
    from hyperfunc.ledger.store import Ledger

__all__ = ["Change", "Item", "Outcome", "ReportData", "Step", "build"]


@dataclass(frozen=True, slots=True)
class Change:
    """One knob whose value differs between the start and the winner of the search.

    Args:
        name: dotted name of the knob.
        knob: its description from the space: ``kind`` and what it allows.
        before: value of the start, as JSON.
        after: value of the winner, as JSON.
    """

    name: str
    knob: Mapping[str, JSON]
    before: JSON
    after: JSON

    @property
    def kind(self) -> str:
        """``real``, ``integer``, ``choice``, ``text``, ``exemplars``, ``matrix``, or ``""``."""
        return str(self.knob.get("kind", ""))


@dataclass(frozen=True, slots=True)
class Item:
    """One held-out example with what the start and the winner made of it."""

    inputs: JSON
    expected: JSON
    start: JSON
    best: JSON
    feedback: str
    score_start: float | None = None
    score_best: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the loop; see ``StepRecord``."""

    number: int
    note: str
    candidates: int
    lanes: int
    best: float | None
    incumbent: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished run concluded on held-out examples.

    Args:
        score_start: held-out score of the start; ``None`` when it was not measured.
        score_best: held-out score of the winner of the search.
        gain: interval of the paired difference, or ``None``.
        recommended_start: the winner was not better beyond doubt, so the start is kept.
        stopped: why the run ended.
        scores_start: score of the start on each held-out example.
        scores_best: the same for the winner, in the same order.
    """

    score_start: float | None
    score_best: float | None
    gain: Interval | None
    recommended_start: bool
    stopped: str
    scores_start: tuple[float | None, ...] = ()
    scores_best: tuple[float | None, ...] = ()

    @property
    def kept(self) -> float | None:
        """Score of what is recommended."""
        return self.score_start if self.recommended_start else self.score_best

    @property
    def tally(self) -> tuple[int, int, int]:
        """How many held-out examples got better, stayed equal, got worse."""
        pairs = zip(self.scores_start, self.scores_best, strict=False)
        differences = [b - a for a, b in pairs if a is not None and b is not None]
        better = sum(d > 0 for d in differences)
        worse = sum(d < 0 for d in differences)
        return better, len(differences) - better - worse, worse


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything a report shows about one run.

    Args:
        run_id: of the run.
        status: ``running``, ``finished``, … as the ledger has it.
        created: when the run began, seconds since the epoch.
        meta: what the loop wrote down when the run began.
        outcome: ``None`` while the run is unfinished.
        steps: the history, oldest first.
        spend: what was spent: calls, evaluations, tokens, dollars, seconds.
        changes: knobs that differ between the start and the winner of the search.
        items: held-out examples side by side.
        failures: reasons why lanes failed, with how often.
        warnings: what a reader has to know before trusting the numbers.
        certificate: what may be claimed, as pairs of a name and a value; empty without one.
    """

    run_id: str
    status: str
    created: float
    meta: Mapping[str, JSON] = field(default_factory=dict)
    outcome: Outcome | None = None
    steps: tuple[Step, ...] = ()
    spend: Mapping[str, JSON] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    items: tuple[Item, ...] = ()
    failures: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()
    certificate: tuple[tuple[str, str], ...] = ()

    def about(self, name: str) -> str:
        """A field of the meta record as text, or an empty string."""
        value = self.meta.get(name)
        return "" if value is None else str(value)


def build(ledger: Ledger, run_id: str) -> ReportData:
    """Gathers what the ledger holds about a run, finished or not.

    Args:
        ledger: an open ledger; nothing is written to it.
        run_id: the run, or the beginning of its id when that is enough to tell.

    Raises:
        LedgerError: the ledger has no such run.
    """
    row = ledger.get_run(run_id)
    events = ledger.events(row.run_id)
    # A resumed run goes through its steps again; the last account of a step is the one that holds.
    by_step = {event.payload["step"]: event.payload for event in events if event.kind == "step"}
    steps = [by_step[number] for number in sorted(by_step)]
    result = next((event.payload for event in reversed(events) if event.kind == "result"), None)
    last = steps[-1] if steps else {}
    return ReportData(
        run_id=row.run_id,
        status=row.status,
        created=row.created,
        meta=row.meta,
        outcome=_outcome(result) if result is not None else None,
        steps=tuple(_step(payload) for payload in steps),
        spend=(result or last).get("spend") or {},
        changes=_changes(row.meta, result or {}),
        items=_items(result or {}),
        failures=_failures([event.payload for event in events if event.kind == "failure"]),
        warnings=tuple(str(text) for text in (result or {}).get("warnings", ())),
        certificate=_certificate([event.payload for event in events if event.kind == "certificate"]),
    )


def _certificate(payloads: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple(Certificate.from_json(payloads[-1]).rows()) if payloads else ()


def _step(payload: Mapping[str, Any]) -> Step:
    return Step(
        number=int(payload["step"]),
        note=str(payload.get("note", "")),
        candidates=int(payload.get("n_candidates", 0)),
        lanes=int(payload.get("n_lanes", 0)),
        best=_number(payload.get("best_value")),
        incumbent=_number(payload.get("incumbent_value")),
        seconds=float(payload.get("seconds") or 0.0),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _outcome(result: Mapping[str, Any]) -> Outcome:
    gain, confirmation = result.get("gain"), result.get("confirmation") or {}
    return Outcome(
        score_start=_number(result.get("score_start")),
        score_best=_number(result.get("score_best")),
        gain=Interval(**gain) if gain and None not in gain.values() else None,
        recommended_start=bool(result.get("recommended_start")),
        stopped=str(result.get("stopped", "")),
        scores_start=tuple(_number(value) for value in confirmation.get("scores_start", ())),
        scores_best=tuple(_number(value) for value in confirmation.get("scores_best", ())),
    )


def _changes(meta: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[Change, ...]:
    space = meta.get("space") or {}
    return tuple(
        Change(str(change["name"]), space.get(change["name"], {}), change["before"], change["after"])
        for change in result.get("changes", ())
    )


def _items(result: Mapping[str, Any]) -> tuple[Item, ...]:
    return tuple(
        Item(
            inputs=item.get("inputs"),
            expected=item.get("expected"),
            start=item.get("start"),
            best=item.get("best"),
            feedback=str(item.get("feedback_best") or ""),
            score_start=_number(item.get("score_start")),
            score_best=_number(item.get("score_best")),
        )
        for item in (result.get("confirmation") or {}).get("items", ())
    )


def _failures(payloads: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, int], ...]:
    """Reasons with how often they occurred, most frequent first."""
    counts: dict[str, int] = {}
    for payload in payloads:
        reason = str(payload.get("reason", ""))
        counts[reason] = counts.get(reason, 0) + int(payload.get("count", 1))
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
