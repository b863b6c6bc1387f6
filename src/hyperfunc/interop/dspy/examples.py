"""Examples of DSPy as examples of ours, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hyperfunc.errors import DatasetError
from hyperfunc.evaluation.dataset import Example

from .library import library

__all__ = ["as_dspy_example", "as_prediction", "from_dspy_examples"]


def from_dspy_examples(examples: Iterable[Any]) -> tuple[Example, ...]:
    """Examples whose inputs are the input fields and whose expectation is a dict of all other fields.

    Args:
        examples: ``dspy.Example`` with input keys; those of ours are left as they are.

    Raises:
        DatasetError: one is something else, or does not say which of its fields are inputs.
    """
    return tuple(_converted(example, number) for number, example in enumerate(examples))


def _converted(example: Any, number: int) -> Example:
    if isinstance(example, Example):
        return example
    if not isinstance(example, library().Example):
        raise DatasetError(f"example {number} is {example!r:.80}; give a dspy.Example")
    if example._input_keys is None:
        raise DatasetError(
            f"example {number} does not say which of its fields are inputs; call .with_inputs(...) on it"
        )
    return Example(dict(example.inputs().items()), dict(example.labels().items()))


def as_dspy_example(example: Example) -> Any:
    """The ``dspy.Example`` that one of ours was made from."""
    labels = example.expected if isinstance(example.expected, dict) else {"expected": example.expected}
    return library().Example({**example.inputs, **labels}).with_inputs(*example.inputs)


def as_prediction(outcome: Any) -> Any:
    """What a lane returned, as the ``dspy.Prediction`` that it was made from."""
    return library().Prediction(outcome) if isinstance(outcome, dict) else outcome
