"""The fields of a request body: each is honored, known to change nothing, or named as ignored."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Sampling

__all__ = ["Fields", "read_sampling", "settle_neutral"]

SWITCHES: dict[str, tuple[float, tuple[str, ...]]] = {
    "xtc_probability": (0, ("xtc_threshold",)),
    "dry_multiplier": (
        0,
        ("dry_base", "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers"),
    ),
    "mirostat": (0, ("mirostat_tau", "mirostat_eta")),
    "mirostat_mode": (0, ("mirostat_tau", "mirostat_eta")),
    "dynatemp_range": (0, ("dynatemp_exponent",)),
    "smoothing_factor": (0, ("smoothing_curve",)),
    "adaptive_target": (-1, ("adaptive_decay",)),
    "top_a": (0, ()),
    "tfs": (1, ()),
    "tfs_z": (1, ()),
    "best_of": (1, ()),
    "min_keep": (0, ()),
}
"""Samplers this server does not have: the value that turns each off, and what is idle while it is off."""

EMPTY = (
    "logit_bias",
    "grammar",
    "suffix",
    "images",
    "echo",
    "ignore_eos",
    "bypass_eos",
    "use_default_badwordsids",
)
"""What this server does not have, but may be sent empty or off."""

NO_EFFECT = (
    "user",
    "metadata",
    "store",
    "service_tier",
    "genkey",
    "quiet",
    "cache_prompt",
    "timings_per_token",
)
"""What changes no answer anywhere."""

CHAIN = ("penalties", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "temperature")
"""The embedded samplers by llama.cpp's names, in their order."""

ABSENT = frozenset({"dry", "xtc"})
"""Links of llama.cpp's chain that are not here; their switches say whether they were wanted."""

WINDOWS = ("repeat_last_n", "rep_pen_range")
"""How far back penalties look; here they look at the whole text."""


class Fields:
    """A request body, and which of its fields somebody read. ``null`` means not given.

    Args:
        body: what was sent.

    Raises:
        ModelError: it is no JSON object.
    """

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise ModelError(f"the body must be a JSON object, not {_shown(body)}")
        self._body: Mapping[str, Any] = body
        self._settled = {name for name, value in body.items() if value is None}

    def take(self, name: str) -> Any:
        """A field as it was sent, ``None`` if it was not; it counts as read."""
        self._settled.add(name)
        return self._body.get(name)

    def peek(self, name: str) -> Any:
        """A field without reading it."""
        return self._body.get(name)

    def settle(self, *names: str) -> None:
        """Count fields as read."""
        self._settled.update(names)

    def left(self) -> list[str]:
        """Names of the fields that nobody read."""
        return sorted(set(self._body) - self._settled)

    def number(self, name: str) -> float | None:
        """A finite number."""
        value = self.take(name)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not abs(value) <= sys.float_info.max
        ):
            raise ModelError(f"{name} must be a number, not {_shown(value)}")
        return value

    def integer(self, name: str, *, lowest: int | None = None, highest: int | None = None) -> int | None:
        """A whole number within limits."""
        value = self.number(name)
        if value is None:
            return None
        if value != int(value):
            raise ModelError(f"{name} must be a whole number, not {_shown(value)}")
        if (lowest is not None and value < lowest) or (highest is not None and value > highest):
            limits = [f"at least {lowest}"] if lowest is not None else []
            limits += [f"at most {highest}"] if highest is not None else []
            raise ModelError(f"{name} must be {' and '.join(limits)}, not {_shown(value)}")
        return int(value)

    def flag(self, name: str) -> bool:
        """``true`` or ``false``; false when not given."""
        value = self.take(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise ModelError(f"{name} must be true or false, not {_shown(value)}")
        return value

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            raise ModelError(f"{name} must be a text, not {_shown(value)}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A string or a list of strings."""
        value = self.take(name)
        if value is None:
            return ()
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ModelError(f"{name} must be a text or a list of texts, not {_shown(value)}")
        return tuple(items)


def read_sampling(fields: Fields, names: Mapping[str, str], max_tokens: int | None) -> Sampling:
    """The sampler parameters of a request.

    Args:
        fields: the request.
        names: canonical parameters by the field name they have on this route.
        max_tokens: already read.

    Raises:
        ModelError: a value is no number, or two names of one parameter were sent.
    """
    given: dict[str, Any] = {"max_tokens": max_tokens}
    for field, parameter in names.items():
        value = fields.integer(field) if parameter == "top_k" else fields.number(field)
        if value is None:
            continue
        if parameter in given:
            raise ModelError(f"{field} was sent beside another name of {parameter}; send one of them")
        given[parameter] = value
    return Sampling(**given)


def settle_neutral(fields: Fields, sampling: Sampling, context: int) -> None:
    """Count as read whatever asks for nothing that this server would leave out."""
    fields.settle(*NO_EFFECT)
    for name, (off, companions) in SWITCHES.items():
        value = fields.peek(name)
        if value is None or value == off or (off == -1 and isinstance(value, int | float) and value < 0):
            fields.settle(name)
            # Companions of a switch that is on stay unread, and so are reported with it.
            fields.settle(*(c for c in companions if not _on_elsewhere(fields, name, c)))
    fields.settle(*(name for name in EMPTY if not fields.peek(name)))
    links = fields.peek("samplers")
    if isinstance(links, list) and tuple(link for link in links if str(link) not in ABSENT) == CHAIN:
        fields.settle("samplers")
    penalties = (sampling.frequency_penalty, sampling.presence_penalty)
    idle = sampling.repetition_penalty in (None, 1) and not any(penalties)
    for name in WINDOWS:
        value = fields.peek(name)
        if idle or value == -1 or (isinstance(value, int | float) and value >= context):
            fields.settle(name)
    if idle or fields.peek("rep_pen_slope") in (0, 1):
        fields.settle("rep_pen_slope")


def _on_elsewhere(fields: Fields, switch: str, companion: str) -> bool:
    """Whether another switch with this companion is on."""
    others = ((n, off) for n, (off, c) in SWITCHES.items() if companion in c and n != switch)
    return any(fields.peek(name) not in (None, off) for name, off in others)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
