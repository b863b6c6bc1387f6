"""Examples: both forms, and what their names, tags, weights and groups change and do not change."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from hyperfunc import Example
from hyperfunc.errors import DatasetError


def test_keys_are_those_of_older_ledgers() -> None:
    """Recorded with the version that knew neither ids nor tags nor weights."""
    plain, named = Example({"a": 1}, 2), Example("route", {"a": "x"}, None, group="g")
    assert (plain.key, plain.luck) == ("1c67870b2ed8af8fa83084d04260f846", "38f9876aeb713938fde9e764ce938c64")
    assert (named.key, named.luck) == ("6dedab269b17f02526a3b05fb7e19f0a", "cbefc2dcf1efacf049c44511515e6736")


@pytest.mark.parametrize("more", [{"id": "x"}, {"tags": ["hard"]}, {"weight": 2}, {"group": "g"}])
def test_what_describes_an_example_leaves_its_keys_alone_and_counts_as_a_difference(
    more: dict[str, Any],
) -> None:
    plain = Example({"a": 1}, 2)
    for told in (Example({"a": 1}, 2, **more), Example(inputs={"a": 1}, expected=2, **more)):
        assert (told.key, told.luck) == (plain.key, plain.luck)
        assert told != plain
        assert told == Example({"a": 1}, 2, **more)
        assert pickle.loads(pickle.dumps(told)) == told


def test_what_a_score_depends_with_is_its_group_or_the_inputs() -> None:
    plain = Example({"a": 1}, 2)
    assert plain.cluster == plain.luck == Example({"a": 1}, 3, group="").cluster
    assert Example({"a": 1}, group="g").cluster == Example({"a": 2}, group="g").cluster == "group g"
    assert Example({"a": 1}, group=0).cluster == "group 0"
    assert Example({"a": object()}).cluster is None


def test_both_forms_take_everything() -> None:
    for example in (
        Example({"a": 1}, 2, id=7, tags="hard", weight=3, group="g"),
        Example("route", {"a": 1}, 2, id=7, tags=("hard", "hard"), weight=3, group="g"),
    ):
        assert (example.id, example.tags, example.weight) == ("7", frozenset({"hard"}), 3.0)
        assert (example.inputs, example.expected, example.group) == ({"a": 1}, 2, "g")
    bare = Example({"a": 1})
    assert (bare.id, bare.tags, bare.weight, bare.group) == (None, frozenset(), 1.0, None)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"id": 1.5}, "id"),
        ({"id": True}, "id"),
        ({"tags": [1]}, "tags"),
        ({"tags": {"a": 1}}, "tags"),
        ({"tags": 3}, "tags"),
        ({"weight": 0}, "weight"),
        ({"weight": -1.0}, "weight"),
        ({"weight": float("nan")}, "weight"),
        ({"weight": 10**400}, "weight"),
        ({"weight": True}, "weight"),
        ({"weight": "2"}, "weight"),
        ({"group": ["g"]}, "group"),
        ({"wieght": 2}, "an example is"),
    ],
)
def test_what_cannot_be_used_is_named(more: dict[str, Any], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        Example({"a": 1}, 2, **more)
