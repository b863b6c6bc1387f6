"""Mean scores of settings with the difficulty of their prompts taken out, and how noisy they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .records import Setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Means", "adjusted"]


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """What the texts say about each setting.

    Args:
        mean_S: scores on the prompts of all settings; plain means where prompts are not known.
        variance_S: of these means, or ``None`` when no setting has two texts.
        text: variance of one text's score around its setting, with its degrees of freedom.
        by_prompt: whether the difficulty of prompts was taken out.
    """

    mean_S: NDArray[np.float64]
    variance_S: NDArray[np.float64] | None
    text: tuple[float, int]
    by_prompt: bool


def adjusted(settings: Sequence[Setting]) -> Means:
    """Means of settings that need not have been tried on the same prompts.

    With known prompts, scores are the sum of a setting and a prompt by least squares; the variance of a
    mean comes from how settings and prompts interact, so that repeats of one prompt count as what they
    are. Without, plain means with the spread inside of settings.

    Args:
        settings: with their texts.

    Example::

        adjusted(search.settings).mean_S

    Source: Searle, "Linear Models" (1971), chapter 7: the two-way classification without interaction.
    """
    rows = [(s, t.prompt, t.score) for s, setting in enumerate(settings) for t in setting.texts]
    setting_N = np.array([row[0] for row in rows])
    score_N = np.array([row[2] for row in rows])
    names = sorted({row[1] for row in rows})
    plain = _plain(setting_N, score_N, len(settings))
    if "" in names or len(names) < 2:
        return plain
    places = {name: place for place, name in enumerate(names)}
    prompt_N = np.array([places[row[1]] for row in rows])
    return _by_prompt(setting_N, prompt_N, score_N, len(settings), len(names), plain) or plain


def _plain(setting_N: NDArray[np.intp], score_N: NDArray[np.float64], count: int) -> Means:
    sizes_S = np.bincount(setting_N, minlength=count)
    mean_S = np.bincount(setting_N, score_N, minlength=count) / sizes_S
    freedom = len(score_N) - count
    if freedom < 1:
        return Means(mean_S, None, (0.0, 0), False)
    variance = float(np.sum((score_N - mean_S[setting_N]) ** 2)) / freedom
    return Means(mean_S, variance / sizes_S, (variance, freedom), False)


def _by_prompt(
    setting_N: NDArray[np.intp],
    prompt_N: NDArray[np.intp],
    score_N: NDArray[np.float64],
    settings: int,
    prompts: int,
    plain: Means,
) -> Means | None:
    """``None`` where settings are not linked by common prompts, or too few are to tell the noise."""
    cell_N = setting_N * prompts + prompt_N
    cells_C, cell_N = np.unique(cell_N, return_inverse=True)
    cell_N = cell_N.ravel()
    mean_C = np.bincount(cell_N, score_N) / np.bincount(cell_N)
    setting_C, prompt_C = cells_C // prompts, cells_C % prompts
    design_SP = np.zeros((settings, prompts))
    design_SP[setting_C, prompt_C] = 1.0
    sums_S = np.bincount(setting_C, mean_C, minlength=settings)
    sums_P = np.bincount(prompt_C, mean_C, minlength=prompts)
    normal = np.block([[np.diag(design_SP.sum(1)), design_SP], [design_SP.T, np.diag(design_SP.sum(0))]])
    freedom = len(cells_C) - settings - prompts + 1
    if freedom < 3 or np.linalg.matrix_rank(normal, tol=1e-8 * len(normal)) < settings + prompts - 1:
        return None
    solved = np.linalg.lstsq(normal, np.concatenate([sums_S, sums_P]), rcond=None)[0]
    effect_S, effect_P = solved[:settings], solved[settings:]
    left_C = mean_C - effect_S[setting_C] - effect_P[prompt_C]
    variance = float(np.sum(left_C**2)) / freedom
    return Means(effect_S + effect_P.mean(), variance / design_SP.sum(1), plain.text, True)
