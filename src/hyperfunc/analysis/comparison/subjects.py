"""What is compared: the scores of what a run or an experiment recommends, by whatever it was named."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperfunc.analysis.artifact import FORMAT, read_artifact
from hyperfunc.analysis.certificate import Certificate
from hyperfunc.analysis.experiment import ExampleScore, Experiment, find
from hyperfunc.errors import EvidenceError, LedgerError
from hyperfunc.ledger import Ledger

__all__ = ["Reference", "Subject", "subjects_of"]

Reference = str | Path | Experiment | Certificate
"""A run's or an experiment's id or the beginning of it, an experiment's name, ``last``, an exported file,
or the record itself."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One side of a comparison.

    Args:
        id: of the run or the experiment.
        label: what people call it: the experiment's name, the file's, or the id.
        kind: ``"run"`` (the values it recommends, on its held-out examples) or ``"experiment"``.
        metric: its name.
        scorer: fingerprint of the metric's code and settings; ``None`` for a metric over sets.
        program: fingerprint of the program.
        candidate: content id of the values.
        scores: one per example.
        missing: examples that could not be scored.
    """

    id: str
    label: str
    kind: str
    metric: str
    scorer: str | None
    program: str
    candidate: str
    scores: tuple[ExampleScore, ...]
    missing: int

    def by_key(self) -> dict[str, ExampleScore]:
        """Examples that have a score and a content key; one that is there twice counts twice."""
        found: dict[str, ExampleScore] = {}
        for cell in self.scores:
            if cell.score is None or cell.example.startswith("#"):
                continue
            known = found.get(cell.example)
            weight = cell.weight + (known.weight if known else 0.0)
            found[cell.example] = ExampleScore(cell.example, cell.group, weight, cell.score)
        return found


def subjects_of(
    references: Sequence[Reference], ledger: str | Path | Ledger | None = None
) -> tuple[Subject, ...]:
    """What each of several references means.

    Args:
        references: see :data:`Reference`. A text that ends in ``.json`` is a file; any other is looked up in
            the ledger, and is a file when it means nothing there.
        ledger: an open one, or where it is; opened, to read, only when a reference needs it.

    Raises:
        LedgerError: a reference means nothing or several things, or a file cannot be read.
        EvidenceError: what it means has no scores that can be used.
    """
    with ExitStack() as opened:
        shelf: list[Ledger] = [ledger] if isinstance(ledger, Ledger) else []

        def get() -> Ledger:
            if not shelf:
                place = None if isinstance(ledger, Ledger) else ledger
                shelf.append(opened.enter_context(Ledger.open(place, readonly=True)))
            return shelf[0]

        return _apart([_subject(reference, get) for reference in references])


def _subject(reference: Reference, ledger: Any) -> Subject:
    if isinstance(reference, Experiment):
        return _of_experiment(reference, reference.name or reference.id)
    if isinstance(reference, Certificate):
        return _of_run(reference, reference.run_id)
    if isinstance(reference, Path):
        return _of_file(reference)
    if not isinstance(reference, str):
        raise EvidenceError(
            f"nothing to compare with in a {type(reference).__name__}: give an experiment, a certificate "
            "(result.certificate), an id or a name in the ledger, or an exported file"
        )
    if reference.endswith(".json"):
        return _of_file(Path(reference))
    try:
        found = find(ledger(), reference)
    except LedgerError:
        if _is_file(reference):
            return _of_file(Path(reference))
        raise
    if isinstance(found, Experiment):
        return _of_experiment(found, found.name or found.id)
    return _of_run(found, found.run_id)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a name that is too long for one
        return False


def _of_file(file: Path) -> Subject:
    _, row = read_artifact(file)
    if row.get("hyperfunc") != FORMAT:
        raise LedgerError(f"{file} has a layout that this version cannot read: update hyperfunc")
    experiment, certificate = row.get("experiment"), row.get("certificate")
    try:
        if isinstance(experiment, Mapping) and isinstance(row["values"], Mapping):
            head = {name: value for name, value in experiment.items() if name != "cells"}
            return _of_experiment(
                Experiment.from_json(head, experiment.get("cells"), row["values"]), file.name
            )
        if isinstance(certificate, Mapping):
            return _of_run(Certificate.from_json(certificate), file.name)
    except (LedgerError, EvidenceError) as error:
        raise LedgerError(f"{file}: {error}") from error
    raise LedgerError(
        f"{file} has no certificate and no scores: the run held nothing out; evaluate its values with "
        f"hyperfunc evaluate --values {file.name}"
    )


def _of_experiment(experiment: Experiment, label: str) -> Subject:
    cells = tuple(_sound(experiment.cells))
    missing = sum(cell.score is None for cell in cells)
    return _subject_of(experiment, "experiment", experiment.id, label, experiment.candidate, cells, missing)


def _of_run(certificate: Certificate, label: str) -> Subject:
    shipped = certificate.shipped
    candidate = certificate.winner if shipped else certificate.start
    cells = (
        ExampleScore(pair.example, pair.group, pair.weight, pair.winner if shipped else pair.start)
        for pair in certificate.pairs
    )
    missing = int(certificate.missing) if _number(certificate.missing) else 0
    sound = tuple(_sound(cells))
    return _subject_of(certificate, "run", certificate.run_id, label, candidate, sound, missing)


def _subject_of(
    record: Experiment | Certificate, kind: str, name: str, label: str, candidate: str,
    cells: tuple[ExampleScore, ...], missing: int,
) -> Subject:  # fmt: skip
    """A subject in the types that it should have: a file may say anything."""
    scorer = None if record.scorer is None else str(record.scorer)
    texts = (str(name), str(label), kind, str(record.metric), scorer, str(record.program), str(candidate))
    return Subject(*texts, scores=cells, missing=missing)


def _sound(cells: Iterable[ExampleScore]) -> Iterator[ExampleScore]:
    for cell in cells:
        texts: Any = (cell.example, cell.group)
        if not all(isinstance(t, str) for t in texts) or not _number(cell.weight) or cell.weight <= 0:
            raise EvidenceError(f"an example has no key, group and positive weight: {cell!r:.200}")
        if cell.score is not None and not (_number(cell.score) and -1e-9 <= cell.score <= 1 + 1e-9):
            raise EvidenceError(f"the score of an example is none in [0, 1]: {cell!r:.200}")
        yield cell


def _number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _apart(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """Subjects that can be told apart by their labels: where different ones share one, by their ids."""
    counts = Counter(label for label, _ in {(s.label, s.id) for s in subjects})
    return tuple(replace(s, label=s.id) if counts[s.label] > 1 else s for s in subjects)
