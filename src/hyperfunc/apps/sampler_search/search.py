"""The search itself: probe, try settings, test the best again, and write what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import InfrastructureError, LedgerError
from hyperfunc.ledger import Ledger
from hyperfunc.runs.callbacks import Callback
from hyperfunc.runs.loop import new_run_id
from hyperfunc.spaces import Candidate

from . import filing
from .config import SearchConfig, as_json, from_json
from .evidence import Scored, scored_cells
from .families import FAMILIES
from .measures import AUTOMATIC, metric_for
from .probing import fitting_families, knowledge_of
from .prompts import prompts_for
from .results import ResultFile
from .retest import retest
from .servers import Server, opened
from .space import SettingSpace, examples, writer
from .state import SearchState
from .strategies import Watched, plan_for

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Ask, Told
    from hyperfunc.runs.result import Result, StepRecord
    from hyperfunc.system import HyperSystem

__all__ = ["Found", "resumed_config", "search"]

NOTE = "sampler_search"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search left behind.

    Args:
        file: the result file.
        whole: its content.
        run_id: names the run in the ledger.
    """

    file: Path
    whole: dict[str, Any]
    run_id: str


def search(
    config: SearchConfig,
    *,
    ledger: str | Path | Ledger | None = None,
    run_id: str | None = None,
    callbacks: Sequence[Callback] | None = None,
    say: Callable[[str], None] = lambda line: None,
    planned: Callable[[int], None] = lambda settings: None,
) -> Found:
    """Find sampling settings, test the best again on new prompts, and write what was found.

    Args:
        config: what to do.
        ledger: a folder or file for everything that is paid; ``.hyperfunc/`` by default.
        run_id: of a search to go on with; its own configuration goes before ``config``.
        callbacks: told about every step; as in :meth:`~hyperfunc.HyperSystem.aoptimize` when left out.
        say: told in words what was decided before the first text.
        planned: told how many settings will be tried.

    Returns:
        The result file and its content.

    Raises:
        ModelError: the model is not there, or its server ignores a parameter that was chosen.
        SpaceError: the configuration is wrong.
        KeyboardInterrupt: what was done and paid is kept; go on with the run's id.

    Example::

        found = search(load_config(section="quick_test"))
        print(found.whole["best_configuration"]["parameters"])
    """
    book = ledger if isinstance(ledger, Ledger) else Ledger.open(ledger)
    try:
        file = None
        if run_id is not None:
            config, file = resumed_config(book, run_id)
        with opened(config.check().model) as server:
            work = _prepared(config, server, book, run_id or new_run_id(), file, say)
            planned(work.plan.settings)
            return _carried_out(work, book, callbacks)
    finally:
        if book is not ledger:
            book.close()


def resumed_config(ledger: Ledger, run_id: str) -> tuple[SearchConfig, ResultFile]:
    """The configuration and the result file of a search that was begun.

    Raises:
        LedgerError: the run is none of a sampler search.
    """
    meta = ledger.get_run(run_id).meta
    kept = meta.get(NOTE)
    if not isinstance(kept, dict):
        raise LedgerError(f"run {run_id} is no sampler search; go on with it by hyperfunc resume {run_id}")
    return from_json(kept["config"]), ResultFile(Path(kept["file"]))


def _prepared(
    config: SearchConfig, server: Server, book: Ledger, run_id: str, file: ResultFile | None,
    say: Callable[[str], None],
) -> SearchState:  # fmt: skip
    known = knowledge_of(server, book.path.parent / "probes")
    families, left_out = fitting_families(
        known, config.sampler_types or tuple(FAMILIES), chosen=config.chosen
    )
    own, held_out = prompts_for(server.embedded)
    space = SettingSpace.of(config, families)
    plan = plan_for(config, space)
    work = SearchState(
        config=config,
        server=server,
        known=known,
        families=families,
        prompts=config.test_prompts or own,
        retest_prompts=config.retest_prompts or held_out,
        plan=plan,
        space=space,
        file=file or ResultFile.new(Path(config.output_dir), plan.strategy),
        run_id=run_id,
        notes=tuple(left_out),
    )
    for line in (*left_out, *_decided(work)):
        say(line)
    return work


def _decided(work: SearchState) -> list[str]:
    lines = [f"strategy {work.plan.strategy}: {work.plan.why}"]
    if work.known.source == "trust":
        lines.append("this server cannot be probed: that it honors the parameters is taken on trust")
    if work.config.judge is None and not work.server.embedded:
        lines.append(f"no judge: texts are scored by {AUTOMATIC}; name one with --judge-model for others")
    return lines


def _carried_out(work: SearchState, book: Ledger, callbacks: Sequence[Callback] | None) -> Found:
    config = work.config
    system = writer(work.server.model, work.space)
    if work.plan.start is not None:
        system.candidate = system.candidate.replace(work.space.changes(work.plan.start))
    metric = metric_for(config.judge, config.seed)
    data = examples(work.prompts, config.samples_per_config, config.max_length)
    result: Result = system.optimize(
        data,
        metric,
        test=(),
        optimizer=Watched(work.plan.optimizer, partial(_seen, work)),
        seed=config.seed,
        ledger=book,
        run_id=work.run_id,
        max_concurrency=config.parallel_workers,
        callbacks=callbacks,
        stop=(_never,),
        notes={NOTE: {"config": as_json(config), "file": str(work.file.path.absolute())}},
    )
    scored = [each for each in _scored(work, system, metric, book) if each.known]
    if len(scored) < 2:
        raise InfrastructureError(
            f"{len(scored)} of {work.plan.settings} settings could be scored, and a comparison needs two; "
            "see to the model and the judge with hyperfunc sampler doctor, and go on with --resume "
            f"{work.run_id}"
        )
    again = retest(work, scored, book)
    whole = filing.finished(work, scored, again, result)
    work.file.write(whole)
    return Found(work.file.path, whole, work.run_id)


def _seen(work: SearchState, ask: Ask, told: Told, order: tuple[Candidate, ...]) -> None:
    """Take in an answer, and write the file anew."""
    work.order = order
    for candidate, value in zip(ask.population, told.values_K.tolist(), strict=True):
        work.tried[candidate.id] = (work.space.setting_of(candidate), value)
    work.file.write(filing.unfinished(work))


def _never(history: Sequence[StepRecord]) -> None:
    """A search ends when its settings are tried, and not when scores stand still."""


def _scored(work: SearchState, system: HyperSystem, metric: Any, book: Ledger) -> list[Scored]:
    """Each setting with the scores of its texts, out of the ledger; the best first."""
    config = work.config
    tried = [candidate for candidate in work.order if candidate.id in work.tried]
    data = examples(work.prompts, config.samples_per_config, config.max_length)
    found = system.evaluate_population(
        tried, data, metric, seed=config.seed, ledger=book, max_concurrency=config.parallel_workers
    )
    return [
        scored_cells(work.space.setting_of(c), each.cells, len(work.prompts), config.judge)
        for c, each in zip(tried, found, strict=True)
    ]
