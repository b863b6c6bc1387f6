"""Two ways to know the fitness of perturbed modules: one after the other, or all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_leaves, tree_map

from hyperfunc.errors import DoesNotFit, HyperfuncError, MetricError, ProgramError
from hyperfunc.spaces import LowRankStack
from hyperfunc.spaces.frozen import places
from hyperfunc.tensors import run_population

__all__ = ["Evaluate", "one_by_one", "together"]

Judged = tuple["np.ndarray[Any, np.dtype[np.float64]]", "np.ndarray[Any, np.dtype[np.float64]] | None"]
"""Fitness of the members, and of each on every example where that is known."""

Evaluate = Callable[[Mapping[str, Any], int], Judged]
"""From parameter name to one value per member, and how many members there are, to their fitness."""


def one_by_one(
    model: nn.Module, trained: Mapping[str, Tensor], eval_fn: Callable[[nn.Module], float]
) -> Evaluate:
    """Puts each member's weights into the module, calls the function, and puts the old weights back."""

    def evaluate(columns: Mapping[str, Any], count: int) -> Judged:
        kept = {name: parameter.detach().clone() for name, parameter in trained.items()}
        values = []
        try:
            for k in range(count):
                for name, column in columns.items():
                    trained[name].copy_(_member(column, k, trained[name].device))
                values.append(_number(eval_fn(model)))
        finally:
            for name, parameter in trained.items():
                parameter.copy_(kept[name])
        return np.array(values), None

    return evaluate


def together(
    model: nn.Module,
    trained: Mapping[str, Tensor],
    batch: tuple[Any, Any, Callable[[Any, Any], Tensor]],
    *,
    dtype: torch.dtype | None,
    chunk: int | None,
    uses: Counter[str],
) -> Evaluate:
    """Runs the module once for all members, whose matrices stay factors.

    Args:
        model: what is called.
        trained: its parameters that members differ in.
        batch: inputs, targets and a loss of output and targets.
        dtype: to compute in; the parameters' own when not given.
        chunk: members at once.
        uses: is told which functions had to write matrices out.
    """
    inputs, targets, loss_fn = batch

    def fitting(value: Any) -> Any:
        narrows = dtype is not None and isinstance(value, Tensor) and value.is_floating_point()
        return value.to(dtype) if narrows else value

    arguments = tree_map(fitting, inputs if isinstance(inputs, tuple) else (inputs,))
    own: dict[str, Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    every = places(model)
    names = {name: every[id(tensor)] for name, tensor in own.items()}
    # Copies of buffers, for a module in train mode writes into them.
    rest = {**own, **{name: buffer.clone() for name, buffer in model.named_buffers()}}
    rows = max(map(_rows, tree_leaves(arguments)), default=1)
    shared = {name: fitting(value) for name, value in rest.items() if name not in trained}

    def member(values: dict[str, Any]) -> Tensor:
        full = {place: value for name, value in {**shared, **values}.items() for place in names[name]}
        return _loss(loss_fn(functional_call(model, full, arguments, tie_weights=False), targets))

    def alone() -> None:
        with torch.random.fork_rng():
            member(dict(trained))

    def evaluate(columns: Mapping[str, Any], count: int) -> Judged:
        device = next(iter(trained.values())).device
        stacks = {
            name: column if isinstance(column, LowRankStack) else torch.as_tensor(column)
            for name, column in columns.items()
        }
        try:
            losses, used = run_population(
                member, stacks, count, chunk=chunk, rows=rows,
                device=device, dtype=dtype or _common_dtype(trained),
            )  # fmt: skip
        except torch.OutOfMemoryError as error:
            raise DoesNotFit(
                f"pop_size is {count}, and its members do not fit into memory together; "
                "give a smaller max_batch_size"
            ) from error
        except DoesNotFit as error:
            raise DoesNotFit(f"pop_size is {count}: {error}") from error
        except HyperfuncError:
            raise
        except Exception as error:
            raise ProgramError(_blame(alone, error)) from error
        uses.update(used)
        scores = -losses.detach().to("cpu", torch.float64).numpy()
        return (scores, None) if scores.ndim == 1 else (scores.mean(axis=1), scores)

    return evaluate


def _blame(alone: Callable[[], object], error: Exception) -> str:
    """Says whether the module fails for one member already, or only for all at once."""
    try:
        alone()
    except HyperfuncError:
        raise
    except Exception as own:
        return f"the module or loss_fn fails on these inputs and targets with {_line(own)}"
    return (
        f"the module or loss_fn cannot run for all members at once ({_line(error)}); "
        "use step(eval_fn), which calls the module member by member"
    )


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _rows(argument: Any) -> int:
    """How many rows an input puts through a matrix, about: tokens, or vectors along the last axis."""
    if not isinstance(argument, Tensor) or not argument.dim():
        return 1
    vectors = argument.is_floating_point() and argument.dim() > 1
    return max(1, argument.numel() // (argument.shape[-1] if vectors else 1))


def _loss(loss: object) -> Tensor:
    if isinstance(loss, Tensor) and loss.dim() <= 1:
        return loss
    found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
    raise MetricError(f"loss_fn gave {found}; return a tensor with one number, or with one per example")


def _common_dtype(trained: Mapping[str, Tensor]) -> torch.dtype:
    dtypes = {parameter.dtype for parameter in trained.values()}
    if len(dtypes) > 1:
        raise ProgramError(f"trained parameters have types {sorted(map(str, dtypes))}; name one as dtype")
    return dtypes.pop()


def _member(column: Any, k: int, device: torch.device) -> Tensor:
    """One member's weights, written out."""
    if not isinstance(column, LowRankStack):
        return torch.as_tensor(column[k], device=device)
    group, sign = (k // 2, 1 - 2 * (k % 2)) if column.mirrored else (k, 1)
    left, right = (torch.as_tensor(side[0], device=device) for side in column.factors(group, group + 1))
    center = torch.as_tensor(column.center, device=device)
    return center + (sign * column.scale * (left @ right.T)).view(center.shape)


def _number(fitness: Any) -> float:
    try:
        return float(fitness)
    except (TypeError, ValueError) as error:
        raise MetricError(
            f"eval_fn gave a {type(fitness).__name__}; return one number, higher is better"
        ) from error
