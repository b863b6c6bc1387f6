"""What torch keeps per thread, kept per lane: lanes that wait for each other share one thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

__all__ = ["Ambience", "apart", "outside", "surroundings"]

Ambience = tuple[bool, bool, bool, bool]
"""Grad mode, inference mode, autocast on the CPU and on CUDA."""

_AUTOCAST = ("cpu", "cuda")


def outside() -> Ambience | None:
    """The modes that are on now; ``None`` without torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    autocast = torch.is_autocast_enabled
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), autocast("cpu"), autocast("cuda")


def apart(usual: Ambience | None, wait: Callable[[], Any]) -> Any:
    """Wait with the usual modes on, and go on with those of now.

    Args:
        usual: the modes of whoever runs in between; ``None`` when torch was not there yet.
        wait: lets others run.
    """
    own = outside()
    if own == usual or own is None:
        return wait()
    import torch

    grad, inference, *autocast = usual or (True, False, False, False)
    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode(inference))
        modes.enter_context(torch.set_grad_enabled(grad))
        for device, before, enabled in zip(_AUTOCAST, own[2:], autocast, strict=True):
            if enabled != before:
                torch.set_autocast_enabled(device, enabled)
                modes.callback(torch.set_autocast_enabled, device, before)
        return wait()


def surroundings() -> tuple[Any, ...]:
    """What decides the result of a call besides its arguments, so that only calls for which it is equal may
    share a batch: inference mode, autocast, transforms such as ``torch.vmap``, and torch's mode stacks.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return ()
    core, autocast = torch._C, torch.is_autocast_enabled
    return (
        torch.is_inference_mode_enabled(), autocast("cpu"), autocast("cuda"),
        core._functorch.peek_interpreter_stack() is None, core._len_torch_function_stack(),
        core._len_torch_dispatch_stack(),
    )  # fmt: skip
