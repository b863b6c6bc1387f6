"""What models cost: a small table of list prices with their dates, and whatever you know better.

Prices change, and contracts differ: a listed price is an estimate from its date on. Yours come first: what
:func:`register_price` was told, then ``prices.yaml`` or ``prices.json`` of the working folder, then of the
user's folder (``~/.config/hyperfunc``), then the table::

    openai/gpt-4.1-mini: {input: 0.40, output: 1.60}     # US dollars for a million tokens

A model that none of them has costs ``None``: unknown, never zero.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hyperfunc.errors import ModelError

from .client import Request, Usage
from .model_spec import Price
from .paid import ASSUMED_COMPLETION, most_tokens
from .secrets import user_folder

__all__ = [
    "LISTED",
    "ListPrice",
    "cost",
    "cost_of",
    "forget_prices",
    "load_prices",
    "most_cost",
    "price_of",
    "register_price",
]

_MILLION = 1e6
_FILES = ("prices.yaml", "prices.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """A provider's public price for requests that are answered at once and with nothing cached.

    Args:
        price: US dollars for a million tokens.
        as_of: month in which it was looked up.
        prompt_up_to: it holds for prompts of so many tokens; longer ones cost more.
    """

    price: Price
    as_of: str
    prompt_up_to: int | None = None


def _listed(per_input: float, per_output: float, as_of: str, prompt_up_to: int | None = None) -> ListPrice:
    return ListPrice(price=Price(input=per_input, output=per_output), as_of=as_of, prompt_up_to=prompt_up_to)


LISTED: Mapping[str, ListPrice] = {
    "openai/gpt-5": _listed(1.25, 10.00, "2026-03"),
    "openai/gpt-5-mini": _listed(0.25, 2.00, "2026-03"),
    "openai/gpt-5-nano": _listed(0.05, 0.40, "2026-03"),
    "openai/gpt-4.1": _listed(2.00, 8.00, "2026-03"),
    "openai/gpt-4.1-mini": _listed(0.40, 1.60, "2026-03"),
    "openai/gpt-4.1-nano": _listed(0.10, 0.40, "2026-03"),
    "openai/gpt-4o": _listed(2.50, 10.00, "2026-03"),
    "openai/gpt-4o-mini": _listed(0.15, 0.60, "2026-03"),
    "openai/o3": _listed(2.00, 8.00, "2026-03"),
    "openai/o4-mini": _listed(1.10, 4.40, "2026-03"),
    "anthropic/claude-opus-4-5": _listed(5.00, 25.00, "2025-11"),
    "anthropic/claude-sonnet-4-5": _listed(3.00, 15.00, "2025-11", prompt_up_to=200_000),
    "anthropic/claude-haiku-4-5": _listed(1.00, 5.00, "2025-11"),
}
"""List prices. Names are exact: a dated variant of a model may cost something else."""

_lock = threading.Lock()
_told: dict[str, Price] = {}
_read: dict[str, Price] | None = None


def register_price(model: str, *, input: float, output: float) -> None:  # noqa: A002 - the price list's word
    """Say what a model costs, in US dollars for a million tokens of prompt and of completion.

    Args:
        model: the name that programs use, such as ``"openai/gpt-4.1-mini"``.
        input: for the prompt, at least 0.
        output: for the completion, at least 0.

    Raises:
        ModelError: an amount that is no price.
    """
    from .models_file import price_from

    price = price_from({"input": input, "output": output}, f"the price of {model}")
    with _lock:
        _told[model] = price


def load_prices(path: str | Path) -> dict[str, Price]:
    """Take prices from a YAML or JSON file: each name with ``input`` and ``output``.

    Returns:
        What the file has.

    Raises:
        ModelError: it cannot be read, or has something that is no price.
    """
    prices = _prices_in(Path(path))
    with _lock:
        _told.update(prices)
    return prices


def forget_prices() -> None:
    """Drop what was registered and loaded, and read the files anew when a price is next asked for."""
    global _read  # noqa: PLW0603 - files are read once, when first asked
    with _lock:
        _told.clear()
        _read = None


def price_of(model: str, prompt_tokens: int = 0, *, listed: bool = True, free: bool = False) -> Price | None:
    """What a model costs; ``None`` when nobody has said.

    Args:
        model: the name that programs use.
        prompt_tokens: of the request; some list prices hold for short prompts only.
        listed: whether it is the provider of that name who answers, so that its list price counts.
        free: nobody sends a bill for whoever answers, unless you said that it costs something.
    """
    with _lock:
        known = _told.get(model) or _from_files().get(model)
    if known is not None:
        return known
    if free:
        return Price(input=0.0, output=0.0)
    found = LISTED.get(model.removeprefix("litellm/")) if listed else None
    if found is None or (found.prompt_up_to is not None and prompt_tokens > found.prompt_up_to):
        return None
    return found.price


def cost(price: Price | None, prompt_tokens: int, completion_tokens: int) -> float | None:
    """US dollars of some tokens; ``None`` without a price."""
    if price is None:
        return None
    return (prompt_tokens * price.input + completion_tokens * price.output) / _MILLION


def cost_of(
    model: str, usage: Usage, price: Price | None = None, *, listed: bool = True, free: bool = False
) -> float | None:
    """US dollars of an answered request; ``None`` when they are unknown.

    They are unknown without a price, and where the tokens are our own rough count: budgets then charge
    the most that the request can have cost.

    Args:
        model: the name that programs use.
        usage: of the answer.
        price: that holds in place of what :func:`price_of` knows.
        listed: as for :func:`price_of`.
        free: as for :func:`price_of`.
    """
    price = price or price_of(model, usage.prompt_tokens, listed=listed, free=free)
    dollars = cost(price, usage.prompt_tokens, usage.completion_tokens)
    return None if usage.counted and dollars else dollars


def most_cost(
    model: str, request: Request, price: Price | None = None, *, listed: bool = True, free: bool = False
) -> float | None:
    """The most that one request may cost in US dollars; ``None`` when that is unknown.

    The prompt counts a token for each byte, and the completion counts ``max_tokens``; a paid completion
    without one may cost anything, so a budget in money refuses it.
    """
    completion = request.sampling.max_tokens
    prompt = most_tokens(request) - (completion or ASSUMED_COMPLETION)
    price = price or price_of(model, prompt, listed=listed, free=free)
    if completion is None and price is not None and price.output:
        return None
    return cost(price, prompt, completion or ASSUMED_COMPLETION)


def _from_files() -> dict[str, Price]:
    """Prices in files, the nearest folder first; read once. Called under the lock."""
    global _read  # noqa: PLW0603 - as above
    if _read is None:
        found: dict[str, Price] = {}
        for folder in (user_folder(), Path.cwd()):
            for path in (folder / name for name in _FILES):
                if path.is_file():
                    found |= _prices_in(path)
        _read = found
    return _read


def _prices_in(path: Path) -> dict[str, Price]:
    from .models_file import price_from, read_mapping

    entries = read_mapping(path)
    if not entries:
        raise ModelError(f"{path} has no prices; write lines such as name: {{input: 0.4, output: 1.6}}")
    return {str(name): price_from(entry, f"{path}: {name}") for name, entry in entries.items()}
