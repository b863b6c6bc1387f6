"""Laws 1, 2, 4, 5 and 7 for metrics that judge calls: over random programs, the calls are part of the result.

Branches of a gather that fails go on by themselves until the run is over, so which calls they come to is
nobody's promise: programs here either branch or fail.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.test_laws import all_facts, facts
from tests.laws.worlds import FUNCTIONS, MODEL, Async, Sync, Tree, kinds, populations, values, world

from hyperfunc import CallGraph, Example, HyperSystem, Ledger, ScoreResult

quick = settings(max_examples=25)
few = settings(max_examples=12)
STEADY = tuple(name for name in FUNCTIONS if name != "fragile")
SEEDLESS = ("add", "ask", "outer", "twice")


def chained(names: list[str], inner: Tree = ("x",)) -> Tree:
    for name in names:
        inner = ("call", name, inner)
    return inner


def programs(steady: tuple[str, ...] = STEADY) -> st.SearchStrategy[list[Example]]:
    """Programs that branch, branches inside branches, and chains that may fail."""
    names = st.lists(st.sampled_from(steady), min_size=1, max_size=3)
    chains = names.map(chained)
    forks = st.lists(chains, min_size=2, max_size=3).map(lambda many: ("gather", tuple(many)))
    deeper = st.tuples(forks, chains, names).map(lambda t: chained(t[2], ("gather", (t[0], t[1]))))
    failing = st.lists(st.sampled_from(("fragile", *steady)), min_size=1, max_size=4).map(chained)
    caught = st.tuples(st.just("try"), failing, chains)
    rows = st.tuples(st.one_of(forks, deeper, caught), st.integers(0, 50))
    return st.lists(rows, min_size=1, max_size=3).map(
        lambda many: [Example({"tree": tree, "x": x}, None) for tree, x in many]
    )


def told(example: Example, pred: int, trace: CallGraph) -> ScoreResult:
    """All that a trace says of the calls besides times, and a score that depends on it."""
    calls = [(c.number, c.name, c.place, dict(c.inputs), c.output, c.error, c.parent) for c in trace.calls]
    assert trace.output == pred
    return ScoreResult((len(calls) + pred) % 11 / 10, repr(calls))


def names(example: Example, pred: int, trace: CallGraph) -> ScoreResult:
    """The calls of a trace as a tree of names; tasks have places of their own, and nothing else differs."""
    made = [(c.name, dict(c.inputs), c.output, c.parent) for c in trace.calls]
    return ScoreResult(len(made) % 11 / 10, repr(made))


@quick
@given(kinds, programs(), populations, st.sampled_from([1, 2, 512]), st.sampled_from([1, 3, 4096]))
def test_law_1_and_7_the_calls_of_each_lane_are_those_it_has_alone(
    kind: type[HyperSystem], data: list[Example], population: list[Any], at_once: int, live: int
) -> None:
    with world().answering(MODEL):
        alone = [kind().evaluate(data, told, candidate=c) for c in population]
    with world(shuffled=True).answering(MODEL):
        together = kind().evaluate_population(
            population, data, told, max_concurrency=at_once, max_batch_size=live
        )
    assert all_facts(together) == all_facts(alone)


@few
@given(programs(SEEDLESS), values)
def test_sync_and_async_programs_make_the_same_calls(data: list[Example], candidate: dict[str, Any]) -> None:
    with world().answering(MODEL):
        found = [kind().evaluate(data, names, candidate=candidate) for kind in (Async, Sync)]
    assert facts(found[0]) == facts(found[1])


@few
@given(programs(), programs(), values)
def test_law_2_evaluations_on_one_loop_do_not_meet(
    one: list[Example], two: list[Example], candidate: dict[str, Any]
) -> None:
    async def both() -> Any:
        a = Async().aevaluate(one, told, candidate=candidate)
        b = Sync().aevaluate(two, told, seed=3)
        c = Async().aevaluate(one, lambda example, pred: 1.0)
        return await asyncio.gather(a, b, c)

    with world(shuffled=True).answering(MODEL):
        together = asyncio.run(both())
        alone = [Async().evaluate(one, told, candidate=candidate), Sync().evaluate(two, told, seed=3)]
    assert all_facts(together[:2]) == all_facts(alone)


@few
@given(programs(), populations)
def test_law_4_and_5_a_ledger_changes_nothing(data: list[Example], population: list[Any]) -> None:
    with world(shuffled=True).answering(MODEL), Ledger.memory() as ledger:
        without = Async().evaluate_population(population, data, told)
        first = Async().evaluate_population(population[:1], data, told, ledger=ledger)
        # Judged by what it returned alone, which does not say how it came about.
        Async().evaluate_population(population[-1:], data, lambda example, pred: 1.0, ledger=ledger)
        then, again = (Async().evaluate_population(population, data, told, ledger=ledger) for _ in range(2))
    assert all_facts(first) == all_facts(without)[:1]
    assert all_facts(then) == all_facts(again) == all_facts(without)
