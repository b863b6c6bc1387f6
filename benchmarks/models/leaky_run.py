"""A whole run against a server that shows the caller's key wherever it can; ``secrets.py`` starts it.

It writes what people write: a ledger, an export, reports, recordings, logs, and every error it meets.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from pathlib import Path
from typing import Any

from hyperfunc import (
    Example,
    HyperSystem,
    Ledger,
    LMParam,
    Random,
    ScoreResult,
    hyperfunction,
    llm_completion,
)
from hyperfunc.errors import HyperfuncError
from hyperfunc.llm import Message, Request, Sampling, route_for
from hyperfunc.llm.middleware import Cached, Recording

__all__ = ["main"]

TRICKS = ("answer", "refuse", "unauthorized", "unreadable", "reset")


class Asking(HyperSystem):
    """Asks one model for each example."""

    def __init__(self, model: str) -> None:
        @hyperfunction(hp_type=LMParam, optimize_hparams=True, retries=1, backoff_s=0.0)
        async def ask(trick: str, *, prompt: str, hp: LMParam) -> str:
            """Say something."""
            return (await llm_completion(model, f"{prompt} {trick}", hp, max_tokens=8)).content

        super().__init__([ask])
        self.ask = ask

    async def run(self, trick: str) -> str:
        """Ask."""
        return str(await self.ask(trick))


class Repeating:
    """A scorer that says what it saw."""

    def score(self, output: str, expected: Any, inputs: Any = None) -> ScoreResult:
        """The length of the answer."""
        return ScoreResult(min(1.0, len(output) / 100), f"it said {output}", {"output": output})


def optimize(model: str, folder: Path) -> None:
    """A run with everything that it leaves behind."""
    examples = [Example({"trick": f"answer {n}"}, None) for n in range(4)]
    examples += [Example({"trick": "refuse"}, None)]
    result = Asking(model).optimize(
        examples, Repeating(), budget="30 calls", optimizer=Random(6), ledger=folder / "ledger", seed=1
    )
    print(result)
    print(result.summary())
    result.export(folder / "export.json")
    result.report(folder / "report.html")
    result.report(folder / "report.md")


def fail(model: str, folder: Path) -> None:
    """Every kind of failure, by a client alone and by an evaluation."""
    with Ledger.open(folder / "ledger") as ledger:
        route = route_for(model)
        client = Recording(Cached(route.client, ledger, route.identity), folder / "exchanges.jsonl")
        for trick in TRICKS:
            request = Request(
                model=model, messages=(Message("user", trick),),
                sampling=Sampling(temperature=0, max_tokens=8),
            )  # fmt: skip
            try:
                print(asyncio.run(client.complete(request)))
            except HyperfuncError as error:
                print(repr(error))
                traceback.print_exception(error, file=sys.stdout)
        print(repr(client.exchanges), repr(vars(route.client)), repr(route))
        try:
            rows = [Example({"trick": trick}, None) for trick in TRICKS]
            found = Asking(model).evaluate(rows, Repeating(), ledger=ledger)
            print(found, [vars_of(cell) for cell in found.cells])
        except HyperfuncError as error:
            traceback.print_exception(error, file=sys.stdout)


def vars_of(cell: Any) -> str:
    """Everything a cell has."""
    return repr(cell)


def main(folder: Path, models: list[str]) -> None:
    """Run with each model, and leave everything in one folder."""
    logging.basicConfig(filename=folder / "debug.log", level=logging.DEBUG)
    logging.captureWarnings(capture=True)
    for number, model in enumerate(models):
        place = folder / str(number)
        place.mkdir()
        optimize(model, place)
        fail(model, place)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
