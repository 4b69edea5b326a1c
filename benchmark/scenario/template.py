"""`{{row.field}}` and `{{salt}}` in a request: fields of a data file's row, and digits that are new in every request.

A row's values go in as they are: what looks like a placeholder in them is text. Other text in braces is left alone;
`{{'{{'}}` stands for `{{` where what follows would read as a placeholder.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from benchmark.errors import InputError
from benchmark.scenario.data import Row
from benchmark.scenario.document import Location, Problem, texts
from benchmark.scenario.fields import header_problem, path_problem
from benchmark.scenario.model import Request
from benchmark.scenario.origins import spell
from benchmark.scenario.salt import SALT

_BRACES, _WRITTEN_BRACES = "{{", "{{'{{'}}"
_PLACEHOLDER = re.compile(rf"\{{\{{\s*(row|salt)\b([^{{}}]*)\}}\}}|({re.escape(_WRITTEN_BRACES)})")
_TEMPLATED = ("path", "query", "headers", "body", "json")


def problems_of_placeholders(data: Any, *, rows: bool) -> list[Problem]:
    """What is wrong with the placeholders of a scenario's data; `rows`: whether it names a data file."""
    if not isinstance(data, dict):
        return []
    return [
        Problem(location, message)
        for location, text in texts(data)
        for match in _PLACEHOLDER.finditer(text)
        if (message := _problem(match, location, rows=rows))
    ]


def _problem(match: re.Match[str], location: Location, *, rows: bool) -> str | None:
    if match[3]:
        return None
    name = _field_of(match)
    if name is None and (match[1] == "row" or match[2].strip()):
        return "a placeholder is written {{row.field}} or {{salt}}"
    if location[0] == "request":
        place = location[1]
    elif location[0] == "requests" and len(location) > 2:
        place = location[2]
    else:
        return "placeholders go into a request"
    if place not in _TEMPLATED:
        return f"placeholders go into a request's {', '.join(_TEMPLATED)}"
    if name is not None and not rows:
        return "there are no rows to take a field from; name their file, like data: {file: rows.jsonl}"
    return None


def escape_placeholders(text: str) -> str:
    """Text that is sent as it is, whatever it holds."""
    return _PLACEHOLDER.sub(lambda match: _WRITTEN_BRACES + match[0].removeprefix(_BRACES), text)


def asks_for_rows(request: Request) -> bool:
    """Whether the request takes fields of rows."""
    return any(
        _field_of(match) is not None
        for _, text in texts(_templated(request))
        for match in _PLACEHOLDER.finditer(text)
    )


def fill_request(request: Request, row: Row | None) -> Request:
    """The request with a row's fields filled in, and a stand-in for the salt.

    Raises:
        InputError: the row has no such field, or a value that cannot stand where it is wanted.
    """
    data = _templated(request)
    if not any("{{" in text for _, text in texts(data)):
        return request
    filled = {key: _fill(value, row, (key,)) for key, value in data.items() if key != "path"}
    filled["json_"] = filled.pop("json")
    if request.path is not None:
        filled["path"] = _fill_path(request.path, row)
    for name, value in filled["headers"].items():
        _refuse(header_problem(value), row, ("headers", name))
    return request.model_copy(update=filled)


def _templated(request: Request) -> dict[str, Any]:
    return {key: getattr(request, "json_" if key == "json" else key) for key in _TEMPLATED}


def _field_of(match: re.Match[str]) -> str | None:
    rest: str = (match[2] or "").strip()
    return rest[1:].strip() or None if match[1] == "row" and rest.startswith(".") else None


def _fill(value: Any, row: Row | None, location: Location) -> Any:
    """Plain data with its placeholders filled; one that is all of a text becomes the value itself, with its type."""
    if isinstance(value, dict):
        return {key: _fill(item, row, (*location, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, row, (*location, at)) for at, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole and not whole[3] and location[0] == "json":
        return _value_of(whole, row, location)
    return _PLACEHOLDER.sub(lambda match: _text(_value_of(match, row, location)), value)


def _fill_path(path: str, row: Row | None) -> str:
    """Values inside a path are percent-encoded; one that is all of it is a path itself."""
    whole = _PLACEHOLDER.fullmatch(path)
    if whole:
        filled = _text(_value_of(whole, row, ("path",)))
        _refuse(path_problem(filled), row, ("path",))
        return filled
    return _PLACEHOLDER.sub(lambda match: quote(_text(_value_of(match, row, ("path",))), safe=""), path)


def _value_of(match: re.Match[str], row: Row | None, location: Location) -> Any:
    """What a placeholder stands for: a field by its name, or by the path to it."""
    if match[3]:
        return _BRACES
    name = _field_of(match)
    if name is None:
        return SALT
    assert row is not None, "checked when the scenario was read"
    if name in row.fields:
        return row.fields[name]
    value: Any = row.fields
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            there = ", ".join(list(row.fields)[:10])
            asked = spell(("request", *location))
            raise InputError(
                f"{row.where}: there is no field '{name}', which {asked} asks for; there is {there}"
            )
        value = value[part]
    return value


def _text(value: Any) -> str:
    """Text as it is; other values as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse(problem: str | None, row: Row | None, location: Location) -> None:
    if problem:
        where = f"{row.where}: " if row else ""
        raise InputError(f"{where}{spell(('request', *location))}: {problem}")
