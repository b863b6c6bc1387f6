"""Traps of replaying a recorded graph, and idioms that a program may use: each evaluates as plain Python."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from hyperfunc import Example, HyperSystem, Real, combine, hyperfunction, split


@dataclass(frozen=True)
class Num:
    a: Annotated[float, Real(-10, 10)] = 0.0


@hyperfunction(optimize_hparams=True)
def gate(x: float, hp: Num) -> float:
    return x + hp.a


@hyperfunction(optimize_hparams=True, retries=1)
def waiting(x: float, hp: Num) -> float:
    return x * 2 + hp.a


@hyperfunction(optimize_hparams=True)
async def later(x: float, hp: Num) -> float:
    await asyncio.sleep(0)
    return x - hp.a


POPULATION = [{}, {"gate.hp.a": 2.0}, {"waiting.hp.a": 3.0}, {"later.hp.a": -1.0, "gate.hp.a": -2.0}]
DATA = [Example({"x": float(x)}, 0.0) for x in (-2, 0, 1, 3)]


def value(preds: list[Any], expected: list[Any]) -> float:
    return float(sum(hash(str(p)) % 1000 for p in preds))


def check(run: Any) -> None:
    """The population, each candidate alone, and production give the same predictions."""
    system = type("Made", (HyperSystem,), {"run": run})([gate, waiting, later])
    found = system.evaluate_population(POPULATION, DATA, value)
    for candidate, evaluation in zip(POPULATION, found, strict=True):
        assert not evaluation.failures
        alone = system.evaluate(DATA, value, candidate=candidate)
        assert (alone.predictions, float(alone)) == (evaluation.predictions, float(evaluation))
        system.candidate = system.space.default
        system.candidate = candidate
        assert [system(**e.inputs) for e in DATA] == evaluation.predictions
        system.candidate = system.space.default
    assert len({str(e.predictions) for e in found}) > 1


def test_trap_a_learnt_value_gates_a_branch() -> None:
    def run(self: Any, x: float) -> float:
        return waiting(x) if gate(x) > 0 else -1.0

    check(run)


def test_trap_a_learnt_value_counts_a_loop() -> None:
    async def run(self: Any, x: float) -> float:
        for _ in range(max(0, int(gate(x)))):
            x = await later(x)
        return x

    check(run)


def test_trap_work_after_the_last_call() -> None:
    check(lambda self, x: 1 - gate(x))


def test_trap_python_between_calls() -> None:
    check(lambda self, x: waiting(2 * gate(x) + 1))


def test_trap_the_last_call_is_not_what_is_returned() -> None:
    async def run(self: Any, x: float) -> float:
        first = gate(x)
        await later(100.0)
        return float(first)

    check(run)


IDIOMS: dict[str, Any] = {
    "greater than": lambda v: v > 0,
    "float": lambda v: float(v) + 0.5,
    "negation": lambda v: -v,
    "round": lambda v: round(v, 1),
    "power": lambda v: v**2,
    "abs": lambda v: abs(v),
    "format": lambda v: f"{v:.2f}",
    "int": lambda v: int(v),
    "division by it": lambda v: 1 / v if v else 0.0,
    "modulo": lambda v: v % 3,
    "math": lambda v: math.floor(math.exp(v / 10)),
    "json": lambda v: json.loads(json.dumps({"v": v}))["v"],
    "isinstance": lambda v: (isinstance(v, float), v),
    "text on its left": lambda v: "Hello " + str(v),
    "indexing and iterating": lambda v: [item + 0 for item in [v, v + 1]][-1],
}


@pytest.mark.parametrize("name", IDIOMS)
@pytest.mark.parametrize("call", [gate, waiting, later], ids=lambda fn: fn.name)
def test_idiom(name: str, call: Any) -> None:
    use = IDIOMS[name]

    async def run(self: Any, x: float) -> Any:
        result = call(x)
        return use(await result if call.is_async else result), float(gate(x))

    def run_sync(self: Any, x: float) -> Any:
        return use(call(x)), float(gate(x))

    check(run)
    check(run_sync)


def test_no_value_is_wrapped() -> None:
    kinds: set[type] = set()

    async def run(self: Any, x: float) -> float:
        kinds.update({type(x), type(gate(x)), type(waiting(x)), type(await later(x))})
        return x + gate(x)

    check(run)
    assert kinds == {float}


def test_combine_and_split_are_inverse() -> None:
    torch = pytest.importorskip("torch")
    parts = (torch.arange(2.0), torch.arange(3.0))
    joined = combine(parts)
    assert joined.shape == (5,)
    assert all(torch.equal(a, b) for a, b in zip(split(joined, [2, 3]), parts, strict=True))
    assert [p.tolist() for p in split(joined, 2)] == [[0.0, 1.0], [0.0, 1.0], [2.0]]
    with pytest.raises(ValueError, match="sum to 4"):
        split(joined, [2, 2])
    with pytest.raises(ValueError, match="at least one"):
        combine([])
