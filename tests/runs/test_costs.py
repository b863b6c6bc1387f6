"""What is set aside for the confirmation is never spent by the search."""

from __future__ import annotations

import pytest

from hyperfunc.ledger import Budget, Meter, Spend
from hyperfunc.optimizers.base import Ask
from hyperfunc.runs.costs import Costs
from hyperfunc.types import Cell


def cell(calls: int = 0, tokens: int = 0, dollars: float = 0.0) -> Cell:
    return Cell("candidate", "example", 0, 1.0, calls=calls, tokens=tokens, dollars=dollars)


def costs_of(*cells: Cell) -> Costs:
    costs = Costs()
    costs.learn([list(cells)])
    return costs


def test_the_dearest_lane_is_the_bound() -> None:
    costs = costs_of(cell(calls=2, tokens=10), cell(calls=3, tokens=5))
    meter = Meter(Budget(calls=30))
    assert costs.affords_lanes(meter, 10)
    assert not costs.affords_lanes(meter, 11)
    assert not costs.affords_lanes(Meter(Budget(tokens=99)), 10)
    assert costs.affords_lanes(Meter(Budget()), 10**9)


@pytest.mark.parametrize(
    ("budget", "examples", "search"),
    [
        (Budget(calls=2000), 80, Budget(calls=2000 - 80 * 2 * 3)),
        (Budget(calls=100), 6, Budget(calls=100 - 6 * 2 * 3)),
        (Budget(evaluations=500), 80, Budget(evaluations=500 - 80 * 2)),
        (Budget(tokens=10_000), 80, Budget(tokens=10_000 - 80 * 2 * 20)),
        (Budget(dollars=1.0), 20, Budget(dollars=1.0 - 20 * 2 * 0.01)),
    ],
)
def test_two_candidates_on_the_held_out_examples_are_paid_for(
    budget: Budget, examples: int, search: Budget
) -> None:
    costs = costs_of(cell(calls=3, tokens=20, dollars=0.01))
    count, meter = costs.set_aside(Meter(budget), 80)
    assert count == examples
    assert meter.budget.calls == search.calls
    assert meter.budget.evaluations == search.evaluations
    assert meter.budget.tokens == search.tokens
    assert meter.budget.dollars == pytest.approx(search.dollars) if search.dollars else True


def test_a_deadline_leaves_time_to_confirm() -> None:
    now = [0.0]
    meter = Meter(Budget(seconds=100), clock=lambda: now[0])
    count, search = costs_of(cell()).set_aside(meter, 8)
    now[0] = 81.0
    assert count == 8
    assert search.left().seconds == 0
    assert meter.left().seconds == pytest.approx(19)


def test_a_search_leaves_what_a_dearer_confirmation_takes() -> None:
    costs = Costs()
    meter = Meter(Budget(calls=100))
    held, search = costs.set_aside(meter, 10)
    assert (held, search.budget.calls) == (10, 100), "nothing is known to cost a call"
    costs = Costs()
    costs.dearest = Spend(calls=1, evaluations=1)
    held, search = costs.set_aside(meter, 10)
    assert search.budget.calls == 80
    ask = Ask((), (), consult=None)
    assert costs.affords(search, ask, [])
    costs.dearest = Spend(calls=5, evaluations=1)
    assert costs.affords(search, ask, []), "80 more are needed and left"
    costs.dearest = Spend(calls=6, evaluations=1)
    assert not costs.affords(search, ask, [])
