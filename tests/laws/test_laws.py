"""Laws of the engine, over random programs: laws 1, 2, 4, 5, 6, 7 and 8 of the design."""

from __future__ import annotations

import asyncio
import copy
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.worlds import (
    FUNCTIONS,
    MODEL,
    Async,
    Sync,
    datasets,
    kinds,
    late,
    metric,
    populations,
    values,
    world,
)

from hyperfunc import Example, Failure, HyperSystem, Ledger
from hyperfunc.errors import BudgetExhausted
from hyperfunc.evaluation import as_metric
from hyperfunc.execution import Account, Engine, Settings
from hyperfunc.ledger import Budget, Meter
from hyperfunc.llm.client import Request
from hyperfunc.testing import ScriptedClient

quick = settings(max_examples=25)
few = settings(max_examples=12)
SEEDLESS = ("add", "ask", "fragile", "outer", "twice")


def facts(evaluation: Any) -> list[tuple[Any, ...]]:
    """Everything that an evaluation says, cell by cell."""
    cells = [(c.example, c.repeat, c.score, c.feedback, c.failure, c.prediction) for c in evaluation.cells]
    return [(float(evaluation),), *cells]


def all_facts(evaluations: Sequence[Any]) -> list[Any]:
    return [facts(e) for e in evaluations]


@quick
@given(kinds, datasets(), populations, st.sampled_from([1, 2, 512]), st.sampled_from([1, 3, 4096]))
def test_law_1_a_population_is_evaluated_as_each_candidate_alone(
    kind: type[HyperSystem], data: list[Example], population: list[Any], at_once: int, live: int
) -> None:
    with world().answering(MODEL):
        alone = [kind().evaluate(data, metric, candidate=c) for c in population]
    with world(shuffled=True).answering(MODEL):
        together = kind().evaluate_population(
            population, data, metric, max_concurrency=at_once, max_batch_size=live
        )
    assert all_facts(together) == all_facts(alone)


@quick
@given(kinds, datasets(SEEDLESS), values)
def test_law_1_evaluating_is_what_plain_python_does(
    kind: type[HyperSystem], data: list[Example], candidate: dict[str, Any]
) -> None:
    with world(shuffled=True).answering(MODEL):
        cells = kind().evaluate(data, metric, candidate=candidate).cells
        system = kind()
        system.candidate = system.candidate.replace(candidate)
        for cell, example in zip(cells, data, strict=True):
            try:
                plain = system(**example.inputs)
            except ValueError as error:
                assert cell.failure == f"ValueError: {error}"  # noqa: PT017 - either way is a result
            else:
                assert cell.prediction == plain


@quick
@given(datasets(SEEDLESS), values)
def test_sync_and_async_programs_agree(data: list[Example], candidate: dict[str, Any]) -> None:
    with world().answering(MODEL):
        a = Async().evaluate(data, metric, candidate=candidate)
        b = Sync().evaluate(data, metric, candidate=candidate)
    assert facts(a) == facts(b)


@few
@given(kinds, datasets(), populations)
def test_law_2_evaluating_changes_nothing(
    kind: type[HyperSystem], data: list[Example], population: list[Any]
) -> None:
    system = kind()
    before = system.candidate.id, system.space.fingerprint, copy.deepcopy([e.inputs for e in data])
    defaults = {name: dict(fn.defaults) for name, fn in FUNCTIONS.items()}
    with world().answering(MODEL):
        system.evaluate_population(population, data, metric)
    assert (system.candidate.id, system.space.fingerprint, [e.inputs for e in data]) == before
    assert {name: fn.defaults for name, fn in FUNCTIONS.items()} == defaults


