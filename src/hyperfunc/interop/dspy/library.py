"""The one place that imports DSPy, when it is first needed."""

from __future__ import annotations

from typing import Any

from hyperfunc.errors import ProgramError

__all__ = ["library"]


def library() -> Any:
    """The module ``dspy``.

    Raises:
        ProgramError: it is not installed.
    """
    try:
        import dspy
    except ImportError as error:
        raise ProgramError(
            "programs of DSPy need DSPy, which is not installed here: pip install 'hyperfunc[dspy]'"
        ) from error
    return dspy
