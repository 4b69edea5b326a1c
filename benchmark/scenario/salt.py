"""Stand-ins for salts, until a request is prepared (for a target) or sent: digits that no text holds by chance.

Digits, because tokenizers split a number of them alike, whichever they are: salted prompts are equally long.
"""

from __future__ import annotations

import secrets

DIGITS = 18


def new_salt() -> str:
    """Digits that nobody else has."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def answer_mark(turn: int) -> str:
    """What stands for the answer to this turn of a conversation, the same for all conversations."""
    while len(_ANSWERS) < turn:
        _ANSWERS.append(new_salt())
    return _ANSWERS[turn - 1]


_ANSWERS: list[str] = []
SALT = new_salt()  # new in every request
TARGET_SALT = new_salt()  # the same in all requests to one target in one run
