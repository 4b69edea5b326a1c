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
from benchmark.measure.recorder import Columns, Part, Recorder, TokensOf
from benchmark.measure.recording import Recording
from benchmark.units import NANOSECONDS

TIMES = ("ttft", "ttft_from_due", "first_answer", "itl", "tpot", "e2e")
LIMITED = ("ttft", "ttft_from_due", "first_answer", "tpot", "e2e")  # what a single request has
COLUMNS = (
    "due",
    "sent",
    "first",
    "answer",
    "last",
    "chunks",
    "asked",
    "unreadable",
    "turn",
    "counted",
    "told",
)
COUNTERS = (
    "streams",
    "tokenless",  # streams without a token chunk
    "input_tokens",  # where usage told them
    "output_tokens",  # by usage, else by a tokenizer, else token chunks
    "told",  # streams whose tokens usage told
    "counted",  # streams whose tokens a tokenizer counted
    "token_chunks",
    "good",  # streams within all limits
    "unreadable",
    "millitokens_per_second",  # summed over streams, each over its own time
)
MOST_ARRIVALS = 65_536  # kept before they are folded
MOST_TEXT = (
    32 * 1024**2
)  # bytes of answers that wait to be counted; of what is beyond, chunks stand for tokens
MOST_TURNS = 20  # of a conversation that are told apart; those beyond count as the last of these
NEVER = 2**62


class Stream:
    """Filled in by a reader while the answer goes on."""

    __slots__ = (
        "arrivals",
        "cached_tokens",
        "detail",
        "dialect",
        "done",
        "ended",
        "error",
        "failure",
        "finish",
        "first_answer",
        "indexes",
        "input_tokens",
        "output_tokens",
        "pieces",
        "unreadable",
    )

    def __init__(self, *, heard: bool = False) -> None:
        self.arrivals = array("q")  # of token chunks
        self.indexes: list[int] | None = None  # which of several answers each is of; None: there is but one
        self.pieces: list[bytes] | None = (
            [] if heard else None
        )  # the body as it came, where its text is wanted
        self.first_answer = 0  # the first chunk with content; zero: none yet
        self.input_tokens = -1  # by usage; below zero: nobody said
        self.output_tokens = -1
        self.cached_tokens = -1  # of the input's
        self.error = ""  # what the server said in mid-stream
        self.unreadable = 0  # events whose data are no JSON
        self.dialect = ""  # its name, once it is known
        self.finish = ""  # the reason that was told for the answer's end
        self.done = False  # whether [DONE] came
        self.ended = False  # whether the dialect's last event came
        self.failure = Failure.NONE  # why this is no good answer, once its body is over
        self.detail = ""


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
    texts: list[tuple[int, bytes]]  # bodies whose tokens nobody told, by their rows

    def recording(self, tokens_of: TokensOf | None = None) -> Recording:
        """All of it, counted; to be called once. `tokens_of` counts the texts; without it, chunks stand for tokens."""
        kept = super().recording()
        if tokens_of is not None:
            for row, body in self.texts:
                self.streams[row, -2:] = 1, tokens_of(body)
        if len(self.streams):
            seen = dict(zip(COLUMNS, self.streams.T, strict=True))
            count_streams(kept, seen, self.limits, self.origin)
            between, each = gaps(self.arrivals, seen["chunks"]), np.maximum(seen["chunks"] - 1, 0)
            kept.histograms["itl"].record(between)
            kept.series.record_time("itl", np.repeat(seen["due"] - self.origin, each), between)
        return kept


