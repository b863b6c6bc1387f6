"""The gate: limits that the lower end of an interval has to keep."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from hyperfunc.analysis.comparison import Reference, compare
from hyperfunc.errors import EvidenceError
from hyperfunc.ledger import Ledger

from .result import GateResult, judged

__all__ = ["EvalGate"]


@dataclass(frozen=True, slots=True)
class EvalGate:
    """Lets a change pass only if what is claimed of it is shown on examples, not merely measured.

    The claim is about the lower end of the clustered 95 % interval of the paired gain, so an unlucky or a
    lucky sample does not decide: of changes that are worth nothing about 2.5 % pass ``min_gain=0``.

    Args:
        baseline: what candidates are held against; see :func:`hyperfunc.compare`.
        min_gain: in [0, 1]: the lower end must be at least this, and above 0 when it is 0.
        max_drop: in [0, 1]: the lower end must be at least minus this; we may then claim that the score did
            not drop by more. Both limits may be given, and then both must hold.
        ledger: where ids and names are looked up: an open ledger or the place of one; ``.hyperfunc/`` by
            default.

    Raises:
        EvidenceError: no limit is given, or one that is not in [0, 1].

    Example::

        result = EvalGate("main", max_drop=0.02).check("my-branch")
        assert result, result

    Source: for ``max_drop``, the non-inferiority test by an interval: Piaggio and others, "Reporting of
    noninferiority and equivalence randomized trials", JAMA 308 (2012).
    """

    baseline: Reference
    min_gain: float | None = field(default=None, kw_only=True)
    max_drop: float | None = field(default=None, kw_only=True)
    ledger: str | Path | Ledger | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if not self.limits:
            raise EvidenceError("a gate needs a limit: give min_gain, such as 0, or max_drop, such as 0.02")
        for name, limit in self.limits.items():
            if isinstance(limit, bool) or not _is_share(limit):
                raise EvidenceError(f"{name} is {limit!r}; give a number in [0, 1], such as 0.02")

    @property
    def limits(self) -> dict[str, float]:
        """Those that are given, by name."""
        given = {"min_gain": self.min_gain, "max_drop": self.max_drop}
        return {name: limit for name, limit in given.items() if limit is not None}

    def check(self, candidate: Reference = "last") -> GateResult:
        """Compare a candidate with the baseline and hold the limits against what comes out.

        Args:
            candidate: see :func:`hyperfunc.compare`; the newest run or experiment by default.

        Returns:
            True when every limit holds, with the comparison, and for a limit that does not hold how many
            more examples would settle it.

        Raises:
            EvidenceError: the two cannot be compared.
            LedgerError: one of them is not found.
        """
        comparison = compare(self.baseline, candidate, ledger=self.ledger)
        criteria = tuple(judged(name, limit, comparison) for name, limit in self.limits.items())
        return GateResult(criteria, comparison, time.time())


def _is_share(limit: object) -> bool:
    return isinstance(limit, int | float) and 0 <= limit <= 1
