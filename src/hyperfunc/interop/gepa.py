"""``from_gepa_adapter``: what GEPA could train becomes a system of ours.

An adapter evaluates candidates, which are texts by component; what it says for GEPA's reflection becomes the
feedback about each component. An adapter is told by its methods, so nothing here imports ``gepa``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hyperfunc.errors import ProgramError
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric, per_item
from hyperfunc.optimizers.proposers.base import ProposalRequest
from hyperfunc.program.binding import DirectFrame, current_frame
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.program.policy import Policy
from hyperfunc.spaces import Text
from hyperfunc.system import HyperSystem
from hyperfunc.types import ScoreResult

from .components import Component
from .fingerprints import settings_of, source_of
from .instructions import InstructionProposer
from .names import component_name, part_name

__all__ = ["GEPASystem", "from_gepa_adapter"]

_METHODS = ("evaluate", "make_reflective_dataset")


def from_gepa_adapter(
    adapter: Any, seed_candidate: Mapping[str, str], *, score_range: tuple[float, float] = (0.0, 1.0)
) -> GEPASystem:
    """A ``GEPAAdapter`` as a system: each component of the candidate is a text knob.

    A lane is one call of ``evaluate`` with one item and its traces, in a thread. Model calls of an adapter
    are its own: budgets count evaluations, not its calls.

    Args:
        adapter: anything with ``evaluate`` and ``make_reflective_dataset``.
        seed_candidate: text by component.
        score_range: the lowest and the highest score that it gives; they become 0 and 1.

    Raises:
        ProgramError: a method is missing, the candidate holds something other than texts, or the range is
            empty.

    Example::

        system = from_gepa_adapter(adapter, {"system_prompt": "Answer the question."})
        result = system.optimize(system.examples(trainset), system.metric(), budget="300 evaluations")
        system.texts()
    """
    return GEPASystem(adapter, seed_candidate, score_range)


class GEPASystem(HyperSystem):
    """What a ``GEPAAdapter`` evaluates; :func:`from_gepa_adapter` makes it.

    Args:
        adapter: it is never changed by us.
        seed_candidate: text by component.
        score_range: of its scores.
    """

    def __init__(
        self, adapter: Any, seed_candidate: Mapping[str, str], score_range: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        missing = [name for name in _METHODS if not callable(getattr(adapter, name, None))]
        if missing:
            raise ProgramError(f"{type(adapter).__name__} is no GEPAAdapter: it has no {missing[0]}")
        if not seed_candidate or not all(isinstance(text, str) for text in seed_candidate.values()):
            raise ProgramError("a seed candidate is a dict from at least one component to its text")
        if not score_range[0] < score_range[1]:
            raise ProgramError(f"score_range is {score_range}; give the lowest and the highest score")
        self._adapter = adapter
        self._range = score_range
        # Taken once: what an adapter counts while it runs does not make it another one.
        self._facts = [source_of(type(adapter)), settings_of(adapter)]
        self._components = {}
        for part, text in seed_candidate.items():
            name = component_name(part)
            self._components[part] = Component(name, text, {f"{name}.prompt": Text(text)})
        name = "program"
        while name in {component.name for component in self._components.values()}:
            name += "_"
        self._program = HyperFunction(_program_of(self), name=name, share=False, policy=Policy(blocking=True))
        super().__init__([*self._components.values(), self._program])

    def run(self, item: Any) -> Any:
        """Evaluate one item; in an evaluation everything that the adapter said comes back, as a dict."""
        return self._program(item=item)

    def examples(self, items: Iterable[Any]) -> tuple[Example, ...]:
        """Items of the adapter's data as examples."""
        return tuple(Example({"item": item}, None) for item in items)

    def metric(self) -> Metric:
        """The adapter's own scores, with its feedback about the whole and about each component."""
        low, high = self._range
        return per_item(_judge(low, high))

    def texts(self, values: Mapping[str, Any] | None = None) -> dict[str, str]:
        """A candidate as GEPA has it, text by component; the system's own values by default."""
        chosen = self.candidate if values is None else values
        names = {part: f"{component.name}.prompt" for part, component in self._components.items()}
        return {part: chosen.get(name, self._components[part].prompt) for part, name in names.items()}

    def proposer(self) -> InstructionProposer:
        """The adapter's own ``propose_new_texts`` as a proposer of ours.

        Raises:
            ProgramError: it has none.
        """
        function = getattr(self._adapter, "propose_new_texts", None)
        if not callable(function):
            raise ProgramError(f"{type(self._adapter).__name__} has no propose_new_texts; use another one")
        return InstructionProposer(function, _records)

    def settings(self) -> str:
        """What beside the texts makes the results: the adapter's code and its plain settings."""
        return repr([super().settings(), self._facts])

    def evaluate_item(self, item: Any) -> Any:
        """One lane: evaluate, and report what the adapter says of each component."""
        frame = current_frame()
        candidate = self.texts({} if frame is None else frame.binding.values)
        batch = self._adapter.evaluate([item], dict(candidate), capture_traces=True)
        if len(batch.outputs) != 1 or len(batch.scores) != 1:
            raise ProgramError(
                f"{type(self._adapter).__name__}.evaluate gave {len(batch.outputs)} outputs and "
                f"{len(batch.scores)} scores for one item; give one of each"
            )
        if isinstance(frame, DirectFrame):
            return batch.outputs[0]
        records = {part: self._records(part, candidate, batch) for part in candidate}
        for part, shown in records.items():
            for record in shown:
                self._components[part].report(*_call(record))
        parts = (batch.objective_scores or [None])[0]
        return {
            "output": batch.outputs[0], "score": float(batch.scores[0]),
            "objective_scores": dict(parts or {}), "records": records,
        }  # fmt: skip

    def _records(self, part: str, candidate: Mapping[str, str], batch: Any) -> list[dict[str, Any]]:
        """What the adapter says of one component; adapters raise where there is nothing to say."""
        if not batch.trajectories:
            return []
        try:
            made = self._adapter.make_reflective_dataset(dict(candidate), batch, [part])
        except Exception as error:
            return [{"Feedback": f"No reflective dataset: {type(error).__name__}: {error}"}]
        return [dict(record) for record in made.get(part, ())]


