"""What result files of sampler searches hold, as records."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hyperfunc.types import JSON

__all__ = ["Retest", "Search", "Setting", "Text"]


class Text(NamedTuple):
    """The score of one text.

    Args:
        prompt: what it answers; ``""`` where the file does not say.
        seed: what it was drawn with; ``""`` where the file does not say.
        score: higher is better, on the scale of its judge.
    """

    prompt: str
    seed: str
    score: float


@dataclass(frozen=True, slots=True)
class Setting:
    """One configuration with all texts that were judged under it.

    Args:
        family: the sampler, such as ``min_p``.
        parameters: canonical names to values.
        texts: in a fixed order, whatever the order in the files; at least one.
        entries: how many entries of the files were pooled.
        seconds: what its evaluation took.
        p_best: the chance to be the best as the file has it.
        effective: the parameters that the server said it used.
    """

    family: str
    parameters: Mapping[str, JSON]
    texts: tuple[Text, ...]
    entries: int = 1
    seconds: float = 0.0
    p_best: float | None = None
    effective: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """The mean score of its texts."""
        return statistics.fmean(text.score for text in self.texts)

    @property
    def deviation(self) -> float:
        """The standard deviation of its texts; 0 for a single one."""
        scores = [text.score for text in self.texts]
        return statistics.stdev(scores) if len(scores) > 1 else 0.0

    def numbers(self) -> dict[str, float]:
        """The parameters that are numbers."""
        return {
            name: float(value)
            for name, value in self.parameters.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }


@dataclass(frozen=True, slots=True)
class Retest:
    """What the search measured on held-out prompts with fresh seeds.

    Args:
        family, parameters: the setting that was tested again.
        mean: its score then.
        interval: low and high of it, or ``None``.
        runner_up: parameters of the setting it was compared with, or ``None``.
        difference: winner minus runner-up, or ``None``.
        difference_interval: low and high of it, or ``None``.
        p: of the difference, adjusted for the comparisons made, or ``None``.
        neutral: score of temperature 1 with nothing cut off, or ``None``.
        gain: winner minus that, or ``None``.
        gain_p: of the gain, adjusted likewise, or ``None``.
    """

    family: str
    parameters: Mapping[str, JSON]
    mean: float
    interval: tuple[float, float] | None = None
    runner_up: Mapping[str, JSON] | None = None
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None
    p: float | None = None
    neutral: float | None = None
    gain: float | None = None
    gain_p: float | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """One search, or several pooled.

    Args:
        settings: every configuration once, in a fixed order.
        metadata: of the file; of several files what they agree on.
        sources: names of the files.
        retest: of the winner, when a single file has it.
        recommended: what the search itself said of its winner, or ``None``.
        why: the reason it gave.
        warnings: what a reader has to know before trusting the numbers.
    """

    settings: tuple[Setting, ...]
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    retest: Retest | None = None
    recommended: JSON = None
    why: str = ""
    warnings: tuple[str, ...] = ()

    def about(self, name: str) -> str:
        """A field of the metadata as text, or an empty string."""
        value = self.metadata.get(name)
        return "" if value is None else str(value)
