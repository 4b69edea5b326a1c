"""Stand-ins for salts, until a request is prepared (for a target) or sent: digits that no text holds by chance.

Digits, because tokenizers split a number of them alike, whichever they are: salted prompts are equally long.
"""

from __future__ import annotations

import secrets

DIGITS = 18


def new_salt() -> str:
    """Digits that nobody else has."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


SALT = new_salt()  # new in every request
TARGET_SALT = new_salt()  # the same in all requests to one target in one run
