"""A program of DSPy as a system: what is learnt, how it runs, what is counted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hyperfunc.errors import BudgetError, DatasetError, ProgramError, SpaceError
from hyperfunc.interop.dspy import from_dspy
from hyperfunc.ledger import Ledger
from hyperfunc.spaces import Exemplars

from .programs import SAME, Given, Nested, Twins, examples, obedient
from .scripted import RateLimited, Script, Server, answered, dspy, field

pytestmark = pytest.mark.dspy
Serve = Callable[[Script], Server]


def exact(example: Any, pred: Any, trace: Any = None) -> bool:
    return bool(example.answer == pred.answer)


def test_every_predictor_is_a_component_with_a_reversible_name(serve: Serve) -> None:
    serve(obedient)
    system = from_dspy(Nested())
    assert list(system.space) == ["steps[0].prompt", "steps[1].prompt", "tools['look%20up']/predict.prompt"]
    assert system.predictors == {
        "steps[0]": "steps[0]", "steps[1]": "steps[1]",
        "tools['look%20up']/predict": "tools['look up'].predict",
    }  # fmt: skip


def test_predictors_of_a_frozen_sub_module_run_but_are_not_learnt(serve: Serve) -> None:
    server = serve(obedient)
    module = Nested()
    system = from_dspy(module)
    result = system.evaluate(system.examples(examples(1, "{}")), system.metric(exact))
    assert result == 1.0
    assert server.calls == result.cells[0].calls == 5
    assert not any("frozen" in name for name in system.space)


def test_candidates_run_side_by_side_and_nothing_is_changed(serve: Serve) -> None:
    serve(obedient)
    module = Twins()
    before = module.dump_state()
    system = from_dspy(module)
    good = {"first.prompt": "append A", "second.prompt": "append B"}
    half = {"first.prompt": "append A"}
    data = system.examples(examples(6))
    values = system.evaluate_population([good, half, {}], data, system.metric(exact))
    assert [float(v) for v in values] == [1.0, 0.0, 0.0]
    assert module.dump_state() == before
    assert [float(system.evaluate(data, system.metric(exact), candidate=c)) for c in (good, half)] == [1, 0]


def test_a_call_from_outside_gives_what_the_module_gives(serve: Serve) -> None:
    serve(obedient)
    module = Twins()
    system = from_dspy(module)
    assert isinstance(system(question="x"), dspy.Prediction)
    assert dict(system(question="x").items()) == dict(module(question="x").items())
    system.candidate = {"second.prompt": "append Z"}
    assert system(question="x").answer == system.module()(question="x").answer == "xZ"
    assert asyncio.run(system.acall(question="x")).answer == "xZ"


def test_calls_are_recorded_at_the_predictor_that_made_them(serve: Serve) -> None:
    serve(obedient)
    system = from_dspy(Twins())
    system.candidate = {"first.prompt": "append A", "second.prompt": "append B"}
    calls = system.trace_run(question="q").calls
    assert [(c.name, dict(c.inputs), c.output) for c in calls if c.name != "program"] == [
        ("first", {"question": "q"}, {"answer": "qA"}),
        ("second", {"question": "qA"}, {"answer": "qAB"}),
    ]


def test_a_program_error_is_a_failure_with_its_reason_and_moves_no_other_score(serve: Serve) -> None:
    serve(obedient)
    system = from_dspy(Twins())
    data = [*examples(2, "{}"), dspy.Example(question="boom", answer="").with_inputs("question")]
    data += examples(4, "{}")[2:]
    result = system.evaluate(system.examples(data), system.metric(exact))
    assert [cell.score for cell in result.cells] == [1.0, 1.0, 0.0, 1.0, 1.0]
    assert result.cells[2].failure == "ValueError: no such question"


def test_an_answer_that_cannot_be_read_is_a_failure_of_its_example(serve: Serve) -> None:
    serve(lambda messages: "what?" if field(messages, "question") == "q1" else obedient(messages))
    system = from_dspy(dspy.Predict("question -> answer, why"))
    result = system.evaluate(system.examples(examples(3, "{}")), system.metric(exact))
    assert result.cells[1].failure is not None
    assert "AdapterParseError" in result.cells[1].failure


def test_trouble_of_the_server_is_no_score(serve: Serve) -> None:
    def script(messages: list[dict[str, str]]) -> str:
        if field(messages, "question") == "q1":
            raise RateLimited
        return obedient(messages)

    serve(script)
    system = from_dspy(dspy.Predict(SAME))
    result = system.evaluate(system.examples(examples(3, "{}")), system.metric(exact))
    assert [cell.score for cell in result.cells] == [1.0, None, 1.0]


def test_no_more_programs_run_at_once_than_allowed(serve: Serve) -> None:
    together = threading.Barrier(3)

    def script(messages: list[dict[str, str]]) -> str:
        together.wait(timeout=20)
        return obedient(messages)

    server = serve(script)
    system = from_dspy(dspy.Predict(SAME))
    data = system.examples(examples(9, "{}"))
    assert system.evaluate(data, system.metric(exact), max_concurrency=3) == 1.0
    assert server.peak == 3


def test_calls_and_tokens_are_counted(serve: Serve) -> None:
    server = serve(obedient)
    system = from_dspy(Twins())
    result = system.evaluate(system.examples(examples(4)), system.metric(exact))
    assert sum(cell.calls for cell in result.cells) == server.calls == 8
    assert sum(cell.tokens for cell in result.cells) == 8 * 15


@pytest.mark.parametrize("budget", [3, 5, 12, 25, 40])
def test_a_budget_of_calls_is_never_exceeded_and_used(serve: Serve, budget: int) -> None:
    server = serve(obedient)
    system = from_dspy(Twins())
    better = Given({"first.prompt": "append A"}, {"second.prompt": "append B"})
    with contextlib.suppress(BudgetError):
        system.optimize(
            system.examples(examples(6)), system.metric(exact), budget=f"{budget} calls", optimizer=better,
            test=(),
        )  # fmt: skip
    assert 0 < server.calls <= budget
    assert server.calls >= min(budget, 12)


def test_what_dspys_cache_answers_counts_as_a_call_and_costs_no_tokens(serve: Serve) -> None:
    server = serve(obedient)
    dspy.configure(lm=server.lm(cache=True, user="cached-once"))
    system = from_dspy(dspy.Predict(SAME))
    data = system.examples(examples(1, "{}"))
    first = system.evaluate(data, system.metric(exact))
    again = system.evaluate(data, system.metric(exact))
    assert server.calls == 1
    assert [(r.cells[0].calls, r.cells[0].tokens) for r in (first, again)] == [(1, 15), (1, 0)]


def test_a_second_evaluation_with_a_ledger_runs_nothing(serve: Serve) -> None:
    server = serve(obedient)
    with Ledger.memory() as ledger:
        for _ in range(2):
            # A new object of the same program: what it is made of counts, not which object it is.
            system = from_dspy(Twins())
            values = system.evaluate(system.examples(examples(3)), system.metric(exact), ledger=ledger)
        assert server.calls == 6
        assert [cell.prediction for cell in values.cells] == [{"answer": f"q{n}"} for n in range(3)]
        changed = Twins()
        changed.depth = 3
        system = from_dspy(changed)
        system.evaluate(system.examples(examples(3)), system.metric(exact), ledger=ledger)
    assert server.calls == 12


def test_a_module_with_aforward_alone_runs_on_the_loop(serve: Serve) -> None:
    class Async(dspy.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.first = dspy.Predict(SAME)
            self.second = dspy.Predict(SAME)

        async def aforward(self, question: str) -> Any:
            draft = await self.first.acall(question=question)
            return await self.second.acall(question=draft.answer)

    server = serve(obedient)
    system = from_dspy(Async())
    good = {"first.prompt": "append A", "second.prompt": "append B"}
    result = system.evaluate(system.examples(examples(4)), system.metric(exact), candidate=good)
    assert result == 1.0
    assert server.calls == sum(cell.calls for cell in result.cells) == 8
    assert result.cells[0].reached == ("first", "program", "second")


def test_demos_and_call_settings_are_knobs_when_they_are_asked_for(serve: Serve) -> None:
    seen: list[list[dict[str, str]]] = []

    def script(messages: list[dict[str, str]]) -> str:
        seen.append(messages)
        return answered(answer="x")

    server = serve(script)
    module = dspy.Predict(SAME, temperature=0.5)
    module.demos = [dspy.Example(question="old", answer="one")]
    system = from_dspy(module, examples=examples(3), demos=True, max_demos=2, config=["temperature"])
    assert set(system.space) == {"self.prompt", "self.exemplars", "self.hp.temperature"}
    start = system.candidate
    assert start["self.hp.temperature"] == 0.5
    assert [e.to_json() for e in start["self.exemplars"]] == [
        {"input": {"question": "old"}, "output": {"answer": "one"}}
    ]
    knob = system.space["self.exemplars"]
    assert isinstance(knob, Exemplars)
    assert len(knob.pool) == 4
    chosen = {"self.exemplars": [({"question": "new"}, {"answer": "two"})], "self.hp.temperature": 1.5}
    system.evaluate(system.examples(examples(1)), system.metric(exact), candidate=chosen)
    text = " ".join(message["content"] for message in seen[-1])
    assert "new" in text
    assert "old" not in text
    changed = system.module(chosen)
    assert changed.config == {"temperature": 1.5}
    assert [dict(demo.items()) for demo in changed.demos] == [{"question": "new", "answer": "two"}]
    assert server.calls == 1


def test_models_of_single_predictors_are_counted_and_stay_theirs(serve: Serve) -> None:
    main, other = serve(obedient), Server(lambda messages: answered(answer="other"))
    module = Twins()
    module.second.lm = other.lm()
    system = from_dspy(module)
    result = system.evaluate(system.examples(examples(2)), system.metric(exact))
    assert (main.calls, other.calls) == (2, 2)
    assert sum(cell.calls for cell in result.cells) == 4
    assert system.module().second.lm is module.second.lm
    other.close()


def test_what_cannot_be_a_system_is_refused(serve: Serve) -> None:
    serve(obedient)

    class Empty(dspy.Module):  # type: ignore[misc]
        def forward(self) -> None:
            return None

    with pytest.raises(SpaceError, match="no predictor"):
        from_dspy(Empty())
    with pytest.raises(ProgramError, match=r"takes a dspy\.Module, and got str"):
        from_dspy("question -> answer")
    with pytest.raises(DatasetError, match="with_inputs"):
        from_dspy(Twins()).examples([dspy.Example(question="q")])
    with pytest.raises(SpaceError, match="range of 'magic'"):
        from_dspy(Twins(), config=["magic"])


def test_settings_of_the_caller_hold_under_a_running_loop(serve: Serve) -> None:
    serve(lambda messages: answered(answer="wrong"))
    other = Server(obedient)
    system = from_dspy(Twins())
    data = system.examples(examples(2, "{}"))

    async def notebook() -> float:
        with dspy.context(lm=other.lm()):
            return float(system.evaluate(data, system.metric(exact)))

    assert asyncio.run(notebook()) == 1.0
    assert other.calls == 4
    other.close()


def test_copies_share_models_and_leave_history_behind(serve: Serve) -> None:
    server = serve(obedient)
    module = Twins()
    module.first.lm = server.lm()
    module(question="x")
    assert len(module.history) == len(module.first.lm.history) + 1 == 2
    changed = from_dspy(module).module()
    assert changed.first.lm is module.first.lm
    assert changed.history == []
    module.lock = threading.Lock()  # cannot be copied
    assert from_dspy(module).module({"second.prompt": "append Z"})(question="x").answer == "xZ"


def test_without_usage_the_most_is_charged(serve: Serve) -> None:
    server = serve(obedient)
    system = from_dspy(dspy.Predict(SAME))
    data, tokens = system.examples(examples(1)), []
    for usage in (server.usage, None):
        server.usage = usage
        with dspy.context(disable_history=True):
            (cell,) = system.evaluate(data, system.metric(exact)).cells
        tokens.append(cell.tokens)
    assert tokens[0] == 15
    assert tokens[1] > 4096


def test_bars_may_be_cleared_while_another_thread_makes_one(serve: Serve) -> None:
    bars = pytest.importorskip("tqdm").tqdm

    class Interrupted(Twins):
        def forward(self, question: str) -> Any:
            bar = bars.__new__(bars)
            bars._instances.clear()  # as another thread does where it begins a `dspy.Parallel`
            bar.__init__(total=3, disable=True)
            return super().forward(question)

    serve(obedient)
    system = from_dspy(Interrupted())
    assert system.evaluate(system.examples(examples(1, "{}")), system.metric(exact)) == 1.0


def test_calls_in_threads_of_dspy_belong_to_their_lane(serve: Serve) -> None:
    class Fan(Twins):
        def forward(self, question: str) -> Any:
            pairs = [(self.first, {"question": f"{question}{n}"}) for n in range(3)]
            found = dspy.Parallel(num_threads=3, disable_progress_bar=True)(pairs)
            return self.second(question=" ".join(each.answer for each in found))

    server = serve(obedient)
    system = from_dspy(Fan())
    system.candidate = {"first.prompt": "append A"}
    result = system.evaluate(system.examples(examples(4, "{0}0A {0}1A {0}2A")), system.metric(exact))
    assert result == 1.0
    assert sum(cell.calls for cell in result.cells) == server.calls == 16
    calls = system.trace_run(question="q").calls
    assert sorted(str(call.output) for call in calls if call.name == "first") == [
        str({"answer": f"q{n}A"}) for n in range(3)
    ]
