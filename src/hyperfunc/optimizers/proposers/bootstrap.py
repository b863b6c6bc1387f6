"""Bootstrap: what the program did well becomes its exemplars."""

from __future__ import annotations

from dataclasses import dataclass

from hyperfunc.errors import ProposerError, SpaceError
from hyperfunc.spaces import Exemplar, Exemplars
from hyperfunc.types import Exchange

from .base import ProposalRequest, Proposed, Record, TextProposer

__all__ = ["Bootstrap"]


@dataclass(frozen=True)
class Bootstrap(TextProposer):
    """Takes exemplars from successful runs of the program itself. No model takes part.

    Each exemplar is a call of the knob's own component in a run that scored well: its inputs and its output.
    So inner components get exemplars, too, although no example says what they should return. As many runs as
    possible are drawn from, in random order. Without a successful run nothing is proposed.

    Args:
        max_items: the most exemplars in a proposal, at least 1; the knob's own limit holds, too.
        threshold: the least score of a successful run; ``None`` is the score at which nothing is left to
            improve.
        n: proposals of one consultation, each another draw, at least 1.
        max_chars: exemplars whose JSON is longer are left out.

    Raises:
        ProposerError: one of these is out of range.

    Example::

        Bootstrap(max_items=4, threshold=0.8)

    Source: Khattab et al., "DSPy: Compiling declarative language model calls into self-improving pipelines"
    (2023), arXiv:2310.03714, section 4.
    """

    max_items: int = 4
    threshold: float | None = None
    n: int = 1
    max_chars: int = 4000

    def __post_init__(self) -> None:
        for name in ("max_items", "n", "max_chars"):
            value: object = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ProposerError(f"{name} of Bootstrap is {value!r}; give a whole number from 1 up")

    @property
    def kinds(self) -> frozenset[str]:
        """Exemplars only."""
        return frozenset({"exemplars"})

    async def propose(self, request: ProposalRequest) -> Proposed:
        """At most ``n`` proposals, with exemplars for each knob whose component did something well."""
        changes: list[dict[str, tuple[Exemplar, ...]]] = [{} for _ in range(self.n)]
        for name in request.of_kind("exemplars"):
            runs = [found for record in self._good(request) if (found := self._exemplars(record, name))]
            for number, change in enumerate(changes):
                if runs:
                    change[name] = self._drawn(request, name, runs, number)
        different = list({repr(sorted(change.items())): change for change in changes if change}.values())
        return Proposed(tuple(different))

    def _good(self, request: ProposalRequest) -> list[Record]:
        threshold = request.perfect if self.threshold is None else self.threshold
        return [record for record in request.records if record.score >= threshold]

    def _exemplars(self, record: Record, name: str) -> list[Exemplar]:
        """What the component did in one run."""
        made = [_exemplar(call) for call in record.calls(name)]
        short = [each for each in made if each is not None and len(each.text) <= self.max_chars]
        return list(dict.fromkeys(short))

    def _drawn(
        self, request: ProposalRequest, name: str, runs: list[list[Exemplar]], number: int
    ) -> tuple[Exemplar, ...]:
        """Exemplars of different runs, as far as there are enough of them."""
        knob = request.knobs[name]
        assert isinstance(knob, Exemplars)
        rng = request.rng("bootstrap", name, number)
        shuffled = [[run[int(i)] for i in rng.permutation(len(run))] for run in runs]
        order = [shuffled[int(i)] for i in rng.permutation(len(shuffled))]
        rounds = range(max(map(len, order)))
        drawn = dict.fromkeys(run[turn] for turn in rounds for run in order if turn < len(run))
        most = min(self.max_items, knob.max_items)
        return knob.canonical(tuple(drawn)[:most], name)


def _exemplar(call: Exchange) -> Exemplar | None:
    """A call as an exemplar: one input by itself, several by name."""
    if call.failure is not None or call.output is None or not call.inputs:
        return None
    inputs = dict(call.inputs)
    given = next(iter(inputs.values())) if len(inputs) == 1 else inputs
    try:
        return Exemplar(given, call.output)
    except SpaceError:  # something in it is no JSON
        return None
