"""Predictions come back from their bytes as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hyperfunc.execution.encoding import decode, encode

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(3, 2),
        torch.randn(3, 4).T,
        torch.zeros(0, 3),
        torch.tensor(1.5, dtype=torch.bfloat16),
        torch.tensor([True, False]),
        torch.arange(3),
        torch.randn(2, dtype=torch.complex64),
    ],
)
def test_tensors_come_back(tensor: Any) -> None:
    data = encode({"x": [tensor, (tensor, 1.5)]})
    assert data is not None
    back = decode(data)["x"]
    assert back[0].dtype == tensor.dtype
    assert torch.equal(back[0], tensor)
    assert torch.equal(back[1][0], tensor)


def test_what_has_no_exact_form_is_not_written() -> None:
    assert encode(object()) is None
    assert encode({1: "a"}) is None
    assert encode(torch.nn.Parameter(torch.zeros(2))) is None


def test_arrays_come_back() -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    assert np.array_equal(decode(encode(array) or b""), array)
