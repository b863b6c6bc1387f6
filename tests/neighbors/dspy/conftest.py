"""Tests against the installed DSPy: a server to ask, and DSPy's settings as each test makes them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Otherwise DSPy fetches a list of prices.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["DSPY_CACHEDIR"] = tempfile.mkdtemp(prefix="dspy-cache-")
pytest.importorskip("dspy", reason="programs of DSPy need DSPy")

from .scripted import Script, Server, dspy


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    """Start a server with a script and make it DSPy's language model."""
    servers: list[Server] = []
    before: Any = dspy.settings.lm

    def start(script: Script) -> Server:
        servers.append(Server(script))
        dspy.configure(lm=servers[-1].lm())
        return servers[-1]

    yield start
    dspy.configure(lm=before)
    for server in servers:
        server.close()
