"""Dataset: a sequence with a version, filters and weights, taken wherever a list of examples is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import Choice, Dataset, ExactMatch, Example, Grid, HyperSystem
from hyperfunc.errors import DatasetError
from hyperfunc.evaluation import Columns, Sealed, as_examples


def some(n: int = 6) -> list[Example]:
    return [Example({"i": i}, i % 2, id=i, tags=["odd"] if i % 2 else [], weight=i + 1) for i in range(n)]


def test_it_is_an_immutable_sequence() -> None:
    data = Dataset(some())
    assert list(data) == some()
    assert data[-1] == some()[-1]
    assert data[1:3] == Dataset(some()[1:3])
    assert data != Dataset(some(5))
    assert as_examples(data) == tuple(some())
    with pytest.raises(TypeError):
        data[0] = some()[1]  # type: ignore[index]


def test_the_version_is_the_content_whatever_the_order_and_the_ids() -> None:
    data = Dataset(some())
    assert data.version == Dataset(reversed(some())).version
    assert data.version == Dataset([Example(e.inputs, e.expected, tags=e.tags, weight=e.weight)
                                    for e in some()]).version  # fmt: skip
    assert Dataset([Example({"x": object()})]).version is None


@given(st.sampled_from(["input", "expected", "group", "tag", "weight", "again", "less"]), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_the_version_changes_with_any_content(what: str, at: int) -> None:
    rows: list[dict[str, Any]] = [{"inputs": {"i": i}, "expected": i, "weight": 1} for i in range(6)]
    before = Dataset(rows).version
    change: dict[str, dict[str, Any]] = {
        "input": {"inputs": {"i": -1}}, "expected": {"expected": -1}, "group": {"group": "g"},
        "tag": {"tags": ["t"]}, "weight": {"weight": 2},
    }  # fmt: skip
    if what == "again":
        rows.append(rows[at])
    elif what == "less":
        del rows[at]
    else:
        rows[at] = {**rows[at], **change[what]}
    assert Dataset(rows).version != before


def test_filters_keep_order_and_may_leave_nothing() -> None:
    data = Dataset(some())
    assert [e.inputs["i"] for e in data.filter(tag="odd")] == [1, 3, 5]
    assert [e.inputs["i"] for e in data.filter(tag="odd", where=lambda e: e.weight > 2)] == [3, 5]
    assert data.filter(tag="odd").weights == (2.0, 4.0, 6.0)
    assert len(data.filter(tag="none")) == 0
    with pytest.raises(DatasetError, match="empty"):
        as_examples(data.filter(tag="none"))


def test_ids_name_one_example() -> None:
    with pytest.raises(DatasetError, match="2 examples have the id 'a'"):
        Dataset([Example({"i": 0}, id="a"), Example({"i": 1}), Example({"i": 2}, id="a")])


class Table:
    """What a split of a Hugging Face dataset looks like: column names, and rows as dicts."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows
        self.column_names = list(rows[0])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


def test_objects_with_columns_are_read_row_by_row() -> None:
    table = Table([{"text": "a", "label": 0, "doc": "d1"}, {"text": "b", "label": 1, "doc": "d2"}])
    data = Dataset(table, Columns(expected="label", group="doc"))
    assert list(data) == [Example({"text": "a"}, 0, group="d1"), Example({"text": "b"}, 1, group="d2")]
    assert as_examples(table)[0] == Example({"text": "a", "label": 0, "doc": "d1"})
    nested = Table([{"inputs": {"text": "a"}, "expected": 0}])
    assert as_examples(nested) == (Example({"text": "a"}, 0),)
    with pytest.raises(DatasetError, match="row 0 of the dataset: there is no column 'lable'; did you mean"):
        Dataset(table, Columns(expected="lable"))
    table.rows.append(3)
    with pytest.raises(DatasetError, match="row 2 of the dataset is int"):
        Dataset(table)


def test_several_splits_at_once_are_refused_with_a_hint() -> None:
    class Splits(dict[str, Any]):
        column_names = {"train": ["text"]}  # noqa: RUF012 - as the other library has it

    with pytest.raises(DatasetError, match=r"data\['train'\]"):
        Dataset(Splits(train=[]))


def test_lists_of_plain_rows_need_columns() -> None:
    rows = [{"text": "a", "label": 0}]
    assert list(Dataset(rows, Columns(expected="label"))) == [Example({"text": "a"}, 0)]
    with pytest.raises(DatasetError, match="entry 0"):
        Dataset(rows)
    with pytest.raises(DatasetError, match=r"entry 0 .* 'tag' beside 'inputs' .* did you mean 'tags'"):
        Dataset([{"inputs": {}, "tag": "x"}])


def test_systems_take_it_like_a_list(tmp_path: Path) -> None:
    class Parity(HyperSystem):
        shift = Choice((2, 1, 0), default=1)

        def run(self, i: int) -> int:
            return (i + self.shift) % 2

    data = Dataset(some(40))
    assert Parity().evaluate(data, ExactMatch(), candidate={"shift": 0}) == 1.0
    assert Parity().evaluate(data, ExactMatch()) == Parity().evaluate(list(data), ExactMatch()) == 0.0
    parts = data.split(validation=0.4)
    result = Parity().optimize(
        parts.train,
        ExactMatch(),
        test=parts.validation,
        optimizer=Grid(),
        budget="400 evaluations",
        ledger=tmp_path,
    )
    assert result.best["shift"] in (0, 2)


def test_a_sealed_dataset_is_read_for_a_reason_only() -> None:
    data = Dataset(some())
    sealed = Sealed(data)
    for look in (list, len, lambda s: s[0], as_examples, Dataset, lambda s: some()[0] in s, data.leaks):
        with pytest.raises(DatasetError, match="sealed"):
            look(sealed)
    with pytest.raises(DatasetError, match="reason"):
        sealed.open(" ")
    assert len(sealed.looks) == 0
    assert (sealed.size, sealed.version) == (6, data.version)
    assert sealed.open("certificate") is data
    assert sealed.open("certificate again") is data
    assert list(sealed.looks) == ["certificate", "certificate again"]
    assert "Example" not in repr(sealed)
