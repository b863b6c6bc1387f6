"""One search over all kinds of knobs, under one budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.effects import Effects, fit_effects
from hyperfunc.optimizers.vocabulary import Neighborhood, Vocabulary, neighborhood
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.optimizers.parts import Part
    from hyperfunc.spaces import Candidate

__all__ = ["Joint"]

_TRIES = 40
_FIRST_EXAMPLES = 8
_CAUTION = 1.0
_DONORS = 12
_FROM_START = 0.3


@dataclass(frozen=True, slots=True)
class _View:
    """What the archive says: candidates, examples behind each, and the model."""

    candidates: tuple[Candidate, ...]
    counts: tuple[int, ...]
    effects: Effects

    def ranking(self, caution: float) -> list[int]:
        """Places of the measured candidates, best first, by mean less some standard deviations."""
        worth = self.effects.means_C - caution * self.effects.sds_C
        order = sorted(range(len(self.candidates)), key=lambda place: -worth[place])
        return [place for place in order if self.counts[place]]


@dataclass(frozen=True, slots=True)
class Joint(Optimizer):
    """Learns what every phrase, exemplar and number adds, from candidates that differ in many at once.

    Trying one change at a time wastes most of every evaluation: it says nothing about the other
    knobs. Here the members of an ask cross a few variants of each function, all near the best
    candidate so far, on very few examples. A linear model shares what was seen among all candidates;
    variants are drawn from its posterior, so that what may help is tried and what hurts is dropped
    soon. Crossing few variants also lets equal calls be shared between members. Each ask measures the
    best candidates again on new examples, and the recommendation rests on the posterior mean less a
    standard deviation.

    Args:
        parts: what knows the kinds of knobs; the first that handles a knob takes it.
        population: members of an ask, at least 2.
        variants: variants of each function that are crossed, at least 1.
        examples: examples of an ask; ``None`` takes 2, or 16 when the metric sees whole sets only.
        changes: mean number of knobs of one function that a variant changes, at least 1.
        rest: share of the functions that a member leaves as they are, in [0, 1).
        repeats: how many good candidates are measured again in each ask.
        borrow: share of the variants that are taken whole from the start or another good candidate;
            this leads out of holes in which no single change helps.
        effect: prior standard deviation of what one ingredient adds, in spreads of the score.
        leftover: prior standard deviation of what the ingredients of a candidate do not explain.

    Source: Thompson sampling with a linear model: Agrawal and Goyal, "Thompson sampling for contextual
    bandits with linear payoffs" (2013); factorial designs: Fisher, "The Design of Experiments" (1935).
    """

    parts: tuple[Part, ...]
    population: int = 12
    variants: int = 4
    examples: int | None = None
    changes: float = 1.3
    rest: float = 0.34
    repeats: int = 2
    borrow: float = 0.2
    effect: float = 0.2
    leftover: float = 0.2

    def __post_init__(self) -> None:
        if min(self.population, 2 * self.variants, 2 * self.changes) < 2 or self.repeats < 0:
            raise SpaceError(
                "a joint search needs population >= 2, variants >= 1, changes >= 1 and repeats >= 0, "
                f"but got {self.population}, {self.variants}, {self.changes} and {self.repeats}"
            )
        if not (0 <= self.rest < 1 and 0 <= self.borrow <= 1 and self.effect > 0 and self.leftover > 0):
            raise SpaceError(
                "a joint search needs rest in [0, 1), borrow in [0, 1] and priors above 0, but got "
                f"{self.rest}, {self.borrow}, {self.effect} and {self.leftover}"
            )

    # The four methods

    def _init(self, problem: Problem) -> Vocabulary:
        return Vocabulary()

    def _ask(self, state: State) -> tuple[Ask | None, Vocabulary]:
        problem, vocabulary = state.problem, state.own
        parts = self._assigned(problem)
        if not parts:
            return None, vocabulary
        if not state.step:
            first = tuple(range(min(_FIRST_EXAMPLES, problem.n_examples)))
            return Ask((problem.start,), first, 0, "start"), vocabulary
        view = self._view(state)
        ranking = view.ranking(_CAUTION)
        incumbent = view.candidates[ranking[0]] if ranking else problem.start
        rng = generator(problem.seed, "joint", state.step)
        near = neighborhood(incumbent, problem.space, parts, vocabulary, rng)
        known = self._again(view, incumbent, rng)
        fresh = self._fresh(state, view, near, self.population - len(known), rng)
        examples = self._examples(problem, state.step)
        if not fresh:
            return self._last(state, view, examples), vocabulary
        members = (*known, *(member for member, _ in fresh))
        return Ask(members, examples, 0, _note(fresh)), vocabulary

    def _tell(self, state: State, ask: Ask, told: Told) -> Vocabulary:
        vocabulary: Vocabulary = state.own
        return vocabulary.extended(ask.population, state.problem.space, self._assigned(state.problem))

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        view = self._view(state)
        best = tuple(view.candidates[place] for place in view.ranking(_CAUTION)[:4])
        return best or (state.problem.start,)

    # What is known

    def _assigned(self, problem: Problem) -> dict[str, Part]:
        """The part of every knob that some part handles."""
        assigned = {}
        for name, knob in problem.space.items():
            part = next((part for part in self.parts if part.handles(name, knob)), None)
            if part is not None:
                assigned[name] = part
        return assigned

    def _view(self, state: State) -> _View:
        """The archive under the model."""
        archive, vocabulary = state.archive, state.own
        table = archive.table()
        effects = fit_effects(
            table.scores_CB,
            table.weights_B,
            vocabulary.matrix(table.ids),
            effect=self.effect,
            leftover=self.leftover,
        )
        counts = tuple(archive.count(name) for name in table.ids)
        return _View(tuple(archive.candidates.values()), counts, effects)

    # What to try

    def _batch(self, problem: Problem) -> int:
        wanted = self.examples or (2 if problem.per_item else 16)
        return min(wanted, problem.n_examples)

    def _examples(self, problem: Problem, step: int) -> tuple[int, ...]:
        """The next examples of an endless row of shuffled rounds through all of them."""
        count, size = problem.n_examples, self._batch(problem)
        places = range(step * size, (step + 1) * size)
        rounds = {place // count for place in places}
        shuffled = {r: generator(problem.seed, "examples", r).permutation(count) for r in rounds}
        return tuple(sorted({int(shuffled[place // count][place % count]) for place in places}))

    def _again(self, view: _View, incumbent: Candidate, rng: np.random.Generator) -> list[Candidate]:
        """The incumbent, and those that a draw from the posterior ranks first."""
        drawn = view.effects.means_C + view.effects.sds_C * rng.normal(size=len(view.candidates))
        measured = [int(place) for place in np.argsort(-drawn, kind="stable") if view.counts[place]]
        chosen = [incumbent, *(view.candidates[place] for place in measured[: self.repeats])]
        return list(dict.fromkeys(chosen))

    def _fresh(
        self, state: State, view: _View, near: Neighborhood, count: int, rng: np.random.Generator
    ) -> list[tuple[Candidate, tuple[str, ...]]]:
        """New candidates that cross the variants of all functions, and the knobs that each changes."""
        crossed = [
            [self._variant(names, state, view, near, rng) for _ in range(self.variants)]
            for names in near.functions()
        ]
        fresh: dict[str, tuple[Candidate, tuple[str, ...]]] = {}
        for _ in range(_TRIES):
            if len(fresh) >= count:
                break
            changes: dict[str, Any] = {}
            for variants in crossed:
                if rng.random() >= self.rest:
                    changes |= variants[int(rng.integers(len(variants)))]
            member = near.center.replace(changes)
            if member.id not in state.archive.candidates:
                fresh.setdefault(member.id, (member, tuple(changes)))
        return list(fresh.values())

    def _variant(
        self, names: Sequence[str], state: State, view: _View, near: Neighborhood, rng: np.random.Generator
    ) -> dict[str, Any]:
        """New values for one function's knobs: those of another candidate, or changes that may help."""
        if rng.random() < self.borrow:
            donor = self._donor(state, view, rng)
            return {name: donor[name] for name in names}
        weights_F = view.effects.draw(rng, near.width)
        gains = []
        for name in names:
            gains_M = near.changes_MF[name] @ weights_F
            best = int(np.argmax(gains_M))
            gains.append((float(gains_M[best]), name, near.values[name][best]))
        gains.sort(key=lambda gain: -gain[0])
        several = 1 + int(rng.poisson(self.changes - 1.0))
        return {name: value for gain, name, value in gains[:several] if gain > 0}

    def _donor(self, state: State, view: _View, rng: np.random.Generator) -> Candidate:
        """The start, or one of the best."""
        best = view.ranking(_CAUTION)[:_DONORS]
        if not best or rng.random() < _FROM_START:
            return state.problem.start
        return view.candidates[best[int(rng.integers(len(best)))]]

    def _last(self, state: State, view: _View, examples: tuple[int, ...]) -> Ask | None:
        """When nothing new is left: the best on what they have not seen, until they have seen all."""
        best = [view.candidates[place] for place in view.ranking(0.0)[: self.population]]
        unseen = [c for c in best if state.archive.count(c.id) < state.problem.n_examples]
        return Ask(tuple(unseen), examples, 0, "measure the best again") if unseen else None


def _note(fresh: Sequence[tuple[Candidate, tuple[str, ...]]]) -> str:
    names = sorted({name for _, changed in fresh for name in changed})
    shown = ", ".join(names[:3])
    return f"vary {shown}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
