"""Models by name: ``models.yaml`` or ``hyperfunc.yaml`` of the project, then ``models.yaml`` of the user.

::

    models:
      llama-3.1-8b-instruct:
        provider: koboldcpp
        url: http://127.0.0.1:5001
        template: llama3
        gguf: ~/models/llama-3.1-8b-instruct.Q5_K_M.gguf
        limits: {concurrency: 4, context: 8192}
        price: {input: 0, output: 0}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from hyperfunc.errors import ModelError, did_you_mean

from .model_spec import PROVIDERS, ModelSpec, Price
from .secrets import user_folder

__all__ = ["model_files", "price_from", "read_mapping", "read_models", "spec_from_files"]

_LIMITS = ("concurrency", "requests_per_minute", "tokens_per_minute", "context")
_NUMBERS = ("timeout_s", "deadline_s")
_FIELDS = (
    *(field.name for field in fields(ModelSpec) if field.name not in (*_LIMITS, "source")),
    "limits",
)


def model_files() -> list[Path]:
    """Files that name models, the nearest first; only those that exist."""
    here = Path.cwd()
    places = (here / "models.yaml", here / "hyperfunc.yaml", user_folder() / "models.yaml")
    return [path for path in places if path.is_file()]


def spec_from_files(name: str) -> tuple[ModelSpec | None, list[str]]:
    """The model of this name, and all names that the files have.

    Raises:
        ModelError: a file cannot be read.
    """
    known: list[str] = []
    for path in model_files():
        found = read_models(path)
        if name in found:
            return found[name], known
        known += found
    return None, known


def read_models(path: Path) -> dict[str, ModelSpec]:
    """The models of a file.

    Raises:
        ModelError: it is no YAML, or an entry has something that does not exist or is missing.
    """
    whole = read_mapping(path)
    for name in whole:
        # hyperfunc.yaml may hold further sections; models.yaml is about models alone.
        if name != "models" and path.name == "models.yaml":
            hint = did_you_mean(str(name), ["models"]) or ";"
            raise ModelError(f"{path} has {name!r}{hint} its entries stand under 'models:'")
    entries = _mapping(whole.get("models") or {}, f"{path}: models")
    return {str(name): _spec(entry, f"{path}: {name}", str(path)) for name, entry in entries.items()}


def read_mapping(path: Path) -> Mapping[Any, Any]:
    """What a YAML or JSON file says, by name; empty when it says nothing.

    Raises:
        ModelError: it is neither, or a list.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return {} if content is None else _mapping(content, str(path))


_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Refuses a name that stands twice; YAML would keep the last one without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping with each name once."""
        names = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != _MERGE]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _spec(entry: Any, where: str, source: str) -> ModelSpec:
    given = dict(_mapping(entry, where))
    _check_names(given, _FIELDS, where)
    provider = given.get("provider")
    if not isinstance(provider, str) or provider not in PROVIDERS:
        hint = did_you_mean(str(provider), PROVIDERS) if provider else ""
        raise ModelError(f"{where} needs a provider{hint or ':'} one of {', '.join(PROVIDERS)}")
    limits = dict(_mapping(given.pop("limits", None) or {}, f"{where}: limits"))
    _check_names(limits, _LIMITS, f"{where}: limits")
    for name in limits:
        _positive(limits, name, f"{where}: limits", whole=name in ("concurrency", "context"))
    for name in _NUMBERS:
        if name in given:
            _positive(given, name, where)
    for name in ("model", "url", "api", "template", "gguf", "key"):
        if not isinstance(given.get(name, ""), str):
            raise ModelError(f"{where}: {name} is {given[name]!r}; write a text")
    if "price" in given:
        given["price"] = price_from(given["price"], f"{where}: price")
    given["extra"] = dict(_mapping(given.get("extra") or {}, f"{where}: extra"))
    spec = ModelSpec(**given, **limits, source=source)
    _check_fit(spec, where)
    return spec


def _check_fit(spec: ModelSpec, where: str) -> None:
    kind = PROVIDERS[spec.provider]
    if kind.url is None and not spec.url and spec.provider != "litellm":
        raise ModelError(f"{where} needs a url, such as http://127.0.0.1:8080")
    if kind.names_model and not spec.model:
        raise ModelError(f"{where} needs a model: the server's name of it")
    if spec.api and spec.api not in kind.apis:
        raise ModelError(f"{where}: {spec.provider} has no api {spec.api!r}; it has {', '.join(kind.apis)}")


def price_from(value: Any, where: str) -> Price:
    """A price from ``{input: ..., output: ...}``.

    Raises:
        ModelError: it is none; the message says ``where``.
    """
    given = _mapping(value, where)
    _check_names(given, ("input", "output"), where)
    numbers: list[float] = []
    for name in ("input", "output"):
        number = given.get(name)
        if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number < float("inf"):
            raise ModelError(f"{where}: {name} is {number!r}; give US dollars for a million tokens")
        numbers.append(float(number))
    return Price(input=numbers[0], output=numbers[1])


def _positive(given: Mapping[str, Any], name: str, where: str, *, whole: bool = False) -> None:
    value = given[name]
    number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not number or not 0 < value < float("inf"):
        raise ModelError(f"{where}: {name} is {value!r}; give a {'whole ' if whole else ''}number above 0")


def _check_names(given: Mapping[Any, Any], known: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in known:
            hint = did_you_mean(str(name), known) or ";"
            raise ModelError(f"{where} has {name!r}, which is not known{hint} it may have {', '.join(known)}")


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ModelError(f"{where} is {value!r:.60}; write names with values")
    return value
