"""Evolution strategies for any torch module."""

from hyperfunc.torch_es.search import TorchEggrollES

__all__ = ["TorchEggrollES"]
