"""What the loop needs of a system: it never reaches up to the façade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hyperfunc.execution import Program
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.program.hyperfunction import HyperFunction
    from hyperfunc.spaces import Candidate

__all__ = ["Trainable"]


class Trainable(Protocol):
    """A program with a space, as ``HyperSystem`` is one."""

    prompt_optimizer: Optimizer | None
    system_optimizer: Optimizer | None

    @property
    def hyperfunctions(self) -> tuple[HyperFunction, ...]:
        """Its functions."""
        ...

    @property
    def learnable(self) -> frozenset[str]:
        """Names of the knobs that may change."""
        ...

    @property
    def own_knobs(self) -> frozenset[str]:
        """Those of them that belong to no function."""
        ...

    @property
    def candidate(self) -> Candidate:
        """The values now."""
        ...

    def program(self) -> Program:
        """What a lane runs."""
        ...

    def fix_space(self, fixed: bool) -> None:
        """Whether functions reached for the first time may still join."""
        ...
