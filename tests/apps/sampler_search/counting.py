"""A model that counts what it is asked, and is the embedded one otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyperfunc.apps.sampler_search.config import SearchConfig
from hyperfunc.apps.sampler_search.families import Span
from hyperfunc.llm.client import Request, Response
from hyperfunc.llm.local.client import shared_local_client
from hyperfunc.llm.registry import register_client, unregister_client

__all__ = ["Counting", "counted", "small"]

PROMPTS = ("And the king said", "Now there was a man of", "And they went up")
HELD_OUT = ("Then came the elders", "The righteous shall be", "And in the seventh year")


@dataclass
class Counting:
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Response:
        self.requests.append(request)
        return await shared_local_client().complete(replace(request, model="local/prose"))

    @property
    def distinct(self) -> int:
        return len({(r.messages, r.sampling, r.seed) for r in self.requests})


@contextlib.contextmanager
def counted(name: str = "counted/prose") -> Iterator[Counting]:
    client = Counting()
    register_client(name, client, identity=f"{name} for a test")
    try:
        yield client
    finally:
        unregister_client(name)


def small(folder: Path, **changes: object) -> SearchConfig:
    """A search of a second or two."""
    config = SearchConfig(
        search_strategy="random",
        n_iterations=6,
        samples_per_config=2,
        max_length=12,
        sampler_types=("min_p", "top_p"),
        parameter_ranges={"min_p": {"min_p": Span(0.01, 0.3, log=True)}},
        test_prompts=PROMPTS,
        retest_prompts=HELD_OUT,
        output_dir=str(folder / "results"),
    )
    return replace(config, **changes)  # type: ignore[arg-type]
