"""Asking a judge: an answer that fits its schema, or an error; never a guess."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hyperfunc.errors import (
    BadAnswer,
    BudgetError,
    InfrastructureError,
    JudgeFailed,
    MetricError,
    ModelError,
    ProgramError,
    UnknownModel,
)
from hyperfunc.evaluation.scorers.base import shown

# As modules, so that a judge's fingerprint stops here and leaves the rest of the library out.
from hyperfunc.llm import completion, structured
from hyperfunc.program import binding
from hyperfunc.rng import seed_of
from hyperfunc.types import JSON

__all__ = ["MISSING", "Asking", "all_of", "ask"]

T = TypeVar("T")

MISSING = (InfrastructureError, ConnectionError)
"""What leaves a judgement missing."""

_THROUGH = (*MISSING, BudgetError, MetricError, ProgramError, UnknownModel)
_WARMER = 0.7
_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked, and how.

    Args:
        model: that judges.
        temperature: of the first try, at least 0; ``None`` leaves it to the server.
        seed: makes judgements of one text differ on purpose; ``None`` for the evaluation's own luck.
        retries: further tries after an answer that cannot be read, at least 0.
        max_tokens: longest answer.

    Raises:
        MetricError: one of these is out of range.
    """

    model: str
    temperature: float | None
    seed: int | None
    retries: int
    max_tokens: int

    def __post_init__(self) -> None:
        model: object = self.model
        if not isinstance(model, str) or not model:
            raise MetricError(f"the model of a judge is {shown(self.model)}; give a model's name")
        counts: tuple[object, ...] = (self.retries, self.max_tokens)
        if not all(isinstance(n, int) for n in counts) or self.retries < 0 or self.max_tokens < 1:
            raise MetricError(
                f"retries of a judge is {self.retries!r} and max_tokens {self.max_tokens!r}; give at least 0 "
                "and 1"
            )


async def ask(
    asking: Asking, messages: Sequence[Mapping[str, str]], schema: Mapping[str, JSON]
) -> tuple[dict[str, JSON], int]:
    """The judge's answer, and how many tries it took.

    An answer that cannot be read is asked for again. The next request has another seed and, where the first
    was greedy, a temperature: the ledger answers equal requests, and so would a greedy model.

    Raises:
        JudgeFailed: no answer could be read, or the request itself was refused; asking anew would not help.
        InfrastructureError: the model could not be asked.
    """
    last = ""
    for attempt in range(asking.retries + 1):
        try:
            response = await completion.llm_completion(
                asking.model, messages, temperature=_temperature(asking, attempt),
                max_tokens=asking.max_tokens, seed=_seed(asking, attempt), response_format=schema,
            )  # fmt: skip
            answer = structured.parse_answer(response, schema)
        except _THROUGH:
            raise
        except BadAnswer as error:
            last = str(error)
        except Exception as error:  # a client may raise anything, and no text is to blame for it
            # A request that is refused will be refused again; anything else may have been bad luck.
            kind = JudgeFailed if isinstance(error, ModelError) else InfrastructureError
            raise kind(
                f"the judge {asking.model} could not be asked ({type(error).__name__}: {error}), so the "
                "judgement is missing"
            ) from error
        else:
            return answer, attempt + 1
    raise JudgeFailed(
        f"the judge {asking.model} gave no readable answer in {asking.retries + 1} tries, so the judgement "
        f"is missing; raise retries or max_tokens, or take another model: {last}"
    )


async def all_of(work: Iterable[Awaitable[T]]) -> list[T | Exception]:
    """All results in order, what is missing as its error; any other error is raised.

    What is under way then is waited for, because it is paid for, and nothing more is begun.
    """
    found: list[T | Exception] = []
    waiting = iter(work)
    while now := list(itertools.islice(waiting, _AT_ONCE)):
        for result in await asyncio.gather(*now, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, MISSING):
                raise result
            found.append(result)
    return found


def _temperature(asking: Asking, attempt: int) -> float | None:
    if asking.temperature is None or attempt == 0:
        return asking.temperature
    return max(asking.temperature, _WARMER)


def _seed(asking: Asking, attempt: int) -> int | None:
    if attempt == 0 and asking.seed is None and asking.temperature == 0:
        return None  # a greedy answer needs no luck, and equal texts share it
    luck: Any = binding.current_seed()
    return seed_of("judge", luck, asking.seed, attempt)
