"""Rows of a data file, for `{{row.field}}` in requests and for prompts. They are values only: nothing in them is run
or filled in, and none of them is a secret.

Files are read as they come, a row at a time, so that their size is no matter; what is held of them is bounded.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from pydantic import Field

from benchmark.errors import InputError
from benchmark.scenario.document import BROKEN, is_broken, texts
from benchmark.scenario.files import find_file
from benchmark.scenario.part import Part
from benchmark.scenario.spread import Spread

LARGEST_FILE = 64 * 1024**3  # bytes
LARGEST_ROW = 64 * 1024**2  # bytes
MOST_ROWS = 100_000  # that are held
MOST_TEXT = 64 * 1024**2  # characters of them
_PIECE = 1024**2  # bytes that are read at once
_DEEPEST = 50  # levels of JSON in a row
_DELIMITERS = (",", ";", "\t")
_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}

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


def read_rows(key: str, name: str, folder: Path, *, trusted: bool = False) -> Spread[Row]:
    """The rows of the file that `key` names: all of them, or as many, evenly spread, as are held.

    Raises:
        InputError: as `rows_of`.
    """
    held: Spread[Row] = Spread(MOST_ROWS, MOST_TEXT)
    for row in rows_of(key, name, folder, trusted=trusted):
        held.offer(row, sum(len(text) for _, text in texts(row.fields)))
    return held


def rows_of(key: str, name: str, folder: Path, *, trusted: bool = False) -> Iterator[Row]:
    """The rows of the file that `key` names, one after the other; at least one.

    Raises:
        InputError: it cannot be used; says what is wrong with it, and on which line.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in _READERS:
        raise InputError(f"{key} '{name}': a data file is named .jsonl, .json or .csv")
    path = find_file(key, name, folder, most=LARGEST_FILE, trusted=trusted)
    row = None
    try:
        with path.open("rb") as file:
            for row in _READERS[suffix](name, _Text(name, file)):
                yield row
    except OSError as error:
        raise InputError(f"{key} '{name}' cannot be read: {error.strerror}") from None
    if row is None:
        raise InputError(f"{key} '{name}': there are no rows in it")


