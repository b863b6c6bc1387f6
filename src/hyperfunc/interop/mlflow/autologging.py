"""``autolog``: from one line on, every run of this process is logged."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from hyperfunc.runs.callbacks import Callback
from hyperfunc.runs.everywhere import stop_watching, watch_every_run

from .watching import RunLog

__all__ = ["autolog"]

_NAME = "mlflow"
_INSTALL = "install it with: pip install 'hyperfunc[mlflow]'"


def autolog(
    *, disable: bool = False, prompts: bool = True, artifacts: bool = True, deadline_s: float = 10.0
) -> None:
    """Log every run of every system that begins in this process from now on to MLflow.

    It logs to MLflow's own tracking URI and experiment; inside an active MLflow run, as its child. Each run
    has parameters, metrics by step, scores of start and winner with the gain, the version of its data, and as
    files the artefact, the certificate and the report. Prompts that are learnt become versions in the prompt
    registry, linked to the run.

    Logging never breaks a run and never holds one up: it is done in a thread beside it, and at the end the
    run waits ``deadline_s`` at most. What could not be logged is one warning of the result.

    Args:
        disable: stop; runs under way are logged to their end.
        prompts: whether learnt prompts are registered.
        artifacts: whether the files are uploaded. They hold learnt texts, and the report holds examples.
        deadline_s: seconds that a run waits at its end for what is not logged yet.

    Example::

        import hyperfunc.interop.mlflow

        hyperfunc.interop.mlflow.autolog()
        system.optimize(train, metric, budget="2000 calls")
    """
    if disable:
        stop_watching(_NAME)
        return
    reason = _missing()
    if reason:
        warnings.warn(reason, stacklevel=2)
        watch_every_run(_NAME, lambda: _Absent(reason))
        return
    watch_every_run(_NAME, lambda: RunLog(prompts=prompts, artifacts=artifacts, deadline_s=deadline_s))


def _missing() -> str:
    """Why nothing can be logged; empty when it can."""
    try:
        # Now, so that the first run does not begin with waiting for it.
        from . import tracking  # noqa: F401
    except ModuleNotFoundError as error:
        return f"nothing is logged: {error.name} is not installed; {_INSTALL}"
    except Exception as error:  # a broken installation must not break a run either
        return f"nothing is logged: MLflow cannot be imported ({type(error).__name__}: {error}); {_INSTALL}"
    return ""


class _Absent(Callback):
    """Says in each result that nothing was logged."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def on_close(self) -> Sequence[str]:
        """The reason."""
        return (self._reason,)
