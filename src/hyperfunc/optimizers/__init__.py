"""Ask/tell optimizers: what to try next, and what to ship."""

from hyperfunc.optimizers.archive import Archive
from hyperfunc.optimizers.automatic import automatic
from hyperfunc.optimizers.base import Ask, Delegate, NoOp, Optimizer, Problem, State, Told
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
from hyperfunc.optimizers.joint import Joint
from hyperfunc.optimizers.number_search import NumberSearch
from hyperfunc.optimizers.parts import Part
from hyperfunc.optimizers.points import Given, Grid, Random
from hyperfunc.optimizers.racing import Racing
from hyperfunc.optimizers.search import Enter, Proposer, Scheduler, Search
from hyperfunc.optimizers.slots import Slots
from hyperfunc.optimizers.snes import SNES

__all__ = [
    "SNES",
    "Archive",
    "Ask",
    "Delegate",
    "ESHybridSystemOptimizer",
    "EditSearch",
    "Eggroll",
    "Enter",
    "ExemplarSearch",
    "Fixed",
    "Given",
    "Grid",
    "Joint",
    "NoOp",
    "NoOpPromptOptimizer",
    "NoOpSystemOptimizer",
    "NumberSearch",
    "Optimizer",
    "Part",
    "Problem",
    "Proposer",
    "Racing",
    "Random",
    "Scheduler",
    "Search",
    "Slots",
    "State",
    "Told",
    "TorchEggrollSystemOptimizer",
    "automatic",
]
