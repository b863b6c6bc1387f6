"""Reflective evolution of texts, and its strategies."""

from .acceptance import ImprovementOrEqual as ImprovementOrEqual
from .acceptance import Posterior as Posterior
from .acceptance import StrictImprovement as StrictImprovement
from .batches import MixedBatches as MixedBatches
from .components import All as All
from .components import ByCredit as ByCredit
from .components import RoundRobin as RoundRobin
from .merging import Rebase as Rebase
from .merging import Uniform as Uniform
from .named import GEPAPromptOptimizer as GEPAPromptOptimizer
from .named import PromptLearningOptimizer as PromptLearningOptimizer
from .pace import ByGain as ByGain
from .pace import Constant as Constant
from .parents import CurrentBest as CurrentBest
from .parents import EpsilonGreedy as EpsilonGreedy
from .parents import Pareto as Pareto
from .parents import TopK as TopK
from .reflective import Reflective as Reflective
