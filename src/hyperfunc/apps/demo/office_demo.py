"""The main job: an office of three model calls learns its prompts, exemplars, numbers and a threshold.

Everything is ordinary user code: three hyperfunctions, Python glue with branches, a metric, a budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from hyperfunc.apps.demo import office_data as office
from hyperfunc.evaluation import Example
from hyperfunc.llm import Response, llm_completion
from hyperfunc.optimizers import automatic
from hyperfunc.program import hyperfunction
from hyperfunc.spaces import Exemplar, Real
from hyperfunc.system import HyperSystem
from hyperfunc.types import ScoreResult

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.runs import Callback, Result

__all__ = ["Office", "examples", "judged", "optimizer", "run"]

MODEL = "local/office"
BUDGET = "2000 calls"
N_TRAIN, N_HELD_OUT = 60, 80


@dataclass(frozen=True)
class Numbers:
    """The sampling settings of one step; the defaults are what a provider would use."""

    temperature: Annotated[float, Real(0, 1.5)] = 1.0
    top_p: Annotated[float, Real(0.1, 1)] = 1.0
    min_p: Annotated[float, Real(0, 0.5)] = 0.0


def pool(step: str) -> list[Exemplar]:
    """Twelve worked examples from the files of the office, good and bad."""
    return [Exemplar(e.source, e.answer) for e in office.exemplar_pool(step)]


async def ask(step: str, source: str, prompt: str, exemplars: Sequence[Exemplar], hp: Numbers) -> Response:
    """One request: the prompt, the exemplars, the input."""
    turns = "".join(f"\nInput: {e.input}\nOutput: {e.output}" for e in exemplars)
    text = f"{prompt}{turns}\nInput: {source}\nOutput:"
    return await llm_completion(MODEL, text, hp, max_tokens=office.MAX_TOKENS[step], logprobs=0)


@hyperfunction(optimize_hparams=True, exemplars=pool("route"))
async def route(ticket: str, *, prompt: str, exemplars: Sequence[Exemplar], hp: Numbers) -> tuple[str, float]:
    """Where does this go?"""
    answer = await ask("route", ticket, prompt, exemplars, hp)
    return answer.text.strip().rstrip("."), sureness(answer)


@hyperfunction(optimize_hparams=True, exemplars=pool("extract"))
async def extract(invoice: str, *, prompt: str, exemplars: Sequence[Exemplar], hp: Numbers) -> str:
    """Read this invoice."""
    return (await ask("extract", invoice, prompt, exemplars, hp)).text.strip()


@hyperfunction(optimize_hparams=True, exemplars=pool("reply"))
async def reply(ticket: str, *, prompt: str, exemplars: Sequence[Exemplar], hp: Numbers) -> str:
    """Reply please."""
    return (await ask("reply", ticket, prompt, exemplars, hp)).text.strip()


def sureness(answer: Response) -> float:
    """The geometric mean probability of the answer's tokens."""
    logprobs = [t.logprob for t in answer.logprobs or ()]
    return math.exp(sum(logprobs) / len(logprobs)) if logprobs else 0.0


class Office(HyperSystem):
    """Routes a ticket, reads the invoice when billing has to, and writes the reply."""

    ask_again_below = Real(0, 1, default=0.2, doc="a routing answer less sure than this is asked for again")

    async def run(self, ticket: str, invoice: str) -> dict[str, Any]:
        """One ticket, with the invoice that lies beside it."""
        team, sure = await route(ticket)
        if sure < self.ask_again_below:
            second, surer = await route(ticket)
            team = second if surer > sure else team
        record = await extract(invoice) if team == office.BILLING else None
        return {"team": team, "record": record, "reply": await reply(ticket)}


def examples(split: str, count: int, skip: int = 0) -> list[Example]:
    """Tickets with what the office expects.

    Args:
        split: ``train``, ``validation`` or ``test``.
        count: how many.
        skip: leave out that many first.
    """
    made = []
    for item in office.items(split, skip + count)[skip:]:
        _items()[item.ticket.text] = item
        expected = {
            "team": item.label,
            "reads the invoice": item.billing,
            "about": item.ticket.nouns[item.ticket.urgent],
        }
        made.append(Example({"ticket": item.ticket.text, "invoice": item.invoice.text}, expected))
    return made


@cache
def _items() -> dict[str, office.Item]:
    """Items by ticket. Behind a function, because a program's fingerprint covers the globals it names."""
    return {}


def judged(example: Example, pred: dict[str, Any]) -> ScoreResult:
    """The metric: routing, reading and replying, weighted; what is wrong goes into the feedback."""
    verdict = office.judge(_items()[example.inputs["ticket"]], pred["team"], pred["record"], pred["reply"])
    return ScoreResult(min(1.0, verdict.value), verdict.feedback or "all right")


def optimizer(system: Office) -> Optimizer:
    """Edits of the prompts from a phrase bank, exemplars from the pools, and the numbers, all at once."""
    phrases = {f"{step}.prompt": [c.text for c in office.CLAUSES[step]] for step in office.STEPS}
    return automatic(system.space, phrases=phrases)


def run(
    *,
    seed: int = 0,
    budget: str = BUDGET,
    ledger: str | Path | Ledger | None = None,
    run_id: str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Train the office and return what was found.

    Args:
        seed: picks the tickets and fixes every random choice.
        budget: of the whole run.
        ledger: a folder or file.
        run_id: of a run to go on with.
        callbacks: told about every step.
    """
    system = Office()
    return system.optimize(
        examples("train", N_TRAIN, skip=N_TRAIN * seed),
        judged,
        test=examples("validation", N_HELD_OUT, skip=N_HELD_OUT * seed),
        budget=budget,
        optimizer=optimizer(system),
        seed=seed,
        ledger=ledger,
        run_id=run_id,
        callbacks=callbacks,
        notes={"demo": "office", "demo_args": {"seed": seed, "budget": budget}},
    )
