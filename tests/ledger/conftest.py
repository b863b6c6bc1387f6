from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperfunc.ledger import Ledger


@pytest.fixture(params=["file", "memory"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger; every law holds for both kinds."""
    with Ledger.memory() if request.param == "memory" else Ledger.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def filed(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in a file."""
    with Ledger.open(tmp_path) as opened:
        yield opened
