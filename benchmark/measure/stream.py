"""What was seen of one streamed answer: when its tokens came, and what it said of itself at its end.

An instant is that of the bytes' arrival, in nanoseconds of `clock.now()`. A *token chunk* carries something that the
model wrote, be it content, reasoning or a call of a tool; chunks that carry a role, usage or nothing are none.
"""

from __future__ import annotations

from array import array


class Stream:
    """Filled in by a reader while the answer goes on."""

    __slots__ = ("arrivals", "error", "first_answer", "input_tokens", "output_tokens", "unreadable")

    def __init__(self) -> None:
        self.arrivals = array("q")  # of token chunks
        self.first_answer = 0  # the first chunk with content; zero: none yet
        self.input_tokens = -1  # by usage; below zero: nobody said
        self.output_tokens = -1
        self.error = ""  # what the server said in mid-stream
        self.unreadable = 0  # events whose data are no JSON
