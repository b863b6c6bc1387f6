"""What a proposer is: it reads how a candidate did, and writes new values for some of its knobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.rng import generator
from hyperfunc.types import Exchange

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.spaces import Knob

__all__ = ["ProposalRequest", "Proposed", "Record", "Rejected", "TextProposer", "component_of"]

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Record:
    """How the program did on one training example.

    Args:
        inputs: of the example.
        expected: by the example.
        output: what the program returned, or a :class:`~hyperfunc.types.Failure`.
        score: of the metric.
        feedback: of the metric, about the whole.
        exchanges: the calls of hyperfunctions that were made, in program order; empty when the run made none,
            or when it was recorded without them.
        advice: of the metric about single components, by the name of their knob; empty for a metric that
            judges the whole only.
    """

    inputs: Mapping[str, Any]
    expected: Any
    output: Any
    score: float
    feedback: str = ""
    exchanges: tuple[Exchange, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict)

    def calls(self, name: str) -> tuple[Exchange, ...]:
        """The calls of the component that a knob belongs to."""
        component = component_of(name)
        return tuple(each for each in self.exchanges if each.function == component)

    def about(self, name: str) -> str:
        """What was said about the component of a knob, or else about the whole."""
        return self.advice.get(name, self.feedback)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A value that was tried and not taken.

    Args:
        value: that was proposed.
        base: what it was to replace.
        reason: why it was not taken, in a few words.
    """

    value: Any
    base: Any
    reason: str


@dataclass(frozen=True, slots=True)
class ProposalRequest:
    """What a proposer is told.

    Args:
        names: of the knobs to write values for.
        values: of all knobs of the candidate that is to be improved, by name.
        knobs: what each allows.
        records: how that candidate did on some examples; the worst are among them.
        others: values of further good candidates, to borrow from.
        rejected: by knob, what was tried before and why it was not taken; the newest last.
        task: what the program is for, in the words of whoever wrote it; may be empty.
        number: of the consultation in its run.
        seed: of everything random.
        perfect: the score at which nothing is left to improve.
    """

    names: tuple[str, ...]
    values: Mapping[str, Any]
    knobs: Mapping[str, Knob]
    records: tuple[Record, ...] = ()
    others: tuple[Mapping[str, Any], ...] = ()
    rejected: Mapping[str, tuple[Rejected, ...]] = field(default_factory=dict)
    task: str = ""
    number: int = 0
    seed: int = 0
    perfect: float = 1.0

    @property
    def failures(self) -> tuple[Record, ...]:
        """Records with something left to improve, in their order."""
        return tuple(record for record in self.records if record.score < self.perfect)

    @property
    def successes(self) -> tuple[Record, ...]:
        """Records with nothing left to improve."""
        return tuple(record for record in self.records if record.score >= self.perfect)

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Which of ``names`` belong to knobs of a kind, such as ``"text"``."""
        return tuple(name for name in self.names if self.knobs[name].kind == kind)

    def rng(self, *more: str | int) -> np.random.Generator:
        """A stream of its own for this consultation; ``more`` tells several apart."""
        return generator(self.seed, "proposal", self.number, *more)


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a proposer answers.

    Args:
        changes: knob values to put into the candidate, one mapping for each proposal; perhaps none.
        refused: why other proposals were not used: they could not be read, or did not pass the screen.
    """

    changes: tuple[Mapping[str, Any], ...] = ()
    refused: tuple[str, ...] = ()


class TextProposer(ABC):
    """Writes new values for knobs.

    Everything random comes from :meth:`ProposalRequest.rng`. Models are asked with
    :func:`~hyperfunc.llm_completion`: inside a run its answers are kept, charged and given their luck.

    A run that goes on uses what it was answered before, as long as ``repr`` of the proposer is the same.
    """

    def __repr__(self) -> str:
        """Its class and its public settings, as far as they are plain values."""
        known = vars(self) if hasattr(self, "__dict__") else {}
        plain = {n: v for n, v in sorted(known.items()) if n[0] != "_" and isinstance(v, _PLAIN)}
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in plain.items())})"

    @property
    def calls(self) -> int:
        """The most model requests of one consultation, for each knob that it is about; retries count."""
        return 0

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of the knobs that it writes values for; other knobs it is asked about are left alone."""
        return frozenset({"text"})

    @abstractmethod
    async def propose(self, request: ProposalRequest) -> Proposed | Sequence[Mapping[str, Any]]:
        """Values for some of ``request.names``, in one mapping or several; none is an answer, too."""


def component_of(name: str) -> str:
    """The component that a knob belongs to: ``route`` for ``route.prompt`` and ``route.hp.temperature``."""
    return name.partition(".")[0]
