"""What a JSON document says of an answer: usage, an error. Of an event of a stream, or of an answer that came whole."""

from __future__ import annotations

import json
from typing import Any

from benchmark.measure.exchange import MOST_DETAIL, Failure
from benchmark.measure.stream import Stream
from benchmark.transport.dialects.dialect import Dialect, Places, look_up
from benchmark.transport.dialects.known import dialect_of
from benchmark.transport.inflating import Inflater

MOST_TOKENS = 2**31  # of a request or an answer
MOST_BODY = 16 * 1024**2  # bytes of an answer that came whole, beyond which it is not read
LARGE = 8192  # bytes of an answer, beyond which to read all of it for its usage would cost too much
_CODES = frozenset(
    {"code", "error_code", "error_msg", "error_type", "errorCode", "errorMessage", "status_code"}
)
_FINE = frozenset({"0", "200", "ok", "success"})
_MESSAGES = ("message", "error_msg", "errorMessage", "detail", "msg", "code", "error_code")


class WholeReader:
    """Reads an answer that is not streamed, of a model: its usage, and whether it holds an error and no answer."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.stream.whole = True
        self._pieces: list[bytes] = []
        self._size = 0
        self._encoding = ""

    def take_head(self, content_type: str, encoding: str) -> None:
        """Take what the answer's head says of the body."""
        self._encoding = encoding

    def feed(self, piece: bytes, at: int) -> None:
        """Take a piece of the body."""
        self._size += len(piece)
        if self._size <= MOST_BODY:
            self._pieces.append(piece)

    def finish(self, at: int) -> None:
        """The body is over: judge it. What is no JSON object says nothing, and is none of our business."""
        said = told_by(b"".join(self._pieces), self._encoding) if self._size <= MOST_BODY else None
        if isinstance(said, dict):
            note_whole_usage(self.stream, said)
            if error := error_of(said, None, whole=True):
                self.stream.failure, self.stream.detail = Failure.ERROR_IN_ANSWER, error


def told_by(body: bytes, encoding: str) -> Any:
    """What a body says as JSON, or of a large one in which there is no word of an error only the usage; None: nothing."""
    try:
        if Inflater.is_known(encoding):
            body = Inflater(encoding).feed(body)
        if len(body) <= LARGE or b"error" in body:
            return json.loads(body)
        at = body.rfind(b'"usage":')
        return json.loads(b"{" + body[at:].rstrip()) if at >= 0 else None
    except (ValueError, RecursionError):
        return None


def read_document(stream: Stream, said: Any) -> tuple[Failure, str]:
    """What a JSON document is worth, where a stream was asked for; its usage goes into `stream`, and no instant."""
    while stream.arrivals:
        stream.arrivals.pop()
    stream.first_answer = 0
    if not isinstance(said, dict):
        return Failure.UNKNOWN_STREAM, f"one JSON {type(said).__name__}, and no stream"
    note_whole_usage(stream, said)
    if error := error_of(said, dialect_of(said), whole=True):
        return Failure.ERROR_IN_ANSWER, error
    told = f" of {stream.output_tokens:,} tokens" if stream.output_tokens >= 0 else ""
    return Failure.NOT_STREAMED, f"one whole JSON answer{told}, with {', '.join(sorted(map(str, said))[:8])}"


def note_whole_usage(stream: Stream, said: dict[str, Any]) -> None:
    """Take the tokens that an answer tells which came whole."""
    for dialect in filter(None, (dialect_of(said), _WHOLE)):
        note_usage(stream, dialect, said)
        if stream.output_tokens >= 0 or stream.input_tokens >= 0:
            return


# Answers of messages and of responses that come whole have their usage at the top
_WHOLE = Dialect(
    name="whole",
    ending="",
    input=(("usage", "prompt_tokens"), ("usage", "input_tokens")),
    more_input=(("usage", "cache_read_input_tokens"), ("usage", "cache_creation_input_tokens")),
    output=(("usage", "completion_tokens"), ("usage", "output_tokens")),
    cached=(("usage", "cache_read_input_tokens"),),
)


def note_usage(stream: Stream, dialect: Dialect, said: dict[str, Any]) -> None:
    """Take the tokens that a document tells."""
    asked = count_at(said, dialect.input)
    if asked >= 0:
        more = (count_at(said, (place,)) for place in dialect.more_input)
        stream.input_tokens = asked + sum(tokens for tokens in more if tokens > 0)
    stream.output_tokens = max(count_at(said, dialect.output), stream.output_tokens)
    cached = count_at(said, dialect.cached)
    if cached >= 0:
        stream.cached_tokens = cached


def count_at(said: Any, places: Places) -> int:
    """The first number of tokens at these places; below zero: none is told.

    A service may say anything, and sums are kept in 64 bits: what no model could have is not taken.
    """
    for place in places:
        told = look_up(said, place)
        if isinstance(told, bool) or not isinstance(told, int | float):
            continue
        if 0 <= told <= MOST_TOKENS and told == int(told):
            return int(told)
    return -1


def error_of(
    said: dict[str, Any], dialect: Dialect | None, *, told: bool = False, whole: bool = False
) -> str:
    """What a document says of an error; empty: it tells none.

    Args:
        said: the document.
        dialect: whose it is, where that is known.
        told: whether the event that it came in was named an error.
        whole: whether it is an answer of its own, of which only what is plainly an error is one.
    """
    error = said.get("error")
    if error not in (None, "", False):
        return message_of(error if error is not True else said)
    kind = said.get("type")
    if kind == "error" or said.get("object") == "error" or told:
        return message_of(said)
    if dialect is None:
        if whole:
            return ""
        return message_of(said) if said.keys() == {"detail"} or _has_code(said) else ""
    if dialect.failing:
        return _failure(said, dialect) if kind in dialect.failing else ""
    return _failure(said, dialect, silent=True) if dialect.failure else ""


def _has_code(said: dict[str, Any]) -> bool:
    """Whether it says, as services do that have no other form for it, that something is wrong."""
    codes = (said.get(key) for key in _CODES)
    return any(code and str(code).lower() not in _FINE for code in codes)


def _failure(said: dict[str, Any], dialect: Dialect, *, silent: bool = False) -> str:
    found = next(filter(None, (look_up(said, place) for place in dialect.failure)), None)
    return in_a_line(str(found)) if found else "" if silent else in_a_line(str(said.get("type")))


def message_of(error: Any) -> str:
    """What an error says, in a line."""
    if isinstance(error, dict):
        told = next(filter(None, (error.get(key) for key in _MESSAGES)), None)
        if isinstance(told, dict):
            return message_of(told)
        error = json.dumps(error, ensure_ascii=False) if told is None else told
    return in_a_line(error if isinstance(error, str) else json.dumps(error, ensure_ascii=False))


def in_a_line(text: str) -> str:
    """A text of a server's, in a line; it is redacted, and then cut, where it is shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:MOST_DETAIL]).split()) or "an error"
