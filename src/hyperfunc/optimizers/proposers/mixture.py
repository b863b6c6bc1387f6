"""Several proposers as one: drawn by weight, or in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import ProposerError

from .base import ProposalRequest, Proposed, TextProposer
from .custom import as_proposer, proposed_by

__all__ = ["Alternate", "Mixture"]


class _Several(TextProposer):
    """What both have in common."""

    proposers: tuple[TextProposer, ...]

    @property
    def calls(self) -> int:
        """Those of the proposer that makes the most."""
        return max(each.calls for each in self.proposers)

    @property
    def kinds(self) -> frozenset[str]:
        """Those of all of them."""
        return frozenset[str]().union(*(each.kinds for each in self.proposers))

    def _fitting(self, request: ProposalRequest) -> list[int]:
        """Which of them write values for a knob that is asked about."""
        asked = {request.knobs[name].kind for name in request.names}
        return [place for place, each in enumerate(self.proposers) if each.kinds & asked]


@dataclass(frozen=True, init=False)
class Mixture(_Several):
    """Draws one of several proposers for each consultation, of those that fit its knobs.

    Args:
        parts: proposers, or pairs of one and its weight; without a weight it is 1.

    Raises:
        ProposerError: there is none, or a weight is not above 0.

    Example::

        Mixture((Reflection("openai/gpt-4.1-mini"), 3), (Edits(bank), 1))
    """

    proposers: tuple[TextProposer, ...]
    weights: tuple[float, ...]

    def __init__(self, *parts: Any) -> None:
        pairs = [part if isinstance(part, tuple) and len(part) == 2 else (part, 1.0) for part in parts]
        for _, weight in pairs:
            number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not number or not math.isfinite(weight) or weight <= 0:
                raise ProposerError(f"a weight of a mixture is {weight!r}; give a number above 0")
        object.__setattr__(self, "proposers", _checked([proposer for proposer, _ in pairs], "mixture"))
        object.__setattr__(self, "weights", tuple(float(weight) for _, weight in pairs))

    async def propose(self, request: ProposalRequest) -> Proposed:
        """What the drawn one proposes."""
        fitting = self._fitting(request)
        if not fitting:
            return Proposed()
        weights = [self.weights[place] for place in fitting]
        shares = [weight / math.fsum(weights) for weight in weights]
        drawn = fitting[int(request.rng("mixture").choice(len(fitting), p=shares))]
        return await proposed_by(self.proposers[drawn], request)


@dataclass(frozen=True, init=False)
class Alternate(_Several):
    """Takes several proposers in turn, one for each consultation, of those that fit its knobs.

    Args:
        proposers: in their order.

    Raises:
        ProposerError: there is none.

    Example::

        Alternate(Reflection("openai/gpt-4.1-mini"), Crossover())
    """

    proposers: tuple[TextProposer, ...]

    def __init__(self, *proposers: Any) -> None:
        object.__setattr__(self, "proposers", _checked(proposers, "alternation"))

    async def propose(self, request: ProposalRequest) -> Proposed:
        """What the one whose turn it is proposes."""
        fitting = self._fitting(request)
        if not fitting:
            return Proposed()
        return await proposed_by(self.proposers[fitting[request.number % len(fitting)]], request)


def _checked(proposers: Sequence[Any], what: str) -> tuple[TextProposer, ...]:
    if not proposers:
        raise ProposerError(f"a {what} of no proposers proposes nothing; give at least one")
    return tuple(map(as_proposer, proposers))
