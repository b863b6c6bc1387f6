from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.llm.local.bpe import train_bpe
from hyperfunc.llm.local.registry import local_model, local_model_names
from hyperfunc.llm.local.tokenizer import SPECIAL_TOKENS, Tokenizer

TEXT = "the cat sat on the mat; the cat's 12 hats.\nthat is that, isn't it?  \n"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_bpe([TEXT * 3], vocab_size=300))


@given(text=st.text(st.characters(codec=None)))
def test_every_string_decodes_to_itself(tokenizer: Tokenizer, text: str) -> None:
    assert "".join(tokenizer.split(text)) == text
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=st.text())
def test_a_stream_gives_the_same_text_as_decoding_at_once(tokenizer: Tokenizer, text: str) -> None:
    stream = tokenizer.stream()
    pieces = [stream.push(index) for index in tokenizer.encode(text)]
    assert "".join(pieces) + stream.finish() == text


@pytest.mark.parametrize("name", local_model_names())
def test_shipped_vocabularies_decode_to_the_text(name: str) -> None:
    tokenizer = local_model(name).tokenizer
    text = TEXT + " Ünïcode ☃ \U0001f600 12/10/2024 $3.50\t"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(TEXT)) < len(TEXT) / 1.5


def test_a_broken_character_is_replaced_not_raised(tokenizer: Tokenizer) -> None:
    first_byte = tokenizer.encode("é")[0]
    assert tokenizer.decode([first_byte]) == "\ufffd"
    stream = tokenizer.stream()
    assert stream.push(first_byte) + stream.finish() == "\ufffd"


def test_special_tokens_never_come_from_text_and_are_silent(tokenizer: Tokenizer) -> None:
    assert not set(tokenizer.encode("<bos>a<eos>")) & set(tokenizer.special.values())
    assert tokenizer.decode([tokenizer.bos_id, *tokenizer.encode("a"), tokenizer.eos_id]) == "a"
    assert tokenizer.token_text(tokenizer.eos_id) == SPECIAL_TOKENS[2]


def test_digits_stand_alone_only_when_asked() -> None:
    merges = train_bpe(["1234 1234 1234 1234"], vocab_size=264, single_digits=False)
    assert len(Tokenizer(merges, single_digits=False).encode("1234")) < 4
    assert len(Tokenizer(train_bpe(["1234 1234"], vocab_size=264)).encode("1234")) == 4


def test_learning_takes_the_most_frequent_pair_each_time() -> None:
    texts = ["low lower lowest newest widest " * 5, "new low"]
    merges = train_bpe(texts, vocab_size=259 + 12)
    base = Tokenizer([])
    words = [base.encode(word) for text in texts for word in base.split(text)]
    for rank, merge in enumerate(merges):
        counts = Counter(pair for word in words for pair in pairwise(word))
        top = max(counts.values())
        assert merge == min(pair for pair, count in counts.items() if count == top)
        step = Tokenizer(merges[: rank + 1])
        words = [step.encode(word) for text in texts for word in base.split(text)]


def test_a_file_restores_the_vocabulary(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "t.json")
    again = Tokenizer.load(tmp_path / "t.json")
    assert again.merges == tokenizer.merges
    assert again.encode(TEXT) == tokenizer.encode(TEXT)


def test_a_file_that_contradicts_itself_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    tokenizer.save(path)
    path.write_text(path.read_text().replace('"<eos>": 2', '"<eos>": 7'))
    with pytest.raises(ValueError, match="train it again"):
        Tokenizer.load(path)
    with pytest.raises(ValueError, match="do not both exist"):
        Tokenizer([(3, 259)])
