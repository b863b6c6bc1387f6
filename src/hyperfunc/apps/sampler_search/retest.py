"""Settings on prompts that the search never saw, under luck that it never had."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperfunc.ledger import Ledger, Spend

from .evidence import Scored, retested, scored_cells
from .families import Setting, neutral_setting
from .measures import metric_for
from .space import examples, fixed_writer

if TYPE_CHECKING:
    from .state import SearchState

__all__ = ["Again", "measure_settings", "retest"]

FRESH = 1_000_003
"""Added to a seed for luck that the search did not have."""


@dataclass(frozen=True, slots=True)
class Again:
    """The retest.

    Args:
        row: for the result file.
        recommended: whether the winner was better there.
        why: in a sentence.
        winner: with its scores there.
        spend: what it took.
    """

    row: dict[str, Any]
    recommended: bool
    why: str
    winner: Scored
    spend: Spend


def retest(work: SearchState, scored: Sequence[Scored], book: Ledger) -> Again:
    """Test winner, runner-up and the model's own distribution again.

    Args:
        work: the search.
        scored: settings, the best first, at least two.
        book: where texts are kept.
    """
    config = work.config
    takes = config.retest_samples or config.samples_per_config
    settings = [scored[0].setting, scored[1].setting, neutral_setting()]
    found, spend = measure_settings(
        settings, work.server.model, work.retest_prompts, takes, config.max_length, config.judge,
        config.seed + FRESH, book, config.parallel_workers,
    )  # fmt: skip
    row, recommended, why = retested(found[0], {"runner_up": found[1], "neutral": found[2]}, config.seed)
    return Again(row, recommended, why, found[0], spend)


def measure_settings(
    settings: Sequence[Setting], model: str, prompts: Sequence[str], takes: int, length: int,
    judge: str | None, seed: int, ledger: Ledger | None, workers: int = 64,
) -> tuple[list[Scored], Spend]:  # fmt: skip
    """The scores of settings on common prompts under common luck, and what they took, had it been made anew.

    Args:
        settings: at least one.
        model: that writes.
        prompts: to write on.
        takes: texts for each prompt.
        length: longest text in tokens.
        judge: model that judges; ``None`` for the automatic measures.
        seed: of the luck.
        ledger: where texts are kept, and found; ``None`` keeps none.
        workers: requests in flight at most.
    """
    began = time.monotonic()
    system, candidates = fixed_writer(model, settings)
    data = examples(prompts, takes, length)
    found = system.evaluate_population(
        candidates, data, metric_for(judge, seed), seed=seed, ledger=ledger, max_concurrency=workers
    )
    cells = [cell for each in found for cell in each.cells]
    spend = Spend(
        calls=sum(cell.calls for cell in cells),
        evaluations=len(cells),
        tokens=sum(cell.tokens for cell in cells),
        dollars=sum(cell.dollars or 0.0 for cell in cells),
        seconds=time.monotonic() - began,
    )
    scored = [
        scored_cells(setting, each.cells, len(prompts), judge)
        for setting, each in zip(settings, found, strict=True)
    ]
    return scored, spend
