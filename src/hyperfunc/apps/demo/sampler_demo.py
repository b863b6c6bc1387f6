"""Sampling settings for a model that writes prose: temperature and truncation, judged over sets of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from hyperfunc.apps.demo.prose_metric import PROMPTS, prose_quality
from hyperfunc.evaluation import Example
from hyperfunc.llm import llm_completion
from hyperfunc.optimizers import SNES
from hyperfunc.program import hyperfunction
from hyperfunc.spaces import Real
from hyperfunc.system import HyperSystem

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger
    from hyperfunc.runs import Callback, Result

__all__ = ["Writer", "examples", "run"]

MODEL = "local/prose"
BUDGET = "3000 calls"
LENGTH = 40
TRAIN_TAKES, HELD_OUT_TAKES = 8, 16


@dataclass(frozen=True)
class Sampler:
    """What is searched; the defaults truncate nothing."""

    temperature: Annotated[float, Real(0, 2)] = 1.0
    top_p: Annotated[float, Real(0.5, 1)] = 1.0
    min_p: Annotated[float, Real(0, 0.3)] = 0.0


@hyperfunction(optimize_hparams=True)
async def write(opening: str, *, hp: Sampler) -> str:
    """Continue the text."""
    return (await llm_completion(MODEL, opening, hp, max_tokens=LENGTH)).text


class Writer(HyperSystem):
    """Continues openings of chapters."""

    async def run(self, opening: str, take: int) -> str:
        """One text; takes of one opening differ by their luck alone."""
        return str(await write(opening))


def examples(openings: Sequence[str], takes: int) -> list[Example]:
    """Each opening, ``takes`` times."""
    return [Example({"opening": o, "take": t}, None, group=o) for t in range(takes) for o in openings]


def run(
    *,
    seed: int = 0,
    budget: str = BUDGET,
    ledger: str | Path | Ledger | None = None,
    run_id: str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Search sampling settings and confirm them on openings that the search never saw.

    Args:
        seed: fixes every random choice.
        budget: of the whole run.
        ledger: a folder or file.
        run_id: of a run to go on with.
        callbacks: told about every step.
    """
    half = len(PROMPTS) // 2
    return Writer().optimize(
        examples(PROMPTS[:half], TRAIN_TAKES),
        prose_quality,
        test=examples(PROMPTS[half:], HELD_OUT_TAKES),
        budget=budget,
        optimizer=SNES(population=8, sigma=0.25, examples=None),
        seed=seed,
        ledger=ledger,
        run_id=run_id,
        callbacks=callbacks,
        notes={"demo": "sampler", "demo_args": {"seed": seed, "budget": budget}},
    )
