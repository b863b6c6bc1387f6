"""Everyone who asks one server passes one door."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hyperfunc.errors import ModelError, RateLimited
from hyperfunc.llm.http import Endpoint, Limits, endpoint_for


def test_no_more_are_let_in_than_the_limit_says() -> None:
    endpoint, most = Endpoint("here", Limits(concurrency=3)), 0

    async def one() -> None:
        nonlocal most
        permit = await endpoint.enter(1, 60)
        most = max(most, endpoint.flying)
        await asyncio.sleep(0)
        endpoint.leave(permit)

    async def main() -> None:
        await asyncio.gather(*(one() for _ in range(50)))

    asyncio.run(main())
    assert most == 3
    assert endpoint.flying == 0


def test_who_waits_and_is_cancelled_takes_nothing_away() -> None:
    async def main() -> None:
        endpoint = Endpoint("here", Limits(concurrency=1))
        first = await endpoint.enter(1, 60)
        waiting = [asyncio.ensure_future(endpoint.enter(1, 60)) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        endpoint.leave(first)
        # The second was let in by this and is cancelled before it runs.
        waiting[1].cancel()
        permit = await waiting[2]
        assert endpoint.flying == 1
        endpoint.leave(permit)
        endpoint.leave(await waiting[3])
        assert endpoint.flying == 0

    asyncio.run(main())


def test_a_closed_gate_holds_everyone_and_opens_for_the_limit_only() -> None:
    async def main() -> None:
        endpoint = Endpoint("here", Limits(concurrency=4))
        endpoint.close_gate(0.05)
        began, entered = asyncio.get_running_loop().time(), []

        async def one() -> None:
            permit = await endpoint.enter(1, 60)
            entered.append(asyncio.get_running_loop().time() - began)
            assert endpoint.flying <= 4
            await asyncio.sleep(0.001)
            endpoint.leave(permit)

        await asyncio.gather(*(one() for _ in range(20)))
        assert min(entered) >= 0.049

    asyncio.run(main())


def test_a_gate_that_stays_closed_for_longer_than_one_can_wait_is_an_error_at_once() -> None:
    async def main() -> None:
        endpoint = Endpoint("http://here", Limits(concurrency=1))
        permit = await endpoint.enter(1, 60)
        waiting = asyncio.ensure_future(endpoint.enter(1, 60))
        await asyncio.sleep(0)
        endpoint.close_gate(3600)
        with pytest.raises(RateLimited, match="http://here asks to wait 3600 s, longer than the 60 s"):
            await waiting
        with pytest.raises(RateLimited):
            await endpoint.enter(1, 60)
        endpoint.leave(permit)

    asyncio.run(main())


def test_requests_per_minute_pace_the_callers() -> None:
    async def main() -> None:
        endpoint = Endpoint("here", Limits(requests_per_minute=6000))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(120):
            endpoint.leave(await endpoint.enter(1, 60))
        # A second's worth, 100, is free; the other 20 take 10 ms each.
        assert 0.19 <= loop.time() - began < 2

    asyncio.run(main())


def test_tokens_that_were_not_used_are_given_back() -> None:
    async def main() -> None:
        endpoint = Endpoint("here", Limits(tokens_per_minute=6000))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(50):
            endpoint.leave(await endpoint.enter(100, 60), used=1)
        assert loop.time() - began < 1

    asyncio.run(main())


def test_what_a_server_says_is_left_is_obeyed() -> None:
    async def main() -> None:
        endpoint = Endpoint("here")
        loop = asyncio.get_running_loop()
        permit = await endpoint.enter(1, 60)
        told = {"x-ratelimit-remaining-requests": "2", "x-ratelimit-reset-requests": "100ms"}
        endpoint.heard(told, permit)
        endpoint.leave(permit)
        began, at = loop.time(), []
        for _ in range(3):
            endpoint.leave(await endpoint.enter(1, 60))
            at.append(loop.time() - began)
        assert at[1] < 0.05
        assert at[2] >= 0.09

    asyncio.run(main())


def test_two_event_loops_share_one_limit() -> None:
    endpoint, lock = Endpoint("here", Limits(concurrency=2)), threading.Lock()
    flying = most = done = 0

    async def one() -> None:
        nonlocal flying, most, done
        permit = await endpoint.enter(1, 60)
        with lock:
            flying += 1
            most = max(most, flying)
        await asyncio.sleep(0.001)
        with lock:
            flying -= 1
            done += 1
        endpoint.leave(permit)

    async def main() -> None:
        await asyncio.gather(*(one() for _ in range(30)))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert done == 90
    assert most == 2
    assert endpoint.flying == 0


def test_who_waits_in_one_loop_does_not_depend_on_a_loop_that_ends() -> None:
    endpoint = Endpoint("here")
    endpoint.close_gate(0.2)
    first = threading.Event()

    async def enters() -> None:
        first.set()
        await endpoint.enter(1, 60)

    async def gives_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(enters(), 0.05)

    async def goes_on() -> None:
        async with asyncio.timeout(5):
            endpoint.leave(await endpoint.enter(1, 60))

    thread = threading.Thread(target=lambda: asyncio.run(gives_up()))
    thread.start()
    assert first.wait(5)
    asyncio.run(goes_on())
    thread.join(5)


def test_the_same_server_and_account_have_one_endpoint() -> None:
    assert endpoint_for("http://a") is endpoint_for("http://a")
    assert endpoint_for("http://a", account="1") is not endpoint_for("http://a", account="2")


def test_of_several_limits_of_one_server_the_strictest_holds() -> None:
    now = 0.0
    one = Endpoint("here", Limits(concurrency=8, requests_per_minute=600), clock=lambda: now)
    one.tighten(Limits(concurrency=2, requests_per_minute=60, tokens_per_minute=6000))
    one.tighten(Limits(concurrency=4, requests_per_minute=6000, tokens_per_minute=60000))
    assert one.limit.whole == 2

    async def main() -> None:
        nonlocal now
        first = await one.enter(100, 60)
        waiting = asyncio.ensure_future(one.enter(100, 60))
        await asyncio.sleep(0)
        assert not waiting.done()
        now = 1.01
        one.leave(first)
        one.leave(await waiting)

    asyncio.run(main())
    name = "http://strictest"
    endpoint_for(name)
    endpoint_for(name, Limits(concurrency=3))
    assert endpoint_for(name).limit.whole == 3


@pytest.mark.parametrize(
    "limits", [{"concurrency": 0}, {"requests_per_minute": -1}, {"tokens_per_minute": 0}]
)
def test_limits_that_let_nobody_in_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=next(iter(limits))):
        Limits(**limits)  # type: ignore[arg-type]
