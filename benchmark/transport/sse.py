"""Server-sent events of OpenAI-style services: bytes in, token instants out. Pure: no clock, no I/O.

`EventReader` is the event-stream format of the WHATWG, whose events may be split anywhere. `StreamReader` says of each
event whether it carries a token. It parses as little as it can: chunks of one answer are alike up to the text, so one
whose beginning was understood before is told by its first bytes, one of a known shape by a regular expression, and
only the others by a JSON parser. All three agree on any JSON whose keys are written plainly, and once.
"""

from __future__ import annotations

import json
import re
from typing import Any

from benchmark.measure.exchange import MOST_DETAIL
from benchmark.measure.stream import Stream

LARGEST_EVENT = 4 * 1024 * 1024  # bytes
MOST_TOKENS = 2**31  # of a request or an answer
DONE = b"[DONE]"
THOUGHTS = ("reasoning_content", "reasoning", "tool_calls")  # of a delta, beside its content
_BOM = b"\xef\xbb\xbf"
_QUOTE = 34  # what ends an empty text

_SPACE = rb"[ ]?"
_TEXT = rb'"[^"\\]*"'
_SCALAR = rb"(?:" + _TEXT + rb"|-?[0-9][0-9.eE+-]*|null|true|false)"
_MEMBERS = rb'(?:"(?!text")[a-z_]+":' + _SPACE + _SCALAR + rb"," + _SPACE + rb")*"
_EMPTY = rb'(?:"role":' + _SPACE + _TEXT + rb'|"[a-z_]+":' + _SPACE + rb'(?:null|"")),' + _SPACE
_BEGINNING = re.compile(
    rb"data:" + _SPACE + rb"\{" + _MEMBERS + rb'"choices":' + _SPACE + rb"\[\{" + _MEMBERS
    + rb"(?:"
    + rb'"delta":' + _SPACE + rb"\{(?:" + _EMPTY + rb')*"(content|reasoning_content|reasoning)"'
    + rb'|"(text)"'
    + rb"):" + _SPACE + rb'"(?!")'
)  # fmt: skip
_USAGE = re.compile(rb'"usage":(?! ?null)')


