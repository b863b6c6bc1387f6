"""Proposers: who writes new values for knobs, from how a candidate did."""

from .ape import APE
from .base import ProposalRequest, Proposed, Record, Rejected, TextProposer
from .bootstrap import Bootstrap
from .crossover import Crossover
from .custom import Custom, as_proposer
from .edits import Edits
from .mixture import Alternate, Mixture
from .paraphrase import Paraphrase
from .prompt_learning import PromptLearning
from .reflection import Reflection

__all__ = [
    "APE",
    "Alternate",
    "Bootstrap",
    "Crossover",
    "Custom",
    "Edits",
    "Mixture",
    "Paraphrase",
    "PromptLearning",
    "ProposalRequest",
    "Proposed",
    "Record",
    "Reflection",
    "Rejected",
    "TextProposer",
    "as_proposer",
]
