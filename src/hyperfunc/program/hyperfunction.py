"""``@hyperfunction``: a Python function with a prompt, knobs and a runtime policy."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from hyperfunc.errors import ProgramError
from hyperfunc.spaces import Exemplar, Exemplars, Knob, Text, group_knobs

from .binding import FRAME, Binding, DirectFrame
from .policy import Policy

__all__ = ["HyperFunction", "Policy", "hyperfunction"]

Implementation = TypeVar("Implementation", bound=Callable[..., Any])


class HyperFunction:
    """A decorated function. Called like the plain one; learnt values are injected by keyword.

    It holds no values and belongs to no system: the same function may be in many systems at once.

    Attributes:
        fn: the plain function.
        name: unique within a system; the prefix of its knobs.
        prompt: the docstring, the start value of ``<name>.prompt``.
        hp_type: the parameter group that ``hp`` is built from, or ``None``.
        knobs: knob by dotted name, in order; those marked for learning and those that are not.
        learnable: names of the knobs that optimizers may change by default.
        model: the model it says it calls, or ``None``.
        policy: time limits and retries.
        is_async: whether the plain function is ``async def``.
        share: whether equal calls of one evaluation are made once, and calls on tensors in batches.
        cache: whether finished calls are kept in the ledger.
        batched: the implementation for many calls at once, or ``None``.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        hp_type: type | None = None,
        optimize_prompt: bool | None = None,
        optimize_hparams: bool = False,
        exemplars: Iterable[Exemplar | tuple[Any, Any]] = (),
        max_exemplars: int = 4,
        model: str | None = None,
        policy: Policy | None = None,
        local_gpu: bool = False,
        share: bool = True,
        cache: bool = False,
    ) -> None:
        if isinstance(fn, HyperFunction):
            raise ProgramError(f"{fn} is decorated with @hyperfunction twice; remove one")
        if not callable(fn):
            raise ProgramError(f"@hyperfunction decorates functions, and got {type(fn).__name__}")
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.name = name or fn.__name__
        self.prompt = inspect.cleandoc(fn.__doc__ or "")
        self.model = model
        self.policy = policy or Policy()
        self.local_gpu = local_gpu
        self.share = share
        self.cache = cache
        self.batched: Batched | None = None
        self.is_async = inspect.iscoroutinefunction(fn)
        parameters = _parameters(fn)
        hints = _hints(fn)
        self.hp_type, self.hp_param = _find_group(self.name, hp_type, parameters, hints)
        if optimize_hparams and self.hp_type is None:
            raise ProgramError(
                f"{self.name} is to learn its numbers but has no parameter group; give hp_type=..., or "
                "annotate the parameter hp with a type that is known where the function is defined"
            )
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        self.takes_prompt = "prompt" in parameters or (open_ended and bool(optimize_prompt))
        self.takes_exemplars = "exemplars" in parameters
        if optimize_prompt and not self.takes_prompt:
            raise ProgramError(
                f"{self.name} is to learn its prompt but never sees it; add a parameter `*, prompt: str`"
            )
        pool = tuple(e if isinstance(e, Exemplar) else Exemplar(*e) for e in exemplars)
        if pool and not self.takes_exemplars:
            raise ProgramError(
                f"{self.name} has exemplars but never sees them; add a parameter `*, exemplars`"
            )
        self.knobs = self._declare(pool, max_exemplars)
        self.defaults: dict[str, Any] = {name: knob.default for name, knob in self.knobs.items()}
        self.learnable = frozenset(
            n for n in self.knobs if _is_learnt(n, self.name, optimize_prompt is not False, optimize_hparams)
        )
        names = list(parameters)
        injected = [p for p in (self.hp_param, "prompt", "exemplars") if p in names]
        self._positions = {p: names.index(p) for p in injected}
        self._first = min(self._positions.values(), default=len(names) + 1)
        p = self.policy
        self.plain = p.retries == 0 and p.timeout_s is None
        self.inline = (
            self.plain and not self.is_async and not p.blocking and not p.counts
            and model is None and not cache
        )  # fmt: skip

    def _declare(self, pool: tuple[Exemplar, ...], most: int) -> dict[str, Knob]:
        knobs: dict[str, Knob] = {}
        if self.takes_prompt:
            knobs[f"{self.name}.prompt"] = Text(self.prompt)
        if self.hp_type is not None:
            for field, knob in group_knobs(self.hp_type).items():
                knobs[f"{self.name}.hp.{field}"] = knob
        if self.takes_exemplars:
            knobs[f"{self.name}.exemplars"] = Exemplars(pool=pool, max_items=most)
        return knobs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; missing ``hp``, ``prompt`` and ``exemplars`` come from what runs now."""
        frame = FRAME.get()
        if frame is None:
            frame = self._alone
        return frame.call(self, args, kwargs)

    @overload
    def batch(self, implementation: Implementation, /) -> Implementation: ...
    @overload
    def batch(self, /, *, max_size: int | None) -> Callable[[Implementation], Implementation]: ...
    def batch(
        self, implementation: Callable[..., Any] | None = None, /, *, max_size: int | None = None
    ) -> Any:
        """Give an implementation for many calls at once; use it as a decorator, bare or with settings.

        Evaluations in waves collect B calls from different lanes and make them at once. The first batches are
        compared with the plain function, in two calls each. When the implementation raises, the calls of that
        batch are made one by one, so that one bad input costs its own lane alone; the evaluation's report
        counts them and keeps the reason. Everywhere else the plain function is called.

        Args:
            implementation: takes the function's parameters. A torch tensor or numpy array arrives stacked
                as ``[B, …]`` (calls with other shapes go in another batch), any other argument as a
                list of B values. What is injected (``hp``, ``prompt``, ``exemplars``) arrives as it is when
                it is equal for all calls; fields of a dataclass ``hp`` that differ, numbers and matrices,
                arrive stacked as ``[B]`` and ``[B, …]``, as tensors where an argument is one and as numpy
                arrays elsewhere; calls that differ in anything else, such as the prompt, go in different
                batches.
                It returns a list of B results; or a tensor or array ``[B, …]``, or a tuple or dict of such,
                which is cut along the first axis.
            max_size: the most calls in one batch, or ``None``.

        Returns:
            The implementation itself.

        Raises:
            ProgramError: the parameters differ, or calls of the function have to wait for themselves.

        Example::

            @hyperfunction
            def embed(text: str) -> np.ndarray:
                return encoder.encode([text])[0]

            @embed.batch(max_size=256)
            def _(text: list[str]) -> np.ndarray:
                return encoder.encode(text)
        """

        def give(function: Callable[..., Any]) -> Callable[..., Any]:
            self.batched = Batched.of(self, function, max_size)
            return function

        return give if implementation is None else give(implementation)

    @functools.cached_property
    def _alone(self) -> DirectFrame:
        return DirectFrame(Binding({}))

    def merge(
        self, ready: Mapping[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Injected values under explicitly passed ones; an explicit value always wins."""
        if len(args) > self._first:
            at = self._positions
            ready = {k: v for k, v in ready.items() if at.get(k, len(args)) >= len(args)}
        return {**ready, **kwargs} if kwargs else {**ready}

    def take_name(self, wanted: str | None, is_free: Callable[[str], bool]) -> None:
        """Settle the name before a system takes the function in, where nobody gave one.

        A decorated function has its name. Kinds of hyperfunctions that are made without one override this.

        Args:
            wanted: name of the attribute that the function is assigned to, if any.
            is_free: whether the system has no such name yet.
        """

    def __repr__(self) -> str:
        return f"<hyperfunction {self.name}>"


