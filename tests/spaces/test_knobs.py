from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import OutOfBounds, SpaceError
from hyperfunc.spaces import Choice, Exemplar, Exemplars, Integer, Matrix, Real, Text

floats = st.floats(-1e6, 1e6)
scales = st.sampled_from(["linear", "log", "logit"])


@st.composite
def reals(draw: st.DrawFn) -> Real:
    scale = draw(scales)
    ends = {"linear": (-1e4, 1e4), "log": (1e-4, 1e4), "logit": (1e-3, 0.999)}[scale]
    low = draw(st.floats(ends[0], ends[1] * 0.9))
    high = draw(st.floats(low, ends[1]).filter(lambda high: high - low > 1e-3 * max(1.0, abs(low))))
    return Real(low, high, scale=scale)  # type: ignore[arg-type]


@given(reals(), st.floats(0, 1))
def test_law_from_unit_and_to_unit_are_inverse_within_float32(knob: Real, unit: float) -> None:
    value = knob.from_unit(unit)
    assert knob.low <= value <= knob.high
    ulp = float(np.spacing(np.float32(max(abs(knob.low), abs(knob.high)))))
    assert knob.from_unit(knob.to_unit(value)) == pytest.approx(value, abs=2 * ulp, rel=1e-6)


@given(reals(), st.floats(0, 1), st.floats(0, 1))
def test_the_scale_is_monotone_and_reaches_both_ends(knob: Real, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert knob.from_unit(low) <= knob.from_unit(high)
    assert (knob.from_unit(0.0), knob.from_unit(1.0)) == (knob.low, knob.high)
    assert knob.to_unit(knob.low) == pytest.approx(0.0)
    assert knob.to_unit(knob.high) == pytest.approx(1.0)


@given(st.integers(1, 1000), st.integers(1, 5000), st.sampled_from(["linear", "log"]), st.data())
def test_every_whole_number_survives_the_unit_cube(
    low: int, span: int, scale: str, data: st.DataObject
) -> None:
    knob = Integer(low, low + span, scale=scale)  # type: ignore[arg-type]
    value = data.draw(st.integers(knob.low, knob.high))
    assert knob.from_unit(knob.to_unit(value)) == value


@given(st.lists(st.one_of(st.text(), st.integers(), st.booleans(), st.none()), min_size=2, max_size=9))
def test_every_option_survives_the_unit_cube_and_json(options: list[object]) -> None:
    distinct = tuple({(type(option), option): option for option in options}.values())
    if len(distinct) < 2:
        return
    knob = Choice(distinct)
    for option in distinct:
        assert knob.from_unit(knob.to_unit(option)) is option or option == knob.from_unit(
            knob.to_unit(option)
        )
        assert knob.canonical(knob.from_json(knob.to_json(option))) == option


@given(floats)
def test_a_real_value_is_the_shortest_decimal_of_its_float32(value: float) -> None:
    knob = Real(-1e6, 1e6)
    canonical = knob.canonical(value)
    assert np.float32(canonical) == np.float32(value)
    assert knob.canonical(canonical) == canonical
    assert knob.canonical(float(np.float32(value))) == canonical


def test_familiar_decimals_stay_as_they_are() -> None:
    knob = Real(0, 2)
    assert [knob.canonical(v) for v in (0.7, np.float32(0.7), 1, -0.0)] == [0.7, 0.7, 1.0, 0.0]
    assert str(knob.canonical(-0.0)) == "0.0"


def test_values_on_rounded_bounds_are_allowed() -> None:
    knob = Real(1 / 3, 2 / 3)
    assert knob.canonical(1 / 3) == knob.low
    assert knob.canonical(2 / 3) == knob.high


@pytest.mark.parametrize("value", [math.nan, math.inf, 2.1, -0.1, 1e300])
def test_a_real_refuses_what_is_out_of_bounds(value: float) -> None:
    with pytest.raises(OutOfBounds, match=r"a\.temperature"):
        Real(0, 2).canonical(value, "a.temperature")


@pytest.mark.parametrize("value", [True, "1", None, [1.0], np.bool_(True)])
def test_a_real_refuses_what_is_not_a_number(value: object) -> None:
    with pytest.raises(SpaceError, match="number"):
        Real(0, 2).canonical(value)


@pytest.mark.parametrize("value", [1.5, True, "1"])
def test_an_integer_refuses_what_is_not_whole(value: object) -> None:
    with pytest.raises(SpaceError, match="number"):
        Integer(0, 9).canonical(value)


def test_an_integer_takes_whole_floats() -> None:
    value = Integer(0, 9).canonical(np.float32(3.0))
    assert (value, type(value)) == (3, int)


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [(1, 1, "linear"), (2, 1, "linear"), (0, 1, "log"), (0, 0.5, "logit"), (0.5, 1, "logit"), (0, 1, "cube")],
)
def test_bounds_and_scale_must_fit(low: float, high: float, scale: str) -> None:
    with pytest.raises(SpaceError):
        Real(low, high, scale=scale)  # type: ignore[arg-type]


