"""Proposers of other packages say in one sentence how to get these."""

from __future__ import annotations

import sys

import pytest

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import CMAES, TPE, BoTorch, Problem, Proposer
from hyperfunc.optimizers.archive import Archive
from hyperfunc.spaces import Real, Space


@pytest.mark.parametrize(
    ("proposer", "package"), [(TPE(), "optuna"), (CMAES(), "cmaes"), (BoTorch(), "botorch")]
)
def test_a_missing_package_is_named_with_its_extra(
    proposer: Proposer, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    space = Space({"x": Real(0, 1), "y": Real(0, 1)})
    with pytest.raises(SpaceError, match=rf"pip install 'hyperfunc\[{package}\]'"):
        proposer.propose(Problem(space, space.default, 1), Archive(), None, 1, frozenset())
