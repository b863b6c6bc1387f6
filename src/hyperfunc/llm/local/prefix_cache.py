"""Keys and values of prompt beginnings, kept for the next prompt that begins the same way.

A block holds the keys and values of 16 tokens. Its name is a hash of its tokens and of the block before,
so equal names mean equal beginnings, and what is computed after a hit is the same to the last bit.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hyperfunc.llm.local.exact import Array

__all__ = ["BLOCK", "PrefixCache", "Stored", "chain_keys"]

BLOCK = 16
Stored = NDArray[np.float32]


def chain_keys(ids: Sequence[int]) -> list[bytes]:
    """Names of the full blocks of a text, each standing for everything up to its end."""
    keys: list[bytes] = []
    name = b""
    for start in range(0, len(ids) - BLOCK + 1, BLOCK):
        block = np.asarray(ids[start : start + BLOCK], np.int64).tobytes()
        name = hashlib.blake2b(name + block, digest_size=16).digest()
        keys.append(name)
    return keys


class PrefixCache:
    """Blocks by name; the least recently used go first. Safe to use from several threads.

    Keys and values lie on grids of at most 24 bits, so single precision stores them without loss.

    Args:
        limit_bytes: memory for blocks; 0 keeps nothing.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self.hits = 0
        self.misses = 0
        self._blocks: OrderedDict[bytes, Stored] = OrderedDict()
        self._lock = threading.Lock()

    def longest(self, keys: Sequence[bytes]) -> list[Stored]:
        """The blocks of the longest known beginning, each ``[2, layers, heads, 16, width]``."""
        found: list[Stored] = []
        with self._lock:
            for key in keys:
                block = self._blocks.get(key)
                if block is None:
                    break
                self._blocks.move_to_end(key)
                found.append(block)
            self.hits += len(found)
            self.misses += len(keys) - len(found)
        return found

    def put(self, keys: Sequence[bytes], pairs: Array) -> None:
        """Store the blocks of a text.

        Args:
            keys: names of consecutive blocks.
            pairs: their keys and values, ``[2, layers, heads, 16 * len(keys), width]``.
        """
        with self._lock:
            for index, key in enumerate(keys):
                if key not in self._blocks:
                    part = pairs[..., index * BLOCK : (index + 1) * BLOCK, :]
                    block = self._blocks[key] = part.astype(np.float32)
                    self.bytes += block.nbytes
            while self.bytes > self.limit_bytes:
                _, dropped = self._blocks.popitem(last=False)
                self.bytes -= dropped.nbytes
