"""The recipe of `local/prose` in a tiny form: loss falls, and the files it writes answer as trained."""

from __future__ import annotations

from pathlib import Path

import torch
from models.prose.model import Shape
from models.prose.prepare import chapters, split
from models.prose.train import Recipe, encode, save, train

from hyperfunc.llm.client import Sampling
from hyperfunc.llm.local.bpe import train_bpe
from hyperfunc.llm.local.engine import Engine
from hyperfunc.llm.local.jobs import Job
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.registry import load_folder_model
from hyperfunc.llm.local.tokenizer import Tokenizer

RHYME = "This is the house that Jack built.\nThis is the malt that lay in the house that Jack built.\n"


def test_a_small_model_learns_a_rhyme_and_recites_it(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    tokenizer = Tokenizer(train_bpe([RHYME * 4], vocab_size=320))
    ids = encode([RHYME * 4], tokenizer)
    shape = Shape(tokenizer.vocab_size, width=32, layers=2, heads=2, hidden=64)
    recipe = Recipe(tokens=60 * 256, batch_tokens=256, length=32, long_length=64, warm_up=5)
    trained = train(ids, ids, shape, recipe)
    assert trained.train_losses[0] > 5
    assert trained.held_out_loss < 1.5
    save(trained, tokenizer, recipe, tmp_path)
    model = load_folder_model(tmp_path, "prose")
    engine = Engine(model.transformer, model.tokenizer, PrefixCache(0))
    prompt = (tokenizer.bos_id, *tokenizer.encode("This is the"))
    job = Job(ids=prompt, sampling=Sampling(temperature=0, max_tokens=12))
    answer = engine.generate([job])[0]
    with torch.no_grad():
        scores = trained.model(torch.tensor([[*prompt, *answer.ids]]))[0, len(prompt) - 1 : -1]
    assert scores.argmax(1).tolist() == list(answer.ids)


def test_verses_become_chapters_and_some_are_held_out() -> None:
    lines = ["Ge1:1 In the  beginning", "Ge1:2 And the earth", "", "Ge2:1 Thus", "1Sm1:1 Now"]
    documents = chapters(lines)
    assert documents == ["In the beginning\nAnd the earth", "Thus", "Now"]
    corpus = split(documents, held_out=1)
    assert sorted(corpus.train + corpus.held_out) == sorted(documents)
    assert split(documents, held_out=1) == corpus
