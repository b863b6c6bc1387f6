"""The start of a run: what can be seen before the search, or on the first few examples."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Sequence

from hyperfunc import __version__
from hyperfunc.errors import MetricError, ModelError, ProgramError, UnknownPrice
from hyperfunc.evaluation.dataset import Example, Sealed
from hyperfunc.execution import Evaluation
from hyperfunc.execution.folding import nothing_evaluated
from hyperfunc.ledger import Budget
from hyperfunc.llm.client import Request
from hyperfunc.llm.registry import route_for
from hyperfunc.spaces import Candidate, Space
from hyperfunc.types import Cell

from .trainable import Trainable

__all__ = [
    "check_leaks",
    "check_prices",
    "check_reached",
    "check_start",
    "environment",
    "learnable_space",
]

_NOTED = ("numpy", "torch")
_LEAKS = {
    "have the same inputs as": ("equal", "conflict"),
    "differ in case or white space only from": ("near",),
    "belong to a group of": ("group",),
}


def check_prices(system: Trainable, budget: Budget) -> None:
    """Refuse a budget in dollars when a model's price is unknown.

    Raises:
        UnknownPrice: names the model and the function.
    """
    if budget.dollars is None:
        return
    for fn in system.hyperfunctions:
        if fn.model is None:
            continue
        try:
            price = route_for(fn.model).price(Request(model=fn.model, messages=()))
        except ModelError:
            price = None
        if price is None:
            raise UnknownPrice(
                f"the budget is in dollars and the price of {fn.model} ({fn.name}) is unknown; "
                "give a budget in calls or tokens"
            )


def check_start(value: Evaluation) -> list[str]:
    """Whether the start can be judged at all; returns warnings.

    Raises:
        InfrastructureError: there is no judgement of it.
        MetricError: the metric makes no number of it.
    """
    if len(value.missing) == len(value.cells):
        raise nothing_evaluated(value.cells)
    unjudged = [c for c in value.cells if c.failure and c.failure.startswith("the metric ")]
    if unjudged or not math.isfinite(value):
        failures = [c.failure for c in (*unjudged, *value.failures) if c.failure]
        reason = failures[0] if failures else "the metric returned NaN or infinity"
        raise MetricError(f"the start cannot be judged: {reason}; mend the program or the metric first")
    if len(value.failures) == len(value.cells):
        return [f"the start fails on all of its first examples: {value.cells[0].failure}"]
    return []


def check_reached(system: Trainable, cells: Sequence[Cell]) -> list[str]:
    """Whether the functions that should be trained are called; returns warnings.

    Raises:
        ProgramError: none of them is.
    """
    reached = {name for cell in cells for name in cell.reached}
    learnable = [fn.name for fn in system.hyperfunctions if fn.learnable]
    missed = [name for name in learnable if name not in reached]
    if learnable and missed == learnable and not system.own_knobs:
        raise ProgramError(
            f"run reached none of the functions that should be trained ({', '.join(missed)}); "
            "call them from run, or name them in the examples"
        )
    return [f"the start did not reach {', '.join(missed)} on its first examples"] if missed else []


def check_leaks(sealed: Sealed, train: Sequence[Example]) -> list[str]:
    """Whether held-out examples are among those to learn from; returns warnings."""
    found = sealed.check(lambda data: data.leaks(train)).matches
    return [
        f"{count} of {sealed.size} held-out examples {words} training examples, so the certificate is too "
        "hopeful; Dataset.split keeps such examples together"
        for words, kinds in _LEAKS.items()
        if (count := sum(len(match.here) for match in found if match.kind in kinds))
    ]


def environment() -> dict[str, str]:
    """Versions of what runs here."""
    loaded = {name: sys.modules[name].__version__ for name in _NOTED if name in sys.modules}
    return {
        "hyperfunc": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **loaded,
    }


def learnable_space(system: Trainable) -> tuple[Space, Candidate]:
    """The knobs that may change, and their values now; everything else stays as it is.

    Raises:
        ProgramError: there are none.
    """
    now = system.candidate
    space = now.space.freeze(lambda name, _: name not in system.learnable, values=now)
    if not len(space):
        raise ProgramError(
            "nothing can be learnt here: give a function a `prompt` parameter, "
            "optimize_hparams=True, exemplars, or the system a knob"
        )
    return space, space.candidate({name: now[name] for name in space})
