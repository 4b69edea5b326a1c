"""Streamed answers: what was seen of one, and what is recorded of many.

An instant is that of the bytes' arrival, in nanoseconds of `clock.now()`. A *token chunk* carries something that the
model wrote, be it content, reasoning or a call of a tool; chunks that carry a role, usage or nothing are none.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.histogram import Nanoseconds
from benchmark.measure.recorder import Columns, Part, Recorder, TokensOf
from benchmark.measure.recording import Recording
from benchmark.measure.series import begun
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
    "cached",
    "choices",
    "short",
    "counted",
    "told",
)
BEGUN = ("due", "sent", "first", "answer")  # of a stream that failed after its first token
WHOLE = ("asked", "cached", "told")  # of a model's answer that came whole
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
    "cached_tokens",  # of the input's, where usage told them
    "cached_told",  # streams whose usage told them
    "short",  # streams that ended before the length that was asked for, to the token
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
        "whole",
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
        self.whole = False  # whether it is no stream, and none was asked for


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
    lengths: NDArray[
        np.int64
    ]  # arrivals of each answer, one after the other; a stream may hold several answers
    begun: NDArray[np.int64]  # a row of BEGUN for each that failed after its first token
    whole: NDArray[np.int64]  # a row of WHOLE for each answer that came whole

    def recording(self, tokens_of: TokensOf | None = None) -> Recording:
        """All of it, counted; to be called once. `tokens_of` counts the texts; without it, chunks stand for tokens."""
        kept = super().recording()
        if tokens_of is not None:
            for row, body in self.texts:
                self.streams[row, -2:] = 1, tokens_of(body)
        if len(self.streams):
            seen = dict(zip(COLUMNS, self.streams.T, strict=True))
            count_streams(kept, seen, self.limits, self.origin)
            between = gaps(self.arrivals, self.lengths)
            each = np.maximum(seen["chunks"] - np.minimum(seen["choices"], seen["chunks"]), 0)
            kept.histograms["itl"].record(between)
            kept.series.record_time("itl", np.repeat(seen["due"] - self.origin, each), between)
        if len(self.begun):
            count_begun(kept, dict(zip(BEGUN, self.begun.T, strict=True)), self.origin)
        if len(self.whole):
            count_whole(kept, dict(zip(WHOLE, self.whole.T, strict=True)))
        return kept


class StreamRecorder(Recorder):
    """Records streamed exchanges: what every exchange gives, and the tokens of those that succeeded.

    Histograms (nanoseconds): `ttft` and `e2e` from sent, `ttft_from_due`, `first_answer` from sent, `itl` per gap between
    token chunks, `tpot` per request; in conversations `ttft.turn.N`, too. Counters: those of `COUNTERS`.

    Args:
        limits: what makes a stream a good one; without any, none is counted.
        turns: which turn of its conversation each of the plan's requests is; none: there are no conversations.
        exact: how many tokens each of the plan's requests asks for, where it asks for no fewer; else zero.
        tokenized: whether texts of which nobody told the tokens are kept, to be counted where time does not matter.
    """

    def __init__(
        self,
        request_sizes: Sequence[int],
        limits: Sequence[Limit] = (),
        turns: Sequence[int] = (),
        exact: Sequence[int] = (),
        *,
        tokenized: bool = False,
    ) -> None:
        super().__init__(request_sizes)
        self._limits = tuple(limits)
        self._turns_of = turns
        self._exact = exact
        self._most_text = self._room = MOST_TEXT if tokenized else 0
        self._uncounted: list[tuple[tuple[int, ...], array[int], list[int], bytes]] = []  # with texts
        self._streams: list[tuple[int, ...]] = []
        self._arrivals: list[array[int]] = []
        self._lengths: list[int] = []
        self._begun: list[tuple[int, ...]] = []
        self._whole: list[tuple[int, ...]] = []
        self._kept_arrivals = 0

    def add(self, exchange: Exchange) -> None:
        """Keep one exchange that is done."""
        stream = exchange.stream
        if stream is not None:
            if exchange.failure is not Failure.NONE:
                if stream.arrivals and exchange.failure.unanswered:
                    row = (exchange.due, exchange.sent, stream.arrivals[0], stream.first_answer)
                    self._begun.append(row)
            elif stream.whole:
                self._whole.append((stream.input_tokens, stream.cached_tokens, stream.output_tokens))
            else:
                self._add_stream(exchange, stream)
        super().add(exchange)
        if self._kept_arrivals >= MOST_ARRIVALS:
            self._fold()

    def _add_stream(self, exchange: Exchange, stream: Stream) -> None:
        """Keep a stream that succeeded."""
        arrivals = stream.arrivals
        first, last = (arrivals[0], arrivals[-1]) if arrivals else (0, 0)
        turn = self._turns_of[exchange.request] if self._turns_of else 0
        choices = 1 if stream.indexes is None else len(set(stream.indexes))
        exact = self._exact[exchange.request] if self._exact else 0
        row = (exchange.due, exchange.sent, first, stream.first_answer, last, len(arrivals),
               stream.input_tokens, stream.unreadable, turn, stream.cached_tokens, choices,
               exact > 0 and is_short(stream, exact), 0, stream.output_tokens)  # fmt: skip
        if stream.indexes is not None:
            arrivals = by_choice(arrivals, stream.indexes)
        lengths = [len(arrivals)] if stream.indexes is None else sorted_counts(stream.indexes)
        if stream.output_tokens < 0 and stream.pieces and self._room > 0:
            body = b"".join(stream.pieces)
            self._room -= len(body)
            self._uncounted.append((row, arrivals, lengths, body))
        else:
            self._keep(row, arrivals, lengths)
            self._kept_arrivals += len(arrivals)

    def _keep(self, row: tuple[int, ...], arrivals: array[int], lengths: list[int]) -> None:
        self._streams.append(row)
        self._arrivals.append(arrivals)
        self._lengths += lengths

    def part(self) -> StreamPart:
        """All that was recorded since the last call, uncounted."""
        texts = []
        for row, arrivals, lengths, body in self._uncounted:
            texts.append((len(self._streams), body))
            self._keep(row, arrivals, lengths)
        streams = np.array(self._streams, np.int64)
        lengths_of = np.array(self._lengths, np.int64)
        broken, whole = np.array(self._begun, np.int64), np.array(self._whole, np.int64)
        came = np.frombuffer(b"".join(map(memoryview, self._arrivals)), np.int64)
        self._streams, self._arrivals, self._kept_arrivals = [], [], 0
        self._lengths, self._begun, self._whole = [], [], []
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
            lengths_of,
            broken,
            whole,
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
    choices = np.maximum(seen["choices"], 1)
    several = has & (tokens > choices)
    # what was not reached takes longer than any limit, but one token alone keeps nobody waiting for the next
    first, last, sent = seen["first"], seen["last"], seen["sent"]
    times = {
        "ttft": np.where(has, first - sent, NEVER),
        "ttft_from_due": np.where(has, first - seen["due"], NEVER),
        "first_answer": np.where(seen["answer"] > 0, seen["answer"] - sent, NEVER),
        "e2e": np.where(has, last - sent, NEVER),
        "tpot": np.where(several, (last - first) * choices // np.maximum(tokens - choices, 1), 0),
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
    asked, cached = np.maximum(seen["asked"], 0), np.maximum(seen["cached"], 0)
    counts = (len(has), (~has).sum(), asked.sum(), tokens.sum(), (known & ~counted).sum(), counted.sum(),
              seen["chunks"].sum(), good.sum(), seen["unreadable"].sum(), speeds.sum(),
              cached.sum(), (seen["cached"] >= 0).sum(), seen["short"].sum())  # fmt: skip
    kept.counters.update(dict(zip(COUNTERS, map(int, counts), strict=True)))


def count_begun(kept: Recording, seen: Columns, origin: int) -> None:
    """Add streams that failed after their first token: they have a TTFT like others (METHOD 4)."""
    first, answered = seen["first"], seen["answer"] > 0
    times = {
        "ttft": first - seen["sent"],
        "ttft_from_due": first - seen["due"],
        "first_answer": (seen["answer"] - seen["sent"])[answered],
    }
    for name, durations in times.items():
        due = seen["due"][answered] if name == "first_answer" else seen["due"]
        kept.histograms[begun(name)].record(durations)
        kept.series.record_begun(name, due - origin, durations)


def count_whole(kept: Recording, seen: Columns) -> None:
    """Add models' answers that came whole, of which only the usage is known."""
    told = seen["told"] >= 0
    kept.counters.update(
        {
            "whole_answers": len(told),
            "whole_told": int(told.sum()),
            "whole_input": int(np.maximum(seen["asked"], 0).sum()),
            "whole_output": int(np.maximum(seen["told"], 0).sum()),
            "whole_cached": int(np.maximum(seen["cached"], 0).sum()),
            "whole_cached_told": int((seen["cached"] >= 0).sum()),
        }
    )


def is_short(stream: Stream, exact: int) -> bool:
    """Whether an answer has fewer tokens than were asked for; where nobody told, its reason to end has to say so."""
    if stream.output_tokens >= 0:
        return stream.output_tokens < exact
    return len(stream.arrivals) < exact and stream.finish != "length"


def by_choice(arrivals: array[int], indexes: Sequence[int]) -> array[int]:
    """Arrivals of several answers, one answer after the other."""
    order = sorted(range(len(arrivals)), key=lambda at: indexes[at])
    return array("q", [arrivals[at] for at in order])


def sorted_counts(indexes: Sequence[int]) -> list[int]:
    """How many arrivals each answer has, in the order of `by_choice`."""
    return [count for _, count in sorted(Counter(indexes).items())]


def gaps(arrivals: Nanoseconds, lengths: NDArray[np.int64]) -> Nanoseconds:
    """The gaps between the arrivals of each stream, pooled; `lengths` are how many arrivals each has."""
    between = np.cumsum(lengths[lengths > 0])[:-1] - 1  # one stream's last and the next one's first
    return np.delete(np.diff(arrivals), between)
