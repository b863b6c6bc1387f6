"""Verification: every figure of an exported certificate made again from the ledger, and compared."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hyperfunc.analysis.artifact import FORMAT, PARTS, read_artifact, written
from hyperfunc.errors import LedgerError, MetricError
from hyperfunc.ledger import EventRow, Ledger, content_key

from .figures import Pair, figures_of, figures_of_resamples
from .record import Certificate

__all__ = ["Mismatch", "Verification", "verify"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A figure that does not come out.

    Args:
        figure: its name.
        said: what the file says.
        found: what the ledger gives.
    """

    figure: str
    said: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.figure}: the file says {_words(self.said)}, the ledger gives {_words(self.found)}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out of a verification.

    Args:
        certificate: the one that was checked.
        checked: names of all figures that were made again.
        mismatches: those that do not come out.
        recorded: what can only be compared with the ledger's own record, and why.
    """

    certificate: Certificate
    checked: tuple[str, ...]
    mismatches: tuple[Mismatch, ...]
    recorded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.mismatches


def verify(file: str | Path, ledger: Ledger) -> Verification:
    """Make the figures of an exported certificate again, from the ledger alone; nothing is paid for.

    It finds changes of the file and of the rows that the run rests on, made by accident or by hand. It is no
    proof against somebody who makes a new ledger.

    Args:
        file: what ``export`` wrote.
        ledger: in which the run is.

    Raises:
        LedgerError: the file is no export with a certificate, or the run is not in the ledger.
    """
    text, row = read_artifact(Path(file))
    given = row.get("certificate")
    if "experiment" in row:
        raise LedgerError(f"{file} is of an experiment; certificates are of runs, see hyperfunc optimize")
    if not isinstance(given, Mapping):
        raise LedgerError(
            f"{file} has no certificate: the run held nothing out, or is not done; see hyperfunc show"
        )
    certificate = Certificate.from_json(given)
    run = ledger.get_run(certificate.run_id)
    check = _Check()
    if written(row) != text:
        check.mismatches.append(Mismatch("the file's text", "something else", "what export writes"))
    check.equal("hyperfunc", row.get("hyperfunc"), FORMAT)
    record = _record(ledger, run.run_id)
    check.trees(given, record.payload)
    result = ledger.events(run.run_id, "result")
    for part in PARTS:
        check.trees(row.get(part), result[-1].payload.get(part) if result else _NOTHING, part)
    check.equal("created", certificate.created, record.created)
    _figures(check, certificate, ledger)
    _counts(check, certificate, ledger, row)
    _seals(check, certificate, ledger)
    recorded = () if certificate.scorer else ("figures.start.estimate and figures.winner.estimate",)
    return Verification(certificate, tuple(check.names), tuple(check.mismatches), recorded)


class _Check:
    """Figures compared so far; a figure is named once."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.mismatches: list[Mismatch] = []

    def equal(self, name: str, said: Any, found: Any) -> None:
        self.names[name] = None
        if not _same(said, found) and all(m.figure != name for m in self.mismatches):
            self.mismatches.append(Mismatch(name, said, found))

    def trees(self, said: Any, found: Any, name: str = "") -> None:
        """Compare every value of two JSON trees."""
        ours, theirs = dict(_leaves(said, name)), dict(_leaves(found, name))
        for leaf in {**ours, **theirs}:
            self.equal(leaf, ours.get(leaf, _NOTHING), theirs.get(leaf, _NOTHING))


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


def _figures(check: _Check, certificate: Certificate, ledger: Ledger) -> None:
    """Scores from the cells, and the intervals from the scores."""
    pairs = certificate.pairs
    if certificate.scorer is not None:
        pairs = tuple(_scored(check, place, certificate, ledger) for place in range(len(pairs)))
    try:
        if certificate.scorer is not None:
            made = figures_of(pairs, certificate.seed)
        else:
            said = certificate.figures
            values = (said.start.estimate, said.winner.estimate)
            made = figures_of_resamples(pairs, values, certificate.resamples)
    except MetricError as error:
        check.equal("figures", asdict(certificate.figures), str(error))
        return
    check.trees(asdict(certificate.figures), asdict(made), "figures")
    ships = made.gain.low > 0 and certificate.start != certificate.winner
    check.equal("shipped", certificate.shipped, ships)


