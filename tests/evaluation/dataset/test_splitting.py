"""Splits: no unit is torn, nothing moves when examples are added, and a chosen seed balances the strata."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import Dataset, Example
from hyperfunc.errors import DatasetError

LABELS = ("billing", "shipping", "returns", "other")
SHARES: dict[str, Any] = {"validation": 0.2, "test": 0.2}


def tickets(n: int, start: int = 0) -> list[Example]:
    """Labels of unequal frequency: half, a quarter, an eighth, an eighth."""
    pick = [0, 0, 0, 0, 1, 1, 2, 3]
    return [Example({"text": f"ticket {i}"}, LABELS[pick[i % 8]]) for i in range(start, start + n)]


def sides(data: Dataset, **options: Any) -> dict[str, str]:
    parts = data.split(**{**SHARES, **options})
    return {e.inputs["text"]: name for name, part in parts._asdict().items() for e in part}


@given(st.integers(0, 2**40), st.integers(60, 120), st.integers(0, 60), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_no_example_moves_when_others_are_added_removed_or_reordered(
    seed: int, n: int, more: int, random: Any
) -> None:
    grown = tickets(n + more)
    random.shuffle(grown)
    before, after = sides(Dataset(tickets(n)), seed=seed), sides(Dataset(grown), seed=seed)
    assert before == {text: after[text] for text in before}
    assert len(after) == n + more


def test_no_example_moves_when_its_expectation_is_corrected() -> None:
    corrected = [Example(e.inputs, "other", tags="seen", weight=2) for e in tickets(100)]
    assert sides(Dataset(tickets(100))) == sides(Dataset(corrected))


def test_another_seed_is_another_split_and_parts_keep_the_order() -> None:
    data = Dataset(tickets(100))
    assert sides(data, seed=1) == sides(data, seed=1) != sides(data, seed=2)
    for part in data.split(**SHARES):
        numbers = [int(e.inputs["text"].split()[1]) for e in part]
        assert numbers == sorted(numbers)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_groups_duplicates_and_near_duplicates_stay_together(seed: int) -> None:
    grouped = [Example({"text": f"g {i}"}, i, group=f"g{i // 5}" if i < 50 else i // 5) for i in range(100)]
    twice = [
        Example({"text": text}, y) for i in range(60) for text, y in ((f"Case  {i}", 0), (f"case {i}", 1))
    ]
    parts = Dataset(grouped + twice).split(**SHARES, seed=seed)
    for ours, theirs in ((0, 1), (0, 2), (1, 2)):
        found = parts[ours].leaks(parts[theirs])
        assert not found, str(found)
    groups = [{str(e.group) for e in part if e.group is not None} for part in parts]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 20


def test_shares_are_met_within_the_scatter_that_is_stated() -> None:
    n = 2000
    data = Dataset(tickets(n))
    z = []
    for seed in range(10):
        parts = data.split(**SHARES, seed=seed)
        for part, share in zip(parts, (0.6, 0.2, 0.2), strict=True):
            z.append((len(part) - share * n) / math.sqrt(n * share * (1 - share)))
    assert max(map(abs, z)) < 4
    assert 0.4 < sum(x * x for x in z) / len(z) < 2.0


def test_the_test_part_does_not_depend_on_the_validation_share_and_grows_with_its_own() -> None:
    data = Dataset(tickets(200))
    small, large = data.split(test=0.2), data.split(test=0.2, validation=0.4)
    assert small.test == large.test
    assert set(map(id, small.test)) < set(map(id, data.split(test=0.3).test))
    assert len(small.validation) == 0


def test_the_chosen_seed_balances_every_stratum_and_holds_when_examples_are_added() -> None:
    data = Dataset(tickets(160))
    seed = data.stratified_seed(**SHARES, tries=256)
    worst = _worst(data, seed)
    others = sorted(_worst(data, other) for other in range(1000, 1040))
    assert worst <= 2.5  # examples, of 20 to 80 in a stratum
    assert worst <= others[1]
    assert sides(data, seed=seed).items() <= sides(Dataset(tickets(500)), seed=seed).items()


def _worst(data: Dataset, seed: int) -> float:
    """The largest distance of a stratum in a part from its fair number of examples."""
    shares = (0.6, 0.2, 0.2)
    table = data.split(**SHARES, seed=seed).balance()
    assert set(table) == set(LABELS)
    return max(abs(n - s * sum(row)) for row in table.values() for n, s in zip(row, shares, strict=True))


def test_strata_may_be_a_function_of_the_example() -> None:
    data = Dataset([Example({"i": i}, i, tags=["hard"] if i % 4 == 0 else []) for i in range(80)])

    def hard(example: Example) -> bool:
        return "hard" in example.tags

    parts = data.split(test=0.5, seed=data.stratified_seed(by=hard, test=0.5))
    table = parts.balance(hard)
    assert {stratum: sum(row) for stratum, row in table.items()} == {"false": 60, "true": 20}
    assert abs(table["true"][2] - 10) <= 1
    with pytest.raises(DatasetError, match="no two of 80 examples share a stratum"):
        data.stratified_seed(test=0.5)
    with pytest.raises(DatasetError, match="example 0 has no stratum"):
        data.stratified_seed(by=lambda e: object(), test=0.5)


@pytest.mark.parametrize(
    "shares",
    [{"test": 1.2}, {"test": -0.1}, {"train": 0.5, "test": 0.2}, {"validation": 0.6, "test": 0.6},
     {"test": float("nan")}],
)  # fmt: skip
def test_shares_that_are_none_are_refused(shares: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="shares"):
        Dataset(tickets(10)).split(**shares)


def test_ten_tenths_are_a_whole() -> None:
    parts = Dataset(tickets(200)).split(train=0.7, validation=0.2, test=0.1)
    assert sum(map(len, parts)) == 200


def test_a_part_that_nothing_fell_into_and_an_example_without_content_are_errors() -> None:
    with pytest.raises(DatasetError, match=r"fell into the (test|validation|train) part"):
        Dataset([Example({"i": i}, group="one") for i in range(9)]).split(validation=0.1, test=0.1)
    secret = Example({"x": object()})
    with pytest.raises(DatasetError, match=r"example 1 .* give it a group or an id"):
        Dataset([Example({"x": 1}), secret]).split(test=0.5)
    named = [Example({"x": object()}, id=i) for i in range(40)]
    assert sum(map(len, Dataset(named).split(test=0.5))) == 40
