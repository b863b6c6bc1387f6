"""Racing on recorded outcomes, against evaluating everything on the same few examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hyperfunc.optimizers import Given, Problem, Racing, Search, Told
from hyperfunc.spaces import Integer, Space

__all__ = ["fixed_regret", "racing_regret"]


def racing_regret(scores_KNR: NDArray[np.float64], each: int, seed: int) -> float:
    """True score of the best setting less that of the one a race recommends.

    Args:
        scores_KNR: of K settings on N examples, R repeats.
        each: calls per setting that the budget pays.
        seed: of the race and of the luck.
    """
    settings, examples, repeats = scores_KNR.shape
    truth_K = scores_KNR.mean((1, 2))
    lucks = np.random.default_rng([seed, 1]).permutation(repeats)
    space = Space({"setting": Integer(0, settings - 1, default=0)})
    racing = Racing(entrants=settings, fewest=1, repeats=repeats, lanes=each * settings)
    search = Search(Given([{"setting": k} for k in range(settings)]), racing)
    state = search.init(Problem(space, space.default, examples, seed=seed))
    used = 0
    while True:
        ask, state = search.ask(state)
        if ask is None:
            break
        places = [member["setting"] for member in ask.population]
        found_KN = scores_KNR[np.ix_(places, ask.examples)][..., lucks[ask.repeat]]
        used += found_KN.size
        state = search.tell(state, ask, Told(found_KN.mean(1), found_KN))
    if used > each * settings:
        raise AssertionError(f"the race made {used} calls of {each * settings}")
    return float(truth_K.max() - truth_K[search.recommend(state)[0]["setting"]])


def fixed_regret(scores_KNR: NDArray[np.float64], each: int, seed: int) -> float:
    """The same for the best mean on ``each`` random cells that all settings are tried on."""
    _, examples, repeats = scores_KNR.shape
    truth_K = scores_KNR.mean((1, 2))
    rng = np.random.default_rng([seed, 2])
    cells = [(n, r) for r in rng.permutation(repeats) for n in rng.permutation(examples)][:each]
    means_K = np.mean([scores_KNR[:, n, r] for n, r in cells], axis=0)
    best = rng.choice(np.flatnonzero(means_K >= means_K.max() - 1e-12))
    return float(truth_K.max() - truth_K[best])