def test_a_default_must_be_allowed() -> None:
    with pytest.raises(OutOfBounds, match="default"):
        Real(0, 1, default=2)


def test_whole_numbers_beyond_float32_are_refused() -> None:
    with pytest.raises(OutOfBounds, match="float32"):
        Integer(0, 2**25)


def test_options_are_told_apart_by_type() -> None:
    knob = Choice((True, 1, 1.0, "1"))
    assert [type(knob.canonical(v)) for v in (True, 1, 1.0, "1")] == [bool, int, float, str]
    with pytest.raises(OutOfBounds, match="choose one of"):
        knob.canonical(2)


@pytest.mark.parametrize("options", [("a",), ("a", "a"), "ab", (object(), 1), (math.nan, 1.0)])
def test_unusable_options_are_refused(options: object) -> None:
    with pytest.raises(SpaceError):
        Choice(options)  # type: ignore[arg-type]


def test_tuples_may_be_options() -> None:
    knob = Choice((("a", 1), ("b", 2)))
    assert knob.canonical(["b", 2]) == ("b", 2)
    assert knob.from_json(knob.to_json(("b", 2))) == ("b", 2)


def test_a_text_keeps_every_character_and_its_limit() -> None:
    assert Text().canonical("  Größe \n🙂") == "  Größe \n🙂"
    with pytest.raises(OutOfBounds, match="shorten"):
        Text(max_chars=3).canonical("four")
    with pytest.raises(SpaceError, match="surrogate"):
        Text().canonical("\ud800")
    with pytest.raises(SpaceError, match="text"):
        Text().canonical(3)


def test_an_exemplar_is_a_copy_and_compares_by_content() -> None:
    given_input = {"b": [1], "a": 2}
    item = Exemplar(given_input, "x")
    given_input["b"].append(2)  # type: ignore[attr-defined]
    assert item == Exemplar({"a": 2, "b": [1]}, "x")
    assert hash(item) == hash(Exemplar({"a": 2, "b": [1]}, "x"))
    assert item != Exemplar({"a": 2, "b": [1]}, "y")
    item.to_json()["input"]["a"] = 9
    assert item.input["a"] == 2


@pytest.mark.parametrize("bad", [math.nan, {1, 2}, object(), "\ud800"])
def test_an_exemplar_holds_json_only(bad: object) -> None:
    with pytest.raises(SpaceError, match="JSON"):
        Exemplar(bad, "x")


def test_exemplars_take_pairs_and_mappings_and_keep_their_order() -> None:
    knob = Exemplars(max_items=2)
    value = knob.canonical([("a", 1), {"input": "b", "output": 2}])
    assert value == (Exemplar("a", 1), Exemplar("b", 2))
    assert knob.canonical(knob.from_json(knob.to_json(value))) == value
    with pytest.raises(OutOfBounds, match="at most 2"):
        knob.canonical([("a", 1)] * 3)
    for bad in ("ab", {"input": 1, "output": 2}, [3], ["ab"], [{"input": 1}]):
        with pytest.raises(SpaceError):
            Exemplars().canonical(bad)


def test_a_matrix_value_is_a_private_read_only_copy() -> None:
    source = np.arange(6.0).reshape(2, 3)
    value = Matrix((2, 3)).canonical(source)
    source[:] = 9
    assert value.dtype == np.float32
    assert value[1, 2] == 5
    with pytest.raises(ValueError, match="read-only"):
        value[0, 0] = 1


def test_a_matrix_survives_json_byte_for_byte() -> None:
    knob = Matrix((2, 2))
    value = knob.canonical(np.array([[1e-30, -0.1], [3e38, 0.0]]))
    back = knob.canonical(knob.from_json(knob.to_json(value)))
    assert back.tobytes() == value.tobytes()


@pytest.mark.parametrize("bad", [[[1.0, math.nan]], [[1.0, 1e39]], [[1.0]], "ab", [[1.0], [2.0, 3.0]]])
def test_a_matrix_refuses_what_does_not_fit(bad: object) -> None:
    with pytest.raises(SpaceError):
        Matrix((1, 2)).canonical(bad)


@pytest.mark.parametrize(
    "knob",
    [
        Real(0, 1),
        Real(1e-3, 1, scale="log"),
        Integer(0, 5),
        Choice(("a", "b")),
        Text("t"),
        Exemplars(pool=(("a", 1), ("b", 2), ("c", 3)), max_items=2),  # type: ignore[arg-type]
        Matrix((2, 2)),
    ],
    ids=lambda knob: knob.kind,
)
def test_samples_are_canonical_and_repeat(knob: Real) -> None:
    first, again = (knob.sample(np.random.default_rng(3)) for _ in range(2))
    assert knob.to_json(knob.canonical(first)) == knob.to_json(first) == knob.to_json(again)
    assert knob.describe()["kind"] == knob.kind
