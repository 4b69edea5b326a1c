"""The only markup in a report's sentences: backticks around names and code."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CODE = re.compile(r"`([^`]+)`")


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """The text in pieces, each with whether it is code; a lone backtick is text."""
    for index, piece in enumerate(_CODE.split(text)):
        if piece:
            yield index % 2 == 1, piece
