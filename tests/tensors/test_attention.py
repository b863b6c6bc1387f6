from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.tensors.populations import check, near, stack
from torch import nn
from torch.func import functional_call

from hyperfunc.tensors import run_population

torch.manual_seed(0)
HEADS, LENGTH, WIDTH = 2, 5, 8
X = torch.randn(3, LENGTH, HEADS * WIDTH)
PADDING = torch.tensor([[False] * 4 + [True]] * 3)
CAUSAL = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()


def heads(x: Any) -> Any:
    return x.unflatten(-1, (HEADS, -1)).transpose(-3, -2)


ATTEND: dict[str, Callable[[Any], Any]] = {
    "plain": lambda q: F.scaled_dot_product_attention(q, q + 1, q * 2),
    "causal": lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True),
    "scaled": lambda q: F.scaled_dot_product_attention(q, q, q, scale=0.3),
    "mask for all": lambda q: F.scaled_dot_product_attention(q, q, q, CAUSAL),
    "mask of a member": lambda q: F.scaled_dot_product_attention(q, q, q, q[..., :1] + torch.zeros(LENGTH)),
    "mask of three axes": lambda q: F.scaled_dot_product_attention(q, q, q, CAUSAL.expand(HEADS, -1, -1)),
    "keys for all": lambda q: F.scaled_dot_product_attention(q, heads(X[0]), heads(X[1])),
    "one head": lambda q: F.scaled_dot_product_attention(q[..., 0, :, :], q[..., 0, :, :], q[..., 1, :, :]),
    "one key head": lambda q: F.scaled_dot_product_attention(q, q[..., :1, :, :], q[..., :1, :, :]),
    "grouped heads": lambda q: F.scaled_dot_product_attention(
        q, q[..., :1, :, :], q[..., :1, :, :], enable_gqa=True
    ),
}


OF_ONE_EXAMPLE = ("mask of three axes", "keys for all")


@pytest.mark.parametrize(
    ("name", "nested"),
    [(name, nested) for name in ATTEND for nested in (False, True) if nested or name not in OF_ONE_EXAMPLE],
)
def test_attention_in_one_batch_equals_one_by_one(name: str, nested: bool) -> None:
    def call(values: dict[str, Any]) -> Any:
        def one(x: Any) -> Any:
            return ATTEND[name](heads(x @ values["w"]))

        return torch.vmap(one)(X) if nested else one(X)

    check(call, {"w": stack((16, 16), 1)})


def test_attention_makes_no_loop_over_members_when_nothing_is_low_rank() -> None:
    calls = []
    real = F.scaled_dot_product_attention
    q = torch.randn(6, HEADS, LENGTH, WIDTH)

    class Count(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is real:
                calls.append(args[0].shape)
            return func(*args, **(kwargs or {}))

    with Count():
        found, _ = run_population(
            lambda v: F.scaled_dot_product_attention(v["q"], v["q"], v["q"]), {"q": q}, 6
        )
    assert calls == [(6, HEADS, LENGTH, WIDTH)]
    near(found, real(q, q, q), 1e-6)


def module_columns(module: nn.Module, rank: int) -> dict[str, Any]:
    return {n: stack(tuple(p.shape), rank) for n, p in module.named_parameters() if p.dim() > 1}


MHA: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "without weights": ({}, dict(need_weights=False)),
    "weights by head": ({}, dict(average_attn_weights=False)),
    "no bias": (dict(bias=False), dict(need_weights=False)),
    "causal mask": ({}, dict(need_weights=False, attn_mask=~CAUSAL)),
    "causal hint": ({}, dict(need_weights=False, attn_mask=~CAUSAL, is_causal=True)),
    "float mask": ({}, dict(attn_mask=torch.randn(LENGTH, LENGTH))),
    "mask by head": ({}, dict(attn_mask=torch.randn(3 * HEADS, LENGTH, LENGTH))),
    "padding": ({}, dict(key_padding_mask=PADDING)),
    "padding and mask": ({}, dict(key_padding_mask=PADDING, attn_mask=~CAUSAL, need_weights=False)),
    "zero attention": (dict(add_zero_attn=True), dict(attn_mask=~CAUSAL)),
    "separate widths": (dict(kdim=17, vdim=18), {}),
}  # fmt: skip


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("name", MHA)
def test_multi_head_attention_equals_torchs_own(name: str, rank: int) -> None:
    made, given = MHA[name]
    module = nn.MultiheadAttention(2 * WIDTH, HEADS, batch_first=True, **made).eval()
    key = torch.randn(3, LENGTH, made.get("kdim", 16))
    value = torch.randn(3, LENGTH, made.get("vdim", 16))
    args = (X, key, value) if made.get("kdim") else (X, X, X)

    def call(values: dict[str, Any]) -> Any:
        y, weights = functional_call(module, values, args, given)
        return y if weights is None else (y, weights)

    check(call, module_columns(module, rank), tolerance=1e-5)


def test_appended_keys_of_attention_and_cross_attention() -> None:
    module = nn.MultiheadAttention(16, HEADS, add_bias_kv=True, batch_first=True).eval()
    columns = {n: stack(tuple(p.shape)) for n, p in module.named_parameters() if p.dim() == 2}
    check(
        lambda v: functional_call(module, v, (X, X + 1, X), dict(key_padding_mask=PADDING)),
        columns,
        tolerance=1e-5,
    )


def test_attention_of_one_example_inside_a_map_over_examples() -> None:
    module = nn.MultiheadAttention(16, HEADS).eval()

    def call(values: dict[str, Any]) -> Any:
        return torch.vmap(lambda x: functional_call(module, values, (x, x, x))[0])(X)

    check(call, module_columns(module, 2), tolerance=1e-5)


@pytest.mark.parametrize("nested", [False, True], ids=["batch", "nested"])
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("norm_first", [False, True], ids=["norm last", "norm first"])
def test_encoder_layers_run_unmodified(norm_first: bool, training: bool, nested: bool) -> None:
    layer = nn.TransformerEncoderLayer(16, HEADS, 24, dropout=0.0, batch_first=True, norm_first=norm_first)
    layer.train(training)

    def batch(values: dict[str, Any]) -> Any:
        return functional_call(layer, values, (X,))

    def mapped(values: dict[str, Any]) -> Any:
        return torch.vmap(lambda x: functional_call(layer, values, (x,)))(X)

    check(mapped if nested else batch, module_columns(layer, 1), reference=batch, tolerance=1e-5)


def test_encoder_layers_take_masks() -> None:
    layer = nn.TransformerEncoderLayer(16, HEADS, 24, dropout=0.0, batch_first=True).eval()
    mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
    given = dict(src_mask=mask, is_causal=True)
    check(lambda v: functional_call(layer, v, (X,), given), module_columns(layer, 1), tolerance=1e-5)


def test_a_mask_is_needed_with_the_causal_hint() -> None:
    module = nn.MultiheadAttention(16, HEADS)
    with pytest.raises(RuntimeError, match="attn_mask"):
        run_population(
            lambda v: functional_call(module, v, (X, X, X), dict(is_causal=True))[0],
            module_columns(module, 1),
            6,
        )


def test_dropout_is_left_to_torch() -> None:
    module = nn.MultiheadAttention(16, HEADS, dropout=0.5).train()
    columns = module_columns(module, 1)
    with pytest.raises(RuntimeError, match="random"):
        run_population(lambda v: functional_call(module, v, (X, X, X))[0], columns, 6)
