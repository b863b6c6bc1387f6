"""Two engines that answer prompts of ``local/office``: the training network, and the one that ships."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from hyperfunc.apps.demo.office_data import Setting
from hyperfunc.llm.client import Message, Request, Sampling
from hyperfunc.llm.local.client import LocalClient
from hyperfunc.llm.local.registry import load_folder_model
from hyperfunc.llm.local.tokenizer import Tokenizer
from models.office.model import Network, Shape

__all__ = ["Answerer", "LocalAnswerer", "Sparing", "TorchAnswerer"]

_NAME = "local/office"


class Answerer(Protocol):
    """Anything that completes prompts under one setting's sampling."""

    def __call__(self, prompts: Sequence[str], setting: Setting, max_tokens: int, seed: int) -> list[str]:
        """Answers in the order of the prompts."""
        ...


class TorchAnswerer:
    """Batched sampling with the training network; rows are padded on the left.

    Args:
        folder: where ``office.npz`` and its two companions are.
        batch: prompts per batch.
    """

    def __init__(self, folder: Path, batch: int = 128) -> None:
        config = json.loads((folder / "office.json").read_text(encoding="utf-8"))
        self.tokenizer = Tokenizer.load(folder / config["tokenizer"])
        known = {name: config["architecture"][name] for name in Shape.__dataclass_fields__}
        self.network = Network(Shape(**known))
        with np.load(folder / "office.npz", allow_pickle=False) as arrays:
            self.network.load_state_dict(
                {n: torch.from_numpy(arrays[n].astype(np.float32)) for n in arrays.files}
            )
        self.batch = batch
        self.tokens_read = self.tokens_written = 0

    def __call__(self, prompts: Sequence[str], setting: Setting, max_tokens: int, seed: int) -> list[str]:
        encoded = [self.tokenizer.encode(prompt) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
        answers = [""] * len(prompts)
        for start in range(0, len(order), self.batch):
            rows = order[start : start + self.batch]
            luck = np.stack([np.random.default_rng((seed, i)).random(max_tokens) for i in rows])
            written = self._write([encoded[i] for i in rows], setting, torch.from_numpy(luck))
            for i, ids in zip(rows, written, strict=True):
                answers[i] = self.tokenizer.decode(ids).strip()
                self.tokens_read += len(encoded[i])
                self.tokens_written += len(ids)
        return answers

    @torch.inference_mode()
    def _write(self, rows: list[list[int]], setting: Setting, luck: torch.Tensor) -> list[list[int]]:
        length = max(map(len, rows))
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, length - len(tokens) :] = torch.tensor(tokens)
        blocked = torch.where(ids == 0, -1e9, 0.0)[:, None, None, :]
        mask = blocked + torch.full((length, length), -1e9).triu(1)
        logits, past = self.network.step(ids, 0, mask, None)
        written: list[list[int]] = [[] for _ in rows]
        live = set(range(len(rows)))
        for place in range(luck.shape[1]):
            chosen = _choose(logits, setting, luck[:, place])
            for row in list(live):
                if int(chosen[row]) == self.tokenizer.eos_id:
                    live.discard(row)
                else:
                    written[row].append(int(chosen[row]))
            if not live or place == luck.shape[1] - 1:
                break
            ids = torch.cat([ids[:, -2:], chosen[:, None]], 1)
            blocked = torch.cat([blocked, torch.zeros(len(rows), 1, 1, 1)], -1)
            logits, past = self.network.step(ids, 2, blocked, past)
        return written


class LocalAnswerer:
    """The engine that ships: the same questions, asked of the embedded model.

    Args:
        folder: where ``office.npz`` and its two companions are.
    """

    def __init__(self, folder: Path) -> None:
        self.client = LocalClient({_NAME: load_folder_model(folder, "office")})

    def __call__(self, prompts: Sequence[str], setting: Setting, max_tokens: int, seed: int) -> list[str]:
        sampling = Sampling(
            temperature=setting.temperature, top_p=setting.top_p, min_p=setting.min_p, max_tokens=max_tokens
        )
        requests = [
            Request(model=_NAME, messages=(Message("user", text),), sampling=sampling, seed=seed << 20 | i)
            for i, text in enumerate(prompts)
        ]
        return asyncio.run(self._ask(requests))

    async def _ask(self, requests: Sequence[Request]) -> list[str]:
        responses = await asyncio.gather(*(self.client.complete(request) for request in requests))
        return [response.text.strip() for response in responses]


def _choose(logits: torch.Tensor, setting: Setting, luck: torch.Tensor) -> torch.Tensor:
    if setting.temperature <= 0:
        return logits.argmax(-1)
    weights = (logits / setting.temperature).double().softmax(-1)
    weights = torch.where(weights >= setting.min_p * weights.amax(-1, keepdim=True), weights, 0.0)
    if setting.top_p < 1:
        ranked, index = (weights / weights.sum(-1, keepdim=True)).sort(-1, descending=True)
        ranked = torch.where(ranked.cumsum(-1) - ranked < setting.top_p, ranked, 0.0)
        weights = torch.zeros_like(weights).scatter_(1, index, ranked)
    reached = weights.cumsum(-1)
    return (reached < (luck * reached[:, -1])[:, None]).sum(-1).clamp_max(logits.shape[1] - 1)


class Sparing:
    """Asks equal questions once, and counts the questions that were asked.

    Args:
        answerer: who answers.
    """

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._known: dict[tuple[str, float, float, float, int], str] = {}
        self.calls = 0

    def __call__(self, prompts: Sequence[str], setting: Setting, max_tokens: int, seed: int) -> list[str]:
        sampling = (setting.temperature, setting.top_p, setting.min_p)
        keys = [(prompt, *sampling, seed) for prompt in prompts]
        fresh = [key for key in dict.fromkeys(keys) if key not in self._known]
        if fresh:
            answers = self._answerer([key[0] for key in fresh], setting, max_tokens, seed)
            self._known.update(zip(fresh, answers, strict=True))
            self.calls += len(fresh)
        return [self._known[key] for key in keys]
