"""Paid model requests, and results of intermediate calls that a function asked to keep."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from hyperfunc.ledger import statements as sql
from hyperfunc.ledger.budget import Spend
from hyperfunc.ledger.codec import checked
from hyperfunc.ledger.database import Database
from hyperfunc.ledger.rows import StoredResponse

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Paid"]


class Paid(Database):
    """The part of a ledger that holds answers under the content key of what was asked."""

    def get_request(self, key: str) -> StoredResponse | None:
        """The first answer that any run has paid for under this key."""
        row = self._one(sql.GET_REQUEST, (key,), f"request {key}")
        return StoredResponse(*row) if row else None

    def get_requests(self, keys: Collection[str]) -> dict[str, StoredResponse]:
        """Those of many keys that are there, each as :meth:`get_request` gives it."""
        rows = self._all(sql.GET_REQUESTS, (json.dumps(list(keys)),), sql.PUT_REQUEST)
        # The first answer of a key comes last here, and stays.
        return {row[0]: StoredResponse(*row) for row in rows}

    def put_request(
        self,
        key: str,
        model: str,
        request_json: bytes,
        response_json: bytes,
        prompt_tokens: int,
        completion_tokens: int,
        cost: float | None,
        run_id: str | None,
    ) -> None:
        """Store a paid answer. When two runs have paid for the same request, both are kept.

        Args:
            key: content key of the request.
            model: who answered.
            request_json: what was asked.
            response_json: what came back.
            prompt_tokens: read by the model.
            completion_tokens: written by the model.
            cost: US dollars; None when unknown.
            run_id: who paid; None outside runs.
        """
        asked = (key, run_id or "", model, request_json, response_json)
        row = (*asked, prompt_tokens, completion_tokens, time.time(), cost)
        self._put([(sql.PUT_REQUEST, checked(row, "requests", nullable=1))], f"request {key}")

    def paid(self, run_id: str) -> Spend:
        """Requests, tokens and dollars that a run has paid for itself."""
        [(calls, tokens, dollars)] = self._all(sql.PAID, (run_id,), sql.PUT_REQUEST)
        return Spend(calls=calls, tokens=tokens, dollars=dollars)

    def answered_by(self, run_id: str) -> dict[str, list[str]]:
        """The models that answered a run, each with the fingerprints that its servers gave."""
        found: dict[str, list[str]] = {}
        for model, fingerprint in self._all(sql.ANSWERED_BY, (run_id,), sql.PUT_REQUEST):
            found.setdefault(str(model), []).extend([str(fingerprint)] if fingerprint else [])
        return found

    def get_call(self, key: str) -> bytes | None:
        """The kept result of an intermediate call."""
        row = self._one(sql.GET_CALL, (key,), f"call {key}")
        return bytes(row[0]) if row else None

    def put_call(self, key: str, function: str, value: bytes, run_id: str = "") -> None:
        """Keep the result of an intermediate call of a function that says ``cache=True``.

        Args:
            key: content key of the call.
            function: its name.
            value: its result.
            run_id: who made it; empty outside runs.
        """
        row = (key, function, value, time.time(), run_id)
        self._put([(sql.PUT_CALL, checked(row, "calls"))], f"call {key}")
