from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import BudgetSyntax
from hyperfunc.ledger import Budget, Spend

COUNTS = st.none() | st.integers(min_value=0, max_value=10**15)
AMOUNTS = st.none() | st.floats(min_value=0, allow_nan=False, allow_infinity=False)
BUDGETS = st.builds(Budget, COUNTS, COUNTS, COUNTS, AMOUNTS, AMOUNTS)


@given(BUDGETS)
def test_what_is_written_reads_back_equal(budget: Budget) -> None:
    assert Budget.parse(str(budget)) == budget


@given(st.integers(min_value=0, max_value=10**6))
def test_whole_minutes_read_back_equal(minutes: int) -> None:
    budget = Budget(seconds=60.0 * minutes)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("2000 calls, $5, 30 min", Budget(calls=2000, dollars=5, seconds=1800)),
        ("1 call", Budget(calls=1)),
        ("2k calls", Budget(calls=2000)),
        ("2.5K calls", Budget(calls=2500)),
        ("1.5M tokens", Budget(tokens=1_500_000)),
        ("1 B tokens", Budget(tokens=10**9)),
        ("200 evaluations", Budget(evaluations=200)),
        ("200 evals", Budget(evaluations=200)),
        ("5 USD", Budget(dollars=5)),
        ("5 dollars", Budget(dollars=5)),
        ("$ .5", Budget(dollars=0.5)),
        ("90 s", Budget(seconds=90)),
        ("1h30m", Budget(seconds=5400)),
        ("1 h 30 min", Budget(seconds=5400)),
        ("2 days", Budget(seconds=172_800)),
        ("1.5 hours", Budget(seconds=5400)),
        ("0 calls", Budget(calls=0)),
        ("  unlimited ", Budget()),
    ],
)
def test_the_grammar(text: str, budget: Budget) -> None:
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (Budget(calls=1, dollars=0.5, seconds=90), "1 call, $0.5, 90 s"),
        (Budget(seconds=5400), "1h30m"),
        (Budget(seconds=7200), "2 h"),
        (Budget(dollars=1e-7), "$0.0000001"),
        (Budget(), "unlimited"),
    ],
)
def test_how_budgets_are_written(budget: Budget, text: str) -> None:
    assert str(budget) == text


@pytest.mark.parametrize(
    "text",
    ["2000", "", "calls", "5m tokens", "2,000 calls", "-3 calls", "5 calls $3", "€5", "5 apples", "1e3 calls",
     "nan s", "٣ calls", "5 calls,", "30 min 5", "1.5.5 s"],
)  # fmt: skip
def test_what_cannot_be_read_is_answered_with_the_grammar(text: str) -> None:
    with pytest.raises(BudgetSyntax, match=r"such as '2000 calls, \$5, 30 min'"):
        Budget.parse(text)


@pytest.mark.parametrize("number", [2000, 2.5, True, None])
def test_a_bare_number_is_not_guessed_at(number: object) -> None:
    with pytest.raises(BudgetSyntax, match="does not say of what"):
        Budget.parse(number)  # type: ignore[arg-type]


def test_a_limit_named_twice_is_refused() -> None:
    with pytest.raises(BudgetSyntax, match="names calls twice"):
        Budget.parse("5 calls, 6 calls")


def test_half_a_call_is_refused() -> None:
    with pytest.raises(BudgetSyntax, match=r"'2.5 calls'.* is not a whole number"):
        Budget.parse("2.5 calls")


@pytest.mark.parametrize(
    "limits",
    [{"calls": -1}, {"calls": 1.5}, {"calls": True}, {"dollars": float("nan")}, {"seconds": float("inf")},
     {"dollars": -0.1}, {"tokens": "5"}],
)  # fmt: skip
def test_an_impossible_limit_is_refused(limits: dict[str, object]) -> None:
    with pytest.raises(BudgetSyntax, match="of at least 0"):
        Budget(**limits)  # type: ignore[arg-type]


def test_a_budget_may_be_given_where_a_text_may() -> None:
    budget = Budget(calls=3)
    assert Budget.parse(budget) is budget


def test_spends_add_up_and_read_well() -> None:
    spend = Spend(1, 2, 3, 0.5, 60.0) + Spend(calls=1, seconds=30.0)
    assert spend == Spend(2, 2, 3, 0.5, 90.0)
    assert str(spend) == "2 calls, 2 evaluations, 3 tokens, $0.5, 90 s"
    assert str(Spend()) == "nothing"
