"""The optimizer as a whole, under answers in any order, of any kind."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.optimizers.reflective.playing import (
    Silent,
    adding,
    by_words,
    play,
    problem,
    shown,
    space,
    told,
)

from hyperfunc.errors import ProposerError, SpaceError
from hyperfunc.optimizers import Problem
from hyperfunc.optimizers.base import Consult
from hyperfunc.optimizers.proposers import Proposed
from hyperfunc.optimizers.reflective import (
    ByCredit,
    Constant,
    ImprovementOrEqual,
    MixedBatches,
    Pareto,
    Reflective,
    RoundRobin,
    StrictImprovement,
    TopK,
    Uniform,
)
from hyperfunc.optimizers.reflective.acceptance import Evidence, Verdict
from hyperfunc.spaces import Candidate, Real, Space, Text

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "repeats": {"repeats": 3, "batches": MixedBatches(4)},
    "strict": {"acceptance": StrictImprovement(), "merging": None, "components": RoundRobin()},
    "equal": {"acceptance": ImprovementOrEqual(), "merging": Uniform(), "parents": Pareto(best=0.0)},
    "many": {"pace": Constant(20), "parents": TopK(), "components": ByCredit()},
}


def made(name: str, **more: Any) -> Reflective:
    return Reflective(Silent(), **{"max_proposals": 25, **SETTINGS[name], **more})


def several(consult: Consult) -> Proposed:
    """A few proposals at once: some equal, some that change nothing."""
    (first,) = adding(consult).changes
    luck = random.Random(consult.number)
    more = [{name: f"{text} {luck.choice('abc')}" for name, text in first.items()} for _ in range(2)]
    return Proposed((first, *more, dict(consult.parents[0]), first, {}))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(SETTINGS)), st.integers(0, 10**6), st.integers(0, 8), st.booleans())
def test_no_cell_is_asked_for_twice_and_all_trials_end(
    name: str, seed: int, held: int, at_once: bool
) -> None:
    luck = random.Random(seed)

    def score(candidate: Candidate, item: int, repeat: int) -> float:
        kind = random.Random(f"{seed} {candidate.id} {item} {repeat}").random()
        return math.nan if kind < 0.1 else math.inf if kind < 0.15 else by_words(candidate, item, repeat)

    optimizer = made(name)
    done = play(
        optimizer, problem(validation=held, seed=seed), score, several if at_once else adding,
        order=luck, answers=5000,
    )  # fmt: skip
    assert len(done.cells) == len(set(done.cells))
    assert len(done.log) < 5000
    assert not done.state.own.trials
    assert not done.state.own.in_flight
    assert not done.state.own.waiting
    assert optimizer.ask(done.state)[0] is None
    held_out = set(problem(validation=held).validation)
    assert not any(held_out & set(consult.examples) for consult in done.consults)


@pytest.mark.parametrize("name", SETTINGS)
def test_states_never_change_and_replay_gives_the_same(name: str) -> None:
    optimizer = made(name)
    done = play(optimizer, problem(), order=random.Random(1), watch=True, answers=120)
    assert all(repr(state.own) == before for state, before in done.states)
    again = play(optimizer, problem(), order=random.Random(1), answers=120)
    assert shown([ask for ask, _ in again.log]) == shown([ask for ask, _ in done.log])
    assert optimizer.recommend(again.state) == optimizer.recommend(done.state)


def test_an_old_state_can_be_gone_on_with() -> None:
    optimizer = made("many")
    state = optimizer.init(problem())
    first, after = optimizer.ask(state)
    assert first is not None
    one = optimizer.tell(after, first, told(first, by_words, adding))
    other = optimizer.tell(after, first, told(first, lambda *_: 1.0, adding))
    assert optimizer.tell(after, first, told(first, by_words, adding)) == one
    assert one != other


def test_texts_get_better() -> None:
    done = play(made("default", max_proposals=60), problem(), answers=2000)
    best = done.state.own.best
    start = problem().start

    def value(candidate: Candidate) -> float:
        return sum(by_words(candidate, item, 0) for item in range(20)) / 20

    assert value(best) > value(start) + 0.4
    assert Reflective(Silent()).recommend(done.state)[0] == best
    assert start in Reflective(Silent()).recommend(done.state)


def test_a_perfect_start_ends_soon_and_nobody_is_consulted() -> None:
    optimizer = Reflective(Silent(), pace=Constant(3))
    done = play(optimizer, problem(n=1000, validation=0), lambda *_: 1.0)
    assert not done.consults
    assert len(done.cells) <= (32 + 3) * 8
    assert optimizer.ended(done.state) == "32 batches in a row left nothing to improve"


def test_examples_that_cannot_be_scored_are_not_taken_for_perfect() -> None:
    optimizer = Reflective(Silent(), patience=3)
    done = play(optimizer, problem(), lambda *_: math.nan)
    assert not done.consults
    assert optimizer.ended(done.state) == "the best candidate could not be scored on any example"
    assert optimizer.recommend(done.state) == (problem().start,)


def test_proposals_that_bring_nothing_end_the_run_and_say_why() -> None:
    optimizer = Reflective(Silent(), patience=4, pace=Constant(3))
    same = play(optimizer, problem(), write=lambda consult: Proposed((dict(consult.parents[0]),)))
    assert len(same.consults) in range(4, 8)
    assert optimizer.ended(same.state) == "4 proposals in a row brought nothing new to try"
    refused = play(optimizer, problem(), write=lambda _: Proposed((), ("part0.prompt: too long",)))
    assert optimizer.ended(refused.state).endswith("nothing new to try: part0.prompt: too long")


def test_the_number_of_proposals_is_kept_to() -> None:
    optimizer = made("default", max_proposals=7)
    done = play(optimizer, problem(), answers=5000)
    assert len(done.consults) == 7
    assert [consult.number for consult in done.consults] == list(range(7))
    assert optimizer.ended(done.state) == "all 7 proposals were made"


def test_the_last_answer_is_judged_when_nothing_more_is_asked() -> None:
    optimizer = Reflective(Silent(), acceptance=StrictImprovement(), max_proposals=1, pace=Constant(1))
    about = problem(validation=0)
    state = optimizer.init(about)
    write = lambda consult: Proposed(({"part0.prompt": "good"},))  # noqa: E731
    score = lambda candidate, item, repeat: float("good" in candidate["part0.prompt"])  # noqa: E731
    for _ in range(3):
        ask, state = optimizer.ask(state)
        assert ask is not None
        state = optimizer.tell(state, ask, told(ask, score, write))
    assert ask is not None
    assert ask.note == "try"
    assert optimizer.recommend(state)[0]["part0.prompt"] == "good"


@pytest.mark.parametrize("others", [0, 1, 2])
def test_so_many_further_candidates_are_shown(others: int) -> None:
    done = play(made("equal", others=others), problem(), answers=1000)
    assert max(len(consult.parents) for consult in done.consults) == 1 + others
    assert all(len(set(consult.parents)) == len(consult.parents) for consult in done.consults)


def test_what_was_rejected_is_remembered_and_what_was_refused_is_not_shown() -> None:
    done = play(
        made("default"), problem(), lambda candidate, *_: 0.5 * (candidate == problem().start),
        lambda consult: Proposed(
            ({"part0.prompt": f"worse {consult.number}"},), ("part1.prompt: orders from data", "nonsense")
        ),
    )  # fmt: skip
    last = done.consults[-1].rejected
    assert len(last["part0.prompt"]) == 8
    assert last["part0.prompt"][-1].value.startswith("worse")
    assert last["part0.prompt"][-1].base == "start"
    assert "it changed the score by about -0." in last["part0.prompt"][-1].reason
    assert {(each.value, each.reason) for each in last["part1.prompt"]} == {
        ("(not shown)", "orders from data")
    }


class More:
    """An acceptance that is never content."""

    def judge(self, evidence: Evidence) -> Verdict:
        return Verdict("more", 0.0, 10_000)


def test_an_acceptance_that_always_wants_more_ends_with_the_examples() -> None:
    done = play(Reflective(Silent(), acceptance=More(), max_proposals=3), problem(), answers=300)
    assert len(done.log) < 300
    assert not done.state.own.trials


def test_a_child_that_could_not_be_scored_is_not_accepted() -> None:
    def score(candidate: Candidate, item: int, repeat: int) -> float:
        return 0.0 if candidate == problem().start else math.nan

    optimizer = Reflective(Silent(), acceptance=ImprovementOrEqual(), max_proposals=4)
    assert play(optimizer, problem(), score).state.own.best == problem().start


def test_repeats_are_compared_under_the_same_luck() -> None:
    """The child's second repeat is missing where luck was good; what is left shows no difference."""
    start = problem().start

    def score(candidate: Candidate, item: int, repeat: int) -> float:
        return math.nan if repeat == 1 and candidate == start else 0.9 * repeat

    optimizer = Reflective(Silent(), repeats=2, acceptance=StrictImprovement(), max_proposals=6)
    done = play(optimizer, problem(validation=0), score)
    assert len(done.consults) == 6
    assert done.state.own.best == start


