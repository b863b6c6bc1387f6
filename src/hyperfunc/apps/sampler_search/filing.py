"""What stands in a result file: while the search goes on, and at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hyperfunc import __version__

from .config import as_json
from .evidence import Scored, best_chances, interval_of, spread
from .families import Setting
from .measures import AUTOMATIC, SCALE

if TYPE_CHECKING:
    from hyperfunc.runs.result import Result

    from .retest import Again
    from .state import SearchState

__all__ = ["finished", "unfinished"]


def unfinished(work: SearchState) -> dict[str, Any]:
    """The file of a search that goes on: the mean of each setting so far."""
    known = [(s, v * SCALE) for s, v in work.tried.values() if math.isfinite(v)]
    best = max(known, key=lambda item: item[1], default=None)
    results = [{**_setting(s), "mean_score": value, "scores": [value]} for s, value in known]
    return {
        "complete": False,
        "search_metadata": _metadata(work, len(known), best[1] if best else None),
        "best_configuration": None if best is None else {**_setting(best[0]), "mean_score": best[1]},
        "all_results": results,
    }


def finished(work: SearchState, scored: Sequence[Scored], again: Again, result: Result) -> dict[str, Any]:
    """The file of a search that is done.

    Args:
        work: the search.
        scored: settings with their scores, the best first by the search's own model.
        again: the retest.
        result: of the run.
    """
    chances = best_chances(scored, work.config.seed)
    seconds = [step.seconds for step in result.history]
    took = (seconds[-1] if seconds else 0.0) / max(1, len(scored))
    winner = scored[0]
    metadata = _metadata(work, len(scored), winner.mean)
    spend = result.spend + again.spend
    metadata |= {
        "texts": sum(len(each.scores) for each in scored),
        "retest_texts": (2 + ("neutral" in again.row)) * len(again.winner.scores),
        "cost": {
            "calls": spend.calls, "tokens": spend.tokens, "dollars": spend.dollars, "seconds": spend.seconds,
        },
        "variance": spread(winner),
        "ended": result.stopped,
        "warnings": list(result.warnings),
    }  # fmt: skip
    return {
        "complete": True,
        "search_metadata": metadata,
        "best_configuration": {
            **_setting(winner.setting),
            "mean_score": winner.mean,
            "interval": interval_of(winner, work.config.seed),
            "effective_parameters": winner.setting.effective(),
            "retest": again.row,
            "recommended": again.recommended,
            "why": again.why,
        },
        "all_results": [
            {
                **_setting(each.setting),
                "mean_score": each.mean,
                "std_score": each.deviation,
                "scores": list(each.scores),
                "prompts": list(each.prompts),
                "seeds": list(each.takes),
                "sample_count": len(each.known),
                "evaluation_time": took,
                "p_best": chance,
                "effective_parameters": each.setting.effective(),
            }
            for each, chance in zip(scored, chances, strict=True)
        ],
    }


def _setting(setting: Setting) -> dict[str, Any]:
    return {"sampler_type": setting.sampler, "parameters": dict(setting.parameters)}


def _metadata(work: SearchState, settings: int, best: float | None) -> dict[str, Any]:
    config = work.config
    return {
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "total_configurations": settings,
        "best_score": best,
        "strategy": work.plan.strategy,
        "why_strategy": work.plan.why,
        "seed": config.seed,
        "model": work.server.shown,
        "judge": config.judge or AUTOMATIC,
        "scale": [0.0, SCALE],
        "server": {
            "fingerprint": work.server.identity,
            "says": work.known.server,
            "probe": work.known.report,
            "known_by": work.known.source,
            "order_of_samplers": list(work.known.order),
            "temperature": work.known.temperature,
        },
        "samplers": list(work.families),
        "left_out": list(work.notes),
        "prompts": list(work.prompts),
        "retest_prompts": list(work.retest_prompts),
        "run_id": work.run_id,
        "budget": {"settings": work.plan.settings, "texts": work.texts},
        "config": as_json(config),
        "hyperfunc": __version__,
    }