@dataclass(frozen=True, slots=True)
class Batched:
    """An implementation for many calls at once.

    Args:
        implementation: see :meth:`HyperFunction.batch`.
        max_size: the most calls in one batch, or ``None``.
    """

    implementation: Callable[..., Any]
    max_size: int | None

    @classmethod
    def of(cls, fn: HyperFunction, implementation: Callable[..., Any], max_size: int | None) -> Batched:
        """Checked against the function it is for."""
        if not fn.inline:
            raise ProgramError(
                f"{fn.name} has a batch implementation, so it must be a plain `def` without model, cache, "
                "retries, timeout_s, max_calls and blocking"
            )
        if inspect.iscoroutinefunction(implementation):
            raise ProgramError(f"the batch implementation of {fn.name} is async; write a plain `def`")
        if max_size is not None and max_size < 1:
            raise ProgramError(f"max_size of the batches of {fn.name} is {max_size}; give at least 1")
        takes, has = _parameters(implementation), _parameters(fn.fn)
        kinds = inspect.Parameter
        is_open = any(p.kind in (kinds.VAR_KEYWORD, kinds.VAR_POSITIONAL) for p in takes.values())
        if not is_open and list(takes) != list(has):
            raise ProgramError(
                f"the batch implementation of {fn.name} takes ({', '.join(takes)}); let it take the same as "
                f"the function: ({', '.join(has)})"
            )
        return cls(implementation, max_size)


