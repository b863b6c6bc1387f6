"""Several scorers as one: a weighted mean that keeps the feedback of each."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.scores import checked_score
from hyperfunc.types import JSON, Failure, ScoreResult

from .base import CallScorer, Malformed, Scorer, code_of, plain, result, shown
from .structure import parse_object

__all__ = ["Component", "CompositeScorer", "takes_trace"]

_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Component:
    """One scorer of several.

    Args:
        name: shown in feedback and details.
        scorer: judges it.
        weight: share of the whole, in [0, 1].
        field: the key of prediction and expectation that it judges; ``None`` for the whole of them. A
            scorer of calls judges the calls against that key of the expectation.

    Attributes:
        traced: its scorer needs the calls.
    """

    name: str
    scorer: Scorer | CallScorer
    weight: float
    field: str | None = None
    traced: bool = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "traced", takes_trace(self.scorer))

    def __repr__(self) -> str:
        # The ledger knows a scorer by its repr: the settings and the code of each part belong to it.
        code = code_of(self.scorer)
        return f"Component({self.name!r}, {self.scorer!r}, {self.weight!r}, {self.field!r}, code={code!r})"


@dataclass(frozen=True, slots=True, init=False)
class CompositeScorer:
    """The weighted mean of several scorers; weights sum to 1, so that it stays in [0, 1].

    Args:
        components: pairs ``(scorer, weight)``, or :class:`Component` for names and fields.

    Raises:
        MetricError: a component is no scorer, a weight is negative, or the weights do not sum to 1.

    Example::

        CompositeScorer([(JSONFields(), 0.7), (JSONSchemaMatch(schema), 0.3)])
        CompositeScorer.equal(ExactMatch(), ContainsMatch())
        CompositeScorer.stages(route=(ExactMatch(), 0.4), reply=(ContainsMatch(), 0.6))
    """

    components: tuple[Component, ...]

    def __init__(self, components: Iterable[Component | tuple[Any, float]]) -> None:
        made = _components(components)
        _check(made)
        object.__setattr__(self, "components", made)

    @classmethod
    def equal(cls, *scorers: Scorer | CallScorer) -> CompositeScorer:
        """The plain mean of scorers."""
        return cls([(scorer, 1 / len(scorers)) for scorer in scorers])

    @classmethod
    def stages(cls, **stages: tuple[Scorer | CallScorer, float]) -> CompositeScorer:
        """A scorer of the stages of a pipeline whose prediction and expectation are objects.

        Args:
            stages: by the key that holds the stage's output: its scorer and weight. A stage that the
                prediction lacks scores 0; the others keep their weights. A scorer of calls needs the key
                in the expectation only.
        """
        if wrong := [name for name, pair in stages.items() if not _is_pair(pair)]:
            raise MetricError(f"the stage {wrong[0]!r} is {shown(stages[wrong[0]])}; give (scorer, weight)")
        return cls([Component(name, scorer, weight, name) for name, (scorer, weight) in stages.items()])

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any], trace: Any = None) -> Any:
        """Judge one output by all components.

        Args:
            output: the prediction.
            expected: what it is compared with.
            inputs: of the example.
            trace: the calls, for components that need them; see :func:`takes_trace`.

        Returns:
            A :class:`ScoreResult` with ``details["components"]``; to be awaited when a component is.
        """
        results = [_part(c, output, expected, inputs, trace) for c in self.components]
        if any(inspect.isawaitable(r) for r in results):
            return self._later(results)
        return self._fold(results)

    async def _later(self, results: list[Any]) -> ScoreResult:
        return self._fold([await r if isinstance(r, Awaitable) else r for r in results])

    def _fold(self, results: list[Any]) -> ScoreResult:
        pairs = [(c, checked_score(r, c.name)) for c, r in zip(self.components, results, strict=True)]
        total = math.fsum(c.weight * r.score for c, r in pairs)
        wrong = [
            f"{c.name} ({r.score:.2f}, weight {c.weight:.2f}): {r.feedback or 'no feedback'}"
            for c, r in pairs
            if not r.score >= 1
        ]
        details: dict[str, JSON] = {
            c.name: {"score": r.score, "weight": c.weight, "feedback": r.feedback, "details": r.details}
            for c, r in pairs
        }
        value = total if math.isnan(total) else min(1.0, max(0.0, total))
        return result(value, "; ".join(wrong) or "all components right", {"components": details})


def takes_trace(scorer: Scorer | CallScorer) -> bool:
    """Whether a scorer needs the calls: its ``score`` requires ``trace``, or one of its parts does."""
    if isinstance(scorer, CompositeScorer):
        return any(c.traced for c in scorer.components)
    return _requires_trace(type(scorer))


@functools.lru_cache(maxsize=256)
def _requires_trace(kind: type[Any]) -> bool:
    try:
        trace = inspect.signature(kind.score).parameters.get("trace")
    except (AttributeError, TypeError, ValueError):
        return False
    return trace is not None and trace.default is trace.empty


def _part(
    component: Component, output: Any, expected: Any, inputs: Mapping[str, Any], trace: Any
) -> Any:  # fmt: skip
    """What one component says; of its own field, if it has one."""
    field: str | None = component.field
    scorer: Any = component.scorer
    calls = {"trace": trace} if component.traced else {}
    if field is None:
        return scorer.score(output, expected, inputs, **calls)
    if not isinstance(expected, Mapping) or field not in expected:
        raise MetricError(
            f"the example expects {shown(expected)}, which has no {field!r} for that stage; add it"
        )
    if calls:
        return scorer.score(output, expected[field], inputs, **calls)
    try:
        if isinstance(output, Failure):
            raise Malformed(f"the program failed: {output.reason}")
        stages = parse_object(output)
        if field not in stages:
            raise Malformed(f"the prediction has no {field!r}")
    except Malformed as problem:
        feedback = f"{problem}; expected {shown(plain(expected[field]))}"
        return result(0.0, feedback, {"malformed": True})
    return scorer.score(stages[field], expected[field], inputs)


def _components(given: Iterable[Any]) -> tuple[Component, ...]:
    if isinstance(given, Scorer | str) or not isinstance(given, Iterable):
        raise MetricError(f"CompositeScorer got {shown(given)}; give a list of (scorer, weight)")
    made: list[Component] = []
    for entry in given:
        if isinstance(entry, Component):
            made.append(entry)
        elif _is_pair(entry):
            base = type(entry[0]).__name__
            taken = sum(c.name == base or c.name.startswith(f"{base} ") for c in made)
            made.append(Component(f"{base} {taken + 1}" if taken else base, entry[0], entry[1]))
        else:
            raise MetricError(f"a component of CompositeScorer is {shown(entry)}; give (scorer, weight)")
    return tuple(made)


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, tuple | list) and len(entry) == 2


def _weighs(weight: Any) -> bool:
    return isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight < math.inf


def _scores(scorer: Any) -> bool:
    return isinstance(scorer, Scorer) and not inspect.isclass(scorer)


def _check(components: tuple[Component, ...]) -> None:
    if not components:
        raise MetricError("CompositeScorer has no components; give at least one (scorer, weight)")
    for c in components:
        if not _scores(c.scorer):
            raise MetricError(
                f"the component {c.name!r} of CompositeScorer is {shown(c.scorer)}; give a scorer"
            )
        if not _weighs(c.weight):
            raise MetricError(
                f"the weight of {c.name!r} in CompositeScorer is {shown(c.weight)}; give a number in [0, 1]"
            )
    names = [c.name for c in components]
    if twice := [name for name in names if names.count(name) > 1]:
        raise MetricError(f"two components of CompositeScorer are named {twice[0]!r}; name them apart")
    total = math.fsum(c.weight for c in components)
    if abs(total - 1) > _SUM_TOLERANCE:
        raise MetricError(
            f"the weights of CompositeScorer sum to {total:g}, not 1; "
            "divide each by their sum, or use CompositeScorer.equal(...)"
        )
