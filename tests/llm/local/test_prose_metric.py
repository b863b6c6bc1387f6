from __future__ import annotations

import math
from itertools import pairwise

import pytest
from models.prose.metric_data import build

from hyperfunc.apps.demo.prose_metric import PROMPTS, ProseMetric, prose_metric, prose_quality
from hyperfunc.llm.client import Sampling
from hyperfunc.llm.local.engine import Engine
from hyperfunc.llm.local.jobs import Job
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.registry import local_model


def sampled_score(**parameters: float) -> float:
    model = local_model("local/prose")
    engine = Engine(model.transformer, model.tokenizer, PrefixCache(0))
    jobs = [
        Job(
            ids=(model.tokenizer.bos_id, *model.tokenizer.encode(prompt)),
            seed=100 * seed + place,
            sampling=Sampling(max_tokens=40, **parameters),  # type: ignore[arg-type]
        )
        for place, prompt in enumerate(PROMPTS)
        for seed in range(2)
    ]
    return prose_quality([result.text for result in engine.generate(jobs)], [None] * len(jobs))


def test_the_best_point_lies_inside_and_moves_with_truncation() -> None:
    plain = {t: sampled_score(temperature=t) for t in (0.3, 0.9, 2.0)}
    cut = {t: sampled_score(temperature=t, min_p=0.02) for t in (0.3, 1.5)}
    assert plain[0.9] > plain[0.3] + 0.15
    assert plain[0.9] > plain[2.0] + 0.4
    assert cut[1.5] > cut[0.3] + 0.25
    assert cut[1.5] > plain[2.0] + 0.4


def test_scores_stay_in_their_range_and_lack_of_words_counts() -> None:
    metric = prose_metric()
    good = "And the LORD said unto Moses, Speak unto the children of Israel."
    assert 0.3 < metric.measure([good]).score <= 1
    half = metric.measure([good, ""])
    assert half.answered == 0.5
    assert half.score == pytest.approx(metric.measure([good]).score / 2)
    assert metric.measure(["", "a b"]).score == 0
    assert metric.measure(["zqx vvk wpf jjq xkz brr"]).score < 0.05
    assert metric.measure([good] * 9).diversity < 0.2
    assert prose_quality([good, None], [None, None]) == half.score


def test_probabilities_of_a_word_pair_model_add_up() -> None:
    text = "a b a c a b b c d . a d a"
    metric = ProseMetric(build([text]))
    words = text.split()
    known = len(words) / (len(words) + len(set(words)))
    for first in set(words):
        followers = [b for a, b in pairwise(words) if a == first]
        back = len(set(followers)) / (len(followers) + len(set(followers)))
        total = sum(math.exp(metric._pair_log(first, second)) for second in set(words))
        assert total == pytest.approx(1 - back + back * known, rel=0.04)
