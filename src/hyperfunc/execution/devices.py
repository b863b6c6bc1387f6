"""Which device batches of tensors may run on."""

from __future__ import annotations

from hyperfunc.errors import ProgramError

__all__ = ["check_device"]


def check_device(device: str) -> None:
    """Make sure that torch can put tensors there.

    Args:
        device: a torch device, or ``"auto"``.

    Raises:
        ProgramError: it cannot.
    """
    if device == "auto":
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ProgramError(
            f'device is {device!r}, and torch cannot use it ({reason}); give "auto", "cpu" or a device '
            "that this machine has"
        ) from error
