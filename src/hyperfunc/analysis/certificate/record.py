"""A certificate: estimates on sealed examples, and all it takes to make them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from hyperfunc.errors import LedgerError
from hyperfunc.evaluation.statistics import Interval
from hyperfunc.ledger import Seal

from .figures import FEW_GROUPS, Figures, Pair, interval_of_json

__all__ = ["Certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a run may claim about its winner, from examples that nothing else has read.

    Args:
        run_id: of the run.
        created: seconds since the epoch.
        shipped: whether the winner is recommended; otherwise the start is kept.
        metric: its name.
        figures: estimates with their intervals.
        missing: held-out examples that could not be evaluated.
        pairs: the examples with the scores of both.
        resamples: values of start and winner on resampled sets, for a metric over sets; else empty.
        candidates: different candidates that were tried, the start included.
        steps: how often the search asked for scores.
        looks: how often these held-out examples had been looked at before, by other runs of this ledger.
        budget: the limits of the run.
        spend: what it was charged.
        paid: requests, tokens and dollars that it paid for itself, the rest being from the ledger.
        seed: of the run and of the resampling.
        program, scorer: fingerprints of the code; ``scorer`` is ``None`` for a metric over sets.
        start, winner: content ids of the values.
        hashes: content keys of the held-out and the training examples, of both sets of values, and of every
            prompt of the winner.
        environment: versions of what ran, and the models that answered.
        seals: digests of the rows of the ledger that belong to the run.
    """

    run_id: str
    created: float
    shipped: bool
    metric: str
    figures: Figures
    missing: int
    pairs: tuple[Pair, ...]
    resamples: tuple[tuple[float, float], ...]
    candidates: int
    steps: int
    looks: int
    budget: str
    spend: Mapping[str, Any]
    paid: Mapping[str, Any]
    seed: int
    program: str
    scorer: str | None
    start: str
    winner: str
    hashes: Mapping[str, str | None]
    environment: Mapping[str, Any]
    seals: Mapping[str, Seal] = field(default_factory=dict)

    @property
    def gain(self) -> Interval:
        """Of the winner over the start."""
        return self.figures.gain

    def to_json(self) -> dict[str, Any]:
        """For the ledger and for exports."""
        row = {name: getattr(self, name) for name in self.__slots__}
        row["figures"] = asdict(self.figures)
        row["pairs"] = [[p.example, p.group, p.weight, p.start, p.winner] for p in self.pairs]
        row["resamples"] = [list(pair) for pair in self.resamples]
        row["seals"] = {name: asdict(seal) for name, seal in self.seals.items()}
        return {name: dict(v) if isinstance(v, Mapping) else v for name, v in row.items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`.

        Raises:
            LedgerError: it is no certificate.
        """
        try:
            given = dict(row)
            numbers = given["figures"]
            intervals = {name: interval_of_json(numbers[name]) for name in ("start", "winner", "gain")}
            given["figures"] = Figures(**intervals, examples=numbers["examples"], groups=numbers["groups"])
            given["pairs"] = tuple(Pair(*pair) for pair in given["pairs"])
            given["resamples"] = tuple((float(a), float(b)) for a, b in given["resamples"])
            given["seals"] = {name: Seal.of(seal) for name, seal in given["seals"].items()}
            return cls(**given)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LedgerError(
                f"this is no certificate ({type(error).__name__}: {error}); export the run again"
            ) from error

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """A few lines for people."""
        head = f"certificate of run {self.run_id}"
        return [head, *(f"  {name:<9} {value}" for name, value in self.rows())]

    def rows(self) -> list[tuple[str, str]]:
        """What it says, as pairs of a name and a value."""
        figures, gain = self.figures, self.figures.gain
        looked = "never looked at before" if not self.looks else f"looked at {self.looks} times before"
        lost = f", {self.missing} missing" if self.missing else ""
        few = "; few groups, so intervals are widened" if figures.groups < FEW_GROUPS else ""
        data, values = _short(self.hashes.get("test")), _short(self.hashes.get("winner"))
        verdict = "ship the winner" if self.shipped else "keep the start"
        return [
            ("held out", f"{figures.examples} examples in {figures.groups} groups{lost}; {looked}"),
            ("start", _shown(figures.start)),
            ("winner", _shown(figures.winner)),
            ("gain", _shown(gain, "+")),
            ("intervals", f"{gain.level:.0%}, {gain.method} over groups{few}"),
            ("verdict", f"{verdict}, the best of {self.candidates} candidates in {self.steps} steps"),
            ("content", f"data {data}, program {_short(self.program)}, values {values}"),
        ]


def _shown(interval: Interval, sign: str = "") -> str:
    low, high = (f"{end:{sign}.3f}" for end in (interval.low, interval.high))
    return f"{interval.estimate:{sign}.3f}   {low} to {high}"


def _short(key: str | None) -> str:
    return "unknown" if key is None else key[:8]
