"""Streamed answers: what was seen of one, and what is recorded of many.

An instant is that of the bytes' arrival, in nanoseconds of `clock.now()`. A *token chunk* carries something that the
model wrote, be it content, reasoning or a call of a tool; chunks that carry a role, usage or nothing are none.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.histogram import Nanoseconds
from benchmark.measure.recorder import Recorder
from benchmark.units import NANOSECONDS

TIMES = ("ttft", "ttft_from_due", "first_answer", "itl", "tpot", "e2e")
LIMITED = ("ttft", "ttft_from_due", "first_answer", "tpot", "e2e")  # what a single request has
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


class StreamRecorder(Recorder):
    """Records streamed exchanges: what every exchange gives, and the tokens of those that succeeded.

    Histograms (nanoseconds): `ttft` and `e2e` from sent, `ttft_from_due`, `first_answer` from sent, `itl` per gap between
    token chunks, `tpot` per request. Counters: those of `COUNTERS`.

    Args:
        limits: what makes a stream a good one; without any, none is counted.
    """

    def __init__(self, request_sizes: Sequence[int], limits: Sequence[Limit] = ()) -> None:
        super().__init__(request_sizes)
        self._limits = limits
        self._streams: list[tuple[int, ...]] = []
        self._arrivals: list[array[int]] = []
        self._kept = 0  # arrivals

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
            self._kept += len(arrivals)
        super().add(exchange)
        if self._kept >= MOST_ARRIVALS:
            self.fold()

    def fold(self) -> None:
        """Count what was added into the recording."""
        super().fold()
        if not self._streams:
            return
        columns = np.array(self._streams, np.int64).T
        gaps = _gaps(self._arrivals)
        self._streams, self._arrivals, self._kept = [], [], 0
        self._count_streams(*columns)
        self.recording.histograms["itl"].record(gaps)

    def _count_streams(
        self,
        due: Nanoseconds,
        sent: Nanoseconds,
        first: Nanoseconds,
        answer: Nanoseconds,
        last: Nanoseconds,
        chunks: NDArray[np.int64],
        asked: NDArray[np.int64],
        told: NDArray[np.int64],
        unreadable: NDArray[np.int64],
    ) -> None:
        has, by_usage = chunks > 0, told >= 0
        tokens = np.where(by_usage, told, chunks)
        several = has & (tokens > 1)
        # what was not reached takes longer than any limit, but one token alone keeps nobody waiting for the next
        times = {
            "ttft": np.where(has, first - sent, NEVER),
            "ttft_from_due": np.where(has, first - due, NEVER),
            "first_answer": np.where(answer > 0, answer - sent, NEVER),
            "e2e": np.where(has, last - sent, NEVER),
            "tpot": np.where(several, (last - first) // np.maximum(tokens - 1, 1), 0),
        }
        kept = self.recording
        for name, durations in times.items():
            kept.histograms[name].record(durations[several if name == "tpot" else durations != NEVER])
        good = np.ones(len(due), np.bool_)
        for metric, most in self._limits:
            good &= times[metric] <= most
        speeds = np.rint(1e3 * NANOSECONDS * tokens[has] / np.maximum(times["e2e"][has], 1))
        counts = (len(due), (~has).sum(), np.maximum(asked, 0).sum(), tokens.sum(), by_usage.sum(), chunks.sum(),
                  good.sum() if self._limits else 0, unreadable.sum(), speeds.sum())  # fmt: skip
        kept.counters.update(dict(zip(COUNTERS, map(int, counts), strict=True)))


def _gaps(arrivals: Sequence[array[int]]) -> Nanoseconds:
    """The gaps between the arrivals of each stream, pooled."""
    joined = np.frombuffer(b"".join(map(memoryview, arrivals)), np.int64)
    lengths = np.array([len(each) for each in arrivals if each], np.int64)
    between = np.cumsum(lengths)[:-1] - 1  # one stream's last and the next one's first
    return np.delete(np.diff(joined), between)
