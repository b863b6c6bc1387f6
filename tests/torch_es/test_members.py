"""A step that cannot be made says whose fault it is, and leaves the module as it was."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyperfunc import TorchEggrollES
from hyperfunc.errors import MetricError, ProgramError

INPUTS, TARGETS = torch.ones(6, 4), torch.zeros(6, dtype=torch.long)


def test_wrong_inputs_and_modules_that_need_one_member_are_told_apart() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    before, dice = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    es = TorchEggrollES(model, 4, 0.1)
    with pytest.raises(ProgramError, match="fails on these inputs and targets with RuntimeError: mat1"):
        es.step(inputs=INPUTS[:, :2], targets=TARGETS, loss_fn=F.cross_entropy)
    with pytest.raises(ProgramError, match=r"cannot run for all members at once .* use step\(eval_fn\)"):
        es.step(inputs=INPUTS, targets=TARGETS, loss_fn=F.cross_entropy)
    with pytest.raises(MetricError, match="loss_fn gave a float"):
        es.step(inputs=INPUTS, targets=TARGETS, loss_fn=lambda out, _: float(out.sum()))  # type: ignore[arg-type, return-value]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), dice)
