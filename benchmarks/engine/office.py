"""What a prompt, exemplars and sampling are worth on the embedded office model, on held-out tickets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperfunc.apps.demo import office_data as data
from hyperfunc.apps.demo.office_demo import Office, examples, judged, pool

__all__ = ["best_setting", "surface"]


def best_setting(
    kinds: tuple[str, ...] = ("prompt", "exemplars", "sampling"), steps: Any = data.STEPS
) -> dict[str, Any]:
    """The best known values of some kinds of knob, for some steps."""
    values: dict[str, Any] = {}
    for step in steps:
        setting = data.BEST[step]
        if "prompt" in kinds:
            values[f"{step}.prompt"] = setting.prompt
        if "exemplars" in kinds:
            values[f"{step}.exemplars"] = tuple(pool(step)[i] for i in setting.exemplars)
        if "sampling" in kinds:
            values |= {
                f"{step}.hp.{name}": getattr(setting, name) for name in ("temperature", "top_p", "min_p")
            }
    return values


def surface(count: int) -> Mapping[str, float]:
    """Mean score of the start, of the best known setting, and of settings between them.

    Args:
        count: held-out tickets.

    Returns:
        Scores by name: ``start``, ``best``, ``best without KIND``, ``start with CHANGE``.
    """
    kinds = ("prompt", "exemplars", "sampling")
    settings: dict[str, dict[str, Any]] = {"start": {}, "best": best_setting()}
    for kind in kinds:
        rest = tuple(k for k in kinds if k != kind)
        settings[f"best without {kind}"] = best_setting(rest)
    for step in data.STEPS:
        for kind in kinds:
            settings[f"start with {step} {kind}"] = best_setting((kind,), (step,))
        one = best_setting(("exemplars",), (step,))[f"{step}.exemplars"][:1]
        settings[f"start with one {step} exemplar"] = {f"{step}.exemplars": one}
    system = Office()
    population = [system.candidate.replace(values) for values in settings.values()]
    scores = system.evaluate_population(population, examples("test", count), judged)
    return dict(zip(settings, map(float, scores), strict=True))
