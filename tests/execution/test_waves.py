"""Calls that go in waves give what they give one by one, and the result says what went how."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import HyperSystem, hyperfunction, llm_completion
from hyperfunc.errors import ProgramError
from hyperfunc.execution.agreement import agree
from hyperfunc.execution.waves import runners as runners_module
from hyperfunc.execution.waves.company import ALONE, Call
from hyperfunc.execution.waves.runners import Runner, runner_of
from hyperfunc.execution.waves.waves import Waves
from hyperfunc.llm.client import Request
from hyperfunc.program.binding import Binding, current_seed
from hyperfunc.spaces import Integer, Matrix, Real
from hyperfunc.spaces.modules import ModuleParam
from hyperfunc.testing import ScriptedClient
from hyperfunc.types import Failure


@dataclass
class Scale:
    by: Annotated[float, Real(-2, 2)] = 1.0


@dataclass
class Layer:
    w: Annotated[np.ndarray, Matrix((2, 2))] = field(default_factory=lambda: np.eye(2, dtype=np.float32))
    by: Annotated[float, Real(-2, 2)] = 1.0
    power: Annotated[int, Integer(1, 3)] = 1


@dataclass
class State:
    hidden: torch.Tensor
    step: int


def matrix(w: Any) -> torch.Tensor:
    """A matrix knob is an array in plain Python and a tensor in a batch."""
    return torch.from_numpy(w.copy()) if isinstance(w, np.ndarray) else w


@hyperfunction(optimize_hparams=True)
def scale(x: torch.Tensor, *, hp: Scale) -> torch.Tensor:
    return x * hp.by + 0.5


@hyperfunction(optimize_hparams=True)
def layer(x: torch.Tensor, *, hp: Layer) -> torch.Tensor:
    out = x[..., :2] @ matrix(hp.w) * hp.by
    for _ in range(hp.power):
        out = torch.tanh(out)
    return out


@hyperfunction
def nested(x: torch.Tensor) -> torch.Tensor:
    return scale(scale(x).sin()) - x.mean()


@hyperfunction
def widened(x: torch.Tensor, times: int = 1) -> torch.Tensor:
    return torch.cat([x[:2]] * times)


@hyperfunction
def pair(parts: list[torch.Tensor]) -> dict[str, Any]:
    return {"sum": parts[0].sum() + parts[1].sum(), "n": len(parts)}


@hyperfunction
def branching(x: torch.Tensor) -> torch.Tensor:
    return -x if x.sum().item() > 0 else x * 3


@hyperfunction
def lucky(x: torch.Tensor) -> torch.Tensor:
    return x + (current_seed() or 0) % 7


@hyperfunction
def random_noise(x: torch.Tensor) -> torch.Tensor:
    return x + torch.rand(1) * 0


@hyperfunction
def refusing(x: torch.Tensor, limit: int) -> torch.Tensor:
    if x.shape[0] + limit > 4:
        raise ValueError(f"too big by {limit}")
    return x + limit


@hyperfunction
def writing(x: torch.Tensor) -> torch.Tensor:
    return x.add_(1) * 2


@hyperfunction
async def waiting(x: torch.Tensor) -> torch.Tensor:
    await asyncio.sleep(0)
    return scale(x) * 2


ONE_TENSOR = [scale, layer, nested, branching, lucky, random_noise, writing]


def one_step(x: torch.Tensor, kind: int, number: int) -> torch.Tensor:
    if kind < len(ONE_TENSOR):
        return ONE_TENSOR[kind](x)
    if kind == len(ONE_TENSOR):
        return widened(x, times=1 + number % 2)
    if kind == len(ONE_TENSOR) + 1:
        return pair([x, scale(x)])["sum"] + x
    if kind == len(ONE_TENSOR) + 2 and number % 3 == 0:
        return -x
    try:
        return refusing(x, number)
    except ValueError:
        if number == 4:
            raise
        return x - 1


KINDS = len(ONE_TENSOR) + 4


class Sync(HyperSystem):
    def run(self, x: torch.Tensor, steps: tuple[int, ...], n: int) -> torch.Tensor:
        for step in steps:
            x = one_step(x, step, n)
        return x


class Async(HyperSystem):
    async def run(self, x: torch.Tensor, steps: tuple[int, ...], n: int) -> torch.Tensor:
        async def branch(y: torch.Tensor, at: int) -> torch.Tensor:
            for step in steps[at::2]:
                y = one_step(y, step, n)
            return await waiting(y)

        first, second = await asyncio.gather(branch(x, 0), branch(x * 2, 1))
        return torch.cat([first.reshape(-1), second.reshape(-1)])


SYSTEMS = (
    Sync([*ONE_TENSOR, widened, pair, refusing]),
    Async([*ONE_TENSOR, widened, pair, refusing, waiting]),
)


def metric(preds: list[Any], expected: list[Any]) -> float:
    return float(sum(1.0 for pred in preds if not isinstance(pred, Failure)))


def outcomes(system: HyperSystem, candidates: list[Any], examples: list[Any], mode: str) -> list[Any]:
    found = system.evaluate_population(candidates, examples, metric, execution=mode)
    return [cell.prediction for value in found for cell in value.cells]


def members(count: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "scale.hp.by": float(rng.uniform(-1, 1)),
            "layer.hp.by": float(rng.uniform(-1, 1)),
            "layer.hp.power": int(rng.integers(1, 3)),
            "layer.hp.w": rng.normal(size=(2, 2)).astype(np.float32),
        }
        for _ in range(count)
    ]


def report(value: Any) -> dict[str, Any]:
    return dict(value.execution.waves)


# The law: waves are plain, for random programs


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(SYSTEMS),
    st.lists(
        st.tuples(st.lists(st.integers(0, KINDS - 1), max_size=4), st.integers(2, 3), st.integers(0, 4)),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_waves_give_what_plain_gives(
    system: HyperSystem, programs: list[tuple[list[int], int, int]], count: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    examples = [
        ({"x": torch.randn(size, generator=generator), "steps": tuple(steps), "n": n}, None)
        for steps, size, n in programs
        for _ in range(2)
    ]
    candidates = members(count, seed)
    plain = outcomes(system, candidates, examples, "plain")
    waves = outcomes(system, candidates, examples, "waves")
    for got, want in zip(waves, plain, strict=True):
        if isinstance(want, Failure):
            assert got == want
        else:
            assert agree(got, want), (got, want)


# What goes in batches


class Once(HyperSystem):
    def __init__(self, call: Any) -> None:
        self.call = call
        super().__init__([call])

    def run(self, **inputs: Any) -> Any:
        return self.call(**inputs)


def run_once(call: Any, rows: list[dict[str, Any]], candidates: list[Any] | None = None) -> tuple[Any, Any]:
    """Predictions in waves after checking them against plain, and the report on the function."""
    system = Once(call)
    chosen = candidates or [{}]
    plain = outcomes(system, chosen, [(row, None) for row in rows], "plain")
    found = system.evaluate_population(chosen, [(row, None) for row in rows], metric, execution="waves")
    got = [cell.prediction for value in found for cell in value.cells]
    for one, other in zip(got, plain, strict=True):
        assert one == other if isinstance(other, Failure) else agree(one, other), (one, other)
    return got, report(found)[call.name]


def vectors(count: int, size: int = 2) -> list[dict[str, Any]]:
    return [{"x": torch.full((size,), 1.0 + n)} for n in range(count)]


def test_calls_of_all_candidates_go_at_once() -> None:
    candidates = [{"scale.hp.by": k / 10} for k in range(6)]
    _, found = run_once(scale, vectors(5), candidates)
    assert found == {"calls": 30, "waves": 1, "batched": 30, "fallback": 0, "reason": ""}


def test_matrices_are_an_axis_of_their_own_for_any_number_of_calls() -> None:
    @hyperfunction(optimize_hparams=True)
    def apply(x: torch.Tensor, *, hp: Layer) -> torch.Tensor:
        return matrix(hp.w) @ x

    class Uneven(HyperSystem):
        gain = Real(0, 10, default=0)

        def run(self, x: torch.Tensor) -> torch.Tensor:
            return apply(x) if float(x[0]) <= self.gain else x

    rng = np.random.default_rng(0)
    candidates = [
        {"gain": float(k), "apply.hp.w": rng.normal(size=(2, 2)).astype(np.float32)} for k in range(5)
    ]
    examples = [(row, None) for row in vectors(6)]
    system = Uneven([apply])
    plain = outcomes(system, candidates, examples, "plain")
    found = system.evaluate_population(candidates, examples, metric, execution="waves")
    assert agree([c.prediction for value in found for c in value.cells], plain)
    assert report(found)["apply"]["batched"] == 0 + 1 + 2 + 3 + 4
    assert report(found)["apply"]["waves"] == 1


def test_tensors_inside_records_are_stacked() -> None:
    @hyperfunction
    def moved(state: State) -> State:
        return State(state.hidden + state.step, state.step + 1)

    rows = [{"state": State(torch.full((2,), float(n)), n % 2)} for n in range(9)]
    got, found = run_once(moved, rows)
    assert (found["waves"], found["batched"]) == (2, 9)
    assert [state.step for state in got] == [1 + n % 2 for n in range(9)]


def test_shapes_that_differ_are_grouped() -> None:
    rows = [*vectors(5, 2), *vectors(6, 3)]
    _, found = run_once(scale, rows)
    assert (found["waves"], found["batched"], found["fallback"]) == (2, 11, 0)


def test_nested_functions_get_the_values_of_each_call() -> None:
    @hyperfunction
    def outer(x: torch.Tensor) -> torch.Tensor:
        return scale(x).exp()

    system = Once(outer)
    system.register_hyperfunction(scale)
    candidates = [{"scale.hp.by": k / 4} for k in range(8)]
    examples = [(row, None) for row in vectors(3)]
    found = system.evaluate_population(candidates, examples, metric, execution="waves")
    assert report(found)["outer"]["batched"] == 24
    got = [[cell.prediction for cell in value.cells] for value in found]
    for k, row in enumerate(got):
        for n, value in enumerate(row):
            assert torch.allclose(value, torch.exp(torch.full((2,), (1.0 + n) * k / 4 + 0.5)))
    assert all("scale" in cell.reached for value in found for cell in value.cells)


@pytest.mark.parametrize("kind", ["unseen", "call", "branch"])
def test_a_wave_waits_for_what_is_under_way(kind: str) -> None:
    """Lanes, and branches of lanes, reach the call at different times, and still go together."""

    @hyperfunction(share=False)
    async def slow(seconds: float) -> None:
        await asyncio.sleep(seconds)

    class Late(HyperSystem):
        async def run(self, x: torch.Tensor, wait: float) -> torch.Tensor:
            async def later() -> torch.Tensor:
                await (asyncio.sleep if kind == "unseen" else slow)(wait)
                return scale(x)

            async def now() -> torch.Tensor:
                return scale(x)

            if kind == "branch":
                first, second = await asyncio.gather(now(), later())
                return first + second
            return await later()

    rows = [({**row, "wait": n / 200}, None) for n, row in enumerate(vectors(6))]
    found = Late([scale, slow]).evaluate_population([{}], rows, metric, execution="waves")
    assert report(found)["scale"]["waves"] == 1
    assert report(found)["scale"]["batched"] == (12 if kind == "branch" else 6)


def test_lanes_that_wait_for_each_other_do_not_wait_forever() -> None:
    """A lock of the program's own is invisible; the wave goes without the lanes that wait for it."""

    class Locked(HyperSystem):
        async def run(self, x: torch.Tensor) -> torch.Tensor:
            self.lock = getattr(self, "lock", None) or asyncio.Lock()
            async with self.lock:
                return scale(x)

    examples = [(row, None) for row in vectors(4)]
    found = Locked([scale]).evaluate_population([{}], examples, metric, execution="waves")
    assert agree([c.prediction for c in found[0].cells], [x["x"] + 0.5 for x in vectors(4)])


