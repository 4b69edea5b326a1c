"""A scenario made of several requests to one service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.errors import InputError
from benchmark.scenario.curl.command import CurlCommand
from benchmark.scenario.curl.draft import (
    VARIABLE_PATTERN,
    Draft,
    authorization,
    draft_of,
    hide,
    literal,
    map_texts,
    request_of,
    token_of,
    value_of,
    without,
)
from benchmark.scenario.document import write_document
from benchmark.scenario.load import load_text
from benchmark.scenario.overrides import as_meant
from benchmark.scenario.variables import escape

_SOME_URL = "http://127.0.0.1"  # what a variable may hold, where a scenario is tried
_ORIGIN = re.compile(rf"{VARIABLE_PATTERN.pattern}|[a-z]+://[^/?#]+")


def requests_as_scenario(requests: Sequence[tuple[CurlCommand, int]], load: Mapping[str, object]) -> str:
    """Several requests to one service as a scenario in YAML, each sent as often as it counts.

    What stands between the two marks of `VARIABLE` is the name of a variable of the environment.

    Raises:
        InputError: they go to several hosts, or cannot be run.
    """
    alone = len(requests) == 1
    draft = draft_of(requests[0][0], (), load, {}, "converted") if alone else _draft_of_many(requests, load)
    variables: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        variables[match[1]] = _SOME_URL
        return f"${{{match[1]}}}"

    text = write_document(map_texts(draft.data, lambda text: VARIABLE_PATTERN.sub(named, text)))
    variables |= {name: VARIABLE_PATTERN.sub("x", value) for name, value in draft.variables.items()}
    load_text(text, "converted", Path.cwd(), environ=variables)
    needed = f"# Set in the environment: {', '.join(variables)}\n" if variables else ""
    return needed + text


def _draft_of_many(requests: Sequence[tuple[CurlCommand, int]], load: Mapping[str, object]) -> Draft:
    """Requests to one host: it is the target, their paths are their own."""
    origins = {match[0] if (match := _ORIGIN.match(command.url)) else "" for command, _ in requests}
    if len(origins) != 1 or origins == {""}:
        raise InputError(
            f"the requests go to {len(origins)} hosts; a scenario has one service: leave the others out"
        )
    (origin,) = origins
    draft = Draft()
    tokens = {authorization(command) for command, _ in requests}
    shared = tokens.pop() if len(tokens) == 1 else None
    asked = []
    for command, count in requests:
        alone = (
            command if shared is None else replace(command, headers=without(command.headers, "authorization"))
        )
        request: dict[str, Any] = {"weight": count} if count > 1 else {}
        path = command.url[len(origin) :].lstrip("/")
        asked.append(
            request | ({"path": literal(path)} if path else {}) | request_of(draft, alone, several=True)
        )
    credentials = token_of(draft, requests[0][0]) if shared is not None else {}
    draft.data = {
        "name": "converted",
        "targets": {"target": {"url": escape(origin), **credentials}},
        "requests": asked,
        "load": {key: as_meant(f"load.{key}", value_of(key, value)) for key, value in load.items()},
    }
    if not draft.data["load"]:
        del draft.data["load"]
    draft.data = hide(draft.data, draft.variables)
    return draft
