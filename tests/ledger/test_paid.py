from __future__ import annotations

import pytest

from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Budget, Ledger, Meter, Spend


def pay(ledger: Ledger, key: str = "key", answer: bytes = b'"yes"', run_id: str | None = "run") -> None:
    ledger.put_request(key, "local/office", b'"question"', answer, 30, 4, 0.125, run_id)


def test_an_answer_comes_back_as_it_was_put(ledger: Ledger) -> None:
    assert ledger.get_request("key") is None
    pay(ledger)
    for _ in range(2):
        row = ledger.get_request("key")
        assert row is not None
        assert (row.key, row.run_id, row.model) == ("key", "run", "local/office")
        assert (row.request_json, row.response_json) == (b'"question"', b'"yes"')
        assert (row.prompt_tokens, row.completion_tokens, row.cost) == (30, 4, 0.125)
        assert row.created > 0
        ledger.flush()


def test_what_two_runs_paid_is_kept_twice_and_the_first_answers(ledger: Ledger) -> None:
    pay(ledger, answer=b"1", run_id="a")
    pay(ledger, answer=b"2", run_id="b")
    pay(ledger, answer=b"3", run_id="b")
    row = ledger.get_request("key")
    assert row is not None
    assert row.response_json == b"1"
    assert ledger.paid("a") == ledger.paid("b") == Spend(calls=1, tokens=34, dollars=0.125)
    assert ledger.stats().rows["requests"] == 2


def test_a_resumed_meter_starts_from_what_the_run_paid(ledger: Ledger) -> None:
    for i in range(8):
        pay(ledger, f"key{i}")
    pay(ledger, "other", run_id=None)
    meter = Meter(Budget(calls=10, dollars=2), already=ledger.paid("run"))
    assert meter.left() == Budget(calls=2, dollars=1)
    assert ledger.paid("nobody") == Spend()


def test_what_the_steps_of_a_run_paid_is_what_the_run_paid(ledger: Ledger) -> None:
    for run_id in ("run/0", "run/confirm-start-0", "run", "run-2/0", "run0", "ru/n"):
        pay(ledger, run_id, run_id=run_id)
    assert ledger.paid("run").calls == 3


def test_the_models_that_answered_a_run_are_told_with_their_fingerprints(ledger: Ledger) -> None:
    pay(ledger, "a", b'{"fingerprint": "b1"}', "run/0")
    pay(ledger, "b", b'{"fingerprint": "b2"}', "run/1")
    pay(ledger, "c", b'{"fingerprint": "b9"}', "other/1")
    assert ledger.answered_by("run") == {"local/office": ["b1", "b2"]}


def test_an_unknown_cost_counts_as_nothing(ledger: Ledger) -> None:
    ledger.put_request("key", "m", b"", b"", 1, 2, None, "run")
    row = ledger.get_request("key")
    assert row is not None
    assert row.cost is None
    assert ledger.paid("run") == Spend(calls=1, tokens=3)


def test_a_kept_call_comes_back(ledger: Ledger) -> None:
    assert ledger.get_call("key") is None
    ledger.put_call("key", "route", b"1")
    ledger.put_call("key", "route", b"2")
    assert ledger.get_call("key") == b"1"
    assert ledger.get_request("key") is None


def test_a_closed_ledger_says_so(ledger: Ledger) -> None:
    pay(ledger)
    ledger.close()
    ledger.close()
    for use in (lambda: pay(ledger), lambda: ledger.get_request("key"), ledger.flush, ledger.stats):
        with pytest.raises(LedgerError, match="is closed: open it again"):
            use()
