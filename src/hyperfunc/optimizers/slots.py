"""Two optimizers side by side: one for the words, one for the numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hyperfunc.optimizers.base import Ask, Optimizer, Problem, State, Told

if TYPE_CHECKING:
    from hyperfunc.spaces import Candidate, Knob

__all__ = ["WORDS", "Slots"]

WORDS = frozenset({"text", "exemplars"})


def _is_words(name: str, knob: Knob) -> bool:
    return knob.kind in WORDS


@dataclass(frozen=True, slots=True)
class _Own:
    """A state for each slot, those that have nothing left to ask, and whose turn it is."""

    states: tuple[State, ...]
    done: frozenset[int] = frozenset()
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Slots(Optimizer):
    """Asks two optimizers in turn, each about its own knobs while the others keep their start values.

    What both recommend is put together at the end, and confirmed together. Use :class:`Joint` where
    words and numbers depend on each other.

    Args:
        words: learns texts and exemplars.
        numbers: learns everything else.
    """

    words: Optimizer
    numbers: Optimizer

    def _inner(self) -> tuple[Optimizer, Optimizer]:
        return self.words, self.numbers

    def _init(self, problem: Problem) -> _Own:
        def part(words: bool) -> Problem:
            frozen = problem.space.freeze(lambda n, k: _is_words(n, k) is not words, values=problem.start)
            return replace(problem, space=frozen, start=frozen.candidate())

        problems = (part(True), part(False))
        empty = frozenset(i for i, p in enumerate(problems) if not len(p.space))
        return _Own(tuple(o.init(p) for o, p in zip(self._inner(), problems, strict=True)), empty)

    def _ask(self, state: State) -> tuple[Ask | None, _Own]:
        own: _Own = state.own
        for _ in range(2):
            turn = own.turn
            if turn not in own.done:
                ask, inner = self._inner()[turn].ask(own.states[turn])
                own = replace(own, states=_put(own.states, turn, inner))
                if ask is not None:
                    return ask, own
                own = replace(own, done=own.done | {turn})
            own = replace(own, turn=1 - turn)
        return None, own

    def _tell(self, state: State, ask: Ask, told: Told) -> _Own:
        own: _Own = state.own
        inner = self._inner()[own.turn].tell(own.states[own.turn], ask, told)
        return replace(own, states=_put(own.states, own.turn, inner), turn=1 - own.turn)

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        own: _Own = state.own
        start = state.problem.start
        best = [o.recommend(s)[:1] for o, s in zip(self._inner(), own.states, strict=True)]
        changes: dict[str, Any] = {}
        for found in best:
            for candidate in found:
                changes |= {change.name: change.after for change in start.diff(candidate)}
        together = start.replace(changes) if changes else start
        return tuple(dict.fromkeys((together, *(c for found in best for c in found))))


def _put(states: tuple[State, ...], place: int, state: State) -> tuple[State, ...]:
    return tuple(state if i == place else s for i, s in enumerate(states))
