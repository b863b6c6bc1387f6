"""An experiment: values on examples, scored once and kept, so that others can be held against them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hyperfunc.analysis.certificate.figures import FEW_GROUPS, interval_of_json
from hyperfunc.analysis.report import text
from hyperfunc.errors import EvidenceError, LedgerError
from hyperfunc.evaluation.statistics import Interval
from hyperfunc.types import JSON

if TYPE_CHECKING:
    from hyperfunc.analysis.comparison import Comparison, Reference
    from hyperfunc.ledger import Ledger

__all__ = ["ExampleScore", "Experiment", "checked_name"]

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class ExampleScore:
    """The score of one example.

    Args:
        example: its content key, or a number where it has none.
        group: examples of one group rise and fall together.
        weight: how much it counts, positive.
        score: in [0, 1], the mean over repeats; ``None`` when it is missing, or when only the set is scored.
    """

    example: str
    group: str
    weight: float
    score: float | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """An evaluation as the ledger keeps it.

    Args:
        id: names it in the ledger.
        name: yours; several may share one, which then means the newest. Empty for none.
        created: seconds since the epoch.
        system: of the class that was evaluated.
        metric: its name.
        scorer: fingerprint of the metric's code and settings; ``None`` for a metric over sets.
        program: fingerprint of the program.
        candidate: content id of the values.
        values: of every knob.
        data: content version of the examples; ``None`` when one of them cannot be encoded.
        score: the metric with its interval, clustered by the groups of the examples.
        cells: one per example, in order.
        repeats: how often each example was run, each time under its own luck.
        missing: runs that infrastructure kept from being scored; they are no part of the score.
        failed: runs in which the program failed, each a score of 0.
        seed: of the evaluation.
        budget: the limits.
        spend: what was charged: calls, evaluations, tokens, dollars, seconds.
        paid: calls and dollars that were really paid now, the rest being from the ledger.
        environment: versions of what ran, and the models that were asked.
    """

    id: str
    name: str
    created: float
    system: str
    metric: str
    scorer: str | None
    program: str
    candidate: str
    values: Mapping[str, JSON]
    data: str | None
    score: Interval
    cells: tuple[ExampleScore, ...]
    repeats: int
    missing: int
    failed: int
    seed: int
    budget: str
    spend: Mapping[str, Any]
    paid: Mapping[str, Any]
    environment: Mapping[str, Any]

    @property
    def groups(self) -> int:
        """How many independent groups the examples belong to."""
        return len({cell.group for cell in self.cells})

    def compare(self, *others: Reference, ledger: str | Path | Ledger | None = None) -> Comparison:
        """What others gain over this one; see :func:`hyperfunc.compare`.

        Args:
            others: experiments, certificates, names or ids in the ledger, exported files.
            ledger: where names and ids are looked up.

        Raises:
            EvidenceError: they cannot be compared.
        """
        from hyperfunc.analysis.comparison import compare

        return compare(self, *others, ledger=ledger)

    def export(self, path: str | Path) -> Path:
        """Write it as JSON: ``HyperSystem.load`` takes the values, comparisons and gates take the scores.

        Args:
            path: of the file.

        Returns:
            The file.
        """
        from hyperfunc.analysis.artifact import experiment_artifact, written
        from hyperfunc.analysis.filing import replace_text

        return replace_text(Path(path), written(experiment_artifact(self)))

    def head(self) -> dict[str, Any]:
        """All but cells and values, as JSON."""
        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("cells", "values")}
        row["score"] = {k: _finite(v) for k, v in asdict(self.score).items()}
        return {name: dict(v) if isinstance(v, Mapping) else v for name, v in row.items()}

    def rows(self) -> list[list[Any]]:
        """The cells as JSON."""
        return [[c.example, c.group, c.weight, c.score] for c in self.cells]

    @classmethod
    def from_json(cls, head: Mapping[str, Any], rows: Any, values: Mapping[str, JSON]) -> Self:
        """The inverse of :meth:`head` and :meth:`rows`.

        Raises:
            LedgerError: it is no experiment.
        """
        try:
            given = {**head, "score": interval_of_json(head["score"]), "values": dict(values)}
            return cls(**given, cells=tuple(ExampleScore(*row) for row in rows))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LedgerError(
                f"this is no experiment ({type(error).__name__}: {error}); evaluate the system again"
            ) from error

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """A few lines for people."""
        score = self.score
        losses = {"missing": self.missing, "failed": self.failed}
        lost = "".join(f", {text.count(n, 'runs')} {what}" for what, n in losses.items() if n)
        few = "; few groups, so it is widened" if self.groups < FEW_GROUPS else ""
        times = f", {self.repeats} times each" if self.repeats > 1 else ""
        rows = [
            ("score", f"{score.estimate:.3f}   {score.low:.3f} to {score.high:.3f}"),
            ("interval", f"{score.level:.0%}, {score.method} over groups{few}"),
            ("examples", f"{len(self.cells)} in {self.groups} groups{times}{lost}"),
            ("metric", self.metric),
            ("spent", self._spent()),
        ]
        ids = {"data": self.data, "program": self.program, "values": self.candidate}
        rows.append(("content", ", ".join(f"{name} {_short(key)}" for name, key in ids.items())))
        head = f"experiment {self.id}" + (f"  {self.name}" if self.name else "")
        return [head, *(f"  {name:<9} {value}" for name, value in rows)]

    def _spent(self) -> str:
        calls, dollars = (self.spend.get(name) or 0 for name in ("calls", "dollars"))
        money = f", {text.money(dollars)}" if dollars else ""
        made = int(self.paid.get("calls", 0))
        now = f"; {made:,} of them made now" if made < calls else ""
        return f"{text.count(calls, 'calls')}{money}, {text.clock(self.spend.get('seconds'))}{now}"


def checked_name(name: str) -> str:
    """A name that can be told from files and from ``last``, and stands on one line.

    Raises:
        EvidenceError: it cannot.
    """
    if not isinstance(name, str):
        raise EvidenceError(f"the name of an experiment is a text, and got {name!r}")
    known = name.strip()
    if not known.isprintable() or len(known) > _LONGEST_NAME:
        raise EvidenceError(f"the name of an experiment is one line of {_LONGEST_NAME} characters at most")
    if known == "last" or known.endswith(".json"):
        raise EvidenceError(f"an experiment cannot have the name {known!r}, which means something else")
    return known


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(key: str | None) -> str:
    return "unknown" if key is None else key[:8]
