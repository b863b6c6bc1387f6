"""What a text is worth: the automatic measure of a set of texts, or a judge's mark of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperfunc.apps.demo.prose_metric import prose_metric, prose_quality, words_of
from hyperfunc.evaluation.judges import CreativeWritingJudge
from hyperfunc.types import Cell, ScoreResult

__all__ = ["AUTOMATIC", "SCALE", "BlindJudge", "described", "metric_for", "text_scores"]

SCALE = 10.0
"""Scores go from 0 to this in result files."""

AUTOMATIC = "automatic text measures (language of the King James Bible)"


@dataclass(frozen=True, slots=True)
class BlindJudge:
    """Marks one text for its prompt; knows nothing of the setting that made it.

    Args:
        model: that judges.
        seed: of the judge's own draw.
    """

    model: str
    seed: int = 0

    async def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """The weighted mean of a creative writing rubric, in [0, 1]."""
        judge = CreativeWritingJudge(self.model, include_expected=False, seed=self.seed)
        return await judge.score(output, expected, {"prompt": inputs["text"]})


def metric_for(judge: str | None, seed: int) -> Any:
    """The metric of a search: over sets of texts without a judge, of single texts with one."""
    return prose_quality if judge is None else BlindJudge(judge, seed)


def text_scores(cells: Sequence[Cell], judge: str | None) -> list[float | None]:
    """A score of each text on the scale of 0 to :data:`SCALE`; ``None`` where there is no text or no mark.

    A measure of a whole set gives each text what it does for the set: the jackknife's pseudo-values, moved
    so that their mean is the score of the set. Differences between texts and prompts then say how sure the
    score of the set is, as they do for marks.

    Source: Efron and Tibshirani, "An introduction to the bootstrap" (1993), section 11.5.
    """
    if judge is not None:
        return [None if cell.score is None else SCALE * cell.score for cell in cells]
    texts = [cell.prediction if isinstance(cell.prediction, str) else None for cell in cells]
    known = [text for text in texts if text is not None]
    if not known:
        return [None] * len(texts)
    metric = prose_metric()
    whole = metric.measure(known).score
    without = np.array(metric.scores_without_each(known)) if len(known) > 1 else np.array([whole])
    worth = iter((SCALE * (whole + (len(known) - 1) * (without.mean() - without))).tolist())
    return [None if text is None else next(worth) for text in texts]


def described(texts: Sequence[str]) -> dict[str, float]:
    """The measures of a set of texts one by one, each in [0, 1] but the length.

    Args:
        texts: of one setting.

    Returns:
        ``fluency`` (share of word pairs that the language model knows), ``diversity`` (different word
        triples over all texts), ``repetition`` (share of triples that stood in the same text before),
        ``spelling``, ``humanity`` (as predictable as people's words), ``length`` (words of a text).
    """
    parts = prose_metric().measure(texts)
    words = [words_of(text) for text in texts]
    triples = [list(zip(w, w[1:], w[2:], strict=False)) for w in words]
    again = sum(sum(n - 1 for n in Counter(each).values()) for each in triples)
    total = sum(len(each) for each in triples)
    return {
        "fluency": parts.fluency,
        "diversity": parts.diversity,
        "repetition": again / total if total else 0.0,
        "spelling": parts.spelling,
        "humanity": parts.humanity,
        "length": sum(len(w) for w in words) / max(1, len(texts)),
    }
