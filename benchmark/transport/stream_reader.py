"""Streamed answers: bytes in, token instants and a judgement out. Pure: no clock, no I/O.

`StreamReader` says of each event whether it carries a token, and of the whole answer whether it is one: it carried a
token, and ended as its dialect ends. It parses as little as it can. Chunks of one answer are alike but for their text, so
once one has been understood, what begins and ends with the same bytes, and has a text between, says the same.
"""

from __future__ import annotations

import json
import re
from typing import Any

from benchmark.measure.exchange import MOST_DETAIL, Failure
from benchmark.measure.stream import Stream
from benchmark.transport.dialects.dialect import Dialect, Place, first, look_up
from benchmark.transport.dialects.known import CHUNKS, DIALECTS, dialect_of
from benchmark.transport.events import DONE, EventReader, messages_of
from benchmark.transport.inflating import Inflater
from benchmark.transport.whole_answer import error_of, in_a_line, note_usage, read_document

LARGEST_WHOLE = 1024**2  # bytes of a body that are kept to see whether it is one JSON document
_BACKSLASH = 92
_LESSONS = 4  # chunks of one answer that are learnt by heart; where more differ, all do
_NO_REASON = frozenset({"", "null", "FINISH_REASON_UNSPECIFIED"})
_FAILING = re.compile("error|abort|cancel|fail|insufficient|timeout|unavailable|overload", re.IGNORECASE)
_TEXT = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*')  # of JSON, between its quotes


