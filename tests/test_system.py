"""The façade: both forms of a program, with and without a running loop, in production and while it learns."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperfunc import Example, HyperSystem, LMParam, Real, TorchEggrollSystemOptimizer, hyperfunction
from hyperfunc.errors import OutOfBounds, ProgramError, SpaceError

METRIC_DATA = [Example({"x": float(x)}, 0.0) for x in range(4)]


@hyperfunction(optimize_hparams=True)
def near(x: float, hp: LMParam) -> float:
    return -abs(hp.temperature - 0.5)


@hyperfunction(optimize_hparams=True)
async def near_later(x: float, hp: LMParam) -> float:
    await asyncio.sleep(0)
    return -abs(hp.temperature - 0.5)


class Async(HyperSystem):
    async def run(self, x: float) -> float:
        return float(await near_later(x))


class Sync(HyperSystem):
    def run(self, x: float) -> float:
        return float(near(x)) if x < 2 else float(near_later(x))


def mean(preds: list[float], expected: list[float]) -> float:
    return sum(preds) / len(preds)


def learner() -> Any:
    return TorchEggrollSystemOptimizer(steps=12, pop_size=16, sigma=0.1, lr=0.1)


FORMS: dict[str, Callable[[], tuple[HyperSystem, list[Example]]]] = {
    "class, async run": lambda: (Async(system_optimizer=learner()), METRIC_DATA),
    "class, sync run": lambda: (Sync(system_optimizer=learner()), METRIC_DATA),
    "functions": lambda: (
        HyperSystem([near], system_optimizer=learner()),
        [Example("near", dict(e.inputs), 0.0) for e in METRIC_DATA],
    ),
    "async functions": lambda: (
        HyperSystem([near_later], system_optimizer=learner()),
        [Example("near_later", dict(e.inputs), 0.0) for e in METRIC_DATA],
    ),
}


def learn(form: str) -> tuple[float, float]:
    system, data = FORMS[form]()
    before = system.evaluate(data, mean)
    system.optimize(data, mean)
    return float(before), float(system.evaluate(data, mean))


async def learn_async(form: str) -> tuple[float, float]:
    system, data = FORMS[form]()
    before = await system.aevaluate(data, mean)
    await system.aoptimize(data, mean)
    return float(before), float(await system.aevaluate(data, mean))


async def learn_in_a_notebook(form: str) -> tuple[float, float]:
    return learn(form)


@pytest.mark.parametrize("form", FORMS)
def test_learning_with_and_without_a_running_loop(form: str) -> None:
    before, after = learn(form)
    assert before == pytest.approx(-0.5)
    assert after > -0.2
    assert asyncio.run(learn_async(form)) == (before, after)
    assert asyncio.run(learn_in_a_notebook(form)) == (before, after)


def test_the_first_example_of_the_older_library() -> None:
    torch = pytest.importorskip("torch")

    @hyperfunction(model="my-llm", hp_type=LMParam, optimize_hparams=True)
    def score_answer(x: float, hp: LMParam) -> float:
        """A toy objective: we want hp.temperature to be close to 0.5."""
        return -abs(hp.temperature - 0.5)

    train_data = [Example("score_answer", {"x": 0.0}, 0.0)]

    def metric_fn(preds: list[float], expected: list[float]) -> float:
        return sum(preds) / len(preds)

    system = HyperSystem(
        [score_answer],
        system_optimizer=TorchEggrollSystemOptimizer(steps=20, pop_size=20, sigma=0.1, lr=0.1),
    )
    with torch.no_grad():
        system.model.hp[0] = 0.0
    assert system.evaluate(train_data, metric_fn) == -0.5
    system.optimize(train_data, metric_fn)
    assert system.evaluate(train_data, metric_fn) > -0.05


def test_production_goes_on_while_it_is_evaluated() -> None:
    system = Async()
    population = [{"near_later.hp.temperature": t / 10} for t in range(20)]

    async def serve() -> list[float]:
        found = []
        for _ in range(50):
            found.append(await system.acall(x=0.0))
            await asyncio.sleep(0)
        return found

    async def go() -> Any:
        return await asyncio.gather(
            system.aevaluate_population(population, METRIC_DATA, mean), serve(), serve()
        )

    evaluations, *served = asyncio.run(go())
    assert [float(e) for e in evaluations] == pytest.approx([-abs(t / 10 - 0.5) for t in range(20)])
    assert served == [[-0.5] * 50] * 2


@pytest.mark.parametrize("kind", [Async, Sync])
def test_calling_it_in_every_way(kind: type[HyperSystem]) -> None:
    system = kind()

    async def inside() -> tuple[Any, Any, Any]:
        return await system.acall(x=3.0), await system.execute({"x": 3.0}), system(x=3.0)

    assert system(x=3.0) == -0.5
    assert asyncio.run(inside()) == (-0.5, -0.5, -0.5)


def test_an_interrupt_under_a_running_loop_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from hyperfunc.program.loops import finish

    stopped = threading.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def notebook() -> None:
        join = threading.Thread.join

        def interrupted(self: threading.Thread, timeout: float | None = None) -> None:
            monkeypatch.setattr(threading.Thread, "join", join)
            raise KeyboardInterrupt

        monkeypatch.setattr(threading.Thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            finish(work())
        assert stopped.wait(5)

    asyncio.run(notebook())


def test_the_flat_view_is_the_systems_memory() -> None:
    torch = pytest.importorskip("torch")
    system = HyperSystem([near])
    hp = system.model.hp
    assert hp.shape == (system.hp_dim,) == (5,)
    assert system.model.slices == {"near": slice(0, 5)}
    with torch.no_grad():
        hp[0] = 0.25
    assert system.candidate["near.hp.temperature"] == 0.25
    system.candidate = {"near.hp.temperature": 0.75}
    assert hp[0].item() == 0.75
    with torch.no_grad():
        hp[0] = 7.0
    with pytest.raises(OutOfBounds, match=r"model\.hp.*near\.hp\.temperature"):
        system.evaluate([Example("near", {"x": 0.0})], mean)


def test_saving_and_loading(tmp_path: Path) -> None:
    one, two = HyperSystem([near]), HyperSystem([near])
    one.candidate = {"near.hp.temperature": 0.25}
    one.save(tmp_path / "values.json")
    two.load(tmp_path / "values.json")
    assert two.candidate.id == one.candidate.id
    state = one.get_hp_state()
    assert state["near"].tolist()[0] == 0.25
    state["near"][0] = 0.5
    two.set_hp_state(state)
    assert two.candidate["near.hp.temperature"] == 0.5
    with pytest.raises(SpaceError, match="'nobody'"):
        two.set_hp_state({"nobody": np.zeros(2)})
    for text in ("nope", "[]", '{"values": 3}'):
        (tmp_path / "bad.json").write_text(text, encoding="utf-8")
        with pytest.raises(SpaceError):
            two.load(tmp_path / "bad.json")


def test_own_knobs_are_learnt_and_read_as_values() -> None:
    class Threshold(HyperSystem):
        level = Real(0.0, 1.0, default=0.25)

        def run(self, x: float) -> bool:
            return x > self.level

    system, other = Threshold(), Threshold()
    data = [Example({"x": random.Random(i).random()}, None) for i in range(10)]
    metric = lambda preds, expected: float(sum(preds))  # noqa: E731
    assert system.evaluate(data, metric, candidate={"level": 1.0}) == 0.0
    assert system.level == 0.25
    system.level = 0.75
    assert (system.level, other.level) == (0.75, 0.25)
    with pytest.raises(OutOfBounds, match="level"):
        system.level = 2.0
    assert system.learnable == {"level"}


def test_what_is_set_on_an_instance_is_part_of_the_program(tmp_path: Path) -> None:
    class Scaled(HyperSystem):
        knob = Real(0.0, 1.0, default=0.5)

        def __init__(self, factor: float) -> None:
            self.factor = factor
            self.runs = 0

        def run(self, x: float) -> float:
            self.runs += 1
            return self.factor * x * self.knob

    def total(preds: list[float], expected: list[None]) -> float:
        return sum(preds)

    data = [({"x": 1.0}, None)]
    one, five = Scaled(1.0), Scaled(5.0)
    assert one.evaluate(data, total, ledger=tmp_path) == 0.5
    assert five.evaluate(data, total, ledger=tmp_path) == 2.5
    # What the program itself counts does not make it another one.
    assert one.evaluate(data, total, ledger=tmp_path) == 0.5
    assert one.runs == 1
    one.factor = 3.0
    assert one.evaluate(data, total, ledger=tmp_path) == 1.5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("bayesian", "optimizer='bayesian' is no optimizer; give an object of hyperfunc.optimizers"),
        ("Fixed", r"is a scheduler.*Search\(Bayesian\(\), Fixed\("),
    ],
)
def test_what_is_no_optimizer_is_refused_before_the_run(given: str, said: str, tmp_path: Any) -> None:
    from hyperfunc.optimizers import Fixed

    class Plain(HyperSystem):
        scale = Real(0, 1)

        def run(self, x: float) -> float:
            return x * self.scale

    optimizer: Any = Fixed() if given == "Fixed" else given
    with pytest.raises(ProgramError, match=said):
        Plain(ledger=tmp_path).optimize([Example({"x": 1.0}, 1.0)], "exact", optimizer=optimizer)
    assert not list(tmp_path.iterdir())