def _scored(check: _Check, place: int, certificate: Certificate, ledger: Ledger) -> Pair:
    """A pair with the scores of its cells; what was run fused has none, and keeps its own."""
    pair = certificate.pairs[place]
    found: dict[str, Any] = {}
    for side, candidate in (("start", certificate.start), ("winner", certificate.winner)):
        key = (candidate, pair.example, 0)
        cells = ledger.get_cells(certificate.program, certificate.seed, [key], certificate.scorer)
        if key in cells:
            score = 0.0 if cells[key].failure is not None else cells[key].score
            check.equal(f"pairs[{place}].{side}", getattr(pair, side), score)
            if score is not None:
                found[side] = score
    return replace(pair, **found)


def _counts(check: _Check, certificate: Certificate, ledger: Ledger, row: Mapping[str, Any]) -> None:
    """What was tried and paid, and the content of values."""
    run_id = certificate.run_id
    steps = {e.payload["step"]: e.payload for e in ledger.events(run_id, "step")}
    check.equal("steps", certificate.steps, len(steps))
    tried = 1 + sum(int(step.get("n_new", 0)) for step in steps.values())
    check.equal("candidates", certificate.candidates, tried)
    paid = asdict(ledger.paid(run_id))
    for name, said in certificate.paid.items():
        check.equal(f"paid.{name}", said, paid.get(name, _NOTHING))
    check.equal("environment.models", certificate.environment.get("models"), ledger.answered_by(run_id))
    looks = [e.payload for e in ledger.events(run_id, "look")]
    check.equal("looks", certificate.looks, looks[0]["before"] if looks else _NOTHING)
    shipped = certificate.winner if certificate.shipped else certificate.start
    for side, candidate in (("start", certificate.start), ("winner", certificate.winner)):
        kept = ledger.get_candidate(candidate)
        value = content_key(kept.value) if kept is not None else _NOTHING
        check.equal(f"hashes.{side}", certificate.hashes.get(side), value)
    check.equal("run", row.get("run"), run_id)
    kept = ledger.get_candidate(shipped)
    check.trees(row.get("values"), kept.value if kept else _NOTHING, "values")
    for name, said in certificate.hashes.items():
        if name.startswith("prompt "):
            winner = ledger.get_candidate(certificate.winner)
            prompt = (winner.value if winner else {}).get(name.removeprefix("prompt "))
            check.equal(f"hashes.{name}", said, content_key(prompt))


def _seals(check: _Check, certificate: Certificate, ledger: Ledger) -> None:
    """The rows of the run, unchanged."""
    now = ledger.seals(
        certificate.run_id, program=certificate.program, seed=certificate.seed,
        scorer=certificate.scorer, upto=certificate.seals,
    )  # fmt: skip
    for name, seal in certificate.seals.items():
        found = now.get(name)
        for part in ("rows", "digest"):
            check.equal(f"seals.{name}.{part}", getattr(seal, part), getattr(found, part, _NOTHING))


def _record(ledger: Ledger, run_id: str) -> EventRow:
    """The certificate as the ledger has it."""
    events = ledger.events(run_id, "certificate")
    if not events:
        raise LedgerError(
            f"the ledger at {ledger.path} has no certificate of run {run_id}; is it the right one?"
        )
    return events[-1]


def _leaves(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a JSON tree with its dotted name."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _leaves(value, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for place, value in enumerate(tree):
            yield from _leaves(value, f"{name}[{place}]")
    else:
        yield name, tree


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return (type(one) is type(other) and bool(one == other)) or (one is None and other is None)


def _words(value: Any) -> str:
    return repr(value) if isinstance(value, _Nothing) else json.dumps(value, default=repr)[:80]
