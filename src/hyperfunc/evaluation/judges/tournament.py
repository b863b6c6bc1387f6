"""Tournaments: several candidates compared in pairs on the same prompts, and ranked."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError, did_you_mean
from hyperfunc.evaluation.statistics import Duel, Interval, Strengths, bradley_terry, mean_interval
from hyperfunc.program.loops import finish

from .asking import all_of
from .pairwise import Comparison, PairwiseJudge

__all__ = ["Match", "Tournament", "atournament", "tournament"]


@dataclass(frozen=True, slots=True)
class Match:
    """Two candidates on one prompt.

    Args:
        first, second: names of the candidates.
        prompt: place of the prompt, from 0.
        group: what the prompt belongs to.
        comparison: of their texts, or ``None`` when it is missing.
    """

    first: str
    second: str
    prompt: int
    group: Hashable
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Tournament:
    """All matches of a tournament, and what they say.

    Args:
        matches: in the order of prompts, then pairs.
        problems: why matches are missing, each reason once.
    """

    matches: tuple[Match, ...]
    problems: tuple[str, ...]

    @property
    def missing(self) -> int:
        """How many matches gave no comparison; they count for nobody."""
        return sum(match.comparison is None for match in self.matches)

    def strengths(self, *, level: float = 0.95, seed: int = 0, resamples: int = 1000) -> Strengths:
        """The candidates in order of strength; arguments as in :func:`bradley_terry`, prompts are groups."""
        duels = [Duel(m.first, m.second, c.result, m.group) for m, c in self._compared()]
        return bradley_terry(duels, level=level, seed=seed, resamples=resamples)

    def consistency(self, *, level: float = 0.95) -> Interval:
        """The share of comparisons in which both orders had the same outcome; low means places decide.

        Raises:
            MetricError: the judge was asked nothing.
        """
        asked = [(c.consistent, m.group) for m, c in self._compared() if c.slots]
        return _share(asked, level)

    def first_slot_rate(self, *, level: float = 0.95) -> Interval:
        """The share of decided answers that preferred the text in place one; 0.5 is without bias.

        Raises:
            MetricError: the judge decided nothing.
        """
        decided = [(s == "one", m.group) for m, c in self._compared() for s in c.slots if s != "equal"]
        return _share(decided, level)

    def _compared(self) -> Iterable[tuple[Match, Comparison]]:
        return ((m, m.comparison) for m in self.matches if m.comparison is not None)


def tournament(
    judge: PairwiseJudge,
    texts: Mapping[str, Sequence[Any]],
    *,
    inputs: Sequence[Mapping[str, Any]] | None = None,
    expected: Sequence[Any] | None = None,
    groups: Sequence[Hashable] | None = None,
    pairs: Iterable[tuple[str, str]] | None = None,
) -> Tournament:
    """Compare candidates in pairs on the same prompts; two requests for each pair and prompt.

    Args:
        judge: asked in both orders.
        texts: name of a candidate to its N outputs, one for each prompt, in the same order for all.
        inputs: of the N tasks; none are shown when not given.
        expected: what the N examples expect; nothing is shown when not given.
        groups: what each prompt belongs to; each is its own group when not given.
        pairs: which candidates meet; all of them when not given. K candidates have K (K - 1) / 2 pairs, so
            with many of them let each meet one baseline.

    Returns:
        The matches, those that are missing included.

    Raises:
        MetricError: fewer than two candidates, lengths that differ, or an unknown candidate.
        JudgeFailed: all matches are missing.

    Example::

        found = tournament(judge, {"old": old_stories, "new": new_stories}, inputs=prompts)
        print(found.strengths(), found.consistency(), found.first_slot_rate())
    """
    return finish(atournament(judge, texts, inputs=inputs, expected=expected, groups=groups, pairs=pairs))


async def atournament(
    judge: PairwiseJudge,
    texts: Mapping[str, Sequence[Any]],
    *,
    inputs: Sequence[Mapping[str, Any]] | None = None,
    expected: Sequence[Any] | None = None,
    groups: Sequence[Hashable] | None = None,
    pairs: Iterable[tuple[str, str]] | None = None,
) -> Tournament:
    """:func:`tournament`, for code that owns an event loop."""
    count = _checked(texts, {"inputs": inputs, "expected": expected, "groups": groups})
    met = _pairs(texts, pairs)
    places = [(prompt, first, second) for prompt in range(count) for first, second in met]
    found = await all_of(
        judge.compare(
            texts[first][prompt], texts[second][prompt],
            inputs=None if inputs is None else inputs[prompt],
            expected=None if expected is None else expected[prompt],
        )
        for prompt, first, second in places
    )  # fmt: skip
    errors = [result for result in found if isinstance(result, Exception)]
    if len(errors) == len(found):
        raise errors[0]
    matches = tuple(
        Match(first, second, prompt, prompt if groups is None else groups[prompt],
              None if isinstance(result, Exception) else result)
        for (prompt, first, second), result in zip(places, found, strict=True)
    )  # fmt: skip
    return Tournament(matches, tuple(dict.fromkeys(map(str, errors))))


def _checked(texts: Mapping[str, Sequence[Any]], beside: Mapping[str, Sequence[Any] | None]) -> int:
    """How many prompts there are."""
    if len(texts) < 2:
        raise MetricError(f"a tournament has {len(texts)} candidates; give the texts of at least two by name")
    counts = {f"the texts of {name!r}": len(outputs) for name, outputs in texts.items()}
    counts |= {name: len(values) for name, values in beside.items() if values is not None}
    (base, count), *others = counts.items()
    for name, other in others:
        if other != count:
            raise MetricError(f"{base} are {count}, and {name} are {other}; give one for each prompt")
    if not count:
        raise MetricError("a tournament has no prompts; give at least one text of each candidate")
    return count


def _pairs(
    texts: Mapping[str, Sequence[Any]], pairs: Iterable[tuple[str, str]] | None
) -> list[tuple[str, str]]:
    met = list(itertools.combinations(texts, 2) if pairs is None else pairs)
    for first, second in met:
        for name in (first, second):
            if name not in texts:
                raise MetricError(f"there are no texts of {name!r}{did_you_mean(name, texts)}")
        if first == second:
            raise MetricError(f"{first!r} cannot be compared with itself")
    if not met:
        raise MetricError("pairs is empty; say which candidates meet")
    return met


def _share(cases: list[tuple[bool, Hashable]], level: float) -> Interval:
    if not cases:
        raise MetricError("the judge decided nothing, so there is no share to tell")
    values, groups = zip(*cases, strict=True)
    return mean_interval([float(value) for value in values], groups=groups, level=level)
