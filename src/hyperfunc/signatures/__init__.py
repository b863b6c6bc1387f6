"""Model calls with typed fields: signatures, and ``Predict`` that fills them in."""

from .fields import InputField, OutputField
from .predict import Predict
from .prediction import Prediction
from .signature import Signature

__all__ = ["InputField", "OutputField", "Predict", "Prediction", "Signature"]
