"""Every error hyperfunc raises on purpose, as one tree.

::

    HyperfuncError
    ├── SpaceError (ValueError)            a knob, a space or a candidate is wrong
    │   ├── UnknownKnob (KeyError)         a name that the space does not have
    │   ├── OutOfBounds                    a value that its knob does not allow
    │   └── DoesNotFit (MemoryError)       a population that memory cannot hold
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
    ├── ProposerError (ValueError)         a proposer is set up wrongly, or returned no proposals
    ├── EvidenceError (ValueError)         scores that cannot be compared, or a gate without a limit
    ├── LedgerError (RuntimeError)         the ledger file cannot be used
    │   └── RunLocked                      another writer holds this run
    ├── CallError (RuntimeError)           one call failed: the program's own fault
    │   ├── CallTimeout (TimeoutError)     it took longer than its ``timeout_s``
    │   └── CallLimit                      it was called more often than its ``max_calls``
    ├── InfrastructureError (RuntimeError) network, quota, server: never becomes a score
    │   ├── ServerUnreachable (ConnectionError)  no connection, or it broke
    │   ├── RequestTimeout (TimeoutError)  no answer in time
    │   ├── RateLimited                    the server asks to wait longer than the deadline allows
    │   ├── QuotaExhausted                 the account cannot pay
    │   ├── KeyRefused (PermissionError)   the key is missing or not accepted
    │   ├── ServerFailed                   the server says that it failed
    │   ├── BadReply                       the server's reply cannot be read
    │   └── JudgeFailed                    a judge gave no judgement, however often it was asked
    └── ModelError (ValueError)            a request or weight file is wrong
        ├── UnknownModel                   nothing answers for a model name
        ├── RequestRefused                 the server does not accept the request
        └── BadAnswer                      a model's text is not the JSON that was asked for

Messages say what happened, where, and what to do, in one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BadAnswer",
    "BadReply",
    "BudgetError",
    "BudgetExhausted",
    "BudgetSyntax",
    "BudgetTooSmall",
    "CallError",
    "CallLimit",
    "CallTimeout",
    "DatasetError",
    "DoesNotFit",
    "DuplicateName",
    "EvidenceError",
    "HyperfuncError",
    "InfrastructureError",
    "JudgeFailed",
    "JudgeNotTrusted",
    "KeyRefused",
    "LedgerError",
    "MetricError",
    "MissingInput",
    "ModelError",
    "OutOfBounds",
    "ProgramError",
    "ProposerError",
    "QuotaExhausted",
    "RateLimited",
    "RequestRefused",
    "RequestTimeout",
    "RunLocked",
    "ServerFailed",
    "ServerUnreachable",
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


class DoesNotFit(SpaceError, MemoryError):
    """A population that memory cannot hold."""


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


class JudgeNotTrusted(MetricError):
    """A judge does not tell known-good texts from known-bad ones well enough."""


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


class ProposerError(HyperfuncError, ValueError):
    """A proposer is set up wrongly, or what a user's own one returned is no proposal."""


class EvidenceError(HyperfuncError, ValueError):
    """Recorded scores that cannot be compared, or an experiment or a gate that is set up wrongly."""


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


class ServerUnreachable(InfrastructureError, ConnectionError):
    """No connection to a model server, or it broke before the answer was complete."""


class RequestTimeout(InfrastructureError, TimeoutError):
    """A model server did not answer in time."""


class RateLimited(InfrastructureError):
    """A model server asks to wait longer than the request's deadline allows."""


class QuotaExhausted(InfrastructureError):
    """The account at a model server cannot pay for the request."""


class KeyRefused(InfrastructureError, PermissionError):
    """A model server wants a key, or does not accept the one it got; no candidate can be blamed for it."""


class ServerFailed(InfrastructureError):
    """A model server says that it failed or is overloaded, however often it was asked."""


class BadReply(InfrastructureError):
    """A model server's reply cannot be read: it is no JSON, lacks its parts, or is too large."""


class JudgeFailed(InfrastructureError):
    """A judge gave no judgement of a text, however often it was asked; the score is missing, not 0."""


class ModelError(HyperfuncError, ValueError):
    """A request or a weight file is wrong."""


class UnknownModel(ModelError):
    """Nothing answers for a model name."""


class RequestRefused(ModelError):
    """A model server does not accept a request as it is."""


class BadAnswer(ModelError):
    """A model's text is not the JSON that its request asked for; asking anew may help."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'route.prompt'?``, or nothing when no name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
