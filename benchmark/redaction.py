"""Secrets never reach a file, a log or a message: the one place that knows what a secret looks like.

A `Redactor` is made of the values that must not be seen; every text that leaves the program for a file or
the terminal passes through it. Names of headers and query parameters that carry credentials are known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

REDACTED = "<redacted>"

_SECRET_NAME = re.compile(
    r"""authorization | cookie | token(?!s) | secret | passw(?:or)?d | passphrase | signature | credential
      | access[-_]?key | api[-_]?key | private[-_]?key
      | (?:^|[-_.]) (?: auth | jwt | bearer | pwd | sig | key | session(?:[-_]?id)? ) $
      | (?:^|[-_.]) auth [-_.]""",
    re.IGNORECASE | re.VERBOSE,
)
_SHORT = 4  # values shorter than this are parts of ordinary words: they are replaced as words of their own
_USERINFO = re.compile(r"(?<=//)[^/?#]*@")
_PARAMETER = re.compile(r"(?P<name>(?<=[?&#;])[^=&#;?]+)=(?P<value>[^&#]*)")
_REFERENCE = re.compile(
    r"((bearer|basic) +)?(\$\{[A-Za-z_][A-Za-z0-9_]*\}|\{\{ *(row\.[^{}]+|salt *)\}\})", re.IGNORECASE
)


def is_secret_name(name: str) -> bool:
    """Whether a header or query parameter of this name carries a credential."""
    return bool(_SECRET_NAME.search(name))


def redact_value(value: str) -> str:
    """What may be shown of a credential: nothing, but for a `${NAME}` or `{{row.field}}` that only says where it comes from."""
    return value if _REFERENCE.fullmatch(value) else REDACTED


def redact_url(url: str) -> str:
    """`url` with its user information and the values of credential-like query parameters replaced.

    The rest stays as it is, to the letter; text that is no URL at all is taken too.
    """
    if (
        "@" in url and "//" not in url.partition("@")[0]
    ):  # no scheme: who can tell where user information begins
        url = REDACTED + url[url.rindex("@") :]
    return replace_parameters(_USERINFO.sub(f"{REDACTED}@", url), lambda _, value: redact_value(value))


def replace_parameters(url: str, replace: Callable[[str, str], str]) -> str:
    """`url` with `replace(name, value)` in place of each credential-like query parameter's value."""

    def parameter(match: re.Match[str]) -> str:
        name = unquote_plus(match["name"])
        return f"{match['name']}={replace(name, match['value'])}" if is_secret_name(name) else match[0]

    return _PARAMETER.sub(parameter, url)


def url_secrets(url: str) -> set[str]:
    """What `redact_url` would replace, as written and decoded; a password also without its user."""
    found = {match[0][:-1] for match in _USERINFO.finditer(url)}
    found |= {userinfo.partition(":")[2] for userinfo in found}
    found |= {
        match["value"] for match in _PARAMETER.finditer(url) if is_secret_name(unquote_plus(match["name"]))
    }
    return {form for value in found if value for form in (value, unquote_plus(value))}


class Redactor:
    """Replaces known secret values wherever they stand in a text or a document of plain data."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in _spellings(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_wherever, longest_first))) if forms else None

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


def _wherever(form: str) -> str:
    """The pattern that finds this form."""
    return re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"


def _spellings(secret: str) -> set[str]:
    """The secret itself, and as it looks inside JSON, a Python string or a URL."""
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_url = {quote(secret, safe=""), quote(secret), quote_plus(secret)} if _encodable(secret) else set()
    return {secret, repr(secret)[1:-1], *in_json, *in_url}


def _encodable(text: str) -> bool:
    """Whether the text is free of lone surrogates, which stand for bytes that are not UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
