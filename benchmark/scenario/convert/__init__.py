"""What people already have, as a scenario: code, recorded traffic, lists of targets, other tools' command lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

from benchmark.errors import InputError
from benchmark.scenario.convert.command_lines import from_command_line, is_command_line
from benchmark.scenario.convert.converted import Converted
from benchmark.scenario.convert.har import from_har, from_openapi
from benchmark.scenario.convert.javascript import from_k6
from benchmark.scenario.convert.python_source import from_python
from benchmark.scenario.convert.targets import from_targets, is_targets
from benchmark.scenario.curl.several import requests_as_scenario

__all__ = ["convert"]

_READERS: Mapping[str, Callable[[str], Converted]] = {
    ".py": from_python,
    ".har": from_har,
    ".js": from_k6,
    ".mjs": from_k6,
    ".ts": from_k6,
}


def convert(text: str, file: str) -> tuple[str, tuple[str, ...]]:
    """A scenario in YAML, and remarks on what was left out, of the text of a file of this name.

    Nothing in it is run. Tokens become variables.

    Raises:
        InputError: it is nothing that is known, or something in it cannot be read; the message says which line.
    """
    try:
        converted = _reader(text, file)(text)
        if not converted.requests:
            raise InputError("there is no request in it")
        return requests_as_scenario(converted.requests, converted.load), converted.notes
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def _reader(text: str, file: str) -> Callable[[str], Converted]:
    if reader := _READERS.get(PurePath(file).suffix.lower()):
        return reader
    start = text.lstrip("\ufeff \t\r\n")
    if is_command_line(start):
        return from_command_line
    if '"log"' in start[:2000] and '"entries"' in text and start.startswith("{"):
        return from_har
    if start.startswith(("openapi:", "swagger:")) or ('"openapi"' in start[:2000] and start.startswith("{")):
        return from_openapi
    if is_targets(start):
        return from_targets
    raise InputError(
        "this is none of the forms that are read: Python (.py), HAR (.har), a k6 script (.js), an OpenAPI document, "
        "vegeta's targets, or a command line of curl, hey, wrk, oha or ab"
    )
