"""Compiles end to end: feedback about each predictor leads a proposer to the right instructions."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hyperfunc.errors import ProgramError
from hyperfunc.interop.dspy import Hyperfunc

from .programs import Twins, examples, obedient
from .scripted import Script, Server, dspy

pytestmark = pytest.mark.dspy
Serve = Callable[[Script], Server]


def coach(gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None) -> Any:
    """The first predictor is to append A and the second B; each is told so, and what it wrote."""
    score = (("A" in pred.answer) + ("B" in pred.answer)) / 2
    if pred_name is None:
        return dspy.Prediction(score=score, feedback="the whole is not right")
    ((_, inputs, output),) = pred_trace
    letter = {"first": "A", "second": "B"}[pred_name]
    done = output.answer == inputs["question"] + letter
    return dspy.Prediction(score=score, feedback="" if done else f"{pred_name} must say append {letter}")


def obey(candidate: Any, reflective_dataset: Any, components_to_update: Any) -> dict[str, str]:
    """Writes what the feedback about each predictor asks for."""
    texts = {}
    for name in components_to_update:
        said = " ".join(record["Feedback"] for record in reflective_dataset[name])
        found = re.findall(rf"{name} must say (append .)", said)
        texts[name] = found[0] if found else candidate[name]
    return texts


@pytest.mark.parametrize("selector", ["all", "round_robin", "credit"])
def test_predictors_of_equal_signature_learn_from_their_own_feedback(serve: Serve, selector: str) -> None:
    serve(obedient)
    optimizer = Hyperfunc(
        metric=coach, max_metric_calls=400, instruction_proposer=obey, component_selector=selector,
        track_stats=True,
    )  # fmt: skip
    better = optimizer.compile(Twins(), trainset=examples(8), valset=examples(16)[8:])
    assert [p.signature.instructions for p in (better.first, better.second)] == ["append A", "append B"]
    assert better.detailed_results.total_metric_calls <= 400


def test_the_result_does_not_depend_on_the_number_of_threads(serve: Serve, tmp_path: Path) -> None:
    serve(obedient)

    def compile_it(threads: int) -> Any:
        optimizer = Hyperfunc(
            metric=coach, max_metric_calls=120, instruction_proposer=obey, component_selector="round_robin",
            num_threads=threads, log_dir=tmp_path / str(threads), track_stats=True,
        )  # fmt: skip
        return optimizer.compile(Twins(), trainset=examples(8))

    one, many = (compile_it(threads) for threads in (1, 12))
    assert one.dump_state() == many.dump_state()
    assert one.detailed_results.val_subscores == many.detailed_results.val_subscores
    assert one.detailed_results.total_metric_calls == many.detailed_results.total_metric_calls


def test_a_compile_that_broke_off_goes_on_to_the_same_result(serve: Serve, tmp_path: Path) -> None:
    server = serve(obedient)
    breaks = threading.Event()
    asked: list[Any] = []

    def propose(candidate: Any, reflective_dataset: Any, components_to_update: Any) -> dict[str, str]:
        asked.append(components_to_update)
        if breaks.is_set() and len(asked) == 2:
            raise RuntimeError("the power went off")
        return obey(candidate, reflective_dataset, components_to_update)

    def compile_it(folder: str) -> tuple[Any, int]:
        before = server.calls
        optimizer = Hyperfunc(
            metric=coach, max_metric_calls=120, instruction_proposer=propose, track_stats=True,
            component_selector="round_robin", log_dir=tmp_path / folder,
        )  # fmt: skip
        return optimizer.compile(Twins(), trainset=examples(8)), server.calls - before

    whole, calls = compile_it("whole")
    asked.clear()
    breaks.set()
    with pytest.raises(RuntimeError, match="the power went off"):
        compile_it("broken")
    breaks.clear()
    again, rest = compile_it("broken")
    assert again.dump_state() == whole.dump_state()
    assert again.detailed_results.val_subscores == whole.detailed_results.val_subscores
    assert again.detailed_results.total_metric_calls == whole.detailed_results.total_metric_calls
    assert rest < calls


def reflect(messages: list[dict[str, str]]) -> str:
    """A reflection LM that finds in its prompt what is asked for, and answers in the fence it is shown."""
    text = messages[-1]["content"]
    letters = re.findall(r"must say append (\w)", text)
    return f"```\nappend {letters[0]}\n```" if letters else "```\nno change\n```"


def test_a_reflection_lm_writes_the_instructions_and_is_kept(serve: Serve, tmp_path: Path) -> None:
    server = serve(obedient)
    reflector = Server(reflect)

    def compile_it() -> Any:
        optimizer = Hyperfunc(
            metric=coach, max_metric_calls=400, reflection_lm=reflector.lm(), log_dir=tmp_path / "log",
            candidate_selection_strategy="pareto", reflection_minibatch_size=3, track_stats=True,
        )  # fmt: skip
        return optimizer.compile(Twins(), trainset=examples(8), valset=examples(16)[8:])

    better = compile_it()
    assert better(question="x").answer == "xAB"
    asked = (server.calls, reflector.calls)
    assert reflector.calls > 0
    again = compile_it()
    assert again.dump_state() == better.dump_state()
    assert (server.calls, reflector.calls) == asked
    reflector.close()


def test_strategies_that_are_not_known_are_refused(serve: Serve) -> None:
    serve(obedient)
    for setting in ({"component_selector": "best"}, {"candidate_selection_strategy": "oldest"}):
        optimizer = Hyperfunc(metric=coach, max_metric_calls=40, instruction_proposer=obey, **setting)
        with pytest.raises(ProgramError, match=next(iter(setting))):
            optimizer.compile(Twins(), trainset=examples(4))
    given = lambda state, *more: ["first"]  # noqa: E731
    optimizer = Hyperfunc(
        metric=coach, max_metric_calls=40, instruction_proposer=obey, component_selector=given
    )
    with pytest.raises(ProgramError, match="no such state"):
        optimizer.compile(Twins(), trainset=examples(4))