class EventReader:
    """Cuts a body into events, however it comes in pieces."""

    def __init__(self) -> None:
        self.pending = b""  # the beginning of an event
        self._begun = False
        self._half_break = False  # the last byte was a CR, which an LF may follow

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that end in this piece: their lines, joined by LF.

        Raises:
            ValueError: an event is larger than `LARGEST_EVENT`.
        """
        if self._half_break:
            piece = piece.removeprefix(b"\n")
        self._half_break = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = self.pending + piece
        if not self._begun and len(text) >= len(_BOM):
            self._begun, text = True, text.removeprefix(_BOM)
        *events, self.pending = text.split(b"\n\n")
        if len(self.pending) > LARGEST_EVENT:
            raise ValueError(f"an event is larger than {LARGEST_EVENT // 1024**2} MiB")
        return events

    def rest(self) -> bytes:
        """What an answer that ended without an empty line left over."""
        text, self.pending = self.pending, b""
        return text


def fields_of(event: bytes) -> tuple[bytes, bytes | None]:
    """The name and the data of an event; no data, and it is nothing but comments or a keep-alive."""
    if event.startswith(b"data: ") and b"\n" not in event:
        return b"", event[6:]
    name, data = b"", []
    for line in event.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, b"\n".join(data) if data else None


class StreamReader:
    """Reads one answer into a `Stream`."""

    def __init__(self, *, heard: bool = False) -> None:
        self.stream = Stream(heard=heard)
        self._pieces = self.stream.pieces
        self._events = EventReader()
        self._known = b"\0"  # how a chunk that carries content begins, up to the first byte of its text

    def feed(self, piece: bytes, at: int) -> None:
        """Take a piece of the body that arrived at `at`.

        Raises:
            ValueError: this is no event stream that could be read.
        """
        if self._pieces is not None:
            self._pieces.append(piece)
        if (
            piece.startswith(self._known)
            and piece.find(b"\n\n") == len(piece) - 2  # one event, and all of it
            and piece[len(self._known)] != _QUOTE
            and not self._events.pending
            and b"\r" not in piece
            and _is_plain(piece)
        ):
            self.stream.arrivals.append(at)
            return
        for event in self._events.feed(piece):
            self._take(event, at)

    def finish(self, at: int) -> None:
        """The body is over: take what no empty line ended."""
        rest = self._events.rest()
        if rest:
            self._take(rest, at)

    def _take(self, event: bytes, at: int) -> None:
        beginning = _BEGINNING.match(event)
        if beginning is None or not _is_plain(event):
            self._parse(event, at)
            return
        stream = self.stream
        if beginning[1] in {b"content", None}:
            self._known = beginning[0]
            if not stream.first_answer:
                stream.first_answer = at
        elif not stream.first_answer and (b'"content"' in event or b'"text"' in event):
            self._parse(event, at)  # a thought, and perhaps an answer behind it
            return
        stream.arrivals.append(at)

    def _parse(self, event: bytes, at: int) -> None:
        """Look at all of it."""
        stream = self.stream
        name, data = fields_of(event)
        if data is None or data == DONE:
            return
        if name == b"error":
            stream.error = _line(data.decode("utf-8", "replace"))
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            stream.unreadable += 1
            return
        if not isinstance(said, dict):
            stream.unreadable += 1
            return
        token, answer = carries(said)
        if token:
            stream.arrivals.append(at)
        if answer and not stream.first_answer:
            stream.first_answer = at
        self._note(said)

    def _note(self, said: dict[str, Any]) -> None:
        stream, usage = self.stream, said.get("usage")
        if isinstance(usage, dict):
            stream.input_tokens = _count(usage.get("prompt_tokens"), stream.input_tokens)
            stream.output_tokens = _count(usage.get("completion_tokens"), stream.output_tokens)
        if said.get("error") or said.get("object") == "error":
            stream.error = _message(said)


def carries(said: dict[str, Any]) -> tuple[bool, bool]:
    """Whether a chunk carries a token, and whether that is one of the answer (and no thought)."""
    token = answer = False
    choices = said.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = {}
        if delta.get("content") or choice.get("text"):
            token = answer = True
        elif any(map(delta.get, THOUGHTS)):
            token = True
    return token, answer


def texts_of(body: bytes) -> tuple[str, str]:
    """What a whole body says: the thoughts in it (and calls of tools), and the answer; of several, the first."""
    events = EventReader()
    thoughts: list[str] = []
    answer: list[str] = []
    for event in (*events.feed(body), events.rest()):
        try:
            said = json.loads(fields_of(event)[1] or b"null")
        except (ValueError, RecursionError):
            continue
        choices = said.get("choices") if isinstance(said, dict) else None
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                _hear(choice, thoughts, answer)
    return _whole(thoughts), _whole(answer)


def _whole(pieces: list[str]) -> str:
    """The text, in which a character that came in two halves is one, and half a character is U+FFFD."""
    return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _hear(choice: dict[str, Any], thoughts: list[str], answer: list[str]) -> None:
    """Add what a chunk says to what was said before."""
    delta = choice.get("delta")
    delta = delta if isinstance(delta, dict) else {}
    answer += (text for text in (delta.get("content"), choice.get("text")) if isinstance(text, str))
    thoughts += (text for text in (delta.get(name) for name in THOUGHTS[:2]) if isinstance(text, str))
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            thoughts += (text for text in map(function.get, ("name", "arguments")) if isinstance(text, str))


def _count(said: object, before: int) -> int:
    """What usage says, where a model could have: a service may say anything, and sums are kept in 64 bits."""
    return (
        said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= MOST_TOKENS else before
    )


def _message(said: dict[str, Any]) -> str:
    """What an error object says, in a line."""
    error = said.get("error") or said
    text = error.get("message") if isinstance(error, dict) else error
    return _line(str(text))


def _line(text: str) -> str:
    return " ".join(text[:MOST_DETAIL].split()) or "an error"


def _is_plain(event: bytes) -> bool:
    """Whether a chunk holds neither usage nor an error."""
    return b'"error"' not in event and (b'"usage"' not in event or not _USAGE.search(event))
