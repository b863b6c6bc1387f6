"""What torch keeps per thread belongs to one lane: lanes that wait in it do not disturb the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from hyperfunc import Example, HyperSystem, hyperfunction, llm_completion  # noqa: E402
from hyperfunc.testing import ScriptedClient  # noqa: E402

MODEL = "test/ambience"
ROWS = [Example({"x": torch.tensor([n - 2.5, 1.0])}, None) for n in range(6)]


def count(preds: Any, expected: Any) -> float:
    return float(sum(bool(torch.is_tensor(p)) for p in preds))


@hyperfunction
def scale(x: Any) -> Any:
    return x * 3.0


@hyperfunction
async def ask(question: str) -> str:
    return (await llm_completion(MODEL, question)).text


def modes() -> tuple[bool, ...]:
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")


class Switching(HyperSystem):
    """Lanes enter a mode in turn, and wait inside of it for each other."""

    def __init__(self, mode: Callable[[], Any], wait: Callable[[Any], Any]) -> None:
        super().__init__([scale, ask])
        self.mode = mode
        self.wait = wait

    def run(self, x: Any) -> Any:
        before = modes()
        with self.mode():
            inside = modes()
            y = self.wait(x)
            if float(x[0]) > 0:
                y = self.wait(y)
            assert modes() == inside
        assert modes() == before
        return y


MODES = [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", dtype=torch.bfloat16)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("execution", ["plain", "waves"])
def test_a_lane_that_waits_inside_a_mode_keeps_it_to_itself(mode: Any, execution: str) -> None:
    def asking(x: Any) -> Any:
        assert ask(str(float(x[0]))) == "answer"
        return x

    before = modes()
    with ScriptedClient(lambda request: "answer").answering(MODEL):
        for wait in (scale, asking):
            found = Switching(mode, wait).evaluate(ROWS, count, execution=execution)
            assert float(found) == len(ROWS), found.failures
            assert modes() == before


def test_calls_inside_of_no_grad_still_share_a_batch() -> None:
    found = Switching(torch.no_grad, scale).evaluate(ROWS, count, execution="waves")
    assert found.execution.waves["scale"]["batched"] == 6  # The last three are too few for one more.


@pytest.mark.parametrize("transform", ["vmap", "grad"])
def test_calls_inside_of_a_transform_are_made_in_place(transform: str) -> None:
    class Transforming(HyperSystem):
        def run(self, x: Any) -> Any:
            if transform == "vmap":
                return torch.vmap(scale)(torch.stack([x, -x]))
            return torch.func.grad(lambda v: scale(v).square().sum())(x)

    plain, waves = (Transforming([scale]).evaluate(ROWS, count, execution=e) for e in ("plain", "waves"))
    assert float(waves) == len(ROWS), waves.failures
    assert all(map(torch.equal, waves.predictions, plain.predictions))
    assert waves.execution.waves["scale"]["fallback"] == len(ROWS)
    assert "torch.vmap" in waves.execution.waves["scale"]["reason"]