def test_equal_calls_that_hold_a_parked_one_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    stalls: list[int] = []

    def stalled(waves: Any, changes: int) -> None:
        stalls.append(changes)
        waves._go()

    monkeypatch.setattr(Waves, "_stalled", stalled)

    @hyperfunction
    async def encode(text: str) -> torch.Tensor:
        return scale(torch.ones(len(text)))

    class Shared(HyperSystem):
        async def run(self, text: str) -> torch.Tensor:
            return await encode(text)

    rows = [({"text": "a" * (1 + n % 2)}, None) for n in range(12)]
    found = Shared([encode, scale]).evaluate_population([{}], rows, metric, execution="waves")
    assert [len(c.prediction) for c in found[0].cells] == [1, 2] * 6
    assert report(found)["scale"]["calls"] == 2
    assert not stalls


def test_a_wave_waits_for_model_requests_in_flight() -> None:
    class Mixed(HyperSystem):
        async def run(self, x: torch.Tensor, n: int) -> torch.Tensor:
            async def ask() -> torch.Tensor:
                answer = await llm_completion("test/waves", f"question {n}")
                return scale(x * len(answer.content))

            async def direct() -> torch.Tensor:
                return scale(x)

            first, second = await asyncio.gather(direct(), ask())
            return first + second

    async def answer(request: Request) -> str:
        await asyncio.sleep(0.002 * int(request.messages[0].content[-1]))
        return "yes"

    client = ScriptedClient(answer)
    rows = [({**row, "n": n}, None) for n, row in enumerate(vectors(8))]
    with client.answering("test/waves"):
        found = Mixed([scale]).evaluate_population([{}], rows, metric, execution="waves")
    assert report(found)["scale"] == {"calls": 16, "waves": 1, "batched": 16, "fallback": 0, "reason": ""}


