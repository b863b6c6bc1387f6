"""Consultations of a run: what a proposer is told, and what becomes of its answer.

An answer is kept in the ledger under what was asked, so that a run that goes on asks nothing twice, not even
a function of the user's that answers otherwise each time.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import SpaceError
from hyperfunc.execution.account import Charge
from hyperfunc.ledger import content_key
from hyperfunc.optimizers.base import Ask, Consult, Proposed
from hyperfunc.optimizers.proposers import ProposalRequest
from hyperfunc.optimizers.proposers.custom import Custom, proposed_by
from hyperfunc.optimizers.proposers.screening import Corpus, texts_of
from hyperfunc.program.discovery import reach
from hyperfunc.rng import seed_of

from .evidence import Evidence

if TYPE_CHECKING:
    from hyperfunc.evaluation.dataset import Example
    from hyperfunc.execution import Engine, Evaluations
    from hyperfunc.optimizers.proposers import TextProposer
    from hyperfunc.spaces import Candidate, Population

    from .job import Job

__all__ = ["Consultations"]


class Consultations:
    """The desk's side of consultations.

    Args:
        job: of the run.
        engine: runs proposers beside the lanes.
        run_id: names the run in the ledger.
        examples: those that asks refer to.

    Attributes:
        trouble: why feedback about components could not be had, each reason once.
    """

    def __init__(self, job: Job, engine: Engine, run_id: str, examples: Sequence[Example]) -> None:
        self._job = job
        self._engine = engine
        self._run_id = run_id
        self._examples = examples
        self._evidence = Evidence(job.metric, examples)
        self._corpora: dict[int, Corpus] = {}
        self._written_by: dict[int, str] = {}
        self._answered: dict[int, _Answer] = {}
        self.trouble: dict[str, None] = {}

    def keep(self, candidates: Population | Sequence[Candidate], ask: Ask, answer: Evaluations) -> None:
        """Remember cells, to show them to proposers; in the order of decisions."""
        if answer.execution.mode != "fused":
            self._evidence.keep(candidates, ask, answer)

    def told(self, number: int) -> Mapping[str, Charge]:
        """An answer is taken in: its troubles are noted, and what it used is returned."""
        answer = self._answered.pop(number, _Answer(Proposed()))
        self.trouble.update(dict.fromkeys(answer.troubles))
        return answer.charges

    async def answer(self, consult: Consult, number: int) -> Proposed:
        """Have values written.

        Args:
            consult: what is wanted.
            number: of the ask in its run.

        Raises:
            BudgetError: a limit was reached.
            InfrastructureError: a model of the proposer cannot be reached.
            ProposerError: a proposer of the user's returned what is no proposal.
        """
        ledger = self._engine.ledger
        key = content_key("proposed", self._run_id, consult.number, *self._asked(consult))
        stored = None if ledger is None else ledger.get_call(key)
        if stored is not None:
            answer = self._read(consult, json.loads(stored))
            self._engine.account.hit_all(answer.charges)
        else:
            answer = await self._made(consult, number)
            if ledger is not None:
                row = self._row(consult, answer)
                ledger.put_call(key, "proposal", json.dumps(row).encode(), self._run_id)
                ledger.flush()
        self._answered[number] = answer
        return answer.proposed

    async def _made(self, consult: Consult, number: int) -> _Answer:
        parent, *others = consult.parents
        troubles: list[str] = []

        async def work() -> Proposed:
            request = ProposalRequest(
                names=tuple(n for n in consult.names if parent.space[n].kind in consult.proposer.kinds),
                values=dict(parent),
                knobs=dict(parent.space),
                records=await self._evidence.records(consult, troubles),
                others=tuple(dict(other) for other in others),
                rejected=consult.rejected,
                task=_task(self._job.system),
                number=consult.number,
                seed=self._job.seed,
                perfect=consult.perfect,
            )
            return self._checked(consult, request, await proposed_by(consult.proposer, request))

        proposed, charges = await self._engine.aside(
            self._engine.program.bind(parent), work, origin=f"{self._run_id}/{number}",
            luck=f"consultation {seed_of(self._job.seed, consult.number)}",
        )  # fmt: skip
        return _Answer(proposed, charges, tuple(troubles))

    def _checked(self, consult: Consult, request: ProposalRequest, proposed: Proposed) -> Proposed:
        """What can be tried of it: changes of the knobs asked for, to new values that pass the screen."""
        corpus = None if consult.screen is None else self._corpus(consult.screen.words, request)
        changes, refused = [], list(proposed.refused)
        for change in proposed.changes:
            fresh: dict[str, Any] = {}
            refused += [f"{name}: nobody asked for it" for name in change if name not in request.names]
            for name in (name for name in request.names if name in change):
                try:
                    value = request.knobs[name].canonical(change[name], name)
                except SpaceError as error:
                    refused.append(f"{name}: {error}")
                    continue
                if value == request.values[name]:
                    continue
                reason = ""
                if consult.screen is not None and corpus is not None:
                    reason = consult.screen.refusal(name, value, request=request, corpus=corpus)
                if reason:
                    refused.append(f"{name}: {reason}")
                else:
                    fresh[name] = value
            if fresh:
                changes.append(fresh)
        return Proposed(tuple(changes), tuple(refused))

    def _corpus(self, words: int, request: ProposalRequest) -> Corpus:
        """Everything that the proposer saw, and all examples of the run besides."""
        if words not in self._corpora:
            texts = (text for e in self._examples for text in texts_of(e.inputs, e.expected))
            self._corpora[words] = Corpus.of(texts, words)
        seen: list[str] = []
        for record in request.records:
            seen += [record.feedback, *record.advice.values(), *texts_of({}, record.output)]
            for call in record.exchanges:
                seen += texts_of(call.inputs, call.output)
        return self._corpora[words].adding(seen)

    def _asked(self, consult: Consult) -> list[Any]:
        """What an answer depends on."""
        rejected: Iterable[Any] = (
            [name, [[str(each.value), each.reason] for each in tried]]
            for name, tried in sorted(consult.rejected.items())
        )
        parents = [parent.id for parent in consult.parents]
        writers = [self._writer(consult.proposer), repr(consult.screen)]
        return [*writers, parents, list(consult.names), list(consult.examples), list(rejected)]

    def _writer(self, proposer: TextProposer) -> str:
        """A proposer's settings as they were when it was first consulted, and the code of a function."""
        if id(proposer) not in self._written_by:
            code = ""
            if isinstance(proposer, Custom):
                function = proposer.function
                plain = inspect.isroutine(function) or isinstance(function, functools.partial)
                code = reach((function if plain else type(function).__call__,)).fingerprint
            self._written_by[id(proposer)] = f"{proposer!r} {code}"
        return self._written_by[id(proposer)]

    def _row(self, consult: Consult, answer: _Answer) -> dict[str, Any]:
        """An answer as JSON."""
        space, proposed = consult.parents[0].space, answer.proposed
        return {
            "changes": [{n: space[n].to_json(value) for n, value in c.items()} for c in proposed.changes],
            "refused": proposed.refused,
            "charges": {name: [charge.tokens, charge.dollars] for name, charge in answer.charges.items()},
            "troubles": answer.troubles,
        }

    def _read(self, consult: Consult, row: Mapping[str, Any]) -> _Answer:
        """The inverse of ``_row``."""
        space = consult.parents[0].space
        changes = [{n: space[n].canonical(value, n) for n, value in c.items()} for c in row["changes"]]
        charges = {name: Charge(*charge) for name, charge in row["charges"].items()}
        return _Answer(Proposed(tuple(changes), tuple(row["refused"])), charges, tuple(row["troubles"]))


@dataclass(frozen=True, slots=True)
class _Answer:
    """Of a consultation: what can be tried, the calls it took, and what feedback could not be had."""

    proposed: Proposed
    charges: Mapping[str, Charge] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()


def _task(system: Any) -> str:
    """What the program is for, in the words of its docstring; a docstring of ours says nothing about it."""
    own = type(system).__dict__.get("__doc__") or ""
    return "" if type(system).__module__ == "hyperfunc.system" else " ".join(own.split())
