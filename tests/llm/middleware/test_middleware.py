"""Each wrapper does its one thing, and they compose."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import Budget, ExactMatch, Example, HyperSystem, Ledger, llm_completion
from hyperfunc.errors import (
    BudgetExhausted,
    InfrastructureError,
    ModelError,
    RateLimited,
    ServerUnreachable,
    UnknownPrice,
)
from hyperfunc.ledger import Meter
from hyperfunc.llm import Message, Request, Response, Sampling, Usage, route_for
from hyperfunc.llm.limiter import AdaptiveRateLimiter
from hyperfunc.llm.middleware import (
    Budgeted,
    Cached,
    Faulty,
    Limited,
    Recording,
    Redacting,
    SingleFlight,
)
from hyperfunc.llm.paid import most_tokens
from hyperfunc.llm.secrets import Secret
from hyperfunc.testing import ScriptedClient

MODEL = "test/middleware"
KEY = "sk-planted-for-the-test-of-middleware"


def ask(text: str = "q", seed: int | None = None, **sampling: Any) -> Request:
    return Request(model=MODEL, messages=(Message("user", text),), sampling=Sampling(**sampling), seed=seed)


def echo(**more: Any) -> ScriptedClient:
    return ScriptedClient(lambda request: request.messages[-1].content, **more)


GREEDY: Any = {"temperature": 0, "max_tokens": 5}


# Cached


def test_a_kept_answer_is_the_answer() -> None:
    async def go(ledger: Ledger) -> None:
        client = ScriptedClient(iter("abc"))
        cached = Cached(client, ledger, "m")
        first = await cached.complete(ask(**GREEDY))
        assert await cached.complete(ask(**GREEDY)) == first
        assert (await cached.complete(ask("other", **GREEDY))).text == "b"
        assert (await Cached(client, ledger, "another model").complete(ask(**GREEDY))).text == "c"
        assert (cached.hits, client.calls) == (1, 3)

    with Ledger.memory() as ledger:
        asyncio.run(go(ledger))


def test_an_evaluation_and_a_client_by_hand_find_each_others_answers() -> None:
    class Ask(HyperSystem):
        async def run(self, text: str) -> str:
            return (await llm_completion(MODEL, text, temperature=0, max_tokens=5)).content

    client = echo()
    with client.answering(MODEL), Ledger.memory() as ledger:
        route = route_for(MODEL)
        by_hand = Cached(route.client, ledger, route.identity)
        asyncio.run(by_hand.complete(ask("first", **GREEDY)))
        found = Ask().evaluate(
            [Example({"text": t}, t) for t in ("first", "second")], ExactMatch(), ledger=ledger
        )
        assert found.predictions == ["first", "second"]
        assert asyncio.run(by_hand.complete(ask("second", **GREEDY))).text == "second"
    assert client.prompts == ["first", "second"]


def test_what_draws_anew_is_not_answered_from_the_ledger_unless_that_is_wanted() -> None:
    async def texts(cached: Cached, seed: int | None) -> list[str]:
        return [(await cached.complete(ask(seed=seed))).text for _ in range(2)]

    with Ledger.memory() as ledger:
        client = ScriptedClient(iter("abcd"))
        assert asyncio.run(texts(Cached(client, ledger, "m"), None)) == ["a", "b"]
        assert asyncio.run(texts(Cached(client, ledger, "m"), 7)) == ["c", "c"]
        assert asyncio.run(texts(Cached(client, ledger, "m", unseeded=True), None)) == ["d", "d"]


def test_a_failure_is_not_kept() -> None:
    async def go(ledger: Ledger) -> str:
        cached = Cached(ScriptedClient([ServerUnreachable("no"), "yes"]), ledger, "m")
        with pytest.raises(ServerUnreachable):
            await cached.complete(ask(**GREEDY))
        return (await cached.complete(ask(**GREEDY))).text

    with Ledger.memory() as ledger:
        assert asyncio.run(go(ledger)) == "yes"


# SingleFlight


def test_equal_requests_in_flight_are_one() -> None:
    async def go() -> None:
        hold = asyncio.Event()
        client = echo(hold=hold)
        single = SingleFlight(client)
        asking = [asyncio.create_task(single.complete(ask(text, **GREEDY))) for text in "aabba"]
        await asyncio.sleep(0)
        hold.set()
        assert [r.text for r in await asyncio.gather(*asking)] == list("aabba")
        assert (client.calls, single.shared) == (2, 3)
        await single.complete(ask("a", **GREEDY))
        assert client.calls == 3

    asyncio.run(go())


def test_unseeded_requests_are_asked_each_on_its_own() -> None:
    async def go(unseeded: bool) -> int:
        hold = asyncio.Event()
        client = echo(hold=hold)
        single = SingleFlight(client, unseeded=unseeded)
        asking = [asyncio.create_task(single.complete(ask())) for _ in range(3)]
        await asyncio.sleep(0)
        hold.set()
        await asyncio.gather(*asking)
        return client.calls

    assert asyncio.run(go(False)) == 3
    assert asyncio.run(go(True)) == 1


def test_when_the_first_is_cancelled_another_asks_in_its_place() -> None:
    async def go() -> None:
        hold = asyncio.Event()
        client = echo(hold=hold)
        single = SingleFlight(client)
        asking = [asyncio.create_task(single.complete(ask(**GREEDY))) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()
        asking[1].cancel()
        await asyncio.wait(asking[:2])
        await asyncio.sleep(0)
        hold.set()
        assert (await asking[2]).text == "q"
        assert client.calls == 2

    asyncio.run(go())


def test_an_error_is_everyones_who_waits() -> None:
    async def go() -> None:
        hold = asyncio.Event()
        single = SingleFlight(ScriptedClient([ServerUnreachable("no"), "later"], hold=hold))
        asking = [asyncio.create_task(single.complete(ask(**GREEDY))) for _ in range(3)]
        await asyncio.sleep(0)
        hold.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(e) for e in found] == [ServerUnreachable] * 3
        assert (await single.complete(ask(**GREEDY))).text == "later"

    asyncio.run(go())


# Budgeted


@settings(max_examples=25)
@given(
    limit=st.integers(1, 400),
    uses=st.lists(st.integers(0, 40), min_size=1, max_size=12),
)
def test_tokens_are_never_exceeded_and_the_spend_is_exact(limit: int, uses: list[int]) -> None:
    async def script(request: Request) -> Response:
        await asyncio.sleep(0)
        used = uses[int(request.messages[0].content)]
        usage = Usage(prompt_tokens=0, completion_tokens=min(used, most_tokens(request)))
        return Response(text="", usage=usage, cost=0.0)

    async def go() -> None:
        meter = Meter(Budget(tokens=limit))
        client = ScriptedClient(script)
        budgeted = Budgeted(client, meter)
        requests = [ask(str(n), max_tokens=20) for n in range(len(uses))]
        found = await asyncio.gather(*map(budgeted.complete, requests), return_exceptions=True)
        answers = [f for f in found if isinstance(f, Response)]
        refused = [f for f in found if not isinstance(f, Response)]
        spent = sum(a.usage.total_tokens for a in answers if a.usage)
        assert meter.spent.tokens == spent <= limit
        assert meter.spent.calls == client.calls == len(answers)
        assert meter.reserved.tokens == 0
        assert all(isinstance(f, BudgetExhausted) for f in refused)
        # Nobody is refused who would have fitted.
        assert not refused or limit - spent < max(map(most_tokens, requests))

    asyncio.run(go())


def test_a_failed_request_costs_a_call_and_one_that_was_cut_off_what_it_reserved() -> None:
    async def go() -> None:
        meter = Meter(Budget(calls=10, dollars=1.0))
        hold = asyncio.Event()
        client = Budgeted(ScriptedClient([ServerUnreachable("no"), "x"], hold=hold), meter, lambda r: 0.25)
        hold.set()
        with pytest.raises(ServerUnreachable):
            await client.complete(ask(**GREEDY))
        assert (meter.spent.calls, meter.spent.dollars) == (1, 0.0)
        hold.clear()
        cut = asyncio.create_task(client.complete(ask(**GREEDY)))
        await asyncio.sleep(0)
        cut.cancel()
        await asyncio.wait([cut])
        assert (meter.spent.calls, meter.spent.dollars) == (2, 0.25)

    asyncio.run(go())


def test_money_with_an_unknown_price_is_refused_before_anything_is_asked() -> None:
    client = echo()
    with pytest.raises(UnknownPrice):
        asyncio.run(Budgeted(client, Meter(Budget(dollars=1.0))).complete(ask()))
    assert client.calls == 0


# Recording and redaction


def test_exchanges_are_written_down_without_keys(tmp_path: Path) -> None:
    Secret(KEY)
    path = tmp_path / "exchanges.jsonl"

    def script(request: Request) -> Any:
        text = request.messages[-1].content
        return ServerUnreachable(f"refused {KEY}") if text == "fail" else f"you said {text}"

    async def go() -> Recording:
        recording = Recording(ScriptedClient(script), path)
        assert KEY in (await recording.complete(ask(f"my key is {KEY}"))).text
        with pytest.raises(ServerUnreachable):
            await recording.complete(ask("fail"))
        return recording

    recording = asyncio.run(go())
    assert KEY not in repr(recording.exchanges)
    assert KEY not in path.read_text()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[0]["response"]["text"] == "you said my key is [key]"
    assert rows[1]["error"] == "ServerUnreachable: refused [key]"
    assert [e.response is None for e in recording.exchanges] == [False, True]


def test_the_list_holds_the_last_ones() -> None:
    async def go() -> Recording:
        recording = Recording(echo(), most=2)
        for text in "abc":
            await recording.complete(ask(text))
        return recording

    assert [e.request.messages[0].content for e in asyncio.run(go()).exchanges] == ["b", "c"]


def test_no_key_passes_in_either_direction() -> None:
    Secret(KEY)
    tools = ({"type": "function", "function": {"name": "call", "description": f"with {KEY}"}},)

    def script(request: Request) -> Any:
        assert KEY not in repr(request)
        if request.messages[0].content == "fail":
            error = ServerUnreachable(f"refused {KEY}")
            error.add_note(f"sent {KEY}")
            error.__cause__ = ValueError(f"inner {KEY}")
            return error
        return Response(text=f"x {KEY}", tool_calls=({"arguments": KEY},), fingerprint=KEY)

    async def go() -> None:
        client = Redacting(ScriptedClient(script))
        request = Request(model="m", messages=(Message("user", KEY),), tools=tools, stop=(KEY,))
        answer = await client.complete(request)
        assert KEY not in repr(answer)
        assert answer.text == "x [key]"
        with pytest.raises(ServerUnreachable, match=r"refused \[key\]") as caught:
            await client.complete(ask("fail"))
        assert KEY not in repr((caught.value, caught.value.__notes__, caught.value.__cause__))

    asyncio.run(go())


# Faulty


def outcomes(seed: int, order: list[int], share: float = 0.5) -> dict[int, list[str]]:
    async def go() -> dict[int, list[str]]:
        client = Faulty(echo(), share, seed=seed)
        found: dict[int, list[str]] = {}
        for number in order:
            try:
                await client.complete(ask(str(number)))
                found.setdefault(number, []).append("fine")
            except InfrastructureError as error:
                found.setdefault(number, []).append(str(error))
        return found

    return asyncio.run(go())


def test_faults_depend_on_the_request_and_not_on_the_order() -> None:
    order = list(range(40)) * 2
    one = outcomes(3, order)
    assert one == outcomes(3, order[::-1])
    assert one != outcomes(4, order)
    assert 20 <= sum(text == "fine" for texts in one.values() for text in texts) <= 60
    assert all(texts == ["fine"] * 2 for texts in outcomes(3, order, 0.0).values())
    assert not any("fine" in texts for texts in outcomes(3, order, 1.0).values())


def test_each_kind_of_fault_is_what_it_says() -> None:
    async def one(kind: str) -> tuple[Any, int]:
        inner = ScriptedClient(lambda request: "abcd")
        client = Faulty(inner, 1.0, (kind,))
        try:
            answer: Any = await asyncio.wait_for(client.complete(ask()), 0.02)
        except (TimeoutError, InfrastructureError) as error:
            answer = type(error)
        assert client.injected == {kind: 1}
        return answer, inner.calls

    def of(kind: str) -> tuple[Any, int]:
        return asyncio.run(one(kind))

    assert of("unreachable") == (ServerUnreachable, 0)
    assert of("rate_limit") == (RateLimited, 0)
    assert of("lost") == (ServerUnreachable, 1)
    assert of("hang") == (TimeoutError, 0)
    assert of("cut")[0].text == "ab"
    assert of("uncounted")[0].usage is None


def test_a_fault_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ModelError, match="unreachable"):
        Faulty(echo(), 0.5, ("unreachabel",))


# Limited, and all together


def test_a_refusal_slows_the_client_down() -> None:
    limiter = AdaptiveRateLimiter(60_000, 1e9, initial_backoff_seconds=0.01)
    client = Limited(ScriptedClient([RateLimited("later"), "x"]), limiter)

    async def go() -> None:
        with pytest.raises(RateLimited):
            await client.complete(ask())
        await client.complete(ask())

    asyncio.run(go())
    stats = limiter.get_stats(MODEL)
    assert (stats["acquired"], stats["rate_limited"], stats["succeeded"]) == (2, 1, 1)


def test_a_stack_of_wrappers_pays_once_and_loses_nothing() -> None:
    async def go(ledger: Ledger) -> None:
        meter = Meter(Budget(calls=60))
        server = Recording(echo())
        paying = Budgeted(Faulty(server, 0.4, seed=1), meter)
        client = SingleFlight(Cached(paying, ledger, "m"), "m")

        async def until_answered(number: int) -> str:
            while True:
                try:
                    return (await client.complete(ask(str(number % 10), **GREEDY))).text
                except InfrastructureError:
                    continue

        texts = await asyncio.gather(*map(until_answered, range(100)))
        assert texts == [str(n % 10) for n in range(100)]
        kept = {e.request.messages[0].content for e in server.exchanges}
        assert kept == set("0123456789")
        faults = paying.client
        assert isinstance(faults, Faulty)
        lost = sum(faults.injected.values())
        assert meter.spent.calls == 10 + lost
        assert len(server.exchanges) == 10 + faults.injected["lost"]

    with Ledger.memory() as ledger:
        asyncio.run(go(ledger))
