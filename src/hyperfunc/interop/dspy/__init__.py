"""Programs of DSPy as systems, and an optimizer in DSPy's calling convention. DSPy is loaded when needed."""

from .details import CompileDetails as CompileDetails
from .metrics import from_dspy_metric as from_dspy_metric
from .plan import Plan as Plan
from .system import DSPySystem as DSPySystem
from .system import from_dspy as from_dspy
from .teleprompter import __getattr__ as __getattr__
