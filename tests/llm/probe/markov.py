"""A served chain of words whose samplers can be made to do the wrong thing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from tests.llm.local.tiny import tiny_model

from hyperfunc.llm.client import Request, Response, Sampling, Usage
from hyperfunc.llm.local.samplers import distribution
from hyperfunc.llm.serving import Service, background

WORDS = 120
NAME = "local/tiny"


@dataclass
class Chain:
    """Answers with words of a Markov chain; the likeliest next word has a probability near 0.7.

    Args:
        drops: a canonical parameter, or ``seed`` or ``stop``, that takes no part.
        heats_first: whether the temperature comes before truncation.
        fixed_seed: whether every call draws the same numbers.
        trembles: whether the last words of an answer change from call to call.
    """

    drops: str = ""
    heats_first: bool = False
    fixed_seed: bool = False
    trembles: bool = False
    calls: int = 0

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        self._scores = rng.normal(0, 0.7, (WORDS, WORDS))
        self._scores[np.arange(WORDS), rng.permutation(WORDS)] = 6.0

    async def complete(self, request: Request) -> Response:
        self.calls += 1
        seed = 0 if self.fixed_seed else self.calls + 1000 if self.drops == "seed" else request.seed
        sampling = request.sampling
        if self.drops in Sampling.__dataclass_fields__:
            sampling = replace(sampling, **{self.drops: None})
        words = self._words(sampling, np.random.default_rng(seed))
        if self.trembles and len(words) > 6:
            words[-4:] = [self.calls] * 4
        text = "".join(f" w{word}" for word in words)
        cuts = [text.index(s) for s in request.stop if s in text and self.drops != "stop"]
        return Response(
            text=text[: min(cuts)] if cuts else text,
            usage=Usage(prompt_tokens=1, completion_tokens=len(words)),
        )

    def _words(self, sampling: Sampling, rng: np.random.Generator) -> list[int]:
        words = [0]
        heat = sampling.temperature if sampling.temperature is not None else 1.0
        for _ in range(sampling.max_tokens or 40):
            scores, applied = self._scores[words[-1]], sampling
            if self.heats_first and heat > 0:
                scores, applied = scores / heat, replace(sampling, temperature=1.0)
            p = distribution(scores, applied, words)
            words.append(int(rng.choice(WORDS, p=p)))
        return words[1:]


@contextmanager
def served(chain: Chain, *, strict: bool = False) -> Iterator[str]:
    service = Service({NAME: tiny_model()}, strict=strict, client=chain)  # type: ignore[arg-type]
    with background(service) as url:
        yield url
