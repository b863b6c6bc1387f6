"""``JudgePanel``: several judges as one scorer."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hyperfunc.errors import JudgeFailed, MetricError
from hyperfunc.evaluation.scorers import Scorer
from hyperfunc.evaluation.scorers.base import result, shown
from hyperfunc.evaluation.scores import checked_score
from hyperfunc.program import discovery
from hyperfunc.types import JSON, ScoreResult

from .asking import all_of

__all__ = ["JudgePanel", "judgement", "names_of", "reseeded"]


@dataclass(frozen=True, slots=True, repr=False)
class JudgePanel:
    """A scorer that asks several judges about the same text and takes the mean of those who answered.

    Judges of different makers err differently; the same judge with several seeds shows its own noise. When
    a judge gives no judgement, the others decide and the text's ``details["missing"]`` counts it. Judges
    differ in leniency, so a text that a lenient one could not judge loses a little: raise ``quorum`` to the
    number of judges to leave such texts missing instead.

    Args:
        judges: two or more, no two of them equal: equal judges give equal answers.
        quorum: how many must answer, at least 1; more than half when not given.

    Raises:
        MetricError: fewer than two judges, equal ones, or a quorum out of range.

    Example::

        JudgePanel([CreativeWritingJudge("openai/gpt-4.1-mini"), CreativeWritingJudge("ollama/llama3.2")])

    Source: panels of judges as in Verga et al., "Replacing judges with juries" (2024), arXiv:2404.18796.
    """

    judges: Sequence[Scorer]
    quorum: int | None = None

    def __post_init__(self) -> None:
        given: Any = self.judges
        judges = tuple(given) if isinstance(given, Iterable) else ()
        object.__setattr__(self, "judges", judges)
        if len(judges) < 2 or not all(isinstance(j, Scorer) and not inspect.isclass(j) for j in judges):
            raise MetricError(f"the judges of a panel are {shown(given)}; give two or more scorers")
        for place, judge in enumerate(judges):
            if judge in judges[:place]:
                raise MetricError(
                    f"two judges of a panel are equal and would give equal answers: {shown(judge)}; give one "
                    "of them a seed of its own"
                )
        quorum = len(judges) // 2 + 1 if self.quorum is None else self.quorum
        if not 1 <= quorum <= len(judges):
            raise MetricError(
                f"quorum is {self.quorum!r}, but the panel has {len(judges)} judges; give from 1 to that"
            )
        object.__setattr__(self, "quorum", quorum)

    def __repr__(self) -> str:
        # The ledger knows a scorer by its repr: the settings and the code of each judge belong to it.
        code = [discovery.reach((type(judge).score,)).fingerprint for judge in self.judges]
        return f"JudgePanel({list(self.judges)!r}, quorum={self.quorum}, code={code})"

    def reseeded(self, seed: int) -> JudgePanel:
        """The same panel with all its judges drawn again.

        Raises:
            MetricError: a judge of it has no seed.
        """
        return replace(
            self, judges=[reseeded(judge, seed + place) for place, judge in enumerate(self.judges)]
        )

    async def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Judge one output by all judges.

        Returns:
            The mean, with the feedback of each and ``details``: by name under ``"judges"`` the score and
            details of each or ``None``, and how many are ``"missing"``.

        Raises:
            JudgeFailed: fewer than the quorum gave a judgement.
            InfrastructureError: a judge cannot be reached, so that the text has to wait for it.
        """
        names = names_of(self.judges)
        found = await all_of(judgement(judge, output, expected, inputs) for judge in self.judges)
        for problem in found:
            if isinstance(problem, Exception) and not isinstance(problem, JudgeFailed):
                # A mean without a judge who may answer tomorrow would be kept for ever.
                raise problem
        given = {n: r for n, r in zip(names, found, strict=True) if not isinstance(r, Exception)}
        assert self.quorum is not None
        if len(given) < self.quorum:
            problem = next(r for r in found if isinstance(r, Exception))
            raise JudgeFailed(
                f"{len(given)} of {len(names)} judges gave a judgement and {self.quorum} must, so it is "
                f"missing: {problem}"
            ) from problem
        judges: dict[str, JSON] = {
            name: {"score": given[name].score, "details": given[name].details} if name in given else None
            for name in names
        }
        mean = sum(r.score for r in given.values()) / len(given)
        feedback = "\n".join(f"{name}: {r.feedback}" for name, r in given.items() if r.score < 1)
        details = {"judges": judges, "missing": len(names) - len(given)}
        return result(mean, feedback or "nothing was found wanting", details)


async def judgement(judge: Scorer, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
    """What one judge says.

    Raises:
        JudgeFailed: it says NaN.
    """
    given = judge.score(output, expected, inputs)
    name = type(judge).__name__
    found = checked_score(await given if inspect.isawaitable(given) else given, name)
    if math.isnan(found.score):
        raise JudgeFailed(f"the judge {name} returned NaN, so the judgement is missing")
    return found


def names_of(judges: Sequence[Any]) -> list[str]:
    """A name for each judge: its model or its kind, numbered where two would share it."""
    names: list[str] = []
    for judge in judges:
        base = str(getattr(judge, "model", "") or type(judge).__name__)
        taken = sum(name == base or name.startswith(f"{base} #") for name in names)
        names.append(f"{base} #{taken + 1}" if taken else base)
    return names


def reseeded(judge: Any, seed: int) -> Any:
    """The same judge, drawn again.

    Raises:
        MetricError: it has no seed.
    """
    again = getattr(judge, "reseeded", None)
    if again is None:
        raise MetricError(
            f"{shown(judge)} has no seed, so it cannot be drawn again; give an LLMJudge or a panel"
        )
    return again(seed)
