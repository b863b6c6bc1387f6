"""How learnt values reach functions: knobs, injection, names, and what belongs to whom."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import pytest

from hyperfunc import Example, HyperSystem, LMParam, Real, hyperfunction, llm_completion
from hyperfunc.errors import DuplicateName, ProgramError
from hyperfunc.program.discovery import reach
from hyperfunc.testing import ScriptedClient

MODEL = "test/wiring"


def everything(example: Example, pred: Any) -> float:
    return 1.0


@dataclass
class Mutable:
    a: Annotated[float, Real(0, 10)] = 1.0


@hyperfunction(optimize_hparams=True)
def warm(x: int, hp: LMParam) -> float:
    """The docstring is the prompt."""
    return hp.temperature


def test_start_values_are_the_providers_defaults_never_random() -> None:
    one, two = HyperSystem([warm]), HyperSystem([warm])
    assert one.candidate.id == two.candidate.id
    assert one.evaluate([Example("warm", {"x": 1})], everything).predictions == [1.0]


def test_an_explicit_value_wins_by_name_and_by_position() -> None:
    class S(HyperSystem):
        def run(self, x: int) -> tuple[float, float, float]:
            mine = LMParam(temperature=0.25)
            return warm(x, hp=mine), warm(x, mine), warm(x)

    system = S()
    assert system(x=1) == (0.25, 0.25, 1.0)
    assert system.evaluate(
        [Example({"x": 1})], everything, candidate={"warm.hp.temperature": 1.5}
    ).predictions == [(0.25, 0.25, 1.5)]


def test_the_callers_parameters_reach_the_model_and_no_knob_is_dead() -> None:
    @hyperfunction(optimize_hparams=True)
    async def ask(x: int, *, hp: LMParam) -> str:
        return (await llm_completion(MODEL, "q", hp)).content

    system = HyperSystem([ask])
    with ScriptedClient(lambda request: "x").answering(MODEL) as client:
        system.evaluate_population(
            [{"ask.hp.temperature": 0.5}, {"ask.hp.temperature": 1.5}], [Example("ask", {"x": 1})], everything
        )
    assert [r.sampling.temperature for r in client.requests] == [0.5, 1.5]


def test_two_functions_of_one_name_are_an_error_that_names_both_every_time() -> None:
    def made(number: int) -> Any:
        @hyperfunction(name="predict")
        def work(x: int) -> int:
            return x + number

        return work

    first, second = made(1), made(2)
    with pytest.raises(DuplicateName, match=r"predict.*work.*work.*name="):
        HyperSystem([first, second])

    class S(HyperSystem):
        def run(self, x: int) -> int:
            return int(first(x) + second(x))

    S.run.__globals__.update(first=first, second=second)
    system = S()
    for _ in range(2):
        with pytest.raises(DuplicateName):
            system.evaluate([Example({"x": 1})], everything)


def test_one_function_in_two_systems_has_two_sets_of_values() -> None:
    one, two = HyperSystem([warm]), HyperSystem([warm])
    one.candidate = {"warm.hp.temperature": 0.5}
    data = [Example("warm", {"x": 1})]
    assert one.evaluate(data, everything).predictions == [0.5]
    assert two.evaluate(data, everything).predictions == [1.0]


def test_a_system_inside_a_system_has_its_own_values() -> None:
    class Inner(HyperSystem):
        level = Real(0, 10, default=1.0)

        def run(self, x: int) -> float:
            return self.level + float(warm(x))

    inner = Inner()

    class Outer(HyperSystem):
        level = Real(0, 10, default=5.0)

        def run(self, x: int) -> tuple[float, float, float]:
            return self.level, inner.level, inner(x=x)

    outer = Outer()
    inner.candidate = {"level": 2.0}
    found = outer.evaluate([Example({"x": 1})], everything, candidate={"level": 7.0})
    assert found.predictions == [(7.0, 2.0, 3.0)]
    assert outer(x=1) == (5.0, 2.0, 3.0)


def test_a_function_outside_any_system_runs_on_its_defaults() -> None:
    assert warm(1) == 1.0
    assert asyncio.run(_alone()) == "hello"


@hyperfunction
async def _greet(*, prompt: str) -> str:
    """hello"""
    return prompt


async def _alone() -> str:
    return str(await _greet())


def test_helper_methods_and_classes_are_part_of_the_program() -> None:
    class Tool:
        def use(self, x: int) -> float:
            return float(warm(x))

    class S(HyperSystem):
        def run(self, x: int) -> float:
            return self._helper(x) + Tool().use(x)

        def _helper(self, x: int) -> float:
            return float(_other(x))

    assert {fn.name for fn in S().hyperfunctions} == {"warm", "_other"}


@hyperfunction
def _other(x: int) -> float:
    return 1.0


LABELS = {"b", "a"}


def test_the_fingerprint_follows_what_the_code_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def helper(x: int, *, factor: int = 2) -> int:
        return x * factor + len(LABELS)

    def run(x: int) -> int:
        return helper(x)

    before = reach([run]).fingerprint
    assert reach([run]).fingerprint == before
    monkeypatch.setitem(globals(), "LABELS", {"a", "b"})
    assert reach([run]).fingerprint == before
    monkeypatch.setitem(globals(), "LABELS", {"a", "c"})
    assert reach([run]).fingerprint != before
    monkeypatch.undo()
    assert helper.__kwdefaults__ is not None
    helper.__kwdefaults__["factor"] = 3
    assert reach([run]).fingerprint != before


def test_the_fingerprint_follows_what_a_partial_fills_in() -> None:
    def near(pred: float, expected: float, within: float, measure: Any = abs) -> float:
        return float(measure(pred - expected) <= within)

    def doubled(x: float) -> float:
        return 2 * abs(x)

    def mark(given: Any) -> str:
        return reach([given]).fingerprint

    narrow = partial(near, within=0.1)
    assert mark(narrow) == mark(partial(near, within=0.1))
    assert mark(narrow) != mark(partial(near, within=0.2))
    assert mark(narrow) != mark(partial(near, within=0.1, measure=doubled))

    def uses() -> Any:
        return narrow

    before = mark(uses)
    narrow = partial(near, within=0.1, measure=doubled)
    assert mark(uses) != before


def test_one_unknown_annotation_does_not_hide_the_others() -> None:
    @hyperfunction(optimize_hparams=True)
    def work(ticket: NowhereDefined, hp: LMParam) -> float:  # type: ignore[name-defined]  # noqa: F821
        return hp.temperature

    assert work.hp_type is LMParam
    assert work("x") == 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hyperfunction(hyperfunction(lambda x: x)), "decorated with @hyperfunction twice"),
        (lambda: hyperfunction(3), "decorates functions, and got int"),  # type: ignore[call-overload]
        (lambda: hyperfunction(optimize_prompt=True)(lambda x: x), "never sees it; add a parameter"),
        (lambda: hyperfunction(exemplars=[("a", "b")])(lambda x: x), "has exemplars but never sees them"),
        (lambda: hyperfunction(hp_type=LMParam)(lambda x: x), "no parameter for it; add"),
        (lambda: hyperfunction(optimize_hparams=True)(lambda x: x), "has no parameter group; give hp_type"),
        (lambda: HyperSystem(warm), r"write HyperSystem\(\[warm\]\)"),  # type: ignore[arg-type]
        (lambda: HyperSystem([lambda x: x]), "is not a hyperfunction; decorate it"),  # type: ignore[list-item]
    ],
)
def test_a_wrong_program_is_told_what_to_do(make: Any, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        make()
