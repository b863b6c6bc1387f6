"""How much memory this machine has, and the error for what does not fit into it."""

from __future__ import annotations

import math
import os

from hyperfunc.errors import DoesNotFit

__all__ = ["check_memory", "memory"]


def memory() -> float:
    """Bytes of this machine; infinite where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def check_memory(need: float, what: str, advice: str) -> None:
    """Refuse what needs more bytes than this machine has, before anything is made.

    Args:
        need: bytes.
        what: a plural for the message, such as ``"the members of population=1000"``.
        advice: what to do, for the message.

    Raises:
        DoesNotFit: it needs more.
    """
    present = memory()
    if need > present:
        raise DoesNotFit(
            f"{what} take {need / 1e9:,.1f} GB, and this machine has {present / 1e9:,.1f} GB; {advice}"
        )
