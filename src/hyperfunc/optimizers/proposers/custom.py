"""A user's own function as a proposer."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.errors import OutOfBounds, ProposerError, SpaceError, did_you_mean

from .base import ProposalRequest, Proposed, TextProposer, component_of
from .dataset import reflective_dataset

__all__ = ["Custom", "as_proposer", "proposed_by"]

_GEPA = ("candidate", "reflective_dataset", "components_to_update")


@dataclass(frozen=True)
class Custom(TextProposer):
    """A function of yours that writes texts, with what you know of the task.

    It gets the request and returns a text for the first knob that it was asked about, a mapping from knob to
    value, a list of either for several proposals, or ``None``. An ``async`` function runs on the loop; any
    other one in a thread, so it may wait. Its model calls are part of the run in both cases.

    A function with the parameters ``candidate``, ``reflective_dataset`` and ``components_to_update`` is
    called as GEPA and DSPy call an instruction proposer; its components are the names of knobs.

    Args:
        function: the function, or an object that can be called.
        calls: the most model requests that it makes for each knob it is asked about; the budget has to know.
        kinds: of knobs that it writes values for.

    Raises:
        ProposerError: it cannot be called, or not with these arguments.

    Example::

        def shorter(request):
            return {name: request.values[name].split(".")[0] + "." for name in request.names}

        Custom(shorter)
    """

    function: Callable[..., Any] = field(repr=False)
    calls: int = 0
    kinds: frozenset[str] = frozenset({"text"})
    name: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        function: object = self.function
        if not callable(function):
            raise ProposerError(
                f"a proposer is {function!r:.80}; give a TextProposer, or a function of one request that "
                "returns texts"
            )
        calls: object = self.calls
        if isinstance(calls, bool) or not isinstance(calls, int) or calls < 0:
            raise ProposerError(f"calls of a proposer is {self.calls!r}; give a whole number from 0 up")
        object.__setattr__(self, "kinds", frozenset(self.kinds))
        object.__setattr__(self, "name", self.name or _title(self.function))
        if not self._is_gepa and not _takes_one(function):
            raise ProposerError(
                f"the proposer {self.name} cannot be called with one request; give it one parameter, or "
                f"the parameters {', '.join(_GEPA)}"
            )

    async def propose(self, request: ProposalRequest) -> Proposed:
        """What the function returned, checked.

        Raises:
            ProposerError: it returned something that is no proposal.
        """
        arguments = self._arguments(request)
        if _is_async(self.function):
            result = await self.function(**arguments) if self._is_gepa else await self.function(request)
        else:
            work = (lambda: self.function(**arguments)) if self._is_gepa else lambda: self.function(request)
            result = await asyncio.to_thread(work)
            if inspect.isawaitable(result):
                result = await result
        return self._checked(result, request)

    @property
    def _is_gepa(self) -> bool:
        return set(_GEPA) <= _parameters(self.function).keys()

    def _arguments(self, request: ProposalRequest) -> dict[str, Any]:
        if not self._is_gepa:
            return {}
        names = [name for name in request.names if request.knobs[name].kind in self.kinds]
        texts = {name: value for name, value in request.values.items() if isinstance(value, str)}
        return dict(zip(_GEPA, (texts, reflective_dataset(request, names), names), strict=True))

    def _checked(self, result: Any, request: ProposalRequest) -> Proposed:
        if isinstance(result, Proposed):
            return Proposed(tuple(self._change(each, request) for each in result.changes), result.refused)
        if result is None:
            return Proposed()
        one = isinstance(result, str | Mapping)
        if not one and not isinstance(result, list | tuple):
            raise self._wrong(result)
        return Proposed(tuple(self._change(each, request) for each in ([result] if one else result)))

    def _change(self, change: Any, request: ProposalRequest) -> dict[str, Any]:
        if isinstance(change, str):
            change = {request.names[0]: change}
        if not isinstance(change, Mapping):
            raise self._wrong(change)
        return dict(self._value(str(key), value, request) for key, value in change.items())

    def _value(self, key: str, value: Any, request: ProposalRequest) -> tuple[str, Any]:
        """The knob that is meant, and its value; a component stands for its one knob that is asked for."""
        own = [name for name in request.names if component_of(name) == key]
        name = own[0] if key not in request.names and len(own) == 1 else key
        if name not in request.names:
            hint = did_you_mean(key, request.names) or ";"
            raise ProposerError(
                f"the proposer {self.name} returned a value for {key!r}, which it was not asked for{hint} it "
                f"was asked for {', '.join(request.names)}"
            )
        try:
            return name, request.knobs[name].canonical(value, name)
        except OutOfBounds:
            return name, value  # a text that is too long is for the screen to refuse, and to count
        except SpaceError as error:
            raise ProposerError(f"the proposer {self.name} returned no value for {name}: {error}") from error

    def _wrong(self, result: Any) -> ProposerError:
        return ProposerError(
            f"the proposer {self.name} returned {result!r:.80} of type {type(result).__name__}; return a "
            "text, a mapping from knob to text, a list of these, or None"
        )


def as_proposer(given: Any) -> TextProposer:
    """A proposer as it is, and any function as :class:`Custom`.

    Raises:
        ProposerError: it is neither.
    """
    if isinstance(given, type):
        raise ProposerError(
            f"{given.__name__} is a class; make a proposer of it, as in {given.__name__}(...)"
        )
    return given if isinstance(given, TextProposer) else Custom(given)


async def proposed_by(proposer: TextProposer, request: ProposalRequest) -> Proposed:
    """What a proposer proposes, whichever of the two forms it answers in.

    Raises:
        ProposerError: it answers in neither.
    """
    found: object = await proposer.propose(request)
    changes = found.changes if isinstance(found, Proposed) else found
    if not isinstance(changes, list | tuple) or not all(isinstance(each, Mapping) for each in changes):
        raise ProposerError(
            f"the proposer {type(proposer).__name__} returned {found!r:.80}; return a Proposed, or a list of "
            "mappings from knob to value"
        )
    return found if isinstance(found, Proposed) else Proposed(tuple(changes))


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in ones have none
        return {}


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - whether it is async, not whether it is there
    )


def _title(function: Any) -> str:
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or type(function).__module__}.{name}"
