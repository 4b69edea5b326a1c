"""Secrets never reach a file, a log or a message: the one place that knows what a secret looks like.

A value is secret by the name that it stands under (`is_secret_name`: one list for queries, headers, cookies, forms and
JSON at any depth), or because it looks like one where one can stand (`looks_secret`). A `Redactor` is made of the values
that must not be seen; every text that leaves the program for a file or the terminal passes through it, and whatever a
server says is redacted before it is cut (`Redactor.excerpt`).
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

REDACTED = "<redacted>"
MOST_SHOWN = 200  # characters of what a server said

_ANYWHERE = re.compile(
    r"""authorization | cookie | token(?!s|i[sz]|ids?$) | secret | passw | passphrase | passcode | signature | credential
      | (?:access|account|api|app|auth|licen[cs]e|master|private|shared|subscription) key
      | (?:app|auth) code | sess(?:ion)? id | jwt | bearer | [cx]srf | hmac
      | (?<!by)(?<!com)(?<!over)(?<!sur)(?<!tres)(?<!under) pass $""",
    re.VERBOSE,
)  # in a name without its separators
_LAST = re.compile(r"auth|creds?|key|otp|pass|pin|psk|pw|pwd|sas|session|sid|sig|sign|ticket")
_WHOLE = frozenset(["ak", "code", "sk"])
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SHORT = 4  # values shorter than this are parts of ordinary words: they are replaced as words of their own
_LONG = 2048  # characters beyond which a value is looked for as it is, and in no other spelling
_TOKEN = re.compile(r"(?:[A-Za-z][\w-]* +)?[\w.~+/=:%-]{16,4096}", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9]{16,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WORDLIKE = re.compile(r"[A-Z]?[a-z]{5,}|[A-Z]{6,}|\d{8,}")
_DISORDER = 0.2  # of neighbouring characters, the share that differ in kind: of random ones, half and more do
_USERINFO = re.compile(r"(?<=//)[^/?#]*@")
_USERINFO_IN_TEXT = re.compile(r"(?<=://)[^/?#\s@]*:[^/?#\s]*@")
_PARAMETER = re.compile(r"(?P<name>(?<=[?&#;])[^=&#;?]+)=(?P<value>[^&#]*)")
_REFERENCE = re.compile(
    r"(([a-z][\w-]*) +)?(\$\{[A-Za-z_][A-Za-z0-9_]*\}|\{\{ *(row\.[^{}]+|salt *)\}\})", re.IGNORECASE
)
_SCHEME = re.compile(r"([A-Za-z][\w-]*)\s+(\S.*)", re.DOTALL)
_PAIR = re.compile(r"""(?:^|[;,\s])\s*([\w.-]+)\s*=\s*"?([^;,"\s]+)""")
_FORM = re.compile(r"[^=&\s]+=[^&\n]*(?:&[^=&\s]+=[^&\n]*)*\s*")
_DEEPEST = 100  # levels of JSON that are looked into
_ENCODED = re.compile(r"[%\\&]")


def is_secret_name(name: str) -> bool:
    """Whether what is called this (a header, a parameter, a cookie, a field of JSON) carries a credential."""
    words = [word.lower() for word in _WORD.findall(name)]
    compact = "".join(words)
    return bool(
        compact in _WHOLE
        or (words and _LAST.fullmatch(words[-1]))
        or "auth" in words
        or _ANYWHERE.search(compact)
    )


def looks_secret(value: str) -> bool:
    """Whether a value looks like a key or a token: long, of one piece, and without order."""
    if not _TOKEN.fullmatch(value):
        return False
    return any(_is_random(run[0]) for run in _RUN.finditer(value))


def _is_random(run: str) -> bool:
    letters = sum(character.isalpha() for character in run)
    if not letters or letters == len(run):
        return False
    kinds = ["d" if character.isdigit() else "u" if character.isupper() else "l" for character in run]
    changes = sum(one != other for one, other in pairwise(kinds))
    wordlike = sum(len(match[0]) for match in _WORDLIKE.finditer(run))
    return changes >= _DISORDER * (len(run) - 1) and wordlike < len(run) / 2


def is_secret(name: str, value: str) -> bool:
    """Whether this value of this name is one that must not be seen."""
    return is_secret_name(name) or looks_secret(value)


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
        secret = is_secret(name, unquote_plus(match["value"]))
        return f"{match['name']}={replace(name, match['value'])}" if secret else match[0]

    return _PARAMETER.sub(parameter, url)


def url_secrets(url: str) -> set[str]:
    """What `redact_url` would replace, as written and decoded; a password also without its user."""
    found = {match[0][:-1] for match in _USERINFO.finditer(url)}
    found |= {userinfo.partition(":")[2] for userinfo in found}
    for match in _PARAMETER.finditer(url):
        if is_secret(unquote_plus(match["name"]), unquote_plus(match["value"])):
            found.add(match["value"])
    return {form for value in found if value for form in (value, unquote_plus(value))}


def value_secrets(name: str, value: str) -> set[str]:
    """What must not be seen of a header or parameter: all of it, and each part that is a credential by itself.

    Parts are what follows a scheme (`Bearer x`), the password in `Basic`, and values in `name=value; …`.
    """
    if not value or redact_value(value) == value:
        return set()
    if not is_secret(name, value):
        return {found for part, found in _PAIR.findall(value) if is_secret(part, found)}
    found = {value}
    if scheme := _SCHEME.fullmatch(value):
        found.add(scheme[2])
    found |= {each for part, each in _PAIR.findall(value) if len(each) >= 2 * _SHORT or is_secret(part, each)}
    found |= _password(scheme[2] if scheme else value)
    return {each for each in found if redact_value(each) != each}


def _password(value: str) -> set[str]:
    """The user with their password, and the password, where the value is Base64 of both."""
    try:
        userinfo = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return set()
    return {userinfo, userinfo.partition(":")[2]} - {""} if ":" in userinfo else set()


def data_secrets(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    """What must not be seen of plain data, such as a JSON body: values under a secret name, at any depth."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from data_secrets(item, name if is_secret_name(name) else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from data_secrets(item, name, depth + 1)
    elif isinstance(value, str):
        yield from value_secrets(name, value)


