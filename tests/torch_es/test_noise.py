"""Noise made by torch, here on the CPU; on an accelerator only the random numbers differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hyperfunc.spaces import LowRankStack
from hyperfunc.torch_es import noise as noise_module
from hyperfunc.torch_es.noise import DeviceNoise

CPU = torch.device("cpu")


def written_out(column: LowRankStack | torch.Tensor) -> torch.Tensor:
    if isinstance(column, torch.Tensor):
        return column
    left, right = column.factors()
    changes = column.scale * torch.as_tensor(left) @ torch.as_tensor(right).mT
    if column.mirrored:
        changes = torch.stack([changes, -changes], 1).flatten(0, 1)
    return torch.as_tensor(column.center) + changes.view(-1, *column.center.shape)


@pytest.mark.parametrize("rank", [1, 2, None])
@pytest.mark.parametrize("mirrored", [True, False])
def test_the_fold_is_the_weighted_sum_of_members(rank: int | None, mirrored: bool) -> None:
    noise = DeviceNoise.of(4, (5, 2, 3), rank, 70, 1 << 20, CPU)
    members = written_out(noise.column(torch.ones(5, 2, 3), 0.3, mirrored))
    weights_G = np.linspace(-1, 2, 70)
    changes = ((members[0::2] if mirrored else members) - 1) / 0.3
    expected = torch.einsum("g,gabc->abc", torch.as_tensor(weights_G, dtype=torch.float32), changes)
    torch.testing.assert_close(noise.fold(weights_G), expected, rtol=1e-4, atol=1e-3)
    assert changes.std() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("kept", [True, False])
def test_any_part_can_be_made_alone(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_module, "_DRAWN", 200)
    noise = DeviceNoise(4, (5, 6), 2, 100, CPU, kept)
    whole, part = noise(0, 100), DeviceNoise(4, (5, 6), 2, 100, CPU, False)(30, 71)
    for one, other in zip(whole, part, strict=True):
        torch.testing.assert_close(one[30:71], other, rtol=0, atol=0)


def test_what_does_not_fit_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_module, "_DRAWN", 30)
    monkeypatch.setattr(noise_module, "_SUMMED", 5)
    kept, made_again = (DeviceNoise.of(4, (5, 6), 1, 64, memory, CPU) for memory in (1 << 20, 1000))
    assert kept.memory == 4 * 64 * 11
    assert made_again.memory == 0
    weights_G = np.arange(64.0)
    torch.testing.assert_close(kept.fold(weights_G), made_again.fold(weights_G))
