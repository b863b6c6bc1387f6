"""Optimizers of other packages say in one sentence how to get these, as soon as they are made."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import CMAES, TPE, BoTorch


@pytest.mark.parametrize(("make", "package"), [(TPE, "optuna"), (CMAES, "cmaes"), (BoTorch, "botorch")])
def test_a_missing_package_is_named_with_its_extra(
    make: Callable[[], object], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SpaceError, match=rf"pip install 'hyperfunc\[{package}\]'"):
        make()
