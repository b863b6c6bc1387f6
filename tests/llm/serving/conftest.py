from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.llm.serving.asking import Site, tiny_site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with tiny_site() as running:
        yield running


@pytest.fixture(scope="session")
def strict_site() -> Iterator[Site]:
    with tiny_site(strict=True) as running:
        yield running
