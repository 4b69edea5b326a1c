"""Rows of a data file, for `{{row.field}}` in requests and for prompts. They are values only: nothing in them is run
or filled in, and none of them is a secret."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from benchmark.errors import InputError
from benchmark.scenario.document import BROKEN, is_broken, texts
from benchmark.scenario.files import read_file
from benchmark.scenario.part import Part

LARGEST_FILE = 64 * 1024**2  # bytes
MOST_ROWS = 100_000
_DEEPEST = 50  # levels of JSON in a row

Order = Literal["shuffled", "sequential"]


class Data(Part):
    """Rows that requests take fields from."""

    file: str = Field(
        min_length=1,
        description="In the scenario's folder: .jsonl (an object a line), .json (a list of objects) or .csv (with a header).",
        examples=["rows.jsonl"],
    )
    order: Order = Field(
        "shuffled", description="Every row once, in another order each time; or as they stand in the file."
    )


class Row(NamedTuple):
    """Named values, and where they stand."""

    where: str  # file and line
    fields: dict[str, Any]


def read_rows(key: str, name: str, folder: Path, *, trusted: bool = False) -> list[Row]:
    """All rows of the file that `key` names.

    Raises:
        InputError: it cannot be used; says what is wrong with it, and on which line.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in _READERS:
        raise InputError(f"{key} '{name}': a data file is named .jsonl, .json or .csv")
    content = read_file(key, name, folder, most=LARGEST_FILE, trusted=trusted)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}:{line}: this is not UTF-8 text; save the file as UTF-8") from None
    rows: list[Row] = []
    for row in _READERS[suffix](name, text):
        if len(rows) == MOST_ROWS:
            raise InputError(f"{row.where}: there are more than {MOST_ROWS:,} rows; keep a part of them")
        if any(is_broken(text) for _, text in texts(row.fields)):
            raise InputError(f"{row.where}: there is {BROKEN} in this row")
        rows.append(row)
    if not rows:
        raise InputError(f"{key} '{name}': there are no rows in it")
    return rows


def _lines(name: str, text: str) -> Iterator[Row]:
    """An object a line; empty lines are passed over."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _row(f"{name}:{number}", _json(f"{name}:{number}", line))


def _list(name: str, text: str) -> Iterator[Row]:
    """A list of objects."""
    items = _json(name, text)
    if not isinstance(items, list):
        raise InputError(f"{name}: a list of objects was expected; for an object a line name the file .jsonl")
    for number, item in enumerate(items, 1):
        yield _row(f"{name}, item {number}", item)


def _table(name: str, text: str) -> Iterator[Row]:
    """CSV, whose first line names the fields. All values are text."""
    before = csv.field_size_limit(LARGEST_FILE)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [each.strip() for each in next(reader, [])]
        if len(set(names)) < len(names) or not all(names):
            raise InputError(f"{name}:1: the first line names the fields, each by a name of its own")
        for values in reader:
            where = f"{name}:{reader.line_num}"
            if len(values) != len(names) and values:
                raise InputError(f"{where}: there are {len(values)} values for {len(names)} fields")
            if values:
                yield Row(where, dict(zip(names, values, strict=True)))
    except csv.Error as error:
        raise InputError(f"{name}:{reader.line_num}: this is not CSV: {error}") from None
    finally:
        csv.field_size_limit(before)


_READERS = {".jsonl": _lines, ".json": _list, ".csv": _table}


def _row(where: str, value: Any) -> Row:
    if not isinstance(value, dict):
        raise InputError(f'{where}: an object was expected, like {{"field": "value"}}')
    if _deeper_than(value, _DEEPEST):
        raise InputError(f"{where}: the row is nested more than {_DEEPEST} levels deep")
    return Row(where, value)


def _deeper_than(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (levels == 0 or any(_deeper_than(item, levels - 1) for item in value))


def _json(where: str, text: str) -> Any:
    """What JSON itself allows, and not what Python adds: no NaN, no key twice."""
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        line = f"{where}:{error.lineno}" if ":" not in where else where
        raise InputError(f"{line}: this is not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise InputError(f"{where}: it is nested too deep") from None
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def _no_number(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice in an object")
    return found
