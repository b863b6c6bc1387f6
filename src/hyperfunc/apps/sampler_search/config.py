"""What a search is asked to do: settings from a file, a section of it and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from hyperfunc.errors import SpaceError
from hyperfunc.types import JSON

from .families import Range, Span, family_named

__all__ = ["KEYS", "STRATEGIES", "SearchConfig", "as_json", "from_json"]

STRATEGIES = ("auto", "grid", "random", "bayesian")
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    """A search, completely.

    Args:
        model: ``local/prose``, a name of ``models.yaml``, a path to a GGUF file, a server's address, or a
            name such as ``koboldcpp/http://127.0.0.1:5001``.
        judge: model that judges the texts; ``None`` for the automatic text measures.
        search_strategy: ``auto``, ``grid``, ``random`` or ``bayesian``.
        n_iterations: settings to try, at least 2; ``None`` for all points of a grid, else 30.
        samples_per_config: texts for each prompt and setting, at least 1.
        max_length: longest text in tokens, at least 1.
        seed: fixes every random choice; at least 0.
        sampler_types: families that are searched; empty for all that the server honors.
        parameter_ranges: by family and parameter, where they are looked for.
        test_prompts: what is written on in the search; empty for those that fit the model.
        retest_prompts: what winner and runner-up are tested on again; empty for those that fit the model.
        retest_samples: texts for each of these and each setting; ``None`` for as many as in the search.
        parallel_workers: requests in flight at most.
        output_dir: folder of the results.
    """

    model: str = "local/prose"
    judge: str | None = None
    search_strategy: str = "auto"
    n_iterations: int | None = None
    samples_per_config: int = 3
    max_length: int = 48
    seed: int = 0
    sampler_types: tuple[str, ...] = ()
    parameter_ranges: Mapping[str, Mapping[str, Range]] = field(default_factory=dict)
    test_prompts: tuple[str, ...] = ()
    retest_prompts: tuple[str, ...] = ()
    retest_samples: int | None = None
    parallel_workers: int = 64
    output_dir: str = "results"

    @property
    def chosen(self) -> bool:
        """Whether somebody chose the families, so that none may be left out."""
        return bool(self.sampler_types)

    def ranges(self, family: str) -> dict[str, Range]:
        """Where the parameters of a family are looked for."""
        own = self.parameter_ranges.get(family, {})
        return {name: own.get(name, known) for name, known in family_named(family).ranges.items()}

    def changed(self, **given: Any) -> SearchConfig:
        """The same with what is not ``None`` of the given."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def check(self) -> SearchConfig:
        """The same, if it is in order.

        Raises:
            SpaceError: something is out of its range.
        """
        low = {
            "samples_per_config": 1, "max_length": 1, "seed": 0, "n_iterations": 2, "retest_samples": 1,
            "parallel_workers": 1,
        }  # fmt: skip
        for name, least in low.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise SpaceError(f"{name} is {value}; give at least {least}")
        for name in (*self.sampler_types, *self.parameter_ranges):
            family_named(name)
        return self


KEYS = tuple(item.name for item in fields(SearchConfig))
"""Keys of a configuration file."""


def as_json(config: SearchConfig) -> dict[str, JSON]:
    """A configuration as JSON, for the ledger."""
    row = asdict(config)
    row["parameter_ranges"] = {
        family: {name: asdict(r) if isinstance(r, Span) else list(r) for name, r in ranges.items()}
        for family, ranges in config.parameter_ranges.items()
    }
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}


def from_json(row: Mapping[str, Any]) -> SearchConfig:
    """The inverse of :func:`as_json`."""
    ranges = {
        family: {n: Span(**r) if isinstance(r, dict) else tuple(r) for n, r in named.items()}
        for family, named in row["parameter_ranges"].items()
    }
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    return SearchConfig(**{**given, "parameter_ranges": ranges})
