from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from hyperfunc.errors import SpaceError
from hyperfunc.spaces import (
    AdapterMeta,
    Choice,
    Integer,
    LMParam,
    LoRAWeight,
    Matrix,
    Real,
    SamplerParam,
    build_group,
    group_knobs,
    held_tensors,
)

PRESETS = [LMParam, SamplerParam, AdapterMeta]


@dataclasses.dataclass(frozen=True)
class Policy:
    threshold: Annotated[float, Real(0, 1)] = 0.3
    tries: Annotated[int, Integer(1, 9)] = 2
    careful: bool = True
    tone: Literal["kind", "dry"] = "dry"
    note: str = "constant"


class Affine:
    def __init__(self, values: Any) -> None:
        self.values = values

    @classmethod
    def dim(cls) -> int:
        return 4

    @classmethod
    def shape(cls) -> tuple[int, ...]:
        return (2, 2)

    @classmethod
    def noise_rank(cls) -> int:
        return 2

    @classmethod
    def from_tensor(cls, tensor: Any) -> Affine:
        return cls(tensor)

    def to_tensor(self, device: Any = None, dtype: Any = None) -> Any:
        return self.values


class Flat:
    @classmethod
    def dim(cls) -> int:
        return 3

    @classmethod
    def default_init(cls) -> Any:
        return [1.0, 2.0, 3.0]

    @classmethod
    def from_tensor(cls, tensor: Any) -> Flat:
        return cls()

    def to_tensor(self, device: Any = None, dtype: Any = None) -> Any:
        return None


def test_fields_become_knobs_with_the_fields_defaults() -> None:
    assert group_knobs(Policy) == {
        "threshold": Real(0, 1, default=0.3),
        "tries": Integer(1, 9, default=2),
        "careful": Choice((False, True), default=True),
        "tone": Choice(("kind", "dry"), default="dry"),
    }


def test_a_group_is_built_from_values_and_keeps_its_constants() -> None:
    built = build_group(Policy, {"threshold": 0.5, "tries": 3, "careful": False, "tone": "kind"})
    assert built == Policy(0.5, 3, False, "kind", "constant")
    with pytest.raises(SpaceError, match="no field 'tone2'"):
        build_group(Policy, {"tone2": "kind"})


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_round_trips_through_its_vector(preset: Any) -> None:
    knobs = group_knobs(preset)
    assert preset.dim() == len(knobs)
    assert preset.shape() == (preset.dim(),)
    assert preset.noise_rank() is None
    changed = {name: knob.from_unit(0.37) for name, knob in knobs.items()}
    group = build_group(preset, changed)
    assert preset.from_tensor(group.to_tensor()) == group
    assert preset.from_tensor(preset.default_init()) == preset()


@pytest.mark.parametrize("preset", PRESETS)
def test_defaults_of_presets_are_fixed_and_within_bounds(preset: Any) -> None:
    defaults = {name: knob.default for name, knob in group_knobs(preset).items()}
    assert build_group(preset, defaults) == preset()


def test_language_model_defaults_are_neutral() -> None:
    assert LMParam() == LMParam(1.0, 1.0, 0.0, 0.0, 1.0, None, (), None)
    neutral = SamplerParam()
    assert (neutral.temperature, neutral.top_p, neutral.min_p, neutral.top_k) == (1.0, 1.0, 0.0, 0)
    assert (neutral.typical_p, neutral.top_n_sigma, neutral.repetition_penalty) == (1.0, 0.0, 1.0)
    assert (neutral.frequency_penalty, neutral.presence_penalty, neutral.max_tokens) == (0.0, 0.0, None)


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(SpaceError, match="5 numbers"):
        LMParam.from_tensor(np.zeros(4, np.float32))


def test_the_older_protocol_gives_one_matrix() -> None:
    assert group_knobs(Affine) == {"value": Matrix((2, 2), noise_rank=2)}
    assert group_knobs(Flat) == {"value": Matrix((3,), np.array([1.0, 2.0, 3.0]), noise_rank=None)}
    built = build_group(Affine, {"value": np.eye(2, dtype=np.float32)})
    assert np.asarray(built.values).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_lora_weight_has_a_start_that_is_never_random() -> None:
    one, other = LoRAWeight.create(2, 3), LoRAWeight.create(2, 3)
    assert group_knobs(one) == group_knobs(other)
    assert group_knobs(one)["weight"].default.any()
    assert (one.dim(), one.shape(), one.noise_rank()) == (6, (2, 3), 4)
    built = build_group(one, {"weight": group_knobs(one)["weight"].default})
    assert isinstance(built, LoRAWeight)
    assert np.array_equal(np.asarray(built.weight), np.asarray(one.default_init()))
    assert np.array_equal(np.asarray(one.from_tensor(np.arange(6.0)).weight), [[0, 1, 2], [3, 4, 5]])


def test_what_is_built_is_not_the_candidates_own_array() -> None:
    kind = LoRAWeight.create(1, 2)
    value = group_knobs(kind)["weight"].default
    built = build_group(kind, {"weight": value})
    built.weight[0, 0] = 99.0
    assert value[0, 0] != 99.0


def test_tensors_pass_through_unchanged() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.ones(1, 2, requires_grad=True)
    assert build_group(LoRAWeight.create(1, 2), {"weight": tensor}).weight is tensor
    assert LMParam().to_tensor(dtype=torch.float64).dtype == torch.float64


def test_the_tensors_that_a_group_holds_are_known() -> None:
    torch = pytest.importorskip("torch")
    from hyperfunc.spaces.modules import ModuleParam

    net = ModuleParam.create(torch.nn.Linear(2, 3))
    weight = build_group(LoRAWeight.create(2, 2), {"weight": np.ones((2, 2), np.float32)})
    custom = build_group(Affine, {"value": np.ones((2, 2), np.float32)})
    module = build_group(net, {name: knob.default for name, knob in group_knobs(net).items()})
    for group, held in ((weight, weight.weight), (custom, custom.values), (module, module["weight"])):
        assert [tensor is held for tensor in held_tensors(group)] == [True]
    assert held_tensors(Policy()) == held_tensors(LMParam()) == ()


def test_classes_that_are_no_group_are_refused_with_advice() -> None:
    @dataclasses.dataclass
    class Nothing:
        x: int = 3

    @dataclasses.dataclass
    class Needy:
        x: int
        y: bool = True

    with pytest.raises(SpaceError, match="nothing to learn"):
        group_knobs(Nothing)
    with pytest.raises(SpaceError, match=r"Needy\.x is not a knob and has no default"):
        group_knobs(Needy)
    with pytest.raises(SpaceError, match="not a parameter group"):
        group_knobs(dict)
    with pytest.raises(SpaceError, match=r"LoRAWeight\.create"):
        group_knobs(LoRAWeight)


def test_a_default_outside_of_its_knob_names_the_field() -> None:
    @dataclasses.dataclass
    class Wrong:
        x: Annotated[float, Real(0, 1)] = 3.0

    with pytest.raises(SpaceError, match=r"Wrong\.x"):
        group_knobs(Wrong)


def test_every_field_kind_survives_a_canonical_round_trip() -> None:
    for preset in (*PRESETS, Policy):
        for name, knob in group_knobs(preset).items():
            assert knob.canonical(knob.from_json(knob.to_json(knob.default)), name) == knob.default
