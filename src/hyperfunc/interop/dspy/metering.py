"""DSPy's language models under our budget: they are asked by DSPy as always, and each call is counted.

Whether DSPy's own cache answers makes no difference to the number of calls, so that a run does not depend on
what that cache holds; tokens and dollars are those that were really used.
"""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from hyperfunc.execution.account import Charge
from hyperfunc.execution.foreign import ForeignCall, foreign_call

from .library import library
from .threads import in_lane

__all__ = ["Used", "heard", "metered"]

_ENTRIES: ContextVar[list[dict[str, Any]] | None] = ContextVar("hyperfunc_dspy_entries", default=None)
_ASSUMED_COMPLETION = 4096
_COUNTS = ("prompt_tokens", "completion_tokens")
_INFRASTRUCTURE = frozenset({
    "APIConnectionError", "AuthenticationError", "ConnectionError", "InfrastructureError",
    "InternalServerError", "LMAuthError", "LMBillingError", "LMLockTimeoutError", "LMRateLimitError",
    "LMServerError", "LMTimeoutError", "LMTransportError", "PermissionDeniedError", "RateLimitError",
    "ServiceUnavailableError", "Timeout",
})  # fmt: skip
"""Names of errors of DSPy and of litellm that are nobody's fault in the program."""
_CUT_OFF = frozenset({"APITimeoutError", "CancelledError", "LMTimeoutError", "Timeout"})


class Used:
    """What calls of language models used, as DSPy reports it; it reports no usage of what its cache answers.

    Attributes:
        usages: of each call that was really made; empty where the server did not say.
        entries: of DSPy's history, for what calls cost.
    """

    def __init__(self) -> None:
        self.usages: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []

    @property
    def tokens(self) -> tuple[int, int]:
        """Of prompts and of completions, as far as the servers say."""
        sums = [sum(int(u.get(name) or 0) for u in self.usages) for name in _COUNTS]
        return sums[0], sums[1]

    @property
    def dollars(self) -> float | None:
        """As DSPy knows it; ``None`` where it does not."""
        if not self.usages:
            return 0.0
        costs = [e["cost"] for e in self.entries if e.get("cost") is not None]
        return float(sum(costs)) if costs else None

    def charge(self, most: Charge) -> Charge:
        """What is charged: the most it can be where nothing is said.

        Args:
            most: of one call.
        """
        counted = [u.get("total_tokens") or sum(int(u.get(n) or 0) for n in _COUNTS) for u in self.usages]
        tokens = [int(n) if u else most.tokens for u, n in zip(self.usages, counted, strict=True)]
        return Charge(sum(tokens), self.dollars)


class _Tracker:
    """A usage tracker of DSPy that also notes calls whose usage is not known.

    Args:
        used: where they are noted.
        outer: told as well.
    """

    def __init__(self, used: Used, outer: Any) -> None:
        self._used = used
        self._outer = outer

    def add_usage(self, lm: str, usage_entry: dict[str, Any]) -> None:
        """One call that was made."""
        self._used.usages.append(dict(usage_entry))
        if self._outer is not None:
            self._outer.add_usage(lm, usage_entry)


@contextlib.contextmanager
def heard() -> Iterator[Used]:
    """What metered models are asked while it lasts."""
    dspy, used = library(), Used()
    token = _ENTRIES.set(used.entries)
    try:
        with dspy.context(usage_tracker=_Tracker(used, dspy.settings.usage_tracker)):
            yield used
    finally:
        _ENTRIES.reset(token)


def metered(lm: Any) -> Any:
    """The same language model, whose calls inside an evaluation are counted before they are made.

    It shares everything with the original: settings, cache, history. ``None``, and what is no
    ``dspy.BaseLM``, is returned as it is.
    """
    if not isinstance(lm, library().BaseLM) or getattr(lm, "_hyperfunc_metered", False):
        return lm
    twin = copy.copy(lm)
    kind: Any = type(lm)
    twin.__class__ = _metered_class(kind)
    return twin


@functools.lru_cache(maxsize=64)
def _metered_class(kind: Any) -> type:
    """A subclass under the name of its base, so that it is saved and shown as that."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with in_lane():
            counted = foreign_call(_most(self, args, kwargs))
        if counted is not None:
            counted.begin_here()
        with _settled(counted):
            return kind.__call__(self, *args, **kwargs)

    async def acall(self: Any, *args: Any, **kwargs: Any) -> Any:
        counted = foreign_call(_most(self, args, kwargs))
        if counted is not None:
            await counted.begin()
        with _settled(counted):
            return await kind.acall(self, *args, **kwargs)

    def update_history(self: Any, entry: dict[str, Any]) -> None:
        entries = _ENTRIES.get()
        if entries is not None:
            entries.append(entry)
        kind.update_history(self, entry)

    members = {
        "__call__": call, "acall": acall, "update_history": update_history, "_hyperfunc_metered": True,
        "__module__": kind.__module__, "__qualname__": kind.__qualname__,
    }  # fmt: skip
    return type(kind.__name__, (kind,), members)


@contextlib.contextmanager
def _settled(counted: ForeignCall | None) -> Iterator[None]:
    """The call, and what it used."""
    if counted is None:
        yield
        return
    with heard() as used:
        try:
            yield
        except BaseException as error:
            # What was cut off may have been billed; any other error costs a call alone.
            lost = counted.most if _names(error) & _CUT_OFF else Charge()
            counted.end(lost, shaky=bool(_names(error) & _INFRASTRUCTURE))
            raise
        counted.end(used.charge(counted.most))


def _most(lm: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Charge:
    """A bound on tokens: no tokenizer makes more of a text than it has bytes. What they cost is unknown."""
    given = {**getattr(lm, "kwargs", {}), **kwargs}
    longest = given.get("max_tokens") or given.get("max_completion_tokens") or _ASSUMED_COMPLETION
    asked = repr([args, kwargs.get("prompt"), kwargs.get("messages")])
    return Charge(len(asked.encode(errors="replace")) + int(longest) * int(given.get("n") or 1), None)


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
