"""Buckets hold to their rate, and the headers of servers are understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.llm.http.rates import Allowance, Bucket, allowances, duration, retry_after


@given(
    per_minute=st.floats(1, 6000),
    steps=st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 50)), min_size=1, max_size=40),
)
def test_no_window_gets_more_than_the_rate_and_one_seconds_worth(
    per_minute: float, steps: list[tuple[float, float]]
) -> None:
    bucket, now, taken = Bucket(per_minute, 0.0), 0.0, 0.0
    for pause, units in steps:
        now += pause
        now += bucket.wait(now, units)
        assert bucket.wait(now, units) == pytest.approx(0.0, abs=1e-6)
        # Everything before this one was paid for by time, but for what the bucket held.
        assert taken <= now * per_minute / 60 + max(1.0, per_minute / 60) + max(u for _, u in steps) + 1e-6
        bucket.take(units)
        taken += units


def test_a_bucket_is_paid_back_what_was_not_used() -> None:
    bucket = Bucket(60, 0.0)
    bucket.take(10)
    assert bucket.wait(0.0, 1) == pytest.approx(10.0)
    bucket.take(-10)
    assert bucket.wait(0.0, 1) == 0.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("20ms", 0.02),
        ("1s", 1),
        ("1h2m3s", 3723),
        ("1.5", 1.5),
        ("0", 0),
        ("soon", None),
        ("inf", 86400),
        ("nan", None),
        ("-3", 0),
        ("99999h", 86400),
        ("", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_retry_after_in_every_form() -> None:
    assert retry_after({"retry-after": "2"}) == 2
    assert retry_after({"retry-after": "2", "retry-after-ms": "150"}) == pytest.approx(0.15)
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after({"retry-after": later}) == pytest.approx(30, abs=2)
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}) == 0
    assert retry_after({"retry-after": "later"}) is None
    assert retry_after({}) is None


def test_what_a_server_says_is_left_holds_until_it_is_filled_up() -> None:
    told = allowances({"x-ratelimit-remaining-requests": "2", "x-ratelimit-reset-requests": "10s"})
    assert told == {"requests": (2.0, 10.0)}
    left = Allowance()
    left.told(0.0, *told["requests"], unseen=0)
    left.take(1)
    left.take(1)
    assert left.wait(1.0, 1) == pytest.approx(9.0)
    assert left.wait(10.0, 1) == 0.0


def test_requests_in_flight_are_not_counted_twice() -> None:
    left = Allowance()
    left.told(0.0, 10, 60.0, unseen=0)
    for _ in range(4):
        left.take(1)
    # The server has counted one of the four: three are still unseen, so six remain for sure.
    left.told(0.1, 9, 60.0, unseen=3)
    for _ in range(6):
        assert left.wait(0.2, 1) == 0.0
        left.take(1)
    assert left.wait(0.2, 1) > 0


def test_requests_that_are_left_without_saying_so() -> None:
    reset = str(int((datetime.now(UTC) + timedelta(seconds=20)).timestamp() * 1000))
    left, seconds = allowances({"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})["requests"]
    assert left == 0
    assert seconds == pytest.approx(20, abs=2)


def test_headers_that_make_no_sense_are_ignored() -> None:
    assert allowances({"x-ratelimit-remaining-requests": "many", "x-ratelimit-reset-requests": "1s"}) == {}
    assert allowances({"x-ratelimit-remaining-tokens": "5"}) == {}


def test_a_date_beyond_the_calendar_is_not_understood() -> None:
    assert retry_after({"retry-after": "Fri, 31 Dec 99999999999 23:59:59 GMT"}) is None
