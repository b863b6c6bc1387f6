"""Two optimizers side by side: one for words, one for numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hyperfunc.optimizers.base import Ask, Optimizer, Problem, State

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Told
    from hyperfunc.spaces import Candidate, Knob

__all__ = ["Alternate"]


@dataclass(frozen=True, slots=True)
class _Turn:
    """Whose turn it is, what both know, and what the one under way asked in its own space."""

    states: tuple[State, State]
    side: int = 0
    asked: Ask | None = None


@dataclass(frozen=True, slots=True)
class Alternate(Optimizer):
    """Gives texts and exemplars to one optimizer and all other knobs to another; they take turns.

    Each works on its own knobs while the others hold what the other side recommends at that moment.
    When one side has nothing left to try, the other goes on alone.

    Args:
        words: for texts and exemplars.
        numbers: for numbers, choices and matrices.
    """

    words: Optimizer
    numbers: Optimizer

    def _init(self, problem: Problem) -> _Turn:
        def own(side: int) -> State:
            space = problem.space.freeze(lambda _, knob: _side(knob) != side, values=problem.start)
            start = space.candidate({name: problem.start[name] for name in space})
            return self._optimizer(side).init(replace(problem, space=space, start=start))

        return _Turn((own(0), own(1)))

    def _optimizer(self, side: int) -> Optimizer:
        return (self.words, self.numbers)[side]

    def _ask(self, state: State) -> tuple[Ask | None, _Turn]:
        turn: _Turn = state.own
        for side in (turn.side, 1 - turn.side):
            ask, own = self._optimizer(side).ask(turn.states[side])
            states = _replaced(turn.states, side, own)
            if ask is not None:
                shown = replace(ask, population=self._whole(state.problem, states, side, ask))
                return shown, _Turn(states, side, ask)
            turn = replace(turn, states=states)
        return None, turn

    def _whole(
        self, problem: Problem, states: tuple[State, State], side: int, ask: Ask
    ) -> tuple[Candidate, ...]:
        """The members with the other side's knobs as that side recommends them."""
        held = self._optimizer(1 - side).recommend(states[1 - side])[0]
        names = states[side].problem.space.names
        base = problem.space.candidate({name: held[name] for name in problem.space if name not in names})
        return tuple(base.replace({name: member[name] for name in names}) for member in ask.population)

    def _tell(self, state: State, ask: Ask, told: Told) -> _Turn:
        turn: _Turn = state.own
        asked = turn.asked
        assert asked is not None
        known = self._optimizer(turn.side).tell(turn.states[turn.side], asked, told)
        return _Turn(_replaced(turn.states, turn.side, known), 1 - turn.side)

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        turn: _Turn = state.own
        problem = state.problem
        words, numbers = (self._optimizer(side).recommend(turn.states[side])[0] for side in (0, 1))
        names = turn.states[0].problem.space.names
        values = {name: (words if name in names else numbers)[name] for name in problem.space}
        best = problem.start.replace(values)
        return (best,) if best == problem.start else (best, problem.start)


def _side(knob: Knob) -> int:
    return 0 if knob.kind in ("text", "exemplars") else 1


def _replaced(states: tuple[State, State], side: int, state: State) -> tuple[Any, Any]:
    return (state, states[1]) if side == 0 else (states[0], state)
