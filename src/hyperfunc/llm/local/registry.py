"""The models that come with the package, loaded on first use."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hyperfunc.errors import ModelError, UnknownModel, did_you_mean
from hyperfunc.llm.client import Message
from hyperfunc.llm.local.tokenizer import Tokenizer
from hyperfunc.llm.local.transformer import Architecture, Transformer

__all__ = ["LocalModel", "Template", "load_folder_model", "local_model", "local_model_names"]

WEIGHTS = Path(__file__).parent / "weights"
_PREFIX = "local/"
_LOADED: dict[str, LocalModel] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Template:
    """How messages become the text that the model continues. Roles play no part.

    Args:
        join: stands between the contents of two messages.
        suffix: follows the last message.
        bos: whether a begin token comes first.
        answer_prefix: text that opens every answer of the model and is not part of it.
    """

    join: str = "\n"
    suffix: str = ""
    bos: bool = False
    answer_prefix: str = ""

    def text(self, messages: tuple[Message, ...]) -> str:
        """The prompt."""
        return self.join.join(message.content for message in messages) + self.suffix


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalModel:
    """A model with everything that is needed to answer requests.

    ``fingerprint`` is a hash of weights, tokenizer and configuration; ``stop`` ends every completion.
    """

    name: str
    transformer: Transformer
    tokenizer: Tokenizer
    template: Template
    stop: tuple[str, ...]
    fingerprint: str

    def encode(self, messages: tuple[Message, ...]) -> tuple[int, ...]:
        """Prompt tokens of a conversation."""
        ids = self.tokenizer.encode(self.template.text(messages))
        return (self.tokenizer.bos_id, *ids) if self.template.bos else tuple(ids)

    def answer(self, text: str) -> str:
        """A completion without the template's opening."""
        return text.removeprefix(self.template.answer_prefix)


def local_model_names() -> list[str]:
    """Names of the models in the package, such as ``local/prose``."""
    return sorted(_PREFIX + path.stem for path in WEIGHTS.glob("*.npz"))


def local_model(name: str) -> LocalModel:
    """A model of the package by name; loaded once.

    Raises:
        UnknownModel: there is no such model.
    """
    known = local_model_names()
    if name not in known:
        raise UnknownModel(f"no local model {name!r}; there are {known}{did_you_mean(name, known)}")
    with _LOCK:
        if name not in _LOADED:
            _LOADED[name] = load_folder_model(WEIGHTS, name.removeprefix(_PREFIX))
        return _LOADED[name]


def load_folder_model(folder: Path, stem: str) -> LocalModel:
    """Read ``<stem>.json`` and the weight and tokenizer files it names.

    Raises:
        ModelError: a file is missing or does not fit the others.
    """
    paths = [folder / f"{stem}{ending}" for ending in (".json", ".npz", ".tokenizer.json")]
    try:
        contents = [path.read_bytes() for path in paths]
        config = json.loads(contents[0])
        architecture = Architecture.from_json(config["architecture"])
        tokenizer = Tokenizer.load(paths[2])
        with np.load(paths[1], allow_pickle=False) as arrays:
            transformer = Transformer(architecture, dict(arrays))
    except (OSError, KeyError) as error:
        raise ModelError(f"model {stem!r} in {folder} cannot be read: {error!r}") from error
    if tokenizer.vocab_size != architecture.vocab:
        raise ModelError(
            f"model {stem!r} has {tokenizer.vocab_size} tokens in its tokenizer file and "
            f"{architecture.vocab} in its weights; the files do not belong together"
        )
    return LocalModel(
        name=_PREFIX + stem,
        transformer=transformer,
        tokenizer=tokenizer,
        template=_template(config),
        stop=tuple(config.get("stop", ())),
        fingerprint=hashlib.blake2b(b"\0".join(contents), digest_size=8).hexdigest(),
    )


def _template(config: Mapping[str, object]) -> Template:
    values = config.get("template", {})
    if not isinstance(values, dict):
        raise ModelError(f"'template' must be an object, not {values!r}")
    return Template(**values, answer_prefix=str(config.get("answer_prefix", "")))