def test_modules_with_the_weights_of_each_candidate() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))

    @hyperfunction(hp_type=ModuleParam.create(net), optimize_hparams=True)
    def classify(x: torch.Tensor, *, hp: Any) -> torch.Tensor:
        return hp(x).sigmoid()

    rng = np.random.default_rng(0)
    names = [name for name in Once(classify).space if name.startswith("classify.hp.")]
    start = Once(classify).candidate
    candidates = [
        {
            name: np.asarray(start[name]) + rng.normal(size=start[name].shape).astype(np.float32)
            for name in names
        }
        for _ in range(4)
    ]
    _, found = run_once(classify, vectors(5), candidates)
    assert (found["waves"], found["batched"]) == (1, 20)


@pytest.mark.parametrize("room", [3, 7, None])
def test_results_do_not_depend_on_how_many_lanes_live(room: int | None) -> None:
    system = Once(layer)
    candidates = [{"layer.hp.by": k / 5, "layer.hp.power": 1 + k % 2} for k in range(6)]
    examples = [(row, None) for row in vectors(4)]
    plain = outcomes(system, candidates, examples, "plain")
    found = system.evaluate_population(
        candidates, examples, metric, execution="waves", max_batch_size=room
    )  # fmt: skip
    assert agree([c.prediction for value in found for c in value.cells], plain)