class _Text:
    """A file's text, by lines or by pieces; UTF-8, or UTF-16 where it begins with that mark."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name, self._file = name, file
        begun = file.peek(4)[:4] if hasattr(file, "peek") else b""
        mark = next((mark for mark in _BOMS if begun.startswith(mark)), b"")
        file.read(len(mark))
        self._encoding = _BOMS.get(mark, "utf-8")

    def lines(self) -> Iterator[str]:
        """Lines with their ends."""
        if self._encoding != "utf-8":
            yield from _lines_of(self.pieces())
            return
        number = 0
        while raw := self._file.readline(LARGEST_ROW + 1):
            number += 1
            if len(raw) > LARGEST_ROW:
                raise InputError(f"{self._name}:{number}: this row is larger than 64 MiB")
            try:
                yield raw.decode()
            except UnicodeDecodeError:
                raise self._no_text(number) from None

    def pieces(self) -> Iterator[str]:
        """Text as it is read."""
        decoder = codecs.getincrementaldecoder(self._encoding)()
        number = 1
        while True:
            raw = self._file.read(_PIECE)
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise self._no_text(number + raw.count(b"\n", 0, error.start)) from None
            number += text.count("\n")
            if text:
                yield text
            if not raw:
                return

    def _no_text(self, number: int) -> InputError:
        return InputError(f"{self._name}:{number}: this is not UTF-8 text; save the file as UTF-8")


def _lines_of(pieces: Iterable[str]) -> Iterator[str]:
    left = ""
    for piece in pieces:
        *lines, left = (left + piece).split("\n")
        yield from (f"{line}\n" for line in lines)
    if left:
        yield left


def _lines(name: str, text: _Text) -> Iterator[Row]:
    """An object a line; empty lines are passed over."""
    for number, line in enumerate(text.lines(), 1):
        if line.strip():
            where = f"{name}:{number}"
            yield _row(where, _json(where, line), escaped="\\u" in line)


def _list(name: str, text: _Text) -> Iterator[Row]:
    """A list of objects, each read when it is complete."""
    reader = _ListReader(name, text.pieces())
    yield from reader.rows()


class _ListReader:
    """Takes a JSON list apart without holding all of it."""

    def __init__(self, name: str, pieces: Iterator[str]) -> None:
        self._name, self._pieces = name, pieces
        self._held = ""  # what was read and not taken yet, from `_at` on
        self._at = 0
        self._line, self._column = 1, 0  # where `_held` begins
        self._more = True

    def rows(self) -> Iterator[Row]:
        """Every item."""
        if self._sign() != "[":
            self._all()  # what is wrong with it as JSON comes first
            raise InputError(
                f"{self._name}: a list of objects was expected; for an object a line name the file .jsonl"
            )
        self._at += 1
        number = 0
        sign = self._sign()
        while sign != "]":
            number += 1
            begun = self._at
            value = self._item()
            yield _row(
                f"{self._name}, item {number}", value, escaped=self._held.find("\\u", begun, self._at) >= 0
            )
            sign = self._sign()
            if sign == ",":
                self._at += 1
                self._sign()
            elif sign != "]":
                raise self._wrong("Expecting ',' delimiter", self._at)
        self._at += 1
        if self._sign():
            raise self._wrong("Extra data", self._at)

    def _sign(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            match = _SPACE.match(self._held, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._fill():
                return ""

    def _item(self) -> Any:
        """The value that begins here; more is read until it is whole."""
        while True:
            try:
                value, self._at = _DECODER.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                if len(self._held) - self._at > LARGEST_ROW:
                    raise InputError(f"{self._name}:{self._line}: this row is larger than 64 MiB") from None
                if not self._fill():
                    raise self._wrong(error.msg, error.pos) from None
            except RecursionError:
                raise InputError(f"{self._name}: it is nested too deep") from None
            except ValueError as error:
                raise InputError(f"{self._name}: {error}") from None
            else:
                return value

    def _all(self) -> None:
        while self._fill() and len(self._held) - self._at <= LARGEST_ROW:
            continue
        _json(self._name, self._held[self._at :])

    def _fill(self) -> bool:
        """Read on, as much again as is held; whether there was more."""
        wanted = max(1, len(self._held) - self._at)
        parts, size = [self._held[self._at :]], 0
        while self._more and size < wanted:
            piece = next(self._pieces, "")
            self._more = bool(piece)
            parts.append(piece)
            size += len(piece)
        if size:
            taken = self._held[: self._at]
            self._line += taken.count("\n")
            self._column = len(taken) - taken.rfind("\n") - 1 + (0 if "\n" in taken else self._column)
            self._held, self._at = "".join(parts), 0
        return size > 0

    def _wrong(self, message: str, at: int) -> InputError:
        line = self._line + self._held.count("\n", 0, at)
        column = at - self._held.rfind("\n", 0, at) + (self._column if line == self._line else 0)
        return InputError(f"{self._name}:{line}: this is not JSON: {message} (column {column})")


def _table(name: str, text: _Text) -> Iterator[Row]:
    """CSV, whose first line names the fields; commas, semicolons or tabs between them. All values are text."""
    before = csv.field_size_limit(LARGEST_ROW)
    lines = text.lines()
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(_again(first, lines), strict=True, delimiter=delimiter)
    try:
        names = [each.strip() for each in next(reader, [])]
        if len(set(names)) < len(names) or not all(names):
            raise InputError(f"{name}:1: the first line names the fields, each by a name of its own")
        for values in reader:
            if len(values) == len(names):
                yield Row(f"{name}:{reader.line_num}", dict(zip(names, values, strict=True)))
            elif values:
                raise InputError(
                    f"{name}:{reader.line_num}: there are {len(values)} values for {len(names)} fields"
                )
    except csv.Error as error:
        raise InputError(f"{name}:{reader.line_num}: this is not CSV: {error}") from None
    finally:
        csv.field_size_limit(before)


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


_READERS = {".jsonl": _lines, ".json": _list, ".csv": _table}


def _row(where: str, value: Any, *, escaped: bool) -> Row:
    """An object as a row; only what was written with escapes can hold half a character."""
    if not isinstance(value, dict):
        raise InputError(f'{where}: an object was expected, like {{"field": "value"}}')
    if _deeper_than(value, _DEEPEST):
        raise InputError(f"{where}: the row is nested more than {_DEEPEST} levels deep")
    if escaped and any(is_broken(text) for _, text in texts(value)):
        raise InputError(f"{where}: there is {BROKEN} in this row")
    return Row(where, value)


def _deeper_than(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (levels == 0 or any(_deeper_than(item, levels - 1) for item in value))


def _json(where: str, text: str) -> Any:
    """What JSON itself allows, and not what Python adds: no NaN, no key twice."""
    try:
        return _DECODER.decode(text)
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


_DECODER = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=_unique)
_SPACE = re.compile(r"[ \t\r\n]*")
