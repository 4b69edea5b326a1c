"""Which parts of a scenario are secret: what is kept of it without them, and what must never be shown.

Secret are tokens, credential-like headers, query parameters (also inside a URL), cookies and fields of a body, user
information in a URL, and whatever the environment put into a token, header, query or body. What the environment put into
a URL, a path or a name is not: reports would not say what was measured.
"""

from __future__ import annotations

from typing import Any

from benchmark.redaction import (
    REDACTED,
    Redactor,
    body_secrets,
    is_secret,
    is_secret_name,
    redact_url,
    redact_value,
    url_secrets,
    value_secrets,
)
from benchmark.scenario.document import Location, texts

_TELLING = (
    4  # characters; a shorter value of the environment is a number or a switch, unless it is a credential
)


def without_credentials(data: Any) -> Any:
    """A copy of a scenario's data, as written, that can be kept and shown.

    `${NAME}` stays. What is no valid scenario is taken too, so that messages can show parts of it.
    """
    literal = {secret for location, text in texts(data) for secret in _secrets_of(location, text)}
    redactor = Redactor(secret for secret in literal if redact_value(secret) == REDACTED)
    return _redacted(data, (), redactor)


def secrets_in(data: Any, used: list[tuple[Location, str]]) -> frozenset[str]:
    """Every value of a filled scenario that must never be shown; `used` is what the environment put where."""
    own = {secret for location, text in texts(data) for secret in _secrets_of(location, text)}
    given = {value for location, value in used if len(value) >= _TELLING and _is_private(location)}
    return frozenset(own | given)


def _redacted(value: Any, location: Location, redactor: Redactor) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(item, (*location, key), redactor) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, (*location, at), redactor) for at, item in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    if (name := _name_of_value(location)) is not None and is_secret(name, str(value)):
        return redact_value(str(value))
    if not isinstance(value, str):
        return value
    return redactor.text(redact_url(value) if _is_address(location) else value)


def _secrets_of(location: Location, text: str) -> set[str]:
    """What is secret in the text at this place: all of it, parts of it, or nothing."""
    if _is_address(location):
        return url_secrets(text)
    if _within(location) == ("body",):
        return body_secrets(text)
    name = _name_of_value(location)
    return set() if name is None else value_secrets(name, text)


def _place(location: Location) -> Location:
    """Where a value belongs: those of a sweep at the key that they are values of."""
    if location[:1] == ("sweep",) and len(location) > 2:
        return (*str(location[1]).split("."), *location[3:])
    return location


def _within(location: Location) -> tuple[str | int, ...]:
    """The place inside its target or request; empty elsewhere."""
    location = _place(location)
    if location[:1] == ("request",):
        return location[1:]
    return location[2:] if location[:1] in {("targets",), ("requests",)} else ()


def _name_of_value(location: Location) -> str | None:
    """What a value is called where a secret can stand: the outermost name that is one of a secret's, else the innermost."""
    match _within(location):
        case ("token", *_) if _place(location)[0] == "targets":
            return "token"
        case ("headers" | "query", str() as name, *_):
            return name
        case ("json", *path):
            names = [str(key) for key in path if isinstance(key, str)]
            return next(filter(is_secret_name, names), names[-1] if names else "")
    return None


def _is_address(location: Location) -> bool:
    """Whether a URL, or the end of one, stands here."""
    place = _within(location)
    return place[:1] in {("url",), ("path",), ("proxy",)} or place[:2] == ("direct", "url")


def _is_private(location: Location) -> bool:
    """Whether what the environment puts here is secret."""
    return _within(location)[:1] in {("token",), ("headers",), ("query",), ("body",), ("json",)}
