"""How learnt values reach a call: a binding looks them up, a frame carries it along one execution.

Values live in candidates and nowhere else. One ContextVar holds the frame of whatever runs now, so
concurrent requests, evaluations and optimisations in one process never see each other's values.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from hyperfunc.ledger.keys import content_key
from hyperfunc.spaces import build_group, held_tensors

from . import policy
from .loops import finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperfunc.llm.client import Request, Response, Route

    from .hyperfunction import HyperFunction

__all__ = ["Binding", "DirectFrame", "Frame", "current_frame", "current_seed", "entered"]

FRAME: ContextVar[Frame | None] = ContextVar("hyperfunc_frame", default=None)


class Frame(Protocol):
    """What a running program talks to when it calls a hyperfunction, a model, or reads a knob."""

    @property
    def binding(self) -> Binding:
        """The values that hold here."""
        ...

    def call(self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make one call; for an ``async def`` hyperfunction an awaitable comes back."""
        ...

    def knob(self, name: str) -> Any:
        """The value of a knob that the system itself declares."""
        ...

    def seed(self) -> int | None:
        """The effective seed at this place, or ``None`` outside an evaluation."""
        ...

    async def complete(self, route: Route, request: Request) -> Response:
        """Send one model request under this execution's ledger, budget and limits."""
        ...


class Binding:
    """The values of one candidate, laid out for the functions that take them.

    Args:
        values: knob name to value, such as ``{"route.prompt": "Say which team"}``.
        admit: called with a function that is not known yet; returns its default values by knob name
            (a system registers it there; without one the function runs on its defaults).
        owner: the system whose own knobs are among the values.
    """

    __slots__ = ("_admit", "_injections", "_known", "_tokens", "_watched", "owner", "values")

    def __init__(
        self,
        values: Mapping[str, Any],
        functions: Mapping[str, HyperFunction] | None = None,
        admit: Callable[[HyperFunction], Mapping[str, Any]] | None = None,
        owner: object = None,
    ) -> None:
        self.values = values
        self.owner = owner
        self._known = functions
        self._admit = admit
        self._injections: dict[HyperFunction, dict[str, Any]] = {}
        self._watched: dict[HyperFunction, tuple[tuple[Any, ...], list[int]]] = {}
        self._tokens: dict[HyperFunction | str, str] = {}

    def injection(self, fn: HyperFunction) -> dict[str, Any]:
        """The keyword arguments that ``fn`` receives; shared between calls, and built anew when one of
        these has written into a tensor.
        """
        ready = self._injections.get(fn)
        if ready is None or (fn in self._watched and self._is_written(fn)):
            ready = self._injections[fn] = self._build(fn)
        return ready

    def _is_written(self, fn: HyperFunction) -> bool:
        tensors, versions = self._watched[fn]
        return [tensor._version for tensor in tensors] != versions

    def like(self, values: Mapping[str, Any]) -> Binding:
        """Other values for the same functions."""
        return Binding(values, self._known, self._admit, self.owner)

    def token(self, owner: HyperFunction | str) -> str:
        """Content key of the values that a function (or, by name, one knob) has here."""
        token = self._tokens.get(owner)
        if token is None:
            if isinstance(owner, str):
                token = content_key(owner, self.values.get(owner))
            else:
                own = owner.defaults
                token = content_key(owner.name, {n: self.values.get(n, own[n]) for n in own})
            self._tokens[owner] = token
        return token

    def _build(self, fn: HyperFunction) -> dict[str, Any]:
        values = self.values
        if self._admit is not None and (self._known is None or self._known.get(fn.name) is not fn):
            defaults = self._admit(fn)
        else:
            defaults = fn.defaults
        pick = {name: values.get(name, default) for name, default in defaults.items()}
        ready: dict[str, Any] = {}
        if fn.hp_type is not None and fn.hp_param:
            prefix = f"{fn.name}.hp."
            group = {k.removeprefix(prefix): v for k, v in pick.items() if k.startswith(prefix)}
            built = ready[fn.hp_param] = build_group(fn.hp_type, group)
            if tensors := held_tensors(built):
                self._watched[fn] = (tensors, [tensor._version for tensor in tensors])
        if fn.takes_prompt:
            ready["prompt"] = pick.get(f"{fn.name}.prompt", fn.prompt)
        if fn.takes_exemplars:
            ready["exemplars"] = pick.get(f"{fn.name}.exemplars", ())
        return ready


class DirectFrame:
    """Runs calls as plain Python with one binding: production, and code outside an evaluation.

    Args:
        binding: the values.
        waits: the caller is a synchronous ``run``, so an ``async def`` hyperfunction is waited for.
        made: calls so far by function, where ``max_calls`` holds: in one run of a system.
    """

    __slots__ = ("binding", "made", "waits")

    def __init__(self, binding: Binding, waits: bool = False, made: dict[str, int] | None = None) -> None:
        self.binding = binding
        self.waits = waits
        self.made = made

    def call(self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call ``fn`` with its values; its runtime policy applies as in an evaluation."""
        ready = self.binding.injection(fn)
        if ready:
            kwargs = fn.merge(ready, args, kwargs)
        if self.made is not None and fn.policy.max_calls is not None:
            policy.count_call(self.made, fn.name, fn.policy)
        if fn.is_async and self.waits:
            with entered(DirectFrame(self.binding, made=self.made)):
                return finish(policy.run_async(fn.policy, fn.name, lambda: fn.fn(*args, **kwargs)))
        if fn.plain:
            return fn.fn(*args, **kwargs)
        if fn.is_async:
            return policy.run_async(fn.policy, fn.name, lambda: fn.fn(*args, **kwargs))
        return policy.run_sync(fn.policy, fn.name, lambda: fn.fn(*args, **kwargs))

    def knob(self, name: str) -> Any:
        """The system's own knob by name."""
        return self.binding.values[name]

    def seed(self) -> int | None:
        """Production draws no common luck."""
        return None

    async def complete(self, route: Route, request: Request) -> Response:
        """Ask the client as it is."""
        return await route.client.complete(request)


class entered:  # noqa: N801 - reads as a verb: `with entered(frame):`
    """Context manager that makes ``frame`` the current one."""

    __slots__ = ("_frame", "_token")

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __enter__(self) -> Frame:
        self._token = FRAME.set(self._frame)
        return self._frame

    def __exit__(self, *exc: object) -> None:
        FRAME.reset(self._token)


def current_frame() -> Frame | None:
    """The frame of what runs now, or ``None`` outside any system."""
    return FRAME.get()


def current_seed() -> int | None:
    """The effective seed of the hyperfunction that runs now.

    It depends on the user's seed, the example, the place of the call and the repeat; never on the
    candidate, so candidates are compared under the same luck. Reading it marks the call as
    stochastic: equal calls at other places are then made on their own.

    Returns:
        An integer in [0, 2**63), or ``None`` outside an evaluation.
    """
    frame = FRAME.get()
    return None if frame is None else frame.seed()
