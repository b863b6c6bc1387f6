"""How single calls run: places, threads, time limits, retries, cancellation, and what waits for what."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import threading
import time
from typing import Any

import pytest

from hyperfunc import Example, HyperSystem, Ledger, current_seed, hyperfunction, llm_completion
from hyperfunc.errors import (
    BadReply,
    BudgetExhausted,
    InfrastructureError,
    RequestTimeout,
    ServerFailed,
    ServerUnreachable,
    UnknownPrice,
)
from hyperfunc.evaluation import as_metric
from hyperfunc.execution import Account, Engine, Settings
from hyperfunc.ledger import Budget, Meter
from hyperfunc.program.policy import Policy
from hyperfunc.testing import ScriptedClient

MODEL = "test/calls"


def everything(example: Example, pred: Any) -> float:
    return 1.0


def rows(n: int) -> list[Example]:
    return [Example({"i": i}, None) for i in range(n)]


def system_of(run: Any, *functions: Any) -> HyperSystem:
    return type("Made", (HyperSystem,), {"run": run})(functions)


def evaluate(run: Any, n: int = 1, **options: Any) -> Any:
    return system_of(run).evaluate(rows(n), everything, **options)


@hyperfunction
async def seed_of(x: int) -> int:
    return current_seed() or 0


def test_places_in_a_gather_do_not_depend_on_who_answers_first() -> None:
    def at(order: list[int]) -> list[Any]:
        turns = [asyncio.Event() for _ in order]

        @hyperfunction(share=False)
        async def branch(x: int) -> int:
            await turns[x].wait()
            first = await seed_of(0)
            following = order.index(x) + 1
            if following < len(order):
                turns[order[following]].set()
            return int(first)

        async def run(self: Any, i: int) -> list[int]:
            turns[order[0]].set()
            return await asyncio.gather(*(branch(x) for x in range(len(order))))

        return evaluate(run).predictions

    assert at([0, 1, 2]) == at([2, 1, 0]) == at([1, 2, 0])
    assert len(set(at([0, 1, 2])[0])) == 3


def test_tasks_of_a_client_do_not_move_the_places_of_the_program() -> None:
    def at(tasks: int) -> Any:
        async def script(request: Any) -> str:
            for _ in range(tasks):
                await asyncio.create_task(asyncio.sleep(0))
            return "x"

        async def run(self: Any, i: int) -> list[int]:
            await llm_completion(MODEL, "hello", temperature=0)
            return await asyncio.gather(seed_of(0), seed_of(1))

        with ScriptedClient(script).answering(MODEL):
            return evaluate(run).predictions

    assert at(0) == at(3)


def test_a_second_attempt_has_its_own_luck() -> None:
    seen: list[int] = []

    @hyperfunction(retries=2)
    async def unlucky(x: int) -> int:
        seen.append(current_seed() or 0)
        if len(seen) < 3:
            raise ValueError("again")
        return seen[-1]

    async def run(self: Any, i: int) -> int:
        return int(await unlucky(0))

    found = evaluate(run)
    assert found.cells[0].failure is None
    assert len(set(seen)) == 3


def test_a_blocking_function_runs_in_a_thread_and_lanes_go_on() -> None:
    both = threading.Barrier(3)

    @hyperfunction(blocking=True)
    def wait(x: int, *, prompt: str) -> str:
        """In a thread."""
        both.wait(10)
        return f"{prompt} {threading.current_thread() is threading.main_thread()}"

    def run(self: Any, i: int) -> str:
        return str(wait(i))

    assert evaluate(run, 3).predictions == ["In a thread. False"] * 3


def test_a_blocking_function_may_call_others() -> None:
    @hyperfunction(blocking=True)
    def outer(x: int) -> int:
        return int(seed_of(x)) + inner(x)

    @hyperfunction
    def inner(x: int) -> int:
        return x

    def run(self: Any, i: int) -> int:
        return int(outer(i))

    system = system_of(run)
    a, b = (system.evaluate(rows(3), everything, max_concurrency=c).predictions for c in (1, 512))
    assert a == b
    assert len(set(a)) == 3


def test_threads_that_a_program_starts_call_by_the_same_values() -> None:
    @hyperfunction
    async def say(x: int, *, prompt: str) -> str:
        return f"{prompt}{x}"

    @hyperfunction(retries=1)
    def tell(x: int, *, prompt: str) -> str:
        return f"{prompt}{x}"

    async def run(self: Any, i: int) -> str:
        in_thread = await asyncio.to_thread(tell, i)
        on_own_loop = await asyncio.to_thread(lambda: asyncio.run(say_twice(i)))
        return f"{in_thread} {on_own_loop}"

    async def say_twice(i: int) -> str:
        return f"{await say(i)} {(await llm_completion(MODEL, 'q', temperature=0)).content}"

    with ScriptedClient(lambda request: "answer").answering(MODEL) as client:
        found = system_of(run, say, tell).evaluate(
            rows(2), everything, candidate={"say.prompt": "s", "tell.prompt": "t"}
        )
    assert found.predictions == ["t0 s0 answer", "t1 s1 answer"]
    assert client.calls == 1


def test_a_copied_context_carries_the_values_into_a_thread() -> None:
    @hyperfunction
    def say(x: int, *, prompt: str) -> str:
        return f"{prompt}{x}"

    @hyperfunction(blocking=True)
    def fan_out(x: int) -> list[str]:
        found: list[str] = []
        contexts = [contextvars.copy_context() for _ in range(3)]
        threads = [
            threading.Thread(target=context.run, args=(lambda n=n: found.append(say(n)),))
            for n, context in enumerate(contexts)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        return sorted(found)

    def run(self: Any, i: int) -> list[str]:
        return list(fan_out(i))

    found = system_of(run, say).evaluate(rows(1), everything, candidate={"say.prompt": "p"})
    assert found.predictions == [["p0", "p1", "p2"]]


@pytest.mark.parametrize("blocking", [False, True])
def test_a_sync_call_is_cut_off_in_time(blocking: bool) -> None:
    released = threading.Event()

    @hyperfunction(timeout_s=0.03, blocking=blocking)
    def hang(x: int) -> int:
        released.wait(20)
        return x

    def run(self: Any, i: int) -> int:
        return int(hang(i))

    began = time.monotonic()
    found = evaluate(run)
    assert time.monotonic() - began < 5
    released.set()
    assert found.cells[0].failure == "CallTimeout: hang took longer than its timeout_s=0.03; it was cut off"


def test_an_async_call_is_cut_off_and_its_finally_runs() -> None:
    ended: list[int] = []

    @hyperfunction(timeout_s=0.02)
    async def hang(x: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(x)
        return x

    async def run(self: Any, i: int) -> int:
        return int(await hang(i)) if i else 7

    found = evaluate(run, 3)
    assert [c.score for c in found.cells] == [1.0, 0.0, 0.0]
    assert sorted(ended) == [1, 2]


@pytest.mark.parametrize("sync", [False, True])
def test_a_lane_is_cut_off(sync: bool) -> None:
    @hyperfunction
    async def hang(x: int) -> int:
        if x == 1:
            await asyncio.Event().wait()
        return x

    async def run(self: Any, i: int) -> int:
        return int(await hang(i))

    def run_sync(self: Any, i: int) -> int:
        return int(hang(i))

    found = evaluate(run_sync if sync else run, 3, timeout_s=0.05)
    assert [c.failure for c in found.cells] == [
        None, "CallTimeout: the lane took longer than timeout_s=0.05", None,
    ]  # fmt: skip


def test_a_timeout_of_the_program_itself_is_not_the_lanes() -> None:
    async def run(self: Any, i: int) -> int:
        raise TimeoutError("mine")

    assert evaluate(run, timeout_s=5.0).cells[0].failure == "TimeoutError: mine"


def test_a_thread_that_was_abandoned_can_call_nothing_more() -> None:
    released, over = threading.Event(), threading.Event()
    errors: list[str] = []

    @hyperfunction(timeout_s=0.02)
    def hang(x: int) -> str:
        released.wait(10)
        try:
            return str(ask(x))
        except Exception as error:
            errors.append(str(error))
            raise
        finally:
            over.set()

    @hyperfunction
    async def ask(x: int) -> str:
        return (await llm_completion(MODEL, "q", temperature=0)).content

    def run(self: Any, i: int) -> str:
        try:
            return str(hang(i))
        except TimeoutError:
            released.set()
            while not over.is_set():
                asyncio_turn(0)
            return "gave up"

    @hyperfunction(share=False)
    async def asyncio_turn(x: int) -> None:
        await asyncio.sleep(0.001)

    with ScriptedClient(lambda request: "x").answering(MODEL) as client:
        assert evaluate(run).predictions == ["gave up"]
    assert client.calls == 0
    assert "left behind" in errors[0]


def test_retries_make_further_attempts_and_budgets_and_limits_are_not_retried() -> None:
    made: dict[str, int] = {}
    quick = Policy(retries=3, backoff_s=0.0)

    def failing(name: str, error: Exception) -> Any:
        @hyperfunction(name=name, retries=3)
        async def work(x: int) -> int:
            made[name] = made.get(name, 0) + 1
            raise error

        work.policy = quick
        return work

    plain, budget = failing("plain", KeyError("x")), failing("budget", BudgetExhausted("over"))

    async def run(self: Any, i: int) -> int:
        return int(await (plain(0) if i == 0 else budget(0)))

    with pytest.raises(BudgetExhausted, match="over"):
        evaluate(run, 2)
    assert made == {"plain": 4, "budget": 1}


def test_max_calls_limits_the_calls_of_one_lane() -> None:
    @hyperfunction(max_calls=2)
    async def work(x: int) -> int:
        return x

    async def run(self: Any, i: int) -> int:
        return sum([await work(x) for x in range(i)])

    found = evaluate(run, 4)
    assert [c.score for c in found.cells] == [1.0, 1.0, 1.0, 0.0]
    assert found.cells[3].failure == "CallLimit: work was called more than max_calls=2 times in one lane"


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("death", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_through(sync: bool, death: type[BaseException]) -> None:
    @hyperfunction(retries=5)
    async def work(x: int) -> int:
        if x == 2:
            raise death
        return x

    async def run(self: Any, i: int) -> int:
        try:
            return int(await work(i))
        except Exception:
            return -1

    def run_sync(self: Any, i: int) -> int:
        return int(work(i))

    with pytest.raises(death):
        evaluate(run_sync if sync else run, 5)


def test_cancelling_an_evaluation_ends_everything_it_started() -> None:
    ended: list[int] = []

    @hyperfunction
    async def hang(x: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(x)
        return x

    async def run(self: Any, i: int) -> int:
        return int(await hang(i))

    async def go() -> None:
        task = asyncio.ensure_future(system_of(run).aevaluate(rows(3), everything))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sorted(ended) == [0, 1, 2]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(go())


def test_a_program_that_cancels_itself_costs_its_own_cell() -> None:
    @hyperfunction
    async def work(x: int) -> int:
        if x == 1:
            raise asyncio.CancelledError
        return x

    async def run(self: Any, i: int) -> int:
        return int(await work(i))

    def run_sync(self: Any, i: int) -> int:
        return int(work(i))

    for kind in (run, run_sync):
        assert [c.score for c in evaluate(kind, 3).cells] == [1.0, 0.0, 1.0]


def test_tasks_that_a_program_leaves_behind_are_ended_and_their_calls_finished() -> None:
    ended: list[str] = []

    @hyperfunction
    async def ask(x: int) -> str:
        for _ in range(5):
            await asyncio.sleep(0)
        return (await llm_completion(MODEL, f"q{x}", temperature=0)).content

    async def forever() -> None:
        try:
            while True:  # noqa: ASYNC110 - it waits for nothing; that is the point
                await asyncio.sleep(0)
        finally:
            ended.append("forever")

    async def run(self: Any, i: int) -> str:
        background = asyncio.create_task(forever())
        asking = asyncio.create_task(ask(i))
        await asyncio.sleep(0)
        return f"{background.done()} {asking.done()}"

    with ScriptedClient(lambda request: "x").answering(MODEL) as client:
        found = evaluate(run, 2)
    assert found.predictions == ["False False"] * 2
    assert ended == ["forever"] * 2
    assert client.calls == 2
    assert [c.calls for c in found.cells] == [1, 1]


def test_sync_code_that_waits_inside_an_async_lane_is_found_out_even_when_swallowed() -> None:
    @hyperfunction
    async def entry(x: int, *, prompt: str) -> int:
        results: Any = await asyncio.gather(hidden(x), return_exceptions=True)
        return int(results[0])

    async def hidden(x: int) -> int:
        return int(globals_of["late"](x))

    @hyperfunction(retries=1)
    def late(x: int) -> int:
        return x + 1

    globals_of: dict[str, Any] = {}

    async def run(self: Any, i: int) -> int:
        globals_of["late"] = late
        return int(await entry(i))

    assert evaluate(run, 3).predictions == [1, 2, 3]


def test_an_async_function_called_by_sync_code_of_an_async_run_is_awaitable_everywhere() -> None:
    """Evaluation and production agree on who waits."""

    @hyperfunction
    async def inner(x: int) -> int:
        return x + 1

    @hyperfunction(retries=1)
    def outer(x: int) -> Any:
        return inner(x)

    @hyperfunction
    def plain(x: int) -> Any:
        return inner(x)

    async def run(self: Any, i: int) -> int:
        return int(await outer(i)) + int(await plain(i))

    system = system_of(run)
    assert [system(i=i) for i in range(2)] == [2, 4]
    assert system.evaluate(rows(2), everything).predictions == [2, 4]


def test_infrastructure_is_missing_never_a_score_and_never_kept() -> None:
    broken = True

    def script(request: Any) -> Any:
        return InfrastructureError("no network") if broken and "1" in request.messages[-1].content else "x"

    async def run(self: Any, i: int) -> str:
        try:
            return (await llm_completion(MODEL, f"q{i}", temperature=0)).content
        except InfrastructureError as error:
            raise RuntimeError("could not ask") from error

    system = system_of(run)
    with ScriptedClient(script).answering(MODEL) as client, Ledger.memory() as ledger:
        found = system.evaluate(rows(3), everything, ledger=ledger)
        assert [c.score for c in found.cells] == [1.0, None, 1.0]
        assert float(found) == 1.0
        broken = False
        calls = client.calls
        again = system.evaluate(rows(3), everything, ledger=ledger)
        assert again.predictions == ["x"] * 3
        assert client.calls == calls + 1


def test_a_fallback_after_trouble_is_a_result_that_is_not_kept() -> None:
    def script(request: Any) -> Any:
        return InfrastructureError("no network")

    async def run(self: Any, i: int) -> str:
        try:
            return (await llm_completion(MODEL, "q", temperature=0)).content
        except InfrastructureError:
            return "fallback"

    system = system_of(run)
    with Ledger.memory() as ledger:
        with ScriptedClient(script).answering(MODEL):
            assert system.evaluate(rows(1), everything, ledger=ledger).predictions == ["fallback"]
        with ScriptedClient(lambda request: "answer").answering(MODEL):
            assert system.evaluate(rows(1), everything, ledger=ledger).predictions == ["answer"]


def fill(run: Any, n: int, budget: Budget, ledger: Ledger | None = None, **settings: Any) -> Any:
    system = system_of(run)
    account = Account(Meter(budget))
    engine = Engine(system.program(), Settings(**settings), ledger, account)
    start = system.candidate
    work = engine.fill([(start.id, system.bind(start))], rows(n), as_metric(everything))
    return asyncio.run(work), account


def test_a_program_that_swallows_the_end_of_the_budget_is_not_believed() -> None:
    async def run(self: Any, i: int) -> str:
        try:
            return (await llm_completion(MODEL, f"q{i}", temperature=0)).content
        except Exception:
            return "fallback"

    with ScriptedClient(lambda request: "x").answering(MODEL) as client, Ledger.memory() as ledger:
        with pytest.raises(BudgetExhausted):
            fill(run, 4, Budget(calls=2), ledger)
        assert client.calls == 2
        (cells,), _ = fill(run, 4, Budget(), ledger)
        assert [c.prediction for c in cells] == ["x"] * 4


def test_a_task_group_that_hits_the_end_of_the_budget_is_no_failure_of_the_program() -> None:
    async def ask(i: int) -> str:
        return (await llm_completion(MODEL, f"q{i}", temperature=0)).content

    async def run(self: Any, i: int) -> str:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(2 * i + k)) for k in range(2)]
        return "".join(task.result() for task in tasks)

    with ScriptedClient(lambda request: "x").answering(MODEL), Ledger.memory() as ledger:
        with pytest.raises(BudgetExhausted):
            fill(run, 4, Budget(calls=3), ledger)
        (cells,), _ = fill(run, 4, Budget(), ledger)
        assert [c.prediction for c in cells] == ["xx"] * 4


def test_failed_requests_count_as_calls() -> None:
    async def run(self: Any, i: int) -> str:
        return (await llm_completion(MODEL, f"q{i}", temperature=0)).content

    with ScriptedClient(lambda request: ValueError("bad request")).answering(MODEL) as client:
        with pytest.raises(BudgetExhausted):
            fill(run, 9, Budget(calls=4))
        assert client.calls == 4


def test_evaluations_are_limited() -> None:
    ran: list[int] = []

    def run(self: Any, i: int) -> int:
        ran.append(i)
        return i

    with pytest.raises(BudgetExhausted, match="evaluations"):
        fill(run, 9, Budget(evaluations=4))
    assert ran == [0, 1, 2, 3]
    _, account = fill(run, 9, Budget(evaluations=9))
    assert account.spent.evaluations == 9


def test_nothing_begins_after_the_deadline() -> None:
    ran: list[int] = []

    def run(self: Any, i: int) -> int:
        ran.append(i)
        return i

    with pytest.raises(BudgetExhausted, match="time"):
        fill(run, 9, Budget(seconds=0.0))
    assert ran == []


@pytest.mark.parametrize("named", [False, True])
def test_money_is_never_exceeded_and_not_refused_while_there_is_some(named: bool) -> None:
    """The price is an upper bound of 0.10, the true cost 0.01: twenty calls fit into 0.30."""

    @hyperfunction(model=MODEL if named else None)
    async def ask(i: int) -> str:
        return (await llm_completion(MODEL, f"q{i}", temperature=0)).content

    async def run(self: Any, i: int) -> str:
        return str(await ask(i))

    with ScriptedClient(lambda request: "x", cost=0.01).answering(MODEL, price=0.10) as client:
        (cells,), account = fill(run, 20, Budget(dollars=0.30))
        assert [c.prediction for c in cells] == ["x"] * 20
        assert account.spent.dollars == pytest.approx(0.20)
        with pytest.raises(BudgetExhausted):
            fill(run, 40, Budget(dollars=0.30))
    assert client.peak <= 3
    assert (client.calls - 20) * 0.01 <= 0.30


@pytest.mark.parametrize("named", [False, True])
def test_an_unknown_price_is_refused_under_a_money_budget(named: bool) -> None:
    @hyperfunction(model=MODEL if named else None)
    async def ask(i: int) -> str:
        return (await llm_completion(MODEL, f"q{i}", temperature=0)).content

    async def run(self: Any, i: int) -> str:
        return str(await ask(i))

    with ScriptedClient(lambda request: "x").answering(MODEL, price=None) as client:
        with pytest.raises(UnknownPrice):
            fill(run, 1, Budget(dollars=1.0))
        assert client.calls == 0


def test_a_cost_that_the_server_does_not_say_is_the_price() -> None:
    async def run(self: Any, i: int) -> str:
        return (await llm_completion(MODEL, f"q{i}", temperature=0)).content

    with ScriptedClient(lambda request: "x", cost=None).answering(MODEL, price=0.25):
        _, account = fill(run, 3, Budget(dollars=1.0))
    assert account.spent.dollars == pytest.approx(0.75)


def test_a_function_that_names_a_model_is_one_call_however_it_asks() -> None:
    @hyperfunction(model="somewhere/else")
    async def remote(x: int) -> int:
        return x

    @hyperfunction(model=MODEL)
    async def ask(x: int) -> str:
        return (await llm_completion(MODEL, f"q{x}", temperature=0)).content

    async def run(self: Any, i: int) -> str:
        return f"{await remote(i)}{await ask(i)}"

    with ScriptedClient(lambda request: "x").answering(MODEL):
        (cells,), account = fill(run, 3, Budget(calls=6))
    assert account.spent.calls == 6
    assert [c.calls for c in cells] == [2, 2, 2]


def test_what_cannot_be_shared_is_charged_every_time() -> None:
    made = 0

    @hyperfunction(model="somewhere/else", share=False)
    async def remote(x: int) -> int:
        nonlocal made
        made += 1
        return x

    @hyperfunction
    async def say(x: int, *, prompt: str) -> str:
        return prompt

    async def run(self: Any, i: int) -> int:
        await say(i)
        return int(await remote(0))

    system = system_of(run)
    account = Account(Meter(Budget(calls=5)))
    engine = Engine(system.program(), Settings(), None, account)
    chosen = [system._as_candidate({"say.prompt": f"p{k}"}) for k in range(4)]
    with pytest.raises(BudgetExhausted):
        asyncio.run(engine.fill([(c.id, system.bind(c)) for c in chosen], rows(2), as_metric(everything)))
    assert made == account.spent.calls == 5


@pytest.mark.parametrize(
    ("error", "most"),
    [(BadReply, True), (RequestTimeout, True), (ServerFailed, False), (ServerUnreachable, False)],
)
def test_what_gave_no_answer_counts_what_it_may_have_cost(error: type[Exception], most: bool) -> None:
    async def run(self: Any, i: int) -> str:
        try:
            return (await llm_completion(MODEL, "q", max_tokens=100)).content
        except error:
            return "without"

    def script(request: Any) -> str:
        raise error("no answer")

    system = system_of(run)
    account = Account(Meter(Budget(calls=5)))
    engine = Engine(system.program(), Settings(), None, account)
    start = system.candidate
    with ScriptedClient(script).answering(MODEL):
        asyncio.run(engine.fill([(start.id, system.bind(start))], rows(1), as_metric(everything)))
    assert account.spent.calls == 1
    assert (account.spent.tokens >= 100) if most else (account.spent.tokens == 0)


def test_kept_calls_are_charged_like_new_ones() -> None:
    made = itertools.count()

    @hyperfunction(cache=True)
    async def ask(x: int) -> str:
        next(made)
        return (await llm_completion(MODEL, f"q{x}", temperature=0)).content

    async def run(self: Any, i: int) -> str:
        return str(await ask(i))

    async def other(self: Any, i: int) -> str:
        return f"{await ask(i)}!"

    with ScriptedClient(lambda request: "x").answering(MODEL), Ledger.memory() as ledger:
        fill(run, 3, Budget(calls=3), ledger)
        (cells,), account = fill(other, 3, Budget(calls=3), ledger)
        assert next(made) == 3
        assert [c.prediction for c in cells] == ["x!"] * 3
        assert account.spent.calls == 3
        assert account.paid_calls == 0
