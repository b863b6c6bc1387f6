"""2,000 calls of an evaluation against a server that fails half of all requests in random ways."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.llm.fault_server import Act, FaultServer, Seen, chat, fault_server

from benchmarks.report_table import Table
from hyperfunc import Example, HyperSystem, LMParam, hyperfunction, llm_completion
from hyperfunc.llm import register_client, unregister_client
from hyperfunc.llm.client import Message, Request, Sampling, Usage
from hyperfunc.llm.http import Attempts, Endpoint
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.providers.openai_style import OpenAIStyle
from hyperfunc.llm.providers.parameters import COMPATIBLE
from hyperfunc.llm.providers.server import ServerClient

__all__ = ["Outcome", "Resumed", "measure", "resume_after_retry_after", "run_against_faults"]

NAME = "bench/faulty"
LARGEST = 1 << 17
INPUT, OUTPUT = 3e-6, 15e-6

FAULTS = [
    (20, Act(status=429, body={"error": {"message": "slow down"}})),
    (10, Act(status=429, headers={"Retry-After": "0.05"}, body={})),
    (20, Act(status=500, body=b"oops")),
    (10, Act(status=503, body={"error": "busy"})),
    (12, Act(kind="close")),
    (12, Act(kind="cut", body=chat("half an answer"))),
    (5, Act(body=b"<html>an error page with status 200</html>")),
    (5, Act(body={"choices": []})),
    (2, Act(body=b'{"choices": "' + b"x" * (2 * LARGEST) + b'"}')),
    (2, Act(kind="hang")),
    (2, Act(kind="slow", body=chat("x" * 400))),
]


class _Script:
    """Half of all requests fail; answers are in the server's own books."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.books: list[tuple[str, int | None, int | None]] = []
        self.failed = 0

    def __call__(self, seen: Seen) -> Act:
        if self._rng.random() < 0.5:
            self.failed += 1
            weights = [weight for weight, _ in FAULTS]
            return self._rng.choices([act for _, act in FAULTS], weights)[0]
        prompt, completion = self._rng.randint(5, 50), self._rng.randint(1, 16)
        if self._rng.random() < 0.1:
            wrong: Any = self._rng.choice([None, -1, "many", True])
            self.books.append((seen.prompt, None, None))
            return Act(body=chat(f"re: {seen.prompt}", wrong, completion), delay=0.005)
        self.books.append((seen.prompt, prompt, completion))
        return Act(body=chat(f"re: {seen.prompt}", prompt, completion), delay=0.005)


@hyperfunction(hp_type=LMParam, model=NAME)
async def ask(question: str, *, hp: LMParam) -> str:
    """Ask."""
    return (await llm_completion(NAME, question, dataclasses.replace(hp, max_tokens=16))).content


