"""Ask/tell optimizers: what to try next, and what to ship."""

from hyperfunc.optimizers.archive import Archive
from hyperfunc.optimizers.asha import ASHA
from hyperfunc.optimizers.automatic import Chosen, automatic, chosen
from hyperfunc.optimizers.base import Ask, Delegate, NoOp, Optimizer, Problem, State, Told
from hyperfunc.optimizers.bayes import Bayesian
from hyperfunc.optimizers.botorch_gp import BoTorch, TrustRegion
from hyperfunc.optimizers.cmaes import CMAES
from hyperfunc.optimizers.compat import (
    ESHybridSystemOptimizer,
    NoOpPromptOptimizer,
    NoOpSystemOptimizer,
    TorchEggrollSystemOptimizer,
)
from hyperfunc.optimizers.edits import EditSearch
from hyperfunc.optimizers.eggroll import Eggroll
from hyperfunc.optimizers.exemplars import ExemplarSearch
from hyperfunc.optimizers.fixed import Fixed
from hyperfunc.optimizers.hyperband import Hyperband, SuccessiveHalving
from hyperfunc.optimizers.joint import Joint
from hyperfunc.optimizers.number_search import NumberSearch
from hyperfunc.optimizers.optuna_tpe import TPE
from hyperfunc.optimizers.parts import Part
from hyperfunc.optimizers.points import Given, Grid, Random
from hyperfunc.optimizers.racing import Racing
from hyperfunc.optimizers.reflective import GEPAPromptOptimizer, PromptLearningOptimizer, Reflective
from hyperfunc.optimizers.search import Enter, Proposer, Scheduler, Search
from hyperfunc.optimizers.slots import Slots
from hyperfunc.optimizers.snes import SNES
from hyperfunc.optimizers.sobol import Sobol
from hyperfunc.optimizers.surrogate_es import SurrogateES

__all__ = [
    "ASHA",
    "CMAES",
    "SNES",
    "TPE",
    "Archive",
    "Ask",
    "Bayesian",
    "BoTorch",
    "Chosen",
    "Delegate",
    "ESHybridSystemOptimizer",
    "EditSearch",
    "Eggroll",
    "Enter",
    "ExemplarSearch",
    "Fixed",
    "Given",
    "GEPAPromptOptimizer",
    "Grid",
    "Hyperband",
    "Joint",
    "NoOp",
    "NoOpPromptOptimizer",
    "NoOpSystemOptimizer",
    "NumberSearch",
    "Optimizer",
    "Part",
    "Problem",
    "PromptLearningOptimizer",
    "Proposer",
    "Racing",
    "Random",
    "Reflective",
    "Scheduler",
    "Search",
    "Slots",
    "Sobol",
    "State",
    "SuccessiveHalving",
    "SurrogateES",
    "Told",
    "TorchEggrollSystemOptimizer",
    "TrustRegion",
    "automatic",
    "chosen",
]
