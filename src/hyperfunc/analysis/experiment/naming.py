"""What a word means in a ledger: a run, or an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hyperfunc.analysis.certificate import Certificate
from hyperfunc.errors import LedgerError, did_you_mean

from .kept import experiment_in, heads_in
from .record import Experiment

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = ["LAST", "find", "named"]

LAST = "last"


def named(ledger: Ledger, word: str) -> tuple[str, bool]:
    """The id that a word means, and whether it is that of an experiment.

    Args:
        ledger: where to look.
        word: an id of a run or an experiment; the name of an experiment, of which the newest of that name
            is meant; the beginning of one id; or ``last``, the newest of all.

    Raises:
        LedgerError: it means nothing, or more than one thing.
    """
    heads = heads_in(ledger)
    born = {row.run_id: row.created for row in ledger.list_runs()}
    born |= {name: float(head["created"]) for name, head in heads.items()}
    if not born:
        raise LedgerError(
            f"the ledger at {ledger.path} has no runs and no experiments yet: hyperfunc demo makes one"
        )
    if word == LAST:
        newest = max(born, key=lambda name: born[name])
        return newest, newest in heads
    found = _one_of(word, born, heads)
    if len(found) == 1:
        return found[0], found[0] in heads
    if found:
        raise LedgerError(f"{word!r} may be any of {', '.join(found)}: give more of the id")
    names = [*born, *(str(head["name"]) for head in heads.values() if head["name"])]
    hint = did_you_mean(word, names) or ": see hyperfunc runs for what there is"
    raise LedgerError(
        f"there is no run {word!r}, and no experiment of that name, in the ledger at {ledger.path}{hint}"
    )


def find(ledger: Ledger, word: str) -> Experiment | Certificate:
    """The experiment that a word means, or the certificate of the run that it means.

    Raises:
        LedgerError: it means nothing, more than one thing, or a run without a certificate.
    """
    found, is_experiment = named(ledger, word)
    if is_experiment:
        return experiment_in(ledger, found)
    certificates = ledger.events(found, "certificate")
    if not certificates:
        raise LedgerError(
            f"run {found} has no certificate: it held nothing out, or is not done; see hyperfunc show {found}"
        )
    return Certificate.from_json(certificates[-1].payload)


def _one_of(word: str, born: Mapping[str, float], heads: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Ids that a word may mean: the exact one, else the newest of that name, else all that begin so."""
    if word in born:
        return [word]
    same = [name for name, head in heads.items() if word and head["name"] == word]
    return same[-1:] or [name for name in born if word and name.startswith(word)]