class Asking(HyperSystem):
    """One model call for each example."""

    async def run(self, question: str) -> str:
        """Ask once."""
        return await ask(question)


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Args:
        calls: that were to be made.
        answered: cells with the right answer.
        missing: cells that infrastructure left empty.
        twice: questions that the server answered more than once, or the ledger keeps more than once.
        astray: answers of the server that are in no ledger, and rows of the ledger that it never gave.
        tokens_off, dollars_off: how far cells and ledger are from the server's books.
        uncounted: answers with a usage that cannot be true and that were not marked as counted.
        failed: requests that the server failed.
        seconds: wall time.
    """

    calls: int
    answered: int
    missing: int
    twice: int
    astray: int
    tokens_off: int
    dollars_off: float
    uncounted: int
    failed: int
    seconds: float


def run_against_faults(calls: int, seed: int) -> Outcome:
    """Evaluate ``calls`` examples with a ledger and compare three books: cells, ledger, server."""
    script = _Script(seed)
    with fault_server(script) as server, tempfile.TemporaryDirectory() as folder:
        client = _client(server)
        register_client(NAME, client, price=_most)
        try:
            examples = [Example({"question": f"question {i}"}, f"re: question {i}") for i in range(calls)]
            began = time.perf_counter()
            value = Asking([ask]).evaluate(examples, _equal, ledger=Path(folder))
            seconds = time.perf_counter() - began
        finally:
            unregister_client(NAME)
        rows = _rows(Path(folder))
    answers = Counter(prompt for prompt, _, _ in script.books)
    kept = Counter(_question(row) for row in rows)
    tokens = dollars = 0.0
    for prompt, asked, wrote in script.books:
        usage = _expected(prompt, asked, wrote)
        tokens += usage.total_tokens
        dollars += _most(_request(prompt)) if usage.counted else _cost(usage)
    cells = value.cells
    told = (
        sum(cell.tokens for cell in cells),
        sum(row["prompt_tokens"] + row["completion_tokens"] for row in rows),
    )
    return Outcome(
        calls=calls,
        answered=sum(cell.score == 1.0 for cell in cells),
        missing=len(value.missing),
        twice=sum(n > 1 for n in answers.values()) + sum(n > 1 for n in kept.values()),
        astray=(answers - kept).total() + (kept - answers).total(),
        tokens_off=int(max(abs(one - tokens) for one in told)),
        dollars_off=abs(sum(cell.dollars for cell in cells) - dollars),
        uncounted=sum(asked is None for _, asked, _ in script.books)
        - sum(json.loads(row["response"])["usage"]["counted"] for row in rows),
        failed=script.failed,
        seconds=seconds,
    )


def _client(server: FaultServer) -> ServerClient:
    return ServerClient(
        OpenAIStyle(model="m", table=COMPATIBLE),
        Exchange(base=server.url, largest=LARGEST),
        Endpoint(server.url),
        # Long enough that no good answer is ever cut off, however busy the machine is.
        attempts=Attempts(timeout_s=2.0, deadline_s=300, tries=40, backoff_s=0.02, longest_pause_s=0.5),
        cost=lambda usage: None if usage.counted else _cost(usage),
    )


def _cost(usage: Usage) -> float:
    return usage.prompt_tokens * INPUT + usage.completion_tokens * OUTPUT


def _most(request: Request) -> float:
    prompt = sum(len(message.content.encode()) + 16 for message in request.messages)
    return prompt * INPUT + (request.sampling.max_tokens or 4096) * OUTPUT


def _request(prompt: str) -> Request:
    return Request(model=NAME, messages=(Message("user", prompt),), sampling=Sampling(max_tokens=16))


def _expected(prompt: str, asked: int | None, wrote: int | None) -> Usage:
    """Four bytes a token where the server's own figures cannot be true."""
    if asked is None or wrote is None:
        return Usage(
            prompt_tokens=-(-len(prompt) // 4), completion_tokens=-(-len(f"re: {prompt}") // 4), counted=True
        )
    return Usage(prompt_tokens=asked, completion_tokens=wrote)


def _equal(example: Example, prediction: str) -> float:
    return float(prediction == example.expected)


def _rows(folder: Path) -> list[dict[str, Any]]:
    database = sqlite3.connect(folder / "ledger.sqlite")
    try:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM requests")]
    finally:
        database.close()


def _question(row: dict[str, Any]) -> str:
    return str(json.loads(row["request"])["messages"][-1]["content"])


@dataclass(frozen=True)
class Resumed:
    """How callers went on after a 429 with ``Retry-After: 1``.

    Args:
        answered: callers that got their answer.
        peak: the most requests that the server held at once afterwards.
        adapted: the limit that the client had learnt by then.
        waited: seconds between the last 429 and the first request after it.
    """

    answered: int
    peak: int
    adapted: int
    waited: float


def resume_after_retry_after(callers: int = 100) -> Resumed:
    """Let ``callers`` meet a 429 at the same time."""

    def script(seen: Seen) -> Act:
        if seen.number < callers:
            return Act(status=429, headers={"Retry-After": "1"}, body={}, delay=0.1)
        return Act(body=chat("fine"), delay=0.02)

    with fault_server(script) as server:
        client = _client(server)

        async def main() -> tuple[int, int]:
            calls = [
                asyncio.ensure_future(client.complete(_request(f"question {i}"))) for i in range(callers)
            ]
            # All have been refused by then, and none may ask before a second is over.
            await asyncio.sleep(0.6)
            assert len(server.seen) == callers
            assert not client.endpoint.flying
            adapted, server.peak = client.endpoint.limit.whole, 0
            answers = await asyncio.gather(*calls)
            return adapted, sum(answer.text == "fine" for answer in answers)

        adapted, answered = asyncio.run(main())
        refused, resumed = server.seen[:callers], server.seen[callers:]
        waited = min(seen.at for seen in resumed) - max(seen.at for seen in refused) - 0.1
        return Resumed(answered, server.peak, adapted, waited)


def measure(table: Table) -> None:
    """Add the figures."""
    after = resume_after_retry_after()
    table.add("100 callers meet a 429 with Retry-After 1: answered", after.answered, at_least=100)
    table.add("their peak after it", after.peak, at_most=after.adapted, note="the goal is the adapted limit")
    table.add("seconds until the first asks again", after.waited, "s", at_least=0.99, at_most=1.5)
    calls = 300 if table.quick else 2000
    found = run_against_faults(calls, seed=11)
    note = f"{found.failed} requests failed, {found.seconds:.0f} s"
    table.add(f"half of all fail: of {calls} calls answered", found.answered, at_least=calls, note=note)
    table.add("calls that are not accounted for", calls - found.answered - found.missing, at_most=0)
    table.add("calls that were counted twice", found.twice, at_most=0)
    table.add("answers astray between server and ledger", found.astray, at_most=0)
    table.add("tokens that differ from the server's books", found.tokens_off, at_most=0)
    table.add("dollars that differ from the server's books", found.dollars_off, "$", at_most=1e-9)
    table.add("wrong usages that are not marked as counted", abs(found.uncounted), at_most=0)


if __name__ == "__main__":
    import sys

    from benchmarks.report_table import run

    sys.exit(run("models: faults", measure))
