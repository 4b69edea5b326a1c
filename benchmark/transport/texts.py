"""What streamed answers say: their text, for tokenizers and for conversations that go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from benchmark.transport.dialects.dialect import Dialect, Places, look_up
from benchmark.transport.dialects.known import dialect_of
from benchmark.transport.events import EventReader, messages_of


def texts_of(body: bytes) -> tuple[str, str]:
    """What a whole body says: the thoughts in it (and calls of tools), and the answer; of several, the first."""
    reader = EventReader()
    thoughts: list[str] = []
    answer: list[str] = []
    dialect: Dialect | None = None
    for event in (*reader.feed(body), reader.rest()):
        for said in _documents(event):
            dialect = dialect or dialect_of(said)
            if dialect is not None:
                _hear(dialect, said, thoughts, answer)
    return _whole(thoughts), _whole(answer)


def _documents(event: bytes) -> Iterator[dict[str, Any]]:
    for _, data in messages_of(event):
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            yield said


def _whole(pieces: list[str]) -> str:
    """The text, in which a character that came in two halves is one, and half a character is U+FFFD."""
    return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _hear(dialect: Dialect, said: dict[str, Any], thoughts: list[str], answer: list[str]) -> None:
    """Add what an event says to what was said before."""
    kind = said.get("type") if dialect.kinds else None
    items = look_up(said, dialect.items) if dialect.items else [said]
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict) or (dialect.items and item.get("index")):
            continue
        for places, heard in zip(dialect.places_of(kind), (answer, thoughts), strict=True):
            _add(item, places, heard, repeats=dialect.cumulative)


def _add(item: dict[str, Any], places: Places, heard: list[str], *, repeats: bool) -> None:
    for place in places:
        text = "".join(_strings(look_up(item, place)))
        if repeats and text.startswith(before := "".join(heard)):
            text = text[len(before) :]
        heard.append(text)


def _strings(value: Any) -> Iterator[str]:
    """The texts in a value: itself, those of its parts, or the name and arguments of a tool that is called."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part) if isinstance(part, dict) else ()
    elif isinstance(value, dict):
        keys = ("function", "name", "arguments", "text", "thinking", "summary")
        for text in map(value.get, keys):
            yield from _strings(text) if isinstance(text, str | dict) else ()
