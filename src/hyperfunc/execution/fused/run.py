"""One fused evaluation: predictions, values, and cells when somebody asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.blas import one_torch_thread
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.execution.encoding import decode, encode
from hyperfunc.execution.folding import Evaluations, Execution
from hyperfunc.execution.shelf import metric_fingerprint
from hyperfunc.ledger.keys import content_key
from hyperfunc.types import Cell

from .judging import Judge
from .stacked import CannotFuse, written

if TYPE_CHECKING:
    from hyperfunc.execution.account import Account
    from hyperfunc.execution.engine import Program, Settings
    from hyperfunc.ledger import Ledger

    from .fuser import Fuser
    from .members import Members
    from .stacked import Stacked

__all__ = ["FusedRun"]

_SHARED = 1 << 20
"""Predictions of so many numbers are worth several threads."""

_JUDGES = 64


class FusedRun:
    """K candidates on N examples at once.

    With a ledger the values are kept under the content of all candidates, so that a run that goes on
    does not compute them again. Predictions are not kept: they cost nothing but time.

    Raises:
        CannotFuse: with the reason, as far as it can be seen without running anything.
    """

    def __init__(
        self, fuser: Fuser, members: Members, examples: tuple[Example, ...], metric: Metric,
        settings: Settings, ledger: Ledger | None, program: Program, origin: str = "",
    ) -> None:  # fmt: skip
        self._fuser = fuser
        self._members = members
        self._examples = examples
        self._metric = metric
        self._settings = settings
        self._ledger = ledger
        self._program = program
        self._origin = origin
        self._made: Stacked | None = None
        if reason := fuser.obstacle(examples):
            raise CannotFuse(reason)
        self._dataset = fuser.dataset(examples)

    def evaluations(self, repeats: Sequence[int], account: Account) -> Evaluations:
        """The values; every repeat of a lane is the same, for none of them reads a seed.

        Raises:
            CannotFuse: with the reason.
            BudgetExhausted: so many lanes may not be run, or the time is over.
        """
        # A metric of single predictions gives every repeat its score; one of sets sees all of them.
        times = 1 if self._metric.per_item else len(repeats)
        key = self._key(times)
        charged: AbstractContextManager[None] = nullcontext()
        if account.is_limited or key is not None:
            lanes = self._members.count * len(self._examples) * len(repeats)
            charged = account.whole(key or self._members.key(), lanes)
        with charged:
            values_K, scores_KN, used = self._values(key, times)
        rows = None if scores_KN is None else np.repeat(scores_KN, len(repeats), axis=1)
        return Evaluations(
            values_K, lambda k: self._cells(k, scores_KN, repeats), Execution("fused", "", used), rows
        )  # fmt: skip

    def _values(self, key: str | None, times: int) -> tuple[Any, Any, dict[str, int]]:
        """Values [K], scores [K, N] or ``None``, and what was written out."""
        stored = self._stored(key)
        if stored is not None:
            return *stored, {}
        predictions = self._predictions()
        versions = [written(tree) for _, _, tree in predictions.blocks]
        judged, dataset = predictions, self._dataset
        if times > 1:
            judged = predictions.repeated(times)
            dataset = self._fuser.dataset(tuple([e for e in self._examples for _ in range(times)]))
        with one_torch_thread(judged.numbers < _SHARED):
            values_K, scores_KN = self._judge().values(judged, dataset)
        if [written(tree) for _, _, tree in predictions.blocks] != versions:
            # The metric wrote into them; whoever asks for cells gets them made anew.
            self._made = None
        self._keep(key, values_K, scores_KN)
        return values_K, scores_KN, dict(predictions.materialized)

    def _judge(self) -> Judge:
        judges, key = self._fuser.judges, (self._metric.kind, id(self._metric.function))
        if key not in judges:
            if len(judges) >= _JUDGES:
                judges.clear()
            judges[key] = Judge(self._metric)
        return judges[key]  # type: ignore[no-any-return]

    def _predictions(self) -> Stacked:
        if self._made is None:
            self._made = self._fuser.run(
                self._members, self._dataset,
                chunk=self._settings.max_batch_size, device=self._settings.device,
            )  # fmt: skip
        return self._made

    def _cells(self, k: int, scores_KN: Any, repeats: Sequence[int]) -> list[Cell]:
        predictions = self._predictions()
        row = predictions.row(k)
        name, reached = self._members.id(k), tuple(sorted(predictions.reached))
        remarks: list[tuple[str, str | None]] = [("", None)] * len(row)
        if scores_KN is not None:
            # Of copies, for the metric may write into what it judges.
            pairs = zip(self._examples, predictions.row(k), strict=True)
            remarks = [self._judge().remark(example, prediction) for example, prediction in pairs]
        return [
            Cell(
                candidate=name, example=e.key or f"#{n}", repeat=r, prediction=row[n], reached=reached,
                score=None if scores_KN is None else float(scores_KN[k, n]),
                feedback=remarks[n][0], failure=remarks[n][1],
            )
            for n, e in enumerate(self._examples)
            for r in repeats
        ]  # fmt: skip

    def _key(self, times: int) -> str | None:
        """What the values are kept under; ``None`` without a ledger or for inputs without content."""
        if self._ledger is None:
            return None
        examples = [e.key for e in self._examples]
        if None in examples:
            return None
        judged = metric_fingerprint(self._metric)
        return content_key("fused", self._program.fingerprint, self._members.key(), examples, judged, times)

    def _stored(self, key: str | None) -> tuple[Any, Any] | None:
        data = self._ledger.get_call(key) if key is not None and self._ledger is not None else None
        if data is None:
            return None
        kept = decode(data)
        return kept["values"], kept["scores"]

    def _keep(self, key: str | None, values_K: Any, scores_KN: Any) -> None:
        if key is None or self._ledger is None:
            return
        data = encode({"values": values_K, "scores": scores_KN})
        assert data is not None
        self._ledger.put_call(key, "fused", data, self._origin)
