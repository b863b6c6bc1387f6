"""The comparison itself: common examples, groups that all respect, paired figures, adjusted p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hyperfunc.analysis.certificate.figures import FEW_GROUPS, LEVEL, Pair, figures_of
from hyperfunc.analysis.experiment import ExampleScore
from hyperfunc.errors import EvidenceError
from hyperfunc.evaluation.statistics import Interval, holm, permutation_p, standard_error
from hyperfunc.ledger import Ledger

from .record import SAME, Comparison, Difference
from .subjects import Reference, Subject, subjects_of

__all__ = ["compare"]

_SEED = 0
"""Of resampling and permutation: the same records always compare the same."""


def compare(baseline: Reference, *others: Reference, ledger: str | Path | Ledger | None = None) -> Comparison:
    """Compare recorded scores with a baseline, example by example. Nothing is run and nothing is paid for.

    Of a run the values it recommends are compared, on its held-out examples; of an experiment all of its
    scores. Compared are the examples that all have, told by the content of inputs and expectation. Examples
    that any of them keeps in one group count as one group.

    Args:
        baseline: what the others are held against: an :class:`~hyperfunc.Experiment`, a certificate
            (``result.certificate``), an id or the beginning of one, the name of an experiment, ``"last"`` for
            the newest run or experiment, or a file that ``export`` wrote.
        others: at least one, the same.
        ledger: where ids and names are looked up: an open ledger or the place of one; ``.hyperfunc/`` by
            default. Records and files need none.

    Returns:
        The gain of each with its clustered 95 % interval, its p-value by permutation, and the p-value
        adjusted after Holm for all comparisons made here.

    Raises:
        EvidenceError: no example is common, the scorers differ, or only the set was scored.
        LedgerError: a reference means nothing, or several things.

    Example::

        compare("main", "last").gain.low > 0

    Source: as :func:`~hyperfunc.evaluation.statistics.paired_interval`,
    :func:`~hyperfunc.evaluation.statistics.permutation_p` and :func:`~hyperfunc.evaluation.statistics.holm`.
    """
    if not others:
        raise EvidenceError("one record alone cannot be compared: name another beside the baseline")
    subjects = subjects_of((baseline, *others), ledger)
    _check_scorers(subjects)
    scores = [subject.by_key() for subject in subjects]
    # In the order of their keys, so that neither the order of data nor that of the arguments matters.
    keys = sorted(set(scores[0]).intersection(*scores[1:]))
    if not keys:
        counts = ", ".join(f"{s.label} has {len(s.scores)}" for s in subjects)
        raise EvidenceError(f"no example is in all of them ({counts}): evaluate them on the same examples")
    groups = _joined(keys, scores)
    found = [_difference(subjects, scores, k, keys, groups) for k in range(1, len(subjects))]
    adjusted = holm([difference.p for difference in found])
    return Comparison(
        baseline=subjects[0],
        score=figures_of(_pairs(scores[0], scores[0], keys, groups), _SEED).start,
        differences=tuple(replace(d, p_holm=float(p)) for d, p in zip(found, adjusted, strict=True)),
        examples=len(keys),
        groups=len(set(groups)),
        warnings=tuple(_warnings(subjects, scores, keys, groups)),
    )


def _check_scorers(subjects: Sequence[Subject]) -> None:
    for subject in subjects:
        if subject.scorer is None:
            raise EvidenceError(
                f"{subject.label} was scored by {subject.metric}, a metric over the whole set, and examples "
                "without scores of their own cannot be paired: evaluate it with a metric of single examples"
            )
    first = subjects[0]
    for other in subjects[1:]:
        if other.scorer != first.scorer:
            raise EvidenceError(
                f"{first.label} was scored by {_scorer(first)} and {other.label} by {_scorer(other)}: "
                "evaluate one of them again with the metric of the other"
            )


def _scorer(subject: Subject) -> str:
    return f"{subject.metric} ({str(subject.scorer)[:8]})"


def _difference(
    subjects: Sequence[Subject], scores: Sequence[Mapping[str, ExampleScore]], k: int, keys: Sequence[str],
    groups: Sequence[str],
) -> Difference:  # fmt: skip
    """Subject k against the first; its adjusted p-value is still its own."""
    pairs = _pairs(scores[0], scores[k], keys, groups)
    weights = [pair.weight for pair in pairs]
    changes_N = np.array([(pair.winner or 0.0) - (pair.start or 0.0) for pair in pairs])
    changes_N[np.abs(changes_N) < 1e-12] = 0.0
    figures = figures_of(pairs, _SEED)
    gain, p = figures.gain, permutation_p(changes_N, groups=groups, weights=weights, seed=_SEED)
    if _equal_values(subjects[0], subjects[k]) and not changes_N.any():
        # No sample of something that may differ elsewhere: the same values in the same program.
        gain = Interval(0.0, 0.0, 0.0, LEVEL, SAME)
    return Difference(
        subject=subjects[k], score=figures.winner, gain=gain, p=p, p_holm=p,
        better=int((changes_N > 0).sum()), equal=int((changes_N == 0).sum()),
        worse=int((changes_N < 0).sum()),
        standard_error=standard_error(changes_N, groups=groups, weights=weights),
    )  # fmt: skip


def _equal_values(one: Subject, other: Subject) -> bool:
    return (one.program, one.candidate) == (other.program, other.candidate)


def _pairs(
    baseline: Mapping[str, ExampleScore], other: Mapping[str, ExampleScore], keys: Sequence[str],
    groups: Sequence[str],
) -> list[Pair]:  # fmt: skip
    return [
        Pair(key, group, baseline[key].weight, baseline[key].score, other[key].score)
        for key, group in zip(keys, groups, strict=True)
    ]


def _joined(keys: Sequence[str], scores: Sequence[Mapping[str, ExampleScore]]) -> list[str]:
    """A group for each example, such that examples which any side keeps together stay together."""
    above: dict[tuple[int, str], tuple[int, str]] = {}

    def top(node: tuple[int, str]) -> tuple[int, str]:
        while (up := above.setdefault(node, node)) != node:
            above[node] = above[up]
            node = up
        return node

    for key in keys:
        first = (0, scores[0][key].group)
        for side, cells in enumerate(scores[1:], start=1):
            one, other = top(first), top((side, cells[key].group))
            above[max(one, other)] = min(one, other)
    return [top((0, scores[0][key].group))[1] for key in keys]


def _warnings(
    subjects: Sequence[Subject], scores: Sequence[Mapping[str, ExampleScore]], keys: Sequence[str],
    groups: Sequence[str],
) -> list[str]:  # fmt: skip
    first = subjects[0]
    itself = f"{first.label} is compared with itself: both names mean {first.id}"
    found = [itself for other in subjects[1:] if other.id == first.id]
    rest = [f"{s.label} has {len(known)}" for s, known in zip(subjects, scores, strict=True)]
    if any(len(known) > len(keys) for known in scores):
        found.append(f"only {len(keys)} examples are common to all: {', '.join(rest)}")
    lossy = [s for s in subjects if s.missing]
    found += [f"{s.missing} examples of {s.label} have no score, and count for none" for s in lossy]
    count = len(set(groups))
    if any(len({known[key].group for key in keys}) > count for known in scores):
        found.append("the examples are grouped differently; what any of them keeps together counts as one")
    if any(_weights(known, keys) != _weights(scores[0], keys) for known in scores[1:]):
        found.append(f"the examples are weighted differently; the weights of {first.label} count")
    if count < FEW_GROUPS:
        found.append(f"only {count} independent groups of examples: the intervals are wide, and rough")
    return found


def _weights(known: Mapping[str, ExampleScore], keys: Sequence[str]) -> list[float]:
    """How much each example counts beside the others."""
    total = sum(known[key].weight for key in keys)
    return [round(known[key].weight / total, 9) for key in keys]
