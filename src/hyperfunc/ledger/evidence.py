"""What a run rests on, as digests of its rows: made again, they show whether any of it was changed."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperfunc.ledger import statements as sql
from hyperfunc.ledger.database import Database

if TYPE_CHECKING:
    from hyperfunc.types import JSON

__all__ = ["Evidence", "Seal"]


@dataclass(frozen=True, slots=True)
class Seal:
    """The rows of one table that belong to a run.

    Args:
        rows: how many there are.
        last: number of the newest of them; rows that came later do not count.
        digest: 32 hex digits over all their values.
    """

    rows: int
    last: int
    digest: str

    @classmethod
    def of(cls, row: Mapping[str, JSON]) -> Seal:
        """From JSON."""
        return cls(int(row["rows"]), int(row["last"]), str(row["digest"]))


class Evidence(Database):
    """The part of a ledger that seals runs."""

    def seals(
        self,
        run_id: str,
        *,
        program: str,
        seed: int,
        scorer: str | None,
        upto: Mapping[str, Seal] | None = None,
    ) -> dict[str, Seal]:
        """Digests of a run's rows, by table.

        Sealed are the run itself, its candidates, its events but the certificate, the requests and the kept
        calls it has paid for, and all cells of its candidates that are judged. The ledger only grows, so
        what belonged to a run at one time can be told later by the numbers of its rows.

        Args:
            run_id: of the run.
            program: fingerprint of the program.
            seed: the user's.
            scorer: fingerprint of the scorer; ``None`` for a metric over sets.
            upto: earlier seals: rows newer than theirs are left out.
        """
        found: dict[str, Seal] = {}
        for name, query in sql.SEALED.items():
            limit = upto[name].last if upto is not None and name in upto else 2**62
            places = {
                "run": run_id, "program": program, "seed": str(seed), "scorer": scorer, "last": limit,
                "newest": found["candidates"].last if "candidates" in found else 0,
            }  # fmt: skip
            with self._reader(*sql.ORDER) as execute:
                found[name] = _seal(execute(query, places))
        return found


def _seal(rows: Iterable[tuple[Any, ...]]) -> Seal:
    """Of rows whose first value is their number."""
    digest = hashlib.blake2b(digest_size=16)
    count = last = 0
    for row in rows:
        count, last = count + 1, max(last, row[0])
        for value in row:
            digest.update(_bytes(value))
    return Seal(count, last, digest.hexdigest())


def _bytes(value: Any) -> bytes:
    """A value with its type and length, so that no two rows have the same bytes."""
    if value is None:
        return b"n"
    if isinstance(value, int):
        data = str(value).encode()
        return b"i%d:" % len(data) + data
    if isinstance(value, float):
        return b"f" + struct.pack("<d", value)
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
    return b"t%d:" % len(data) + data
