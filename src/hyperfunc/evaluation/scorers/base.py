"""What all scorers share: the protocol, and how a prediction that cannot be judged becomes a 0."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from hyperfunc.errors import HyperfuncError
from hyperfunc.evaluation.stacks import is_tensor
from hyperfunc.program.discovery import reach
from hyperfunc.types import JSON, Failure, ScoreResult

__all__ = [
    "CallScorer", "Malformed", "Scorer", "clean", "code_of", "judged", "plain", "result", "shown", "text_of",
]  # fmt: skip

_MOST_FEEDBACK = 4000
"""Characters of feedback that are kept."""


@runtime_checkable
class Scorer(Protocol):
    """Anything with ``score(output, expected, inputs) -> ScoreResult``; it may be ``async``."""

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> Any:
        """Judge one output."""
        ...


class CallScorer(Protocol):
    """A scorer whose ``score`` requires ``trace``: it judges the calls of the run as well."""

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any], trace: Any) -> Any:
        """Judge one output and the :class:`~hyperfunc.CallGraph` that led to it."""
        ...


def code_of(scorer: Scorer | CallScorer) -> str:
    """Fingerprint of a scorer's code: of ``score`` and of the methods that it may call."""
    kind = type(scorer)
    methods: dict[str, types.FunctionType] = {}
    for base in reversed(kind.__mro__):
        own = ((n, m) for n, m in vars(base).items() if isinstance(m, types.FunctionType))
        methods |= {name: method for name, method in own if not name.startswith("__")}
    return reach((kind.score, *methods.values())).fingerprint


class Malformed(Exception):
    """A prediction is not of the form that a scorer can judge; the message says why."""


def judged(judge: Callable[[Any, Any], ScoreResult], output: Any, expected: Any) -> ScoreResult:
    """Judge one prediction; whatever is wrong with it is a 0 with its reason.

    Args:
        judge: compares the prediction with what is expected; it raises :class:`Malformed` for a
            prediction that it cannot take.
        output: the prediction.
        expected: what it is compared with.

    Raises:
        MetricError: what is expected, or a setting, cannot be used.
    """
    # A batch of tensors must fail here, where nothing is caught, so that it is judged one by one.
    got, want = plain(output), plain(expected)
    try:
        if isinstance(got, Failure):
            raise Malformed(f"the program failed: {got.reason}")
        if got is None and want is not None:
            raise Malformed("the prediction is None")
        return judge(got, want)
    except HyperfuncError:
        raise
    except Malformed as problem:
        reason = str(problem)
    except Exception as error:  # a prediction may be any object, and its methods may raise anything
        reason = f"the prediction cannot be judged ({type(error).__name__}): {shown(got)}"
    return result(0.0, f"{reason}; expected {shown(want)}", {"malformed": True})


def result(score: float, feedback: str, details: dict[str, JSON] | None = None) -> ScoreResult:
    """A score with feedback that can be kept as UTF-8 and has a bounded length."""
    return ScoreResult(score, clean(feedback, _MOST_FEEDBACK), details or {})


def plain(value: Any) -> Any:
    """The value with arrays and tensors as numbers and lists, in dicts and lists too.

    Raises:
        RuntimeError: a tensor stands for many candidates at once.
    """
    try:
        return _plain(value)
    except RecursionError:
        return value


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if kind in (list, tuple):
        return kind(_plain(part) for part in value)
    if is_tensor(value):
        if value.numel():
            # Raises under vmap, where numbers taken out of a tensor stay stacked.
            bool(value.reshape(-1)[0])
        return value.reshape(()).tolist() if value.numel() == 1 else value.tolist()
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    return value


def text_of(value: Any) -> str:
    """A value as text.

    Raises:
        Malformed: it has none.
    """
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception as error:  # the value's own method
        raise Malformed(
            f"the prediction, a {type(value).__name__}, has no text ({type(error).__name__})"
        ) from error


def shown(value: Any, most: int = 80) -> str:
    """A short form of a value for people; never raises."""
    if isinstance(value, Failure):
        return f"a failure ({clean(value.reason, most)})"
    try:
        text = repr(value[: most + 1] if isinstance(value, str) else value)
    except Exception:  # the value's own method
        return f"a {type(value).__name__} that cannot be shown"
    return clean(text, most)


def clean(text: str, most: int) -> str:
    """Text of bounded length that has a form in UTF-8."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    # Half a surrogate pair, as broken JSON may hold, has no UTF-8.
    return short.encode("utf-8", "backslashreplace").decode()