def body_secrets(body: str) -> set[str]:
    """What must not be seen of a body's text: that of JSON, or of a form."""
    try:
        return set(data_secrets(json.loads(body)))
    except (ValueError, RecursionError):
        return url_secrets(f"?{body.strip()}") if _FORM.fullmatch(body) else set()


def request_secrets(target: str, headers: Iterable[tuple[str, str]], body: bytes) -> set[str]:
    """Every credential in a request as it is sent."""
    found = url_secrets(target) | body_secrets(body.decode("utf-8", "replace"))
    return found.union(*(value_secrets(name, value) for name, value in headers))


def shortened(text: str) -> str:
    """The beginning of a text that is redacted already, in a line."""
    return " ".join(text.split())[:MOST_SHOWN]


class Redactor:
    """Replaces known secret values, however they are spelled, wherever they stand in a text or a document of plain data."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._forms = sorted(
            {form for secret in self._secrets for form in _spellings(secret)}, key=len, reverse=True
        )
        self._pattern = re.compile("|".join(map(_wherever, self._forms))) if self._forms else None

    def text(self, text: str) -> str:
        """`text` with every secret replaced."""
        if not self._pattern:
            return text
        text = self._pattern.sub(REDACTED, text)
        return self._encoded.sub(REDACTED, text) if _ENCODED.search(text) else text

    def beginning(self, text: str, *, cut: bool) -> str:
        """What a server said, redacted, as far as it was read; `cut`: it may end in the middle of a secret."""
        whole = self.text(text)
        if cut:
            whole = self._without_tail(whole)
        return _USERINFO_IN_TEXT.sub(f"{REDACTED}@", whole)

    def excerpt(self, text: str, *, cut: bool = False) -> str:
        """What a server said, in a line: redacted first, then cut to `MOST_SHOWN` characters."""
        return shortened(self.beginning(text, cut=cut))

    def data(self, value: Any) -> Any:
        """A copy of plain data (dicts, lists, strings, numbers) with every secret in its strings replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value

    def _without_tail(self, text: str) -> str:
        """The text without what a secret may have begun with where it breaks off."""
        longest = 0
        for form in self._forms:
            lengths = range(min(len(form) - 1, len(text)), longest, -1)
            longest = next((length for length in lengths if text.endswith(form[:length])), longest)
        return text[:-longest] + REDACTED if longest else text

    @cached_property
    def _encoded(self) -> re.Pattern[str]:
        """Finds secrets of which any character may be written in another way."""
        looked_for = [secret for secret in self._secrets if _SHORT <= len(secret) <= _LONG]
        return re.compile("|".join("".join(map(_character, secret)) for secret in looked_for) or r"(?!)")


def _wherever(form: str) -> str:
    """The pattern that finds this form."""
    return re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"


def _spellings(secret: str) -> set[str]:
    """The secret itself, and as it looks inside JSON, a Python string, a URL, HTML or Base64."""
    if len(secret) > _LONG or not _encodable(secret):
        return {secret, json.dumps(secret)[1:-1]}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_url = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    in_html = {html.escape(secret)}
    as_latin = {secret.encode().decode("latin-1")}  # as a header's bytes are read
    lower = {re.sub("%..", lambda match: match[0].lower(), form) for form in in_url}
    return {secret, repr(secret)[1:-1], *in_json, *in_url, *lower, *in_html, *as_latin, *_in_base64(secret)}


def _in_base64(secret: str) -> Iterator[str]:
    """What Base64 of the secret has in it, wherever in a longer text the secret stands: three ways to be aligned."""
    content = secret.encode()
    if len(content) < _SHORT:
        return
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content)
        first = (0, 2, 3)[before]  # characters that depend on what comes before
        whole = (before + len(content)) * 8 // 6  # those that depend on nothing behind
        for form in (encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))):
            if whole - first >= _SHORT:
                yield form[first:whole].decode()


def _character(character: str) -> str:
    """The pattern of a character, as it is or in an encoding: of URLs (twice, too), JSON, Python or HTML."""
    encoded = [rf"%(?:25)*{byte:02x}" for byte in character.encode()]
    units = character.encode("utf-16-be")
    forms = [re.escape(character), "".join(encoded)]
    forms.append("".join(rf"\\+u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)))
    forms.append("".join(rf"\\+x{byte:02x}" for byte in character.encode()))
    forms += [rf"&#0*{ord(character)};", rf"&#x0*{ord(character):x};"]
    if character in "\"'/\\\n\r\t":
        forms.append(r"\\+" + re.escape(json.dumps(character)[1:-1].removeprefix("\\")))
    if character == " ":
        forms.append(r"\+")
    if (named := html.escape(character)) != character:
        forms.append(re.escape(named))
    insensitive = "|".join(forms[1:])
    return f"(?:{forms[0]}|(?i:{insensitive}))"


def _encodable(text: str) -> bool:
    """Whether the text is free of lone surrogates, which stand for bytes that are not UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
