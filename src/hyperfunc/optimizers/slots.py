"""Two optimizers side by side: one for the words, one for the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    """What is kept between asks.

    Args:
        states: of each slot.
        turn: whose ask is answered next, or who asks next.
        asked: what that slot asked about its own knobs.
        wholes: of a slot that consults, by id and example: what was evaluated there as a whole. Words
            are evaluated with the numbers of the moment, and a proposer has to be shown what was.
    """

    states: tuple[State, State]
    turn: int = 0
    asked: Ask | None = None
    wholes: Mapping[tuple[str, int], Candidate] = field(default_factory=dict)


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

    @property
    def consults(self) -> bool:
        """Whether one of them does."""
        return self.words.consults or self.numbers.consults

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
                if ask.consult is not None:
                    return self._consulting(state.problem, own, slot, ask)
                members = self._whole(state.problem, own.states, slot, ask.population)
                wholes = own.wholes
                if self._inner(slot).consults and not isinstance(members, Population):
                    pairs = zip(ask.population, members, strict=True)
                    met = {(part.id, item): whole for part, whole in pairs for item in ask.examples}
                    wholes = {**wholes, **met}
                return replace(ask, population=members), _Own(own.states, slot, ask, wholes)
        return None, own

    def _consulting(self, problem: Problem, own: _Own, slot: int, ask: Ask) -> tuple[Ask, _Own]:
        """A consultation about whole candidates, and those that were evaluated."""
        assert ask.consult is not None
        parents = self._whole(problem, own.states, slot, ask.consult.parents)
        first = ask.consult.parents[0].id
        scored_as = {n: own.wholes[first, n] for n in ask.consult.examples if (first, n) in own.wholes}
        consult = replace(ask.consult, parents=tuple(parents), scored_as=scored_as)
        return replace(ask, consult=consult), replace(own, turn=slot, asked=ask)

    def _whole(
        self, problem: Problem, states: tuple[State, State], slot: int,
        members: Population | tuple[Candidate, ...],
    ) -> Population | tuple[Candidate, ...]:  # fmt: skip
        """The members with the other slot's knobs as that slot recommends them."""
        names = states[slot].problem.space.names
        other = self._inner(1 - slot).recommend(states[1 - slot])[0]
        base = problem.start.replace({name: other[name] for name in problem.space if name not in names})
        if isinstance(members, Population):
            own = base.replace({name: members.base[name] for name in names})
            return Population(problem.space, members.columns, own, members.throwaway)
        return tuple(base.replace({name: member[name] for name in names}) for member in members)

    def _tell(self, state: State, ask: Ask, told: Told) -> _Own:
        own: _Own = state.own
        assert own.asked is not None
        inner = self._inner(own.turn).tell(own.states[own.turn], own.asked, told)
        return _Own(_put(own.states, own.turn, inner), 1 - own.turn, None, own.wholes)

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
