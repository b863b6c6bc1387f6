"""Names of components are valid and lead back to what they stand for."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from hyperfunc.interop.names import component_name, part_name
from hyperfunc.optimizers.proposers.base import component_of
from hyperfunc.spaces import Space, Text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example("steps[0]")
@example("tools['look up'].predict")
@example("a.b/c%20d e\u2003f")
@example("..")
@example("%2E/.%")
def test_names_are_valid_and_reversible(part: str) -> None:
    name = component_name(part)
    knob = f"{name}.prompt"
    assert part_name(name) == part_name(knob) == part
    assert component_of(knob) == name
    assert list(Space({knob: Text("x")})) == [knob]


@given(st.text(min_size=1, alphabet="ab./% "), st.text(min_size=1, alphabet="ab./% "))
def test_different_parts_have_different_names(one: str, other: str) -> None:
    assert (component_name(one) == component_name(other)) == (one == other)
