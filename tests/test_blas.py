"""Limits of thread counts that belong to the whole process."""

from __future__ import annotations

import pytest

from hyperfunc.blas import one_torch_thread

torch = pytest.importorskip("torch")


def test_two_blocks_that_overlap_leave_the_count_as_it_was() -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        one, other = one_torch_thread(), one_torch_thread()
        one.__enter__()
        other.__enter__()
        one.__exit__(None, None, None)
        assert torch.get_num_threads() == 1
        other.__exit__(None, None, None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(usual)
