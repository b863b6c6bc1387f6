"""Datasets: immutable sequences of examples that can be versioned, split, filtered and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, overload

from hyperfunc.errors import DatasetError
from hyperfunc.ledger.keys import content_key

from .columns import Columns
from .example import Example
from .listing import as_examples
from .loading import load_examples
from .overlap import Overlap, find_duplicates, find_leaks
from .splitting import Stratify, balanced_seed, part_of_each, shares_of, strata_of, units_of

__all__ = ["Dataset", "Split"]


class Dataset(Sequence[Example]):
    """An immutable sequence of examples; wherever a list of examples is taken, it is, too.

    Args:
        data: what :func:`as_examples` takes: examples, pairs, dicts, one split of a Hugging Face dataset.
        columns: which column is what, for plain rows.

    Raises:
        DatasetError: it is empty, an entry is no example, or two examples have the same id.

    Example::

        data = Dataset.load("tickets.jsonl")
        seed = data.stratified_seed(validation=0.2, test=0.2)  # once; write the number down
        train, validation, test = data.split(validation=0.2, test=0.2, seed=seed)
    """

    _examples: tuple[Example, ...]

    def __init__(self, data: Iterable[Any], columns: Columns | None = None) -> None:
        self._examples = as_examples(data, columns)
        counts = Counter(e.id for e in self._examples if e.id is not None)
        if counts and (most := counts.most_common(1)[0])[1] > 1:
            raise DatasetError(f"{most[1]} examples have the id {most[0]!r}; an id names one example")

    @classmethod
    def load(cls, path: str | Path, columns: Columns | None = None) -> Dataset:
        """Read a file as :func:`load_examples` does."""
        return cls(load_examples(path, columns))

    @classmethod
    def part(cls, examples: Iterable[Example]) -> Dataset:
        """A part of a dataset, which may be empty."""
        made = cls.__new__(cls)
        made._examples = tuple(examples)
        return made

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Dataset: ...

    def __getitem__(self, index: int | slice) -> Example | Dataset:
        found = self._examples[index]
        return found if isinstance(found, Example) else Dataset.part(found)

    def __len__(self) -> int:
        return len(self._examples)

    def __iter__(self) -> Iterator[Example]:
        return iter(self._examples)

    def __eq__(self, other: object) -> bool:
        return self._examples == other._examples if isinstance(other, Dataset) else NotImplemented

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Dataset({len(self)} examples, version {self.version and self.version[:8]})"

    @cached_property
    def version(self) -> str | None:
        """32 hex digits of the content, or ``None`` when an example has no content key.

        It depends on functions, inputs, expectations, groups, tags, weights and how often each is there.
        It does not depend on ids, nor on the order.
        """
        try:
            rows = [content_key(e.key, e.group, e.tags, e.weight) for e in self]
        except (TypeError, ValueError):
            return None
        return None if any(e.key is None for e in self) else content_key("dataset", sorted(rows))

    @property
    def weights(self) -> tuple[float, ...]:
        """How much each example counts."""
        return tuple(e.weight for e in self)

    def filter(self, *, tag: str | None = None, where: Callable[[Example], object] | None = None) -> Dataset:
        """The examples that have the tag and of which ``where`` is true, in order; perhaps none."""
        return Dataset.part(e for e in self if (tag is None or tag in e.tags) and (where is None or where(e)))

    def duplicates(self) -> Overlap:
        """Examples that are there twice: equal, with different expectations, or nearly equal."""
        return find_duplicates(self)

    def leaks(self, other: Iterable[Any]) -> Overlap:
        """Examples and groups that the other dataset has, too."""
        return find_leaks(self, other if isinstance(other, Dataset) else as_examples(other))

    def split(
        self, *, train: float | None = None, validation: float = 0.0, test: float = 0.0, seed: int = 0
    ) -> Split:
        """Split into parts for training, validation and test.

        What is never split apart is a group, or, without a group, inputs that are equal but for case and
        white space. The part of such a unit is a function of itself, the seed and the shares alone: no
        example ever changes its part because others were added, removed, reordered or given another
        expectation. The price is that the shares are met on average, not exactly: a share p of n units
        scatters by sqrt(p (1 - p) / n), in each stratum, too. No rule that looks at one unit alone can do
        better, so strata are balanced by choosing the seed, once: see :meth:`stratified_seed`.

        The test part depends on its own share only, and grows with it.

        Args:
            train: share in [0, 1]; the rest when left out.
            validation: share in [0, 1].
            test: share in [0, 1].
            seed: which of all such splits.

        Returns:
            The three parts, in the given order; one whose share is 0 is empty.

        Raises:
            DatasetError: shares that do not sum to 1, or a part that no example fell into.
        """
        shares = shares_of(train, validation, test)
        parts = part_of_each(units_of(self), shares, seed)
        made = {
            name: Dataset.part(e for e, part in zip(self, parts, strict=True) if part == name)
            for name in shares
        }
        for name, share in shares.items():
            if share > 0 and not made[name]:
                raise DatasetError(
                    f"no unit of {len(self)} examples fell into the {name} part with seed {seed}; "
                    "take another seed, a larger share, or more examples"
                )
        return Split(**made)

    def stratified_seed(
        self,
        *,
        by: Stratify = "expected",
        train: float | None = None,
        validation: float = 0.0,
        test: float = 0.0,
        seed: int = 0,
        tries: int = 64,
    ) -> int:
        """The seed, of ``tries`` from ``seed`` on, whose split holds every stratum in the truest shares.

        Call it once and write the number down: a grown dataset may have another best seed, and only with
        the old one do all examples stay in their parts. Choosing among random splits by balance alone,
        before any outcome is known, does not bias what is measured on them (Morgan and Rubin 2012,
        Rerandomization to improve covariate balance in experiments). With many small strata little can be
        gained; :meth:`Split.balance` shows what was reached.

        Args:
            by: ``"expected"``, or a function from an example to its stratum.
            train: as for :meth:`split`, like the other shares.
            validation: see ``train``.
            test: see ``train``.
            seed: the first seed to try.
            tries: how many, at least 1; the time is proportional to it and to the number of examples.

        Raises:
            DatasetError: shares that do not sum to 1, or no two examples in one stratum.
        """
        if tries < 1:
            raise DatasetError(f"tries is at least 1, and got {tries}")
        return balanced_seed(self, shares_of(train, validation, test), by, seed, tries)


class Split(NamedTuple):
    """The parts of a dataset."""

    train: Dataset
    validation: Dataset
    test: Dataset

    def balance(self, by: Stratify = "expected") -> dict[str, tuple[int, int, int]]:
        """How many examples of each stratum are in train, validation and test.

        Args:
            by: ``"expected"``, or a function from an example to its stratum.
        """
        counts = [Counter(strata_of(part, by)) for part in self]
        strata = sorted(set().union(*counts))
        return {s: (counts[0][s], counts[1][s], counts[2][s]) for s in strata}