class StreamRecorder(Recorder):
    """Records streamed exchanges: what every exchange gives, and the tokens of those that succeeded.

    Histograms (nanoseconds): `ttft` and `e2e` from sent, `ttft_from_due`, `first_answer` from sent, `itl` per gap between
    token chunks, `tpot` per request; in conversations `ttft.turn.N`, too. Counters: those of `COUNTERS`.

    Args:
        limits: what makes a stream a good one; without any, none is counted.
        turns: which turn of its conversation each of the plan's requests is; none: there are no conversations.
        tokenized: whether texts of which nobody told the tokens are kept, to be counted where time does not matter.
    """

    def __init__(
        self,
        request_sizes: Sequence[int],
        limits: Sequence[Limit] = (),
        turns: Sequence[int] = (),
        *,
        tokenized: bool = False,
    ) -> None:
        super().__init__(request_sizes)
        self._limits = tuple(limits)
        self._turns_of = turns
        self._most_text = self._room = MOST_TEXT if tokenized else 0
        self._uncounted: list[tuple[tuple[int, ...], array[int], bytes]] = []  # streams with their texts
        self._streams: list[tuple[int, ...]] = []
        self._arrivals: list[array[int]] = []
        self._kept_arrivals = 0

    def add(self, exchange: Exchange) -> None:
        """Keep one exchange that is done."""
        stream = exchange.stream
        if stream is not None and exchange.failure is Failure.NONE:
            arrivals = stream.arrivals
            first, last = (arrivals[0], arrivals[-1]) if arrivals else (0, 0)
            turn = self._turns_of[exchange.request] if self._turns_of else 0
            row = (exchange.due, exchange.sent, first, stream.first_answer, last, len(arrivals),
                   stream.input_tokens, stream.unreadable, turn, 0, stream.output_tokens)  # fmt: skip
            if stream.output_tokens < 0 and stream.pieces and self._room > 0:
                body = b"".join(stream.pieces)
                self._room -= len(body)
                self._uncounted.append((row, arrivals, body))
            else:
                self._streams.append(row)
                self._arrivals.append(arrivals)
                self._kept_arrivals += len(arrivals)
        super().add(exchange)
        if self._kept_arrivals >= MOST_ARRIVALS:
            self._fold()

    def part(self) -> StreamPart:
        """All that was recorded since the last call, uncounted."""
        texts = []
        for row, arrivals, body in self._uncounted:
            texts.append((len(self._streams), body))
            self._streams.append(row)
            self._arrivals.append(arrivals)
        streams = np.array(self._streams, np.int64)
        came = np.frombuffer(b"".join(map(memoryview, self._arrivals)), np.int64)
        self._streams, self._arrivals, self._kept_arrivals = [], [], 0
        self._uncounted, self._room = [], self._most_text
        part = super().part()
        return StreamPart(
            part.kept,
            part.rows,
            part.turns,
            part.handshakes,
            part.request_sizes,
            part.origin,
            streams,
            came,
            self._limits,
            texts,
        )

    def _fold(self) -> None:
        """Count what needs no tokenizer; the rest goes to whoever has one."""
        kept_back, room = self._uncounted, self._room
        self._uncounted = []
        super()._fold()
        self._uncounted, self._room = kept_back, room


def count_streams(kept: Recording, seen: Columns, limits: Sequence[Limit], origin: int) -> None:
    """Add a batch of streams, given as a column for each of `COLUMNS`, to a recording whose series begins at `origin`."""
    has, known, counted = seen["chunks"] > 0, seen["told"] >= 0, seen["counted"] > 0
    tokens = np.where(known, seen["told"], seen["chunks"])
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
    offsets = seen["due"] - origin
    for name, durations in times.items():
        reached = several if name == "tpot" else durations != NEVER
        kept.histograms[name].record(durations[reached])
        kept.series.record_time(name, offsets[reached], durations[reached])
    for turn in np.unique(seen["turn"][seen["turn"] > 0]).tolist():
        kept.histograms[f"ttft.turn.{turn}"].record(times["ttft"][has & (seen["turn"] == turn)])
    good = np.full(len(has), bool(limits))
    for metric, most in limits:
        good &= times[metric] <= most
    kept.series.record_good(offsets[good])
    speeds = np.rint(1e3 * NANOSECONDS * tokens[has] / np.maximum(times["e2e"][has], 1))
    asked = np.maximum(seen["asked"], 0)
    counts = (len(has), (~has).sum(), asked.sum(), tokens.sum(), (known & ~counted).sum(), counted.sum(),
              seen["chunks"].sum(), good.sum(), seen["unreadable"].sum(), speeds.sum())  # fmt: skip
    kept.counters.update(dict(zip(COUNTERS, map(int, counts), strict=True)))


def gaps(arrivals: Nanoseconds, lengths: NDArray[np.int64]) -> Nanoseconds:
    """The gaps between the arrivals of each stream, pooled; `lengths` are how many arrivals each has."""
    between = np.cumsum(lengths[lengths > 0])[:-1] - 1  # one stream's last and the next one's first
    return np.delete(np.diff(arrivals), between)
