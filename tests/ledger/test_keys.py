from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.ledger import canonical_json, content_key

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Settings:
    size: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Others:
    size: int
    names: tuple[str, ...] = ()


class Color(enum.Enum):
    RED = 1


@given(JSON)
def test_json_reads_back_equal_when_no_key_starts_with_a_dollar(value: Any) -> None:
    data = canonical_json(value)
    if b"$" not in data:
        assert json.loads(data) == value
    assert data.isascii()
    assert canonical_json(value) == data


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=5))
def test_the_order_of_names_does_not_matter(value: dict[str, Any]) -> None:
    assert content_key(value) == content_key(dict(reversed(value.items())))


@given(JSON, JSON)
def test_different_values_have_different_forms(left: Any, right: Any) -> None:
    same = repr(left) == repr(right)
    if same or json.dumps(left, sort_keys=True) != json.dumps(right, sort_keys=True):
        assert (canonical_json(left) == canonical_json(right)) is same


def test_kinds_of_numbers_and_parts_are_told_apart() -> None:
    assert len({content_key(value) for value in (1, 1.0, True, "1", None, 0.0, -0.0)}) == 7
    assert content_key("a", "b") != content_key("ab") != content_key("b", "a")
    assert len(content_key()) == 32


def test_tuples_are_lists_and_sets_have_no_order() -> None:
    assert canonical_json((1, (2,))) == canonical_json([1, [2]])
    assert canonical_json({3, 1, 2}) == canonical_json(frozenset([2, 3, 1])) != canonical_json([1, 2, 3])


def test_a_dataclass_is_its_type_and_fields() -> None:
    assert content_key(Settings(1, ("a",))) == content_key(Settings(1, ("a",)))
    assert content_key(Settings(1)) != content_key(Settings(2))
    assert content_key(Settings(1)) != content_key(Others(1))
    assert content_key(Settings(1)) != content_key({"size": 1, "names": []})


def test_keys_that_are_not_strings_do_not_meet_those_that_are() -> None:
    assert content_key({1: "a"}) != content_key({"1": "a"})
    assert content_key({1: "a", "b": 2}) == content_key({"b": 2, 1: "a"})


@pytest.mark.parametrize("value", [b"ab", {1}, {1: 2}, np.zeros(2), Color.RED, Settings(1)])
def test_no_mapping_can_pass_for_another_kind(value: object) -> None:
    form = json.loads(canonical_json(value))
    assert isinstance(form, dict)
    assert canonical_json(form) != canonical_json(value)


def test_arrays_depend_on_type_shape_and_numbers_alone() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert content_key(array) == content_key(np.asfortranarray(array))
    assert content_key(array) == content_key(array.astype(">f4"))
    assert content_key(array) == content_key(np.arange(12, dtype=np.float32)[::2].reshape(2, 3) / 2)
    others = [array.reshape(3, 2), array.astype(np.float64), array + 1]
    assert len({content_key(other) for other in (array, *others)}) == 4
    assert canonical_json(np.float64(0.5)) == b"0.5"
    assert canonical_json([np.int32(3), np.bool_(True)]) == b"[3,true]"


def test_bytes_and_texts_with_half_a_surrogate_have_keys() -> None:
    assert content_key(b"a") == content_key(bytearray(b"a")) != content_key("a")
    assert content_key("\ud83d") != content_key("?")


def test_an_unknown_type_is_named_with_its_place() -> None:
    with pytest.raises(TypeError, match=r"a builtins\.object at inputs\.items\[1\]: convert"):
        canonical_json({"inputs": {"items": [1, object()]}})
    with pytest.raises(TypeError, match=r"numpy\.ndarray"):
        canonical_json(np.array([None]))
    with pytest.raises(TypeError, match=r"builtins\.type"):
        canonical_json(Settings)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float32("nan")])
def test_a_float_that_is_not_finite_is_refused_with_its_place(number: float) -> None:
    with pytest.raises(ValueError, match=r"no content key for the float (nan|inf) at x\[0\]"):
        canonical_json({"x": [number]})


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TypeError, match="contains itself"):
        canonical_json(loop)


def test_tensors_depend_on_type_shape_and_numbers_alone() -> None:
    torch = pytest.importorskip("torch")
    one = torch.arange(6.0).reshape(2, 3)
    assert content_key(one) == content_key(one.clone().requires_grad_())
    assert content_key(one.T) == content_key(one.T.contiguous())
    keys = [content_key(t) for t in (one, one.double(), one.bfloat16(), one.T, one[:0], one + 1, one.numpy())]
    assert len(set(keys)) == len(keys)
