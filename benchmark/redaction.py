"""Secrets never reach a file, a log or a message: the one place that knows what a secret looks like.

A `Redactor` is made of the values that must not be seen; every text that leaves the program for a file or
the terminal passes through it. Names of headers and query parameters that carry credentials are known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

REDACTED = "<redacted>"

_SECRET_NAME = re.compile(r"authorization|cookie|token|secret|password|passwd|signature|credential|api[-_]?key|access[-_]?key", re.I)
_SHORTEST = 4  # shorter values would blot out ordinary words


def is_secret_name(name: str) -> bool:
    """Whether a header or query parameter of this name carries a credential."""
    return bool(_SECRET_NAME.search(name))


def redact_url(url: str) -> str:
    """`url` without user information, and without the values of credential-like query parameters."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = urlencode([(k, REDACTED if is_secret_name(k) else v) for k, v in parse_qsl(parts.query, True)], safe="<>")
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))


class Redactor:
    """Replaces known secret values wherever they stand in a text or a document of plain data."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _spellings(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """`text` with every secret replaced."""
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def data(self, value: Any) -> Any:
        """A copy of plain data (dicts, lists, strings, numbers) with every secret in its strings replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


def _spellings(secret: str) -> set[str]:
    """The secret itself and as it looks inside JSON or a URL."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe=""), quote(secret)}
