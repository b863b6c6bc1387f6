"""Every other provider, by way of litellm where it is installed (the extra ``litellm``)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hyperfunc.errors import (
    InfrastructureError,
    KeyRefused,
    ModelError,
    RateLimited,
    RequestRefused,
    RequestTimeout,
    ServerFailed,
    UnknownModel,
)
from hyperfunc.llm.client import Request, Response, Usage
from hyperfunc.llm.http import Answered, Attempts, Endpoint, Fault, attempt
from hyperfunc.llm.http.endpoint import Permit
from hyperfunc.llm.providers.openai_style import OpenAIStyle
from hyperfunc.llm.providers.parameters import LITELLM
from hyperfunc.llm.providers.reading import probable_tokens
from hyperfunc.llm.secrets import Secret, redact

__all__ = ["LiteLLMClient"]

_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


class LiteLLMClient:
    """Asks litellm for one model, under the limits, retries and errors of this package.

    Args:
        model: litellm's name, such as ``"anthropic/claude-..."``.
        endpoint: limits, shared by all callers of the model.
        attempts: time limits and retries; litellm's own are switched off.
        cost: US dollars of a call by its usage; ``None`` where unknown.
        url: of the provider; litellm's own when empty.
        key: of the provider; litellm looks for its own variables when there is none.
        extra: further arguments of every call.

    Raises:
        ModelError: litellm is not installed.
    """

    def __init__(
        self,
        model: str,
        endpoint: Endpoint,
        attempts: Attempts | None = None,
        cost: Callable[[Usage], float | None] = lambda usage: None,
        *,
        url: str = "",
        key: Secret | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        # Otherwise importing it downloads a list of prices.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        try:
            import litellm  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ModelError(
                f"litellm/{model} needs litellm; install it with: pip install 'hyperfunc[litellm]'"
            ) from error
        self._litellm: Any = litellm
        self._model = model
        self._endpoint = endpoint
        self._attempts = attempts or Attempts()
        self._cost = cost
        self._dialect = OpenAIStyle(model=model, table=LITELLM, extra=extra or {})
        self._url = url
        self._key = key
        for name, value in os.environ.items():
            # It reads keys by itself; known here, they are kept out of what it says.
            if name.endswith(("_KEY", "_TOKEN", "_SECRET")):
                Secret(value.strip(), name)

    async def complete(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            InfrastructureError: network, quota or server trouble outlasted every attempt.
            ModelError: the provider cannot do, or does not accept, what is asked.
        """
        began = time.perf_counter()
        body = self._dialect.body(request)
        if self._url:
            body["api_base"] = self._url

        async def once(_: Permit) -> Answered[Response]:
            reply, fault = await self._asked(body)
            if fault is not None:
                # Without litellm's error behind it, which may hold the key.
                raise fault
            found = reply if isinstance(reply, dict) else reply.model_dump()
            response = self._dialect.answer(f"litellm/{self._model}", request, found)
            used = response.usage
            return Answered(
                response, used.completion_tokens if used else 0, used.total_tokens if used else None
            )

        response = await attempt(self._endpoint, self._attempts, once, probable_tokens(request))
        dollars = response.cost
        if dollars is None and response.usage is not None:
            dollars = self._cost(response.usage)
        return replace(response, cost=dollars, latency_s=time.perf_counter() - began)

    async def _asked(self, body: Mapping[str, Any]) -> tuple[Any, Fault | None]:
        """Ask once; a fault in place of an error of litellm."""
        secret = {} if self._key is None else {"api_key": self._key.reveal()}
        try:
            # What a provider cannot do must be an error here too.
            reply = await self._litellm.acompletion(
                **body, **secret, num_retries=0, max_retries=0, drop_params=False
            )
        except Exception as error:
            fault = self._fault(error)
            if fault is None:
                raise
            return None, fault
        return reply, None

    def _fault(self, error: Exception) -> Fault | None:
        """What a failure means; ``None`` when litellm does not say."""
        status = getattr(error, "status_code", None)
        if not isinstance(status, int):
            return None
        words = f"litellm/{self._model}: {redact(str(error))[:300]}"
        kinds: dict[int, type[InfrastructureError | ModelError]] = {
            400: RequestRefused, 401: KeyRefused, 403: KeyRefused, 404: UnknownModel,
            408: RequestTimeout, 422: RequestRefused, 429: RateLimited,
        }  # fmt: skip
        kind = kinds.get(status, ServerFailed if status >= 500 else RequestRefused)
        return Fault(kind(words), status=status, again=status in _AGAIN)