@few
@given(datasets(), datasets(), values, values)
def test_law_2_two_evaluations_on_one_loop_do_not_meet(
    one: list[Example], two: list[Example], first: dict[str, Any], second: dict[str, Any]
) -> None:
    async def both() -> Any:
        a = Async().aevaluate(one, metric, candidate=first)
        b = Sync().aevaluate(two, metric, candidate=second, seed=3)
        c = Async().aevaluate(one, metric, candidate=first)
        return await asyncio.gather(a, b, c)

    with world(shuffled=True).answering(MODEL):
        together = asyncio.run(both())
        alone = [
            Async().evaluate(one, metric, candidate=first),
            Sync().evaluate(two, metric, candidate=second, seed=3),
            Async().evaluate(one, metric, candidate=first),
        ]
    assert all_facts(together) == all_facts(alone)


@few
@given(datasets(), values, values)
def test_law_2_evaluations_in_threads_do_not_meet(
    data: list[Example], first: dict[str, Any], second: dict[str, Any]
) -> None:
    system = Async()
    found: dict[int, Any] = {}

    def work(number: int, candidate: dict[str, Any]) -> None:
        found[number] = system.evaluate(data, metric, candidate=candidate)

    with world(shuffled=True).answering(MODEL):
        threads = [threading.Thread(target=work, args=(i, c)) for i, c in enumerate([first, second, first])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        alone = [Async().evaluate(data, metric, candidate=c) for c in (first, second, first)]
    assert all_facts([found[i] for i in range(3)]) == all_facts(alone)


@few
@given(kinds, datasets(), populations, st.integers(1, 2))
def test_law_4_the_ledger_changes_no_result(
    kind: type[HyperSystem], data: list[Example], population: list[Any], repeats: int
) -> None:
    with world().answering(MODEL) as client, Ledger.memory() as ledger:
        without = kind().evaluate_population(population, data, metric, repeats=repeats)
        first = kind().evaluate_population(population, data, metric, repeats=repeats, ledger=ledger)
        paid = client.calls
        second = kind().evaluate_population(population, data, metric, repeats=repeats, ledger=ledger)
        assert client.calls == paid
    assert all_facts(first) == all_facts(without)
    assert all_facts(second) == all_facts(without)


@few
@given(kinds, datasets(), populations, st.sampled_from([1, 2, 512]))
def test_law_7_equal_seeds_give_equal_results_and_charges(
    kind: type[HyperSystem], data: list[Example], population: list[Any], at_once: int
) -> None:
    def once(concurrency: int) -> tuple[list[Any], set[str]]:
        system, account = kind(), Account()
        engine = Engine(system.program(), Settings(7, concurrency), None, account)
        chosen = [system._as_candidate(c) for c in population]
        bound = [(c.id, system.bind(c)) for c in chosen]
        with world(shuffled=True).answering(MODEL):
            rows = asyncio.run(engine.fill(bound, data, as_metric(metric)))
        return [[(c.score, c.prediction, c.failure) for c in row] for row in rows], set(account.charged)

    assert once(at_once) == once(512)


@few
@given(kinds, datasets(), values)
def test_law_7_another_seed_or_repeat_is_other_luck(
    kind: type[HyperSystem], data: list[Example], candidate: dict[str, Any]
) -> None:
    with world().answering(MODEL):
        base = kind().evaluate(data, metric, candidate=candidate, repeats=2)
        again = kind().evaluate(data, metric, candidate=candidate, repeats=1)
    assert [c.prediction for c in base.cells[::2]] == again.predictions


class Broken(Exception):
    pass


@few
@given(datasets(("ask", "outer", "add")), st.integers(0, 3), st.sampled_from([Broken("no"), float("nan")]))
def test_law_8_a_failing_call_costs_its_own_cell(data: list[Example], at: int, harm: Any) -> None:
    """The call of one candidate fails; every other cell is as if it had not been there."""
    population = [{"ask.prompt": f"P{i}"} for i in range(4)]

    def script(request: Request) -> str:
        if request.messages[-1].content.startswith(f"P{at}:"):
            if isinstance(harm, Exception):
                raise harm
            return "nan"
        return "5"

    with ScriptedClient(lambda request: "5").answering(MODEL):
        fine = Async().evaluate_population(population, data, metric)
    with ScriptedClient(script).answering(MODEL):
        harmed = Async().evaluate_population(population, data, metric)
    for number, (a, b) in enumerate(zip(fine, harmed, strict=True)):
        if number != at:
            assert facts(a) == facts(b)
        for cell in b.cells:
            assert cell.failure is None or cell.score == 0.0


@few
@given(kinds, datasets(), populations, st.integers(0, 12), st.sampled_from([1, 2, 512]))
def test_law_6_no_more_calls_are_made_than_the_budget_has(
    kind: type[HyperSystem], data: list[Example], population: list[Any], limit: int, at_once: int
) -> None:
    system = kind()
    account = Account(Meter(Budget(calls=limit)))
    bound = [(c.id, system.bind(c)) for c in map(system._as_candidate, population)]
    with world(shuffled=True).answering(MODEL) as client, Ledger.memory() as ledger:
        engine = Engine(system.program(), Settings(0, at_once), ledger, account)
        try:
            asyncio.run(engine.fill(bound, data, as_metric(metric)))
            finished = True
        except BudgetExhausted:
            finished = False
        assert client.calls == account.spent.calls <= limit
        # What was paid for was kept: going on with a larger budget asks nothing twice.
        paid = client.calls
        account = Account(Meter(Budget()))
        engine = Engine(system.program(), Settings(0, at_once), ledger, account)
        rows = asyncio.run(engine.fill(bound, data, as_metric(metric)))
        prompts = [(r.messages[-1].content, r.seed) for r in client.requests]
        assert len(prompts) == len(set(prompts))
        assert finished == (client.calls == paid)
    with world().answering(MODEL):
        fresh = kind().evaluate_population(population, data, metric)
    assert [[c.prediction for c in row] for row in rows] == [e.predictions for e in fresh]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kind", [Async, Sync])
@pytest.mark.parametrize("death", [KeyboardInterrupt, Killed, asyncio.CancelledError])
def test_law_5_an_evaluation_that_died_goes_on(
    kind: type[HyperSystem], death: type[BaseException], tmp_path: Path
) -> None:
    tree = ("gather", (("call", "outer", ("x",)), ("call", "sample", ("call", "ask", ("x",)))))
    data = [Example({"tree": tree, "x": x}, None) for x in range(4)]
    population = [{}, {"ask.prompt": "B"}, {"outer.prompt": "longer"}]
    with world().answering(MODEL) as client:
        whole = all_facts(kind().evaluate_population(population, data, metric))
        needed = client.calls
    asked, answered = 0, 0
    last = random.Random(repr(death)).randrange(2, needed)

    async def dying(request: Request) -> str:
        nonlocal asked, answered
        asked += 1
        if asked == last:
            if death is asyncio.CancelledError:
                main.cancel()
                await asyncio.Event().wait()
            raise death
        text = await late(request)
        answered += 1
        return text

    main: Any = None

    async def go() -> Any:
        nonlocal main
        main = asyncio.current_task()
        return await kind().aevaluate_population(population, data, metric, ledger=tmp_path / "l")

    with ScriptedClient(dying).answering(MODEL), pytest.raises(death):
        asyncio.run(go())
    with world().answering(MODEL) as client:
        resumed = kind().evaluate_population(population, data, metric, ledger=tmp_path / "l")
        # Only what was in flight is asked again.
        assert client.calls == needed - answered
    assert all_facts(resumed) == whole


def test_a_failure_is_a_value_of_its_own() -> None:
    tree = ("call", "fragile", ("x",))
    data = [Example({"tree": tree, "x": 3}, None)]
    cell = Async().evaluate(data, metric).cells[0]
    assert cell.prediction == Failure("ValueError: 3 is divisible by 3")
    assert cell.score == 0.0
