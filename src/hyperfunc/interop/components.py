"""A part of another library's program as a hyperfunction: each of its calls is a call of the component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.spaces import Exemplar, Knob

__all__ = ["Component"]


@dataclass(slots=True)
class _Call:
    """One call of a part: what makes it, what is recorded of its result, and the result when it is there."""

    make: Callable[[], Any]
    shown: Callable[[Any], Any]
    result: Any = None


_NOW: ContextVar[_Call | None] = ContextVar("hyperfunc_interop_call", default=None)


class Component(HyperFunction):
    """The hyperfunction of one part of a program that calls its parts itself.

    Its values reach the part through the program that a lane runs. Nothing is injected, and equal calls are
    not shared, for the program may count on each of them being made.

    Args:
        name: of the component.
        prompt: of the part at the start.
        knobs: of the part, by full name.
    """

    def __init__(self, name: str, prompt: str, knobs: Mapping[str, Knob]) -> None:
        self._given = dict(knobs)
        super().__init__(_perform, name=name, share=False)
        self.prompt = prompt
        self.learnable = frozenset(knobs)

    def _declare(self, pool: tuple[Exemplar, ...], most: int) -> dict[str, Knob]:
        return self._given

    def report(
        self, inputs: Mapping[str, Any], make: Callable[[], Any], shown: Callable[[Any], Any] = lambda x: x
    ) -> Any:
        """Make a call of the part as a call of this component.

        Args:
            inputs: what is recorded as given.
            make: makes the call; what it raises is recorded and raised.
            shown: what is recorded of the result.

        Returns:
            The result.
        """
        call = _Call(make, shown)
        token = _NOW.set(call)
        try:
            self(**{f"{name}_" if name == "self" else str(name): value for name, value in inputs.items()})
        finally:
            _NOW.reset(token)
        return call.result


def _perform(**inputs: Any) -> Any:  # noqa: ARG001 - they are there to be recorded
    """Make the call that is to be made here."""
    call = _NOW.get()
    assert call is not None
    call.result = call.make()
    return call.shown(call.result)