class StreamReader:
    """Reads one answer into a `Stream`.

    Args:
        dialect: the name of the answer's; none: as its events tell.
        heard: whether the body is kept, for its text.
    """

    def __init__(self, dialect: str = "", *, heard: bool = False) -> None:
        self.stream = Stream(heard=heard)
        self._arrivals = self.stream.arrivals
        self._pieces = self.stream.pieces
        self._events = EventReader()
        self._dialect = DIALECTS[dialect] if dialect else None
        # how a chunk that carries a token begins, up to its text, and how it ends from there: as an event, as a piece
        self._known, self._tail, self._piece_tail = b"\0", b"\0", b"\0\n\n"
        self._lessons = _LESSONS
        self._heads: tuple[str, str] = "", ""  # content type and encoding
        self._inflater: Inflater | None = None
        self._body: list[bytes] = []  # its beginning, until it is seen to be a stream
        self._kept = 0  # bytes of that
        self._aborted = ""  # why the service gave it up
        self._unknown = b""  # the first event that no dialect knows
        self._finished: set[int] = set()  # which answers of several are over
        self._text: Any = None  # of the last token, where events repeat what came before

    def take_head(self, content_type: str, encoding: str) -> None:
        """Take what the answer's head says of the body."""
        self._heads = content_type, encoding
        kind = encoding.strip().lower()
        if Inflater.is_known(kind):
            self._inflater = Inflater(kind)
        elif kind not in {"", "identity"}:
            self.stream.failure = Failure.ENCODING
            self.stream.detail = f"the answer is compressed with {in_a_line(kind)}, which is not decoded here"

    def feed(self, piece: bytes, at: int) -> None:
        """Take a piece of the body that arrived at `at`."""
        known = len(self._known)
        if piece.startswith(self._known) and piece.endswith(self._piece_tail):
            end = len(piece) - len(self._piece_tail)
            if (
                known < end
                and (piece.find(b'"', known) == end or _TEXT.fullmatch(piece, known, end))
                and piece.find(b"\n", known) == len(piece) - 2
                and piece[end - 1] != _BACKSLASH
                and not self._events.pending
            ):
                self._arrivals.append(at)
                if self._pieces is not None:
                    self._pieces.append(piece)
                return
        self._feed(piece, at)

    def _feed(self, piece: bytes, at: int) -> None:
        """Take any piece."""
        stream = self.stream
        if stream.failure:
            return
        try:
            if self._inflater is not None:
                piece = self._inflater.feed(piece)
            if not piece:
                return
            if self._pieces is not None:
                self._pieces.append(piece)
            if (not self._arrivals or self._events.by_line) and self._kept < LARGEST_WHOLE:
                self._keep(piece)
            if self._dialect is CHUNKS:
                self._stamp(at, 0, answer=True)
                return
            for event in self._events.feed(piece):
                self._take(event, at)
        except ValueError as error:
            stream.failure, stream.detail = Failure.STREAM_ERROR, f"it could not be read: {error}"

    def _keep(self, piece: bytes) -> None:
        """Keep the beginning of a body that may yet turn out to be no stream."""
        events = self._events
        if self._kept < MOST_DETAIL or (events.by_line and (events.count < 2 or self.stream.unreadable)):
            self._body.append(piece)
            self._kept += len(piece)

    def _take(self, event: bytes, at: int) -> None:
        known, end = len(self._known), len(event) - len(self._tail)
        if (
            known < end
            and event.startswith(self._known)
            and event.endswith(self._tail)
            and event[end - 1] != _BACKSLASH
            and (event.find(b'"', known) == end or _TEXT.fullmatch(event, known, end))
            and event.find(b"\n", known) < 0
        ):
            self._arrivals.append(at)
            return
        self._events.count += bool(event.strip())
        for name, data in messages_of(event):
            if data == DONE:
                self.stream.done = True
            else:
                self._parse(name, data, event, at)

    def _parse(self, name: bytes, data: bytes, event: bytes, at: int) -> None:
        """Look at all of a message."""
        stream, dialect = self.stream, self._dialect
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            self._take_unreadable(name, data, at)
            return
        if dialect is None:
            dialect = self._dialect = dialect_of(said)
        if error := error_of(said, dialect, told=name == b"error"):
            stream.error = error
        elif dialect is None:
            self._unknown = self._unknown or data
        if dialect is not None:
            self._understand(dialect, said, data, event, at)

    def _take_unreadable(self, name: bytes, data: bytes, at: int) -> None:
        """Take data that are no JSON object."""
        if name == b"error":
            self.stream.error = in_a_line(data.decode("utf-8", "replace"))
        elif self._dialect is not None and self._dialect.any_event:
            self._stamp(at, 0, answer=True)
        else:
            self.stream.unreadable += 1
            self._unknown = self._unknown or data

    def _understand(self, dialect: Dialect, said: dict[str, Any], data: bytes, event: bytes, at: int) -> None:
        """Take what an event says in its dialect."""
        stream = self.stream
        if dialect.any_event:
            if not stream.error:
                self._stamp(at, 0, answer=True)
            return
        before = stream.output_tokens
        if dialect.told_with in data:
            note_usage(stream, dialect, said)
        grew = stream.output_tokens > before
        kind = said.get("type") if dialect.kinds else None
        if kind in dialect.last or any(_is_final(look_up(said, place)) for place in dialect.final):
            stream.ended = True
        items = look_up(said, dialect.items) if dialect.items else [said]
        carried: list[tuple[Place, Any]] = []
        for position, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                index = _index(item, position) if dialect.items else 0
                finished = self._finish_item(dialect, index, first(item, dialect.finish))
                found = dialect.token_in(item, kind)
                if found is not None and (not dialect.cumulative or self._is_new(found, grew=grew)):
                    carried.append(found[:2])
                    self._stamp(at, index, answer=found[2])
                elif dialect.running and grew and before >= 0 and not finished:
                    self._stamp(at, index, answer=False)
        settled = stream.ended or self._finished or stream.error or grew or dialect.cumulative
        if len(carried) == 1 and not settled:
            self._learn(event, *carried[0])

    def _is_new(self, found: tuple[Place, Any, bool], *, grew: bool) -> bool:
        """Whether an event that may repeat what came before it holds more."""
        before, self._text = self._text, found
        return grew if self.stream.output_tokens >= 0 else before != found

    def _finish_item(self, dialect: Dialect, index: int, reason: Any) -> bool:
        """Note why an answer ended, if it did."""
        kind = reason.get("type") if isinstance(reason, dict) else reason
        if kind is None or str(kind) in _NO_REASON:
            return False
        stream = self.stream
        stream.finish = in_a_line(str(kind))
        if _FAILING.search(stream.finish):
            told = reason.get("message") if isinstance(reason, dict) else None
            said = f": {in_a_line(str(told))}" if told else ""
            self._aborted = f"it ended with {stream.finish!r}{said}"
        if dialect.finish_ends:
            self._finished.add(index)
        return True

    def _stamp(self, at: int, index: int, *, answer: bool) -> None:
        """Note a token of the answer with this index that arrived."""
        stream = self.stream
        self._arrivals.append(at)
        if answer and not stream.first_answer:
            stream.first_answer = at
        if index and stream.indexes is None:
            stream.indexes = [0] * (len(self._arrivals) - 1)
            self._known, self._lessons = b"\0", 0  # such chunks take turns
        if stream.indexes is not None:
            stream.indexes.append(index)

    def _learn(self, event: bytes, place: Place, text: Any) -> None:
        """Know the chunks that are like this one but for their text."""
        key = b'"' + place[-1].encode() + b'":'
        at = event.find(key)
        if self._lessons <= 0 or not isinstance(text, str) or at < 0 or event.count(key[:-1]) != 1:
            return
        self._lessons -= 1
        start = event.find(b'"', at + len(key)) + 1
        rest = _TEXT.match(event, start)
        if (
            not start
            or event[at + len(key) : start - 1].strip()
            or rest is None
            or event.find(b"\n", start) >= 0
        ):
            return
        self._known, self._tail = event[:start], event[rest.end() :]
        self._piece_tail = self._tail + b"\n\n"

    # ── the end ──

    def finish(self, at: int) -> None:
        """The body is over: take what no empty line ended, and judge the answer."""
        stream = self.stream
        if not stream.failure and (rest := self._events.rest()):
            self._take(rest, at)
        if self._dialect is not None:
            stream.dialect = self._dialect.name
        if not stream.failure:
            stream.failure, stream.detail = self._judged()

    def _judged(self) -> tuple[Failure, str]:
        stream = self.stream
        whole = self._whole()
        if whole is not None:
            return self._judged_whole(whole)
        if stream.error:
            return Failure.STREAM_ERROR, stream.error
        if self._aborted:
            return Failure.STREAM_ABORTED, self._aborted
        if not stream.arrivals:
            return self._tokenless()
        if not self._is_ended():
            ending = self._dialect.ending if self._dialect else ""
            return Failure.TRUNCATED, f"the stream came to its end without {ending}"
        return Failure.NONE, ""

    def _judged_whole(self, whole: Any) -> tuple[Failure, str]:
        """One JSON document: an answer that came at once, or the error that a stream has instead of a beginning."""
        kind, said = read_document(self.stream, whole)
        begun = not self._heads[0].lower().startswith("application/json")
        return (Failure.STREAM_ERROR if kind is Failure.ERROR_IN_ANSWER and begun else kind), said

    def _is_ended(self) -> bool:
        """Whether it ended as its dialect ends."""
        stream, dialect = self.stream, self._dialect
        assert dialect is not None  # for there was a token
        if dialect.open_ended or stream.ended or (dialect.sentinel and stream.done):
            return True
        return bool(self._finished) and self._finished >= set(stream.indexes or (0,))

    def _whole(self) -> Any:
        """The body, where it is one JSON document, and so no stream; else None."""
        if not self._events.by_line or (self._events.count > 1 and not self.stream.unreadable):
            return None
        try:
            return json.loads(b"".join(self._body))
        except (ValueError, RecursionError):
            return None

    def _tokenless(self) -> tuple[Failure, str]:
        """What came instead of tokens."""
        content_type = in_a_line(self._heads[0]) if self._heads[0] else "no content type"
        if self._unknown and self._dialect is None:
            return Failure.UNKNOWN_STREAM, f"{content_type}; its first event says {_shown(self._unknown)}"
        if not self._body:
            return Failure.NO_TOKEN, f"{content_type}; the body is empty"
        ended = f", and ended with {self.stream.finish!r}" if self.stream.finish else ""
        return Failure.NO_TOKEN, f"{content_type}; it began with {_shown(b''.join(self._body))}{ended}"


def _index(item: dict[str, Any], position: int) -> int:
    """Which of several answers an item belongs to."""
    index = item.get("index", position)
    return index if isinstance(index, int) and 0 <= index < 1024 else position


def _is_final(value: Any) -> bool:
    return value is True or isinstance(value, str | dict)


def _shown(data: bytes) -> str:
    """What a server said, quoted; it is redacted, and then cut, where it is shown."""
    return repr(" ".join(data[:MOST_DETAIL].decode("utf-8", "replace").split()))
