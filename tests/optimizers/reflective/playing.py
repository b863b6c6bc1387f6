"""Reflective evolution without a run: asks are answered in any order, by functions."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hyperfunc.optimizers import Problem, State, Told
from hyperfunc.optimizers.base import Ask, Consult, Optimizer
from hyperfunc.optimizers.proposers import ProposalRequest, Proposed, TextProposer
from hyperfunc.spaces import Candidate, Space, Text

Score = Callable[[Candidate, int, int], float]
Write = Callable[[Consult], Proposed]
Cell = tuple[str, int, int]

WORDS = tuple(f"w{number}" for number in range(12))


class Silent(TextProposer):
    """Stands for a proposer; the tests answer in its place."""

    async def propose(self, request: ProposalRequest) -> Proposed:
        raise AssertionError("nobody should be asked")


def space(components: int = 2) -> Space:
    return Space({f"part{number}.prompt": Text("start") for number in range(components)})


def problem(n: int = 20, validation: int = 6, seed: int = 0, components: int = 2) -> Problem:
    held = tuple(range(n - validation, n))
    texts = space(components)
    return Problem(texts, texts.default, n, seed=seed, validation=held)


def needs(item: int) -> frozenset[str]:
    """The words that an example wants to find."""
    return frozenset(random.Random(item).sample(WORDS, 2))


def by_words(candidate: Candidate, item: int, repeat: int) -> float:
    """The share of the words that an example wants; the luck of a repeat takes one away now and then."""
    found = needs(item) & {word for text in candidate.values() for word in text.split()}
    lost = random.Random(f"{candidate.id} {item} {repeat}").random() < 0.1
    return max(0, len(found) - lost) / 2


def adding(consult: Consult) -> Proposed:
    """Adds a word that a failing example wants, or loses one; by the number of the consultation."""
    luck = random.Random(f"{consult.number} {consult.parents[0].id}")
    changes = {}
    for name in consult.names:
        words = consult.parents[0][name].split()
        wanted = sorted(needs(consult.examples[0]) - set(words))
        if luck.random() < 0.2 and len(words) > 1:
            words.remove(luck.choice(words[1:]))
        changes[name] = " ".join([*words, *wanted[:1]])
    return Proposed((changes,))


@dataclass
class Play:
    """What happened.

    Args:
        state: at the end.
        log: asks in the order they were answered, with the answers.
        cells: that were asked for, in order.
        states: all that were given out, with what they looked like then.
    """

    state: State
    log: list[tuple[Ask, Told]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    consults: list[Consult] = field(default_factory=list)
    states: list[tuple[State, str]] = field(default_factory=list)


def told(ask: Ask, score: Score, write: Write, objectives: Mapping[str, Score] | None = None) -> Told:
    if ask.consult is not None:
        return Told(np.empty(0), proposed=write(ask.consult))
    (candidate,) = ask.population
    scores_KN = np.array([[score(candidate, item, ask.repeat) for item in ask.examples]])
    about = [
        {name: each(candidate, item, ask.repeat) for name, each in (objectives or {}).items()}
        for item in ask.examples
    ]

    def details(_: int, place: int) -> Mapping[str, Any]:
        return {"objectives": about[place]} if objectives else {}

    finite = scores_KN[np.isfinite(scores_KN)]
    return Told(np.array([finite.mean() if len(finite) else math.nan]), scores_KN, details=details)


def play(
    optimizer: Optimizer,
    about: Problem,
    score: Score = by_words,
    write: Write = adding,
    *,
    order: random.Random | None = None,
    answers: int = 400,
    objectives: Mapping[str, Score] | None = None,
    watch: bool = False,
) -> Play:
    """Ask as long as something is wanted, then answer: the oldest ask, or by ``order`` any of them."""
    state = optimizer.init(about)
    play = Play(state)
    waiting: list[Ask] = []
    while len(play.log) < answers:
        while True:
            ask, state = optimizer.ask(state)
            if watch:
                play.states.append((state, repr(state.own)))
            if ask is None:
                break
            waiting.append(ask)
            if ask.consult is None:
                assert len(ask.population) == 1
                play.cells += [(ask.population[0].id, item, ask.repeat) for item in ask.examples]
            else:
                play.consults.append(ask.consult)
        if not waiting:
            break
        ask = waiting.pop(order.randrange(len(waiting)) if order else 0)
        answer = told(ask, score, write, objectives)
        play.log.append((ask, answer))
        state = optimizer.tell(state, ask, answer)
    play.state = state
    return play


def shown(asks: Sequence[Ask]) -> list[object]:
    """Asks as they compare."""
    return [
        (tuple(c.id for c in ask.population), ask.examples, ask.repeat, ask.note, ask.tag,
         ask.consult and (ask.consult.number, tuple(p.id for p in ask.consult.parents), ask.consult.names,
                          ask.consult.examples, ask.consult.rejected))
        for ask in asks
    ]  # fmt: skip
