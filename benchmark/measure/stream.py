"""Streamed answers: what was seen of one, and what is recorded of many.

An instant is that of the bytes' arrival, in nanoseconds of `clock.now()`. A *token chunk* carries something that the
model wrote, be it content, reasoning or a call of a tool; chunks that carry a role, usage or nothing are none.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.histogram import Nanoseconds
from benchmark.measure.recorder import Columns, Part, Recorder
from benchmark.measure.recording import Recording
from benchmark.units import NANOSECONDS

TIMES = ("ttft", "ttft_from_due", "first_answer", "itl", "tpot", "e2e")
LIMITED = ("ttft", "ttft_from_due", "first_answer", "tpot", "e2e")  # what a single request has
COLUMNS = ("due", "sent", "first", "answer", "last", "chunks", "asked", "told", "unreadable")
COUNTERS = (
    "streams",
    "tokenless",  # streams without a token chunk
    "input_tokens",  # where usage told them
    "output_tokens",  # by usage, else token chunks
    "told",  # streams whose tokens usage told
    "token_chunks",
    "good",  # streams within all limits
    "unreadable",
    "millitokens_per_second",  # summed over streams, each over its own time
)
MOST_ARRIVALS = 65_536  # kept before they are folded
NEVER = 2**62


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


class Limit(NamedTuple):
    """What a good stream may take at most, in nanoseconds."""

    metric: str  # one of LIMITED
    most: int


@dataclass  # as Part is
class StreamPart(Part):
    """What was recorded of streamed exchanges since the part before."""

    streams: NDArray[np.int64]  # a row of COLUMNS for each that succeeded
    arrivals: Nanoseconds  # of token chunks, stream after stream
    limits: tuple[Limit, ...]

    def recording(self) -> Recording:
        """All of it, counted; to be called once."""
        kept = super().recording()
        if len(self.streams):
            seen = dict(zip(COLUMNS, self.streams.T, strict=True))
            count_streams(kept, seen, self.limits)
            kept.histograms["itl"].record(gaps(self.arrivals, seen["chunks"]))
        return kept


class StreamRecorder(Recorder):
    """Records streamed exchanges: what every exchange gives, and the tokens of those that succeeded.

    Histograms (nanoseconds): `ttft` and `e2e` from sent, `ttft_from_due`, `first_answer` from sent, `itl` per gap between
    token chunks, `tpot` per request. Counters: those of `COUNTERS`.

    Args:
        limits: what makes a stream a good one; without any, none is counted.
    """

    def __init__(self, request_sizes: Sequence[int], limits: Sequence[Limit] = ()) -> None:
        super().__init__(request_sizes)
        self._limits = tuple(limits)
        self._streams: list[tuple[int, ...]] = []
        self._arrivals: list[array[int]] = []
        self._kept_arrivals = 0

    def add(self, exchange: Exchange) -> None:
        """Keep one exchange that is done."""
        stream = exchange.stream
        if stream is not None and exchange.failure is Failure.NONE:
            arrivals = stream.arrivals
            first, last = (arrivals[0], arrivals[-1]) if arrivals else (0, 0)
            self._streams.append(
                (exchange.due, exchange.sent, first, stream.first_answer, last, len(arrivals),
                 stream.input_tokens, stream.output_tokens, stream.unreadable)
            )  # fmt: skip
            self._arrivals.append(arrivals)
            self._kept_arrivals += len(arrivals)
        super().add(exchange)
        if self._kept_arrivals >= MOST_ARRIVALS:
            self._fold()

    def part(self) -> StreamPart:
        """All that was recorded since the last call, uncounted."""
        streams = np.array(self._streams, np.int64)
        arrivals = np.frombuffer(b"".join(map(memoryview, self._arrivals)), np.int64)
        self._streams, self._arrivals, self._kept_arrivals = [], [], 0
        part = super().part()
        return StreamPart(
            part.kept, part.rows, part.turns, part.request_sizes, part.origin, streams, arrivals, self._limits
        )


def count_streams(kept: Recording, seen: Columns, limits: Sequence[Limit]) -> None:
    """Add a batch of streams, given as a column for each of `COLUMNS`, to a recording."""
    has, by_usage = seen["chunks"] > 0, seen["told"] >= 0
    tokens = np.where(by_usage, seen["told"], seen["chunks"])
    several = has & (tokens > 1)
    # what was not reached takes longer than any limit, but one token alone keeps nobody waiting for the next
    first, last, sent = seen["first"], seen["last"], seen["sent"]
    times = {
        "ttft": np.where(has, first - sent, NEVER),
        "ttft_from_due": np.where(has, first - seen["due"], NEVER),
        "first_answer": np.where(seen["answer"] > 0, seen["answer"] - sent, NEVER),
        "e2e": np.where(has, last - sent, NEVER),
        "tpot": np.where(several, (last - first) // np.maximum(tokens - 1, 1), 0),
    }
    for name, durations in times.items():
        kept.histograms[name].record(durations[several if name == "tpot" else durations != NEVER])
    good = np.full(len(has), bool(limits))
    for metric, most in limits:
        good &= times[metric] <= most
    speeds = np.rint(1e3 * NANOSECONDS * tokens[has] / np.maximum(times["e2e"][has], 1))
    asked = np.maximum(seen["asked"], 0)
    counts = (len(has), (~has).sum(), asked.sum(), tokens.sum(), by_usage.sum(), seen["chunks"].sum(), good.sum(),
              seen["unreadable"].sum(), speeds.sum())  # fmt: skip
    kept.counters.update(dict(zip(COUNTERS, map(int, counts), strict=True)))


def gaps(arrivals: Nanoseconds, lengths: NDArray[np.int64]) -> Nanoseconds:
    """The gaps between the arrivals of each stream, pooled; `lengths` are how many arrivals each has."""
    between = np.cumsum(lengths[lengths > 0])[:-1] - 1  # one stream's last and the next one's first
    return np.delete(np.diff(arrivals), between)
