"""The Gaussian process and the search by it: exact where formulas are known, better than luck, repeatable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import Bayesian, Fixed, Hyperband, Problem, Proposer, Random, Search, State, Told
from hyperfunc.optimizers.archive import Archive
from hyperfunc.optimizers.bayes.acquisition import log_expected_improvement, log_worth
from hyperfunc.optimizers.bayes.ascent import minimise
from hyperfunc.optimizers.bayes.encoding import Encoding
from hyperfunc.optimizers.bayes.kernel import Kernel, squared_distances
from hyperfunc.optimizers.bayes.process import Posterior, Prior, fit
from hyperfunc.optimizers.bayes.rows import rows_of
from hyperfunc.optimizers.bayes.surrogate import Surrogate
from hyperfunc.spaces import Candidate, Choice, Integer, Matrix, Real, Space, Text, When


def mixed() -> Space:
    return Space(
        {
            "x": Real(0.01, 100, scale="log"),
            "n": Integer(0, 20),
            "c": Choice(("a", "b", "c")),
            "y": Real(-1, 1, when=When("c", ("a", "b"))),
        }
    )


def numbers(dim: int) -> Space:
    return Space({f"x{place}": Real(0, 1) for place in range(dim)})


# The process


def kernel_and_columns(seed: int, rows: int) -> tuple[Kernel, np.ndarray, np.ndarray]:
    space = mixed()
    encoding = Encoding.of(space)
    kernel = Kernel.of(encoding)
    rng = np.random.default_rng(seed)
    columns = encoding.columns(encoding.settled(rng.random((rows, space.unit_dim))))
    theta = rng.normal(0, 0.7, space.unit_dim + kernel.variances)
    return kernel, columns, theta


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_covariances_are_symmetric_and_positive_and_slopes_are_right(seed: int) -> None:
    kernel, columns, theta = kernel_and_columns(seed, 9)
    cov = kernel.between(theta, columns, columns)
    squares = squared_distances(columns, kernel.owners_F)
    again, slopes = kernel.with_slopes(theta, squares)
    assert np.allclose(cov, again, atol=1e-6)
    assert np.allclose(np.diag(cov), kernel.variance(theta), atol=1e-6)
    assert np.linalg.eigvalsh(again).min() > -1e-8 * kernel.variance(theta)
    for place in range(len(theta)):
        step = np.zeros(len(theta))
        step[place] = 1e-5
        above, below = (kernel.with_slopes(theta + sign * step, squares)[0] for sign in (1, -1))
        assert np.allclose((above - below) / 2e-5, slopes[place], atol=1e-5)


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_posterior_is_the_textbooks(seed: int) -> None:
    kernel, columns, theta = kernel_and_columns(seed, 12)
    rng = np.random.default_rng(seed)
    values, noise = rng.normal(size=8), rng.uniform(0.05, 0.5, 8)
    seen, new = columns[:8], columns[8:]
    found = Posterior.given(kernel, theta, seen, values, noise, level=0.3)
    means, sds = found.at(new)
    solve = np.linalg.inv(kernel.between(theta, seen, seen) + np.diag(noise))
    cross = kernel.between(theta, seen, new)
    assert np.allclose(means, 0.3 + cross.T @ solve @ (values - 0.3), atol=1e-4)
    expected = kernel.variance(theta) - np.einsum("nm,nk,km->m", cross, solve, cross)
    assert np.allclose(sds**2, expected, atol=1e-4)
    believing = found.believing(new[:2])
    later, narrower = believing.at(new)
    assert np.allclose(later, means, atol=1e-3)
    assert (narrower <= sds + 1e-6).all()
    assert (narrower[:2] < 0.05 * sds[:2] + 1e-2).all()


def test_the_noise_is_no_part_of_the_kernel() -> None:
    kernel, columns, theta = kernel_and_columns(1, 5)
    beside = np.append(theta, -9.0)
    assert np.array_equal(kernel.between(theta, columns, columns), kernel.between(beside, columns, columns))
    assert kernel.variance(theta) == kernel.variance(beside)


def test_more_examples_make_a_row_count_more() -> None:
    space = numbers(1)
    encoding = Encoding.of(space)
    kernel = Kernel.of(encoding)
    columns = encoding.columns(np.array([[0.5], [0.5]]))
    theta = np.array([0.0, 0.0])
    found = Posterior.given(kernel, theta, columns, np.array([1.0, -1.0]), 0.5 / np.array([30.0, 3.0]))
    assert found.at(columns)[0][0] > 0.5


def test_length_scales_and_noise_are_learnt() -> None:
    """A knob that does nothing gets a long length scale, and the noise comes out as it was put in."""
    space, rng = numbers(2), np.random.default_rng(0)
    encoding = Encoding.of(space)
    units = rng.random((120, 2))
    counts = rng.integers(2, 30, 120).astype(float)
    truth = np.sin(6 * units[:, 0])
    values = truth + rng.normal(size=120) * 0.8 / np.sqrt(counts)
    kernel = Kernel.of(encoding)
    prior = Prior.of(kernel, 2, float("nan"), 0, 10.0)
    found = fit(kernel, prior, encoding.columns(units), values, counts)
    assert found.theta_P[1] > found.theta_P[0] + 0.7
    assert 0.55 < math.exp(0.5 * found.theta_P[-1]) < 1.1
    means, _ = found.at(encoding.columns(units))
    assert np.sqrt(np.mean((means - truth) ** 2)) < 0.5 * np.sqrt(np.mean((values - truth) ** 2))


def test_the_optimiser_finds_the_bottom_of_a_curved_valley() -> None:
    def rosenbrock(p: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = 1 - p[0], p[1] - p[0] ** 2
        return float(a * a + 100 * b * b), np.array([-2 * a - 400 * b * p[0], 200 * b])

    point, value = minimise(rosenbrock, np.array([-1.2, 1.0]), steps=200, tolerance=1e-14)
    assert np.allclose(point, 1.0, atol=1e-3)
    assert value < 1e-6


def test_log_expected_improvement_is_exact_where_it_would_vanish() -> None:
    def exact(z: float) -> float:
        # The integral of t * phi(t - z) over t > 0, as the exponential of a maximum times a sum.
        grid = np.linspace(1e-9, 40.0, 2_000_001)
        logs = np.log(grid) - 0.5 * (grid - z) ** 2 - 0.5 * math.log(2 * math.pi)
        top = logs.max()
        return float(top + np.log(np.trapezoid(np.exp(logs - top), grid)))

    for z in (-30.0, -12.0, -8.5, -7.5, -3.0, -1.0, 0.0, 2.0, 6.0):
        found = log_expected_improvement(np.array([z]), np.array([1.0]), 0.0)[0]
        assert found == pytest.approx(exact(z), abs=2e-4 * max(1.0, abs(z)))
    many = np.linspace(-40, 10, 2001)
    assert (np.diff(log_expected_improvement(many, np.ones_like(many), 0.0)) > 0).all()


def test_noise_makes_what_is_known_well_worth_less() -> None:
    means, sds = np.zeros(2), np.array([0.01, 1.0])
    plain = log_expected_improvement(means, sds, 0.0)
    assert np.allclose(log_worth(means, sds, 0.0, 1e-7), plain, atol=1e-3)
    noisy = log_worth(means, sds, 0.0, 0.5)
    assert noisy[0] < plain[0] - 5
    assert noisy[1] == pytest.approx(plain[1] + math.log(1 - 0.5 / math.sqrt(1.25)))


# Rows


def archived(space: Space, scores: np.ndarray) -> Archive:
    members = [space.candidate({"x0": place / len(scores)}) for place in range(len(scores))]
    return Archive().add(members, [((n,), 0) for n in range(scores.shape[1])], scores)


def test_hard_examples_do_not_count_against_those_that_met_them() -> None:
    rng = np.random.default_rng(1)
    worth, ease = np.linspace(0, 1, 20), rng.normal(0, 1.0, 40)
    scores = worth[:, None] + ease + rng.normal(0, 0.1, (20, 40))
    order = np.argsort(ease)
    scores[:5, order[:20]] = np.nan  # the worst met easy examples only
    scores[15:, order[20:]] = np.nan
    rows = rows_of(archived(numbers(1), scores))
    assert np.corrcoef(rows.means_R, worth)[0, 1] > 0.97
    assert 0.08 < math.sqrt(rows.noise) < 0.14
    assert np.corrcoef(np.nanmean(scores, axis=1), worth)[0, 1] < 0.5


def test_equal_candidates_that_are_asked_again_pool_their_cells() -> None:
    space = numbers(1)
    one, other = space.candidate({"x0": 0.2}), space.candidate({"x0": 0.2}, parents=("somebody",))
    archive = Archive().add([one], [((0,), 0), ((1,), 0)], np.array([[0.0, 0.2]]))
    archive = archive.add([other], [((0,), 1), ((1,), 1)], np.array([[0.4, 0.6]]))
    rows = rows_of(archive)
    assert len(rows) == 1
    assert rows.counts_R.tolist() == [4.0]
    assert rows.means_R.tolist() == pytest.approx([0.3])


def test_a_second_look_at_the_luckiest_is_no_harder_example() -> None:
    space, rng = numbers(1), np.random.default_rng(2)
    members = [space.candidate({"x0": place / 200}) for place in range(200)]
    first = rng.normal(0, 0.1, 200)  # all are worth the same
    archive = Archive().add(members, [((0, 1), 0)], first[:, None])
    lucky = np.argsort(-first)[:20]
    archive = archive.add([members[k] for k in lucky], [((0, 1), 1)], rng.normal(0, 0.1, (20, 1)))
    rows = rows_of(archive)
    assert rows.freedom == 20
    # Half of what luck gave them is taken back; an effect of the repeat would have given it to them again.
    assert rows.means_R[lucky].mean() < 0.6 * first[lucky].mean()
    assert rows.counts_R[lucky].tolist() == [4.0] * 20


def test_one_block_tells_nothing_about_noise() -> None:
    rows = rows_of(archived(numbers(1), np.array([[0.1], [0.5], [0.3]])))
    assert rows.freedom == 0
    assert math.isnan(rows.noise)
    assert rows_of(Archive()).means_R.tolist() == []


# The search

Value = Callable[[Candidate], float]


def searched(
    proposer: Proposer,
    space: Space,
    value: Value,
    *,
    seed: int,
    noise: float,
    lanes: int,
    examples: int = 5,
    stop: int = 10**6,
) -> tuple[Search, State, list[Candidate]]:
    search = Search(proposer, Fixed(batch=4))
    state = search.init(Problem(space, space.default, examples, seed=seed, lanes=lanes))
    asked: list[Candidate] = []
    while len(asked) * examples < lanes and len(asked) < stop:
        ask, state = search.ask(state)
        if ask is None:
            break
        asked += ask.population
        state = search.tell(state, ask, answered(ask.population, ask.examples, value, noise, seed))
    return search, state, asked


def answered(population: object, examples: tuple[int, ...], value: Value, noise: float, seed: int) -> Told:
    scores = [
        [
            value(member)
            + 0.2 * (n % 3)
            + noise * np.random.default_rng([int(member.id, 16), n, seed]).normal()
            for n in examples
        ]
        for member in population  # type: ignore[attr-defined]
    ]
    return Told(np.mean(scores, axis=1), np.array(scores))


def ridge(candidate: Candidate) -> float:
    x, y = candidate["x0"], candidate["x1"]
    return math.exp(-((x - 0.3) ** 2 + (y - x - 0.4) ** 2) / 0.02)


def families(candidate: Candidate) -> float:
    place = candidate.space["x"].to_unit(candidate["x"])
    home, height = {"a": (0.8, 1.0), "b": (0.2, 0.7), "c": (0.5, 0.5)}[candidate["c"]]
    value = math.exp(-((place - home) ** 2) / 0.05) * height
    return value * math.exp(-((candidate["n"] - 14) ** 2) / 80) * math.exp(-((candidate["y"] - 0.4) ** 2))


@pytest.mark.parametrize(
    ("space", "value"), [(numbers(2), ridge), (mixed(), families)], ids=["ridge", "mixed"]
)
def test_it_finds_noisy_optima_better_than_luck(space: Space, value: Value) -> None:
    gains = []
    for seed in range(10):
        worths = []
        for proposer in (Bayesian(pool=128), Random()):
            search, state, _ = searched(proposer, space, value, seed=seed, noise=0.2, lanes=250)
            worths.append(value(search.recommend(state)[0]))
        gains.append(worths[0] - worths[1])
    error = float(np.std(gains, ddof=1)) / math.sqrt(len(gains))
    assert np.mean(gains) > 2 * error
    assert np.mean(gains) > 0.05


def test_a_function_without_noise_is_met_closely() -> None:
    space = numbers(2)
    search, state, _ = searched(Bayesian(), space, ridge, seed=0, noise=0.0, lanes=60 * 5)
    assert ridge(search.recommend(state)[0]) > 0.995


def test_nothing_is_proposed_twice_and_everything_in_bounds() -> None:
    _, _, asked = searched(Bayesian(pool=64), mixed(), families, seed=3, noise=0.3, lanes=300)
    assert len({candidate.id for candidate in asked}) == len(asked) == 60
    assert all(candidate == candidate.space.candidate(dict(candidate)) for candidate in asked)


def test_a_small_space_is_used_up() -> None:
    space = Space({"n": Integer(1, 4), "c": Choice(("a", "b", "c"))})
    _, _, asked = searched(Bayesian(), space, lambda c: c["n"], seed=0, noise=0.1, lanes=10**4)
    assert len({candidate.id for candidate in asked}) == len(asked) == 12


def test_pending_candidates_are_not_crowded() -> None:
    """Asked again without an answer, it goes elsewhere."""
    space = numbers(2)
    _search, state, _asked = searched(Bayesian(), space, ridge, seed=1, noise=0.1, lanes=150)
    own = state.own
    known = own.known
    waiting: list[Candidate] = []
    proposals = own.proposals
    for _ in range(6):
        fresh, proposals = Bayesian().propose(state.problem, state.archive, proposals, 1, known)
        known |= {fresh[0].id}
        waiting += fresh
    places = np.array([space.to_unit(candidate) for candidate in waiting])
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(6, 1)]
    assert len({candidate.id for candidate in waiting}) == 6
    assert apart.min() > 0.01


def test_a_run_that_is_continued_is_the_run_that_was_not_stopped() -> None:
    search, state, whole = searched(Bayesian(pool=64), mixed(), families, seed=2, noise=0.3, lanes=200)
    _, half, first = searched(Bayesian(pool=64), mixed(), families, seed=2, noise=0.3, lanes=200, stop=16)
    again = search.init(half.problem)
    told: list[Candidate] = []
    while len(told) < len(whole):
        ask, again = search.ask(again)
        assert ask is not None
        told += ask.population
        again = search.tell(again, ask, answered(ask.population, ask.examples, families, 0.3, 2))
    assert [c.id for c in told] == [c.id for c in whole]
    assert [c.id for c in first] == [c.id for c in whole[: len(first)]]
    assert search.recommend(again) == search.recommend(state)


def test_seeds_differ() -> None:
    runs = [
        [c.id for c in searched(Bayesian(first=4), numbers(2), ridge, seed=seed, noise=0.1, lanes=60)[2]]
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_words_and_matrices_stay_as_they_are() -> None:
    space = Space({"x0": Real(0, 1), "p": Text("Hm."), "w": Matrix((2, 2))})
    _, _, asked = searched(Bayesian(first=3), space, lambda c: c["x0"], seed=0, noise=0.1, lanes=60)
    assert {candidate["p"] for candidate in asked} == {"Hm."}
    assert len({candidate["x0"] for candidate in asked}) == len(asked)


def test_equal_scores_and_missing_scores_are_survived() -> None:
    space = numbers(2)
    _, _, asked = searched(Bayesian(first=2), space, lambda c: 0.0, seed=0, noise=0.0, lanes=100)
    assert len(asked) == 20
    _, state, asked = searched(Bayesian(first=2), space, lambda c: math.nan, seed=0, noise=0.0, lanes=100)
    assert len(asked) == 20
    assert not any(state.archive.scores.values())


def test_many_knobs_are_filled_at_random_first() -> None:
    _, _, asked = searched(
        Bayesian(first=6, pool=32), numbers(45), lambda c: c["x0"], seed=0, noise=0.1, lanes=60
    )
    assert len({candidate.id for candidate in asked}) == 12


def test_the_recommendation_is_not_the_luckiest() -> None:
    """One lucky outlier among bad neighbours does not win over a good region."""
    space = numbers(1)
    places = np.linspace(0, 1, 21)
    members = [space.candidate({"x0": float(place)}) for place in places]
    rng = np.random.default_rng(0)
    scores = np.exp(-((places - 0.8) ** 2) / 0.02)[:, None] + rng.normal(0, 0.6, (21, 6))
    scores[2] += 1.6
    archive = Archive().add(members, [((n,), 0) for n in range(6)], scores)
    assert int(np.argmax(scores.mean(1))) == 2
    best = Bayesian().order(Problem(space, space.default, 6), archive)[0]
    assert 0.6 < best["x0"] <= 1.0


def test_a_hundred_rows_are_fitted_in_a_moment() -> None:
    space = numbers(5)
    rng = np.random.default_rng(0)
    members = [space.from_unit(units) for units in rng.random((100, 5))]
    scores = np.array([[member["x0"] + rng.normal(0, 0.3) for _ in range(5)] for member in members])
    archive = Archive().add(members, [((n,), 0) for n in range(5)], scores)
    problem = Problem(space, space.default, 5)
    took = []
    for _ in range(3):
        began = time.process_time()
        fresh, _ = Bayesian(first=1).propose(problem, archive, None, 1, frozenset(archive.candidates))
        took.append(time.process_time() - began)
    assert len(fresh) == 1
    assert min(took) < 2.0  # a third of a second on a quiet core


def test_a_surrogate_needs_two_different_scores() -> None:
    assert Surrogate.of(numbers(1), Archive()) is None
    assert Surrogate.of(numbers(1), archived(numbers(1), np.ones((4, 2)))) is None


@pytest.mark.parametrize("wrong", [{"n": 0}, {"first": 0}, {"pool": 3}])
def test_settings_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(SpaceError, match="give at least"):
        Bayesian(**wrong)


def test_alone_it_is_a_search() -> None:
    space = numbers(1)
    state = Bayesian(6).init(Problem(space, space.default, 3))
    total = 0
    while True:
        ask, state = Bayesian(6).ask(state)
        if ask is None:
            break
        total += len(ask.population)
        state = Bayesian(6).tell(
            state, ask, answered(ask.population, ask.examples, lambda c: c["x0"], 0.1, 0)
        )
    assert total == 7
    assert Hyperband().lanes is None