@overload
def hyperfunction(fn: Callable[..., Any], /) -> HyperFunction: ...
@overload
def hyperfunction(
    *,
    hp_type: type | None = ...,
    optimize_prompt: bool | None = ...,
    optimize_hparams: bool = ...,
    exemplars: Iterable[Exemplar | tuple[Any, Any]] = ...,
    max_exemplars: int = ...,
    local_gpu: bool = ...,
    retries: int = ...,
    timeout_s: float | None = ...,
    max_calls: int | None = ...,
    max_calls_per_run: int | None = ...,
    retry_on: type[Exception] | tuple[type[Exception], ...] = ...,
    backoff_s: float = ...,
    blocking: bool = ...,
    model: str | None = ...,
    name: str | None = ...,
    share: bool = ...,
    cache: bool = ...,
) -> Callable[[Callable[..., Any]], HyperFunction]: ...
def hyperfunction(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    hp_type: type | None = None,
    optimize_prompt: bool | None = None,
    optimize_hparams: bool = False,
    exemplars: Iterable[Exemplar | tuple[Any, Any]] = (),
    max_exemplars: int = 4,
    local_gpu: bool = False,
    retries: int = 0,
    timeout_s: float | None = None,
    max_calls: int | None = None,
    max_calls_per_run: int | None = None,
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    backoff_s: float = 0.1,
    blocking: bool = False,
    model: str | None = None,
    name: str | None = None,
    share: bool = True,
    cache: bool = False,
) -> Any:
    """Turn a function into a hyperfunction; use it bare or with settings.

    Args:
        hp_type: the parameter group of ``hp``, such as :class:`~hyperfunc.LMParam`; found by the
            annotation of the parameter ``hp`` when left out.
        optimize_prompt: learn the prompt. By default it is learnt when the function takes ``prompt``.
        optimize_hparams: learn the fields of ``hp``.
        exemplars: the pool that exemplar search draws from, as ``(input, output)`` pairs.
        max_exemplars: how many exemplars a candidate may hold.
        local_gpu: run tensor waves on the accelerator when there is one.
        retries: further attempts after a failure, with backoff.
        timeout_s: seconds one attempt may take; the call is cut off.
        max_calls: calls allowed in one lane (one example, one candidate).
        max_calls_per_run: calls really made in one evaluation or optimisation; the run ends there, as
            with a budget.
        retry_on: which exceptions are tried again; see :class:`~hyperfunc.program.policy.Policy`.
        backoff_s: first pause between attempts; it doubles, with jitter, up to 30 s.
        blocking: a sync function that waits; it runs in a thread.
        model: the model it calls; one call then counts as one model call of the budget.
        name: its name in a system; the function's own by default.
        share: make equal calls of one evaluation once, and calls on tensors in batches; ``False`` for
            functions with side effects.
        cache: keep finished calls in the ledger.

    Raises:
        ProgramError: the signature cannot receive what is to be learnt.

    Example::

        @hyperfunction(hp_type=LMParam, optimize_hparams=True, retries=2, timeout_s=30)
        async def route(ticket: str, *, prompt: str, hp: LMParam) -> str:
            '''Say which team handles the ticket.'''
            answer = await llm_completion("local/office", f"{prompt}\\n{ticket}", hp)
            return answer.content
    """

    def decorate(function: Callable[..., Any]) -> HyperFunction:
        return HyperFunction(
            function,
            name=name,
            hp_type=hp_type,
            optimize_prompt=optimize_prompt,
            optimize_hparams=optimize_hparams,
            exemplars=exemplars,
            max_exemplars=max_exemplars,
            model=model,
            policy=Policy(retries, timeout_s, max_calls, blocking, backoff_s, retry_on, max_calls_per_run),
            local_gpu=local_gpu,
            share=share,
            cache=cache,
        )

    return decorate if fn is None else decorate(fn)


def _parameters(fn: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return {}


def _hints(fn: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(fn, include_extras=True)
    except (NameError, TypeError, AttributeError):
        # A hint that only a type checker can resolve must not hide the others.
        given = getattr(fn, "__annotations__", {})
        return {name: _hint(fn, name, hint) for name, hint in given.items()}


def _hint(fn: Callable[..., Any], name: str, hint: Any) -> Any:
    alone = types.SimpleNamespace(__annotations__={name: hint})
    try:
        return typing.get_type_hints(alone, getattr(fn, "__globals__", {}), include_extras=True)[name]
    except (NameError, TypeError, AttributeError):
        return hint


def _find_group(
    name: str,
    hp_type: type | None,
    parameters: Mapping[str, inspect.Parameter],
    hints: Mapping[str, Any],
) -> tuple[type | None, str | None]:
    """Which parameter receives the group, and of which type: by name ``hp``, else by annotation."""
    if hp_type is None:
        hint = hints.get("hp")
        hp_type = hint if "hp" in parameters and isinstance(hint, type) else None
        if hp_type is None:
            return None, None
    if "hp" in parameters:
        return hp_type, "hp"
    by_hint = [p for p in parameters if hints.get(p) is hp_type]
    if not by_hint:
        raise ProgramError(
            f"{name} has hp_type={hp_type.__name__} but no parameter for it; add `*, hp: {hp_type.__name__}`"
        )
    return hp_type, by_hint[0]


def _is_learnt(knob: str, function: str, prompt: bool, numbers: bool) -> bool:
    if knob == f"{function}.prompt":
        return prompt
    return numbers if knob.startswith(f"{function}.hp.") else True
