"""The families of samplers: which parameters each has, where they are looked for, and what is neutral."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hyperfunc.errors import SpaceError, did_you_mean
from hyperfunc.llm.client import Sampling
from hyperfunc.llm.providers.parameters import NEUTRAL

__all__ = ["FAMILIES", "Family", "Range", "Setting", "Span", "WHOLE", "family_named", "neutral_setting"]

WHOLE = ("top_k", "dry_allowed_length")
"""Parameters that are whole numbers."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range that is searched continuously.

    Args:
        low, high: both ends belong to it.
        log: whether equal factors matter equally; needs a positive low end.
        points: how many values a grid takes of it, at least 1.
    """

    low: float
    high: float
    log: bool = False
    points: int = 5


Range = Span | tuple[float, ...]
"""Where a parameter is looked for: anywhere in a span, or among values."""


@dataclass(frozen=True, slots=True)
class Family:
    """A sampler with its parameters.

    Args:
        name: as ``--samplers`` takes it.
        about: what it does, in a few words.
        ranges: where each parameter is looked for unless the configuration says otherwise.
    """

    name: str
    about: str
    ranges: Mapping[str, Range]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Canonical names, the temperature first."""
        return tuple(self.ranges)


_TEMPERATURE = Span(0.3, 2.0)


def _family(name: str, about: str, **ranges: Range) -> Family:
    return Family(name, about, MappingProxyType({"temperature": _TEMPERATURE, **ranges}))


FAMILIES: Mapping[str, Family] = MappingProxyType({
    family.name: family
    for family in (
        _family("min_p", "keeps tokens near the likeliest", min_p=Span(0.005, 0.3, log=True)),
        _family("top_p", "keeps the likeliest tokens up to a mass", top_p=Span(0.5, 0.99)),
        _family("top_k", "keeps a number of likely tokens", top_k=Span(2, 200, log=True)),
        _family(
            "top_n_sigma", "keeps tokens near the top logit, in its standard deviations",
            top_n_sigma=Span(0.5, 2.5),
        ),
        _family("typical_p", "keeps tokens of typical surprise", typical_p=Span(0.2, 0.98)),
        _family(
            "xtc", "sometimes leaves out the likeliest tokens",
            xtc_probability=Span(0.05, 0.8), xtc_threshold=Span(0.02, 0.3, log=True),
        ),
        _family(
            "dry", "holds back what would go on with a repetition",
            dry_multiplier=Span(0.1, 2.0, log=True), dry_base=Span(1.2, 2.5), dry_allowed_length=(1, 2, 3, 4),
        ),
        _family(
            "penalties", "holds back tokens that were there before",
            repetition_penalty=Span(1.0, 1.5), presence_penalty=Span(0.0, 1.0),
        ),
    )
})  # fmt: skip
"""Families by name."""


def family_named(name: str) -> Family:
    """A family by its name.

    Raises:
        SpaceError: there is none.
    """
    if name not in FAMILIES:
        hint = did_you_mean(name, FAMILIES) or ";"
        raise SpaceError(f"there is no sampler {name!r}{hint} the samplers are {', '.join(FAMILIES)}")
    return FAMILIES[name]


@dataclass(frozen=True, slots=True)
class Setting:
    """One configuration of a sampler.

    Args:
        sampler: name of its family; ``none`` for the model's own distribution.
        parameters: values of the family's parameters by canonical name.

    Example::

        Setting("min_p", {"temperature": 1.5, "min_p": 0.05}).effective()["top_k"]      # 0: off
    """

    sampler: str
    parameters: Mapping[str, float]

    def effective(self) -> dict[str, float]:
        """Every parameter that is sent: the family's own, and the neutral value of each other one."""
        return {**NEUTRAL, **self.parameters}

    def sampling(self, max_tokens: int | None = None) -> Sampling:
        """What a request carries."""
        values = {name: int(v) if name in WHOLE else float(v) for name, v in self.effective().items()}
        return Sampling(**values, max_tokens=max_tokens)  # type: ignore[arg-type]

    def words(self) -> str:
        """Such as ``min_p 0.05, temperature 1.5``."""
        return ", ".join(f"{name} {value:.3g}" for name, value in self.parameters.items())


def neutral_setting() -> Setting:
    """The model's own distribution at temperature 1."""
    return Setting("none", {"temperature": 1.0})
