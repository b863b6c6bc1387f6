"""The optimizer as a class of DSPy's, made when it is first asked for."""

from __future__ import annotations

import functools
import sys
from typing import Any

from .compiling import Compiling
from .library import library

__all__ = ["hyperfunc_class"]


def __getattr__(name: str) -> Any:
    """``Hyperfunc`` is a class of DSPy's, and can only be made where DSPy is."""
    if name == "Hyperfunc":
        return hyperfunc_class()
    raise AttributeError(f"module 'hyperfunc.interop.dspy' has no attribute {name!r}")


@functools.cache
def hyperfunc_class() -> type[Compiling]:
    """:class:`Compiling` as a ``dspy.Teleprompter``, a direct subclass, as what patches those expects.

    Raises:
        ProgramError: DSPy is not installed.
    """
    # `compile` stands in the body of the class itself, for there DSPy wraps it for its callbacks.
    members = {
        "__doc__": Compiling.__doc__, "__module__": "hyperfunc.interop.dspy", "__qualname__": "Hyperfunc",
        "compile": Compiling.compile,
    }  # fmt: skip
    made: Any = type("Hyperfunc", (Compiling, library().teleprompt.Teleprompter), members)
    _announce()
    return made  # type: ignore[no-any-return]


def _announce() -> None:
    """MLflow patches the optimizers that exist when its autologging is switched on; this one is new."""
    mlflow: Any = sys.modules.get("mlflow")
    autolog: Any = sys.modules.get("mlflow.dspy")
    if mlflow is None or autolog is None:
        return
    from_config = mlflow.utils.autologging_utils.AUTOLOGGING_INTEGRATIONS.get("dspy")
    if from_config is not None and not from_config.get("disable", False):
        autolog.autolog(**from_config)
