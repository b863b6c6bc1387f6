"""AdaptiveRateLimiter: rates hold whoever asks, a 429 slows everyone, and headers are believed."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from hyperfunc import AdaptiveRateLimiter
from hyperfunc.errors import ModelError


def limiter(**more: float) -> AdaptiveRateLimiter:
    settings = {"default_requests_per_minute": 6000, "default_tokens_per_minute": 1e9, "safety_margin": 1.0}
    return AdaptiveRateLimiter(**{**settings, **more})  # type: ignore[arg-type]


async def moments(limits: AdaptiveRateLimiter, count: int, tokens: float = 0) -> list[float]:
    """When each of many that ask together may go, in seconds from now."""
    began = time.monotonic()

    async def one() -> float:
        await limits.acquire("x", tokens)
        return time.monotonic() - began

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


def test_a_seconds_worth_goes_at_once_and_the_rest_evenly_spaced() -> None:
    granted = asyncio.run(moments(limiter(safety_margin=0.5), 60))
    assert granted[49] - granted[0] < 0.1
    assert granted[-1] - granted[0] >= 10 / 50 - 0.02


def test_tokens_are_limited_too() -> None:
    limits = limiter(default_tokens_per_minute=400 * 60)
    granted = asyncio.run(moments(limits, 6, tokens=100))
    assert granted[5] - granted[0] >= 0.45
    assert limits.get_stats("x")["tokens"] == 600


def test_the_order_is_that_in_which_they_came() -> None:
    limits, order = limiter(default_requests_per_minute=60 * 50), list[int]()

    async def one(number: int) -> None:
        await limits.acquire("x")
        order.append(number)

    async def go() -> None:
        await asyncio.gather(*(one(number) for number in range(55)))

    asyncio.run(go())
    assert order == list(range(55))


def test_one_limiter_serves_many_loops_one_after_another_and_at_once() -> None:
    limits, granted, began = limiter(), list[float](), time.monotonic()

    def ask() -> None:
        granted.extend(asyncio.run(moments(limits, 30)))

    ask()
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(granted) == 120
    # A hundred in hand, and a hundred a second.
    assert time.monotonic() - began >= (120 - 100) / 100 - 0.02


def test_a_429_closes_the_endpoint_for_everyone_and_nobody_storms_it_afterwards() -> None:
    limits = limiter(default_requests_per_minute=60 * 200)

    async def go() -> list[float]:
        assert limits.record_429("x", retry_after=0.1) == pytest.approx(0.1, abs=0.01)
        return await moments(limits, 120)

    granted = asyncio.run(go())
    assert granted[0] >= 0.09
    # The rate is halved: a second's worth is a hundred, the others follow one by one.
    assert sum(moment < granted[0] + 0.02 for moment in granted) <= 104
    assert granted[-1] >= granted[0] + 0.15
    assert limits.get_stats("x")["requests_per_minute"] == 60 * 100


def test_backoff_doubles_with_each_burst_of_refusals_and_ends_with_a_success() -> None:
    now = [0.0]
    limits = AdaptiveRateLimiter(max_backoff_seconds=3.0, clock=lambda: now[0])
    assert [limits.record_429("x"), limits.record_429("x")] == [1.0, 1.0]
    assert limits.get_stats("x")["requests_per_minute"] == 60 * 0.9 / 2
    pauses = []
    for _ in range(3):
        now[0] += 10
        pauses.append(limits.record_429("x"))
    assert pauses == [2.0, 3.0, 3.0]
    now[0] += 10
    limits.record_success("x")
    now[0] += 10
    assert limits.record_429("x") == 1.0
    for _ in range(200):
        now[0] += 1
        limits.record_success("x")
    assert limits.get_stats("x")["requests_per_minute"] == pytest.approx(60 * 0.9)


def test_what_headers_say_is_left_is_not_exceeded() -> None:
    limits = limiter()
    headers = {"X-RateLimit-Remaining-Requests": "2", "x-ratelimit-reset-requests": "1m500ms"}

    async def go() -> int:
        limits.update_from_headers("x", headers)
        asking = [asyncio.create_task(limits.acquire("x")) for _ in range(5)]
        done, rest = await asyncio.wait(asking, timeout=0.05)
        for task in rest:
            task.cancel()
        return len(done)

    assert asyncio.run(go()) == 2


def test_limits_in_headers_replace_the_defaults() -> None:
    limits = AdaptiveRateLimiter()
    limits.update_from_headers("x", {"x-ratelimit-limit-requests": "600", "x-ratelimit-limit-tokens": "nan"})
    stats = limits.get_stats("x")
    assert (stats["requests_per_minute"], stats["tokens_per_minute"]) == (540, 81_000)
    limits.reset("x")
    assert limits.get_stats() == {}


def test_who_gives_up_leaves_the_place_to_others() -> None:
    limits = limiter(default_requests_per_minute=240)

    async def go() -> bool:
        await moments(limits, 4)
        asking = [asyncio.create_task(limits.acquire("x")) for _ in range(50)]
        await asyncio.sleep(0.01)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        return await limits.acquire("x") < 1.0

    assert asyncio.run(go())


@pytest.mark.parametrize(
    "wrong",
    [{"default_requests_per_minute": 0}, {"safety_margin": 1.1}, {"backoff_multiplier": 0.5},
     {"max_backoff_seconds": 0.5}],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=next(iter(wrong))):
        limiter(**wrong)
