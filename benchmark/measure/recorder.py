"""From exchanges to a recording, a batch at a time: the hot loop appends one tuple, NumPy does the rest.

Counting a batch costs a millisecond, however small it is, in which the loop would send nothing. So the loop counts only
full batches; what it has to tell in between leaves uncounted, as a `Part`, and the receiver counts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from librt.strings import BytesWriter
from numpy.typing import NDArray

from benchmark import clock
from benchmark.measure.exchange import FIELDS, PLAIN_FIELDS, Exchange, Failure
from benchmark.measure.histogram import BYTE
from benchmark.measure.recording import HANDSHAKES, Recording

BATCH: Final = 8192  # exchanges kept before they are counted

Columns = dict[str, NDArray[np.int64]]
TokensOf = Callable[[bytes], int]  # the tokens of a streamed body


@dataclass  # not frozen: compiled, a frozen one could not be unpickled
class Part:
    """What was recorded since the part before; counted only once it is where time does not matter."""

    kept: Recording
    rows: tuple[
        NDArray[np.int64], NDArray[np.int64]
    ]  # of plain exchanges, and of the others, one after the other
    turns: NDArray[np.int64]
    handshakes: NDArray[np.int64]  # of new connections, a row for each
    request_sizes: NDArray[np.int64]
    origin: int

    def recording(self, tokens_of: TokensOf | None = None) -> Recording:
        """All of it, counted; to be called once. `tokens_of` counts what nobody told of streams."""
        for rows, fields in zip(self.rows, (PLAIN_FIELDS, FIELDS), strict=True):
            if len(rows):
                count(self.kept, _columns(rows, fields), self.request_sizes, self.origin)
        self.kept.histograms["turn"].record(self.turns)
        if len(self.handshakes):
            self.kept.new_connections += len(self.handshakes)
            for name, paid in zip(HANDSHAKES, self.handshakes.T, strict=True):
                self.kept.handshakes[name].record(paid)
        return self.kept


class Rows:
    """A batch of rows of numbers, packed as they come: as Python objects they would push all else out of the caches."""

    def __init__(self) -> None:
        self.count = 0
        self.packed = BytesWriter()

    def take(self) -> NDArray[np.int64]:
        """All that is kept, one row after the other, and keep it no more."""
        packed = self.packed.getvalue()
        self.packed.truncate(0)
        self.count = 0
        return np.frombuffer(packed, "<i8").astype(np.int64, copy=False)


class Recorder:
    """Records the exchanges of one target in one round.

    Args:
        request_sizes: bytes on the wire of each of the plan's requests.
    """

    def __init__(self, request_sizes: Sequence[int]) -> None:
        self.origin = 0  # start of the measured part (clock nanoseconds), zero of the series
        self.end = 0  # of the measured part
        self._watched = 0  # up to where time is accounted for
        self._sizes = np.array(request_sizes, np.int64)
        self._plain = Rows()
        self._others = Rows()
        self._turns: list[int] = []
        self._handshakes: list[tuple[int, int, int]] = []
        self._left = 0  # exchanges that have left in parts
        self._later_turns = 0  # of conversations, in all
        self.kept = Recording()

    @property
    def seen(self) -> int:
        """Exchanges recorded so far, over all that was taken."""
        return self._left + self.kept.scheduled + self._plain.count + self._others.count

    @property
    def arrived(self) -> int:
        """Of those seen, the ones that a schedule made due, and not the answer to an earlier turn."""
        return self.seen - self._later_turns

    def add(self, exchange: Exchange) -> None:
        """Keep one exchange that is done; most are plain, and cost half."""
        if exchange.plain:
            rows = self._plain
            exchange.write_plain(rows.packed)
        else:
            rows = self._others
            exchange.write(rows.packed)
        rows.count += 1
        if rows.count == BATCH:
            self._fold()

    def add_turn(self, lasted: int) -> None:
        """Keep how long (nanoseconds) a turn of the measured part lasted that did something: answers waited for its end."""
        self._turns.append(lasted)
        if len(self._turns) >= BATCH:
            self._fold()

    def add_handshake(self, dns: int, connect: int, tls: int) -> None:
        """Keep what a new connection paid (nanoseconds)."""
        self._handshakes.append((dns, connect, tls))
        if len(self._handshakes) >= BATCH:
            self._fold()

    def add_talk(self, longer: int, *, later: bool, unbegun: int) -> None:
        """Keep what an exchange was to its conversation: a later turn of it, or the end of it with turns not begun.

        `longer`: bytes by which the request was longer than it was prepared.
        """
        self.kept.sent_bytes += longer
        self._later_turns += later
        self.kept.counters["later_turns"] += later
        self.kept.counters["unbegun_turns"] += unbegun

    def add_network(self, traffic: Counter[str], round_trips: list[int], carried: float = 0.0) -> None:
        """Keep what the kernel counted in the measured part, and each connection's shortest round trip (nanoseconds).

        `carried` is how many answers of its bytes belong to requests of the warm-up.
        """
        self.kept.counters.update(traffic)
        if traffic and carried:
            self.kept.counters["carried_thousandths"] += round(1000 * carried)
        if round_trips:
            self.kept.handshakes["rtt"].record(np.array(round_trips))

    def part(self) -> Part:
        """All that was recorded since the last call, uncounted."""
        seen = self.seen
        self._watch()
        rows = self._plain.take(), self._others.take()
        turns = np.array(self._turns, np.int64)
        handshakes = np.array(self._handshakes, np.int64).reshape(-1, len(HANDSHAKES))
        part = Part(self.kept, rows, turns, handshakes, self._sizes, self.origin)
        self._left = seen
        series, self.kept = self.kept.series.anew(), Recording()
        self.kept.series = series
        self._turns.clear()
        self._handshakes.clear()
        return part

    def take(self) -> Recording:
        """All that was recorded since the last call."""
        return self.part().recording()

    def _watch(self) -> None:
        """Count the measured time that has gone by, in which the turns were."""
        before, self._watched = max(self._watched, self.origin), min(clock.now(), self.end)
        if self._watched > before:
            self.kept.counters["watched"] += self._watched - before

    def _fold(self) -> None:
        before = self._left
        self.kept = self.take()
        self._left = before


def count(kept: Recording, seen: Columns, request_sizes: NDArray[np.int64], origin: int) -> None:
    """Add a batch of exchanges, given as a column for each of `FIELDS`, to a recording."""
    ok = seen["failure"] == Failure.NONE
    kept.scheduled += len(ok)
    kept.ok += int(ok.sum())
    kept.sent_bytes += int(request_sizes[seen["request"][seen["sent"] > 0]].sum())
    kept.received_bytes += int(seen["received"].sum())
    kept.stale_reuses += int(seen["stale"].sum())
    kept.statuses.update(_tally(seen["status"][seen["status"] > 0]))
    kept.first_due = min(filter(None, (kept.first_due, int(seen["due"].min()))), default=0)
    kept.last_done = max(kept.last_done, int(seen["done"].max()))
    unanswered = np.zeros(len(ok), np.bool_)
    for code, n in _tally(seen["failure"][~ok]).items():
        kind = Failure(code)
        kept.failures[kind.label] += n
        if kind.unanswered:
            kept.unanswered += n
            unanswered |= seen["failure"] == code
    response, lateness = seen["done"] - seen["due"], seen["taken"] - seen["due"]
    phases = {
        "wait": (seen["first_byte"] - seen["sent"] - seen["send"])[ok],
        "transfer": (seen["done"] - seen["first_byte"])[ok],
        **{name: seen[name][ok] for name in ("pool", "dns", "connect", "tls", "send")},
    }
    service = (seen["done"] - seen["taken"] - seen["pool"])[ok]
    for name, durations in (("response", response[ok]), ("service", service), *phases.items()):
        kept.histograms[name].record(durations)
    kept.bands.record(response[ok], phases)
    kept.histograms["size"].record(seen["received"][ok] * BYTE)
    kept.histograms["lateness"].record(lateness)
    kept.series.record(seen["due"] - origin, response, lateness, ok, unanswered)


def _columns(rows: NDArray[np.int64], fields: tuple[str, ...]) -> Columns:
    """Rows, one after the other, as one array for each of `FIELDS`; what plain rows leave out is zero, or follows."""
    length = len(rows) // len(fields)
    seen = dict(zip(fields, rows.reshape(length, len(fields)).T, strict=True))
    if len(fields) < len(FIELDS):
        nothing = np.zeros(length, np.int64)
        seen |= dict.fromkeys(FIELDS[len(PLAIN_FIELDS) :], nothing)
        seen["sent"] = seen["taken"]
    return seen


def _tally(values: NDArray[np.int64]) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