def _program_of(system: GEPASystem) -> Any:
    def program(item: Any) -> Any:
        return system.evaluate_item(item)

    return program


def _judge(low: float, high: float) -> Any:
    def adapter_score(_example: Example, pred: Any, pred_name: str | None = None) -> Any:
        said = _feedback(pred["records"], None if pred_name is None else part_name(pred_name))
        parts = pred["objective_scores"]
        details = {"objective_scores": parts} if parts else {}
        return ScoreResult((pred["score"] - low) / (high - low), said, details)

    return adapter_score


def _feedback(records: Mapping[str, Any], part: str | None) -> str:
    """What was said of one component, or of all, each sentence once."""
    chosen = records.values() if part is None else [records.get(part, ())]
    said = [str(record["Feedback"]) for shown in chosen for record in shown if record.get("Feedback")]
    return "\n".join(dict.fromkeys(said))


def _call(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
    """A record as a call of its component: what was given, and what makes the result."""
    inputs = record.get("Inputs", {})
    given = inputs if isinstance(inputs, Mapping) else {"input": inputs}
    return given, lambda: record.get("Generated Outputs")


def _records(request: ProposalRequest, names: Iterable[str]) -> dict[str, list[Any]]:
    """The adapter's own records, word for word."""
    found: dict[str, list[Any]] = {part_name(name): [] for name in names}
    for record in request.records:
        known = record.output.get("records", {}) if isinstance(record.output, Mapping) else {}
        for part, shown in found.items():
            shown.extend(known.get(part, ()))
    return found