def test_large_waves_are_cut_to_fit_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners_module, "_BATCH_NUMBERS", 16)
    candidates = [{"scale.hp.by": k / 10} for k in range(3)]
    _, found = run_once(scale, vectors(7), candidates)
    assert (found["waves"], found["batched"]) == (3, 21)


def test_two_evaluations_are_the_same_to_the_bit() -> None:
    system, candidates = SYSTEMS[1], members(6)
    rng = torch.Generator().manual_seed(1)
    examples = [({"x": torch.randn(2, generator=rng), "steps": (1, 2, 0), "n": 0}, None) for _ in range(8)]
    first = outcomes(system, candidates, examples, "waves")
    second = outcomes(system, candidates, examples, "waves")
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


# What cannot


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (branching, "vmap"),
        (lucky, "it reads current_seed()"),
        (random_noise, "random"),
        (writing, "it writes into its inputs"),
    ],
)
def test_what_cannot_be_batched_is_counted_and_named(call: Any, reason: str) -> None:
    _, found = run_once(call, vectors(6))
    assert (found["calls"], found["batched"], found["fallback"]) == (6, 0, 6)
    assert reason in found["reason"]


def test_a_result_that_differs_is_not_used() -> None:
    """Hidden state is invisible to vmap, which traces the code once; the sample shows it."""
    made: list[int] = []

    @hyperfunction
    def counting(x: torch.Tensor) -> torch.Tensor:
        made.append(1)
        return x + len(made)

    found = Once(counting).evaluate_population(
        [{}], [(row, None) for row in vectors(6)], metric, execution="waves"
    )  # fmt: skip
    assert report(found)["counting"]["fallback"] == 6
    assert "differs" in report(found)["counting"]["reason"]


