"""Predictors whose calls go through components."""

from __future__ import annotations

from typing import Any

from hyperfunc.interop.components import Component

from .library import library
from .threads import in_lane

__all__ = ["attach", "fields_of"]


def attach(predictor: Any, component: Component) -> None:
    """Let every call of a predictor go through a component; the predictor is one of a copy."""
    kind = type(predictor)

    def forward(**inputs: Any) -> Any:
        with in_lane():
            return component.report(inputs, lambda: kind.forward(predictor, **inputs), fields_of)

    async def aforward(**inputs: Any) -> Any:
        # A component is synchronous, so that it serves threads as well: it is told when the call is over.
        try:
            prediction = await kind.aforward(predictor, **inputs)
        except Exception as error:
            failure = error

            def fail() -> Any:
                raise failure

            component.report(inputs, fail)
            raise
        return component.report(inputs, lambda: prediction, fields_of)

    predictor.forward = forward
    if hasattr(kind, "aforward"):
        predictor.aforward = aforward


def fields_of(prediction: Any) -> Any:
    """The fields of a prediction as a dict; anything else as it is."""
    return dict(prediction.items()) if isinstance(prediction, library().Example) else prediction
