"""What the engine is asked and what it answers, and the text of one completion as it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hyperfunc.llm.client import Response, Sampling, TokenLogprob
from hyperfunc.llm.local.exact import Array
from hyperfunc.llm.local.samplers import sampler_row, stream_key, uniform
from hyperfunc.llm.local.tokenizer import Tokenizer

__all__ = ["Completion", "Generation", "Job", "Piece"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One completion to make.

    Args:
        ids: prompt tokens, at least one.
        sampling: sampler parameters; ``max_tokens=None`` runs to the end of the context.
        seed: of the stream of uniform numbers.
        stop: texts that end the completion and are not part of it.
        logprobs: number of alternatives to report with each token; ``None`` reports nothing.
    """

    ids: tuple[int, ...]
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    stop: tuple[str, ...] = ()
    logprobs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A finished completion.

    ``finish_reason`` is ``stop`` (end token or stop text) or ``length``. ``ids`` holds every token that was
    generated, also those behind a stop text.
    """

    text: str
    ids: tuple[int, ...]
    finish_reason: str
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What a streamed answer has grown by.

    Args:
        text: what was added.
        logprobs: of the tokens that were added, if they were asked for.
        response: the whole answer, in the last piece.
    """

    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    response: Response | None = None


class Completion:
    """A completion under way."""

    def __init__(self, job: Job, tokenizer: Tokenizer, context: int) -> None:
        self.job = job
        self.parameters = sampler_row(job.sampling)
        self.ids: list[int] = []
        self.finish_reason = ""
        room = context - len(job.ids)
        self.limit = room if job.sampling.max_tokens is None else min(room, job.sampling.max_tokens)
        self._text = ""
        self._key = stream_key(job.seed)
        self._tokenizer = tokenizer
        self._decoder = tokenizer.stream()
        self._logprobs: list[TokenLogprob] = []
        self._longest_stop = max(map(len, job.stop), default=0)

    def uniform(self) -> float:
        """The uniform number that draws the next token."""
        return uniform(self._key, len(self.ids))

    def push(self, index: int, logits_V: Array) -> bool:
        """Take the next token; says whether the completion is finished."""
        self.ids.append(index)
        if self.job.logprobs is not None:
            self._logprobs.append(_token_logprob(logits_V, index, self.job.logprobs, self._tokenizer))
        if index == self._tokenizer.eos_id:
            return self._finish("stop")
        return self._extend(self._decoder.push(index)) or (
            len(self.ids) >= self.limit and self._finish("length")
        )

    def generation(self) -> Generation:
        """The result, once finished."""
        logprobs = tuple(self._logprobs) if self.job.logprobs is not None else None
        return Generation(
            text=self._text, ids=tuple(self.ids), finish_reason=self.finish_reason, logprobs=logprobs
        )

    def settled(self) -> str:
        """The text so far that no stop text can take back."""
        for size in range(min(self._longest_stop, len(self._text)), 0, -1):
            if any(stop.startswith(self._text[-size:]) for stop in self.job.stop):
                return self._text[:-size]
        return self._text

    def logprobs_from(self, start: int) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of the tokens from number ``start`` on; none if the job did not ask."""
        return tuple(self._logprobs[start:])

    def _extend(self, piece: str) -> bool:
        start = max(0, len(self._text) - self._longest_stop)
        self._text += piece
        found = [at for stop in self.job.stop if (at := self._text.find(stop, start)) >= 0]
        if found:
            self._text = self._text[: min(found)]
            self.finish_reason = "stop"
        return bool(found)

    def _finish(self, reason: str) -> bool:
        self.finish_reason = reason
        # A character cut off at the end may show a stop text that was not there before.
        self._extend(self._decoder.finish())
        return True


def _token_logprob(logits_V: Array, index: int, number: int, tokenizer: Tokenizer) -> TokenLogprob:
    """Natural-log probabilities of the model itself, before any sampler."""
    peak = logits_V.max()
    logprobs = logits_V - (peak + np.log(np.exp(logits_V - peak).sum()))
    best: Sequence[int] = np.argsort(-logprobs, kind="stable")[:number].tolist()
    top = tuple((tokenizer.token_text(i), float(logprobs[i])) for i in best)
    return TokenLogprob(tokenizer.token_text(index), float(logprobs[index]), top)
