"""Every error hyperfunc raises on purpose, as one tree.

::

    HyperfuncError
    ├── SpaceError (ValueError)            a knob, a space or a candidate is wrong
    │   ├── UnknownKnob (KeyError)         a name that the space does not have
    │   └── OutOfBounds                    a value that its knob does not allow
    ├── ProgramError (ValueError)          a system or hyperfunction is put together wrongly
    │   ├── DuplicateName                  two functions of one system share a name
    │   └── MissingInput                   an example lacks an argument of ``run``
    ├── DatasetError (ValueError)          examples that cannot be used
    ├── MetricError (ValueError)           a metric returned something that is not a score
    ├── BudgetError                        limits
    │   ├── BudgetSyntax (ValueError)      a budget that cannot be read
    │   ├── BudgetExhausted                a limit is reached; nothing more is dispatched
    │   ├── BudgetTooSmall                 the budget cannot pay one evaluation
    │   └── UnknownPrice                   a money budget, and a call whose price is unknown
    ├── LedgerError (RuntimeError)         the ledger file cannot be used
    │   └── RunLocked                      another writer holds this run
    ├── CallError (RuntimeError)           one call failed: the program's own fault
    │   ├── CallTimeout (TimeoutError)     it took longer than its ``timeout_s``
    │   └── CallLimit                      it was called more often than its ``max_calls``
    ├── InfrastructureError (RuntimeError) network, quota, server: never becomes a score
    └── ModelError (ValueError)            a request or weight file is wrong
        └── UnknownModel                   nothing answers for a model name

Messages say what happened, where, and what to do, in one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BudgetError",
    "BudgetExhausted",
    "BudgetSyntax",
    "BudgetTooSmall",
    "CallError",
    "CallLimit",
    "CallTimeout",
    "DatasetError",
    "DuplicateName",
    "HyperfuncError",
    "InfrastructureError",
    "LedgerError",
    "MetricError",
    "MissingInput",
    "ModelError",
    "OutOfBounds",
    "ProgramError",
    "RunLocked",
    "SpaceError",
    "UnknownKnob",
    "UnknownModel",
    "UnknownPrice",
    "did_you_mean",
]


class HyperfuncError(Exception):
    """Base of every error this package raises on purpose."""

    def __str__(self) -> str:
        # KeyError would quote the message; a sentence must stay readable.
        return str(self.args[0]) if self.args else ""


class SpaceError(HyperfuncError, ValueError):
    """A knob, a space or a candidate is wrong."""


class UnknownKnob(SpaceError, KeyError):
    """A name that the space does not have."""


class OutOfBounds(SpaceError):
    """A value that its knob does not allow."""


class ProgramError(HyperfuncError, ValueError):
    """A system or a hyperfunction is put together wrongly."""


class DuplicateName(ProgramError):
    """Two functions of one system share a name."""


class MissingInput(ProgramError):
    """An example lacks an argument of the function it is for."""


class DatasetError(HyperfuncError, ValueError):
    """Examples that cannot be used."""


class MetricError(HyperfuncError, ValueError):
    """A metric returned something that is not a score."""


class BudgetError(HyperfuncError):
    """A limit is wrong or reached."""


class BudgetSyntax(BudgetError, ValueError):
    """A budget that cannot be read."""


class BudgetExhausted(BudgetError):
    """A limit is reached; nothing more is dispatched."""


class BudgetTooSmall(BudgetError):
    """The budget cannot pay one evaluation."""


class UnknownPrice(BudgetError):
    """A money budget was given, and a call's price is unknown."""


class LedgerError(HyperfuncError, RuntimeError):
    """The ledger file cannot be used."""


class RunLocked(LedgerError):
    """Another writer holds this run."""


class CallError(HyperfuncError, RuntimeError):
    """One call failed through the program's own fault; its lane scores 0."""


class CallTimeout(CallError, TimeoutError):
    """A call took longer than its ``timeout_s``."""


class CallLimit(CallError):
    """A function was called more often than its ``max_calls`` in one lane."""


class InfrastructureError(HyperfuncError, RuntimeError):
    """Network, quota or server trouble: the cell stays missing and is tried again on resume."""


class ModelError(HyperfuncError, ValueError):
    """A request or a weight file is wrong."""


class UnknownModel(ModelError):
    """Nothing answers for a model name."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'route.prompt'?``, or nothing when no name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