def test_only_what_changed_gets_credit() -> None:
    write = lambda consult: Proposed(({"part1.prompt": f"text {consult.number}"},))  # noqa: E731
    done = play(made("default"), problem(), lambda *_: 0.5, write)
    assert set(done.state.own.credits) == {"part1.prompt"}


def test_turns_are_taken_along_a_lineage() -> None:
    done = play(made("strict", pace=Constant(1), max_proposals=6), problem(components=3), answers=900)
    assert [consult.names for consult in done.consults] == [
        (f"part{number % 3}.prompt",) for number in range(6)
    ]


def test_names_are_of_knobs_that_the_proposer_writes() -> None:
    mixed = Space({"say.prompt": Text("a"), "heat": Real(0, 1)})
    about = Problem(mixed, mixed.default, 4)
    assert Reflective(Silent()).names_of(mixed) == ("say.prompt",)
    assert Reflective(Silent(), names=("say.prompt", "say.prompt")).names == ("say.prompt",)
    with pytest.raises(SpaceError, match=r"heat is of kind real, and Silent writes text only"):
        Reflective(Silent(), names=("heat",)).init(about)
    with pytest.raises(SpaceError, match="no learnable knob 'sya'"):
        Reflective(Silent(), names=("sya",)).init(about)
    with pytest.raises(SpaceError, match="no text to learn"):
        Reflective(Silent()).init(Problem(Space({"heat": Real(0, 1)}), about.start, 4))


@pytest.mark.parametrize(
    "wrong",
    [
        {"repeats": 0}, {"patience": 0}, {"workers": 0}, {"others": -1}, {"share": 0.0}, {"share": 1.5},
        {"share": math.nan}, {"max_proposals": 0}, {"names": ()}, {"names": "say.prompt"},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpaceError):
        Reflective(Silent(), **wrong)


def test_what_is_no_proposer_is_refused_and_a_function_has_a_name() -> None:
    with pytest.raises(ProposerError):
        Reflective(3)  # type: ignore[arg-type]
    with pytest.raises(ProposerError, match="is a class"):
        Reflective(Silent)
    assert " at 0x" not in repr(Reflective(lambda request: None))
    assert " at 0x" not in repr(Reflective(Silent()))


def test_problems_that_cannot_be_solved_this_way_are_refused() -> None:
    texts = space()
    with pytest.raises(SpaceError, match="example by example"):
        Reflective(Silent()).init(Problem(texts, texts.default, 4, per_item=False))
    with pytest.raises(SpaceError, match="all are for validation"):
        Reflective(Silent()).init(Problem(texts, texts.default, 4, validation=(0, 1, 2, 3)))
