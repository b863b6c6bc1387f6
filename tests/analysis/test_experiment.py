"""An experiment reads back as it was written, and says the same to people."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from tests.analysis.records import of_scores

from hyperfunc import Ledger
from hyperfunc.analysis.experiment import Experiment, experiment_in, named
from hyperfunc.errors import LedgerError
from hyperfunc.evaluation.statistics import Interval


def test_json_gives_back_the_same() -> None:
    record = of_scores([0.5, None, 1.0], name="main")
    head, rows = json.loads(json.dumps([record.head(), record.rows()]))
    assert Experiment.from_json(head, rows, record.values) == record


def test_a_score_that_is_no_number_survives_json() -> None:
    record = of_scores([None], score=Interval(math.nan, math.nan, -math.inf, 0.95, "one group"))
    text = json.dumps(record.head(), allow_nan=False)
    assert math.isnan(Experiment.from_json(json.loads(text), record.rows(), {}).score.low)


def test_the_lines_say_score_basis_and_cost() -> None:
    lines = str(of_scores([0.5] * 8, name="main", missing=2, failed=1, repeats=3)).splitlines()
    assert lines[0].endswith("  main")
    assert lines[1].split() == ["score", "0.500", "0.400", "to", "0.600"]
    assert "few groups" in lines[2]
    assert lines[3].endswith("8 in 8 groups, 3 times each, 2 runs missing, 1 run failed")
    assert lines[5].endswith("60 calls, $0.50, 3 s")
    kept = str(of_scores([0.5], paid={"calls": 12})).splitlines()
    assert kept[5].endswith("60 calls, $0.50, 3 s; 12 of them made now")


@pytest.mark.parametrize("row", [{}, {"score": 1}, {"id": "x"}])
def test_what_is_no_experiment_is_a_sentence(row: dict[str, Any]) -> None:
    with pytest.raises(LedgerError, match="this is no experiment"):
        Experiment.from_json(row, [], {})


def test_an_empty_ledger_says_how_to_begin() -> None:
    with Ledger.memory() as ledger:
        with pytest.raises(LedgerError, match="hyperfunc demo"):
            named(ledger, "last")
        with pytest.raises(LedgerError, match="no experiment 'x'"):
            experiment_in(ledger, "x")
