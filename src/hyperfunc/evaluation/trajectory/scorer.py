"""What all scorers of trajectories share: reading what was made and what is expected, and the feedback."""

from __future__ import annotations

import abc
import functools
import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.scorers.base import result, shown
from hyperfunc.program.discovery import plain_text, reach
from hyperfunc.program.graph import CallGraph
from hyperfunc.types import ScoreResult

from .alignment import Alignment, path
from .matching import Matcher, same_call, same_name
from .record import Trajectory

__all__ = ["TrajectoryScorer"]


@dataclass(frozen=True, repr=False)
class TrajectoryScorer(abc.ABC):
    """A scorer in [0, 1] of the calls that a program made, whatever it returned.

    As a metric it has every lane traced. An example expects a list of names, of ``(name, arguments)``
    pairs or of tool calls, or a dict that has one under ``key``. Where one side has calls and the other has
    none, every such scorer gives 0; without any on both sides it gives 1.

    Args:
        match: which calls are the same: :func:`same_call` compares arguments where the expectation has
            some, :func:`same_name` never, and any ``match(made, expected) -> bool`` may take their place.
        only: names of the functions whose calls count, such as those of tools; all by default.
        nested: whether calls count that were made inside another one that counts.
        key: where an expectation that is a dict has its trajectory.

    Raises:
        MetricError: ``match`` cannot be called, or ``only`` holds what is no name.

    Example::

        scorer = TrajectoryF1(only=("search", "buy"))
        system.evaluate([Example({"question": "…"}, ["search", ("buy", {"item": "lamp"})])], scorer)
        scorer.compare(["search", "search"], ["search"]).feedback
    """

    match: Matcher = same_call
    only: Collection[str] | None = None
    nested: bool = False
    key: str = "trajectory"

    def __post_init__(self) -> None:
        if not callable(self.match):
            raise MetricError(
                f"match of {self._name} is {shown(self.match)}; give same_call, same_name or a function of "
                "(made, expected)"
            )
        if self.only is not None:
            only: Collection[object] = (self.only,) if isinstance(self.only, str) else self.only
            if wrong := [name for name in only if not isinstance(name, str)]:
                raise MetricError(f"only of {self._name} holds {shown(wrong[0])}; give names of functions")
            # In one order, because the ledger knows a scorer by its repr.
            object.__setattr__(self, "only", tuple(sorted(set(map(str, only)))))

    def score(
        self, output: Any, expected: Any, inputs: Mapping[str, Any], trace: CallGraph | None
    ) -> ScoreResult:
        """Judge the calls of one run.

        Args:
            output: what the program returned; it is not looked at.
            expected: of the example.
            inputs: of the example; they are not looked at.
            trace: the calls.

        Raises:
            MetricError: there is no trace, or what is expected is no trajectory.
        """
        if trace is None:
            raise MetricError(f"{self._name} judges the calls of a run, and no trace was given")
        return self.compare(trace, self._of(expected))

    def compare(self, made: Any, expected: Any) -> ScoreResult:
        """Judge calls that are known already, such as those of another library's agent.

        Args:
            made: what :meth:`Trajectory.of` reads.
            expected: the same.

        Returns:
            The score, with feedback and details that name what is missing, extra, out of order, repeated.

        Raises:
            MetricError: one of them cannot be read, or a call is expected that ``only`` leaves out.
        """
        found = Alignment.of(self._made(made), self._expected(expected), self.match)
        if found.made and found.expected:
            value = self._value(found)
        else:
            value = float(len(found.made) == len(found.expected))
        return result(value, found.remarks() or f"as expected: {path(found.expected)}", found.to_json())

    @abc.abstractmethod
    def _value(self, found: Alignment) -> float:
        """The score of two trajectories that both have calls."""

    def _made(self, made: Any) -> Trajectory:
        return Trajectory.of(made, only=self.only, nested=self.nested)

    def _of(self, expected: Any) -> Any:
        """What an example expects of the calls."""
        if not isinstance(expected, Mapping) or "tool_calls" in expected:
            return expected
        if self.key not in expected:
            raise MetricError(
                f"the example expects {shown(expected)}, which has no {self.key!r} for {self._name}; add it"
            )
        return expected[self.key]

    def _expected(self, expected: Any) -> Trajectory:
        if expected is None:
            raise MetricError(
                f"{self._name} compares calls, and the example expects None; give a list of names or of "
                "(name, arguments)"
            )
        wanted = Trajectory.of(expected)
        if self.only is not None and (left := [name for name in wanted.names if name not in self.only]):
            raise MetricError(f"{left[0]!r} is expected and `only` of {self._name} leaves it out; add it")
        return wanted

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        # The ledger knows a scorer by its repr: the code of a function of the user's belongs to it.
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        parts = [f"{n}={_described(v) if n == 'match' else repr(v)}" for n, v in given.items()]
        return f"{self._name}({', '.join(parts)})"


def _described(match: Any) -> str:
    """A matcher as text that changes when it does, and is the same in every process."""
    if match is same_call or match is same_name:
        return str(match.__name__)
    if isinstance(match, functools.partial):
        settings = plain_text([list(match.args), dict(match.keywords)])
        return repr(match) if settings is None else f"{_described(match.func)} with {settings}"
    if isinstance(match, types.FunctionType):
        return f"{match.__qualname__} {reach((match,)).fingerprint}"
    return f"{match!r} {reach((type(match).__call__,)).fingerprint}"