def test_numbers_that_python_needs_make_one_batch_per_candidate() -> None:
    import math

    @hyperfunction(optimize_hparams=True)
    def sharp(x: torch.Tensor, *, hp: Scale) -> torch.Tensor:
        return x * math.exp(hp.by)

    candidates = [{"sharp.hp.by": k / 4} for k in range(3)]
    _, found = run_once(sharp, vectors(5), candidates)
    assert (found["waves"], found["batched"], found["fallback"]) == (3, 15, 0)
    assert found["reason"].startswith("one batch per candidate")


def test_functions_with_side_effects_are_called_one_by_one() -> None:
    made: list[int] = []

    @hyperfunction(share=False)
    def logging(x: torch.Tensor) -> torch.Tensor:
        made.append(1)
        return x + 1

    Once(logging).evaluate_population([{}], [(row, None) for row in vectors(6)], metric, execution="waves")
    assert len(made) == 6


def test_a_call_that_fails_costs_its_own_lane_alone() -> None:
    """One index of the batch is out of range: torch refuses the whole batch, and only one lane fails."""

    @hyperfunction
    def pick(table: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return table[at]

    rows = [{"table": torch.arange(3.0), "at": torch.tensor(n)} for n in (0, 1, 2, 9, 1, 0)]
    got, found = run_once(pick, rows)
    assert [isinstance(value, Failure) for value in got] == [False, False, False, True, False, False]
    assert found["fallback"] == 6


def test_a_function_that_fails_for_one_form_is_still_batched_for_others() -> None:
    rows = [{**row, "limit": limit} for limit in (0, 4) for row in vectors(5)]
    got, found = run_once(refusing, rows)
    assert [isinstance(value, Failure) for value in got] == [False] * 5 + [True] * 5
    assert (found["batched"], found["fallback"]) == (5, 5)


def test_few_calls_are_not_worth_a_batch() -> None:
    _, found = run_once(scale, vectors(3))
    assert found == {"calls": 3, "waves": 0, "batched": 0, "fallback": 0, "reason": ""}


def test_changing_a_result_in_place_leaves_other_lanes_alone() -> None:
    class Changing(HyperSystem):
        def run(self, x: torch.Tensor) -> torch.Tensor:
            return scale(x).add_(x[0])

    examples = [(row, None) for row in vectors(6)]
    assert agree(*[outcomes(Changing([scale]), [{}], examples, mode) for mode in ("waves", "plain")])


# Batch implementations


def embedded() -> tuple[Any, list[int]]:
    sizes: list[int] = []

    @hyperfunction(optimize_hparams=True)
    def embed(text: str, x: np.ndarray, *, hp: Layer) -> np.ndarray:
        return (x @ hp.w) * hp.by + len(text)

    @embed.batch
    def _(text: list[str], x: np.ndarray, *, hp: Layer) -> np.ndarray:
        sizes.append(len(text))
        by = np.asarray(hp.by)
        return np.einsum("bi,...ij->bj" if np.ndim(hp.w) == 2 else "bi,bij->bj", x, hp.w) * (
            by[:, None] if by.ndim else by
        ) + np.array([[len(t)] for t in text])

    return embed, sizes


def test_a_batch_implementation_gets_stacked_arrays_lists_and_values() -> None:
    embed, sizes = embedded()
    rows = [{"text": "a" * n, "x": np.array([n, 1.0])} for n in range(5)]
    _, found = run_once(embed, rows, [{"embed.hp.by": 0.5}])
    assert (found["waves"], found["batched"], found["fallback"], sizes) == (1, 5, 0, [5])
    rng = np.random.default_rng(0)
    candidates = [
        {"embed.hp.by": k / 3, "embed.hp.w": rng.normal(size=(2, 2)).astype(np.float32)} for k in range(3)
    ]
    _, found = run_once(embed, rows, candidates)
    assert (found["waves"], found["batched"], found["fallback"], sizes) == (1, 15, 0, [5, 15])


def test_a_batch_implementation_gets_stacked_tensors() -> None:
    seen: list[Any] = []

    @hyperfunction(optimize_hparams=True)
    def grown(x: torch.Tensor, *, hp: Scale) -> tuple[torch.Tensor, torch.Tensor]:
        return x * hp.by, x.sum()

    @grown.batch(max_size=8)
    def _(x: torch.Tensor, *, hp: Any) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append((tuple(x.shape), tuple(hp.by.shape)))
        return x * hp.by[:, None], x.sum(1)

    candidates = [{"grown.hp.by": k / 3} for k in range(3)]
    _, found = run_once(grown, vectors(5), candidates)
    assert seen == [((8, 2), (8,)), ((7, 2), (7,))]
    assert (found["waves"], found["batched"]) == (2, 15)


def test_calls_with_different_prompts_are_different_batches() -> None:
    @hyperfunction
    def ask(text: str, *, prompt: str) -> str:
        """Say"""
        return f"{prompt} {text}"

    prompts: list[str] = []

    @ask.batch
    def _(text: list[str], *, prompt: str) -> list[str]:
        prompts.append(prompt)
        return [f"{prompt} {t}" for t in text]

    rows = [{"text": t} for t in "abc"]
    run_once(ask, rows, [{"ask.prompt": "Say"}, {"ask.prompt": "Sing"}])
    assert prompts == ["Say", "Sing"]


def test_a_batch_that_raises_is_made_one_by_one() -> None:
    @hyperfunction
    def half(n: int) -> float:
        return 1 / n

    @half.batch
    def _(n: list[int]) -> list[float]:
        return [1 / value for value in n]

    got, found = run_once(half, [{"n": n} for n in (1, 0, 2)])
    assert [isinstance(value, Failure) for value in got] == [False, True, False]
    assert found["fallback"] == 3
    assert "a batch of 3 calls of half raised ZeroDivisionError" in found["reason"]


@pytest.mark.parametrize("result", [[1], np.zeros(4), None, (np.zeros(3), "x")])
def test_a_batch_of_another_length_is_an_error(result: Any) -> None:
    @hyperfunction
    def one(n: int) -> int:
        return n

    one.batch(lambda n: result)
    with pytest.raises(ProgramError, match="batch implementation of one got 3 calls and returned"):
        Once(one).evaluate([({"n": n}, None) for n in range(3)], metric, execution="waves")


def test_a_batch_that_differs_is_not_used() -> None:
    @hyperfunction
    def one(n: int) -> int:
        return n

    one.batch(lambda n: [value + 1 for value in n])
    got, found = run_once(one, [{"n": n} for n in range(3)])
    assert got == [0, 1, 2]
    assert "differs" in found["reason"]


def test_a_batch_implementation_has_the_functions_parameters() -> None:
    @hyperfunction
    def one(n: int) -> int:
        return n

    with pytest.raises(ProgramError, match="takes \\(m\\)"):
        one.batch(lambda m: m)
    with pytest.raises(ProgramError, match="max_size"):
        one.batch(max_size=0)(lambda n: n)

    @hyperfunction(retries=1)
    def other(n: int) -> int:
        return n

    with pytest.raises(ProgramError, match="plain `def`"):
        other.batch(lambda n: n)


def test_batch_implementations_need_no_torch() -> None:
    code = """
import sys
from hyperfunc import HyperSystem, hyperfunction, llm_completion

@hyperfunction
def twice(n: int) -> int:
    return 2 * n

sizes = []
@twice.batch
def _(n):
    sizes.append(len(n))
    return [2 * v for v in n]

class S(HyperSystem):
    def run(self, n):
        return twice(n)

value = S([twice]).evaluate([({"n": n}, 2 * n) for n in range(5)],
                            lambda example, pred: float(pred == example.expected), execution="waves")
assert value == 1.0 and sizes == [5] and "torch" not in sys.modules, (value, sizes)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_code_of_a_batch_implementation_is_part_of_the_program() -> None:
    @hyperfunction
    def one(n: int) -> int:
        return n

    before = HyperSystem([one]).program().fingerprint
    one.batch(lambda n: list(n))
    assert HyperSystem([one]).program().fingerprint != before


def test_nobody_is_left_waiting_when_the_library_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Runner, "run", broken)
    got = outcomes(Once(scale), [{}], [(row, None) for row in vectors(5)], "waves")
    assert all(isinstance(value, Failure) and "broken" in value.reason for value in got)


# When it pays


def test_light_work_is_left_alone_by_frugal_waves() -> None:
    @hyperfunction
    def heavy(x: torch.Tensor) -> torch.Tensor:
        for _ in range(6):
            x = x.sin()
        return x

    @hyperfunction
    def large(x: torch.Tensor) -> torch.Tensor:
        return torch.ones(64, 64) @ x.repeat(32)

    for call, batched in [(scale, False), (heavy, True), (large, True)]:
        runner = runner_of(call, "auto", frugal=True)
        assert runner is not None
        calls = parked(call, [row["x"] for row in vectors(6)])
        runner.run(calls)
        assert runner.alone is not batched
        assert all((one.future.result() is ALONE) is not batched for one in calls)


def parked(fn: Any, inputs: list[torch.Tensor]) -> list[Call]:
    loop = asyncio.new_event_loop()
    lane = SimpleNamespace(binding=Binding({}), reached=set(), number=0)
    frame: Any = SimpleNamespace(lane=lane, record=None)
    calls = [Call(frame, fn, (x,), {}, (fn.name, n), loop.create_future()) for n, x in enumerate(inputs)]
    loop.close()
    return calls


def test_waves_are_tried_where_they_can_pay() -> None:
    @hyperfunction
    def one(n: int) -> int:
        return n

    @hyperfunction
    async def asking(n: int) -> int:
        return n

    assert not Waves.pay([scale, one], 8)
    assert Waves.pay([scale, one], 256)
    assert not Waves.pay([asking], 256)
    one.batch(lambda n: n)
    assert Waves.pay([one, asking], 8)


def test_a_device_is_visited_and_left() -> None:
    rows = [(row, None) for row in vectors(6)]
    found = Once(scale).evaluate_population([{}], rows, metric, execution="waves", device="cpu")
    assert report(found)["scale"]["batched"] == 6
    with pytest.raises(ProgramError, match="device is 'cuda:77'"):
        Once(scale).evaluate_population([{}], rows, metric, execution="waves", device="cuda:77")


def test_attention_goes_in_one_batch_and_without_a_warning() -> None:
    @hyperfunction
    def attend(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)

    rows = [
        ({"x": torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(n))}, None) for n in range(6)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Once(attend).evaluate_population([{}], rows, metric, execution="waves")
    assert report(found)["attend"]["batched"] == 6
