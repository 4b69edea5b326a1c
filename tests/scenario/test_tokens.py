"""Lengths in words and in tokens of a tokenizer that is trained here."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.scenario.tokens import Words, read_tokenizer

TEXT = "the quick brown fox jumps over the lazy dog and the water of the day is long"


def train(folder: Path, vocabulary: int = 300) -> Path:
    """A byte-level BPE tokenizer, as most models have one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([TEXT] * 20, trainer)
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@given(st.text(alphabet="ab \n\t"), st.integers(0, 9))
def test_words(text: str, length: int) -> None:
    assert Words().cut(text, length).split() == text.split()[:length]
    assert Words().count(text) == len(text.split())


def test_tokens_are_the_tokenizers_own(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    train(tmp_path)
    tokens = read_tokenizer("tokenizer.json", tmp_path)
    own = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokens.count(TEXT) == len(own.encode(TEXT).ids) > len(TEXT.split())
    assert tokens.count("") == 0
    for length in range(tokens.count(TEXT) + 2):
        assert tokens.count(tokens.cut(TEXT, length)) == min(length, tokens.count(TEXT))
    assert tokens.cut(TEXT, 999) == TEXT
    assert pickle.loads(pickle.dumps(tokens)).count(TEXT) == tokens.count(TEXT)  # it travels to workers


def test_what_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match=r"x.json: this is no tokenizer.json"):
        read_tokenizer("x.json", tmp_path)
    with pytest.raises(InputError, match=r"tokenizer 'y.json': no such file"):
        read_tokenizer("y.json", tmp_path)
