from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.tensors.populations import check, stack
from torch import nn
from torch.func import functional_call

torch.manual_seed(0)
IMAGES = torch.randn(3, 3, 9, 8)
SERIES = torch.randn(3, 5, 11)
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "stride": dict(stride=2),
    "padding": dict(padding=1),
    "same": dict(padding="same"),
    "dilation": dict(dilation=2, padding=2),
    "bias": dict(bias=torch.randn(24)),
}


@pytest.mark.parametrize("mirrored", [True, False], ids=["pairs", "singles"])
@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("name", OPTIONS)
def test_images_for_all_and_of_each_member(name: str, rank: int, mirrored: bool) -> None:
    columns = {
        "w": stack((24, 3, 3, 3), rank, mirrored=mirrored),
        "v": stack((16, 24, 1, 1), rank, mirrored=mirrored),
    }

    def call(values: dict[str, Any]) -> Any:
        y = torch.tanh(F.conv2d(IMAGES, values["w"], **OPTIONS[name]))
        return F.conv2d(y, values["v"], torch.ones(16))

    check(call, columns)


@pytest.mark.parametrize("rank", [1, 3])
def test_one_image_inside_a_map_over_images(rank: int) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 9, 2), nn.Flatten(0), nn.Linear(270, 8)
    ).eval()
    columns = {n: stack(tuple(p.shape), rank) for n, p in net.named_parameters() if p.dim() > 1}
    check(lambda v: torch.vmap(lambda x: functional_call(net, v, (x,)))(IMAGES), columns)


@pytest.mark.parametrize("rank", [1, 3])
def test_series(rank: int) -> None:
    columns = {"w": stack((16, 5, 3), rank), "b": torch.randn(6, 16)}

    def call(values: dict[str, Any]) -> Any:
        return F.conv1d(torch.sin(F.conv1d(SERIES, values["w"], values["b"])), values["v"])

    check(call, {**columns, "v": stack((9, 16, 3), rank)})


def test_groups_and_transposed_convolutions_write_the_weight_out() -> None:
    check(lambda v: F.conv2d(IMAGES, v["w"], groups=3), {"w": stack((6, 1, 3, 3))}, used={"conv2d": 1})
    check(
        lambda v: F.conv_transpose2d(IMAGES, v["w"]), {"w": stack((3, 5, 3, 3))}, used={"conv_transpose2d": 1}
    )
