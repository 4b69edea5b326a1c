"""What pydantic found wrong, as sentences: what was found, what was expected, and a better spelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchmark.redaction import REDACTED
from benchmark.scenario.data import Data
from benchmark.scenario.direct import Direct
from benchmark.scenario.document import Location, Problem, plain
from benchmark.scenario.fields import EXPECTED
from benchmark.scenario.model import Expect, Load, Request, Scenario, Stage, Target
from benchmark.scenario.objectives import WrittenObjective
from benchmark.scenario.prompts import Conversation, Prompts, Synthetic
from benchmark.scenario.trace import ReplayOf

_MAPPING = "a mapping (key: value)"
_EXPECTATIONS = {  # pydantic's type → what was expected, filled with the error's context
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "literal_error": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "{le} or less",
    "string_too_short": "text that is not empty",
}
_MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Scenario,
    ("load",): Load,
    ("load", "replay"): ReplayOf,
    ("load", "stages"): Stage,
    ("data",): Data,
    ("objectives",): WrittenObjective,
}
_OF_REQUESTS: dict[str, type[BaseModel]] = {
    "prompts": Prompts,
    "synthetic": Synthetic,
    "conversation": Conversation,
    "expect": Expect,
}
_LONGEST = 60  # characters of a value that are shown


def problems_of(error: ValidationError, shown: Any) -> Iterator[Problem]:
    """Every error as a problem.

    Values are quoted from `shown`, the scenario as written and without credentials: what was validated has
    secrets and the environment's values in it.
    """
    errors = error.errors(include_url=False, include_input=False)
    meant = {(*each["loc"][:-1], _meant(each["loc"])) for each in errors if each["type"] == "extra_forbidden"}
    for each in errors:
        if each["type"] == "missing" and each["loc"] in meant:
            continue  # the misspelt key is there, and gets an error of its own
        if each["type"] == "string_unicode":
            continue  # told of every text, wherever it stands
        location = tuple(part for part in each["loc"] if part != "[key]")
        if each["type"] != "missing":
            location = _written(shown, location)
        yield Problem(location, _sentence(each, location, shown))


def _sentence(error: ErrorDetails, location: Location, shown: Any) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if kind == "missing":
        return "this key is missing"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    expectation = (
        error["msg"] if kind == EXPECTED else _EXPECTATIONS.get(kind, "").format(**error.get("ctx", {}))
    )
    if not expectation:
        return error["msg"].removeprefix("Input should be ")
    value = _at(shown, location)
    found = _kind(value) if expectation in {_MAPPING, "a list"} else _quoted(value)
    return f"found {found}, expected {expectation}{_in_quotes(value) if expectation == 'text' else ''}"


def _unknown_key(location: Location) -> str:
    meant = _meant(location)
    if meant:
        return f"unknown key; did you mean {meant}?"
    return f"unknown key; expected one of {', '.join(_keys(location[:-1]))}"


def _meant(location: Location) -> str | None:
    """The key that this one, misspelt, stands for."""
    close = difflib.get_close_matches(str(location[-1]), _keys(location[:-1]), 1)
    return close[0] if close else None


def _keys(location: Location) -> list[str]:
    """The keys that may stand in the mapping at this place."""
    fields = _model(location).model_fields
    return [field.alias or name for name, field in fields.items()]


def _model(location: Location) -> type[BaseModel]:
    """What the mapping at this place is."""
    path = tuple(part for part in location if isinstance(part, str))
    if path in _MODELS:
        return _MODELS[path]
    if path[0] == "targets":
        return Direct if len(path) > 2 else Target
    return _OF_REQUESTS.get(path[-1], Request)


def _at(data: Any, location: Location) -> Any:
    """The value at this place; None where there is none."""
    for part in location:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
    return data


def _written(data: Any, location: Location) -> Location:
    """The place, or what it would stand in: a rule can be broken by a key that was not written.

    A single value that stands for a list of one has no index.
    """
    for end, key in enumerate(location):
        around = _at(data, location[:end])
        if key not in around if isinstance(around, dict) else not isinstance(around, list):
            return location[:end]
    return location


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return plain(value)
    return "text" if isinstance(value, str) else "a number"


def _quoted(value: Any) -> str:
    """A value as it is shown in a message: short, on one line."""
    if not isinstance(value, str):
        return plain(value) if isinstance(value, int | float) else _kind(value)
    if value == REDACTED:
        return value
    text = " ".join(value.encode(errors="backslashreplace").decode().split())
    return f"'{text[:_LONGEST]}…'" if len(text) > _LONGEST else f"'{text}'"


def _in_quotes(value: Any) -> str:
    """How to make text of a number or a word."""
    return f'; write "{plain(value)}"' if isinstance(value, int | float) else ""
