"""The embedded models over HTTP: OpenAI-style routes and KoboldCpp's own, on aiohttp."""

from .running import background, running
from .service import Service

__all__ = ["Service", "background", "running"]
