"""How an answer is read, by what was asked: as a stream, as a model's whole answer, or not at all."""

from __future__ import annotations

from typing import Protocol

from benchmark.measure.stream import Stream
from benchmark.transport.base import PreparedRequest
from benchmark.transport.stream_reader import StreamReader
from benchmark.transport.whole_answer import WholeReader


class Reader(Protocol):
    """Takes an answer as it comes; what it makes of it is in `stream`."""

    stream: Stream

    def take_head(self, content_type: str, encoding: str) -> None:
        """Take what the answer's head says of the body."""

    def feed(self, piece: bytes, at: int) -> None:
        """Take a piece of the body that arrived at `at`. Never raises."""

    def finish(self, at: int) -> None:
        """The body is over: judge it."""


def is_read(request: PreparedRequest) -> bool:
    """Whether the answer's body says something that is measured, or may tell that it is none."""
    return request.stream or request.model


def reader_of(request: PreparedRequest) -> Reader | None:
    """What reads the answer to a request; None: nothing does."""
    if request.stream:
        return StreamReader(request.dialect, heard=request.heard)
    return WholeReader() if request.model else None
