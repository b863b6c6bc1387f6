"""Byte-level byte-pair encoding, small enough to read in one sitting.

Text is cut into words by one regular expression, each word becomes UTF-8 bytes, and learnt merges join
neighbouring pieces, the earliest learnt first. Every string has an encoding and decodes to itself.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

__all__ = ["SPECIAL_TOKENS", "StreamDecoder", "Tokenizer"]

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>")
_BYTES = 256
_CACHE_LIMIT = 1 << 16

_WORD = r"\n|'(?:s|t|re|ve|m|ll|d)(?![^\W\d_])| ?[^\W\d_]+|{digits}| ?(?:[^\s\w]|_)+|[^\S\n]+(?!\S)|[^\S\n]+"
_SPLITTERS = {
    True: re.compile(_WORD.format(digits=r"\d")),
    False: re.compile(_WORD.format(digits=r" ?\d+")),
}


class Tokenizer:
    """A byte-level BPE vocabulary.

    Ids are laid out as: special tokens, the 256 bytes, then one token per merge in the order learnt.

    Args:
        merges: pairs of token ids, in the order learnt; pair ``k`` makes the token ``259 + k``.
        single_digits: whether every digit stands alone, so that numbers are spelled out.

    Raises:
        ValueError: a merge refers to a token that does not exist yet.

    Example::

        tokenizer = Tokenizer(train_bpe(["a rose is a rose"], vocab_size=270))
        assert tokenizer.decode(tokenizer.encode("a rose")) == "a rose"
    """

    def __init__(self, merges: Sequence[tuple[int, int]], *, single_digits: bool = True) -> None:
        self.merges = tuple((int(left), int(right)) for left, right in merges)
        self.single_digits = single_digits
        self.pad_id, self.bos_id, self.eos_id = range(len(SPECIAL_TOKENS))
        self._first_byte = len(SPECIAL_TOKENS)
        self._pieces = _pieces(self.merges)
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self._cache: dict[str, tuple[int, ...]] = {}

    @property
    def vocab_size(self) -> int:
        """Number of token ids, special tokens included."""
        return len(self._pieces)

    @property
    def special(self) -> dict[str, int]:
        """Special tokens and their ids."""
        return {name: index for index, name in enumerate(SPECIAL_TOKENS)}

    def split(self, text: str) -> list[str]:
        """The words that merges never cross; joined, they are the text."""
        return _SPLITTERS[self.single_digits].findall(text)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text. Special tokens never come out of text, whatever it says."""
        ids: list[int] = []
        for word in self.split(text):
            known = self._cache.get(word)
            ids.extend(self._encode_word(word) if known is None else known)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids; special tokens are silent, bytes that are no UTF-8 become U+FFFD."""
        data = b"".join(self._pieces[index] for index in ids)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def piece(self, index: int) -> bytes:
        """The bytes that one token adds to the text; none for a special token."""
        return self._pieces[index]

    def token_text(self, index: int) -> str:
        """A printable form of one token, for logprobs and reports."""
        if index < self._first_byte:
            return SPECIAL_TOKENS[index]
        return self._pieces[index].decode("utf-8", "replace")

    def stream(self) -> StreamDecoder:
        """A decoder that takes one token at a time."""
        return StreamDecoder(self._pieces)

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON; bytes are written as the Latin-1 characters of equal number."""
        vocab = [*SPECIAL_TOKENS, *(piece.decode("latin-1") for piece in self._pieces[self._first_byte :])]
        content = {
            "vocab": vocab,
            "merges": self.merges,
            "special": self.special,
            "single_digits": self.single_digits,
        }
        Path(path).write_text(json.dumps(content, ensure_ascii=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: the file is not such a vocabulary.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            tokenizer = cls(content["merges"], single_digits=bool(content["single_digits"]))
            vocab, special = content["vocab"], content["special"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a tokenizer file: {error!r} is missing or malformed") from error
        stated = [piece.encode("latin-1") for piece in vocab[tokenizer._first_byte :]]
        if special != tokenizer.special or stated != tokenizer._pieces[tokenizer._first_byte :]:
            raise ValueError(f"{path}: 'vocab' and 'special' do not follow from 'merges'; train it again")
        return tokenizer

    def _encode_word(self, word: str) -> tuple[int, ...]:
        ids = [self._first_byte + byte for byte in word.encode("utf-8", "surrogatepass")]
        rank, last = self._rank, len(self.merges)
        first_merged = self._first_byte + _BYTES
        while len(ids) > 1:
            best = min(rank.get(pair, last) for pair in pairwise(ids))
            if best == last:
                break
            ids = join_pair(ids, self.merges[best], first_merged + best)
        if len(self._cache) >= _CACHE_LIMIT:
            self._cache.clear()
        encoded = self._cache[word] = tuple(ids)
        return encoded


class StreamDecoder:
    """Turns tokens into text as they come, holding back a character until all its bytes are there."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, index: int) -> str:
        """The text that one more token completes; may be empty."""
        return self._decoder.decode(self._pieces[index])

    def finish(self) -> str:
        """What is left when no token follows; a broken character becomes U+FFFD."""
        return self._decoder.decode(b"", final=True)


def join_pair(ids: Sequence[int], pair: tuple[int, int], merged: int) -> list[int]:
    """Replace every occurrence of a pair of neighbours, from the left, by one token."""
    left, right = pair
    joined: list[int] = []
    position, last = 0, len(ids) - 1
    while position <= last:
        if position < last and ids[position] == left and ids[position + 1] == right:
            joined.append(merged)
            position += 2
        else:
            joined.append(ids[position])
            position += 1
    return joined


def _pieces(merges: Sequence[tuple[int, int]]) -> list[bytes]:
    pieces = [b""] * len(SPECIAL_TOKENS) + [bytes([value]) for value in range(_BYTES)]
    for position, (left, right) in enumerate(merges):
        if not len(SPECIAL_TOKENS) <= min(left, right) <= max(left, right) < len(pieces):
            raise ValueError(f"merge {position} joins tokens {left} and {right}, which do not both exist yet")
        pieces.append(pieces[left] + pieces[right])
    return pieces
