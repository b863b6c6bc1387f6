"""A system whose parameter groups have knobs that matter only sometimes, trained as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from hyperfunc import Example, HyperSystem, hyperfunction
from hyperfunc.optimizers import Fixed, Racing, Random, Search, SurrogateES
from hyperfunc.optimizers.base import Optimizer
from hyperfunc.optimizers.bayes import Bayesian
from hyperfunc.runs import Result
from hyperfunc.spaces import Choice, Real, When


@dataclass(frozen=True)
class Sampler:
    """One family, and the number that belongs to it."""

    family: Annotated[str, Choice(("none", "min_p", "top_p"))] = "none"
    min_p: Annotated[float, Real(0, 1, when=When("family", "min_p"))] = 0.5
    top_p: Annotated[float, Real(0, 1, when=When("family", "top_p"))] = 0.5


@hyperfunction(hp_type=Sampler, optimize_hparams=True)
def write(x: float, hp: Sampler) -> float:
    """The nearer min_p is to 0.2, the better; the other family reaches half as much."""
    if hp.family == "min_p":
        return 1.0 - abs(hp.min_p - 0.2) + 0.0 * x
    return 0.5 - abs(hp.top_p - 0.9) if hp.family == "top_p" else 0.1


class Writing(HyperSystem):
    """One call."""

    def run(self, x: float) -> float:
        """Write."""
        return float(write(x))


DATA = [Example(f"e{n}", {"x": float(n)}, None) for n in range(12)]


def quality(example: Example, pred: float) -> float:
    return max(0.0, pred)


def trained(folder: Path, optimizer: Optimizer | None) -> Result:
    return Writing(ledger=folder).optimize(
        DATA, quality, optimizer=optimizer, budget="600 evaluations", seed=1
    )


OPTIMIZERS = (None, Search(Bayesian(), Fixed(6, batch=4)), Search(Random(), Racing()), SurrogateES())


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_the_family_and_its_own_number_are_found(tmp_path: Path, optimizer: Optimizer | None) -> None:
    best = trained(tmp_path, optimizer).best
    assert best["write.hp.family"] == "min_p"
    assert abs(best["write.hp.min_p"] - 0.2) < 0.15
    # What does not matter has its default, so it is no part of what the run changed.
    assert best["write.hp.top_p"] == 0.5


def test_an_artefact_comes_back_with_what_matters(tmp_path: Path) -> None:
    result = trained(tmp_path, Search(Bayesian(), Fixed(6, batch=4)))
    system = Writing()
    system.load(result.export(tmp_path / "best.json"))
    assert system.candidate == result.best
    assert system(x=1.0) > 0.8
