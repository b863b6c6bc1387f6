"""Two optimizers side by side: one for the words, one for the numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hyperfunc.optimizers.base import Ask, Optimizer, Problem, State
from hyperfunc.spaces import Population

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Told
    from hyperfunc.spaces import Candidate, Knob

__all__ = ["WORDS", "Slots"]

WORDS = frozenset({"text", "exemplars"})


@dataclass(frozen=True, slots=True)
class _Own:
    """A state for each slot, whose turn it is, and what it asked about its own knobs."""

    states: tuple[State, State]
    turn: int = 0
    asked: Ask | None = None


@dataclass(frozen=True, slots=True)
class Slots(Optimizer):
    """Asks two optimizers in turn, each about its own knobs.

    The other knobs hold what their optimizer recommends at that moment, so that each side improves what
    the other has found. When one has nothing left to try, the other goes on alone. Use :class:`Joint`
    where words and numbers depend on each other.

    Args:
        words: learns texts and exemplars.
        numbers: learns everything else.
    """

    words: Optimizer
    numbers: Optimizer

    def _inner(self, slot: int) -> Optimizer:
        return self.numbers if slot else self.words

    def _init(self, problem: Problem) -> _Own:
        def own(slot: int) -> State:
            space = problem.space.freeze(lambda _, knob: _slot(knob) != slot, values=problem.start)
            start = space.candidate(base=problem.start)
            return self._inner(slot).init(replace(problem, space=space, start=start))

        return _Own((own(0), own(1)))

    def _ask(self, state: State) -> tuple[Ask | None, _Own]:
        own: _Own = state.own
        for slot in (own.turn, 1 - own.turn):
            if not len(own.states[slot].problem.space):
                continue
            ask, inner = self._inner(slot).ask(own.states[slot])
            own = replace(own, states=_put(own.states, slot, inner))
            if ask is not None:
                members = self._whole(state.problem, own.states, slot, ask)
                return replace(ask, population=members), _Own(own.states, slot, ask)
        return None, own

    def _whole(
        self, problem: Problem, states: tuple[State, State], slot: int, ask: Ask
    ) -> Population | tuple[Candidate, ...]:
        """The members with the other slot's knobs as that slot recommends them."""
        names = states[slot].problem.space.names
        other = self._inner(1 - slot).recommend(states[1 - slot])[0]
        base = problem.start.replace({name: other[name] for name in problem.space if name not in names})
        if isinstance(members := ask.population, Population):
            own = base.replace({name: members.base[name] for name in names})
            return Population(problem.space, members.columns, own, members.throwaway)
        return tuple(base.replace({name: member[name] for name in names}) for member in members)

    def _tell(self, state: State, ask: Ask, told: Told) -> _Own:
        own: _Own = state.own
        assert own.asked is not None
        inner = self._inner(own.turn).tell(own.states[own.turn], own.asked, told)
        return _Own(_put(own.states, own.turn, inner), 1 - own.turn)

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        own: _Own = state.own
        start = state.problem.start
        words, numbers = (self._inner(slot).recommend(own.states[slot])[0] for slot in (0, 1))
        names = own.states[0].problem.space.names
        values = {name: (words if name in names else numbers)[name] for name in state.problem.space}
        return tuple(dict.fromkeys((start.replace(values), start)))


def _slot(knob: Knob) -> int:
    return 0 if knob.kind in WORDS else 1


def _put(states: tuple[State, State], slot: int, state: State) -> tuple[State, State]:
    return (states[0], state) if slot else (state, states[1])
