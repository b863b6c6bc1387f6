"""Generation: rows join a running batch, get a token each step, and leave when they are finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np

from hyperfunc.blas import one_blas_thread
from hyperfunc.errors import ModelError
from hyperfunc.llm.local.admission import Admission
from hyperfunc.llm.local.exact import Array
from hyperfunc.llm.local.jobs import Completion, Generation, Job
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.samplers import NEUTRAL, draw, probabilities, sampler_row
from hyperfunc.llm.local.slots import Slots
from hyperfunc.llm.local.tokenizer import Tokenizer
from hyperfunc.llm.local.transformer import Transformer

__all__ = ["Engine", "check_job"]

_REFILL_SHARE = 4
_EXPECTED_TOKENS = 64


class Engine:
    """Runs jobs in one batch on the calling thread. One engine serves one thread at a time.

    A job's result depends on the job alone, to the last bit: not on its neighbors, their number, when it
    joined, or what the cache holds.

    Args:
        model: the network; may be shared between engines.
        tokenizer: its vocabulary.
        cache: beginnings of earlier prompts; may be shared between engines.
        max_rows: rows computed together.
    """

    def __init__(
        self, model: Transformer, tokenizer: Tokenizer, cache: PrefixCache, *, max_rows: int = 64
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._admission = Admission(model, cache)
        self._slots = Slots(model, max_rows)
        self._rows: list[Completion] = []
        vocab = model.architecture.vocab
        self._parameters = np.ones((max_rows, len(NEUTRAL)))
        self._counts = np.zeros((max_rows, vocab), np.int32)
        self._forbidden = [tokenizer.pad_id, tokenizer.bos_id]

    @property
    def free(self) -> int:
        """Rows that can join now."""
        return self._slots.free

    @property
    def active(self) -> int:
        """Rows under way."""
        return self._slots.count

    def generate(self, jobs: Iterable[Job]) -> list[Generation]:
        """Run jobs to their end; results are in their order.

        Raises:
            ModelError: a job cannot be run; nothing has been generated then.
        """
        waiting = list(jobs)
        for job in waiting:
            check_job(job, self._model.architecture.context)
        results: dict[int, Generation] = {}
        places: dict[Completion, int] = {}
        queue = iter(enumerate(waiting))
        left = len(waiting)
        while left or self.active:
            if left and (not self.active or self.free * _REFILL_SHARE >= self._slots.max_rows):
                joining = list(islice(queue, self.free))
                left -= len(joining)
                completions = self.admit([job for _, job in joining])
                places.update(zip(completions, (place for place, _ in joining), strict=True))
            for finished in self.step():
                results[places.pop(finished)] = finished.generation()
        return [results[place] for place in range(len(waiting))]

    @one_blas_thread()
    def admit(self, jobs: Sequence[Job]) -> list[Completion]:
        """Read the prompts of up to :attr:`free` jobs and add them as rows."""
        context = self._model.architecture.context
        completions = [Completion(job, self._tokenizer, context) for job in jobs]
        read = self._admission.read([job.ids for job in jobs])
        own = max((pairs.shape[3] for _, _, pairs in read), default=0)
        self._slots.reserve(own + _EXPECTED_TOKENS)
        first = self.active
        for completion, (_, shared, pairs) in zip(completions, read, strict=True):
            self._slots.add(completion.job.ids, shared, pairs)
            self._add_row(completion)
        self._sample(np.stack([last for last, _, _ in read]), first)
        return completions

    @one_blas_thread()
    def step(self) -> list[Completion]:
        """Give every row one more token; finished rows leave and are returned."""
        finished = self._collect()
        if self.active:
            last = np.array([completion.ids[-1] for completion in self._rows])
            self._sample(self._slots.step(last), 0)
            finished += self._collect()
        return finished

    def discard(self, unwanted: Callable[[Completion], bool]) -> None:
        """Drop rows that nobody waits for any more."""
        for row in reversed(range(self.active)):
            if unwanted(self._rows[row]):
                self._remove_row(row)

    def _collect(self) -> list[Completion]:
        rows = [row for row, completion in enumerate(self._rows) if completion.finish_reason]
        finished = [self._rows[row] for row in rows]
        for row in reversed(rows):
            self._remove_row(row)
        return finished

    def _sample(self, x_BD: Array, first: int) -> None:
        rows = slice(first, self.active)
        raw = self._model.logits(x_BD)
        logits = raw.copy()
        logits[:, self._forbidden] = -np.inf
        p = probabilities(logits, self._parameters[rows], self._counts[rows])
        chosen = draw(p, np.array([completion.uniform() for completion in self._rows[rows]]))
        self._counts[np.arange(first, self.active), chosen] += 1
        for place, index in enumerate(chosen.tolist()):
            self._rows[first + place].push(index, raw[place])

    def _add_row(self, completion: Completion) -> None:
        row = len(self._rows)
        self._parameters[row] = completion.parameters
        self._counts[row] = np.bincount(completion.job.ids, minlength=self._counts.shape[1])
        self._rows.append(completion)

    def _remove_row(self, row: int) -> None:
        last = len(self._rows) - 1
        self._slots.remove(row)
        self._parameters[row], self._counts[row] = self._parameters[last], self._counts[last]
        self._rows[row] = self._rows[last]
        self._rows.pop()


def check_job(job: Job, context: int) -> None:
    """Refuse a job that can never run.

    Raises:
        ModelError: the prompt is empty or leaves no room in the context, or a parameter is out of range.
    """
    if not job.ids:
        raise ModelError("the prompt is empty; give the model at least one token to continue")
    if len(job.ids) >= context:
        raise ModelError(f"the prompt has {len(job.ids)} tokens, but the model reads {context}; shorten it")
    if job.sampling.max_tokens is not None and job.sampling.max_tokens < 1:
        raise ModelError(f"max_tokens={job.sampling.max_tokens} must be at least 1")
    if job.logprobs is not None and job.logprobs < 0:
        raise ModelError(f"logprobs={job.logprobs} must be a number of alternatives, at least 0")
    sampler_row(job.sampling)
