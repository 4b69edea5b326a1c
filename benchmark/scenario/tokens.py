"""How long a text is: in tokens of a named tokenizer, or in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmark.errors import InputError
from benchmark.scenario.files import read_file

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LARGEST_TOKENIZER = 64 * 1024**2  # bytes


class Measure(Protocol):
    """Counts texts, and cuts them to a length."""

    unit: str  # of what is counted

    def count(self, text: str) -> int:
        """How long the text is."""

    def cut(self, text: str, length: int) -> str:
        """The beginning of the text that is this long; all of it where it is shorter."""


class Words:
    """What white space separates."""

    unit = "words"

    def count(self, text: str) -> int:
        """How many words there are."""
        return len(text.split())

    def cut(self, text: str, length: int) -> str:
        """The first words."""
        ends = [match.end() for match in re.finditer(r"\S+", text)]
        return text if length >= len(ends) else text[: ends[length - 1]] if length else ""


class Tokens:
    """What a model reads: no token is added that the text does not have."""

    unit = "tokens"

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        self._tokenizer = tokenizer

    def count(self, text: str) -> int:
        """How many tokens there are."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def cut(self, text: str, length: int) -> str:
        """The text up to the end of a token."""
        ends = [end for _, end in self._tokenizer.encode(text, add_special_tokens=False).offsets]
        return text if length >= len(ends) else text[: ends[length - 1]] if length else ""


def read_tokenizer(name: str, folder: Path) -> Tokens:
    """The tokenizer in a `tokenizer.json`, as model repositories hold it.

    Raises:
        InputError: it cannot be read, or the library that reads it is not installed.
    """
    content = read_file("tokenizer", name, folder, most=LARGEST_TOKENIZER)
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise InputError(
            "to count tokens the library tokenizers is needed; install it with: pip install 'vpcbench[llm]'"
        ) from None
    try:
        return Tokens(Tokenizer.from_buffer(content))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{name}: this is no tokenizer.json: {error}") from None
