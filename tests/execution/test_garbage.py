"""Rare collections last as long as somebody wishes them, and no longer."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from hyperfunc import Example, HyperSystem, hyperfunction
from hyperfunc.execution.garbage import MANY, Seldom


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """The usual threshold, before and after."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_the_last_one_out_puts_the_threshold_back() -> None:
    first, second = Seldom(), Seldom()
    first.begin()
    first.begin()
    raised = gc.get_threshold()
    second.begin()
    first.end()
    first.end()
    assert gc.get_threshold() == raised
    assert raised[0] > 700
    assert raised[1:] == (10, 10)
    second.end()
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("chosen", [(0, 10, 10), (1_000_000, 5, 5)])
def test_collections_that_are_off_or_rarer_stay_so(chosen: tuple[int, int, int]) -> None:
    gc.set_threshold(*chosen)
    wish = Seldom()
    wish.begin()
    assert gc.get_threshold() == chosen
    wish.end()
    assert gc.get_threshold() == chosen


def test_a_threshold_that_was_set_in_between_is_kept() -> None:
    wish = Seldom()
    wish.begin()
    gc.set_threshold(123, 4, 5)
    wish.end()
    assert gc.get_threshold() == (123, 4, 5)


@hyperfunction()
async def look(number: int) -> int:
    """The threshold that a lane sees once all of them wait."""
    await asyncio.sleep(0.01)
    return gc.get_threshold()[0]


class Looking(HyperSystem):
    """One call for each example."""

    async def run(self, number: int) -> int:
        """Look once."""
        return await look(number)


@pytest.mark.parametrize(("lanes", "rare"), [(MANY - 1, False), (MANY + 1, True)])
def test_an_evaluation_collects_rarely_while_many_lanes_are_live(lanes: int, rare: bool) -> None:
    seen: list[int] = []

    def score(example: Example, prediction: int) -> float:
        seen.append(prediction)
        return 1.0

    Looking([look]).evaluate([Example({"number": i}, "") for i in range(lanes)], score)
    assert len(seen) == lanes
    assert (min(seen) > 700) is rare
    assert gc.get_threshold() == (700, 10, 10)


def test_a_failed_evaluation_puts_the_threshold_back() -> None:
    def score(example: Example, prediction: int) -> float:
        raise KeyboardInterrupt

    examples = [Example({"number": i}, "") for i in range(2 * MANY)]
    with pytest.raises(KeyboardInterrupt):
        Looking([look]).evaluate(examples, score)
    assert gc.get_threshold() == (700, 10, 10)
