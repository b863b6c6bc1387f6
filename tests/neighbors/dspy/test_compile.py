"""The optimizer in DSPy's calling convention."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hyperfunc.errors import BudgetSyntax, DatasetError, ProgramError
from hyperfunc.interop.dspy import Hyperfunc
from hyperfunc.interop.dspy.budgets import MetricCalls

from .programs import Given, Nested, Twins, examples, obedient
from .scripted import Script, Server, dspy

pytestmark = pytest.mark.dspy
Serve = Callable[[Script], Server]

HALF = {"first.prompt": "append A"}
GOOD = {"first.prompt": "append A", "second.prompt": "append B"}


def partial(example: Any, pred: Any, trace: Any = None) -> float:
    """A third for each letter that is right, and for the question."""
    return (pred.answer.startswith("q") + ("A" in pred.answer) + ("B" in pred.answer)) / 3


def test_a_compile_returns_a_better_copy(serve: Serve) -> None:
    serve(obedient)
    student = Twins()
    before = student.dump_state()
    optimizer = Hyperfunc(metric=partial, max_metric_calls=100, optimizer=Given(HALF, GOOD))
    better = optimizer.compile(student, trainset=examples(6), valset=examples(4))
    assert isinstance(optimizer, dspy.teleprompt.Teleprompter)
    assert type(better) is Twins
    assert better is not student
    assert (better.first.signature.instructions, better.second.signature.instructions) == (
        "append A", "append B",
    )  # fmt: skip
    assert student.dump_state() == before
    assert better(question="x").answer == "xAB"
    assert not hasattr(better, "detailed_results")


def test_when_nothing_is_better_the_program_stays(serve: Serve) -> None:
    serve(obedient)
    student = Twins()
    bad = {"first.prompt": "append X"}
    optimizer = Hyperfunc(
        metric=lambda example, pred, trace=None: pred.answer == example.question,
        max_metric_calls=60, optimizer=Given(bad),
    )  # fmt: skip
    better = optimizer.compile(student, trainset=examples(6))
    assert better.dump_state() == student.dump_state()


def test_a_test_set_decides_about_the_change(serve: Serve) -> None:
    serve(obedient)
    optimizer = Hyperfunc(metric=partial, max_metric_calls=200, optimizer=Given(GOOD), track_stats=True)
    held = [dspy.Example(question=f"q9{n}", answer="").with_inputs("question") for n in range(12)]
    better = optimizer.compile(Twins(), trainset=examples(8), testset=held)
    assert better(question="x").answer == "xAB"
    assert "held out: +0.667" in better.detailed_results.summary


@pytest.mark.parametrize("most", [20, 33, 47])
def test_metric_calls_are_never_exceeded(serve: Serve, most: int) -> None:
    serve(obedient)
    judged: list[str] = []

    def metric(example: Any, pred: Any, trace: Any = None) -> float:
        judged.append(example.question)
        return partial(example, pred)

    optimizer = Hyperfunc(metric=metric, max_metric_calls=most, optimizer=Given(HALF, GOOD), track_stats=True)
    better = optimizer.compile(Twins(), trainset=examples(10))
    assert len(judged) <= most
    assert better.detailed_results.total_metric_calls <= most


def test_statistics_are_attached_when_they_are_wanted(serve: Serve) -> None:
    serve(obedient)
    optimizer = Hyperfunc(
        metric=partial, max_metric_calls=100, optimizer=Given(HALF, GOOD), track_stats=True,
        track_best_outputs=True, seed=3,
    )  # fmt: skip
    details = optimizer.compile(Twins(), trainset=examples(5), valset=examples(4)).detailed_results
    assert [c.second.signature.instructions == "append B" for c in details.candidates] == [
        False, False, True,
    ]  # fmt: skip
    assert details.val_aggregate_scores == pytest.approx([1 / 3, 2 / 3, 1])
    assert details.val_subscores[2] == {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}
    assert details.best_idx == 2
    assert details.best_candidate(question="x").answer == "xAB"
    assert details.per_val_instance_best_candidates == {n: {2} for n in range(4)}
    assert {n: [(k, p.answer) for k, p in best] for n, best in details.best_outputs_valset.items()} == {
        n: [(2, f"q{n}AB")] for n in range(4)
    }
    assert details.seed == 3


RELOAD = """
import sys
sys.path[:0] = {path!r}
from tests.neighbors.dspy.programs import Nested
module = Nested()
module.load({file!r})
print([p.signature.instructions for _, p in module.named_predictors()])
"""


def test_compiled_programs_are_saved_and_loaded_by_dspy(serve: Serve, tmp_path: Path) -> None:
    serve(obedient)
    values = {
        "steps[0].prompt": "append A", "steps[1].prompt": "append B",
        "tools['look%20up']/predict.prompt": 'append ü\n"quoted"',
    }  # fmt: skip
    optimizer = Hyperfunc(
        metric=partial, max_metric_calls=100, optimizer=Given(values), track_stats=True, demos=True
    )
    better = optimizer.compile(Nested(), trainset=examples(4))
    file = tmp_path / "better.json"
    better.save(str(file))
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["steps[0]"]["signature"]["instructions"] == "append A"
    script = RELOAD.format(path=sys.path, file=str(file))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == repr([
        p.signature.instructions for _, p in better.named_predictors()
    ])  # fmt: skip
    again = Nested()
    again.load(str(file))
    assert again.dump_state() == better.dump_state()
    whole = tmp_path / "whole"
    better.save(str(whole), save_program=True)
    assert dspy.load(str(whole), allow_pickle=True)(question="x").answer == better(question="x").answer


def test_with_a_log_dir_the_same_compile_pays_nothing_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(obedient)

    def compile_it(most: int = 100) -> Any:
        optimizer = Hyperfunc(
            metric=partial, max_metric_calls=most, optimizer=Given(HALF, GOOD), log_dir=tmp_path / "log",
            track_stats=True,
        )  # fmt: skip
        return optimizer.compile(Twins(), trainset=examples(5))

    first = compile_it()
    calls = server.calls
    again = compile_it()
    assert server.calls == calls
    assert again.dump_state() == first.dump_state()
    assert again.detailed_results.run_id == first.detailed_results.run_id
    assert again.detailed_results.total_metric_calls == first.detailed_results.total_metric_calls


def test_what_a_compile_must_be_told() -> None:
    with pytest.raises(BudgetSyntax, match="exactly one of auto, max_full_evals and max_metric_calls"):
        Hyperfunc(metric=partial, reflection_lm=str.upper)
    with pytest.raises(BudgetSyntax, match="got auto and max_metric_calls"):
        Hyperfunc(metric=partial, auto="light", max_metric_calls=3, reflection_lm=str.upper)
    with pytest.raises(BudgetSyntax, match="'huge'"):
        Hyperfunc(metric=partial, auto="huge", reflection_lm=str.upper)
    with pytest.raises(ProgramError, match="nobody writes instructions"):
        Hyperfunc(metric=partial, auto="light")
    with pytest.raises(ProgramError, match="track_stats=True"):
        Hyperfunc(metric=partial, auto="light", reflection_lm=str.upper, track_best_outputs=True)
    optimizer = Hyperfunc(metric=partial, max_metric_calls=9, optimizer=Given())
    with pytest.raises(DatasetError, match="trainset is empty"):
        optimizer.compile(Twins(), trainset=[])
    with pytest.raises(ProgramError, match="teacher"):
        optimizer.compile(Twins(), trainset=examples(2), teacher=Twins())


@pytest.mark.parametrize("auto", ["light", "medium", "heavy"])
@pytest.mark.parametrize(("predictors", "train", "validation"), [(1, 20, 50), (2, 30, 0), (5, 200, 300)])
def test_budgets_mean_what_they_mean_in_dspy(auto: Any, predictors: int, train: int, validation: int) -> None:
    theirs = dspy.GEPA(metric=lambda a, b, c, d, e: 0.0, auto=auto, reflection_lm=dspy.utils.DummyLM([]))
    candidates = {"light": 6, "medium": 12, "heavy": 18}[auto]
    wanted = theirs.auto_budget(predictors, candidates, validation or train)
    assert MetricCalls(auto=auto).count(predictors, train, validation) == wanted
    assert MetricCalls(max_full_evals=8).count(predictors, train, validation) == 8 * (train + validation)
    assert MetricCalls(max_metric_calls=77).count(predictors, train, validation) == 77


def test_callbacks_of_dspy_see_the_compile(serve: Serve) -> None:
    from dspy.utils.callback import BaseCallback

    seen: list[str] = []

    class Watch(BaseCallback):  # type: ignore[misc]
        def on_compile_start(self, call_id: str, instance: Any, inputs: Any) -> None:
            seen.append(f"start {type(instance).__name__} {len(inputs['trainset'])}")

        def on_compile_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            seen.append(f"end {type(outputs).__name__}")

    serve(obedient)
    with dspy.context(callbacks=[Watch()]):
        Hyperfunc(metric=partial, max_metric_calls=50, optimizer=Given(HALF)).compile(
            Twins(), trainset=examples(3)
        )
    assert seen == ["start Hyperfunc 3", "end Twins"]
